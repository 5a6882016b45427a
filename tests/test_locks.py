"""One process at a time in the folder of a training run: a second is refused in words, and a killed one holds nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

from huafang import locks, methods
from huafang.errors import Conflict
from huafang.params import Params
from tests.conftest import Bench
from tests.methods.test_train_fast_style import sample
from tests.train import style_methods

HOLDER = """
import sys
from pathlib import Path
from huafang import locks
with locks.held(Path(sys.argv[1]), sys.argv[2:]):
    print("held", flush=True)
    sys.stdin.read()
"""


def start(root: Path, *names: str) -> subprocess.Popen[str]:
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, root, *names], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def test_a_second_training_of_the_same_name_is_refused_and_changes_nothing(bench: Bench):
    values = sample(bench)
    style_methods.run(bench, "train_fast_style", values)
    home = bench.weights.root / ".training" / "tiny"
    before = {place: place.read_bytes() for place in home.rglob("*") if place.is_file()}
    holder = start(bench.weights.root, "tiny")
    try:
        with pytest.raises(Conflict, match="another process is training tiny") as caught:
            style_methods.run(bench, "train_fast_style", values | {"steps": 3})
        assert caught.value.exit_code == 2
        assert "another name" in (caught.value.hint or "")
        assert before == {place: place.read_bytes() for place in home.rglob("*") if place.is_file()}
        style_methods.run(bench, "train_fast_style", values | {"name": "other"})
    finally:
        holder.kill()
        holder.communicate()
    style_methods.run(bench, "train_fast_style", values | {"steps": 3})


def test_every_training_is_locked_by_the_names_of_what_it_makes():
    """The lock hangs on `models_made`: a training that forgot it would not be locked."""
    makers = {name for name, kind in methods.METHODS.items() if name.startswith("train_")}
    assert makers == {name for name, kind in methods.METHODS.items() if kind.models_made is not Params.models_made}


def test_a_chinese_sibling_is_part_of_its_run(tmp_path: Path):
    with locks.held(tmp_path, ("a", "a-zh")):
        for name in ("a", "a-zh"):
            with pytest.raises(Conflict), locks.held(tmp_path, (name,)):
                pass
        with locks.held(tmp_path, ("b",)):
            pass
    with locks.held(tmp_path, ("a-zh",)):
        pass

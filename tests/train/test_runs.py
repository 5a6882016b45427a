"""Where a training lies: in the folder for work; and one that an earlier version began goes on where that put it."""

from pathlib import Path

import pytest

from huafang import methods
from huafang.context import Context, Result
from huafang.errors import Cancelled
from huafang.train import runs
from tests.conftest import Bench
from tests.methods.test_train_fast_style import sample
from tests.train import style_methods


def train(bench: Bench, values: dict, *, stop_after: int | None = None) -> Result:
    steps: list[object] = []
    ctx = Context(bench.assets, bench.weights, report=steps.append, stop=lambda: len(steps) == stop_after, work=bench.root / "work")
    return methods.run(methods.build("train_fast_style", values), ctx)


def test_a_new_training_lies_in_the_folder_for_work_and_goes_on_there(bench: Bench):
    values = sample(bench) | {"steps": 4}
    with pytest.raises(Cancelled):
        train(bench, values, stop_after=2)
    home = bench.root / "work" / "training" / values["name"]
    assert (home / "step-00000003").is_dir()
    notes = train(bench, values).notes
    assert notes[0].startswith("goes on from step 3 of 4")
    assert any(str(home) in note for note in notes)
    assert [place.name for place in (bench.weights.root / ".training" / values["name"]).iterdir()] == ["made.json"]
    assert train(bench, values | {"steps": 5}).notes[0].startswith("goes on from step 4 of 5"), "the note of what was made is no training"


def test_a_training_of_an_earlier_version_goes_on_where_it_is(bench: Bench):
    values = sample(bench) | {"steps": 4}
    with pytest.raises(Cancelled):
        style_methods.run(bench, "train_fast_style", values, stop_after=2)  # without a folder for work, as it was
    earlier = bench.weights.root / ".training" / values["name"]
    assert (earlier / "step-00000003").is_dir()
    assert train(bench, values).notes[0].startswith("goes on from step 3 of 4")
    assert (earlier / "step-00000004").is_dir()
    assert not (bench.root / "work" / "training").exists()


def test_shared_pictures_of_an_earlier_version_are_used_on(bench: Bench, tmp_path: Path):
    ctx = Context(bench.assets, bench.weights, work=tmp_path / "work")
    assert runs.shared(ctx) == tmp_path / "work" / "training" / ".scenes"
    (bench.weights.root / ".training" / "scenes" / "128").mkdir(parents=True)
    assert runs.shared(ctx) == bench.weights.root / ".training" / "scenes"

"""Compiled code: cached outside of the package, the same bits whether it was compiled just now or found, and no folder to write to is no reason to fail."""

import importlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import huafang
from huafang import compilation, images
from tests.conftest import scene, weave

PACKAGE = Path(huafang.__file__).parent
USERS = sorted(
    ".".join(("huafang", *path.relative_to(PACKAGE).with_suffix("").parts))
    for path in PACKAGE.rglob("*.py")
    if "from huafang.ops.jit import" in path.read_text("utf-8")
)


def dispatchers():
    """(name, compiled function) of every module of the package that has any."""
    from numba.core.dispatcher import Dispatcher

    for module in [*USERS, "huafang.ops.jit"]:
        for name, value in vars(importlib.import_module(module)).items():
            if isinstance(value, Dispatcher) and value.py_func.__module__ == module:
                yield f"{module}.{name}", value


def test_every_function_is_compiled_by_the_decorators_of_one_module():
    for path in PACKAGE.rglob("*.py"):
        if path != PACKAGE / "ops" / "jit.py":
            assert not re.search(r"^\s*(from|import) numba", path.read_text("utf-8"), re.MULTILINE), path
    assert len(list(dispatchers())) > 80


def test_a_function_that_compiled_functions_call_is_forced_inline():
    """Otherwise the process that compiles runs other machine code than those that find it compiled."""
    from numba.core.dispatcher import Dispatcher

    for name, function in dispatchers():
        scope = [function.py_func.__globals__.get(word) for word in function.py_func.__code__.co_names]
        scope += [cell.cell_contents for cell in function.py_func.__closure__ or ()]
        for called in scope:
            if isinstance(called, Dispatcher):
                assert called.targetoptions.get("forceinline"), f"{name} calls {called.py_func.__name__}"


PAINTED = """
import hashlib, json, pathlib, sys, tempfile
from importlib import import_module
from huafang import compilation, methods
from tests.conftest import Bench, scene
found = {}
for name, more in json.loads(sys.argv[1]):
    bench = Bench(pathlib.Path(tempfile.mkdtemp(dir=sys.argv[2])))
    sample = import_module(f"tests.methods.test_{name}").sample(bench) | {"content": bench.put(scene(120, 160))} | more
    picture = methods.run(methods.build(name, sample), bench.context()).images[0]
    found[f"{name} {more}"] = hashlib.sha256(picture.numpy().tobytes()).hexdigest()
print(json.dumps([found, compilation.seconds()]))
"""
COMPILING = {
    "filters": [("image_filters", {"filter": name}) for name in ("oil", "ink", "pencil", "cartoon", "watercolour", "halftone")],
    "strokes": [("stroke_rendering", {"look": name}) for name in ("impressionist", "swirling")],
    "patches": [("texture_transfer", {}), ("image_analogies", {})],
    "networks": [("micro_ast", {}), ("fast_style", {}), ("adain", {}), ("cyclegan", {})],
    "networks in bfloat16": [("fast_style", {"precision": "bfloat16"})],
    "animegan": [("animegan", {})],
    "cap_vstnet": [("cap_vstnet", {}), ("cap_vstnet", {"mode": "art"})],
}


@pytest.mark.timeout(1800)  # everything is compiled anew: half a minute and more of computing for some
@pytest.mark.parametrize("group", COMPILING)
def test_what_was_compiled_just_now_paints_the_bits_of_what_a_later_process_finds_compiled(tmp_path, group):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "compiled"), "OMP_NUM_THREADS": "1", "PYTHONPATH": str(PACKAGE.parents[1])}
    words = [sys.executable, "-c", PAINTED, json.dumps(COMPILING[group]), str(tmp_path)]
    runs = [
        json.loads(subprocess.run(words, env=environment, cwd=PACKAGE.parents[1], capture_output=True, text=True, check=True).stdout.splitlines()[-1])
        for _ in range(2)
    ]
    assert runs[0][0] == runs[1][0]
    assert runs[0][1] > 0
    assert runs[1][1] == 0, "the later process compiled too"


@pytest.fixture
def desk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("photo.png").write_bytes(images.encode(scene(24, 32)))
    Path("painting.png").write_bytes(images.encode(weave(24, 24)))
    return tmp_path


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Python in a process of its own, which knows no folder for caches but those of `environment`."""
    plain = {key: value for key, value in os.environ.items() if key not in ("NUMBA_CACHE_DIR", "HUAFANG_HOME", "XDG_CACHE_HOME")}
    return subprocess.run([sys.executable, *words], env=plain | environment, capture_output=True, text=True, check=True)


def recoloured(**environment: str) -> subprocess.CompletedProcess[str]:
    """A method on the command line."""
    return run("-m", "huafang", "texture-transfer", "photo.png", "--style", "painting.png", "-o", "out.png", "-q", **environment)


SMALL = """
import sys
from pathlib import Path
from huafang import compilation
for data in sys.argv[1:]:
    compilation.fall_back_to(Path(data).absolute())
from huafang.ops import jit
@jit.exact
def twice(x):
    return 2 * x
assert twice(2) == 4
print(list(twice.stats.cache_hits.values()))
"""


def listing(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"}


ONCE = "note: compiling once for this machine"


@pytest.mark.skipif(sys.platform != "linux", reason="XDG_CACHE_HOME is of Linux, and so is /proc")
@pytest.mark.parametrize(
    ("environment", "data", "where"),
    [
        ({"HUAFANG_HOME": "home"}, [], "home/cache/compiled"),
        ({"HUAFANG_HOME": "home", "XDG_CACHE_HOME": "/proc/none"}, ["data"], "home/cache/compiled"),
        ({"XDG_CACHE_HOME": "{desk}/caches"}, ["data"], "caches/huafang/compiled"),
        ({"HUAFANG_HOME": "/proc/none", "XDG_CACHE_HOME": "{desk}/caches"}, ["data"], "caches/huafang/compiled"),
        ({"XDG_CACHE_HOME": "/proc/none", "HOME": "/proc/none"}, ["data"], "data/cache/compiled"),
        ({"NUMBA_CACHE_DIR": "mine"}, ["data"], "mine"),
        ({"HUAFANG_HOME": "/proc/none", "XDG_CACHE_HOME": "/proc/none"}, ["/proc/none"], None),
        ({"NUMBA_CACHE_DIR": "/proc/none"}, [], None),
    ],
)
def test_compiled_code_is_cached_in_the_users_folders_and_never_beside_the_source(desk, environment, data, where):
    environment = {key: value.replace("{desk}", str(desk)) for key, value in environment.items()}
    Path("small.py").write_text(SMALL)
    found = [run("small.py", *data, **environment).stdout.strip() for _ in range(2)]
    assert found == ["[]", "[1]" if where else "[]"]
    places = {path.parent.parent.parent for path in desk.rglob("*.nbc")}
    assert places == ({desk / where} if where else set())


def test_a_method_leaves_nothing_in_the_package_and_says_once_that_it_compiles(desk):
    before = listing(PACKAGE)
    first, second = recoloured(HUAFANG_HOME="home"), recoloured(HUAFANG_HOME="home")
    assert listing(PACKAGE) == before
    assert list(Path("home/cache/compiled").rglob("*.nbc"))
    assert first.stderr.count(ONCE) == 1
    assert "compiling" not in second.stderr


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs a folder that nobody can write to")
def test_where_no_folder_can_be_written_it_paints_all_the_same_and_says_so_once(desk):
    said = recoloured(HUAFANG_HOME="/proc/none", XDG_CACHE_HOME="/proc/none", HOME="/proc/none").stderr
    wanted = "compiled code cannot be kept, since no folder for it can be written (/proc/none/cache/compiled, /proc/none/huafang/compiled)"
    assert said.count(wanted) == said.count("cannot be kept") == 1
    assert ONCE not in said
    assert Path("out.png").is_file()


def test_a_damaged_cache_is_made_anew(desk):
    Path("small.py").write_text(SMALL)
    for harm in (lambda data: data[: len(data) // 2], lambda data: b"", lambda data: b"\x80\x04 nonsense"):
        run("small.py", NUMBA_CACHE_DIR="mine")
        for path in Path("mine").rglob("*.nb?"):
            path.write_bytes(harm(path.read_bytes()))
        assert [run("small.py", NUMBA_CACHE_DIR="mine").stdout.strip() for _ in range(2)] == ["[]", "[1]"], "compiled once, and whole again"


def test_a_full_disk_does_not_stop_a_run(monkeypatch, tmp_path):
    from huafang.ops import jit

    monkeypatch.setattr(compilation, "cache_folder", lambda: tmp_path)
    made = jit.exact(_twice)

    def full(signature, result):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(made._cache._cache, "save_overload", full)
    assert made(3) == 6


def _twice(number):
    return 2 * number


def test_code_that_is_inlined_from_another_file_is_compiled_anew_when_that_file_changes(tmp_path):
    package = tmp_path / "huafang_parts"
    package.mkdir()
    (package / "caller.py").write_text(
        "from huafang.ops.jit import exact\nfrom huafang_parts.helper import helped\n\n@exact\ndef called(x):\n    return helped(x)\n\nprint(called(1))\n"
    )
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "compiled"), "PYTHONPATH": str(tmp_path)}
    for factor in (2, 3, 2):
        shutil.rmtree(package / "__pycache__", ignore_errors=True)
        (package / "helper.py").write_text(f"from huafang.ops.jit import exact_inline\n\n@exact_inline\ndef helped(x):\n    return {factor} * x\n")
        os.utime(package / "helper.py", (0, 0))  # as installers do that keep times
        said = subprocess.run([sys.executable, "-c", "import huafang_parts.caller"], env=environment, capture_output=True, text=True, check=True).stdout
        assert said.split() == [str(factor)]


def test_seconds_are_counted_once_however_compiling_nests(monkeypatch):
    now = iter([10.0, 13.0])
    monkeypatch.setattr(compilation.time, "perf_counter", lambda: next(now))
    clock = compilation._Clock()
    heard = []
    clock.listeners.append(lambda: heard.append(1))
    clock.start()
    clock.start()
    clock.end()
    clock.end()
    assert clock.seconds() == 3
    assert len(heard) == 2


def test_notes_are_in_both_languages_and_short_compiling_has_none():
    assert compilation.notes(0.2) == []
    (note,) = compilation.notes(21.4)
    assert str(note) == "21 s of this went into compiling, once for this machine; later runs start at once"
    assert "21 秒" in note.zh

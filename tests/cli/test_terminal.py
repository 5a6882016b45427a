"""What a terminal, a pipe and a shell may do to the command: odd names, odd encodings, signals at any moment."""

import json
import os
import pkgutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from huafang import images
from tests.cli.conftest import huafang
from tests.conftest import scene

FILTER = ("stylize", "--method", "colour_transfer", "--style", "painting.png", "-q")
UNIX = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals and file names")
LONG = "x" * 300


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((*FILTER, ""), "the name of a picture is empty"),
        ((*FILTER[:3], "photo.jpg", "--style", ""), "Invalid value for '--style': it is empty"),
        ((*FILTER, "photo.jpg", "-o", ""), "Invalid value for '-o' / '--output': it is empty"),
        ((*FILTER, "photo.jpg", "--data", ""), "Invalid value for '--data': it is empty"),
        ((*FILTER, "photo.jpg", "--model-dir", ""), "Invalid value for '--model-dir': it is empty"),
        (("stylize", "photo.jpg", "--method", ""), "there is no method ''"),
        (("stylize", "photo.jpg", "--device", ""), "there is no device ''"),
        (("fast-style", "photo.jpg", "--weights", ""), "Invalid value for '--weights': it is empty"),
        (("generate", "a cat", "--model", ""), "Invalid value for '--model': it is empty"),
        (("image-filters", "photo.jpg", "--filter", ""), "Invalid value for '--filter'"),
        (("compare", "--photo", "", "--style", "painting.png", "--method", "gatys", "-o", "r"), "Invalid value for '--photo': it is empty"),
        (("compare", "--rerun", "", "-o", "r"), "Invalid value for '--rerun': it is empty"),
        (("compare", "--photo", "photo.jpg", "--style", "painting.png", "--method", "", "-o", "r"), "Invalid value for '--method': it is empty"),
        (("train-fast-style", "--style", "painting.png", "--dataset", ""), "Invalid value for '--dataset': it is empty"),
        ((*FILTER, "photo.jpg", "--model-dir", "nowhere"), "Invalid value for '--model-dir': there is no folder nowhere"),
        ((*FILTER, "photo.jpg", "--model-dir", "photo.jpg"), "Invalid value for '--model-dir': photo.jpg is a file, and a folder is wanted"),
        ((*FILTER, "photo.jpg", "--data", "photo.jpg"), "Invalid value for '--data': photo.jpg is a file, and a folder is wanted"),
        ((*FILTER, f"{LONG}.png"), "is too long: 304 bytes"),
        ((*FILTER, "photo.jpg", "-o", f"{LONG}.png"), "is too long: 304 bytes"),
        ((*FILTER, "photo.jpg", "-o", LONG), "is too long: 300 bytes"),
        ((*FILTER[:3], "photo.jpg", "--style", f"{LONG}.png"), "is too long: 304 bytes"),
        (("fast-style", "photo.jpg", "--weights", f"{LONG}.safetensors"), "is too long"),
        (("generate", "a cat", "--model", LONG), "is too long"),
        ((*FILTER, "photo.jpg", "--data", LONG), "is too long"),
        (("compare", "--rerun", LONG, "-o", "r"), "is too long"),
        (("compare", "--photo", "photo.jpg", "--style", "painting.png", "--method", "gatys", "-o", LONG), "is too long"),
        ((*FILTER, "~nouser-here/x.png"), "there is no user 'nouser-here'"),
        ((*FILTER, "photo.jpg", "-o", "~nouser-here/x.png"), "there is no user 'nouser-here'"),
        ((*FILTER, "photo.jpg", "--data", "~nouser-here"), "there is no user 'nouser-here'"),
        (("fast-style", "photo.jpg", "--weights", "~nouser-here/x"), "there is no user 'nouser-here'"),
        (("compare", "--rerun", "~nouser-here", "-o", "r"), "there is no user 'nouser-here'"),
        ((*FILTER, "gone.png"), "gone.png is a link to nowhere.png, which is not there"),
        ((*FILTER, "loop.png"), "loop.png is a link that leads back to itself"),
        ((*FILTER, "photo.jpg", "-o", "loop.png/"), "loop.png is a link that leads back to itself"),
        (("fast-style", "photo.jpg", "--weights", "loop.png"), "loop.png is a link that leads back to itself"),
        (("fast-style", "photo.jpg", "--weights", "gone.safetensors"), "there is no file gone.safetensors"),
        ((*FILTER, "phot?s"), "it matches 1 folders or other things that are no files"),
    ],
)
def test_names_that_cannot_be_are_refused_in_words(desk, capsys, words, said):
    Path("gone.png").symlink_to("nowhere.png")
    Path("loop.png").symlink_to("loop.png")
    before = set(desk.rglob("*"))
    assert huafang(*words) in (2, 3)
    err = capsys.readouterr().err
    assert said in err
    assert "Traceback" not in err
    assert set(desk.rglob("*")) == before


@UNIX
@pytest.mark.timeout(120)
def test_a_named_pipe_is_not_waited_for(desk, capsys):
    os.mkfifo("pipe.png")
    for words in (["pipe.png"], ["photo.jpg", "-o", "pipe.png"]):
        assert huafang(*FILTER, *words) == 2
        assert "pipe.png is " in capsys.readouterr().err
    assert huafang("stylize", "photo.jpg", "--style", "pipe.png") == 2
    assert huafang("stylize", "pipe.png") == 2
    assert "pipe.png is a named pipe, and a file is wanted" in capsys.readouterr().err


@UNIX
@pytest.mark.parametrize("name", ["red\x1b[31m.png", "bell\x07.png", "title\x1b]0;x\x07.png", "line\nerror: none.png", "turned\u202egnp.png", "c1\x9b2J.png"])
def test_escape_sequences_in_names_are_shown_and_not_obeyed(desk, capsys, name):
    Path(name).write_bytes(images.encode(scene(24, 32)))
    Path("other.png").write_bytes(images.encode(scene(24, 32)))
    Path("folder").mkdir()
    Path("folder", name).write_text("no picture")
    for words in ([name, "other.png"], ["folder"], ["nothing" + name], [name, "-o", "out.bmp"], [name, "--no-such" + name], [name, "--strength", name]):
        huafang(*FILTER, *words)
        out, err = capsys.readouterr()
        for text in (out, err):
            assert not set(text) & set("\x1b\x07\x9b\u202e"), text
        assert all(line.endswith(".png") for line in out.splitlines()), "a name is one line"
    assert huafang(*FILTER, name, "--json", "-o", "o.png") == 0
    assert name in json.loads(capsys.readouterr().out)["sources"].values(), "JSON holds it exactly"


@UNIX
def test_a_name_that_is_no_utf8_is_painted_and_said(desk):
    name = os.fsdecode(b"caf\xe9.png")
    Path(name).write_bytes(images.encode(scene(24, 32)))
    for words in ([], ["--json"]):
        done = subprocess.run([sys.executable, "-m", "huafang", *FILTER, name, "-o", "out", *words], capture_output=True, check=True)
        assert b"Traceback" not in done.stderr
        assert b"udce9" in done.stdout
    json.loads(done.stdout)


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "ascii", "cp437", "gbk"])
@pytest.mark.parametrize("words", [["--help"], ["methods"], ["methods", "--json"], ["models", "list"], ["gatys", "--help"], ["stylize", "no.png", "--json"]])
def test_any_encoding_of_stdout_will_do(desk, encoding, words):
    done = subprocess.run(
        [sys.executable, "-m", "huafang", *words], env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}, capture_output=True, check=False
    )
    assert done.returncode == (2 if "no.png" in words else 0)
    assert b"Traceback" not in done.stderr
    if "--json" in words:
        json.loads(done.stdout.decode(encoding))


INTERRUPTED = """
import builtins, os, signal, sys
real, wanted = builtins.__import__, sys.argv.pop(1)
def imported(name, *rest, **more):
    module = real(name, *rest, **more)
    global wanted
    if name == wanted:
        wanted = None
        os.kill(os.getpid(), signal.SIGINT)
    return module
builtins.__import__ = imported
from huafang.start import start
start()
"""


@UNIX
@pytest.mark.parametrize("module", ["click", "pydantic", "huafang.errors", "huafang.cli.compare", "huafang.sources", "huafang.api", "PIL"])
def test_ctrl_c_at_any_moment_leaves_in_words(desk, module):
    words = [sys.executable, "-c", INTERRUPTED, module, *FILTER, "photo.jpg", "-o", "out/out.png"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 130, done.stderr
    assert "Traceback" not in done.stderr
    assert "stopped" in done.stderr
    assert not Path("out").exists()


BUSY = """
import pkgutil, sys, tempfile, time
tempfile.tempdir = sys.argv[1]
def forever(*_, **__):
    print('now', file=sys.stderr, flush=True)
    while True:
        time.sleep(0.05)
def deaf(*_, **__):
    print('now', file=sys.stderr, flush=True)
    while True:
        try:
            time.sleep(1)
        except BaseException:
            pass
owner, name = pkgutil.resolve_name(sys.argv[2].rpartition('.')[0]), sys.argv[2].rpartition('.')[2]
from huafang.cli import main, progress
if sys.argv[3] == 'deaf':
    progress.GRACE = 0.1
else:
    progress.GRACE = 300
setattr(owner, name, {'forever': forever, 'deaf': deaf}[sys.argv[3]])
main(sys.argv[4:])
"""


@UNIX
@pytest.mark.parametrize("sent", ["SIGTERM", "SIGHUP", "SIGINT twice"])
@pytest.mark.parametrize("place", ["huafang.methods.run", "os.fsync"])
@pytest.mark.parametrize("manner", ["forever", "deaf"])
def test_told_to_end_it_leaves_nothing_behind(desk, sent, place, manner):
    """Nor does it wait for a library that swallows the interrupt."""
    (desk / "temporary").mkdir()
    words = [sys.executable, "-c", BUSY, "temporary", place, manner, *FILTER, "photo.jpg", "-o", "out/out.png"]
    running = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    assert running.stderr is not None
    while "now" not in (line := running.stderr.readline()):
        assert line, running.wait()
    number = getattr(signal, sent.split()[0])
    running.send_signal(number)
    if "twice" in sent:
        while "stopping" not in (line := running.stderr.readline()):
            assert line, running.wait()
        running.send_signal(number)
    _, said = running.communicate(timeout=250)
    assert running.returncode == 128 + number, said
    assert "Traceback" not in said
    if manner == "forever":
        assert not list((desk / "temporary").iterdir())
        assert not list(desk.rglob(".*part-*"))
        assert not (desk / "out").exists(), "nor an empty folder"


@UNIX
def test_nohup_is_respected(desk):
    words = ["nohup", sys.executable, "-c", BUSY, ".", "huafang.methods.run", "forever", *FILTER, "photo.jpg", "-o", "out.png"]
    running = subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL, text=True)
    assert running.stderr is not None
    while "now" not in running.stderr.readline():
        assert running.poll() is None
    running.send_signal(signal.SIGHUP)
    time.sleep(0.5)  # long enough to die of it; a slow machine could only miss a fault, not report one
    assert running.poll() is None
    running.send_signal(signal.SIGTERM)
    running.communicate(timeout=120)
    assert running.returncode == 143


def test_the_installed_command_is_the_entry_point_that_hears_ctrl_c():
    from importlib.metadata import entry_points

    (script,) = [entry for entry in entry_points(group="console_scripts") if entry.name == "huafang"]
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8")
    assert 'huafang = "huafang.start:start"' in text
    assert callable(pkgutil.resolve_name("huafang.start:start"))
    assert script.value in ("huafang.start:start", "huafang.cli:main"), "an older editable installation may still name the other"


@pytest.mark.parametrize(("before", "after"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_threads_that_wait_sleep_unless_the_user_wants_otherwise(before, after):
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"} | ({"OMP_WAIT_POLICY": before} if before else {})
    code = "import os, sys; from huafang import cli, start; cli.main = lambda: print(os.environ['OMP_WAIT_POLICY'], 'torch' in sys.modules); start.start()"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [after, "False"]


@UNIX
def test_a_folder_that_this_account_may_not_enter_is_refused(desk, capsys, monkeypatch):
    Path("noenter").mkdir()
    monkeypatch.setattr(os, "access", lambda path, mode, **_: Path(path).name != "noenter")  # root may enter any
    assert huafang(*FILTER, "photo.jpg", "--model-dir", "noenter") == 2
    assert "noenter cannot be read" in capsys.readouterr().err

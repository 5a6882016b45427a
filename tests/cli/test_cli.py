"""The command line as a user meets it: its words, its files, its exit codes."""

import json
import pkgutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from huafang import images, methods
from huafang.api import Bench, Painting
from huafang.errors import BadInput, Cancelled, Unavailable
from tests.cli.conftest import huafang
from tests.conftest import scene

RECOLOUR = ("--method", "colour_transfer", "--style", "painting.png")
GATYS = ("gatys", "photo.jpg", "--style", "painting.png")


def test_stylize_writes_a_picture_of_the_photos_size_that_knows_how_it_was_made(desk):
    assert huafang("stylize", "photo.jpg", *RECOLOUR, "-o", "out.png") == 0
    with Image.open("out.png") as picture:
        assert picture.size == (64, 48)
        assert json.loads(picture.info["huafang"])["params"]["method"] == "colour_transfer"
        assert "Method: colour_transfer" in picture.info["parameters"]


@pytest.mark.parametrize("spelling", ["colour-transfer", "colour_transfer"])
def test_a_method_is_a_command_in_either_spelling(desk, spelling):
    assert huafang(spelling, "photo.jpg", "--style", "painting.png", "-o", "out.webp") == 0
    with Image.open("out.webp") as picture:
        assert (picture.format, picture.size) == ("WEBP", (64, 48))


def test_json_is_one_object_on_stdout(desk, capsys):
    assert huafang("stylize", "photo.jpg", *RECOLOUR, "-o", "out.png", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["outputs"] == ["out.png"]
    assert said["params"]["transfer"] == "linear"
    assert sorted(said["sources"].values()) == ["painting.png", "photo.jpg"]


def test_errors_in_json_mode_are_json_too(desk, capsys):
    assert huafang("stylize", "nothere.jpg", *RECOLOUR, "--json") == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "file.missing"


def test_a_folder_is_run_through_and_taken_up_again(desk, capsys):
    assert huafang("stylize", "photos", *RECOLOUR, "-o", "out") == 0
    assert sorted(path.name for path in Path("out").iterdir()) == ["0.png", "1.png", "2.png"]
    stamps = {path: path.stat().st_mtime_ns for path in Path("out").iterdir()}
    Path("out/1.png").unlink()
    assert capsys.readouterr().out.split() == ["out/0.png", "out/1.png", "out/2.png"]
    assert huafang("stylize", "photos", *RECOLOUR, "-o", "out", "--json") == 0
    results = json.loads(capsys.readouterr().out)["results"]
    assert [result.get("kept", False) for result in results] == [True, False, True]
    assert all(path.stat().st_mtime_ns == stamps[path] for path in stamps if path.name != "1.png")
    assert huafang("stylize", "photos", *RECOLOUR, "--transfer", "reinhard", "-o", "out", "--json") == 0
    assert not any(result.get("kept") for result in json.loads(capsys.readouterr().out)["results"]), "other settings paint again"


def test_one_bad_picture_of_many_is_reported_and_the_rest_is_painted(desk, capsys):
    Path("photos/broken.png").write_bytes(b"no picture")
    assert huafang("stylize", "photos", *RECOLOUR, "-o", "out", "--json") == 4
    results = json.loads(capsys.readouterr().out)["results"]
    assert [result["error"]["code"] for result in results if "error" in result] == ["image.unreadable"]
    assert len(list(Path("out").iterdir())) == 3


NOT_ENOUGH = "photos/1.png: there was not enough memory for this"


@pytest.mark.parametrize(
    ("do", "code", "said"),
    [
        (lambda: torch.empty(1 << 50), "memory.out", NOT_ENOUGH),
        (lambda: np.empty(1 << 50), "memory.out", NOT_ENOUGH),
        (lambda: {}["x"], "job.failed", "photos/1.png: KeyError: 'x'"),
        (lambda: pytest.fail("as an assertion"), "job.failed", None),
        (lambda: (_ for _ in ()).throw(BadInput("no such thing")), "input.bad", "no such thing"),
    ],
    ids=["torch's memory", "numpy's memory", "a fault of ours", "no Exception of the library", "a refusal"],
)
@pytest.mark.parametrize("place", ["huafang.methods.run", "huafang.api.Bench.params", "huafang.api.Painting.save"])
def test_whatever_is_wrong_with_one_picture_the_others_are_painted(desk, monkeypatch, capsys, place, do, code, said):
    real, calls = pkgutil.resolve_name(place.replace("huafang.api.", "huafang.api:")), []

    def once(*words, **more):
        calls.append(words)
        if len(calls) == 2:
            try:
                do()
            except pytest.fail.Exception as error:
                raise AssertionError from error
        return real(*words, **more)

    monkeypatch.setattr(place, once)
    assert huafang("stylize", "photos", *RECOLOUR, "-o", "out", "--json") == 4
    out, err = capsys.readouterr()
    results = json.loads(out)["results"]
    assert [result["error"]["code"] if "error" in result else result["outputs"] for result in results] == [["out/0.png"], code, ["out/2.png"]]
    assert "Traceback" not in err
    assert said is None or said in err


def test_a_run_of_one_picture_ends_in_words_whatever_happens(desk, monkeypatch, capsys):
    for do, exit_code, code, said in (
        (lambda *_: torch.empty(1 << 50), 5, "memory.out", "there was not enough memory"),
        (lambda *_: {}["x"], 1, "job.failed", "KeyError: 'x'"),
    ):
        monkeypatch.setattr(methods, "run", do)
        assert huafang("stylize", "photo.jpg", *RECOLOUR, "-o", "out.png", "--json") == exit_code
        out, err = capsys.readouterr()
        assert json.loads(out)["error"]["code"] == code
        assert f"error: {said}" in err
        assert "Traceback" not in err
    monkeypatch.setenv("HUAFANG_TRACEBACK", "1")
    assert huafang("stylize", "photo.jpg", *RECOLOUR, "-o", "out.png") == 1
    assert "Traceback" in capsys.readouterr().err


def test_while_a_picture_is_painted_the_next_is_read_and_the_last_is_written(desk, monkeypatch):
    """Painting the second waits until the third is read and the first is written, which it would in vain if they came one after the other."""
    read, written, waited = threading.Event(), threading.Event(), []
    params, save, paint = Bench.params, Painting.save, methods.run

    def reading(self, method, settings):
        made = params(self, method, settings)
        if settings["content"] == Path("photos/2.png"):
            read.set()
        return made

    def writing(self, path, *rest):
        made = save(self, path, *rest)
        written.set()
        return made

    def painting(p, ctx):
        painted.append(p)
        if len(painted) == 2:
            waited.extend([read.wait(20), written.wait(20)])
        return paint(p, ctx)

    painted: list[object] = []
    monkeypatch.setattr(Bench, "params", reading)
    monkeypatch.setattr(Painting, "save", writing)
    monkeypatch.setattr(methods, "run", painting)
    assert huafang("stylize", "photos", *RECOLOUR, "-o", "out") == 0
    assert waited == [True, True]
    assert len(list(Path("out").iterdir())) == 3


def test_a_picture_that_cannot_be_written_is_reported_in_its_place(desk, monkeypatch, capsys):
    save = Painting.save

    def writing(self, path, *rest):
        if path.name == "1.png":
            raise Unavailable("the disk is full")
        return save(self, path, *rest)

    monkeypatch.setattr(Painting, "save", writing)
    assert huafang("stylize", "photos", *RECOLOUR, "-o", "out", "--json") == 4
    results = json.loads(capsys.readouterr().out)["results"]
    assert [result["error"]["message"] if "error" in result else result["outputs"] for result in results] == [["out/0.png"], "the disk is full", ["out/2.png"]]


def test_a_cancelled_folder_has_what_was_painted_and_says_how_much(desk, monkeypatch, capsys):
    paint = methods.run

    def painting(p, ctx):
        painted.append(p)
        if len(painted) == 3:
            raise Cancelled
        return paint(p, ctx)

    painted: list[object] = []
    monkeypatch.setattr(methods, "run", painting)
    assert huafang("stylize", "photos", *RECOLOUR, "-o", "out") == 130
    assert "stopped; 2 of 3 are finished; run it again to go on" in capsys.readouterr().err
    assert sorted(path.name for path in Path("out").iterdir()) == ["0.png", "1.png"]
    monkeypatch.setattr(methods, "run", paint)
    assert huafang("stylize", "photos", *RECOLOUR, "-o", "out", "--json") == 0
    assert [result.get("kept", False) for result in json.loads(capsys.readouterr().out)["results"]] == [True, True, False]


def test_without_o_a_free_name_is_chosen(desk):
    for _ in range(2):
        assert huafang("stylize", "photo.jpg", *RECOLOUR) == 0
    assert Path("photo-colour_transfer.png").is_file()
    assert Path("photo-colour_transfer-2.png").is_file()


def test_a_file_is_not_near_to_another_by_its_ending(desk, capsys):
    assert huafang("stylize", "cat.jpg") == 2
    assert "there is no file cat.jpg\n" in capsys.readouterr().err
    assert huafang("stylize", "photo.png") == 2
    assert "there is no file photo.png; did you mean photo.jpg?" in capsys.readouterr().err


def test_an_unknown_method_is_told_every_one_that_fits_and_no_other(desk, capsys):
    assert huafang("stylize", "photo.jpg", "--method", "zzz") == 2
    said = capsys.readouterr().err.strip().partition("allowed are ")[2]
    assert said.split(", ") == sorted(methods.restylers())
    assert huafang("stylize", "photo.jpg", "--method", "compare") == 2
    assert "compare does not restyle a photo; see: huafang compare --help" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("stylise", "photo.jpg"), "did you mean stylize"),
        (("stylize",), "name the photo"),
        (("stylize", "--method", "gatys"), "name the photo"),
        (("stylize", *RECOLOUR), "Missing argument 'PHOTO…'"),
        (("stylize", "phot.jpg", *RECOLOUR), "did you mean photo.jpg"),
        (("stylize", "photo.jpg", "--method", "gatis"), "did you mean gatys"),
        (("stylize", "photo.jpg", "--method", "image_filters", "--style", "painting.png"), "takes no style picture"),
        (("stylize", "photo.jpg", "--method", "text_to_image"), "does not restyle a photo"),
        (("stylize", "photo.jpg", *RECOLOUR, "--transfer", "reinhart"), "is not one of 'reinhard', 'linear', 'sliced'; did you mean reinhard?"),
        (("stylize", "photo.jpg", *RECOLOUR, "--strength", "3"), "strength: must be a number, 0 to 1 (came: 3.0)\n"),
        (("stylize", "photo.jpg", *RECOLOUR, "--strenght", "1"), "--strength"),
        (("stylize", "photo.jpg", *RECOLOUR, "-o", "out.bmp"), "written as .png"),
        (("stylize", "photos", *RECOLOUR, "-o", "out.png"), "name a folder"),
        (("stylize", "photo.jpg", *RECOLOUR, "--seed", "-2"), "seed: must be a whole number, 0 to below 4294967296 (came: -2)\n"),
        (("stylize", "photo.jpg", *RECOLOUR, "--strength", "much"), "Invalid value for '--strength': must be a number, 0 to 1 (came: 'much')\n"),
        (("stylize", "photo.jpg", *RECOLOUR, "--strength", "nan"), "strength: must be a number, 0 to 1 (came: nan)\n"),
        ((*GATYS, "--steps", "many"), "Invalid value for '--steps': must be a whole number, 1 to 5000 (came: 'many')\n"),
        ((*GATYS, "--steps", "2.5"), "Invalid value for '--steps': must be a whole number, 1 to 5000 (came: '2.5')\n"),
        ((*GATYS, "--steps", "0"), "steps: must be a whole number, 1 to 5000 (came: 0)\n"),
        (("colour-transfer", "photo.jpg"), "Missing option '--style'"),
        (
            ("adain", "photo.jpg", "--style", "painting.png"),
            "Missing option '--weights'. adain needs a model of its own: none can be pulled. Download decoder.pth",
        ),
        (("stylize", "photo.jpg", "--method", "fast_style"), "huafang models pull candy (or mosaic"),
        (("generate", "a cat", "--model", "path/to/checkpoint"), "there is no file path/to/checkpoint"),
    ],
)
def test_bad_usage_says_what_is_nearest_and_exits_2(desk, capsys, words, said):
    assert huafang(*words) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("device", ["cuda:99", "tpu", "cuda:-1"])
def test_bad_input_62_a_device_that_is_not_here_exits_3_and_is_named(desk, capsys, device):
    assert huafang("stylize", "photo.jpg", *RECOLOUR, "--device", device) == 3
    assert device in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ("stylize", "photo.jpg", *RECOLOUR, "-o", "photo.jpg"),
        ("stylize", "photo.jpg", *RECOLOUR, "-o", "painting.png"),
        ("stylize", "photos", *RECOLOUR, "-o", "photos"),
    ],
)
def test_a_picture_that_was_given_is_never_written_over(desk, capsys, words):
    before = {path: path.read_bytes() for path in desk.rglob("*.*g")}
    assert huafang(*words) == 2
    assert "written over" in capsys.readouterr().err
    assert before == {path: path.read_bytes() for path in desk.rglob("*.*g")}


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs a folder that nobody can write to")
def test_bad_input_54_a_folder_that_cannot_be_written_is_said_before_anything_is_painted(desk, capsys):
    assert huafang("stylize", "photo.jpg", *RECOLOUR, "-o", "/proc/nothing/out.png") == 3
    said = capsys.readouterr().err
    assert "cannot write to /proc" in said
    assert "1/1" not in said


def test_paths_of_results_go_to_stdout(desk, capsys):
    assert huafang("stylize", "photo.jpg", *RECOLOUR, "-o", "out.png", "-q") == 0
    assert capsys.readouterr().out == "out.png\n"


def test_dry_run_paints_nothing(desk, capsys):
    assert huafang("stylize", "photo.jpg", *RECOLOUR, "-o", "out.png", "--dry-run") == 0
    assert not Path("out.png").exists()
    assert huafang("stylize", "photo.jpg", *RECOLOUR, "-o", "some/where/", "--dry-run") == 0
    assert not Path("some").exists()
    assert "note: the folder some/where was not there; it would be made" in capsys.readouterr().err


def test_a_folder_that_is_made_is_said_once(desk, capsys):
    assert huafang("stylize", "photos", *RECOLOUR, "-o", "some/where") == 0
    assert capsys.readouterr().err.count("note: the folder some/where was not there; it is made") == 1
    assert huafang("stylize", "photo.jpg", *RECOLOUR, "-o", "some/where") == 0
    assert huafang("stylize", "photo.jpg", *RECOLOUR) == 0
    assert "is made" not in capsys.readouterr().err


def test_methods_as_json_has_every_field_in_two_languages(desk, capsys):
    assert huafang("methods", "--json") == 0
    listed = {method["name"]: method for method in json.loads(capsys.readouterr().out)["methods"]}
    strokes = {field["name"]: field for field in listed["stroke_rendering"]["fields"]}
    assert strokes["content"]["kind"] == "image"
    assert strokes["content"]["label"]["zh"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(desk, capsys, shell):
    assert huafang("completion", shell) == 0
    assert "_HUAFANG_COMPLETE" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["--help"], ["gatys", "--help"], ["stylize", "--help"], ["serve", "--help"], ["models", "--help"], ["methods"]])
def test_help_loads_no_torch(words):
    code = (
        f"import sys; sys.argv = ['huafang', *{words!r}]\nfrom huafang.cli import main\n"
        "try: main()\nexcept SystemExit as left: assert not left.code\nassert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


@pytest.mark.parametrize(
    "line",
    [
        "stylize phot.jpg",
        "stylize broken.png",
        "stylize photo.jpg --style painting.png --strength 3",
        "stylize photo.jpg --method zzz",
        "stylize photo.jpg --method image_filters --filter oill",
        "stylize photo.jpg --style nothing.png",
        "stylize photo.jpg --method fast_style --weights candie",
        "stylize photo.jpg -o out.bmp",
        "stylize photo.jpg --dry-run",
        "gatys photo.jpg --style painting.png --steps 0",
        "generate x --width 513",
        "compare --photo photo.jpg --style painting.png --method gaty -o r",
        "compare --photo photo.jpg --style painting.png --method gatys --set gatys.steps=0 -o r",
        "compare --rerun nothing -o r",
        "models export candie -o x.safetensors",
        "models pull candie",
    ],
)
def test_what_can_be_refused_without_torch_is_refused_without_it(desk, line):
    (desk / "broken.png").write_bytes(b"no picture")
    code = (
        f"import sys\nfrom huafang.cli import main\ntry: main({line.split()!r})\n"
        "except SystemExit as left: print(left.code, {'torch', 'numba', 'diffusers'} & set(sys.modules))"
    )
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert said.stdout.splitlines()[-1] == f"{0 if 'dry-run' in line else 2} set()", said.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="signals are different there")
def test_ctrl_c_stops_cleanly_with_130_and_leaves_nothing_half_written(desk):
    (desk / "big.png").write_bytes(images.encode(scene(700, 900)))
    words = ["stylize", "big.png", "--style", "painting.png", "--method", "gatys", "--steps", "5000", "-o", "out.png"]
    running = subprocess.Popen([sys.executable, "-m", "huafang", *words], stderr=subprocess.PIPE, text=True)
    assert running.stderr is not None
    running.stderr.readline()  # its first step
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 130, said
    assert "stopped" in said
    assert not (desk / "out.png").exists()
    assert not list(desk.glob(".part-*"))


@pytest.mark.skipif(sys.platform == "win32", reason="signals are different there")
@pytest.mark.parametrize("within", ["huafang.methods.run", "huafang.assets.os.fsync"], ids=["painting", "writing"])
def test_bad_input_57_a_second_ctrl_c_leaves_at_once_with_130_and_nothing_half_written(desk, within):
    """While a step takes a minute, and while the picture is being written."""
    place, name = within.rsplit(".", 1)
    code = (
        f"import pkgutil, sys, time; place = pkgutil.resolve_name({place!r}.replace('assets.os', 'assets:os'))\n"
        f"def forever(*_): print('now', file=sys.stderr, flush=True); time.sleep(60)\n"
        f"from huafang.cli import main; setattr(place, {name!r}, forever)\n"
        f"main(['stylize', 'photo.jpg', '--method', 'colour_transfer', '--style', 'painting.png', '-o', 'out/out.png', '-q'])"
    )
    (desk / "out").mkdir()
    running = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
    assert running.stderr is not None
    while "now" not in running.stderr.readline():
        assert running.poll() is None
    running.send_signal(signal.SIGINT)
    assert "again: at once" in running.stderr.readline() + running.stderr.readline()
    time.sleep(0.2)
    assert running.poll() is None, "the first waits for the step to end"
    asked = time.monotonic()
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=30)
    assert running.returncode == 130, said
    assert time.monotonic() - asked < 40, "it did not wait for the minute to pass"
    assert "Traceback" not in said
    assert not list((desk / "out").iterdir())


def test_python_api_is_the_same_method(desk):
    import huafang as package

    painting = package.stylize("photo.jpg", style="painting.png", method="colour_transfer", transfer="reinhard")
    assert painting.image.size == (64, 48)
    assert painting.save("api.png") == [Path("api.png")]
    with pytest.raises(package.errors.BadInput, match="written over"):
        painting.save("photo.jpg")
    again = package.stylize(painting.image, style=Image.open("painting.png"), method="colour_transfer")
    assert again.image.size == (64, 48)

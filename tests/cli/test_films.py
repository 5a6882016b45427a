"""Films on the command line: what is written where, what is refused, and a run that was killed for good."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from huafang import metadata, video
from tests.cli.conftest import huafang
from tests.films import film, frames

FILTER = ("--method", "image_filters", "--filter", "pencil")


@pytest.fixture
def clip(desk: Path) -> Path:
    (desk / "clip.avi").write_bytes(film(frames(5), "avi", "mjpeg"))
    return desk / "clip.avi"


def test_a_film_becomes_a_film(clip, capsys):
    assert huafang("stylize", "clip.avi", *FILTER, "-o", "out.mp4", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["outputs"] == ["out.mp4"]
    assert report["figures"]["frames"] == 5
    assert video.probe(Path("out.mp4").read_bytes()).frames == 5
    assert huafang("stylize", "clip.avi", *FILTER, "-q") == 0
    assert "warping error" in capsys.readouterr().err
    assert Path("clip-image_filters.mp4").is_file(), "a name is chosen"


def test_without_a_method_a_film_gets_one_that_takes_films(clip):
    assert huafang("stylize", "clip.avi", "-q", "-o", "out.mp4") == 0
    assert metadata.read(video.text_of(Path("out.mp4").read_bytes()))["params"]["method"] == "image_filters"


def test_a_folder_of_pictures_and_films_is_done_and_taken_up_again(clip, capsys):
    Path("mixed").mkdir()
    clip.rename("mixed/clip.avi")
    Path("photo.jpg").rename("mixed/photo.jpg")
    for _ in range(2):
        assert huafang("stylize", "mixed", *FILTER, "-o", "out", "-q") == 0
    assert sorted(path.name for path in Path("out").iterdir()) == ["clip.mp4", "photo.png"]
    assert capsys.readouterr().err.count("is finished already") == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["clip.avi", *FILTER, "-o", "out.png"], "films are written as .mp4"),
        (["photo.jpg", *FILTER, "-o", "out.mp4"], "pictures are written as"),
        (["clip.avi", "--method", "stroke_rendering", "-o", "out.mp4"], "clip.avi: this is a film, and a picture is wanted here"),
        (["photo.jpg", "--method", "colour_transfer", "--style", "clip.avi", "-o", "out.png"], "clip.avi: this is a film"),
        (["broken.mp4", *FILTER, "-o", "out.mp4"], "broken.mp4: this file cannot be read as a film"),
        (["fake.avi", *FILTER, "-o", "out.mp4"], "fake.avi: this file cannot be read as a film, whatever its name says (it looks like text)"),
        (["fake.avi", "-o", "out.mp4"], "fake.avi: this file cannot be read as a picture (it looks like text)"),
        (["clip.avi", *FILTER, "-o", "clip.avi"], "films are written as .mp4"),
    ],
)
def test_what_does_not_fit_is_said(clip, capsys, words, said):
    Path("broken.mp4").write_bytes(b"\x00\x00\x00\x20ftypisom" + bytes(500))
    Path("fake.avi").write_text("these are words")
    assert huafang("stylize", *words) == 2
    assert said in capsys.readouterr().err
    assert not Path("out.mp4").exists()


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="kill -9 is of Unix")
def test_a_run_that_was_killed_is_taken_up_again(desk):
    Path("long.avi").write_bytes(film(frames(70), "avi", "mjpeg"))
    command = [sys.executable, "-m", "huafang", "stylize", "long.avi", "--method", "image_filters", "--filter", "oil", "-o", "out.mp4", "--device", "cpu"]
    run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 120
    while not list(Path("home/work").glob("*/0000.json")):
        assert run.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < until
        time.sleep(0.01)
    run.send_signal(signal.SIGKILL)
    run.wait()
    assert not Path("out.mp4").exists()
    again = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "of 70 frames were finished before" in again.stderr
    assert video.probe(Path("out.mp4").read_bytes()).frames == 70
    assert not list(Path("home/work").glob("*"))

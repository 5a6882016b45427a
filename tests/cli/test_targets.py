"""Where results go: no result of a run replaces another one, nor anything that the run reads."""

import json
import os
from pathlib import Path

import pytest
import torch
from PIL import Image

from huafang import images, methods, video
from huafang.context import File, Result
from tests.cli.conftest import huafang
from tests.conftest import scene
from tests.films import film, frames

RECOLOUR = ("stylize", "--method", "colour_transfer", "--style", "painting.png", "-q")
GREYS = {"one": 0.2, "two": 0.5, "three": 0.8}


def grey(value: float) -> bytes:
    return images.encode(torch.full((1, 3, 16, 16), value))


def shade(path: Path) -> float:
    with Image.open(path) as picture:
        return round(picture.convert("L").getpixel((8, 8)) / 255, 1)


@pytest.fixture
def copying(desk, monkeypatch):
    """Methods give the photo back as many times as `copies` says, so that a result can be told by its shade."""
    copies = [1]

    def paint(params, ctx):
        picture = ctx.image(getattr(params, params.subject))
        return Result(images=[picture] * copies[0], files=[File("film.mp4", "video/mp4", b"film")] if copies[0] > 1 else [])

    monkeypatch.setattr(methods, "run", paint)
    for name, value in GREYS.items():
        (desk / name).mkdir()
        (desk / name / "same.png").write_bytes(grey(value))
    return copies


@pytest.mark.parametrize(
    ("words", "output", "wanted"),
    [
        (["one/same.png", "two/same.png", "three/same.png"], "out", {"same.png": 0.2, "same-2.png": 0.5, "same-3.png": 0.8}),
        (["one/same.png", "two/same.png"], None, {"same-colour_transfer.png": 0.2, "same-colour_transfer-2.png": 0.5}),
        (["one", "two"], "out", {"same.png": 0.2, "same-2.png": 0.5}),
        (["**/same.png"], "out", {"one/same.png": 0.2, "two/same.png": 0.5, "three/same.png": 0.8}),
        (["[ot]*/same.png"], "out", {"one/same.png": 0.2, "two/same.png": 0.5, "three/same.png": 0.8}),
        (["**/same.png"], None, {"same-colour_transfer.png": 0.2, "same-colour_transfer-2.png": 0.8, "same-colour_transfer-3.png": 0.5}),
        (["one/same.png", "./one/same.png", "one"], "out", {"same.png": 0.2}),
    ],
)
def test_photos_of_one_name_have_results_of_their_own(desk, copying, capsys, words, output, wanted):
    assert huafang(*RECOLOUR, *words, *(["-o", output] if output else [])) == 0
    home = desk / (output or "")
    assert {name: shade(home / name) for name in wanted} == wanted
    said = capsys.readouterr()
    assert sorted(said.out.split()) == sorted(str(Path(output or "") / name) for name in wanted)
    numbered = [name for name in wanted if name.rpartition("-")[2][:1].isdigit()]
    assert said.err.count(" is called ") == len(numbered)
    assert all(f"is called {Path(output or '') / name}" in said.err for name in numbered)


def test_a_number_is_not_given_that_another_photo_has_by_its_name(desk, copying):
    for name, value in {"a.png": 0.2, "a.jpg": 0.5, "a-2.png": 0.8, "A.PNG": 0.4}.items():
        Image.new("RGB", (16, 16), (round(value * 255),) * 3).save(desk / name)
    assert huafang(*RECOLOUR, "a.png", "a.jpg", "a-2.png", "A.PNG", "-o", "out") == 0
    assert {path.name: shade(path) for path in Path("out").iterdir()} == {"a.png": 0.2, "a-3.png": 0.5, "a-2.png": 0.8, "A-4.png": 0.4}


def test_names_with_two_endings_and_endings_alone_differ(desk, copying):
    for name, value in {"same.png": 0.2, "same.png.png": 0.5, "same.jpg": 0.8}.items():
        Image.new("RGB", (16, 16), (round(value * 255),) * 3).save(desk / name)
    assert huafang(*RECOLOUR, "same.png", "same.png.png", "same.jpg", "-o", "out") == 0
    assert {path.name: shade(path) for path in Path("out").iterdir()} == {"same.png": 0.2, "same.png.png": 0.5, "same-2.png": 0.8}


def test_further_results_do_not_replace_the_next_photos(desk, copying):
    copying[0] = 2
    for name, value in {"a.png": 0.2, "a-2.png": 0.8}.items():
        (desk / name).write_bytes(grey(value))
    assert huafang(*RECOLOUR, "a.png", "a-2.png", "-o", "out") == 0
    found = {path.name: shade(path) for path in Path("out").glob("*.png")}
    assert found == {"a.png": 0.2, "a-3.png": 0.2, "a-2.png": 0.8, "a-2-2.png": 0.8}
    assert {path.name for path in Path("out").glob("*.mp4")} == {"a-film.mp4", "a-2-film.mp4"}


def test_a_further_result_never_replaces_a_photo_that_is_read(desk, copying):
    copying[0] = 2
    for name, value in {"in-2.png": 0.2, "in-3.png": 0.8}.items():
        (desk / name).write_bytes(grey(value))
    assert huafang(*RECOLOUR, "in-2.png", "-o", "in.png") == 0
    assert (shade(Path("in-2.png")), shade(Path("in.png"))) == (0.2, 0.2)
    assert (shade(Path("in-3.png")), shade(Path("in-4.png"))) == (0.8, 0.2), "nor what lies beside it"


def test_without_o_no_result_replaces_anything(desk, copying):
    copying[0] = 2
    (desk / "same-colour_transfer-2.png").write_bytes(b"mine")
    assert huafang(*RECOLOUR, "one/same.png") == 0
    assert (desk / "same-colour_transfer-2.png").read_bytes() == b"mine"
    assert {path.name for path in desk.glob("same*.png")} == {"same-colour_transfer.png", "same-colour_transfer-2.png", "same-colour_transfer-3.png"}


def test_a_folder_of_twins_is_taken_up_again(desk, copying, capsys):
    for _ in range(2):
        assert huafang(*RECOLOUR, "one", "two", "-o", "out", "--json") == 0
        results = json.loads(capsys.readouterr().out)["results"]
        assert [result["outputs"] for result in results] == [["out/same.png"], ["out/same-2.png"]]
    assert [result["kept"] for result in results] == [True, True]


def test_films_of_one_name_have_results_of_their_own(desk):
    for folder, count in (("a", 3), ("b", 5)):
        (desk / folder).mkdir()
        (desk / folder / "clip.avi").write_bytes(film(frames(count), "avi", "mjpeg"))
    assert huafang(*RECOLOUR, "a/clip.avi", "b/clip.avi", "-o", "out") == 0
    assert {path.name: video.probe(path.read_bytes()).frames for path in Path("out").iterdir()} == {"clip.mp4": 3, "clip-2.mp4": 5}


@pytest.mark.parametrize("link", [os.link, os.symlink], ids=["another name", "link"])
def test_an_input_by_another_name_is_spared(desk, capsys, link):
    before = Path("photo.jpg").read_bytes()
    link(desk / "photo.jpg", desk / "other.jpg")
    assert huafang(*RECOLOUR, "photo.jpg", "-o", "other.jpg") == 2
    assert "written over" in capsys.readouterr().err
    assert Path("photo.jpg").read_bytes() == before


def test_weights_that_are_read_are_spared(desk, capsys):
    from safetensors.torch import save_file

    from tests.nets.test_transformer_net import random_state

    save_file(random_state(), "mine.safetensors")
    before = Path("mine.safetensors").read_bytes()
    words = ("--style", "painting.png", "--dataset", "photos", "--start", "mine.safetensors", "-o", "mine.safetensors")
    assert huafang("train-fast-style", "other", *words) == 2
    assert "mine.safetensors is " in capsys.readouterr().err
    assert Path("mine.safetensors").read_bytes() == before


def test_a_name_made_from_a_long_one_fits_on_the_disk(desk):
    name = "画" * 80 + ".png"
    (desk / name).write_bytes(images.encode(scene(24, 24)))
    assert huafang(*RECOLOUR, name) == 0
    (made,) = desk.glob("画*colour_transfer.png")
    assert len(os.fsencode(made.name)) <= 255


def test_a_painting_saved_to_a_folder_twice_is_there_twice(desk):
    import huafang as package

    Path("out").mkdir()
    for strength in (0.5, 1.0):
        package.stylize("photo.jpg", style="painting.png", method="colour_transfer", strength=strength).save("out")
    assert sorted(path.name for path in Path("out").iterdir()) == ["colour_transfer-2.png", "colour_transfer.png"]


COMPARE = ("compare", "--method", "colour_transfer", "--size", "64", "-q")


def test_a_report_does_not_replace_the_pictures_it_is_made_of(desk, capsys):
    for name, source in (("photo.png", "photos/0.png"), ("style.png", "painting.png")):
        Path(name).write_bytes(Path(source).read_bytes())
    before = {path: path.read_bytes() for path in desk.glob("*.*")}
    assert huafang(*COMPARE, "--photo", "photo.png", "--style", "style.png", "-o", ".") == 2
    assert "photo.png is one of the files given" in capsys.readouterr().err
    assert huafang(*COMPARE, "--photo", "photos/1.png", "--style", "painting.png", "-o", ".") == 2
    assert "holds photo.png, style.png and no report of compare" in capsys.readouterr().err
    assert before == {path: path.read_bytes() for path in desk.glob("*.*")}


def test_a_report_may_replace_a_report(desk):
    for _ in range(2):
        assert huafang(*COMPARE, "--photo", "photo.jpg", "--style", "painting.png", "-o", "report") == 0

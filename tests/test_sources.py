"""Files that a user names: what they stand for, what is skipped, and what cannot be read is said in words and never waited for."""

import os
import threading
from pathlib import Path

import pytest

from huafang import sources
from huafang.errors import BadInput
from tests.films import film, frames
from tests.pictures import small

UNIX = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are of Unix")


@pytest.fixture
def desk(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("photo.png").write_bytes(small())
    return tmp_path


def refused(*patterns: str) -> BadInput:
    """What is said of names that cannot be had, within a time in which nothing waits for a pipe's other end."""
    said: list[BadInput] = []

    def ask() -> None:
        try:
            sources.expand(patterns)
        except BadInput as error:
            said.append(error)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(60)
    assert said, "it was taken, or it waits"
    assert said[0].message.strip()
    return said[0]


def names(*patterns: str, films: bool = False) -> list[str]:
    return [path.name for path in sources.expand(patterns, films=films).paths]


ENDINGS = {
    "PNG": ("png", "apng", "PNG"),
    "JPEG": ("jpg", "jpeg", "jpe", "jfif", "mpo"),
    "WEBP": ("webp",),
    "GIF": ("gif",),
    "BMP": ("bmp",),
    "TIFF": ("tif", "tiff"),
}


def test_a_folders_pictures_are_found_by_what_they_are(desk):
    folder = desk / "mixed"
    folder.mkdir()
    for format, endings in {**ENDINGS, "AVIF": ("avif", "avifs")}.items():
        for number, ending in enumerate(endings):
            (folder / f"{format}{number}.{ending}").write_bytes(small(format))
        (folder / f"{format} without").write_bytes(small(format))
        (folder / f"{format}.dat").write_bytes(small(format))
    every = sources.expand(["mixed"])
    assert len(every.sources) == len(list(folder.iterdir()))
    assert not every.notes


def test_what_is_skipped_in_a_folder_is_counted_and_named(desk):
    folder = desk / "mixed"
    (folder / "deeper").mkdir(parents=True)
    (folder / "photo.png").write_bytes(small())
    (folder / "list.txt").write_text("words")
    (folder / "BMW").write_text("BM is how a bitmap begins, and this is none")
    (folder / "phone.heic").write_bytes(b"\x00\x00\x00\x18ftypheic" + bytes(60))
    (folder / "clip.mp4").write_bytes(film(frames(2)))
    (folder / "nothing").touch()
    (folder / ".hidden.txt").write_text("words")
    (folder / "gone.png").symlink_to("nowhere.png")
    found = sources.expand(["mixed"])
    assert [path.name for path in found.paths] == ["photo.png"]
    (note,) = found.notes
    assert note.startswith("of the folder mixed were skipped: 6 files: BMW (a BMP, perhaps cut short or damaged), clip.mp4 (a film), ")
    assert "gone.png (a link to nothing), list.txt (text), nothing (empty) and 1 more" in note
    assert "1 folder inside it: mixed/**/* names their files too" in note
    assert names("mixed", films=True) == ["clip.mp4", "photo.png"]


def test_a_file_that_claims_to_be_a_picture_is_not_skipped(desk):
    """Whoever opens it says what is wrong with it."""
    Path("photos").mkdir()
    Path("photos/broken.jfif").write_text("no picture")
    assert names("photos") == ["broken.jfif"]


def test_a_folder_without_pictures_says_what_it_holds(desk):
    Path("notes").mkdir()
    Path("notes/list.txt").write_text("words")
    assert refused("notes").message == "the folder notes holds no pictures; skipped: 1 file: list.txt (text)"


def test_what_a_glob_matches_keeps_its_folders(desk):
    for folder in ("a", "a/b", "c"):
        Path("in", folder).mkdir(parents=True, exist_ok=True)
        Path("in", folder, "same.png").write_bytes(small())
    places = {str(source.place) for source in sources.expand(["in/**/*.png"]).sources}
    assert places == {str(Path(place)) for place in ("a/same.png", "a/b/same.png", "c/same.png")}
    assert {str(source.place) for source in sources.expand(["in/a/*"]).sources} == {"same.png"}
    assert {str(source.place) for source in sources.expand(["in/a", "in/c/same.png"]).sources} == {"same.png"}


def test_each_file_is_taken_once(desk):
    assert names("photo.png", "./photo.png", str(desk / "photo.png"), "*.png", ".") == ["photo.png"]


def test_a_file_with_brackets_in_its_name_is_that_file(desk):
    Path("photo[1].png").write_bytes(small())
    assert names("photo[1].png") == ["photo[1].png"]


@UNIX
def test_a_named_pipe_is_refused_and_not_waited_for(desk):
    os.mkfifo("pipe.png")
    assert refused("pipe.png").message == "pipe.png is a named pipe, and a file is wanted"
    assert refused("pip*.png").message.startswith("there is no file pip*.png")
    with pytest.raises(BadInput, match="a named pipe"):
        sources.read(Path("pipe.png"))
    assert sources.head(Path("pipe.png")) == b""
    assert not sources.is_film_file("pipe.png")
    Path("photos").mkdir()
    os.mkfifo("photos/pipe.png")
    Path("photos/photo.png").write_bytes(small())
    found = sources.expand(["photos"])
    assert [path.name for path in found.paths] == ["photo.png"]
    assert found.notes == ["of the folder photos were skipped: 1 file: pipe.png (a named pipe)"]


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("", "the name of a picture is empty"),
        ("phot.png", "there is no file phot.png; did you mean photo.png?"),
        ("x" * 300 + ".png", "is too long: 304 bytes"),
        ("画" * 100 + ".png", "is too long: 304 bytes"),
        ("~nobody-of-this-name/photo.png", "there is no user 'nobody-of-this-name' on this machine"),
        ("gone.png", "there is no file gone.png: gone.png is a link to nowhere.png, which is not there"),
        ("loop.png", "loop.png is a link that leads back to itself"),
        ("fold*", "there is no file fold*; it matches 2 folders or other things that are no files"),
        ("nothing*", "there is no file nothing*"),
        ("photo.png/x.png", "there is no file photo.png/x.png"),
        ("a\0b.png", "is no name of a file"),
    ],
)
def test_what_is_not_there_or_cannot_be_is_said(desk, pattern, said):
    for folder in ("folder", "fold"):
        (desk / folder).mkdir()
    Path("gone.png").symlink_to("nowhere.png")
    Path("loop.png").symlink_to("loop.png")
    assert said in refused(pattern).message


@pytest.fixture
def shut(desk):
    """A folder that this process may not enter, even where the tests run as root."""
    Path("shut").mkdir(mode=0)
    Path("listed").mkdir()
    Path("listed/photo.png").write_bytes(small())
    Path("listed/photo.png").chmod(0)
    desk.chmod(0o755)
    if os.getuid() == 0:
        os.seteuid(65534)
    yield
    if os.getuid() == 0:
        os.seteuid(0)
    Path("shut").chmod(0o755)


@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="rights are other ones there")
@pytest.mark.parametrize("pattern", ["shut", "shut/photo.png", "shut/*.png", "shut/**/*.png", "shut/deeper/*.png"])
def test_a_folder_that_one_may_not_enter_is_said(shut, pattern):
    assert refused(pattern).message.endswith("cannot be reached: Permission denied")


@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="rights are other ones there")
def test_a_file_that_one_may_not_read_is_said(shut):
    with pytest.raises(BadInput, match=r"listed/photo\.png cannot be reached: Permission denied"):
        sources.read(Path("listed/photo.png"))

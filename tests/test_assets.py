"""Content-addressed files: whole or not there, whatever the disk and the folder do."""

import errno
import os
import resource
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from huafang import assets as module
from huafang.assets import Assets, Scratch, draft, tidy_tree, write_whole
from huafang.errors import DiskFull, NotFound, Unavailable


@pytest.fixture
def assets(tmp_path) -> Assets:
    return Assets(tmp_path / "assets")


def files(assets: Assets) -> list[str]:
    return sorted(place.name for place in assets.root.rglob("*") if place.is_file())


def test_what_is_put_is_read_and_twice_is_one_file(assets):
    ids = [assets.put(b"one"), assets.put(b"two"), assets.put(b"one")]
    assert ids[0] == ids[2]
    assert assets.read(ids[0]) == b"one"
    assert files(assets) == sorted({*ids})
    assert sorted(assets.ids()) == files(assets)


@pytest.mark.parametrize(
    "name", ["", "..", "../../etc/passwd", "/etc/passwd", "a" * 63, "A" * 64, "a" * 64 + "\n", "\0" * 64, "é" * 64, "a" * 31 + "/" + "a" * 32]
)
def test_bad_input_23_28_only_an_id_is_an_id(assets, name):
    for ask in (assets.read, assets.exists, assets.size, assets.delete):
        with pytest.raises(NotFound):
            ask(name)


def test_bad_input_27_a_file_that_was_deleted_or_changed(assets):
    kept = assets.put(b"picture")
    assets._place(kept).write_bytes(b"another")
    with pytest.raises(NotFound, match="changed on disk"):
        assets.read(kept)
    assert assets.put(b"picture") == kept, "putting it again mends it"
    assert assets.read(kept) == b"picture"
    assets.delete(kept)
    with pytest.raises(NotFound, match="deleted"):
        assets.read(kept)
    with pytest.raises(NotFound):
        assets.size(kept)
    assert not assets.exists(kept)
    assets.delete(kept)


def test_what_is_discarded_is_gone_with_what_lies_beside_it_unless_it_was_stored_again(tmp_path):
    names = tmp_path / "names"
    assets = Assets(tmp_path / "assets", [names])
    kept = assets.put(b"picture")
    write_whole(names / kept, b"photo.png")
    os.utime(assets._place(kept), (0, 0))
    before = assets.mtime(kept)
    assets.put(b"picture")
    assert not assets.discard(kept, before), "it is as young as the last time it was stored"
    assert assets.read(kept) == b"picture"
    assert assets.discard(kept, assets.mtime(kept))
    assert files(assets) == []
    assert not list(names.iterdir())
    assert assets.discard(kept, before), "twice is once"


def test_a_discard_that_was_killed_is_taken_back(assets, monkeypatch):
    kept = assets.put(b"picture")
    mtime = assets.mtime(kept)

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.unlink", killed)
        with pytest.raises(KeyboardInterrupt):
            assets.discard(kept, mtime)
    assert not assets.exists(kept)
    assets.restore()
    assert assets.read(kept) == b"picture"
    assert files(assets) == [kept]


@pytest.mark.parametrize("kind", ["link", "pipe", "folder", "loop"])
def test_bad_input_26_no_link_no_pipe_no_folder_is_opened(assets, tmp_path, kind):
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    asset = "ab" + "0" * 62
    place = assets._place(asset)
    place.parent.mkdir(parents=True)
    make = {"link": lambda: place.symlink_to(secret), "pipe": lambda: os.mkfifo(place), "folder": place.mkdir, "loop": lambda: place.symlink_to(place)}
    make[kind]()
    before = set(os.listdir("/proc/self/fd"))
    with pytest.raises(NotFound):
        assets.read(asset)
    assert set(os.listdir("/proc/self/fd")) == before, "and no handle stays open"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
@pytest.mark.parametrize("call", ["os.replace", "os.fsync", "os.open"])
def test_bad_input_53_a_full_disk_leaves_nothing_behind(assets, monkeypatch, call, number):
    def full(*_, **__):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(f"huafang.assets.{call}", full)
    with pytest.raises(DiskFull, match="no room on the disk"):
        assets.put(b"x" * 1000)
    assert files(assets) == []


def test_bad_input_53_a_real_limit_on_files_leaves_nothing_behind(tmp_path):
    """RLIMIT_FSIZE in a process of its own: the kernel stops the write in the middle."""
    code = """
import sys
from pathlib import Path
from huafang.assets import Assets
from huafang.errors import DiskFull
try:
    Assets(Path(sys.argv[1])).put(bytes(100_000))
except DiskFull:
    print("full")
"""
    limit = (50_000, 50_000)
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path], capture_output=True, text=True, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit), check=False
    )
    assert done.stdout == "full\n", done.stderr
    assert files(Assets(tmp_path)) == []


def test_bad_input_54_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(Unavailable, match="cannot write"):
        Assets(tmp_path / "file" / "assets").put(b"x")


def test_bad_input_54_a_folder_that_is_removed_is_made_again(assets):
    import shutil

    assets.put(b"one")
    shutil.rmtree(assets.root)
    assert list(assets.ids()) == []
    assert assets.read(assets.put(b"two")) == b"two"


def test_an_interrupt_leaves_nothing_behind(assets, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("huafang.assets.os.fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        assets.put(b"x")
    assert files(assets) == []


KILLED = """
import os, signal, sys
from pathlib import Path
from huafang.assets import Scratch, draft
with draft(Path(sys.argv[1], "result.png")) as writing, Scratch() as folder:
    writing.write_bytes(b"half")
    Path(folder, "picture.png").write_bytes(b"half")
    print(folder, flush=True)
    if sys.argv[2] == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    sys.stdin.read()
"""


def start_writer(folder: Path, temporary: Path, how: str) -> tuple[subprocess.Popen[str], Path]:
    """A process in the middle of writing; its scratch folder."""
    temporary.mkdir(exist_ok=True)
    environment = {**os.environ, "TMPDIR": str(temporary)}
    writer = subprocess.Popen([sys.executable, "-c", KILLED, folder, how], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
    assert writer.stdout is not None
    return writer, Path(writer.stdout.readline().strip())


def grow_old(folder: Path) -> None:
    for place in [folder, *folder.rglob("*")]:
        if not place.is_symlink() and not place.is_fifo():
            os.utime(place, (1e9, 1e9))


def test_what_killed_writers_left_is_removed_by_the_next_one_and_what_is_being_written_is_not(tmp_path, monkeypatch):
    folder, temporary = tmp_path / "out", tmp_path / "tmp"
    folder.mkdir()
    (folder / ".part-of-another-program").write_bytes(b"theirs")
    (folder / ".part-huafang-link").symlink_to(folder / ".part-of-another-program")
    (folder / ".part-huafang-folder").mkdir()
    os.mkfifo(folder / ".part-huafang-pipe")
    others = {place.name for place in folder.iterdir()}
    killed, left = start_writer(folder, temporary, "kill")
    killed.communicate()
    lives, used = start_writer(folder, temporary, "wait")
    try:
        assert left.is_dir()
        assert len(list(folder.iterdir())) == len(others) + 2
        young = {place.name for place in folder.iterdir()}
        monkeypatch.setattr(module, "_tidied", set())
        monkeypatch.setattr("tempfile.tempdir", str(temporary))
        write_whole(folder / "first.png", b"whole")
        Scratch().cleanup()
        assert {place.name for place in folder.iterdir()} == young | {"first.png"}, "one that is so young may be about to be locked"
        assert left.is_dir()
        grow_old(tmp_path)
        monkeypatch.setattr(module, "_tidied", set())
        write_whole(folder / "second.png", b"whole")
        Scratch().cleanup()
        assert not left.exists()
        assert (used / "picture.png").exists()
        assert len(list(folder.iterdir())) == len(others) + 3, "what a killed one left is gone, and nothing else"
        assert others < {place.name for place in folder.iterdir()}
    finally:
        lives.communicate("")
    assert lives.returncode == 0
    assert (folder / "result.png").read_bytes() == b"half", "it was written to its end"
    assert not used.exists()


def test_a_data_folder_is_tidied_whole_and_links_are_not_followed(tmp_path):
    data, elsewhere = tmp_path / "data", tmp_path / "elsewhere"
    for place in (data / "outbox" / ".part-abc12345", data / "assets" / "ab" / ".part-huafang-1", data / ".part-7", elsewhere / ".part-huafang-2"):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(b"half")
    (data / "models").symlink_to(elsewhere)
    (data / "a.pt.part").write_bytes(b"a download to go on with")
    grow_old(tmp_path)
    assert tidy_tree(data) == 3
    assert sorted(place.name for place in data.rglob("*") if place.is_file()) == ["a.pt.part"]
    assert list(elsewhere.iterdir())


@pytest.mark.parametrize("umask", [0o077, 0o027, 0o022, 0o002])
def test_the_umask_says_who_may_read_a_file(tmp_path, umask):
    before = os.umask(umask)
    try:
        write_whole(tmp_path / "a", b"x")
        with draft(tmp_path / "b.safetensors") as writing:
            writing.write_bytes(b"x")
        stored = Assets(tmp_path / "assets")
        place = stored._place(stored.put(b"x"))
    finally:
        os.umask(before)
    assert {stat.S_IMODE(one.stat().st_mode) for one in (tmp_path / "a", tmp_path / "b.safetensors", place)} == {0o666 & ~umask}


def test_a_draft_that_fails_leaves_what_was_there(tmp_path):
    place = tmp_path / "model.safetensors"
    place.write_bytes(b"before")

    def write() -> None:
        with draft(place) as writing:
            writing.write_bytes(b"after")
            raise ValueError("damaged")

    with pytest.raises(ValueError, match="damaged"):
        write()
    assert [found.name for found in tmp_path.iterdir()] == [place.name]
    assert place.read_bytes() == b"before"


def test_a_reader_sees_all_or_nothing(tmp_path):
    place = tmp_path / "file"
    texts = [bytes([i]) * 300_000 for i in range(8)]
    write_whole(place, texts[0])
    writers = [threading.Thread(target=lambda text=text: [write_whole(place, text) for _ in range(5)]) for text in texts]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        assert place.read_bytes() in texts
    assert [found.name for found in tmp_path.iterdir()] == ["file"]

"""The data folder: whose it is, and what killed processes left in it."""

import os
import signal
import stat
import sys
import time
from pathlib import Path

import pytest

from huafang.jobs.rows import open_database
from huafang.jobs.store import Store
from tests.server.conftest import Server, picture, wait
from tests.server.test_limits import children_of, hear, listen

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="rights and signals are different there")


def modes(root: Path) -> dict[str, int]:
    return {str(place.relative_to(root)): stat.S_IMODE(place.stat().st_mode) for place in [root, *root.rglob("*")]}


@pytest.mark.parametrize("there", [False, True])
def test_what_users_make_is_theirs_alone(tmp_path: Path, there: bool):
    """A new data folder is private; in one that was there, as it was, the folders of pictures and the database are."""
    root = tmp_path / "data"
    if there:
        root.mkdir(mode=0o755)
        root.chmod(0o755)
    before = os.umask(0o022)
    try:
        with Server(root) as server:
            server.upload(picture())
            found = modes(root)
    finally:
        os.umask(before)
    assert found["."] == (0o755 if there else 0o700)
    assert all(found[name] & 0o077 == 0 for name in ("assets", "outbox", "names", "cache", "work", "huafang.db", "huafang.db-wal", "huafang.db-shm")), found


def test_what_killed_processes_left_half_written_is_gone_after_the_next_start(tmp_path: Path):
    left = [
        tmp_path / folder / name for folder in ("assets/ab", "outbox", "names", "cache/thumbnails/256", "models") for name in (".part-huafang-0a", ".part-x7")
    ]
    for place in left:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(b"half")
        os.utime(place, (time.time() - 120, time.time() - 120))
    with Server(tmp_path):
        wait(lambda: not [place for place in left if place.exists()])


def test_a_closed_terminal_stops_the_server_in_order(tmp_path: Path):
    with Server(tmp_path) as server:
        job = server.paint(5000)
        stream = listen(server, f"/api/jobs/{job}/events")
        hear(stream, b"event: progress")
        for child in [*children_of(server.process.pid), str(server.process.pid)]:  # a terminal tells every process of its group
            os.kill(int(child), signal.SIGHUP)
        assert server.process.wait(30) == 0
        stream.close()
    store = Store(open_database(f"sqlite:///{tmp_path / 'huafang.db'}"))
    row = store.get(job)
    store.close()
    assert (row.state, row.crashes) == ("queued", 0)

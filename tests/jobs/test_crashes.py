"""`kill -9` at every point of a job's life: nothing finished is lost, nothing queued is lost, and no picture is made twice.

| point | who dies | what must come of it |
|---|---|---|
| submitted | server, the job is on disk | it runs after the restart |
| claimed, sent | server, the job is running | it runs again |
| received | server, the result is posted and not booked | it is booked from the outbox, not painted again |
| booked | server, the result is booked | nothing more happens |
| lane-started, lane-step, lane-painted, lane-stored | lane, at work | it runs again |
| lane-posted | lane, the result is posted and not said | it is booked from the outbox, not painted again |
"""

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from huafang.assets import Assets
from huafang.jobs.crash import POINTS
from huafang.jobs.rows import open_database
from huafang.jobs.store import Store

ROOT = Path(__file__).parents[2]
AFTER_POSTING = ("received", "booked", "lane-posted")


def host(root: Path, crash: str) -> int:
    environment = {**os.environ, "HUAFANG_CRASH_AT": crash, "PYTHONPATH": str(ROOT)}
    return subprocess.run([sys.executable, "-m", "tests.jobs.host", str(root)], env=environment, timeout=120, check=False, cwd=ROOT).returncode


@pytest.mark.parametrize("point", POINTS)
def test_bad_input_47_kill_at(point, tmp_path):
    marker = tmp_path / "crashed"
    code = host(tmp_path, f"{point}:{marker}")
    if point.startswith("lane-"):
        assert code == 0, "a lane's death never takes the server along"
    else:
        assert code == -signal.SIGKILL
        assert host(tmp_path, f"{point}:{marker}") == 0
    assert marker.exists(), "the test did kill something"
    store = Store(open_database(f"sqlite:///{tmp_path / 'huafang.db'}"))
    rows = store.page()
    assert [row.state for row in rows] == ["done"] * 3
    assert all(len(row.outputs) == 1 and Assets(tmp_path / "assets").exists(row.outputs[0]["asset"]) for row in rows)
    assert len(set(Assets(tmp_path / "assets").ids())) == 3
    posted = Counter((tmp_path / "posted.txt").read_text().split())
    if point in AFTER_POSTING:
        assert all(row.attempt == 1 for row in rows)
        assert set(posted.values()) == {1}, "a finished picture is not painted again"
    began = Counter((tmp_path / "began.txt").read_text().split())
    assert sorted(began.values()) in ([1, 1, 1], [1, 1, 2]), "only the interrupted job is run again"
    assert not list((tmp_path / "outbox").glob("*.json"))
    assert not list(tmp_path.rglob(".part-*")), "nothing half-written stays"


def test_bad_input_48_a_lane_leaves_when_its_server_is_killed(tmp_path):
    """The server is killed at work; its lane must not live on as an orphan."""
    assert host(tmp_path, f"sent:{tmp_path / 'crashed'}") == -signal.SIGKILL
    pattern = str(tmp_path).encode()
    for _ in range(100):
        alive = [entry for entry in Path("/proc").glob("[0-9]*/environ") if _reads(entry, pattern)]
        if not alive:
            return
        import time

        time.sleep(0.05)
    raise AssertionError(f"orphans: {alive}")


def _reads(entry: Path, pattern: bytes) -> bool:
    try:
        return pattern in entry.read_bytes()
    except OSError:
        return False

"""Crash points, for tests that prove what a `kill -9` costs.

HUAFANG_CRASH_AT=<point>:<marker file> kills the process at that point, once: the marker file remembers that it was done.
"""

import os
import signal
from pathlib import Path

POINTS = ("submitted", "claimed", "sent", "received", "booked", "lane-started", "lane-step", "lane-painted", "lane-stored", "lane-posted")
"""Server: after a job is stored, claimed, sent to a lane, its result received, its result booked. Lane: after it took the job, after a step,
before and after the pictures are stored, after the result is posted to the outbox."""


def point(name: str) -> None:
    """Die here if a test asked for it."""
    asked = os.environ.get("HUAFANG_CRASH_AT")
    if not asked:
        return
    where, _, marker = asked.partition(":")
    if where == name:
        try:
            os.close(os.open(Path(marker), os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return
        os.kill(os.getpid(), signal.SIGKILL)

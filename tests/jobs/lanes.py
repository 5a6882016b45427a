"""A lane that does what its params say, for tests of the queue: no torch, no pictures, and crash points like the real one.

Params: `steps` and `dt` (how long it works), `deaf` (does not hear a cancel), `die` (kills itself at that step, every time), `fail` (raises),
`say` (messages, before the first step), `unsaved` (gives heartbeats in its steps, this many or until it ends, and saves when it is cancelled).
"""

import json
import os
import signal
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path

from huafang.assets import Assets, write_whole
from huafang.errors import BadInput, Cancelled
from huafang.jobs import crash
from huafang.jobs.executor import Event, TaskSpec
from huafang.worker import _Inbox, fault_of, follow_the_server


def stillborn_lane(pipe: Connection, name: str, root: Path) -> None:
    """A lane that cannot start while the file `broken` is there, as with a damaged installation."""
    with (root / "born.txt").open("a") as log:
        log.write(f"{time.monotonic()}\n")
    if (root / "broken").exists():
        os._exit(7)
    fake_lane(pipe, name, root)


def fake_lane(pipe: Connection, name: str, root: Path) -> None:
    follow_the_server()
    inbox = _Inbox(pipe)
    while True:
        task, stop = inbox.next()
        try:
            result = _work(task, pipe, stop, root)
            pipe.send(Event(task.job_id, task.attempt, "done", result))
        except Cancelled:
            pipe.send(Event(task.job_id, task.attempt, "cancelled"))
        except Exception as error:
            pipe.send(Event(task.job_id, task.attempt, "failed", fault_of(error)))


def _step(task: TaskSpec, pipe: Connection, stop: threading.Event) -> None:
    """A step of `dt` seconds; one that is `unsaved` goes on for that long after it was asked to stop."""
    left = task.params.get("unsaved", 0)
    if left:
        pipe.send(Event(task.job_id, task.attempt, "alive"))
        stop.wait()
    end = time.monotonic() + task.params.get("dt", 0.0)
    while (rest := end - time.monotonic()) > 0:
        time.sleep(min(rest, 0.05))
        if left > 0:
            left -= 1
            pipe.send(Event(task.job_id, task.attempt, "alive"))


def _work(task: TaskSpec, pipe: Connection, stop: threading.Event, root: Path) -> dict:
    asked = task.params
    pipe.send(Event(task.job_id, task.attempt, "started"))
    with (root / "began.txt").open("a") as log:
        log.write(f"{task.job_id}\n")
    crash.point("lane-started")
    for said in asked.get("say", ()):
        pipe.send(Event(task.job_id, task.attempt, "message", {"en": said, "zh": f"中文 {said}"}))
    for step in range(asked.get("steps", 1)):
        if stop.is_set() and not asked.get("deaf"):
            if asked.get("unsaved"):
                (root / f"saved-{task.job_id}").write_text(f"{os.getpid()} {step}")
                pipe.send(Event(task.job_id, task.attempt, "message", {"en": f"step {step} is saved", "zh": f"已保存到第 {step} 步"}))
            raise Cancelled()
        if asked.get("die") == step:
            os.kill(os.getpid(), signal.SIGKILL)
        if asked.get("fail") == step:
            raise BadInput("the fake lane was told to fail")
        crash.point("lane-step")
        _step(task, pipe, stop)
        pipe.send(Event(task.job_id, task.attempt, "progress", {"done": step + 1, "total": asked.get("steps", 1), "figures": {"pid": os.getpid()}}))
        pipe.send(Event(task.job_id, task.attempt, "preview", {"image": f"data:,{step}"}))
    crash.point("lane-painted")
    asset = Assets(root / "assets").put(f"picture of {asked.get('tag')}".encode())
    crash.point("lane-stored")
    result = {"outputs": [{"asset": asset, "name": "x.png", "media_type": "image/png", "width": 1, "height": 1}], "figures": {}, "notes": [], "seconds": 0.1}
    write_whole(root / "outbox" / f"{task.job_id}-{task.attempt}.json", json.dumps(result).encode())
    with (root / "posted.txt").open("a") as log:
        log.write(f"{task.job_id}\n")
    crash.point("lane-posted")
    return result

"""The seam between jobs and what runs them: an Executor takes TaskSpecs and answers with Events. It knows no database.

`LocalExecutor` keeps one spawned process per lane. A lane keeps its models between jobs, and exits by itself when its pipe closes.
"""

import contextlib
import logging
import multiprocessing as mp
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, Literal, Protocol

log = logging.getLogger(__name__)

EventType = Literal["started", "progress", "preview", "message", "alive", "done", "failed", "cancelled", "lost"]
TERMINAL = ("done", "failed", "cancelled", "lost")
RESPAWN = 0.5
"""Seconds before a lane that died is started again; twice as many after each start that failed, up to `RESPAWN_MOST`."""
RESPAWN_MOST = 60.0


@dataclass(frozen=True)
class TaskSpec:
    """One attempt at one job. `lane` is the sort of lane it needs."""

    job_id: str
    attempt: int
    params: dict[str, Any]
    lane: str = "compute"


@dataclass(frozen=True)
class Event:
    """What an attempt says. `message` is a sentence for the user, {"en", "zh"}; `alive` a heartbeat of an attempt that has learnt what is not saved yet.

    The last one is of a TERMINAL type; `lost` is said by the executor when the lane died: `exit` is its code, and `started` says whether the attempt had begun.
    """

    job_id: str
    attempt: int
    type: EventType
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class LaneState:
    """A lane as the dispatcher sees it: free when it is alive and `job` is None. `failures` counts how often in a row its process could not be started."""

    name: str
    kind: str
    alive: bool
    job: str | None
    failures: int = 0


class Executor(Protocol):
    """Runs attempts. `on_event` is called from threads of the executor's own."""

    def start(self, on_event: Callable[[Event], None]) -> None: ...
    def lanes(self) -> list[LaneState]: ...
    def submit(self, task: TaskSpec) -> bool: ...
    def cancel(self, job_id: str, *, hard: bool = False) -> None: ...
    def stop(self, grace: float) -> None: ...


class LocalExecutor:
    """Spawned processes on this machine, one per name in `lanes` ({"cpu": "compute", "network": "network"}).

    `entry(connection, lane name)` is what a lane runs; it must be importable by name.
    """

    def __init__(self, lanes: dict[str, str], entry: Callable[..., None], arguments: tuple[Any, ...] = ()) -> None:
        self._lanes = [_Lane(name, kind, entry, arguments) for name, kind in lanes.items()]

    def start(self, on_event: Callable[[Event], None]) -> None:
        for lane in self._lanes:
            lane.start(on_event)

    def lanes(self) -> list[LaneState]:
        return [lane.state() for lane in self._lanes]

    def submit(self, task: TaskSpec) -> bool:
        """Give `task` to a free lane of its kind. False if there is none, for instance because its process has just died."""
        return any(lane.kind == task.lane and lane.take(task) for lane in self._lanes)

    def cancel(self, job_id: str, *, hard: bool = False) -> None:
        """Ask the lane that runs `job_id` to stop at its next step; `hard` kills it."""
        for lane in self._lanes:
            lane.cancel(job_id, hard=hard)

    def stop(self, grace: float) -> None:
        """End all lanes; what still runs after `grace` seconds is killed."""
        deadline = time.monotonic() + grace
        for lane in self._lanes:
            lane.close()
        for lane in self._lanes:
            lane.join(max(0.0, deadline - time.monotonic()))


class _Lane:
    """A process, and the thread that talks to it."""

    def __init__(self, name: str, kind: str, entry: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        self.name, self.kind = name, kind
        self._entry, self._arguments = entry, arguments
        self._inbox: queue.SimpleQueue[TaskSpec | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._task: TaskSpec | None = None
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None
        self._closing = threading.Event()
        self._failures = 0
        self._born = 0.0
        self._worked = False
        """Whether the process that lives now has said anything."""
        self._thread = threading.Thread(target=self._drive, name=f"lane-{name}", daemon=True)

    def start(self, on_event: Callable[[Event], None]) -> None:
        self._say = on_event
        self._thread.start()

    def state(self) -> LaneState:
        process, task = self._process, self._task
        return LaneState(self.name, self.kind, process is not None and process.is_alive(), task.job_id if task else None, self._failures)

    def take(self, task: TaskSpec) -> bool:
        with self._lock:
            if self._task is not None or self._closing.is_set() or self._process is None or not self._process.is_alive():
                return False
            self._task = task
        self._inbox.put(task)
        return True

    def cancel(self, job_id: str, *, hard: bool) -> None:
        with self._lock:
            if self._task is None or self._task.job_id != job_id:
                return
            if hard and self._process is not None:
                self._process.kill()
            elif self._pipe is not None:
                with contextlib.suppress(OSError):
                    self._pipe.send(("cancel", job_id, self._task.attempt))

    def close(self) -> None:
        self._closing.set()
        self._inbox.put(None)

    def join(self, grace: float) -> None:
        self._thread.join(grace)
        process = self._process
        if process is not None and process.is_alive():
            process.kill()
            process.join(2)
        self._thread.join(2)

    def _spawn(self) -> None:
        self._born, self._worked = time.monotonic(), False
        spawn = mp.get_context("spawn")
        try:
            ours, theirs = spawn.Pipe()
            process = spawn.Process(target=self._entry, args=(theirs, self.name, *self._arguments), name=f"huafang-{self.name}", daemon=True)
            process.start()
        except OSError as error:  # no memory, no process or no handle left: tried again later, like a process that died at once
            log.error("no process can be started for lane %s: %s", self.name, error)
            return
        theirs.close()
        with self._lock:
            self._process, self._pipe = process, ours

    def _respawn(self, code: int | None, *, started: bool) -> None:
        """Start a new process; the later, the more often in a row none came to work: a broken installation must not cost a core."""
        self._failures = 0 if started or time.monotonic() - self._born > RESPAWN_MOST else self._failures + 1
        delay = min(RESPAWN * 2**self._failures, RESPAWN_MOST) if self._failures else 0.0
        if self._failures:
            log.error("the process of lane %s ended before it took up any work (exit code %s); it is started again in %g s", self.name, code, delay)
        if not self._closing.wait(delay):
            self._spawn()

    def _drive(self) -> None:
        self._spawn()
        while True:
            try:
                task = self._inbox.get(timeout=0.5)
            except queue.Empty:
                if self._process is None or not self._process.is_alive():  # it died with nothing to do
                    self._respawn(self._process.exitcode if self._process else None, started=self._worked)
                continue
            if task is None:
                break
            self._run(task)
        if self._pipe is not None:
            self._pipe.close()  # the lane hears it and exits
        if self._process is not None:
            self._process.join()

    def _run(self, task: TaskSpec) -> None:
        """Send one task and pass its events on until the last one."""
        pipe, process = self._pipe, self._process
        assert pipe is not None
        assert process is not None
        last: Event | None = None
        started = False
        try:
            with self._lock:  # a cancel may be on its way from another thread
                pipe.send(task)
            while last is None:
                event = pipe.recv()
                started = self._worked = True
                self._failures = 0
                if event.type in TERMINAL:
                    last = event
                else:
                    self._say(event)
        except (EOFError, OSError):
            process.join(5)
            last = Event(task.job_id, task.attempt, "lost", {"exit": process.exitcode, "started": started})
            pipe.close()
        with self._lock:
            self._task = None
        self._say(last)
        if last.type == "lost":
            self._respawn(process.exitcode, started=started)

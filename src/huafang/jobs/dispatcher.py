"""The one writer of the table of jobs: takes jobs in, hands them to free lanes, books what comes back, and tells who listens.

What a lane finishes it first posts to the *outbox*, a file per attempt; the dispatcher books it and then clears the file. So a result that was
finished when the server died is booked at the next start, and not painted again.
"""

import contextlib
import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from huafang import datasets
from huafang.assets import Assets
from huafang.errors import Conflict, HuafangError, NotFound, QueueFull, Unavailable
from huafang.jobs import crash
from huafang.jobs.executor import Event, Executor, TaskSpec
from huafang.jobs.lease import Lease, NoLease
from huafang.jobs.outbox import DamagedResult, Outbox, assets_of
from huafang.jobs.retention import Retention
from huafang.jobs.rows import Row
from huafang.jobs.store import ENDED, STEP, Draft, Store

log = logging.getLogger(__name__)

ATTEMPTS = 3
"""A job that takes its lane down this often is not tried again."""
CHECK_LEASE = 5.0
"""Seconds between two looks at the lock on the database."""
SAY_AGAIN = 60.0
"""Seconds after which the log repeats why the queue stands still."""
FORCE_AFTER = 8.0
"""Seconds after which a lane that does not hear a cancel is killed, unless it says that it has something to save."""
SILENT_AFTER = 60.0
"""Seconds without a heartbeat after which a lane that had something to save is taken for hung."""
Kind = Literal["job", "progress", "preview"]
Listener = Callable[[Kind, str, Any], None]


@dataclass
class Live:
    """What is known of a running job and is not worth a row."""

    attempt: int
    started: float
    progress: dict[str, Any] | None = None
    preview: dict[str, Any] | None = None
    seq: int = 0
    cancel_at: float | None = None
    beat_at: float | None = None
    """When the attempt said last that it has learnt what is not saved yet."""
    notes: list[dict[str, str]] = field(default_factory=list)
    pace: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=32))


class Dispatcher:
    """Start it once per database. All its methods may be called from any thread."""

    def __init__(self, store: Store, executor: Executor, assets: Assets, outbox: Path, *, queue_limit: int = 500, lease: Lease | None = None) -> None:
        self.store = store
        self.executor = executor
        self.assets = assets
        self.queue_limit = queue_limit
        self.retention = Retention(store, assets)
        self._outbox = Outbox(outbox)
        self._lease = lease or NoLease()
        self._lease_checked = time.monotonic()
        self._lock = threading.RLock()
        self._wake = threading.Event()
        self._live: dict[str, Live] = {}
        self._listeners: list[Listener] = []
        self._recent: deque[float] = deque(maxlen=20)
        self._stopping = False
        self._thread = threading.Thread(target=self._loop, name="dispatcher", daemon=True)

    # life

    def start(self) -> None:
        """Book what finished before, give back what was interrupted, and begin."""
        with self._lock:
            self.retention.open()
            if count := self.store.end_damaged():
                log.warning("%d jobs that waited or ran cannot be read from the database any more, and are booked as failed", count)
            for row in self.store.running():
                self._interrupted(row, "the studio was stopped in the middle of it", blame=False)
            with contextlib.suppress(HuafangError):  # on a full disk they are merely kept
                for asset in self._outbox.clear():
                    self.retention.note_unused(asset)
        self.executor.start(self._on_event)
        self._thread.start()

    def stop(self, grace: float = 5.0) -> None:
        """Claim no more, ask what runs to stop, and put it back into the queue. Nothing counts as a crash."""
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(2)
        with self._lock:
            for job in list(self._live):
                self.executor.cancel(job)
        deadline = time.monotonic() + grace
        while self._live and time.monotonic() < deadline:
            time.sleep(0.02)
        self._wait_for_saves()
        self.executor.stop(max(0.5, deadline - time.monotonic()))
        with self._lock:
            try:
                for row in self.store.running():
                    self._put_back(row)
                self.retention.count_time()
            except HuafangError as error:  # a full disk: the next start puts back what is left
                log.error("what ran could not be put back into the queue: %s", error)

    def _wait_for_saves(self) -> None:
        """Wait for the attempts that are in the middle of a step and save after it, for as long as their heartbeats come."""
        told = False
        while unsaved := [job for job, live in list(self._live.items()) if live.beat_at is not None and time.monotonic() - live.beat_at < SILENT_AFTER]:
            if not told:
                log.warning("waiting until %s is saved; press Ctrl-C again to leave at once, and lose what was learnt since its last checkpoint", unsaved[0])
                told = True
            time.sleep(0.02)

    def _put_back(self, row: Row) -> None:
        with contextlib.suppress(DamagedResult):
            if self._book_posted(row):
                return
        self.store.requeue(row.id, row.attempt, crashed=False)

    # what callers ask for

    def submit(self, draft: Draft) -> Row:
        """Take a job in; when this returns it is on disk. Raises QueueFull, DiskFull."""
        with self._lock:
            if draft.key and (known := self.store.by_key(draft.key)):
                return known
            waiting = self.store.count("queued")
            if waiting >= self.queue_limit:
                raise QueueFull(
                    f"{waiting} jobs wait already, which is the limit", retry_after=self._seconds_per_job(), hint="wait for some to finish, or cancel some"
                )
            if missing := [asset for asset in draft.inputs if not self.assets.exists(asset)]:
                raise NotFound(f"no asset {missing[0][:12]}…: it was deleted, or never stored here", code="asset.missing", hint="upload the picture again")
            self.retention.register()
            row = self.store.add(draft)
            crash.point("submitted")
            self._tell(row)
        self._wake.set()
        return row

    def cancel(self, job: str) -> Row:
        """Cancel a waiting job; ask a running one to stop. Twice is once; an ended one stays as it is. Raises NotFound.

        A running job is asked before anything is written, so that it can be stopped on a full disk too. Raises DiskFull for a waiting one.
        """
        with self._lock:
            live = self._live.get(job) if self.store.lost is None else None
            if live and live.cancel_at is None:
                live.cancel_at = time.monotonic()
                self.executor.cancel(job)
            try:
                row = self.store.ask_cancel(job)
            except Unavailable as error:
                if live is None:
                    raise
                log.warning("the cancel of job %s could not be written, and is heard all the same: %s", job, error)
                row = self.store.get(job)
            self._tell(row)
        return row

    def retry(self, job: str) -> Row:
        """A new job with the settings of an old one. Raises NotFound, QueueFull, and Conflict where those cannot be read any more."""
        row = self.store.get(job)
        if lost := [name for name in ("method", "params", "inputs", "lane") if name in row.damage]:
            raise Conflict(f"job {job} cannot be run again: its entry in the database is damaged ({', '.join(lost)})", code="job.damaged")
        priority = "bulk" if row.priority else "interactive"
        return self.submit(Draft(row.method, row.params, row.inputs, row.words, row.lane, priority, title=row.title))

    def move(self, job: str, before: str | None) -> Row:
        with self._lock:
            row = self.store.move(job, before)
            self._tell(row)
        return row

    def trash(self, job: str, *, back: bool = False) -> Row:
        with self._lock:
            row = self.store.trash(job, back=back)
            self._tell(row)
        return row

    def pause(self, paused: bool) -> None:
        """A paused queue takes jobs in and starts none."""
        with self._lock:
            self.store.set("paused", "yes" if paused else "no")
        self._wake.set()

    @property
    def paused(self) -> bool:
        return self.store.setting("paused") == "yes"

    def live(self, job: str) -> Live | None:
        return self._live.get(job)

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call `listener(kind, job id, payload)` at each change; it must not block. Returns what ends it."""
        with self._lock:
            self._listeners.append(listener)

        def leave() -> None:
            with self._lock, contextlib.suppress(ValueError):
                self._listeners.remove(listener)

        return leave

    def keep_upload(self, data: bytes) -> str:
        """Store a file that no job uses yet, and give its id. Raises DiskFull, Unavailable."""
        with self._lock:
            self.retention.register()
        asset = self.assets.put(data)
        with self._lock:
            self.retention.note_unused(asset)
        return asset

    def keep_dataset(self, examples: Sequence[datasets.Example]) -> str:
        """Store a dataset that no job uses yet, and give its id. Raises NotFound, BadInput for what it may not hold; DiskFull, Unavailable."""
        with self._lock:
            self.retention.register()
        asset = datasets.store(examples, self.assets)
        with self._lock:
            for used in {asset, *(example.asset for example in examples)}:  # they begin to wait together
                self.retention.note_unused(used)
        return asset

    def sweep(self) -> int:
        """Forget what has been in the trash for 30 days, and delete the files that nothing uses any more. Returns how many files went."""
        with self._lock:
            return self.retention.sweep()

    # the loop

    def _loop(self) -> None:
        swept = said_at = -math.inf
        said = ""
        while not self._stopping:
            self._wake.wait(0.5)
            self._wake.clear()
            try:
                self._check_lease()
                self._force_cancels()
                self._fill_lanes()
                if time.monotonic() - swept > STEP:
                    swept = time.monotonic()
                    self.sweep()
            except HuafangError as error:  # a full disk, a locked database: say so, and try again at the next turn
                if str(error) != said or time.monotonic() - said_at > SAY_AGAIN:
                    log.error("the queue stands still: %s", error)
                    said, said_at = str(error), time.monotonic()
                time.sleep(0.5)
            except Exception:  # the dispatcher must outlive any one mistake; it is logged whole
                log.exception("the queue met an error of our own")
                time.sleep(0.5)

    def _fill_lanes(self) -> None:
        for lane in self.executor.lanes():
            with self._lock:
                if self._stopping or not lane.alive or lane.job is not None or (lane.kind == "compute" and self.paused):
                    continue
                row = self.store.claim(lane.kind)
                if row is None:
                    continue
                if row.damage:
                    self.store.finish(row.id, row.attempt, "failed")
                    self._tell(self.store.get(row.id))
                    continue
                crash.point("claimed")
                self._live[row.id] = Live(row.attempt, time.monotonic())
                self._tell(row)
                if not self.executor.submit(TaskSpec(row.id, row.attempt, row.params, row.lane)):
                    self._live.pop(row.id)
                    self.store.requeue(row.id, row.attempt, crashed=False)
                    self._tell(self.store.get(row.id))
                    continue
                crash.point("sent")

    def _check_lease(self) -> None:
        """See that this process still owns the database. While it does not, nothing is written, and what runs is stopped: the new owner runs it again."""
        if time.monotonic() - self._lease_checked < CHECK_LEASE and self.store.lost is None:
            return
        self._lease_checked = time.monotonic()
        try:
            self._lease.check()
        except HuafangError as error:
            self.store.lost = error
            with self._lock:
                for job in self._live:
                    self.executor.cancel(job)
            raise
        self.store.lost = None

    def _force_cancels(self) -> None:
        now = time.monotonic()
        with self._lock:
            deaf = [job for job, live in self._live.items() if _is_deaf(live, now)]
        for job in deaf:
            self.executor.cancel(job, hard=True)

    # what lanes say

    def _on_event(self, event: Event) -> None:
        with self._lock:
            live = self._live.get(event.job_id)
            if live is None or live.attempt != event.attempt:
                return
            if event.type == "progress":
                self._progress(event, live)
            elif event.type == "preview":
                live.seq += 1
                live.preview = {"seq": live.seq, "image": event.data["image"]}
                self._say("preview", event.job_id, live.preview)
            elif event.type == "message":
                self._message(event, live)
            elif event.type == "alive":
                live.beat_at = time.monotonic()
            elif event.type != "started":
                self._ended(event, live)

    def _message(self, event: Event, live: Live) -> None:
        """Write a sentence of the running attempt into the row, once. On a full disk it is shown all the same."""
        note = {"en": event.data["en"], "zh": event.data["zh"]}
        if note in live.notes:
            return
        live.notes.append(note)
        try:
            self.store.note(event.job_id, live.attempt, list(live.notes))
        except HuafangError as error:
            log.warning("a message of job %s could not be written: %s", event.job_id, error)
        self._tell(self.store.get(event.job_id))

    def _progress(self, event: Event, live: Live) -> None:
        live.seq += 1
        now, done, total = time.monotonic(), event.data["done"], event.data["total"]
        live.pace.append((now, done))
        (then, earlier) = live.pace[0]
        pace = (done - earlier) / (now - then) if done > earlier and now > then else None
        live.progress = {
            "seq": live.seq,
            "done": done,
            "total": total,
            "figures": event.data["figures"],
            "elapsed": now - live.started,
            "eta": (total - done) / pace if pace else None,
        }
        self._say("progress", event.job_id, live.progress)

    def _ended(self, event: Event, live: Live) -> None:
        crash.point("received")
        job, attempt = event.job_id, event.attempt
        self._live.pop(job, None)
        try:
            if event.type == "done":
                self._book(job, attempt, event.data)
            elif event.type == "failed":
                self.store.finish(job, attempt, "failed", error=event.data)
            elif event.type == "cancelled" and (live.cancel_at is not None or self.store.get(job).cancelling):
                self.store.finish(job, attempt, "cancelled")
            elif event.type == "cancelled":
                self.store.requeue(job, attempt, crashed=False)  # it was the studio that stopped, not the user
            else:
                code = event.data.get("exit")
                begun = bool(event.data.get("started", True))  # a process that could not be started is not the job's fault
                row = self.store.get(job)
                row.cancelling = row.cancelling or live.cancel_at is not None
                self._interrupted(row, f"its process died (exit code {code}{_signal(code)})", blame=begun)
        except HuafangError as error:
            log.error("how job %s ended could not be written: %s", job, error)
            threading.Timer(2.0, self._again, (event, live)).start()
            return
        except Exception:  # a mistake of our own must not end the lane's thread and leave the job running for ever
            log.exception("how job %s ended could not be booked", job)
            fault = {"code": "bug", "message": "how it ended could not be booked", "hint": "this is a fault of Huafang's own; its log has the details"}
            self.store.finish(job, attempt, "failed", error=fault)
        self._recent.append(time.monotonic() - live.started)
        self._tell(self.store.get(job))
        self._wake.set()

    def _again(self, event: Event, live: Live) -> None:
        """Book an end that could not be written (a full disk): the result is in the outbox, so nothing is lost by waiting."""
        with self._lock:
            if not self._stopping:
                self._live[event.job_id] = live
                self._ended(event, live)

    def _book(self, job: str, attempt: int, result: dict[str, Any]) -> bool:
        values = {name: result[name] for name in ("outputs", "figures", "notes", "seconds")}
        booked = self.store.finish(job, attempt, "done", **values)
        crash.point("booked")
        self._outbox.remove(job, attempt)
        return booked

    def _interrupted(self, row: Row, why: str, *, blame: bool = True) -> None:
        """An attempt ended without a word: book its result if it had posted one, else try again, else say why not. `blame` counts it against the job."""
        hint = "most likely it ran out of memory: try a smaller picture or fewer steps, then press retry"
        try:
            if self._book_posted(row):
                return
        except DamagedResult as error:
            why, hint, blame = f"its result cannot be read ({error})", "check the disk, then press retry", True
        if row.cancelling:
            self.store.finish(row.id, row.attempt, "cancelled")
        elif self._stopping or not blame:
            self.store.requeue(row.id, row.attempt, crashed=False)
        elif row.crashes + 1 >= ATTEMPTS:
            fault = {
                "code": "job.crashed",
                "message": f"given up after {ATTEMPTS} attempts: {why}",
                "hint": hint,
            }
            self.store.finish(row.id, row.attempt, "failed", error=fault, crashes=row.crashes + 1)
        else:
            log.warning("job %s is put back into the queue: %s", row.id, why)
            self.store.requeue(row.id, row.attempt, crashed=True)

    def _book_posted(self, row: Row) -> bool:
        """Book what the running attempt posted, if it did. Raises DamagedResult."""
        result = self._outbox.read(row.id, row.attempt)
        if result is None or not all(self.assets.exists(asset) for output in result["outputs"] for asset in assets_of(output)):
            return False
        return self._book(row.id, row.attempt, result)

    # telling

    def _tell(self, row: Row) -> None:
        if row.state in ENDED:
            self._live.pop(row.id, None)
        self._say("job", row.id, row)

    def _say(self, kind: Kind, job: str, payload: Any) -> None:
        for listener in list(self._listeners):
            listener(kind, job, payload)

    def _seconds_per_job(self) -> float:
        return max(1.0, sum(self._recent) / len(self._recent)) if self._recent else 5.0


def _is_deaf(live: Live, now: float) -> bool:
    """Whether a running attempt was asked to stop and is to be killed. One with something to save is not, however long its step takes, while it is alive."""
    if live.cancel_at is None:
        return False
    if live.beat_at is None:
        return now - live.cancel_at > FORCE_AFTER
    return now - max(live.cancel_at, live.beat_at) > SILENT_AFTER


def _signal(code: int | None) -> str:
    return {-9: ": killed, most likely for want of memory", -11: ": a fault in native code", -6: ": aborted in native code"}.get(code or 0, "")

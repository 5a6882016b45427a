"""A lane: TaskSpecs in, Events out. The only process that loads torch.

Results are stored first, then posted to the outbox, and only then said, so that nothing finished is ever lost. When the pipe closes, the server is
gone, and the lane goes too.
"""

import base64
import contextlib
import io
import json
import logging
import math
import multiprocessing
import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huafang import compilation, datasets, images, metadata, methods
from huafang.assets import Assets, write_whole
from huafang.context import MODEL_FOLDER, Context, File, Learnable, Resident, Result, Step
from huafang.errors import Cancelled, HuafangError, as_fault
from huafang.jobs import crash
from huafang.jobs.executor import Event, EventType, TaskSpec
from huafang.models.modelfile import sha256
from huafang.models.store import ModelStore
from huafang.notes import Note
from huafang.params import Params
from huafang.processes import end_with

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

NETWORK = "network"
"""Name of the lane for downloads, which needs no device and no torch."""
PREVIEW_SIDE = 512
PROGRESS_EVERY = 0.05
"""Seconds between two progress events at the least: a fast method must not drown its listeners."""
PATIENCE = 15.0
"""Seconds that a lane gives the server to end it in order."""
BEAT = 1.0
"""Seconds between two heartbeats."""
COMPUTES = 0.005
"""Share of a processor from which a process is taken to compute: a busy machine may leave it little."""


@dataclass(frozen=True)
class LanePlaces:
    """What a lane needs to know of the machine."""

    assets: Path
    models: Path
    outbox: Path
    folders: tuple[Path, ...] = ()
    threads: int | None = None
    work: Path | None = None


def lane(pipe: Connection, name: str, where: LanePlaces) -> None:
    """Run tasks from `pipe` until it closes. A lane for painting is named for its device."""
    work = _Work()
    follow_the_server(lambda: work.unsaved)
    _be_first_to_go()
    inbox = _Inbox(pipe)
    resident = Resident()
    if name != NETWORK:
        compilation.fall_back_to(where.models.parent)
        import torch

        if where.threads:
            torch.set_num_threads(where.threads)
    while True:
        task, stop = inbox.next()
        attempt(task, pipe, name, where, stop, resident, work)


class _Work:
    """The run that goes on in this process, if one does."""

    context: Context | None = None

    @property
    def unsaved(self) -> bool:
        """Whether the process must not end now: it has learnt what is in no checkpoint yet."""
        return self.context is not None and self.context.unsaved


def follow_the_server(unsaved: Callable[[], bool] = lambda: False) -> None:
    """Leave signals to the server, and end when it ends.

    A service manager's SIGTERM, or a closed terminal's SIGHUP, goes to every process at once. The server is to say when a lane ends, or its death would count
    as a crash: the lane ends by itself after `PATIENCE` seconds, and no sooner than `unsaved` says that nothing would be lost.
    """

    def leave() -> None:
        while unsaved():
            time.sleep(0.1)
        os._exit(0)

    def leave_later(*_: object) -> None:
        timer = threading.Timer(PATIENCE, leave)
        timer.daemon = True
        timer.start()

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the server's to hear
    signal.signal(signal.SIGTERM, leave_later)
    if hasattr(signal, "SIGHUP"):  # a closed terminal tells every process
        signal.signal(signal.SIGHUP, leave_later)
    if server := multiprocessing.parent_process():
        end_with(server.pid or 0)


class _Inbox:
    """Reads the pipe on a thread, so that a cancel is heard while a method works, and even when it overtakes its task."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._tasks: queue.SimpleQueue[tuple[TaskSpec, threading.Event]] = queue.SimpleQueue()
        threading.Thread(target=self._read, name="inbox", daemon=True).start()

    def next(self) -> tuple[TaskSpec, threading.Event]:
        return self._tasks.get()

    def _read(self) -> None:
        stops: dict[tuple[str, int], threading.Event] = {}
        try:
            while True:
                message = self._pipe.recv()
                if isinstance(message, TaskSpec):
                    key = (message.job_id, message.attempt)
                    stops = {key: stops.get(key, threading.Event())}
                    self._tasks.put((message, stops[key]))
                else:  # ("cancel", job, attempt): a later attempt at the same job is not meant
                    stops.setdefault(message[1:], threading.Event()).set()
        except (EOFError, OSError):
            os._exit(0)  # the server is gone: never work on as an orphan


def attempt(task: TaskSpec, pipe: Connection, name: str, where: LanePlaces, stop: threading.Event, resident: Resident, work: _Work | None = None) -> None:
    """Run one task on the device `name`, and send what becomes of it. `work` says meanwhile whether something would be lost."""
    sending = threading.Lock()  # the heartbeat has a thread of its own, and compiled code may tell of itself on any

    def say(type: EventType, **data: Any) -> None:
        with sending:
            pipe.send(Event(task.job_id, task.attempt, type, data))

    def tell(note: str) -> None:
        say("message", **_both(note))

    say("started")
    crash.point("lane-started")
    started = time.monotonic()
    work = work or _Work()
    try:
        params = methods.parse(task.params)
        assets, weights = Assets(where.assets), ModelStore(where.models, where.folders)
        device = "cpu" if name == NETWORK else name
        ctx = work.context = Context(
            assets, weights, device=device, report=_Reporter(say), stop=stop.is_set, resident=resident, work=where.work, on_message=tell
        )
        compiled = compilation.seconds()
        with compilation.announced(tell), _heartbeat(ctx, lambda: say("alive")):
            result = methods.run(params, ctx)
        crash.point("lane-painted")
        seconds = time.monotonic() - started
        notes = [_both(note) for note in (*result.notes, *compilation.notes(compilation.seconds() - compiled))]
        posted = {"outputs": store(result, params, assets), "figures": finite(result.figures), "notes": notes, "seconds": seconds}
        crash.point("lane-stored")
        write_whole(where.outbox / f"{task.job_id}-{task.attempt}.json", json.dumps(posted).encode())
        crash.point("lane-posted")
        say("done", **posted)
    except Cancelled:
        say("cancelled")
    except Exception as error:  # whatever a method raises fails its job and nothing else
        if not isinstance(error, HuafangError):
            log.exception("job %s failed", task.job_id)
        fault = fault_of(error)
        if fault["code"] == "memory.out":
            resident.clear()
        say("failed", **fault)
    finally:
        work.context = None


def _both(note: str) -> dict[str, str]:
    """A sentence in both languages, as a row keeps it."""
    return {"en": _writable(note), "zh": _writable(Note.spoken(note, "zh"))}


@contextlib.contextmanager
def _heartbeat(ctx: Context, beat: Callable[[], None]) -> Iterator[None]:
    """Call `beat` every `BEAT` seconds while the run has learnt what is not saved, and its process computes or saves: one that merely hangs is silent."""
    ended = threading.Event()

    def watch() -> None:
        spent = time.process_time()
        while not ended.wait(BEAT):
            before, spent = spent, time.process_time()
            if ctx.unsaved and (ctx.saving or spent - before > BEAT * COMPUTES):
                beat()

    watcher = threading.Thread(target=watch, name="heartbeat", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


class _Reporter:
    """Passes steps on: progress at most 20 a second, previews as small WebP."""

    def __init__(self, say: Any) -> None:
        self._say = say
        self._said = 0.0

    def __call__(self, step: Step) -> None:
        crash.point("lane-step")
        now = time.monotonic()
        if now - self._said >= PROGRESS_EVERY or step.done == step.total:
            self._said = now
            self._say("progress", done=step.done, total=step.total, figures=finite(step.figures))
        if step.preview is not None:
            self._say("preview", image=preview_address(step.preview))


def finite(figures: Mapping[str, float]) -> dict[str, float]:
    """The figures that JSON can say: no NaN, no infinity."""
    return {name: float(value) for name, value in figures.items() if math.isfinite(value)}


def preview_address(pixels: "torch.Tensor") -> str:
    """(1, 3, H, W) in [0, 1] -> a `data:` address of a WebP of at most 512 pixels a side."""
    picture = images.to_pil(pixels)
    picture.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE), reducing_gap=2.0)
    out = io.BytesIO()
    picture.save(out, "WEBP", quality=70, method=2)
    return "data:image/webp;base64," + base64.b64encode(out.getvalue()).decode()


def store(result: Result, params: Params, assets: Assets) -> list[dict[str, Any]]:
    """Keep a result's pictures and files; what each is, for the job's row."""
    name = str(getattr(params, "method", "picture"))
    outputs = []
    for index, pixels in enumerate(result.images):
        height, width = pixels.shape[-2:]
        carried = metadata.recipe(params.model_dump(mode="json"), finite(result.figures), size=(width, height), number=index + 1, resolved=result.resolved)
        asset = assets.put(images.encode(pixels, metadata=carried))
        suffix = f"-{index + 1}" if len(result.images) > 1 else ""
        outputs.append({"asset": asset, "name": f"{name}{suffix}.png", "media_type": "image/png", "width": width, "height": height})
    outputs += [_store_file(file, assets) for file in result.files]
    if result.dataset:
        outputs.append(_store_dataset(f"{name}.dataset.json", result.dataset, assets))
    return outputs


def _store_file(file: File, assets: Assets) -> dict[str, Any]:
    """Keep a file; one that is given by its path is never in memory, and of a model folder the list of its files is kept, since it stays where it is."""
    if file.media_type == MODEL_FOLDER and file.path:
        asset = assets.put(json.dumps({"huafang": "model", "name": file.name, "files": _listed(file.path)}, ensure_ascii=False).encode())
        return {"asset": asset, "name": f"{file.name}.model.json", "media_type": MODEL_FOLDER, "width": None, "height": None}
    width, height = images.probe(file.data) if file.media_type.startswith("image/") else (None, None)
    asset = assets.take(file.path) if file.path else assets.put(file.data)
    return {"asset": asset, "name": file.name, "media_type": file.media_type, "width": width, "height": height}


def _listed(folder: Path) -> list[dict[str, Any]]:
    files = sorted(item for item in folder.rglob("*") if item.is_file())
    return [{"path": item.relative_to(folder).as_posix(), "bytes": item.stat().st_size, "sha256": sha256(item)} for item in files]


def _store_dataset(name: str, learnables: Iterable[Learnable], assets: Assets) -> dict[str, Any]:
    """Keep a dataset and the pictures in it, which the row then names, so that they are kept for as long as it is."""
    examples = [
        datasets.Example(asset=one.picture if isinstance(one.picture, str) else assets.put(images.encode(one.picture)), caption=one.caption)
        for one in learnables
    ]
    asset = datasets.store(examples, assets)
    return {
        "asset": asset,
        "name": name,
        "media_type": datasets.MEDIA_TYPE,
        "width": None,
        "height": None,
        "examples": list(dict.fromkeys(example.asset for example in examples)),
    }


def fault_of(error: BaseException) -> dict[str, Any]:
    """An exception as a job's error: code, message, hint."""
    fault = as_fault(error, "its log has the details")
    return {"code": fault.code, "message": _writable(fault.message), "hint": fault.hint}


def _writable(said: str) -> str:
    """Words about a stranger's file may hold what no database takes: a NUL, half a surrogate pair."""
    return said.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()


def _be_first_to_go() -> None:
    """When memory runs out, Linux should take the painter, never the server or the user's other programs."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("600")

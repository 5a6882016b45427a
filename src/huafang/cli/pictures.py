"""Pictures on their way through a method: made ready, painted, finished; of several, the next is read and the last is written meanwhile."""

import contextlib
import os
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huafang import compilation, methods
from huafang.aside import ahead, behind
from huafang.cli.progress import figures, progress_bar
from huafang.cli.targets import Targets, spare
from huafang.cli.terminal import note, out_path, say
from huafang.errors import BadInput, Cancelled, OutOfMemory, as_fault
from huafang.params import Params, picture_ids

if TYPE_CHECKING:
    from huafang.api import Bench, Painting

TRACEBACK = "HUAFANG_TRACEBACK"
"""Set in the environment, it shows where a fault of Huafang's own happened."""
DETAILS = f"{TRACEBACK}=1 in the environment shows where"
LONG = 5.0
"""Seconds: a picture that took so long is written, and told of, before the next is begun."""


@dataclass(frozen=True)
class Run:
    """How to run, apart from the method's own settings."""

    output: str | None
    as_json: bool
    quiet: bool
    force: bool
    dry_run: bool
    device: str
    data: Path | None
    folders: tuple[Path, ...]


@dataclass(frozen=True)
class Done:
    """What there is to say of a picture: its report, paths for stdout, and lines for stderr with their colours."""

    report: dict[str, Any]
    paths: tuple[str, ...] = ()
    err: tuple[tuple[str, str | None], ...] = ()

    def tell(self, how: Run) -> dict[str, Any]:
        """Say it; the report."""
        for path in () if how.as_json else self.paths:
            out_path(path)
        for line, colour in self.err:
            say(line, fg=colour)
        return self.report


@dataclass(frozen=True)
class Ready:
    """A picture that was read, with what the method is to do to it; `done` where that is nothing."""

    params: Params
    report: dict[str, Any]
    notes: tuple[str, ...]
    done: Done | None = None


@dataclass(frozen=True)
class Painted:
    """A picture that is painted and not written yet."""

    ready: Ready
    painting: "Painting"
    seconds: float
    said: tuple[str, ...]
    """Notes that were shown while it was painted."""


@dataclass(frozen=True)
class One:
    """One picture's way through a method: `ready`, `painted`, `finished`, or `failed`."""

    bench: "Bench"
    method: str
    values: dict[str, Any]
    source: Any
    target: Path
    how: Run
    place: str
    """Which of how many it is; empty where it is the only one."""
    targets: Targets
    """Names of what the whole run writes."""

    def ready(self) -> Ready:
        """Read and checked. Raises HuafangError."""
        bench, how = self.bench, self.how
        params = bench.params(self.method, self.values)
        spare(bench.read, [self.target])
        report = {"method": self.method, "params": params.model_dump(mode="json"), "sources": {asset: bench.sources[asset] for asset in picture_ids(params)}}
        kept = bool(self.place) and not how.force and made_with(self.target, params)
        if not kept:
            methods.check_models(params, bench.weights)  # now, before torch is loaded for it
            bench.warn(self.targets.folder_for(self.target, dry_run=how.dry_run))
        ready = Ready(params, report, tuple(bench.warnings))
        bench.warnings.clear()
        if how.dry_run:
            return replace(ready, done=Done({**report, "outputs": [], "dry_run": True}, (f"would write {self.target}",)))
        if kept:
            said = f"{self.place}{self.target} is finished already (--force paints it again)"
            return replace(ready, done=Done({**report, "outputs": [str(self.target)], "kept": True}, (str(self.target),), ((said, None),)))
        return ready

    def painted(self, ready: Ready, stop: Callable[[], bool]) -> Painted | Done:
        """Through the method, if there is anything to do. Raises HuafangError."""
        for text in ready.notes:
            note(text)
        if ready.done:
            return ready.done
        started, said = time.monotonic(), list[str]()

        def announce(text: str) -> None:
            said.append(text)
            note(text)

        with progress_bar(self.place + self.method, quiet=self.how.quiet or self.how.as_json) as on_step, compilation.announced(announce):
            painting = self.bench.run(ready.params, on_step, stop, announce)
        return Painted(ready, painting, time.monotonic() - started, tuple(said))

    def finished(self, painted: Painted | Done) -> Done:
        """Written. Raises HuafangError."""
        if isinstance(painted, Done):
            return painted
        painting, report = painted.painting, painted.ready.report
        written = tuple(map(str, painting.save(self.target, report["sources"], self.targets.further)))
        made = {"outputs": list(written), "figures": painting.figures, "notes": painting.notes, "seconds": round(painted.seconds, 3)}
        took = f"{self.place}{painted.seconds:.1f} s  {figures(painting.figures) if painting.film else ''}".rstrip()
        notes = tuple((f"note: {text}", "yellow") for text in painting.notes if text not in painted.said)
        return Done({**report, **made}, written, notes if self.how.as_json else (*notes, (took, None)))

    def failed(self, error: Exception) -> Done:
        """Given up, whatever it was that failed."""
        fault = as_fault(error, DETAILS)
        if isinstance(fault, OutOfMemory):
            self.bench.free_memory()
        if fault is not error and os.environ.get(TRACEBACK):
            traceback.print_exception(error)
        report = {"source": str(self.source), "error": {"code": fault.code, "message": fault.message, "hint": fault.hint}}
        name = "" if str(self.source) in fault.message or Path(str(self.source)).name in fault.message else f"{self.source}: "
        hint = [(f"hint: {fault.hint}", None)] if fault.hint and self.bench.is_new(fault.hint) else []
        return Done(report, (), ((f"{self.place}{name}{fault.message}", "red"), *hint))


def run(ones: list[One], how: Run, stop: Callable[[], bool]) -> list[dict[str, Any]]:
    """The reports of the pictures, in their order. Raises Cancelled; what fails of several is in its report, what fails of one is raised."""
    reports: list[dict[str, Any]] = []
    try:
        if len(ones) > 1:
            _together(ones, stop, lambda done: reports.append(done.tell(how)))
        else:
            (one,) = ones
            reports.append(one.finished(one.painted(one.ready(), stop)).tell(how))
    except Cancelled:
        finished = sum("error" not in report for report in reports)
        if methods.METHODS[ones[0].method].makes in ("weights", "model_folder"):
            raise Cancelled("stopped; what was learnt is saved: run the same command again to go on from there") from None
        raise Cancelled(f"stopped; {finished} of {len(ones)} are finished" + ("; run it again to go on" if finished else "")) from None
    return reports


def _together(ones: list[One], stop: Callable[[], bool], tell: Callable[[Done], None]) -> None:
    """While one is painted, the next is read and the last is written; all is told on this thread. Raises Cancelled when what was painted is written."""
    written: deque[Done] = deque()

    def hear() -> None:
        if stop():
            raise Cancelled

    def made_ready() -> Iterator[tuple[One, Ready | Done]]:
        for one in ones:
            try:
                yield one, one.ready()
            except Exception as error:  # whatever is wrong with one picture, the others are painted
                yield one, one.failed(error)

    def put_away(item: tuple[One, Painted | Done]) -> None:
        one, painted = item
        try:
            written.append(one.finished(painted))
        except Exception as error:  # as above
            written.append(one.failed(error))

    def tell_all() -> None:
        while written:
            tell(written.popleft())

    try:
        with contextlib.closing(ahead(made_ready(), hear, 1)) as coming, behind(put_away, 1) as put:
            for one, ready in coming:
                started = time.monotonic()
                try:
                    painted = one.painted(ready, stop) if isinstance(ready, Ready) else ready
                except Cancelled:
                    raise
                except Exception as error:  # as above
                    painted = one.failed(error)
                put((one, painted), wait=time.monotonic() - started > LONG)
                tell_all()
    finally:
        tell_all()


def made_with(target: Path, params: Params) -> bool:
    """Whether `target` is there and says that these very params made it."""
    if not target.is_file():
        return False
    from huafang import images, metadata, video

    try:
        data = target.read_bytes()
        found = metadata.read(video.text_of(data) if video.is_film(data[:256]) else images.ingest(data).text)
    except (OSError, BadInput):
        return False
    made = {key: value for key, value in found.get("params", {}).items() if key != "sources"}
    return found.get("tool") == "huafang" and made == params.model_dump(mode="json")

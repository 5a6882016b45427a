"""Run each method, measure what it made, write the report."""

import logging
import platform
import time
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from huafang import compilation, images, metadata, methods
from huafang.context import Context, File, Result, Step
from huafang.errors import Cancelled, JobFailed, OutOfMemory, as_fault
from huafang.methods.compare import Compare, grid, page, plan
from huafang.methods.compare.measures import Judge, judge
from huafang.methods.compare.sentences import sentences
from huafang.methods.compare.table import PHOTO, STYLE, Row, Table, as_csv, as_json, words
from huafang.metrics.cost import Meter
from huafang.models import modelfile, tensorfile
from huafang.notes import Note
from huafang.ops.resize import resized, shrunk

log = logging.getLogger(__name__)
PART = 100
"""Steps of progress that one method is worth."""


class Seat(Context):
    """The context of one method: the pictures at the size they are compared at, no model left from the one before, and a list of what it opened."""

    def __init__(self, parent: Context, pictures: dict[str, Tensor], report: Callable[[Step], None]) -> None:
        super().__init__(parent.assets, parent.weights, device=parent.device, report=report)
        self._pictures = pictures
        self.opened: dict[str, Path] = {}

    def image(self, asset: str) -> Tensor:
        """(1, 3, H, W) in [0, 1], a copy of its own. Raises as Context's."""
        return self._pictures[asset].clone() if asset in self._pictures else super().image(asset)

    def weights_path(self, name: str, holds: str | None = None) -> Path:
        path = super().weights_path(name, holds)
        self.opened[name] = path
        return path


def run(p: Compare, ctx: Context) -> Result:
    """Raises Cancelled; NotFound and BadInput for the two pictures. What a method raises becomes its row."""
    photo, painting = (shrunk(ctx.image(asset), p.size) for asset in (p.content, p.style[0]))
    board = _Board(p, ctx, photo, painting)
    board.say(0)
    court = judge(p, ctx, photo, painting)
    height, width = photo.shape[2:]
    rows = [_baseline(PHOTO, photo, court), _baseline(STYLE, resized(painting, height, width), court)]
    for place, name in enumerate(p.methods):
        rows.append(_row(p, ctx, name, board, {p.content: photo, p.style[0]: painting}, court))
        board.rows.append(rows[-1])
        board.say((place + 1) * PART)
    table = Table(rows, court.missing)
    return _report(p, ctx, table, painting, board.picture())


class _Board:
    """The pictures so far, as they are shown while methods run."""

    def __init__(self, p: Compare, ctx: Context, photo: Tensor, painting: Tensor) -> None:
        self._p, self._ctx, self._photo, self._painting = p, ctx, photo, painting
        self.rows: list[Row] = []
        self.spent = 0.0
        """Seconds that went into showing the methods at work, which are not theirs."""

    def hear(self, step: Step) -> None:
        """A step of the method at work. Raises Cancelled when asked to stop."""
        started = time.perf_counter()
        share = min(PART - 1, PART * step.done // max(1, step.total))
        self.say(len(self.rows) * PART + share, step.preview)
        self.spent += time.perf_counter() - started

    def say(self, done: int, preview: Tensor | None = None) -> None:
        """Raises Cancelled when asked to stop."""
        names = self._p.methods
        shares = {f"part_{place + 1}": float(min(PART, max(0, done - place * PART))) for place in range(len(names))}
        self._ctx.step(done, len(names) * PART, preview=lambda: self.picture(preview), **shares)

    def picture(self, preview: Tensor | None = None) -> Tensor:
        cells = [grid.Cell("photo", self._photo), grid.Cell("style", self._painting)]
        cells += [grid.Cell(row.name, row.picture, _why(row)) for row in self.rows]
        for name in self._p.methods[len(self.rows) :]:
            cells.append(grid.Cell(name, preview, "" if preview is not None else "…"))
            preview = None
        return grid.drawn(cells, *self._photo.shape[2:]).to(self._ctx.device)


def _why(row: Row) -> str:
    return str(row.error["message"]) if row.error else ""


def _baseline(name: str, picture: Tensor, court: Judge) -> Row:
    return Row(name, {language: words(language)[name] for language in ("en", "zh")}, True, picture, court.figures(picture))


def _row(p: Compare, ctx: Context, name: str, board: _Board, pictures: dict[str, Tensor], court: Judge) -> Row:
    """A method's row, whether it runs or fails. Raises Cancelled."""
    titles = {language: methods.labels(name)[language]["title"] for language in ("en", "zh")}
    params: dict[str, Any] = {}
    try:
        given = plan.params(p, name, ctx.weights)
        params = given.model_dump(mode="json")
        import_module(f"huafang.methods.{name}.run")  # its code is read before the clock starts
        seat = Seat(ctx, pictures, board.hear)
        shown, compiled = board.spent, compilation.seconds()
        with Meter(ctx.device) as meter:
            result = methods.run(given, seat)
        not_its_own = board.spent - shown + compilation.seconds() - compiled
        if not result.images:
            raise JobFailed(f"{name} made no picture")
        picture = result.images[0]
        height, width = pictures[p.content].shape[2:]
        notes = list(result.notes)
        if picture.shape[2:] != (height, width):
            came, wanted = f"{picture.shape[3]} × {picture.shape[2]}", f"{width} × {height}"
            en = f"its picture has {came} pixels; it is measured at the photo's {wanted}"
            notes.append(Note(en, f"它的图是 {came} 像素，按照片的 {wanted} 来测量。"))
        figures: dict[str, float] = dict(court.figures(resized(picture, height, width)))
        assert meter.cost is not None, "it was measured"
        figures |= {"seconds": max(0.0, meter.cost.seconds - not_its_own), "parameters": float(_numbers(seat.opened))}
        if meter.cost.memory is not None:
            figures["peak_memory"] = float(meter.cost.memory)
        return Row(name, titles, False, picture, figures, params, tuple(seat.opened), tuple(notes))
    except Cancelled:
        raise
    except Exception as error:  # whatever a method raises is its own row, and nobody else's
        return Row(name, titles, params=params, error=_fault(name, error))


def _fault(name: str, error: Exception) -> dict[str, str | None]:
    """Why a method did not run, as the worker says it of a job."""
    fault = as_fault(error, "its log has the details")
    if fault is not error and not isinstance(fault, OutOfMemory):
        log.exception("%s failed in a comparison", name)
    return {"code": fault.code, "message": fault.message, "hint": "try a smaller size" if isinstance(fault, OutOfMemory) else fault.hint}


def _numbers(opened: dict[str, Path]) -> int:
    """How many numbers the tensors of these models hold."""
    files = {file.resolve() for path in opened.values() for file in modelfile.tensor_files(path)}
    shapes = [tensor["shape"] for file in files for name, tensor in tensorfile.header(file).items() if name != "__metadata__"]
    return sum(int(torch.Size(shape).numel()) for shape in shapes)


def _report(p: Compare, ctx: Context, table: Table, painting: Tensor, sheet: Tensor) -> Result:
    """The grid as the picture; page, JSON, CSV and each method's own picture as files."""
    said = {language: sentences(table, language, p.lpips) for language in ("en", "zh")}
    head = {"huafang": version("huafang"), "params": p.model_dump(mode="json"), "machine": _machine(ctx.device)}
    made = {row.name: images.encode(row.picture, metadata=metadata.recipe(row.params)) for row in table.ran if row.picture is not None}
    files = [
        File("report.html", "text/html", page.page(p, table, said, head, painting).encode()),
        File("report.json", "application/json", as_json(table, head, said, p.lpips).encode()),
        File("report.csv", "text/csv", as_csv(table).encode()),
        *(File(f"{name}.png", "image/png", data) for name, data in made.items()),
    ]
    en, zh = " ".join(said["en"]), "".join(said["zh"])
    notes = [{"en": Note(en, en), "zh": Note(zh, zh), "both": Note(en, zh)}[p.language]]
    return Result(images=[sheet], files=files, figures={"ran": float(len(table.ran)), "failed": float(len(table.failed))}, notes=notes)


def _machine(device: str) -> dict[str, Any]:
    name = torch.cuda.get_device_name(device) if device.startswith("cuda") else platform.machine()
    return {"device": device, "name": name, "threads": torch.get_num_threads(), "torch": torch.__version__, "python": platform.python_version()}

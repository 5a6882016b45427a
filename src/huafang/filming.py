"""A film through a method that paints pictures: frame by frame, in parts that are kept, so that a run that was killed goes on where it stopped.

The method knows of nothing: it is given one frame as the picture that it asks for. What does not hang on a frame it keeps in `ctx.kept`, so that it is the same
for all (styles are read once). Reading frames, painting them, and encoding them go on at the same time.

How steady the result is is measured beside the film it was made from (`ops/flow.py`): the warping error of Lai et al. 2018.
"""

import contextlib
import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from huafang import locks, metadata, video
from huafang.aside import ahead, behind
from huafang.assets import Scratch, check_writable, write_whole
from huafang.context import Context, File, Result
from huafang.errors import Conflict, HuafangError
from huafang.notes import Note
from huafang.ops import flow, resize
from huafang.params import Params, fields

PART = 32
"""Frames of one part: what a kill costs at the most."""
JUDGED = 4
"""Of every so many pairs of neighbouring frames inside a part one is judged."""
WAITING = 4
"""Frames that may wait between reading, painting and encoding."""
FLICKERS = 4.0
"""Times the film's own warping error from which the eye sees a flicker."""
STEADY = 0.0003
"""Warping error of a film that stands still, at least: noise of the camera and the codec."""
FORGOTTEN = 14 * 24 * 3600.0
"""Seconds after which the parts of a run that nobody took up again are thrown away."""
PARTS = re.compile("[0-9a-f]{32}")
"""Names of the folders of parts (`_key`)."""
GRACE = 24 * 3600.0
"""Seconds between the first time that they are found forgotten and the second."""

Paint = Callable[[Any, Context], Result]


class Frame(Context):
    """The context of one frame: the method's picture is the frame, its steps are not reported, and a cancel is heard all the same."""

    filming = True

    def __init__(self, film: Context, content: str, data: bytes) -> None:
        super().__init__(film.assets, film.weights, device=film.device, resident=film.resident)
        self._film, self._content, self._data = film, content, data
        self.pixels: Tensor | None = None

    def image(self, asset: str) -> Tensor:
        """The frame for the film, and any other picture as ever."""
        return self.pixels if asset == self._content and self.pixels is not None else super().image(asset)

    def glimpses(self, asset: str, count: int) -> Iterator[Tensor]:
        """Up to `count` frames of the film, from all of it; decoded one by one."""
        if asset != self._content:
            yield self.image(asset)
            return
        total = video.probe(self._data).frames
        wanted = frozenset(int((place + 0.5) * total / min(count, total)) for place in range(min(count, total)))
        for shot in ahead(video.frames_of(self._data, wanted), self._film.hear, WAITING):
            yield _pixels(shot).to(self.device)

    def step(self, done: int, total: int, *, preview: Any = None, **figures: float) -> None:
        """Raises Cancelled when the film is to stop."""
        self._film.hear()


def restyle(params: Params, ctx: Context, paint: Paint) -> Result:
    """The film `content` through the method `paint`: one MP4 with the film's sound, and how steady it is.

    Parts that an earlier run with the same params finished are taken as they are. Raises BadInput for a film that cannot be read, and what the method raises.
    """
    content: str = getattr(params, params.subject)
    data = ctx.assets.read(content)
    facts = video.probe(data)
    with _workplace(params, ctx) as folder:
        parts = _Parts(folder, facts)
        begin = PART * len(parts.finished())
        notes = [Note(f"{begin} of {facts.frames} frames were finished before", f"{facts.frames} 帧中有 {begin} 帧是先前完成的。")] if begin else []
        frame = Frame(ctx, content, data)
        shown: Tensor | None = None
        coming = ahead(video.frames_of(data, range(begin, video.MAX_FRAMES)), ctx.hear, WAITING)
        with contextlib.closing(coming), behind(parts.add, WAITING) as put:
            for shot in coming:
                frame.pixels = resize.resized(_pixels(shot), facts.height, facts.width).to(ctx.device)
                result = paint(params, frame)
                shown = result.images[0]
                notes += [note for note in result.notes if note not in notes]
                put(_Painted(shot, _bytes(shown)))
                if shot.number + 1 < facts.frames:
                    ctx.step(shot.number + 1, facts.frames, preview=shown)
        parts.close()
        ctx.hear()
        film, figures = _film(parts, params, data), parts.figures()
        notes += [*_missing(int(figures["frames"]), facts), *_flicker(figures), *facts.notes]
    ctx.step(facts.frames, facts.frames, preview=shown if shown is not None else _pixels(next(video.frames_of(film.data))))
    return Result(files=[film], figures=figures, notes=notes)


def _missing(painted: int, facts: video.Facts) -> list[Note]:
    """What is said of a film of which not every frame could be painted."""
    if facts.promised is not None and painted < facts.promised:
        return [video.ends_early(painted, facts.promised)]
    if painted < facts.frames:
        return [Note(f"{painted} of {facts.frames} frames could be read; the others are damaged", f"{facts.frames} 帧中读出了 {painted} 帧，其余已损坏。")]
    return []


def _film(parts: "_Parts", params: Params, data: bytes) -> File:
    painted = list(parts.read())
    made = video.probe(painted[0][1])  # the method may have made it smaller, and an odd side has one line more
    carried = metadata.recipe(params.model_dump(mode="json"), parts.figures(), size=(made.width, made.height))
    whole = video.joined(painted, data, {"comment": carried[metadata.A1111], metadata.OWN: carried[metadata.OWN]})
    return File(f"{getattr(params, 'method', 'film')}.mp4", "video/mp4", whole)


def _pixels(shot: video.Shot) -> Tensor:
    return torch.from_numpy(shot.pixels).permute(2, 0, 1)[None].float() / 255


def _bytes(pixels: Tensor) -> "video.Frame":
    found: video.Frame = (pixels[0].clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).cpu().contiguous().numpy()
    return found


@dataclass(frozen=True)
class _Painted:
    shot: video.Shot
    pixels: "video.Frame"


@dataclass
class _Parts:
    """The parts of a film in a folder: `0007.mp4`, and `0007.json`, which is written last. Frames are added in order, on one thread."""

    folder: Path
    facts: video.Facts
    _writer: video.Writer | None = None
    _number: int = 0
    _begin: int = 0
    _before: _Painted | None = None
    _count: int = 0
    _errors: dict[str, list[float]] = field(default_factory=dict)

    def finished(self) -> list[dict[str, Any]]:
        """What is known of the finished parts, from the first on."""
        found: list[dict[str, Any]] = []
        with contextlib.suppress(OSError, ValueError):
            while True:
                found.append(json.loads((self.folder / f"{len(found):04}.json").read_text()))
        return found

    def add(self, painted: _Painted) -> None:
        """One frame more. The first of a part closes the part before."""
        number, place = divmod(painted.shot.number, PART)
        if self._writer is None or number != self._number:
            self.close()
            height, width = painted.pixels.shape[:2]
            self._writer = video.Writer(height, width, self.facts.rate, self.facts.aspect)
            self._number, self._begin, self._count, self._errors, self._before = number, painted.shot.tick, 0, {"film": [], "result": []}, None
        self._writer.add(painted.pixels, painted.shot.tick - self._begin)
        self._count += 1
        if place % JUDGED == 1 and self._before is not None:
            self._judge(self._before, painted)
        self._before = painted if place % JUDGED == 0 else None

    def close(self) -> None:
        """Write the part that is open."""
        if self._writer is None:
            return
        write_whole(self.folder / f"{self._number:04}.mp4", self._writer.finish())
        known = {"tick": self._begin, "frames": self._count, **self._errors}
        write_whole(self.folder / f"{self._number:04}.json", json.dumps(known).encode())
        self._writer = None

    def read(self) -> Iterator[tuple[int, bytes]]:
        """Each part with the tick at which it begins."""
        for number, known in enumerate(self.finished()):
            yield known["tick"], (self.folder / f"{number:04}.mp4").read_bytes()

    def figures(self) -> dict[str, float]:
        """How many frames there are, and the warping errors of the result and of the film itself, over the pairs that were judged."""
        known = self.finished()
        means = {"warping_error": "result", "warping_error_of_film": "film"}
        errors = {figure: [error for part in known for error in part[name]] for figure, name in means.items()}
        return {"frames": float(sum(part["frames"] for part in known))} | {name: sum(found) / len(found) for name, found in errors.items() if found}

    def _judge(self, one: _Painted, other: _Painted) -> None:
        films = [resize.shrunk(_pixels(each.shot), flow.SIDE) for each in (one, other)]
        moved = flow.motion(*films)
        height, width = films[0].shape[2:]
        results = [resize.resized(torch.from_numpy(each.pixels).permute(2, 0, 1)[None].float() / 255, height, width) for each in (one, other)]
        for name, (first, second) in (("film", films), ("result", results)):
            error = flow.warping_error(first, second, moved)
            if error is not None:
                self._errors[name].append(error)


def _flicker(figures: Mapping[str, float]) -> list[Note]:
    """A sentence where the result is much less steady than the film."""
    own, result = figures.get("warping_error_of_film"), figures.get("warping_error")
    if own is None or result is None or result < FLICKERS * max(own, STEADY):
        return []
    times = result / max(own, STEADY)
    return [Note(f"the result flickers: about {times:.0f} times as much as the film itself", f"画面有闪烁：约为原视频的 {times:.0f} 倍。")]


@contextlib.contextmanager
def _workplace(params: Params, ctx: Context) -> Iterator[Path]:
    """The folder for the parts of this very run: taken up again when it was left, and gone once the run is done.

    Without a place for work it is one of its own that does not last. Raises Conflict where another process is at the same run.
    """
    if ctx.work is None:
        with Scratch() as passing:
            yield Path(passing)
        return
    with contextlib.suppress(OSError):  # `check_writable` says in words what is wrong
        ctx.work.mkdir(mode=0o700, parents=True, exist_ok=True)
    _tidy(ctx.work)
    folder = ctx.work / _key(params, ctx)
    try:
        with locks.exclusive(_lock(folder), _busy(params)):
            check_writable(folder)
            os.utime(folder)
            _marker(folder).unlink(missing_ok=True)
            yield folder
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        if not folder.exists():
            _lock(folder).unlink(missing_ok=True)


def _busy(params: Params) -> Conflict:
    method, film = getattr(params, "method", "film"), getattr(params, params.subject)
    return Conflict(
        f"another process is restyling the film {film[:12]}… by {method} with the same settings now",
        code="run.busy",
        hint="wait until it ends or stop it, or change a setting, such as the seed",
    )


def _key(params: Params, ctx: Context) -> str:
    """What a run's parts hang on: the params (the film among them, by its content), the weights as they are now, this version, the kind of device."""
    stamps = []
    for spec in fields(type(params)):
        for model in spec.type.models(getattr(params, spec.name)):
            place = ctx.weights_path(model)
            stamps.append([str(place), place.stat().st_mtime_ns, place.stat().st_size])
    told = [params.model_dump(mode="json"), stamps, version("huafang"), ctx.device.partition(":")[0], PART, JUDGED]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:32]


def _tidy(work: Path) -> None:
    """Throw away what nobody came back for, and nobody is at. It must have been found so twice, a day apart: a clock that is set ahead throws nothing away."""
    now = time.time()
    for folder in [place for place in work.glob("*") if PARTS.fullmatch(place.name) and place.is_dir()]:  # not those of trainings, which are kept
        with contextlib.suppress(OSError, HuafangError):
            if now - folder.stat().st_mtime < FORGOTTEN:
                continue
            place, marker = _lock(folder), _marker(folder)
            with locks.exclusive(place, Conflict("somebody is at it")):
                if not marker.exists():
                    marker.touch()
                    os.utime(marker, (now, now))
                elif now - marker.stat().st_mtime > GRACE:
                    shutil.rmtree(folder)
                    marker.unlink()
                    if os.name != "nt":  # an open file cannot be deleted there
                        place.unlink()


def _lock(folder: Path) -> Path:
    return folder.with_name(folder.name + ".lock")


def _marker(folder: Path) -> Path:
    return folder.with_name(folder.name + ".forgotten")

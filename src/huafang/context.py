"""What a method is given: device, randomness, pictures and weights by id, and one call that reports progress and hears a cancel."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from huafang import datasets, images
from huafang.assets import Assets, copy_whole, write_whole
from huafang.errors import Cancelled
from huafang.models.store import ModelStore
from huafang.notes import Note
from huafang.video import is_film

if TYPE_CHECKING:
    import torch

T = TypeVar("T")
PREVIEW_EVERY = 0.25
"""Seconds between two previews at the least; what comes sooner is not even computed."""


@dataclass(frozen=True)
class Step:
    """`done` of `total` steps are behind us. `preview` is (1, 3, h, w) in [0, 1], or None."""

    done: int
    total: int
    figures: Mapping[str, float]
    preview: "torch.Tensor | None" = None


@dataclass(frozen=True)
class File:
    """A result that is no still picture: a film, a report, weights, the folder of a model.

    `content` is its bytes, or the path of a file, which may be too large for memory and is never held there: it is linked or copied, and stays where it is.
    The path of a folder is that of a model in the store, whose media type is `MODEL_FOLDER`.
    """

    name: str
    media_type: str
    content: bytes | Path

    @property
    def path(self) -> Path | None:
        return self.content if isinstance(self.content, Path) else None

    @property
    def data(self) -> bytes:
        """All of it, for files that are known to be small."""
        return self.content.read_bytes() if isinstance(self.content, Path) else self.content

    def save(self, place: Path) -> None:
        """Write it to `place`, whole or not at all. Raises DiskFull, Unavailable."""
        if isinstance(self.content, Path):
            copy_whole(self.content, place)
        else:
            write_whole(place, self.content)


MODEL_FOLDER = "application/vnd.huafang.model+json"
"""Media type of a model folder as a result: as an asset it is a list of the folder's files."""


@dataclass(frozen=True)
class Learnable:
    """A picture of a dataset that a method makes: (1, 3, H, W) in [0, 1], or the id of one that it was given; and its caption."""

    picture: "torch.Tensor | str"
    caption: str = ""


@dataclass(frozen=True)
class Result:
    """What a method returns, any part of it alone: `images` are (1, 3, H, W) in [0, 1]; `dataset` is one dataset; `figures` are numbers worth keeping; `notes`
    are sentences for the user, in both languages.
    """

    images: "list[torch.Tensor]" = field(default_factory=list)
    files: list[File] = field(default_factory=list)
    dataset: list[Learnable] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    resolved: list[dict[str, str]] = field(default_factory=list)
    """For each picture the texts that chance decided, by field, as they were drawn; empty where there was nothing to decide."""


class Resident:
    """Models kept in memory between the jobs of one process; the least recently used leave first."""

    def __init__(self, keep: int = 2) -> None:
        self._held: OrderedDict[str, Any] = OrderedDict()
        self._keep = keep

    def get(self, key: str, load: Callable[[], T]) -> T:
        """What is held under `key`, or `load()`, held from now on."""
        if key not in self._held:
            while len(self._held) >= self._keep:
                self._held.popitem(last=False)
            self._held[key] = load()
        self._held.move_to_end(key)
        held: T = self._held[key]
        return held

    def clear(self) -> None:
        self._held.clear()


class Context:
    """One run's view of the world.

    `report` hears every step; `stop` is asked at every step and ends the run with Cancelled. `resident` outlives the run.
    """

    def __init__(
        self,
        assets: Assets,
        weights: ModelStore,
        *,
        device: str = "cpu",
        report: Callable[[Step], None] = lambda step: None,
        stop: Callable[[], bool] = lambda: False,
        resident: Resident | None = None,
        work: Path | None = None,
        on_message: Callable[[Note], None] = lambda note: None,
    ) -> None:
        self.assets = assets
        self.weights = weights
        self.device = device
        self.resident = resident or Resident()
        self.work = work
        """Where a long run keeps what it has finished, so that it is taken up again after a kill; None keeps nothing."""
        self.messages: list[Note] = []
        """What was said while the run went on; it is said again with the result."""
        self.unsaved = False
        """Whether this run has learnt what is in no checkpoint yet: the process must not be killed for a cancel that it will hear when its step is done."""
        self.saving = False
        """Whether a checkpoint is being written now."""
        self._on_message = on_message
        self._report = report
        self._stop = stop
        self._previewed = -math.inf
        self._kept: dict[str, Any] = {}

    def message(self, note: Note) -> None:
        """Say something while the run goes on."""
        self.messages.append(note)
        self._on_message(note)

    def image(self, asset: str) -> "torch.Tensor":
        """The picture `asset` as (1, 3, H, W) float32, sRGB in [0, 1], on the device. Raises NotFound, BadInput."""
        return images.decode(self.assets.read(asset)).to(self.device)

    filming = False
    """Whether this run paints one frame of a film (`filming.py`)."""

    def glimpses(self, asset: str, count: int) -> "Iterator[torch.Tensor]":
        """What `asset` shows: a picture itself; of a film that is being painted, up to `count` frames, evenly spread."""
        yield self.image(asset)

    def kept(self, name: str, make: Callable[[], T]) -> T:
        """`make()`, once a run. Over the frames of a film it is made with the first, so that what does not hang on a frame is the same for all."""
        if name not in self._kept:
            self._kept[name] = make()
        found: T = self._kept[name]
        return found

    def transparent(self, asset: str) -> bool:
        """Whether a picture that is here has transparent parts."""
        return self.assets.exists(asset) and images.transparent(self.assets.head(asset))

    def dataset(self, ids: Iterable[str]) -> list[datasets.Example]:
        """The pictures that a field of kind "dataset" names, each with its caption, or "". Raises NotFound, BadInput."""
        return datasets.expand(ids, self.assets)

    def film(self, asset: str) -> bool:
        """Whether `asset` is a film. Raises NotFound."""
        return is_film(self.assets.head(asset))

    def weights_path(self, name: str, holds: str | None = None) -> Path:
        """The file or folder of the model `name`. Raises MissingWeights, which says how to get it; BadInput where it does not hold what `holds` says."""
        return self.weights.path(name, holds)

    @property
    def wildcards(self) -> Path:
        """The user's folder of wildcards, beside the models; it may not be there."""
        return self.weights.root.parent / "wildcards"

    def generator(self, seed: int) -> "torch.Generator":
        """Randomness as a value. It draws on the CPU, so that every device sees the same numbers: draw, then move."""
        import torch

        return torch.Generator("cpu").manual_seed(seed)

    def hear(self) -> None:
        """Raises Cancelled when asked to stop."""
        if self._stop():
            raise Cancelled()

    def step(self, done: int, total: int, *, preview: "torch.Tensor | Callable[[], torch.Tensor] | None" = None, **figures: float) -> None:
        """Say that `done` of `total` steps are behind us, with live `figures`; raises Cancelled when asked to stop.

        `preview` is a picture, or a function that makes one and is called only when a new one is due (4 a second at most, and the last step).
        """
        self.hear()
        shown = None
        now = time.monotonic()
        if preview is not None and (now - self._previewed >= PREVIEW_EVERY or done == total):
            self._previewed = now
            shown = preview() if callable(preview) else preview
        self._report(Step(done, total, figures, shown))


class Easel(Context):
    """A context whose every picture is the one that stands on it: for a method that lets another method paint in memory."""

    def __init__(self, assets: Assets, weights: ModelStore, picture: "torch.Tensor") -> None:
        super().__init__(assets, weights)
        self.picture = picture

    def image(self, asset: str) -> "torch.Tensor":
        """(1, 3, H, W) in [0, 1], whatever is asked for."""
        return self.picture

    def film(self, asset: str) -> bool:
        return False

"""Maps of features that are made when rows of them are asked for, and the plan of which are kept: what `bands` is built of.

Channels lie last in memory (`torch.channels_last`), which is what convolutions of a CPU want.
"""

import weakref
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from huafang.kernels import fused

HELD = 1 << 30
"""Bytes up to which a map of features that is read more than once is kept rather than made again."""
HELD_FINELY = 1 << 26
"""The same for maps of float32 among maps of half that: whoever asks for those is short of memory."""
PICTURE = 8
"""A map of at most so many channels is a picture yet, and is never rounded: what rounding does to it the first layers would take for detail."""


NOISE = 2e-6
"""Rounding alone moves the sums of a convolution by up to so much of the map's largest channel. A channel that varies no more than this is of one value."""


def placed(made: Tensor, place: Tensor) -> Tensor:
    """`place` with what was made in it, or was made elsewhere because `place` is of another kind."""
    return made if made is place else place.copy_(made)


class Map:
    """A map of features, (1, channels, height, width), made when rows of it are asked for. `fresh` rows may be written over by the one who asked."""

    fresh = True

    def __init__(self, channels: int, height: int, width: int, *sources: "Map") -> None:
        self.channels, self.height, self.width = channels, height, width
        self.load: float = max([channels * width, *(source.load * source.height / height for source in sources)])
        """Numbers in a row of it, or in as much as it takes of the widest map that is made on the way."""

    def rows(self, first: int, last: int) -> Tensor:
        """(1, channels, last - first, width), for 0 <= first < last <= height."""
        raise NotImplementedError

    def written(self, first: int, last: int, place: Tensor) -> Tensor:
        """The rows, in `place`, (1, channels, last - first, width) of any dtype: made there by maps that can, copied there by others."""
        return place.copy_(self.rows(first, last))

    def laid(self, first: int, last: int, slope: float, out: Tensor, place: int) -> bool:
        """Leave the rows, rectified with so much of what is below 0 and with a mirrored column at both ends, in `out`, (4, H, columns, channels), column x in
        x % 4, x // 4, from row `place` on; in columns beyond any numbers. Says whether this map can.
        """
        return False

    def added(self, first: int, last: int, half: Tensor, sign: int) -> None:
        """half += sign · the rows: (1, channels, last - first, width) of float32, its channels last."""
        rows = self.rows(first, last)
        if half.device.type == "cpu":  # torch is slow at adding two kinds
            flat, given = (one.permute(0, 2, 3, 1).reshape(-1) for one in (half, rows))
            fused.added(flat.numpy(), fused.numbers(given), sign)
        else:
            half.add_(rows, alpha=sign)

    def rectified(self, slope: float) -> "Map | None":
        """This map behind a rectifier of this slope below 0, where it can do that by itself."""
        return None

    @property
    def bytes(self) -> int:
        """As float32."""
        return 4 * self.channels * self.height * self.width


@dataclass(frozen=True)
class Sums:
    """What a band has to say of the moments: its number of places, and each channel's mean and squares about it, (C,) in float64."""

    count: int
    mean: Tensor
    squares: Tensor
    low: Tensor
    high: Tensor
    """Least and largest value of each channel that is nearly of one value; of the others -inf and inf, since nobody needs them."""

    @classmethod
    def of(cls, band: Tensor) -> "Sums":
        """Of (1, C, rows, W)."""
        flat = flat_rows(band)
        count = len(flat)
        middle = flat[:: max(1, count // 64)].float().mean(0)  # near the mean, so that squares stay small
        if flat.device.type == "cpu":
            step, squares = (torch.zeros(len(middle), dtype=torch.float64) for _ in range(2))
            fused.sums(fused.numbers(flat.contiguous()), middle.numpy(), step.numpy(), squares.numpy())
        else:
            apart = flat.float() - middle
            step, squares = (one.sum(0).double().cpu() for one in (apart, apart.square()))
        step = step / count
        mean, squares = middle.double().cpu() + step, squares - count * step**2
        low, high = torch.full_like(mean, -torch.inf), torch.full_like(mean, torch.inf)
        variance = squares / count
        nearly = (variance <= NOISE**2 * (mean.square() + variance).max()).nonzero().flatten()
        if len(nearly):
            low[nearly], high[nearly] = (one.double().cpu() for one in flat.index_select(1, nearly.to(flat.device)).float().aminmax(dim=0))
        return cls(count, mean, squares, low, high)


@dataclass
class Moments:
    """Mean and biased variance over the picture, summed in double precision (Chan, Golub & LeVeque 1979); of each channel, or of all at once."""

    together: bool = False
    count: int = 0
    mean: Tensor = field(default_factory=lambda: torch.zeros(1, dtype=torch.float64))
    squares: Tensor = field(default_factory=lambda: torch.zeros(1, dtype=torch.float64))
    low: Tensor = field(default_factory=lambda: torch.full((1,), torch.inf, dtype=torch.float64))
    high: Tensor = field(default_factory=lambda: torch.full((1,), -torch.inf, dtype=torch.float64))

    def add(self, band: Sums) -> None:
        """Take in one band."""
        count, mean, squares = band.count, band.mean, band.squares
        if self.together:
            middle = mean.mean(0, keepdim=True)
            squares = squares.sum(0, keepdim=True) + count * (mean - middle).square().sum()
            count, mean = count * len(mean), middle
        total, step = self.count + count, mean - self.mean
        self.squares = self.squares + squares + step**2 * (self.count * count / total)
        self.mean = self.mean + step * (count / total)
        self.count = total
        low, high = (band.low.min(0, keepdim=True).values, band.high.max(0, keepdim=True).values) if self.together else (band.low, band.high)
        self.low, self.high = torch.minimum(self.low, low), torch.maximum(self.high, high)

    def flat(self) -> Tensor:
        """(C,) bool: channels whose values differ by rounding alone. A norm must not enlarge that: it differs from band to band."""
        return self.high - self.low <= NOISE * (self.mean.square() + self.variance()).max().sqrt()

    def variance(self, *, unbiased: bool = False) -> Tensor:
        """Of each channel, in double precision; with `unbiased`, a picture of one place has variance 0."""
        return self.squares / max(1, self.count - unbiased)


def flat_rows(band: Tensor) -> Tensor:
    """(1, C, H, W) -> (H · W, C), a view where channels lie last."""
    return band.permute(0, 2, 3, 1).reshape(-1, band.shape[1])


def room(channels: int, height: int, width: int, device: torch.device, dtype: torch.dtype = torch.float32) -> Tensor:
    """(1, C, H, W) with channels last, to be filled."""
    return torch.empty((1, height, width, channels), device=device, dtype=dtype).permute(0, 3, 1, 2)


class Rooms:
    """Memory of maps that are gone, for those to come: memory that is new costs a system call for each page of it.

    A map gets no more than twice what it needs, and what is free and does not fit is given back before anything new is asked for.
    """

    def __init__(self) -> None:
        self._free: list[Tensor] = []

    def room(self, held: "Held", device: torch.device, dtype: torch.dtype) -> Tensor:
        """As `room` gives it, for as long as `held` is there."""
        count = held.channels * held.height * held.width
        fitting = [one for one in self._free if one.dtype == dtype and count <= len(one) <= 2 * count]
        if fitting:
            memory = min(fitting, key=len)
            self._free = [one for one in self._free if one is not memory]
        else:
            self._free.clear()
            memory = torch.empty(count, device=device, dtype=dtype)
        weakref.finalize(held, self._free_again, memory).atexit = False
        return memory[:count].view(1, held.height, held.width, held.channels).permute(0, 3, 1, 2)

    def _free_again(self, memory: Tensor) -> None:
        self._free.append(memory)


class Source(Map):
    """What is there already."""

    fresh = False

    def __init__(self, tensor: Tensor) -> None:
        super().__init__(*tensor.shape[1:])
        self._tensor = tensor.contiguous(memory_format=torch.channels_last)

    def rows(self, first: int, last: int) -> Tensor:
        return self._tensor[:, :, first:last]


class Held(Source):
    """A map that is made once and kept. Those who need its moments leave a `Moments` in `listeners` before it is filled."""

    def __init__(self, source: Map, device: torch.device, dtype: torch.dtype = torch.float32, rooms: Rooms | None = None) -> None:
        Map.__init__(self, source.channels, source.height, source.width)
        self.maker: Map | None = source
        self._device, self._dtype, self._rooms = device, dtype, rooms or Rooms()
        self.listeners: list[Moments] = []

    def begin(self) -> None:
        self._tensor = self._rooms.room(self, self._device, self._dtype)

    def fill(self, first: int, last: int) -> Sums | None:
        """Make the rows `first` to `last`. Any number of threads may do so, each for rows of its own."""
        assert self.maker is not None, "a band is filled once"
        band = self.maker.written(first, last, self._tensor[:, :, first:last])
        return Sums.of(band) if self.listeners else None

    def end(self) -> None:
        """All rows are there: let go of what they were made from."""
        self.maker = None

    @property
    def tensor(self) -> Tensor:
        return self._tensor


class Local(Map):
    """A layer whose rows [first, last) come from rows [first · step - before, (last - 1) · step - before + kernel) of its source; rows outside are zeros.

    `layer` gives the result of a band, left in a place that it is given if it can write there.
    """

    def __init__(self, source: Map, size: tuple[int, int, int], reach: tuple[int, int, int], layer: Callable[[Tensor, Tensor | None], Tensor]) -> None:
        super().__init__(*size, source)
        self.source, self._reach, self._layer = source, reach, layer

    def rows(self, first: int, last: int) -> Tensor:
        return self._layer(self._band(first, last), None)

    def written(self, first: int, last: int, place: Tensor) -> Tensor:
        return placed(self._layer(self._band(first, last), place), place)

    def _band(self, first: int, last: int) -> Tensor:
        step, before, kernel = self._reach
        top, bottom = first * step - before, (last - 1) * step - before + kernel
        band = self.source.rows(max(0, top), min(self.source.height, bottom))
        above, below = max(0, -top), max(0, bottom - self.source.height)
        return F.pad(band, (0, 0, above, below)) if above or below else band


class Placewise(Map):
    """A layer that takes each place of `source` by itself, so that it costs little to make again."""

    def __init__(self, source: Map, channels: int | None = None) -> None:
        super().__init__(channels or source.channels, source.height, source.width, source)
        self.source = source


def made_again(source: Map) -> bool:
    """Whether a map costs next to nothing to make again: it is there, but for layers that take each place by itself."""
    while isinstance(source, Placewise):
        source = source.source
    return isinstance(source, Source)


class Pointwise(Placewise):
    """Such a layer as a function. It is told where to write: over what it is given, where that is fresh, or into a new tensor (None)."""

    def __init__(self, source: Map, layer: Callable[[Tensor, Tensor | None], Tensor], channels: int | None = None) -> None:
        super().__init__(source, channels)
        self._layer = layer

    def rows(self, first: int, last: int) -> Tensor:
        band = self.source.rows(first, last)
        return self._layer(band, band if self.source.fresh else None)


class Sum(Map):
    """Two maps added."""

    def __init__(self, one: Map, other: Map) -> None:
        super().__init__(one.channels, one.height, one.width, one, other)
        assert (one.height, one.width) == (other.height, other.width), "maps of one size"
        self._fresh, self._other = (one, other) if one.fresh else (other, one)

    def rows(self, first: int, last: int) -> Tensor:
        band, other = self._fresh.rows(first, last), self._other.rows(first, last)
        if other.dtype == torch.float32:
            band = band.float()  # itself, where it is that
        return band.add_(other) if self._fresh.fresh else band + other

    def written(self, first: int, last: int, place: Tensor) -> Tensor:
        other = self._other.rows(first, last)
        if place.dtype == torch.float32:
            self._fresh.added(first, last, place.copy_(other), 1)
        elif place.device.type == "cpu":
            flat = (fused.numbers(part.permute(0, 2, 3, 1).reshape(-1)) for part in (self._fresh.rows(first, last), other, place))
            fused.summed(*flat)
        else:
            torch.add(self._fresh.rows(first, last), other, out=place)
        return place


def picked(band: Tensor, rows: Tensor) -> Tensor:
    """Rows of (1, C, H, W) by number."""
    return band.permute(0, 2, 3, 1).index_select(1, rows.to(band.device)).permute(0, 3, 1, 2)


class Gathered(Map):
    """Rows picked by number: what a border repeated or mirrored is made of. `places` has the source's row for each row."""

    def __init__(self, source: Map, places: Tensor, width: int, layer: Callable[[Tensor], Tensor], dtype: torch.dtype = torch.float32) -> None:
        super().__init__(source.channels, len(places), width, source)
        self.source, self.places, self._layer, self._dtype = source, places, layer, dtype

    def rows(self, first: int, last: int) -> Tensor:
        wanted = self.places[first:last]
        low, high = int(wanted.min()), int(wanted.max())
        band = self.source.rows(low, high + 1).to(self._dtype)
        straight = len(wanted) == high + 1 - low and int(wanted[0]) == low
        return self._layer(band if straight else picked(band, wanted - low))


@dataclass(frozen=True)
class Job:
    """Work on the rows of a map that must be done before later maps are read: `begin`, `work` on each band, in any order, and `end`. `listeners` take in what
    `work` gives, in the order of the bands.
    """

    map: Map
    work: Callable[[int, int], Sums | None]
    listeners: list[Moments]
    begin: Callable[[], None] = lambda: None
    end: Callable[[], None] = lambda: None

    @classmethod
    def filling(cls, held: Held) -> "Job":
        assert held.maker is not None, "it is filled once"
        return cls(held.maker, held.fill, held.listeners, held.begin, held.end)


class Plan:
    """The maps of one run, and the work that must be done before the last of them can be read. Maps are kept in `dtype`, and convolutions reckon in it;
    Winograd's may do so in tiles of `tile` × `tile`, the larger the quicker and rougher, where that is bfloat16.
    """

    def __init__(self, device: torch.device, dtype: torch.dtype = torch.float32, tile: int = 2) -> None:
        self.device, self.dtype, self.tile = device, dtype, tile
        self.jobs: list[Job] = []
        self._rooms, self._fine = Rooms(), False

    def finely(self) -> "Plan":
        """The same plan for layers that float32 is kept for."""
        plan = Plan(self.device, tile=self.tile)
        plan.jobs, plan._rooms, plan._fine = self.jobs, self._rooms, self.dtype != torch.float32
        return plan

    def _fits(self, source: Map) -> bool:
        return source.bytes <= (HELD_FINELY if self._fine else HELD)

    def grain(self, channels: int) -> torch.dtype:
        """In what a map of so many channels is kept."""
        return torch.float32 if channels <= PICTURE else self.dtype

    def hold(self, source: Map) -> Held:
        """`source`, kept from now on."""
        held = Held(source, self.device, self.grain(source.channels), self._rooms)
        self.jobs.append(Job.filling(held))
        return held

    def kept(self, source: Map) -> Map:
        """`source`, held where it fits and would cost convolutions to make again for each of the bands that overlap in it."""
        return source if made_again(source) or not self._fits(source) else self.hold(source)

    def measured(self, source: Map, moments: Moments) -> Map:
        """`source`, whose moments are taken before what comes later is read."""
        if isinstance(source, Held):
            source.listeners.append(moments)
            return source
        if self._fits(source) and not isinstance(source, Source):
            return self.measured(self.hold(source), moments)
        self.jobs.append(Job(source, lambda first, last: Sums.of(source.rows(first, last)), [moments]))
        return source


Layer = Callable[..., Map]
LAYERS: dict[type[nn.Module], Layer] = {}
"""Kind of layer -> how it is laid over maps: called with the layer, the plan and a map for each of its arguments."""


def layer(*kinds: type[nn.Module]) -> Callable[[Layer], Layer]:
    """Enter a function in `LAYERS`."""

    def enter(function: Layer) -> Layer:
        LAYERS.update(dict.fromkeys(kinds, function))
        return function

    return enter

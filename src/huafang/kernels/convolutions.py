"""How convolutions map rows to rows, each in the form that is quickest and gives the same."""

from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from huafang.kernels import winograd_f2x2_3x3, winograd_f3x3_9x9, winograd_f4x4_3x3, winograd_f4x4_7x7, winograd_upsample2x
from huafang.kernels.grouped_layer import Grouped, fits
from huafang.kernels.layers import Doubled, Mirrored
from huafang.kernels.lazy import PICTURE, Local, Map, Plan, flat_rows, layer, picked, placed, room
from huafang.ops.dtypes import has_bfloat16_matrix_units

Parameters = tuple[Tensor, Tensor | None]
Form = Callable[[Tensor, Tensor | None], Tensor]
"""The convolution of the rows that it is given: above and below there is what it needs, to the left and right it adds the zeros. It may leave the result in
the second tensor, which then is what it gives.
"""
T = TypeVar("T")
MADE: WeakKeyDictionary[nn.Module, dict[tuple[str, torch.dtype], tuple[list[Tensor], list[int], Any]]] = WeakKeyDictionary()
"""What was made of a convolution's weights, kind by kind, the weights it was made of, and how often these had been written to."""
FEW, WIDE = 4, 5
"""Convolutions to so few channels with so wide a kernel are reckoned for several neighbouring pixels at once."""
MANY, MANY_WIDE, MANY_DOUBLED = 16, 32, 32
"""From so many channels on, in and out, Winograd's tiles pay; those of kernels of 7 × 7; and those over doubled pixels."""


@layer(nn.Conv2d)
def _conv(module: nn.Conv2d, plan: Plan, source: Map) -> Map:
    assert (module.padding_mode, module.dilation) == ("zeros", (1, 1)), "the convolutions of our networks"
    assert not isinstance(module.padding, str), "as above"
    if _is((3, 3), module) and isinstance(source, Mirrored):
        doubled = source.source
        if source.margins == (1, 1, 1, 1) and isinstance(doubled, Doubled) and doubled.mode == "nearest":
            if _pays(plan) and min(module.in_channels, module.out_channels) >= MANY_DOUBLED:
                return _TiledDoubled(doubled.source, _transformed(module, winograd_upsample2x, plan.dtype), _parameters(module, plan.dtype)[1])
            return _Phases(doubled.source, *_made(module, "phases", plan.dtype, lambda: _phases(*_parameters(module, plan.dtype))))
    if plan.device.type == "cpu" and isinstance(source, Mirrored) and fits(module):
        return Grouped(source, module, plan.dtype)
    if _is((3, 3), module) and isinstance(source, Mirrored) and source.margins == (1, 1, 1, 1) and _tile(module, plan) == winograd_f4x4_3x3.TILE:
        return _Tiled(source, _transformed(module, winograd_f4x4_3x3, plan.dtype), _parameters(module, plan.dtype)[1])
    (kernel, across), (step, stride), (before, aside) = module.kernel_size, module.stride, module.padding
    height, width = (source.height + 2 * before - kernel) // step + 1, (source.width + 2 * aside - across) // stride + 1
    return Local(source, (module.out_channels, height, width), (step, before, kernel), _form(module, plan))


def _is(kernel: tuple[int, int], module: nn.Conv2d) -> bool:
    """Whether it is a plain convolution: all channels by all, each pixel, without a border."""
    return (module.kernel_size, module.stride, module.padding, module.groups) == (kernel, (1, 1), (0, 0), 1)


def _form(module: nn.Conv2d, plan: Plan) -> Form:
    """The quickest."""
    plain, exact = module.stride == (1, 1) and module.groups == 1, plan.dtype == torch.float32
    parameters = _parameters(module, plan.dtype)
    if _is((1, 1), module):
        return partial(_pixels, *_parameters(module, plan.grain(module.in_channels)))
    if plain and _pays(plan) and winograd_f3x3_9x9.fits(module.weight) and (module.out_channels <= FEW or plan.tile == winograd_f4x4_3x3.TILE):
        return partial(_tiled, winograd_f3x3_9x9, _transformed(module, winograd_f3x3_9x9, torch.float32), _parameters(module, torch.float32)[1], module)
    if not exact and module.in_channels <= PICTURE and module.groups == 1:
        if not has_bfloat16_matrix_units(plan.device):
            return partial(_direct, *_parameters(module, torch.float32), module)
        weight, bias = parameters
        twice = _made(module, "twice", plan.dtype, lambda: torch.cat([weight, weight], 1).contiguous(memory_format=torch.channels_last))
        return partial(_finely, twice, bias, module)
    if plan.device.type != "cpu":
        return partial(_direct, *parameters, module)
    if plain and _pays(plan):
        if tile := _tile(module, plan):
            tiles = {winograd_f4x4_3x3.TILE: winograd_f4x4_3x3, winograd_f2x2_3x3.TILE: winograd_f2x2_3x3}[tile]
            return partial(_tiled, tiles, _transformed(module, tiles, plan.dtype), parameters[1], module)
        if module.kernel_size == (7, 7) and min(module.in_channels, module.out_channels) >= MANY_WIDE:  # in float32 always: a fourth of the products
            return partial(_tiled, winograd_f4x4_7x7, _transformed(module, winograd_f4x4_7x7, torch.float32), _parameters(module, torch.float32)[1], module)
    if plain and module.out_channels <= FEW and module.kernel_size[1] >= WIDE:
        count = 4 if exact or not has_bfloat16_matrix_units(plan.device) else 8
        return partial(_several, *_made(module, "several", plan.dtype, lambda: _at_once(*parameters, count)), module)
    return partial(_direct, *parameters, module)


def _tile(module: nn.Conv2d, plan: Plan) -> int:
    """The side of Winograd's tiles for a convolution of 3 × 3, 0 for one that is quicker without."""
    plain = (module.kernel_size, module.stride, module.groups) == ((3, 3), (1, 1), 1)
    pays = _pays(plan) and min(module.in_channels, module.out_channels) >= MANY and max(module.in_channels, module.out_channels) <= winograd_f4x4_3x3.WIDEST
    return (winograd_f4x4_3x3.TILE if plan.dtype == torch.float32 else plan.tile) if plain and pays else 0


def _pays(plan: Plan) -> bool:
    """Whether products are dear enough for Winograd's detours."""
    return plan.device.type == "cpu" and (plan.dtype == torch.float32 or not has_bfloat16_matrix_units(plan.device))


def _parameters(module: nn.Conv2d | nn.ConvTranspose2d, dtype: torch.dtype) -> Parameters:
    def parameters() -> Parameters:
        weight = module.weight.detach().to(dtype).contiguous(memory_format=torch.channels_last)
        return weight, None if module.bias is None else module.bias.detach().to(dtype)

    return _made(module, "parameters", dtype, parameters)


def _transformed(module: nn.Conv2d, tiles: ModuleType, dtype: torch.dtype) -> Tensor:
    """The weights as Winograd's `tiles` take them."""
    weight: Tensor = _made(module, tiles.__name__, dtype, lambda: tiles.transformed(module.weight.detach(), dtype))
    return weight


def _made(module: nn.Module, kind: str, dtype: torch.dtype, make: Callable[[], T]) -> T:
    """What `make` makes of the module's weights, which it makes again when they are others or were written to: a tenth of a small picture's time."""
    weights = list(module.parameters(recurse=False))
    kinds = MADE.setdefault(module, {})
    found = kinds.get((kind, dtype))
    versions = [one._version for one in weights]
    if found is None or [one.data_ptr() for one in found[0]] != [one.data_ptr() for one in weights] or found[1] != versions:
        found = kinds[kind, dtype] = ([one.detach() for one in weights], versions, make())  # what is kept cannot give its place in memory to others
    made: T = found[2]
    return made


def _direct(weight: Tensor, bias: Tensor | None, module: nn.Conv2d, band: Tensor, _: Tensor | None) -> Tensor:
    return F.conv2d(band.to(weight.dtype), weight, bias, module.stride, (0, int(module.padding[1])), 1, module.groups)


def _pixels(weight: Tensor, bias: Tensor | None, band: Tensor, _: Tensor | None) -> Tensor:
    """A kernel of one pixel: a matrix product."""
    return F.linear(flat_rows(band.to(weight.dtype)), weight[:, :, 0, 0], bias).view(1, band.shape[2], band.shape[3], -1).permute(0, 3, 1, 2)


def _finely(weight: Tensor, bias: Tensor | None, module: nn.Conv2d, band: Tensor, _: Tensor | None) -> Tensor:
    """A convolution of a float32 picture in bfloat16: of the rounded picture, and of what rounding took from it.

    Where a picture is smooth, a filter that answers to differences would see nothing but the rounding, and a norm behind it makes that large.
    """
    rounded = band.to(weight.dtype)
    both = torch.cat([rounded, (band - rounded).to(weight.dtype)], 1)
    return F.conv2d(both, weight, bias, module.stride, (0, int(module.padding[1])))


def _tiled(tiles: ModuleType, weight: Tensor, bias: Tensor | None, module: nn.Conv2d, band: Tensor, place: Tensor | None) -> Tensor:
    """Winograd's."""
    found: Tensor = tiles.convolved(_beside(module, band), weight, bias, place)
    return found


def _beside(module: nn.Conv2d, band: Tensor) -> Tensor:
    """With the zeros to the left and right."""
    aside = int(module.padding[1])
    return F.pad(band, (aside, aside)) if aside else band


def _at_once(weight: Tensor, bias: Tensor | None, count: int) -> tuple[Tensor, Tensor | None, int]:
    """The kernels of `count` neighbouring pixels as one of (C · count, D · count, kernel, n) over pixels taken `count` together, which the processor's vectors
    are filled better by.
    """
    channels, inside, kernel, across = weight.shape
    wide = weight.new_zeros(count, channels, inside, kernel, -(-(across + count - 1) // count) * count)
    for place in range(count):
        wide[place, ..., place : place + across] = weight
    together = wide.unflatten(4, (-1, count)).permute(0, 1, 5, 2, 3, 4).reshape(count * channels, count * inside, kernel, -1)
    return together.contiguous(memory_format=torch.channels_last), None if bias is None else bias.repeat(count), count


def _several(weight: Tensor, bias: Tensor | None, count: int, module: nn.Conv2d, band: Tensor, _: Tensor | None) -> Tensor:
    """`count` neighbouring pixels at once, by the kernel of `_at_once`: where channels lie last, pixels taken together are the same numbers."""
    band = _beside(module, band.to(weight.dtype))
    width = band.shape[3] - module.kernel_size[1] + 1
    columns = -(-width // count) + weight.shape[3] - 1
    pixels = F.pad(band, (0, columns * count - band.shape[3])).permute(0, 2, 3, 1).contiguous()  # (1, H, columns · count, D)
    made = F.conv2d(pixels.view(1, pixels.shape[1], columns, -1).permute(0, 3, 1, 2), weight, bias)
    apart = made.permute(0, 2, 3, 1).reshape(1, made.shape[2], -1, module.out_channels)
    return apart[:, :, :width].permute(0, 3, 1, 2)


class _Tiled(Map):
    """A 3 × 3 convolution of a mirrored map by Winograd's tiles, for which border, norm and rectifier are made as they are laid out."""

    def __init__(self, source: Mirrored, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__(weight.shape[2], source.height - 2, source.width - 2, source)
        self._source, self._weight, self._bias = source, weight, bias

    def rows(self, first: int, last: int) -> Tensor:
        return self._made(first, last, None)

    def written(self, first: int, last: int, place: Tensor) -> Tensor:
        return placed(self._made(first, last, place), place)

    def laid(self, first: int, last: int, slope: float, out: Tensor, place: int) -> bool:
        winograd_f4x4_3x3.laid(self._pixels(first, last), self.width, self._weight, self._bias, slope, out, place)
        return True

    def added(self, first: int, last: int, half: Tensor, sign: int) -> None:
        self._made(first, last, half, sign)

    def _made(self, first: int, last: int, place: Tensor | None, sign: int | None = None) -> Tensor:
        return winograd_f4x4_3x3.multiplied(self._pixels(first, last), self.width, self._weight, self._bias, place, sign)

    def _pixels(self, first: int, last: int) -> Tensor:
        return self._source.apart(first, last + 2, winograd_f4x4_3x3.TILE, winograd_f4x4_3x3.columns(self.width), self._weight.dtype)


def _phases(weight: Tensor, bias: Tensor | None) -> Parameters:
    """(4 C, D, 2, 2) and (4 C,): the kernels of `_Phases`."""
    w = weight.float()
    rows = [torch.stack([w[:, :, 0], w[:, :, 1] + w[:, :, 2]], 2), torch.stack([w[:, :, 0] + w[:, :, 1], w[:, :, 2]], 2)]  # (C, D, 2, 3) each
    parts = [torch.stack([r[..., 0], r[..., 1] + r[..., 2]] if x == 0 else [r[..., 0] + r[..., 1], r[..., 2]], 3) for r in rows for x in (0, 1)]
    return torch.cat(parts).to(weight.dtype).contiguous(memory_format=torch.channels_last), None if bias is None else bias.repeat(4)


class _Phases(Map):
    """Each pixel doubled, a border mirrored by one, and a 3 × 3 convolution. On doubled pixels its kernel sees 2 × 2 different ones, others for each of the
    four positions in a doubled pixel (Shi et al. 2016, "Is the deconvolution layer the same as a convolutional layer?"): of nine products four are left.

    A mirrored border of doubled pixels is the last pixel once more.
    """

    def __init__(self, source: Map, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__(len(weight) // 4, 2 * source.height, 2 * source.width, source)
        self.source, self._weight, self._bias = source, weight, bias

    def rows(self, first: int, last: int) -> Tensor:
        low, high = first // 2, (last + 1) // 2  # of the source
        band = _around(self.source, low, high).to(self._weight.dtype)
        made = F.conv2d(F.pad(band, (1, 1, 0, 0), mode="replicate"), self._weight, self._bias)  # (1, 4 C, n + 1, W + 1)
        count, width = high - low, self.source.width
        four = made.permute(0, 2, 3, 1)[0].unflatten(2, (2, 2, self.channels))  # rows, columns, phase of rows, phase of columns, C
        whole = room(self.channels, 2 * count, 2 * width, made.device, made.dtype)
        cells = whole.permute(0, 2, 3, 1).view(count, 2, width, 2, self.channels)
        for y in (0, 1):
            for x in (0, 1):
                cells[:, y, :, x] = four[y : y + count, x : x + width, y, x]
        return whole[:, :, first - 2 * low : last - 2 * low]


def _around(source: Map, first: int, last: int) -> Tensor:
    """The rows of a map and the one above and below, which outside is the last one once more."""
    top = max(0, first - 1)
    band = source.rows(top, min(source.height, last + 1))
    places = torch.arange(first - 1, last + 1).clamp(0, source.height - 1) - top
    return band if len(places) == band.shape[2] else picked(band, places)


class _TiledDoubled(Map):
    """The same by Winograd's tiles."""

    def __init__(self, source: Map, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__(weight.shape[2], 2 * source.height, 2 * source.width, source)
        self._source, self._weight, self._bias = source, weight, bias

    def rows(self, first: int, last: int) -> Tensor:
        low, high = first // 2, (last + 1) // 2  # of the source
        return winograd_upsample2x.convolved(_around(self._source, low, high), self._weight, self._bias)[:, :, first - 2 * low : last - 2 * low]

    def written(self, first: int, last: int, place: Tensor) -> Tensor:
        if first % 2 or last % 2:
            return super().written(first, last, place)
        return placed(winograd_upsample2x.convolved(_around(self._source, first // 2, last // 2), self._weight, self._bias, place), place)


class _Transposed(Map):
    """Transposed convolution: row y is made of the source's rows i with i · stride - padding <= y < i · stride - padding + kernel."""

    def __init__(self, source: Map, module: nn.ConvTranspose2d, parameters: Parameters) -> None:
        size = [
            (side - 1) * module.stride[axis] - 2 * int(module.padding[axis]) + module.kernel_size[axis] + module.output_padding[axis]
            for axis, side in enumerate((source.height, source.width))
        ]
        super().__init__(module.out_channels, size[0], size[1], source)
        self.source, self._module, self._parameters = source, module, parameters

    def rows(self, first: int, last: int) -> Tensor:
        net = self._module
        step, before, kernel = net.stride[0], int(net.padding[0]), net.kernel_size[0]
        low = min(self.source.height - 1, max(0, -((kernel - 1 - first - before) // step)))
        high = min(self.source.height, (last - 1 + before) // step + 1)
        padding, extra = (0, int(net.padding[1])), (net.output_padding[0], net.output_padding[1])
        weight, bias = self._parameters
        made = F.conv_transpose2d(self.source.rows(low, high).to(weight.dtype), weight, bias, net.stride, padding, extra, net.groups)
        start = first + before - low * step
        return made[:, :, start : start + last - first]


@layer(nn.ConvTranspose2d)
def _transposed(module: nn.ConvTranspose2d, plan: Plan, source: Map) -> Map:
    return _Transposed(source, module, _parameters(module, plan.dtype))

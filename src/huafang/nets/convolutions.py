"""How convolutions map rows to rows, each in the form that is quickest and gives the same."""

from collections.abc import Callable
from functools import cache, partial
from types import ModuleType

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from huafang.nets.grouped import Grouped, fits
from huafang.nets.layers import Doubled, Mirrored
from huafang.nets.maps import PICTURE, Local, Map, Plan, flat_rows, layer, picked, room
from huafang.ops import winograd, winograd_half, winograd_wide

Parameters = tuple[Tensor, Tensor | None]
Form = Callable[[Tensor, Tensor | None], Tensor]
"""The convolution of the rows that it is given: above and below there is what it needs, to the left and right it adds the zeros. It may leave the result in
the second tensor, which then is what it gives.
"""
FEW, WIDE = 4, 5
"""Convolutions to so few channels with so wide a kernel are reckoned for several neighbouring pixels at once."""
MANY, MANY_WIDE = 64, 32
"""From so many channels on, in and out, Winograd's tiles pay; and those of kernels of 7 × 7."""


@layer(nn.Conv2d)
def _conv(module: nn.Conv2d, plan: Plan, source: Map) -> Map:
    assert (module.padding_mode, module.dilation) == ("zeros", (1, 1)), "the convolutions of our networks"
    assert not isinstance(module.padding, str), "as above"
    if _is((3, 3), module) and isinstance(source, Mirrored):
        doubled = source.source
        if source.margins == (1, 1, 1, 1) and isinstance(doubled, Doubled) and doubled.mode == "nearest":
            return _Phases(doubled.source, *_parameters(module, plan.dtype))
    if plan.device.type == "cpu" and isinstance(source, Mirrored) and fits(module):
        return Grouped(source, module, plan.dtype)
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
    if not exact and module.in_channels <= PICTURE and module.groups == 1:
        if not _is_quick_at_bfloat16(plan.device):
            return partial(_direct, *_parameters(module, torch.float32), module)
        weight, bias = parameters
        return partial(_finely, torch.cat([weight, weight], 1).contiguous(memory_format=torch.channels_last), bias, module)
    if plan.device.type != "cpu":
        return partial(_direct, *parameters, module)
    if plain and (exact or not _is_quick_at_bfloat16(plan.device)):
        if module.kernel_size == (3, 3) and min(module.in_channels, module.out_channels) >= MANY:
            tiles = winograd if exact else winograd_half
            return partial(_tiled, tiles, tiles.transformed(module.weight.detach()), parameters[1], module)
        if module.kernel_size == (7, 7) and min(module.in_channels, module.out_channels) >= MANY_WIDE:  # in float32 always: a fourth of the products
            weight, bias = _parameters(module, torch.float32)
            return partial(_tiled, winograd_wide, winograd_wide.transformed(weight), bias, module)
    if plain and module.out_channels <= FEW and module.kernel_size[1] >= WIDE:
        return partial(_several, *_at_once(*parameters, 4 if exact or not _is_quick_at_bfloat16(plan.device) else 8), module)
    return partial(_direct, *parameters, module)


@cache
def _is_quick_at_bfloat16(device: torch.device) -> bool:
    """Whether a product of bfloat16 costs so little that no detour around one pays: where a unit multiplies matrices of them (AMX on a CPU), not where vectors
    of them are merely twice as fast.
    """
    return device.type != "cpu" or bool(torch.cpu._is_amx_tile_supported())


def _parameters(module: nn.Conv2d | nn.ConvTranspose2d, dtype: torch.dtype) -> Parameters:
    weight = module.weight.detach().to(dtype).contiguous(memory_format=torch.channels_last)
    return weight, None if module.bias is None else module.bias.detach().to(dtype)


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


class _Phases(Map):
    """Each pixel doubled, a border mirrored by one, and a 3 × 3 convolution. On doubled pixels its kernel sees 2 × 2 different ones, others for each of the
    four positions in a doubled pixel (Shi et al. 2016, "Is the deconvolution layer the same as a convolutional layer?"): of nine products four are left.

    A mirrored border of doubled pixels is the last pixel once more.
    """

    def __init__(self, source: Map, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__(len(weight), 2 * source.height, 2 * source.width, source)
        self.source = source
        w = weight.float()
        rows = [torch.stack([w[:, :, 0], w[:, :, 1] + w[:, :, 2]], 2), torch.stack([w[:, :, 0] + w[:, :, 1], w[:, :, 2]], 2)]  # (C, D, 2, 3) each
        parts = [torch.stack([r[..., 0], r[..., 1] + r[..., 2]] if x == 0 else [r[..., 0] + r[..., 1], r[..., 2]], 3) for r in rows for x in (0, 1)]
        self._weight = torch.cat(parts).to(weight.dtype).contiguous(memory_format=torch.channels_last)  # (4 C, D, 2, 2)
        self._bias = None if bias is None else bias.repeat(4)

    def rows(self, first: int, last: int) -> Tensor:
        low, high = first // 2, (last + 1) // 2  # of the source
        top = max(0, low - 1)
        band = self.source.rows(top, min(self.source.height, high + 1)).to(self._weight.dtype)
        places = torch.arange(low - 1, high + 1).clamp(0, self.source.height - 1) - top
        band = band if len(places) == band.shape[2] else picked(band, places)
        made = F.conv2d(F.pad(band, (1, 1, 0, 0), mode="replicate"), self._weight, self._bias)  # (1, 4 C, n + 1, W + 1)
        count, width = high - low, self.source.width
        four = made.permute(0, 2, 3, 1)[0].unflatten(2, (2, 2, self.channels))  # rows, columns, phase of rows, phase of columns, C
        whole = room(self.channels, 2 * count, 2 * width, made.device, made.dtype)
        cells = whole.permute(0, 2, 3, 1).view(count, 2, width, 2, self.channels)
        for y in (0, 1):
            for x in (0, 1):
                cells[:, y, :, x] = four[y : y + count, x : x + width, y, x]
        return whole[:, :, first - 2 * low : last - 2 * low]


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

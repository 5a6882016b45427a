"""How convolutions map rows to rows, each in the form that is quickest and gives the same."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from huafang.nets.layers import Doubled, Mirrored
from huafang.nets.maps import Local, Map, Plan, flat_rows, layer, picked, room
from huafang.ops import winograd

Parameters = tuple[Tensor, Tensor | None]
FEW, WIDE = 4, 5
"""Convolutions to so few channels with so wide a kernel are done in two steps."""
MANY = 64
"""From so many channels on, in and out, Winograd's tiles pay."""


@layer(nn.Conv2d)
def _conv(module: nn.Conv2d, plan: Plan, source: Map) -> Map:
    assert (module.padding_mode, module.dilation) == ("zeros", (1, 1)), "the convolutions of our networks"
    assert not isinstance(module.padding, str), "as above"
    weight, bias = _parameters(module, plan)
    if (module.kernel_size, module.stride, module.padding, module.groups) == ((3, 3), (1, 1), (0, 0), 1) and isinstance(source, Mirrored):
        doubled = source.source
        if source.margins == (1, 1, 1, 1) and isinstance(doubled, Doubled) and doubled.mode == "nearest":
            return _Phases(doubled.source, weight, bias)
    (kernel, across), (step, stride), (before, aside) = module.kernel_size, module.stride, module.padding
    height, width = (source.height + 2 * before - kernel) // step + 1, (source.width + 2 * aside - across) // stride + 1
    plain = (module.stride, module.groups, plan.dtype, plan.device.type) == ((1, 1), 1, torch.float32, "cpu")
    in_steps = plain and module.out_channels <= FEW and across >= WIDE
    tiled = winograd.transformed(weight) if plain and module.kernel_size == (3, 3) and min(module.in_channels, module.out_channels) >= MANY else None
    pixels = (module.kernel_size, module.stride, module.padding, module.groups) == ((1, 1), (1, 1), (0, 0), 1)
    down = _down(weight) if in_steps else weight

    def over(band: Tensor) -> Tensor:
        if pixels:
            return F.linear(flat_rows(band.to(weight.dtype)), weight[:, :, 0, 0], bias).view(1, band.shape[2], band.shape[3], -1).permute(0, 3, 1, 2)
        if tiled is not None:
            return winograd.convolved(F.pad(band, (aside, aside)) if aside else band, tiled, bias)
        if in_steps:
            return _across(F.conv2d(F.pad(band, (aside, aside)) if aside else band, down, None, (step, 1)), bias, across)
        return F.conv2d(band.to(weight.dtype), weight, bias, module.stride, (0, aside), 1, module.groups)

    return Local(source, (module.out_channels, height, width), (step, before, kernel), over)


def _parameters(module: nn.Conv2d | nn.ConvTranspose2d, plan: Plan) -> Parameters:
    weight = module.weight.detach().to(plan.dtype).contiguous(memory_format=torch.channels_last)
    return weight, None if module.bias is None else module.bias.detach().to(plan.dtype)


def _down(weight: Tensor) -> Tensor:
    """(C, D, kernel, across) -> the columns of the kernel as outputs of their own, (C · across, D, kernel, 1)."""
    return weight.permute(0, 3, 1, 2).reshape(-1, weight.shape[1], weight.shape[2], 1).contiguous(memory_format=torch.channels_last)


def _across(columns: Tensor, bias: Tensor | None, across: int) -> Tensor:
    """Column k of the kernel acts k pixels to the right: (1, C · across, H, W + across - 1) -> (1, C, H, W)."""
    planes = columns.contiguous(memory_format=torch.contiguous_format).view(-1, across, *columns.shape[2:])
    width = columns.shape[3] - across + 1
    total = planes[:, 0, :, :width].clone() if bias is None else planes[:, 0, :, :width] + bias.view(-1, 1, 1)
    for k in range(1, across):
        total += planes[:, k, :, k : k + width]
    return total[None]


class _Phases(Map):
    """Each pixel doubled, a border mirrored by one, and a 3 × 3 convolution. On doubled pixels its kernel sees 2 × 2 different ones, others for each of the
    four positions in a doubled pixel (Shi et al. 2016, "Is the deconvolution layer the same as a convolutional layer?"): of nine products four are left.

    A mirrored border of doubled pixels is the last pixel once more.
    """

    def __init__(self, source: Map, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__(len(weight), 2 * source.height, 2 * source.width)
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
        super().__init__(module.out_channels, size[0], size[1])
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
    return _Transposed(source, module, _parameters(module, plan))

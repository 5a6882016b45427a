"""How each kind of layer maps rows to rows (`LAYERS`), and the layers that several of the published networks share."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from huafang.kernels import fused
from huafang.kernels.lazy import Gathered, Map, Moments, Placewise, Plan, Pointwise, layer, picked, room


@lru_cache(64)
def _mirrored(length: int, before: int, after: int) -> Tensor:
    """The row for each row with its border. It is read only, since all who ask share it."""
    place = torch.arange(-before, length + after).abs()
    return (length - 1) - ((length - 1) - place).abs()


@layer(nn.ReflectionPad2d)
def _reflected(module: nn.ReflectionPad2d, plan: Plan, source: Map) -> Map:
    left, right, above, below = module.padding
    assert (max(left, right) < source.width, max(above, below) < source.height) == (True, True), "a mirror shows no more than there is"

    def over(band: Tensor) -> Tensor:
        return F.pad(band, (left, right, 0, 0), mode="reflect") if left or right else band

    return Mirrored(source, _mirrored(source.height, above, below), over, (left, right, above, below), plan.grain(source.channels))


class Mirrored(Gathered):
    """A map with a mirrored border: so many columns to the left and right, rows above and below."""

    def __init__(self, source: Map, places: Tensor, layer: Callable[[Tensor], Tensor], margins: tuple[int, int, int, int], dtype: torch.dtype) -> None:
        super().__init__(source, places, source.width + margins[0] + margins[1], layer, dtype)
        self.margins = margins

    def rows(self, first: int, last: int) -> Tensor:
        if not isinstance(self.source, Settled):
            return super().rows(first, last)
        wanted = self.places[first:last]
        low, high = int(wanted.min()), int(wanted.max())
        return self.source.bordered(self.source.source.rows(low, high + 1), wanted - low, *self.margins[:2])

    def apart(self, first: int, last: int, step: int, columns: int, dtype: torch.dtype) -> Tensor:
        """The rows as (step, last - first, columns, C), column x in place x % step, x // step; beyond the last there are zeros. On the CPU."""
        wanted = self.places[first:last]
        low, high = int(wanted.min()), int(wanted.max())
        settled = self.source if isinstance(self.source, Settled) else Settled(self.source, dtype, None, 1.0)
        out = torch.empty(step, last - first, columns, self.channels, dtype=dtype)
        above, below = int(wanted.argmin()), last - first - int(wanted.argmax()) - 1
        whole = above + high + 1 - low + below == last - first  # each row once, beside the mirrored ones
        plain = (settled.scale_and_shift, step, self.margins[:2], whole) == (None, 4, (1, 1), True)
        if plain and settled.source.laid(low, high + 1, settled.slope, out, above):
            for row in (*range(above), *range(last - first - below, last - first)):
                out[:, row] = out[:, above + int(wanted[row]) - low]
            return out
        settled.settle(settled.source.rows(low, high + 1), wanted - low, *self.margins[:2], out)
        return out


@layer(nn.Tanh, nn.Sigmoid)
def _each(module: nn.Module, plan: Plan, source: Map) -> Map:
    function, in_place = {nn.Tanh: (torch.tanh, torch.tanh_), nn.Sigmoid: (torch.sigmoid, torch.sigmoid_)}[type(module)]
    return Pointwise(source, lambda band, out: function(band) if out is None else in_place(out))


@layer(nn.ReLU, nn.LeakyReLU)
def _rectified(module: nn.ReLU | nn.LeakyReLU, plan: Plan, source: Map) -> Map:
    slope = module.negative_slope if isinstance(module, nn.LeakyReLU) else 0.0
    return source.rectified(slope) or Settled(source, plan.grain(source.channels), None, slope)


class Settled(Placewise):
    """Norm and rectifier: rectified(source · scale + shift), in `dtype`, `slope` being the rectifier's below 0. Scale and shift, (C,), are asked for when rows
    are read.
    """

    def __init__(self, source: Map, dtype: torch.dtype, scale_and_shift: Callable[[], tuple[Tensor, Tensor]] | None, slope: float) -> None:
        super().__init__(source)
        self.dtype, self.scale_and_shift, self.slope = dtype, scale_and_shift, slope

    def rectified(self, slope: float) -> Map | None:
        return Settled(self.source, self.dtype, self.scale_and_shift, slope) if self.slope == 1 else None

    def rows(self, first: int, last: int) -> Tensor:
        return self.bordered(self.source.rows(first, last), torch.arange(last - first), 0, 0)

    def bordered(self, band: Tensor, places: Tensor, left: int, right: int) -> Tensor:
        """The rows `places` of (1, C, H, W), settled, with mirrored columns to the left and right."""
        scale, shift = self.known(band.device)
        if band.device.type != "cpu":
            settled = F.leaky_relu(torch.addcmul(shift.view(1, -1, 1, 1), picked(band, places), scale.view(1, -1, 1, 1)), self.slope)
            return F.pad(settled, (left, right, 0, 0), mode="reflect").to(self.dtype) if left or right else settled.to(self.dtype)
        out = room(self.channels, len(places), self.width + left + right, band.device, self.dtype)
        self.settle(band, places, left, right, out.permute(0, 2, 3, 1))
        return out

    def settle(self, band: Tensor, places: Tensor, left: int, right: int, out: Tensor) -> None:
        """As `bordered`, left in `out`, which is as `fused.settled` wants it. On the CPU."""
        scale, shift = self.known(band.device)
        given = fused.numbers(band.permute(0, 2, 3, 1)[0].contiguous())
        fused.settled(given, places.numpy(), left, right, scale.numpy(), shift.numpy(), self.slope, fused.numbers(out))

    def known(self, device: torch.device) -> tuple[Tensor, Tensor]:
        """In float32. Threads may settle it at once: they find the same."""
        if self.scale_and_shift is None:
            return torch.ones(self.channels, device=device), torch.zeros(self.channels, device=device)
        scale, shift = (one.float().to(device).expand(self.channels).contiguous() for one in self.scale_and_shift())
        return scale, shift


@layer(nn.InstanceNorm2d, nn.GroupNorm)
def _norm(module: nn.InstanceNorm2d | nn.GroupNorm, plan: Plan, source: Map) -> Map:
    assert isinstance(module, nn.InstanceNorm2d) or module.num_groups == 1, "groups are one channel or all"
    moments = Moments(together=isinstance(module, nn.GroupNorm))
    return normed(plan, source, moments, lambda: scale_and_shift(moments, module.eps, module.weight, module.bias))


def scale_and_shift(moments: Moments, eps: float, weight: Tensor | None, bias: Tensor | None) -> tuple[Tensor, Tensor]:
    """The norm (x - mean) / sqrt(variance + eps) · weight + bias as x · scale + shift, in double precision; a channel of one value becomes `bias`."""
    scale = (moments.variance() + eps).rsqrt() * (1.0 if weight is None else weight.detach().double().cpu())
    scale = scale.masked_fill(moments.flat(), 0.0)
    return scale, (0.0 if bias is None else bias.detach().double().cpu()) - moments.mean * scale


def normed(plan: Plan, source: Map, moments: Moments, settle: Callable[[], tuple[Tensor, Tensor]]) -> Map:
    """`source` · scale + shift, (C,) each, which `settle` gives once the moments of `source` are known."""
    return Settled(plan.measured(source, moments), plan.grain(source.channels), settle, 1.0)


@layer(nn.MaxPool2d)
def _pooled(module: nn.MaxPool2d, plan: Plan, source: Map) -> Map:
    assert (module.kernel_size, module.stride, module.padding, module.ceil_mode) == (2, 2, 0, True), "the poolings of our networks"
    return plan.kept(_Pooled(source))


class _Pooled(Map):
    """2 × 2 maxima; an odd last row or column is pooled by itself."""

    def __init__(self, source: Map) -> None:
        super().__init__(source.channels, -(-source.height // 2), -(-source.width // 2), source)
        self.source = source

    def rows(self, first: int, last: int) -> Tensor:
        return F.max_pool2d(self.source.rows(2 * first, min(self.source.height, 2 * last)), 2, ceil_mode=True)


@layer(nn.Upsample)
def _upsampled(module: nn.Upsample, plan: Plan, source: Map) -> Map:
    assert (module.scale_factor, module.align_corners or False) == (2, False), "the enlargements of our networks"
    return Doubled(plan.kept(source), module.mode)


class Doubled(Map):
    """Twice the size, by the nearest pixel or between pixels (half-pixel centres)."""

    def __init__(self, source: Map, mode: str) -> None:
        super().__init__(source.channels, 2 * source.height, 2 * source.width, source)
        self.source, self.mode = source, mode

    def rows(self, first: int, last: int) -> Tensor:
        around = 0 if self.mode == "nearest" else 1
        low, high = max(0, first // 2 - around), min(self.source.height, (last + 1) // 2 + around)
        made = F.interpolate(self.source.rows(low, high), scale_factor=2, mode=self.mode)
        return made[:, :, first - 2 * low : last - 2 * low]


class Ranged(nn.Module):
    """x · scale + shift, (B, 3, H, W); `reverse` swaps RGB and BGR first. `shift` may be one number for each channel."""

    def __init__(self, scale: float = 1.0, shift: float | Sequence[float] = 0.0, *, reverse: bool = False) -> None:
        super().__init__()
        self.scale, self.reverse = scale, reverse
        self.shift: Tensor
        self.register_buffer("shift", torch.tensor(shift).view(-1, 1, 1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return (x.flip(1) if self.reverse else x) * self.scale + self.shift


@layer(Ranged)
def _ranged(module: Ranged, plan: Plan, source: Map) -> Map:
    return Pointwise(source, lambda band, out: module(band))


def reflected(channels: int, width: int, kernel: int, stride: int = 1, *, bias: bool = True, groups: int = 1) -> nn.Sequential:
    """A convolution whose border is mirrored by half its kernel on all sides; its keys are `1.weight`, `1.bias`."""
    return nn.Sequential(nn.ReflectionPad2d(kernel // 2), nn.Conv2d(channels, width, kernel, stride, bias=bias, groups=groups))


class AdaIN(nn.Module):
    """Adaptive instance norm (Huang & Belongie 2017, equation 8): the mean and deviation of a style's features, in part, for those of the photo's.

    `mean` and `std` are (C,); `strength` mixes with the features as they came (equation 14). Deviations are √(unbiased variance + eps), as the authors' own
    ports have them.
    """

    def __init__(self, mean: Tensor, std: Tensor, strength: float = 1.0, eps: float = 1e-5) -> None:
        super().__init__()
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)
        self.strength, self.eps = strength, eps

    def forward(self, x: Tensor) -> Tensor:
        mean, std = statistics(x, self.eps)
        target = (x - mean.view(1, -1, 1, 1)) / std.view(1, -1, 1, 1) * self.std.view(1, -1, 1, 1) + self.mean.view(1, -1, 1, 1)
        return self.strength * target + (1 - self.strength) * x


def statistics(x: Tensor, eps: float = 1e-5) -> tuple[Tensor, Tensor]:
    """(1, C, H, W) -> mean and deviation of each channel, (C,) each. A map of one place has deviation √eps."""
    flat = x[0].flatten(1)
    return flat.mean(1), (flat.var(1, correction=min(1, flat.shape[1] - 1)) + eps).sqrt()


def moments(x: Tensor, eps: float = 1e-5) -> tuple[Tensor, Tensor]:
    """(B, C, H, W) -> mean and deviation √(variance + eps) of each channel of each map, (B, C, 1, 1) each in float32, through which networks learn.

    They are taken as matrix products, which on a CPU is the fastest way forward and back where channels lie last in memory.
    """
    flat = x.float().permute(0, 2, 3, 1).flatten(1, 2)  # (B, HW, C)
    count = flat.shape[1]
    even = flat.new_full((len(flat), 1, count), 1 / count)
    mean = even @ flat
    variance = even @ (flat - mean.detach()).square() * (count / max(1, count - 1))  # the gradient through the mean is 0
    return tuple(one.transpose(1, 2).unsqueeze(3) for one in (mean, (variance + eps).sqrt()))  # type: ignore[return-value]


@layer(AdaIN)
def _adain(module: AdaIN, plan: Plan, source: Map) -> Map:
    moments = Moments()

    def settle() -> tuple[Tensor, Tensor]:
        gain = module.std.double().cpu() / (moments.variance(unbiased=True) + module.eps).sqrt()
        gain = gain.masked_fill(moments.flat(), 0.0)
        part = module.strength
        return part * gain + (1 - part), part * (module.mean.double().cpu() - moments.mean * gain)

    return normed(plan, source, moments, settle)


class Enlarge(nn.Module):
    """Bilinear enlargement in one of three conventions, which differ in where a pixel of the result looks in the source.

    "align_corners" puts the outermost pixels' centres on each other, and the result has the size of `like`; "half_pixel" puts the pictures' borders on each
    other; "tf1" is TensorFlow 1's own, y ↦ y / 2 with the last row repeated, for which networks trained there were fitted. The last two double the size.
    """

    def __init__(self, mode: Literal["align_corners", "half_pixel", "tf1"]) -> None:
        super().__init__()
        self.mode = mode

    def size(self, x: Map | Tensor, like: Map | Tensor) -> tuple[int, int]:
        """Height and width of the result."""
        (height, width), (tall, wide) = (tuple(one.shape[2:]) if isinstance(one, Tensor) else (one.height, one.width) for one in (x, like))
        return (tall, wide) if self.mode == "align_corners" else (2 * height, 2 * width)

    def forward(self, x: Tensor, like: Tensor) -> Tensor:
        if self.mode == "tf1":
            return _halfway(_halfway(x, 2), 3)
        return F.interpolate(x, self.size(x, like), mode="bilinear", align_corners=self.mode == "align_corners")

    def across(self, x: Tensor, width: int) -> Tensor:
        """The same along the rows alone."""
        if self.mode == "tf1":
            return _halfway(x, 3)
        return F.interpolate(x, (x.shape[2], width), mode="bilinear", align_corners=self.mode == "align_corners")

    def places(self, height: int, tall: int) -> Tensor:
        """Where each of `tall` rows of the result looks among `height` rows, in float32 as PyTorch's own kernels reckon."""
        row = torch.arange(tall, dtype=torch.float32)
        if self.mode == "tf1":
            return (row / 2).clamp(max=height - 1)
        if self.mode == "half_pixel":
            return ((row + 0.5) / 2 - 0.5).clamp(0, height - 1)
        return (row * torch.tensor((height - 1) / max(1, tall - 1), dtype=torch.float32)).clamp(max=height - 1)


def _halfway(x: Tensor, axis: int) -> Tensor:
    """Each line and the mean of it and the next, in turns; behind the last comes the last again."""
    size = [*x.shape]
    last, size[axis] = size[axis] - 1, 2 * size[axis]
    whole = torch.empty(size, dtype=x.dtype, device=x.device, memory_format=torch.channels_last)
    even, odd = (whole.transpose(0, axis)[first::2].transpose(0, axis) for first in (0, 1))
    even.copy_(x)
    odd.narrow(axis, 0, last).copy_(torch.lerp(x.narrow(axis, 0, last), x.narrow(axis, 1, last), 0.5))
    odd.narrow(axis, last, 1).copy_(x.narrow(axis, last, 1))
    return whole


class _Enlarged(Map):
    def __init__(self, source: Map, module: Enlarge, size: tuple[int, int]) -> None:
        super().__init__(source.channels, *size, source)
        self.source, self._module, self._places = source, module, module.places(source.height, size[0])

    def rows(self, first: int, last: int) -> Tensor:
        if self._module.mode == "tf1":
            low = first // 2
            band = self._module.across(self.source.rows(low, min(self.source.height, last // 2 + 1)), self.width)
            return _halfway(band, 2)[:, :, first - 2 * low : last - 2 * low]
        place = self._places[first:last]
        above = place.floor().long()
        below = (above + 1).clamp(max=self.source.height - 1)
        low = int(above[0])
        band = self._module.across(self.source.rows(low, int(below[-1]) + 1), self.width)
        upper, lower = (band.index_select(2, (one - low).to(band.device)) for one in (above, below))
        return torch.lerp(upper, lower, (place - above).to(band).view(1, 1, -1, 1))


@layer(Enlarge)
def _enlarged(module: Enlarge, plan: Plan, source: Map, like: Map) -> Map:
    return _Enlarged(source, module, module.size(source, like))

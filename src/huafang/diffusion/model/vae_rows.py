"""The VAE in bands of rows, for pictures whose maps do not fit into memory: the same pixels as in one piece, to rounding.

Convolutions see a row or two beyond each band, so no seam can show; group norms take the statistics of the whole map, and the attention in the middle sees all
of it. What a map costs is counted before it is made: as many of them are kept as memory allows, and the others are made again, band by band, where they are
read.
"""

import os
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

SHARE = 3
"""The maps of a VAE may take one part in so many of the machine's memory: of all of it, so that the same machine always takes the same way."""
LEAST = 1 << 30
UNKNOWN = 8 << 30
"""Bytes: what they may take on the smallest machine, and the memory of one that does not tell."""
MAPS = 4
"""Maps of the largest size that a VAE in one piece has at a time, at most."""
BAND = 64 << 20
"""Bytes of a band of rows."""
QUERIES = 4096
"""Places whose attention is computed at a time."""

Activation = Callable[[Tensor], Tensor]


def memory(device: torch.device) -> int:
    """Bytes that maps may take on `device`."""
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory) // SHARE
    return max(LEAST, _installed() // SHARE)


def _installed() -> int:
    """Bytes of memory of this machine, or as many as its container may take."""
    try:
        whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows
        whole = UNKNOWN
    for file in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            whole = min(whole, int(Path(file).read_text()))
        except (OSError, ValueError):  # there is none, or it says "max"
            continue
    return whole


def fits(vae: Any, height: int, width: int) -> bool:
    """Whether a picture of so many pixels goes through `vae` in one piece."""
    channels = tuple(vae.config.block_out_channels)[:2]  # those of the finest level, and of the map that is doubled into it
    return bool(MAPS * max(channels) * height * width * vae.dtype.itemsize <= memory(vae.device))


def decode(vae: Any, latents: Tensor) -> Tensor:
    """(1, C, h, w) as `vae.decode` takes them -> (1, 3, H, W) as it gives them."""
    part, budget = vae.decoder, Budget(memory(latents.device))
    if vae.post_quant_conv is not None:
        latents = vae.post_quant_conv(latents)
    rows: Rows = Kept(_middle(part.mid_block, part.conv_in(latents)), budget)
    for block in part.up_blocks:
        for resnet in block.resnets:
            rows = budget.kept(Residual(rows, resnet, budget))
        for larger in block.upsamplers or ():
            rows = budget.kept(Conv(Doubled(rows), larger.conv))
    return _finished(rows, part)


def encode(vae: Any, pixels: Tensor) -> Tensor:
    """(1, 3, H, W) as `vae.encode` takes them -> mean and log variance, (1, 2 C, h, w), of the latents."""
    part, budget = vae.encoder, Budget(memory(pixels.device))
    rows: Rows = budget.kept(Conv(Kept(pixels, budget), part.conv_in))
    for block in part.down_blocks:
        for resnet in block.resnets:
            rows = budget.kept(Residual(rows, resnet, budget))
        for smaller in block.downsamplers or ():
            rows = budget.kept(Halved(rows, smaller.conv))
    rows = Kept(_middle(part.mid_block, whole(rows)), budget)
    moments = _finished(rows, part)
    return moments if vae.quant_conv is None else vae.quant_conv(moments)


class Rows(ABC):
    """A map of which bands of rows are made when they are read: `rows(a, b)` is (1, channels, b - a, width)."""

    def __init__(self, channels: int, height: int, width: int, like: Tensor) -> None:
        self.channels, self.height, self.width, self.like = channels, height, width, like

    @abstractmethod
    def rows(self, first: int, last: int) -> Tensor:
        """Rows `first` to `last` - 1."""

    @property
    def bytes(self) -> int:
        return self.channels * self.height * self.width * self.like.element_size()

    @property
    def step(self) -> int:
        """Rows of a band: as many as keep this map's band, and those of the maps it is made from, within `BAND` bytes."""
        return max(16, BAND // (self.channels * self.width * self.like.element_size()))


class Budget:
    """The memory for maps that are kept: `left` of it in bytes."""

    def __init__(self, size: int) -> None:
        self.left = size

    def kept(self, rows: Rows) -> Rows:
        """The map, made now and kept, where there is room for it; else as it is."""
        return Kept(whole(rows), self) if rows.bytes <= self.left else rows


class Kept(Rows):
    """A map in memory."""

    def __init__(self, tensor: Tensor, budget: Budget) -> None:
        super().__init__(tensor.shape[1], tensor.shape[2], tensor.shape[3], tensor)
        self.tensor = tensor
        budget.left -= self.bytes
        weakref.finalize(self, _give_back, budget, self.bytes)

    def rows(self, first: int, last: int) -> Tensor:
        return self.tensor[:, :, first:last]


def _give_back(budget: Budget, size: int) -> None:
    budget.left += size


class Normed(Rows):
    """activation(group norm), with the statistics of the whole map."""

    def __init__(self, source: Rows, norm: Any, activation: Activation) -> None:
        super().__init__(source.channels, source.height, source.width, source.like)
        self.source, self.activation = source, activation
        mean, variance = moments(source, norm.num_groups)
        each = source.channels // norm.num_groups
        scale = (variance + norm.eps).rsqrt().repeat_interleave(each) * norm.weight.double()
        shift = norm.bias.double() - mean.repeat_interleave(each) * scale
        self.scale, self.shift = (one.to(source.like.dtype).view(1, -1, 1, 1) for one in (scale, shift))

    @property
    def step(self) -> int:
        return min(super().step, self.source.step)

    def rows(self, first: int, last: int) -> Tensor:
        return self.normalize(self.source.rows(first, last))

    def normalize(self, band: Tensor) -> Tensor:
        """A band of the source, normed."""
        return self.activation(torch.addcmul(self.shift, band, self.scale))


class Conv(Rows):
    """A convolution of an odd kernel that keeps the size; beyond the map there are zeros."""

    def __init__(self, source: Rows, conv: Any) -> None:
        super().__init__(conv.out_channels, source.height, source.width, source.like)
        self.source, self.conv, self.reach = source, conv, conv.kernel_size[0] // 2

    @property
    def step(self) -> int:
        return min(super().step, self.source.step)

    def rows(self, first: int, last: int) -> Tensor:
        above, below = first - self.reach, last + self.reach
        band = self.source.rows(max(0, above), min(self.height, below))
        edges = (self.reach, self.reach, max(0, -above), max(0, below - self.height))
        return F.conv2d(F.pad(band, edges), self.conv.weight, self.conv.bias)


class Doubled(Rows):
    """Twice the size, each pixel four times."""

    def __init__(self, source: Rows) -> None:
        super().__init__(source.channels, 2 * source.height, 2 * source.width, source.like)
        self.source = source

    @property
    def step(self) -> int:
        return min(super().step, 2 * self.source.step)

    def rows(self, first: int, last: int) -> Tensor:
        low = first // 2
        band = F.interpolate(self.source.rows(low, (last + 1) // 2), scale_factor=2.0, mode="nearest")
        return band[:, :, first - 2 * low : last - 2 * low]


class Halved(Rows):
    """A convolution of 3 × 3 that halves the size; to the right and below there is one zero more."""

    def __init__(self, source: Rows, conv: Any) -> None:
        super().__init__(conv.out_channels, (source.height + 1 - 3) // 2 + 1, (source.width + 1 - 3) // 2 + 1, source.like)
        self.source, self.conv = source, conv

    @property
    def step(self) -> int:
        return min(super().step, max(16, self.source.step // 2))

    def rows(self, first: int, last: int) -> Tensor:
        below = 2 * last + 1
        band = self.source.rows(2 * first, min(self.source.height, below))
        return F.conv2d(F.pad(band, (0, 1, 0, max(0, below - self.source.height))), self.conv.weight, self.conv.bias, stride=2)


class Residual(Rows):
    """(x + conv(norm(conv(norm(x))))) / factor. A band of the source is read once for both sides, so that many blocks cost no more than each."""

    def __init__(self, source: Rows, block: Any, budget: Budget) -> None:
        super().__init__(block.conv2.out_channels, source.height, source.width, source.like)
        self.source, self.block = source, block
        self.normed = Normed(source, block.norm1, block.nonlinearity)
        self.inner = budget.kept(Conv(self.normed, block.conv1))
        self.inner_normed = Normed(self.inner, block.norm2, block.nonlinearity)

    @property
    def step(self) -> int:
        return min(super().step, self.source.step, self.inner.step)

    def rows(self, first: int, last: int) -> Tensor:
        low, high = max(0, first - 1), min(self.height, last + 1)
        if isinstance(self.inner, Kept):
            inner, here = self.inner.rows(low, high), self.source.rows(first, last)
        else:
            lowest, highest = max(0, low - 1), min(self.height, high + 1)
            band = self.source.rows(lowest, highest)
            inner = convolved(self.block.conv1, self.normed.normalize(band), (1 if low == 0 else 0, 1 if high == self.height else 0))
            here = band[:, :, first - lowest : last - lowest]
        edges = (1 if first == 0 else 0, 1 if last == self.height else 0)
        changed = convolved(self.block.conv2, self.inner_normed.normalize(inner), edges)
        beside = here if self.block.conv_shortcut is None else self.block.conv_shortcut(here)
        return (beside + changed) / self.block.output_scale_factor  # type: ignore[no-any-return]  # it is a number


def convolved(conv: Any, band: Tensor, edges: tuple[int, int]) -> Tensor:
    """A 3 × 3 convolution of a band that has what it sees beyond; where the map ends, `edges` rows of zeros are laid above and below."""
    return F.conv2d(F.pad(band, (1, 1, *edges)), conv.weight, conv.bias)


def whole(rows: Rows) -> Tensor:
    """All of a map."""
    if isinstance(rows, Kept):
        return rows.tensor
    made = rows.like.new_empty(1, rows.channels, rows.height, rows.width)
    for first in range(0, rows.height, rows.step):
        last = min(rows.height, first + rows.step)
        made[:, :, first:last] = rows.rows(first, last)
    return made


def moments(rows: Rows, groups: int) -> tuple[Tensor, Tensor]:
    """Mean and variance of each group of channels, (groups,) in double precision, band by band (Chan, Golub & LeVeque 1979)."""
    count, mean = 0, torch.zeros(groups, dtype=torch.float64, device=rows.like.device)
    scatter = mean.clone()
    for first in range(0, rows.height, rows.step):
        band = rows.rows(first, min(rows.height, first + rows.step)).reshape(groups, -1).float()
        here, size = band.mean(1, dtype=torch.float64), band.shape[1]
        spread = (band - here[:, None].float()).square().sum(1, dtype=torch.float64)
        step = here - mean
        total = count + size
        scatter += spread + step.square() * (count * size / total)
        mean += step * (size / total)
        count = total
    return mean, scatter / count


def _finished(rows: Rows, part: Any) -> Tensor:
    return whole(Conv(Normed(rows, part.conv_norm_out, part.conv_act), part.conv_out))


def _middle(block: Any, x: Tensor) -> Tensor:
    """The middle, whose map is a 64th of the picture's, in one piece; only its attention is taken in parts."""
    x = block.resnets[0](x, None)
    for attention, resnet in zip(block.attentions, block.resnets[1:], strict=True):
        x = resnet(x if attention is None else _attended(attention, x), None)
    return x


def _attended(block: Any, x: Tensor) -> Tensor:
    """Every place attends to every other; queries are taken `QUERIES` at a time, which changes nothing."""
    _, channels, height, width = x.shape
    flat = x.flatten(2)
    flat = (flat if block.group_norm is None else block.group_norm(flat)).transpose(1, 2)  # (1, h·w, C)
    queries, keys, values = (one(flat).unflatten(2, (block.heads, -1)).transpose(1, 2) for one in (block.to_q, block.to_k, block.to_v))
    found = torch.cat([F.scaled_dot_product_attention(part, keys, values) for part in queries.split(QUERIES, dim=2)], dim=2)
    made: Tensor = block.to_out[0](found.transpose(1, 2).flatten(2)).transpose(1, 2).reshape(1, channels, height, width)
    return (made + x if block.residual_connection else made) / block.rescale_output_factor  # type: ignore[no-any-return]  # it is a number

"""CAP-VSTNet's reversible network (Wen, Gao & Zou, CVPR 2023): a picture into features and back without loss, so that what style transfer does not touch stays.

    RGB + 29 zeros, as two halves of 16 · 10 blocks at 16 · 10 at 64, the first ↓2 · 10 at 256, the first ↓2 · 2 more at 256 (the "channel reduction")

A block is (x1, x2) -> (x2, x1 + F(x2)), with F three 3 × 3 convolutions under mirrored borders. It is undone by subtracting F again: nothing is kept on the
way, and here it is computed *in place*, one half being written over band by band of rows while F reads the other. So a run holds 128 bytes a pixel, and a band
for each thread; the result is that of the whole at once. A folding by 2 moves each 2 × 2 of pixels into channels, in place too.

The published features z, of 32 channels at full size (photo) or 128 at half size (art), are the last two halves unfolded twice or once: the same numbers, so
the halves themselves are what is carried here, and `GROUPS` says where a channel of z lies in them. RGB in [0, 1] in and out.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from huafang.kernels import conv3x3_narrow, layers, tiled
from huafang.kernels.lazy import LAYERS, Map, Plan, Source
from huafang.nets import checkpoint
from huafang.ops.threads import Each, Link, Work, workers

ALLOWED = "CAP-VSTNet (stack.0.conv.1.weight, …, channel_reduction.block_list.1.conv.7.bias)"
MULTIPLE, LEAST_SIDE = 4, 8
"""Sides are folded twice, and a folded side of one place could not be mirrored."""
WIDTHS = (16, 64, 256)
DEPTH, LAST = 10, 2
"""Blocks at each width, and further ones at the end."""
LEAST_ROWS, LEAST_BANDS = 32, 4
"""Rows of a band at the least: the first convolution of F makes four more of them, which its neighbours make too. And bands of a map that has as many rows: two
for each of two threads, so that either finds something to do while the other is behind.
"""
REACH = 7
"""F is made of three rows above and below; tiles of `thin` look at four more below, and what they see there may change how a number is rounded."""
TILE = 4
"""Rows of a band are a multiple of it, since tiles of Winograd's are not cut in two then."""
THIN = 16
"""Halves of so few channels have each row's channels line by line in memory, others have their channels last: what is quickest for each."""

Mode = Literal["photo", "art"]
Halves = list[Tensor]
"""A picture's features: two tensors, (1, 256, H/4, W/4) each. `decode` empties the list."""
FOLDS: dict[Mode, int] = {"photo": 2, "art": 1}
"""How often the published features are unfolded."""
GROUPS: dict[Mode, int] = {"photo": 8, "art": 2}
"""Places of the published features in each place of a half: (1, 256, h, w) is (groups, 256 / groups, h, w) there."""


def fold(x: Tensor) -> Tensor:
    """(B, C, 2h, 2w) -> (B, 4C, h, w); the four places of a square come one behind the other, each with all its channels."""
    batch, channels, height, width = x.shape
    parts = x.view(batch, channels, height // 2, 2, width // 2, 2).permute(0, 3, 5, 1, 2, 4)
    return parts.reshape(batch, 4 * channels, height // 2, width // 2)


def folding(half: Tensor) -> tuple[Tensor, Work]:
    """`fold` of a half, in place: in memory its two rows become one where they are. And what has to be done for it, by rows of the result."""
    _, channels, height, width = half.shape
    if channels <= THIN:
        pairs, order = half.permute(0, 2, 1, 3).view(height // 2, 2, channels, width // 2, 2), (0, 3, 1, 4, 2)
    else:
        pairs, order = half.permute(0, 2, 3, 1).view(height // 2, 2, width // 2, 2, channels), (0, 2, 1, 3, 4)
    return _laid(pairs, 4 * channels, width // 2), partial(_reorder, pairs, order)


def unfolding(half: Tensor) -> tuple[Tensor, Work]:
    """The inverse of `folding`, in place; by rows of the half."""
    _, channels, height, width = half.shape
    squares = half.permute(0, 2, 3, 1).view(height, width, 2, 2, channels // 4)
    order = (0, 2, 4, 1, 3) if channels // 4 <= THIN else (0, 2, 1, 3, 4)
    return _laid(squares, channels // 4, 2 * width), partial(_reorder, squares, order)


def _reorder(rows: Tensor, order: tuple[int, ...], first: int, last: int) -> None:
    """The numbers of each row in another order, in place."""
    part = rows[first:last]
    part.copy_(part.permute(order).clone(memory_format=torch.contiguous_format).view(part.shape))


def _laid(rows: Tensor, channels: int, width: int) -> Tensor:
    """The same memory as a half, (1, channels, H, width): line by line of each channel where there are few, channels last where there are many."""
    if channels <= THIN:
        return rows.view(1, -1, channels, width).permute(0, 2, 1, 3)
    return rows.view(1, -1, width, channels).permute(0, 3, 1, 2)


class Block(nn.Module):
    """F of one block, (1, channels, H, W) -> (1, width, H / stride, W / stride), and its addition to a half."""

    def __init__(self, channels: int, width: int, stride: int = 1) -> None:
        super().__init__()
        self.width, self.stride = width, stride
        pad, inner = nn.ReflectionPad2d(1), width // 4
        self.conv = nn.Sequential(
            *(pad, nn.Conv2d(channels, inner, 3, stride), nn.ReLU()),
            *(pad, nn.Conv2d(inner, inner, 3), nn.ReLU()),
            *(pad, nn.Conv2d(inner, width, 3)),
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        return y

    def adding(self, half: Tensor, other: Tensor, sign: int, dtype: torch.dtype) -> Work:
        """What does half += sign · F(other), in place, in the rows that it is called with; bands may be done in any order, or at once."""
        if self.width <= THIN and half.device.type == "cpu":
            one, two, three = (conv3x3_narrow.Taps.of(module) for module in self.conv if isinstance(module, nn.Conv2d))
            return partial(conv3x3_narrow.add, half, other, (one, two, three), sign)
        plan = _Fleeting(other.device, dtype, tile=TILE)
        made: Map = layers.Settled(_ChannelsLast(other), dtype, None, 1.0)  # as it is, mirrored and rounded in one pass
        for module in self.conv:
            made = LAYERS[type(module)](module, plan, made)

        return lambda first, last: made.added(first, last, half[:, :, first:last], sign)


class _ChannelsLast(Source):
    """A half whose rows are laid with channels last as they are asked for, not all at once."""

    def __init__(self, half: Tensor) -> None:
        Map.__init__(self, *half.shape[1:])
        self._half = half

    def rows(self, first: int, last: int) -> Tensor:
        return self._half[:, :, first:last].contiguous(memory_format=torch.channels_last)


class _Fleeting(Plan):
    """Keeps nothing: F is thin inside, so that its rows at the border of two bands are cheaper made twice than held."""

    def kept(self, source: Map) -> Map:
        return source


class _Way:
    """What is to be done with two halves, one thing after the other, each begun where the one before it is done."""

    def __init__(self, one: Tensor, other: Tensor, dtype: torch.dtype, device: torch.device) -> None:
        self.one, self.other, self.links = one, other, list[Link]()
        self._dtype, self._device = dtype, device
        self._height = one.shape[2] * MULTIPLE
        """A multiple of any height that comes."""

    def add(self, block: Block, sign: int) -> None:
        """one += sign · F(other)"""
        self._append(partial(block.adding, self.one, self.other, sign, self._dtype), self.one)

    def fold(self, half: Tensor) -> Tensor:
        """A half, folded."""
        made, work = folding(half)
        self._append(lambda: work, made)
        return made

    def unfold(self, half: Tensor) -> Tensor:
        """A half, unfolded."""
        made, work = unfolding(half)
        self._append(lambda: work, half)
        return made

    def swap(self) -> None:
        self.one, self.other = self.other, self.one

    def go(self, each: Each, report: Callable[[], None]) -> None:
        """Do all of it. `report` is called after each band."""
        for _ in each.chained(self.links, REACH):
            report()

    def _append(self, begin: Callable[[], Work], rows: Tensor) -> None:
        self.links.append(Link(begin, cuts(self._device, *rows.shape[1:]), self._height // rows.shape[2]))


def cuts(device: torch.device, channels: int, height: int, width: int) -> list[tuple[int, int]]:
    """The rows of a map in bands of about as many numbers as the device works on at a time, several; by the map's size alone, so runs repeat."""
    rows = min(_numbers(device) // (channels * width), -(-height // LEAST_BANDS))
    rows = max(LEAST_ROWS, -(-rows // TILE) * TILE)
    return [(first, min(height, first + rows)) for first in range(0, height, rows)]


def _numbers(device: torch.device) -> int:
    return tiled.NUMBERS.get(device.type, tiled.NUMBERS_ELSEWHERE)


class Reduction(nn.Module):
    """The last blocks, which the authors keep apart."""

    def __init__(self) -> None:
        super().__init__()
        self.block_list = nn.ModuleList(Block(WIDTHS[-1], WIDTHS[-1]) for _ in range(LAST))


class RevResNet(nn.Module):
    """The state dict has the published keys, of photo and art alike. `encode` and `decode` undo each other, to rounding."""

    def __init__(self) -> None:
        super().__init__()
        before = (WIDTHS[0], *WIDTHS[:-1])
        self.stack = nn.ModuleList(
            Block(narrow if place == 0 else wide, wide, stride=2 if place == 0 and narrow != wide else 1)
            for narrow, wide in zip(before, WIDTHS, strict=True)
            for place in range(DEPTH)
        )
        self.channel_reduction = Reduction()

    @property
    def blocks(self) -> list[Block]:
        """All blocks in the order of encoding."""
        return [block for block in (*self.stack, *self.channel_reduction.block_list) if isinstance(block, Block)]

    def encode(self, picture: Tensor, *, report: Callable[[], None] = lambda: None, dtype: torch.dtype = torch.float32) -> Halves:
        """(1, 3, H, W) in [0, 1], sides multiples of 4 from 8 -> two halves, (1, 256, H/4, W/4) each. `report` is called after each band; what it raises ends
        the run. Convolutions reckon in `dtype`, halves are added up in float32.
        """
        height, width = picture.shape[2:]
        assert height % MULTIPLE == width % MULTIPLE == 0, f"sides are multiples of {MULTIPLE}, not {height} and {width}"
        with torch.no_grad(), workers(picture.device) as each:
            one, other = (_laid(picture.new_zeros(height, WIDTHS[0], width), WIDTHS[0], width) for _ in range(2))
            one[:, :3] = picture
            way = self._encoding(one, other, dtype, one.device)
            way.go(each, report)
        return [way.one, way.other]

    def decode(self, halves: Halves, *, report: Callable[[], None] = lambda: None, dtype: torch.dtype = torch.float32) -> Tensor:
        """The picture, (1, 3, H, W), of two halves, which are taken out of the list and written over."""
        other, one = halves
        halves.clear()
        with torch.no_grad(), workers(one.device) as each:
            way = self._decoding(one, other, dtype)
            way.go(each, report)
        return way.other[:, :3].contiguous()

    def reports(self, device: torch.device, height: int, width: int) -> int:
        """How often `encode`, or `decode`, reports for a picture of this size."""
        half = _laid(torch.empty(height, WIDTHS[0], width, device="meta"), WIDTHS[0], width)
        return sum(len(link.bands) for link in self._encoding(half, half, torch.float32, device).links)

    def _encoding(self, one: Tensor, other: Tensor, dtype: torch.dtype, device: torch.device) -> _Way:
        way = _Way(one, other, dtype, device)
        for block in self.blocks:
            if block.stride == 2:
                way.one = way.fold(way.one)
            way.add(block, 1)
            if block.stride == 2:
                way.other = way.fold(way.other)
            way.swap()
        return way

    def _decoding(self, one: Tensor, other: Tensor, dtype: torch.dtype) -> _Way:
        way = _Way(one, other, dtype, one.device)
        for block in reversed(self.blocks):
            if block.stride == 2:
                way.other = way.unfold(way.other)
            way.add(block, -1)
            if block.stride == 2:
                way.one = way.unfold(way.one)
            way.swap()
        return way


def build(state: dict[str, Tensor], name: str) -> RevResNet:
    """The network from the published state dict. Raises BadInput for another network's."""
    if "stack.0.conv.1.weight" not in state:
        raise checkpoint.unknown(name, state, ALLOWED)
    net = RevResNet()
    checkpoint.fill(net, state, name, "RevResNet of CAP-VSTNet")
    return net


def load(path: Path) -> RevResNet:
    """The network of `path`. Raises BadInput for another network."""
    return build(checkpoint.read(path), path.name)

"""A residual of three 3 × 3 convolutions with few channels between, rectified but for the last, under mirrored borders: line by line, (H, C, W).

With 4 channels, three quarters of what PyTorch's kernels do is padding. On lines the lanes of a processor are the pixels of a row, so none is idle; and as each
few rows run through all three convolutions while their neighbours are in the cache, nothing between them goes through the memory.

Four rows of a result are made at once, from six, by Winograd's F(4, 3) down the columns (`winograd_f4x4_3x3.py`; across them the kernel is summed plainly),
with half of the products: of six transformed rows each goes through a kernel of three numbers, and the six sums are transformed back.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from huafang.kernels import winograd_f4x4_3x3
from huafang.ops.jit import Array, inline, rows

ZERO = np.float32(0)
TILE, LINES = 4, 6
"""Rows made at a time, and rows they are made from."""
FOUR, TWO, VECTOR = 4, 2, 16
"""Channels made at a time, and channels they are summed over at a time: so many weights are what the registers hold, beside what is read. And pixels a vector
has at the most: where whole vectors are reckoned, the compiler keeps no second set of weights for what is left over.
"""
PIXELS = 512
"""Pixels of a row worked on at a time: a number that the compiler knows, so that it can tell the sums of one channel from another's."""
ROOM = PIXELS + VECTOR
"""Pixels of a transformed row's memory: one more at both ends, and whole vectors."""
NEXT = LINES * ROOM
"""From one channel's transformed rows to the next one's."""
KEPT = 16
"""Rows of what lies between two convolutions that are kept, row y in place y % KEPT."""

_forth, _back = winograd_f4x4_3x3.forth(ROOM), winograd_f4x4_3x3.back(FOUR * ROOM)


@dataclass(frozen=True)
class Taps:
    """A convolution's transformed weights, (6, K / 4, C / 2, 24): those of four channels to two, three each; and biases, (K,)."""

    weight: Array
    bias: Array

    @classmethod
    def of(cls, module: nn.Conv2d) -> "Taps":
        """Of a 3 × 3 convolution from an even number of channels to a multiple of four."""
        weight = module.weight.detach().double()
        assert module.bias is not None, "the convolutions of our networks"
        count, channels = weight.shape[:2]
        each = torch.einsum("rh,kchw->rkcw", winograd_f4x4_3x3.G, weight).float().view(LINES, count // FOUR, FOUR, channels // TWO, TWO, 3)
        return cls(each.transpose(2, 3).reshape(LINES, count // FOUR, channels // TWO, -1).contiguous().numpy(), module.bias.detach().numpy())


def add(half: Tensor, other: Tensor, convolutions: tuple[Taps, Taps, Taps], sign: int, first: int, last: int) -> None:
    """half += sign · F(other) in the rows `first` to `last`, in place.

    Both are (1, C, H, W) float32 on the CPU, their memory being (H, C, W), with sides from 2.
    """
    one, two, three = convolutions
    taps = (one.weight, one.bias, two.weight, two.bias, three.weight, three.bias)
    _added(half[0].transpose(0, 1).numpy(), other[0].transpose(0, 1).numpy(), *taps, np.float32(sign), first, last)


@rows
def _added(
    half: Array,
    other: Array,
    weight1: Array,
    bias1: Array,
    weight2: Array,
    bias2: Array,
    weight3: Array,
    bias3: Array,
    sign: np.float32,
    first: int,
    last: int,
) -> None:
    """The convolutions follow each other at three rows' distance. Their tiles lie at the same places for every band, so a band changes no bit of a row."""
    height, channels, width = other.shape
    thin = np.zeros((KEPT, len(bias1), width), np.float32)
    thin2 = np.zeros((KEPT, len(bias2), width), np.float32)
    lines = np.zeros(channels * NEXT, np.float32)
    sums, made = np.empty((LINES, FOUR * ROOM), np.float32), np.empty(TILE * FOUR * ROOM, np.float32)
    places = np.empty(LINES, np.int64)
    top, bottom = first // TILE * TILE, (last + TILE - 1) // TILE * TILE
    for y in range(top - 2, bottom + 3, TILE):
        _around(y, height, height, places)
        for x in range(0, width, PIXELS):
            _transformed(other, places, x, lines)
            _rectified(lines, weight1, bias1, y, x, sums, made, thin)
        if y - 3 >= top - 1:
            _around(y - 3, height, KEPT, places)
            for x in range(0, width, PIXELS):
                _transformed(thin, places, x, lines)
                _rectified(lines, weight2, bias2, y - 3, x, sums, made, thin2)
        done = y - 6
        if done >= top:
            _around(done, height, KEPT, places)
            for x in range(0, width, PIXELS):
                end = min(width, x + PIXELS)
                _transformed(thin2, places, x, lines)
                for four in range(weight3.shape[1]):
                    _four(lines, weight3, four, end - x, sums, made)
                    for k in range(FOUR):
                        bias = bias3[FOUR * four + k]
                        for i in range(max(0, first - done), min(TILE, last - done)):
                            line, given = half[done + i, FOUR * four + k, x:end], made[(FOUR * i + k) * ROOM :]
                            for n in range(end - x):
                                line[n] += sign * (given[n] + bias)


@inline
def _around(y: int, height: int, kept: int, places: npt.NDArray[np.int64]) -> None:
    """Where the rows from y - 1 to y + 4 are kept, mirrored at the borders. Those further out are read for results that no one sees: the last row is one."""
    for i in range(LINES):
        row = y - 1 + i
        mirrored = 1 if row == -1 else height - 2 if row == height else row
        places[i] = min(max(0, mirrored), height - 1) % kept


@inline
def _transformed(source: Array, places: npt.NDArray[np.int64], x: int, lines: Array) -> None:
    """Six rows of every channel from pixel x - 1 on, transformed and beside each other, with a mirrored pixel at both ends of a row."""
    channels, width = source.shape[1:]
    begin, end = max(0, x - 1), min(width, x + PIXELS + 1)
    behind = end - x + 1
    for c in range(channels):
        one, two, three = source[places[0], c, begin:end], source[places[1], c, begin:end], source[places[2], c, begin:end]
        fourth, fifth, sixth = source[places[3], c, begin:end], source[places[4], c, begin:end], source[places[5], c, begin:end]
        first = c * NEXT
        _forth(one, two, three, fourth, fifth, sixth, lines[first + 1 + begin - x :])
        for place in range(first, first + NEXT, ROOM):
            if x == 0:
                lines[place] = lines[place + 2]
            if end == width:
                lines[place + behind] = lines[place + behind - 2]


@inline
def _rectified(lines: Array, weight: Array, bias: Array, y: int, x: int, sums: Array, made: Array, out: Array) -> None:
    """Four rows of a convolution from y on, from pixel x on, rectified."""
    end = min(out.shape[2], x + PIXELS)
    for four in range(weight.shape[1]):
        _four(lines, weight, four, end - x, sums, made)
        for k in range(FOUR):
            more = bias[FOUR * four + k]
            for i in range(TILE):
                line, given = out[(y + i) % KEPT, FOUR * four + k, x:end], made[(FOUR * i + k) * ROOM :]
                for n in range(end - x):
                    line[n] = max(given[n] + more, ZERO)


@inline
def _four(lines: Array, weight: Array, four: int, count: int, sums: Array, made: Array) -> None:
    """`count` pixels of four channels of a convolution in four rows, `made` (4 rows, 4 channels, ROOM), of the transformed `lines`."""
    for row in range(LINES):
        total = sums[row]
        total[:] = 0
        for pair in range(weight.shape[2]):
            _summed(lines[(TWO * pair * LINES + row) * ROOM :], weight[row, four, pair], count, total)
    for k in range(FOUR):
        begin, end = k * ROOM, k * ROOM + count
        one, two, three = sums[0, begin:end], sums[1, begin:end], sums[2, begin:end]
        fourth, fifth, sixth = sums[3, begin:end], sums[4, begin:end], sums[5, begin:end]
        _back(one, two, three, fourth, fifth, sixth, made[begin:])


@inline
def _summed(two: Array, weight: Array, count: int, total: Array) -> None:
    """Adds to the sums of four channels what two channels give them by a kernel of three."""
    p0, p1, p2, q0, q1, q2 = weight[0], weight[1], weight[2], weight[3], weight[4], weight[5]
    r0, r1, r2, s0, s1, s2 = weight[6], weight[7], weight[8], weight[9], weight[10], weight[11]
    t0, t1, t2, u0, u1, u2 = weight[12], weight[13], weight[14], weight[15], weight[16], weight[17]
    v0, v1, v2, w0, w1, w2 = weight[18], weight[19], weight[20], weight[21], weight[22], weight[23]
    for x in range(VECTOR * ((count + VECTOR - 1) // VECTOR)):
        a, b, c, d, e, f = two[x], two[x + 1], two[x + 2], two[NEXT + x], two[NEXT + x + 1], two[NEXT + x + 2]
        total[x] += p0 * a + p1 * b + p2 * c + q0 * d + q1 * e + q2 * f
        total[ROOM + x] += r0 * a + r1 * b + r2 * c + s0 * d + s1 * e + s2 * f
        total[2 * ROOM + x] += t0 * a + t1 * b + t2 * c + u0 * d + u1 * e + u2 * f
        total[3 * ROOM + x] += v0 * a + v1 * b + v2 * c + w0 * d + w1 * e + w2 * f

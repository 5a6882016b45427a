"""3 × 3 convolutions in groups of one or two channels, which general code for convolutions is slow at: a few products for each number that is read.

Maps are (H, W, C), channels last, as in `passes.py`. A row of the source is made ready once, and three of them are kept: norm and rectifier, or the bilinear
enlargement, and the mirrored border are taken in on the way, so that none of these maps is ever written to memory.
"""

import numpy as np
import numpy.typing as npt

from huafang.ops.compiled import Array, inline, leave, real, rows
from huafang.ops.passes import Bits

Ints = npt.NDArray[np.int64]
QUARTER = np.float32(0.25)
MOST = 2
"""Channels of the source in a group, at most."""


@inline
def _widened(row: Bits, out: Array) -> None:
    """(W, C) in float32."""
    flat, numbers = row.reshape(-1), out.reshape(-1)
    for i in range(len(flat)):
        numbers[i] = real(flat[i])


@inline
def _settled(scale: Array, shift: Array, slope: float, line: Array) -> None:
    """Norm and rectifier, in place."""
    steep = np.float32(slope)
    for x in range(line.shape[0]):
        for c in range(line.shape[1]):
            v = line[x, c] * scale[c] + shift[c]
            line[x, c] = max(v, np.float32(0)) + steep * min(v, np.float32(0))


@inline
def _between(above: Array, below: Array, share: float, out: Array) -> None:
    """A row of the doubled map, (2 W, C), of which `share` is of the row `below`."""
    part = np.float32(share)
    width = above.shape[0]
    for x in range(width):
        for c in range(above.shape[1]):
            above[x, c] += part * (below[x, c] - above[x, c])
    for x in range(width):
        left, right = max(x - 1, 0), min(x + 1, width - 1)
        for c in range(above.shape[1]):
            out[2 * x, c] = above[x, c] + QUARTER * (above[left, c] - above[x, c])
        for c in range(above.shape[1]):
            out[2 * x + 1, c] = above[x, c] + QUARTER * (above[right, c] - above[x, c])


@inline
def _spread(line: Array, out: Array) -> None:
    """(W, C) -> (J, W, O): for each channel of the result the J channels that its group has."""
    inside, width, count = out.shape
    each = count * inside // line.shape[1]
    if inside == 2 and each == 1:
        for x in range(width):
            for o in range(count):
                out[0, x, o] = line[x, 2 * o]
                out[1, x, o] = line[x, 2 * o + 1]
    elif inside == 1 and each == 2:
        for x in range(width):
            for c in range(line.shape[1]):
                out[0, x, 2 * c] = line[x, c]
                out[0, x, 2 * c + 1] = line[x, c]
    else:
        for j in range(inside):
            for x in range(width):
                for o in range(count):
                    out[j, x, o] = line[x, o // each * inside + j]


@rows
def convolved(
    source: Bits,
    above: Ints,
    below: Ints,
    share: Array,
    double: bool,
    margins: tuple[int, int],
    scale: Array,
    shift: Array,
    slope: float,
    weight: Array,
    bias: Array,
    step: int,
    rise: float,
    out: Bits,
) -> None:
    """out[y, x, o] = rectified(bias[o] + Σ weight[3 i + k, j, o] · line[step · y + i][step · x + k, the j-th channel of o's group]).

    Row r of the lines is settled(source[above[r]]), by `scale`, `shift` and `slope`; or with `double`, from between the rows above[r] and below[r], which has
    `share` of it, twice as wide. Its columns are mirrored by `margins` to the left and right. `weight` (9, J, O), `rise` is the result's slope below 0.
    """
    channels, inside, count = source.shape[2], weight.shape[1], weight.shape[2]
    left, right = margins
    width = source.shape[1] * (2 if double else 1)
    line = np.zeros((left + width + right, channels), np.float32)
    one, other = np.zeros((source.shape[1], channels), np.float32), np.zeros((source.shape[1], channels), np.float32)
    ready = np.zeros((3, inside, left + width + right, count), np.float32)
    steep = np.float32(rise)
    made = 0
    for y in range(out.shape[0]):
        for r in range(max(made, step * y), step * y + 3):
            middle = line[left : left + width]
            if double:
                _widened(source[above[r]], one)
                _widened(source[below[r]], other)
                _between(one, other, share[r], middle)
            else:
                _widened(source[above[r]], middle)
                _settled(scale, shift, slope, middle)
            for x in range(left):
                line[left - 1 - x] = line[left + 1 + x]
            for x in range(right):
                line[left + width + x] = line[left + width - 2 - x]
            _spread(line, ready[r % 3])
        made = step * y + 3
        a, b, c = ready[step * y % 3], ready[(step * y + 1) % 3], ready[(step * y + 2) % 3]
        for x in range(out.shape[1]):
            p, place = step * x, out[y, x]
            if inside == 1:
                for o in range(count):
                    v = bias[o] + weight[0, 0, o] * a[0, p, o] + weight[1, 0, o] * a[0, p + 1, o] + weight[2, 0, o] * a[0, p + 2, o]
                    v += weight[3, 0, o] * b[0, p, o] + weight[4, 0, o] * b[0, p + 1, o] + weight[5, 0, o] * b[0, p + 2, o]
                    v += weight[6, 0, o] * c[0, p, o] + weight[7, 0, o] * c[0, p + 1, o] + weight[8, 0, o] * c[0, p + 2, o]
                    leave(place, o, max(v, np.float32(0)) + steep * min(v, np.float32(0)))
            else:
                for o in range(count):
                    v = bias[o] + weight[0, 0, o] * a[0, p, o] + weight[1, 0, o] * a[0, p + 1, o] + weight[2, 0, o] * a[0, p + 2, o]
                    v += weight[3, 0, o] * b[0, p, o] + weight[4, 0, o] * b[0, p + 1, o] + weight[5, 0, o] * b[0, p + 2, o]
                    v += weight[6, 0, o] * c[0, p, o] + weight[7, 0, o] * c[0, p + 1, o] + weight[8, 0, o] * c[0, p + 2, o]
                    v += weight[0, 1, o] * a[1, p, o] + weight[1, 1, o] * a[1, p + 1, o] + weight[2, 1, o] * a[1, p + 2, o]
                    v += weight[3, 1, o] * b[1, p, o] + weight[4, 1, o] * b[1, p + 1, o] + weight[5, 1, o] * b[1, p + 2, o]
                    v += weight[6, 1, o] * c[1, p, o] + weight[7, 1, o] * c[1, p + 1, o] + weight[8, 1, o] * c[1, p + 2, o]
                    leave(place, o, max(v, np.float32(0)) + steep * min(v, np.float32(0)))

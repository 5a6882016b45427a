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
AT_ONCE = 1024
"""Numbers of a row of the result that are made at a time: a loop for all channels of several pixels is what the compiler makes vectors of."""
MOST = 2
"""Channels of the source in a group, at most."""


@rows
def _settled(row: Bits, scales: Array, shifts: Array, slope: float, out: Array) -> None:
    """Norm and rectifier of (W · C,), in float32. `scales` and `shifts` are those of some pixels beside each other."""
    steep = np.float32(slope)
    for first in range(0, len(row), len(scales)):
        given, made = row[first : first + len(scales)], out[first : first + len(scales)]
        for k in range(len(given)):
            v = real(given[k]) * scales[k] + shifts[k]
            made[k] = max(v, np.float32(0)) + steep * min(v, np.float32(0))


@rows
def _between(above: Bits, below: Bits, share: float, channels: int, mixed: Array, sides: Array, out: Array) -> None:
    """A row of the doubled map, (2 W, C), of which `share` is of the row `below`; of rows (W · C,)."""
    part, length = np.float32(share), len(above)
    for k in range(length):
        mixed[k] = real(above[k]) + part * (real(below[k]) - real(above[k]))
    near, far = mixed[: length - channels], mixed[channels:]
    left, right = sides[0], sides[1]
    left[:channels] = mixed[:channels]
    right[length - channels :] = mixed[length - channels :]
    moved = left[channels:]
    for k in range(length - channels):
        moved[k] = far[k] + QUARTER * (near[k] - far[k])
    for k in range(length - channels):
        right[k] = near[k] + QUARTER * (far[k] - near[k])
    for x in range(length // channels):
        even, odd = out[2 * x], out[2 * x + 1]
        one, two = left[x * channels : (x + 1) * channels], right[x * channels : (x + 1) * channels]
        for c in range(channels):
            even[c] = one[c]
        for c in range(channels):
            odd[c] = two[c]


@inline
def _spread(line: Array, apart: int, out: Array) -> None:
    """(W, C) -> (J, W, O): for each channel of the result the J channels that its group has. With `apart` = 2 the odd columns come behind the even ones."""
    inside, width, count = out.shape
    each = count * inside // line.shape[1]
    half = (width + 1) // 2
    if inside == each == apart == 1:
        flat, copy = line.reshape(-1), out[0].reshape(-1)
        for k in range(len(flat)):
            copy[k] = flat[k]
        return
    for x in range(width):
        given, place = line[x], x if apart == 1 else x // 2 + half * (x % 2)
        for j in range(inside):
            made = out[j, place]
            if each == 1:
                for o in range(count):
                    made[o] = given[inside * o + j]
            elif inside == 1 and each == 2:
                for c in range(len(given)):
                    made[2 * c] = given[c]
                    made[2 * c + 1] = given[c]
            else:
                for o in range(count):
                    made[o] = given[o // each * inside + j]


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
    mixed, sides = np.zeros(source.shape[1] * channels, np.float32), np.zeros((2, source.shape[1] * channels), np.float32)
    ready = np.zeros((3, inside, left + width + right, count), np.float32)
    some = max(1, AT_ONCE // count)
    weights, biases, sums = np.empty((inside, 9, some * count), np.float32), np.empty(some * count, np.float32), np.empty(some * count, np.float32)
    for x in range(some):
        for o in range(count):
            biases[x * count + o] = bias[o]
            for j in range(inside):
                for i in range(9):
                    weights[j, i, x * count + o] = weight[i, j, o]
    scales, shifts = np.empty(max(1, AT_ONCE // channels) * channels, np.float32), np.empty(max(1, AT_ONCE // channels) * channels, np.float32)
    for k in range(len(scales)):
        scales[k], shifts[k] = scale[k % channels], shift[k % channels]
    middle, last = (1, 2) if step == 1 else ((left + width + right + 1) // 2, 1)  # of three neighbours, from the first one on
    steep = np.float32(rise)
    made = 0
    for y in range(out.shape[0]):
        for r in range(max(made, step * y), step * y + 3):
            inner = line[left : left + width]
            if double:
                _between(source[above[r]].reshape(-1), source[below[r]].reshape(-1), share[r], channels, mixed, sides, inner)
            else:
                _settled(source[above[r]].reshape(-1), scales, shifts, slope, inner.reshape(-1))
            for x in range(left):
                line[left - 1 - x] = line[left + 1 + x]
            for x in range(right):
                line[left + width + x] = line[left + width - 2 - x]
            _spread(line, step, ready[r % 3])
        made = step * y + 3
        whole = out[y].reshape(-1)
        for first in range(0, out.shape[1], some):
            n = min(some, out.shape[1] - first) * count
            for k in range(n):
                sums[k] = biases[k]
            for j in range(inside):
                for i in range(3):
                    row = ready[(step * y + i) % 3, j].reshape(-1)[first * count :]
                    _taps(row, row[middle * count :], row[last * count :], weights[j, 3 * i], weights[j, 3 * i + 1], weights[j, 3 * i + 2], sums, n)
            place = whole[first * count : first * count + n]
            for k in range(n):
                leave(place, k, max(sums[k], np.float32(0)) + steep * min(sums[k], np.float32(0)))


@rows
def _taps(one: Array, two: Array, three: Array, weight: Array, weight2: Array, weight3: Array, sums: Array, n: int) -> None:
    for k in range(n):
        sums[k] += weight[k] * one[k] + weight2[k] * two[k] + weight3[k] * three[k]

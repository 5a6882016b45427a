"""3 × 3 convolutions in groups of one or two channels, which general code for convolutions is slow at: a few products for each number that is read.

Maps are (H, W, C), channels last, as in `fused.py`. A row of the source is made ready once, and three of them are kept: norm, rectifier and mirrored border
are taken in on the way, so that none of these maps is ever written to memory. Groups are taken in blocks of 16, the lanes of a processor's vectors: a row
that is ready has the first channel of each group, pixel by pixel, and another the second.

A convolution of a map that is doubled between its pixels is one of the map itself, by other kernels: a pixel of the result sees three by three of the source's,
weighed by where in its pixel it lies (Shi et al. 2016, "Is the deconvolution layer the same as a convolutional layer?", with the enlargement in the kernel).
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from huafang.kernels.fused import Bits
from huafang.ops.jit import Array, inline, leave, real, rows

Ints = npt.NDArray[np.int64]
LANES = 16
AT_ONCE = 1024
"""Numbers of a row of the source that norm and rectifier are made of at a time."""
MOST = 2
"""Channels of the source in a group, at most."""
TAPS = 9
NEAR, FAR = np.float32(0.75), np.float32(0.25)
"""Shares of the two pixels that a doubled one lies between."""
ZERO, ONE = np.float32(0), np.float32(1)


@rows
def convolved(
    source: Bits,
    places: Ints,
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
    """out[y, x, o] = rectified(bias[o] + Σ weight[j, 3 i + k, o] · line[step · y + i][step · x + k, the j-th channel of o's group]).

    Row r of the lines is settled(source[places[r]]), by `scale`, `shift` and `slope`. Its columns are mirrored by `margins` to the left and right. `weight`
    (J, 9, O), `rise` is the result's slope below 0. `step` is 1 or 2.
    """
    inside, width, channels = weight.shape[0], source.shape[1], source.shape[2]
    left, right = margins
    weights = _blocks(weight, bias, channels // inside)
    blocks, each = weights.shape[:2]
    ready = np.zeros((3, blocks, inside, (left + width + right) * LANES), np.float32)
    made, row = np.empty((each, out.shape[1] * LANES), np.float32), np.empty((out.shape[1], out.shape[2]), np.float32)
    flat, (scales, shifts) = np.empty((width, channels), np.float32), _repeated(scale, shift)
    done = 0
    for y in range(out.shape[0]):
        for r in range(max(done, step * y), step * y + 3):
            _settled(source[places[r]].reshape(-1), scales, shifts, slope, flat.reshape(-1))
            _spread(flat, ready[r % 3], left)
            for block in range(blocks):
                for j in range(inside):
                    _mirrored(left, width, right, ready[r % 3, block, j].reshape(-1, LANES))
        done = step * y + 3
        for block in range(blocks):
            one, two, three = ready[step * y % 3, block], ready[(step * y + 1) % 3, block], ready[(step * y + 2) % 3, block]
            for e in range(each):
                if inside == 1 and step == 1:
                    _one(one, two, three, weights[block, e], made[e])
                elif inside == 1:
                    _one_apart(one, two, three, weights[block, e], made[e])
                elif step == 1:
                    _two(one, two, three, weights[block, e], made[e])
                else:
                    _two_apart(one, two, three, weights[block, e], made[e])
            _together(made, block, row)
        _left(row.reshape(-1), rise, out[y].reshape(-1))


@rows
def doubled(source: Bits, above: Ints, below: Ints, share: Array, weight: Array, bias: Array, rise: float, out: Bits) -> None:
    """The same of the doubled map, with columns mirrored by one: row r of the lines lies between the rows above[r] and below[r] of `source`, (H, W, C), and has
    `share` of the latter; `out` (H', 2 W, O).
    """
    inside, width, channels = weight.shape[0], source.shape[1], source.shape[2]
    weights = _blocks(weight, bias, channels // inside)
    blocks, each = weights.shape[:2]
    ready = np.zeros((3, blocks, inside, (width + 2) * LANES), np.float32)
    made, row = np.empty((each, 2 * width * LANES), np.float32), np.empty((2 * width, out.shape[2]), np.float32)
    kernel, side, part = np.empty((2 * MOST * TAPS + 1) * LANES, np.float32), np.empty(2 * 3 * MOST * LANES, np.float32), np.empty((3, 3), np.float32)
    flat, (scales, shifts) = np.empty((width, channels), np.float32), _repeated(np.ones(channels, np.float32), np.zeros(channels, np.float32))
    done = 0
    for y in range(out.shape[0]):
        top = min(above[y], above[y + 1], above[y + 2])
        part[:] = 0
        for i in range(3):
            part[i, above[y + i] - top] += ONE - share[y + i]
            part[i, below[y + i] - top] += share[y + i]
        for r in range(max(done, top), min(top + 3, source.shape[0])):
            _settled(source[r].reshape(-1), scales, shifts, 1.0, flat.reshape(-1))
            _spread(flat, ready[r % 3], 1)
            for block in range(blocks):
                for j in range(inside):
                    line = ready[r % 3, block, j]
                    line[:LANES] = line[LANES : 2 * LANES]
                    line[(width + 1) * LANES :] = line[width * LANES : (width + 1) * LANES]
        done = max(done, top + 3)
        for block in range(blocks):
            one, two, three = ready[top % 3, block], ready[(top + 1) % 3, block], ready[(top + 2) % 3, block]
            for e in range(each):
                _kernel(weights[block, e], inside, part, kernel, side)
                _twice(one, two, three, kernel, made[e])
                made[e, :LANES] = made[e, -LANES:] = kernel[-LANES:]
                for m in range(3):
                    for j in range(inside):
                        line, shares = ready[(top + m) % 3, block, j], side[(MOST * m + j) * LANES :]
                        _side(line, shares, 1, 2, made[e])
                        _side(line, shares, width, width - 1, made[e, (2 * width - 1) * LANES :])
            _together(made, block, row)
        _left(row.reshape(-1), rise, out[y].reshape(-1))


@inline
def _blocks(weight: Array, bias: Array, groups: int) -> Array:
    """(J, 9, O) and (O,) -> (blocks, O / groups, (9 J + 1) · 16): for each of a group's results a block's kernels, and the biases behind them."""
    inside, _, count = weight.shape
    each = count // groups
    made = np.zeros(((groups + LANES - 1) // LANES, each, (inside * TAPS + 1) * LANES), np.float32)
    for o in range(count):
        block, lane, e = o // each // LANES, o // each % LANES, o % each
        for j in range(inside):
            for i in range(TAPS):
                made[block, e, (j * TAPS + i) * LANES + lane] = weight[j, i, o]
        made[block, e, inside * TAPS * LANES + lane] = bias[o]
    return made


@inline
def _repeated(scale: Array, shift: Array) -> tuple[Array, Array]:
    """Those of some pixels beside each other: a loop for all channels of several pixels is what the compiler makes vectors of."""
    channels = len(scale)
    some = max(1, AT_ONCE // channels)
    scales, shifts = np.empty(some * channels, np.float32), np.empty(some * channels, np.float32)
    for k in range(some * channels):
        scales[k], shifts[k] = scale[k % channels], shift[k % channels]
    return scales, shifts


@inline
def _settled(row: Bits, scales: Array, shifts: Array, slope: float, out: Array) -> None:
    """Norm and rectifier of (W · C,), in float32."""
    steep = np.float32(slope)
    for first in range(0, len(row), len(scales)):
        given, made = row[first : first + len(scales)], out[first : first + len(scales)]
        for k in range(len(given)):
            v = real(given[k]) * scales[k] + shifts[k]
            made[k] = max(v, ZERO) + steep * min(v, ZERO)


@inline
def _spread(row: Array, out: Array, left: int) -> None:
    """(W, C) -> (blocks, J, (left + W) · 16 and more): the J channels of each group apart."""
    width, channels = row.shape
    inside = out.shape[1]
    groups = channels // inside
    for block in range(out.shape[0]):
        given, one = row[:, block * LANES * inside :], out[block, 0].reshape(-1, LANES)[left : left + width]
        two = out[block, inside - 1].reshape(-1, LANES)[left : left + width]
        if groups == LANES and inside == 1:
            one.reshape(-1)[:] = row.reshape(-1)
        elif groups == LANES and inside == 2:
            flat, flat1, flat2 = row.reshape(-1), one.reshape(-1), two.reshape(-1)
            for k in range(width * LANES):
                flat1[k], flat2[k] = flat[2 * k], flat[2 * k + 1]
        elif groups >= (block + 1) * LANES and inside == 1:
            for x in range(width):
                for k in range(LANES):
                    one[x, k] = given[x, k]
        elif groups >= (block + 1) * LANES and inside == 2:
            for x in range(width):
                for k in range(LANES):
                    one[x, k], two[x, k] = given[x, 2 * k], given[x, 2 * k + 1]
        else:
            for j in range(inside):
                some = out[block, j].reshape(-1, LANES)[left:]
                for x in range(width):
                    for k in range(groups - block * LANES):
                        some[x, k] = given[x, inside * k + j]


@inline
def _together(made: Array, block: int, row: Array) -> None:
    """The results of a block of groups, (E, W · 16), to their places in (W, O)."""
    each, count = made.shape[0], row.shape[1]
    one, two, wanted = made[0].reshape(-1, LANES), made[each - 1].reshape(-1, LANES), row[:, block * LANES * each :]
    if count == LANES and each == 1:
        row.reshape(-1)[:] = made[0]
    elif count == 2 * LANES and each == 2:
        flat, flat1, flat2 = row.reshape(-1), made[0], made[1]
        for k in range(len(flat1)):
            flat[2 * k], flat[2 * k + 1] = flat1[k], flat2[k]
    elif count >= (block + 1) * LANES and each == 1:
        for x in range(len(row)):
            for k in range(LANES):
                wanted[x, k] = one[x, k]
    elif count >= (block + 1) * LANES * 2 and each == 2:
        for x in range(len(row)):
            for k in range(LANES):
                wanted[x, 2 * k], wanted[x, 2 * k + 1] = one[x, k], two[x, k]
    else:
        for e in range(each):
            some = made[e].reshape(-1, LANES)
            for x in range(len(row)):
                for k in range(min(LANES, wanted.shape[1] // each)):
                    wanted[x, each * k + e] = some[x, k]


@inline
def _mirrored(left: int, width: int, right: int, line: Array) -> None:
    """Fills the columns to the left and right of `width` ones."""
    for x in range(left):
        line[left - 1 - x] = line[left + 1 + x]
    for x in range(right):
        line[left + width + x] = line[left + width - 2 - x]


def _taps(step: int) -> tuple[Callable[..., None], Callable[..., None]]:
    """Passes over a row of the result, (W · 16,), of a block of groups of one channel, and of two. A step that the compiler knows is above 0 to it."""

    @inline
    def one(top: Array, middle: Array, bottom: Array, weight: Array, out: Array) -> None:
        a, b, c = top[0], middle[0], bottom[0]
        for x in range(len(out) // LANES):
            for k in range(LANES):
                p, q = x * step * LANES + k, x * LANES + k
                sum1 = weight[k] * a[p] + weight[LANES + k] * a[p + LANES] + weight[2 * LANES + k] * a[p + 2 * LANES]
                sum2 = weight[3 * LANES + k] * b[p] + weight[4 * LANES + k] * b[p + LANES] + weight[5 * LANES + k] * b[p + 2 * LANES]
                sum3 = weight[6 * LANES + k] * c[p] + weight[7 * LANES + k] * c[p + LANES] + weight[8 * LANES + k] * c[p + 2 * LANES]
                out[q] = sum1 + sum2 + sum3 + weight[TAPS * LANES + k]

    @inline
    def two(top: Array, middle: Array, bottom: Array, weight: Array, out: Array) -> None:
        a, b, c, d, e, f = top[0], middle[0], bottom[0], top[1], middle[1], bottom[1]
        more = weight[TAPS * LANES :]
        for x in range(len(out) // LANES):
            for k in range(LANES):
                p, q = x * step * LANES + k, x * LANES + k
                sum1 = weight[k] * a[p] + weight[LANES + k] * a[p + LANES] + weight[2 * LANES + k] * a[p + 2 * LANES]
                sum2 = weight[3 * LANES + k] * b[p] + weight[4 * LANES + k] * b[p + LANES] + weight[5 * LANES + k] * b[p + 2 * LANES]
                sum3 = weight[6 * LANES + k] * c[p] + weight[7 * LANES + k] * c[p + LANES] + weight[8 * LANES + k] * c[p + 2 * LANES]
                sum4 = more[k] * d[p] + more[LANES + k] * d[p + LANES] + more[2 * LANES + k] * d[p + 2 * LANES]
                sum5 = more[3 * LANES + k] * e[p] + more[4 * LANES + k] * e[p + LANES] + more[5 * LANES + k] * e[p + 2 * LANES]
                sum6 = more[6 * LANES + k] * f[p] + more[7 * LANES + k] * f[p + LANES] + more[8 * LANES + k] * f[p + 2 * LANES]
                out[q] = sum1 + sum2 + sum3 + sum4 + sum5 + sum6 + more[TAPS * LANES + k]

    return one, two


_one, _two = _taps(1)
_one_apart, _two_apart = _taps(2)


@inline
def _kernel(weight: Array, inside: int, part: Array, kernel: Array, side: Array) -> None:
    """Of a block of channels, kernels for a row of the doubled map: `part` says what share of its three rows each row of the source has.

    `kernel` has those of the left and of the right pixel of two, from (3 rows, 2 channels, 3 columns) of the source each, and the biases; `side` has that of
    the first and the last pixel of all, from (3 rows, 2 channels) of the pixel at the side, and of its neighbour.
    """
    kernel[:] = 0
    side[:] = 0
    for j in range(inside):
        for m in range(3):
            place = (3 * MOST * m + 3 * j) * LANES
            left, right = kernel[place : place + 3 * LANES], kernel[place + MOST * TAPS * LANES :]
            at_side, beside = side[(MOST * m + j) * LANES :], side[(MOST * (3 + m) + j) * LANES :]
            for i in range(3):
                share = part[i, m]
                given = weight[(j * TAPS + 3 * i) * LANES :]
                for k in range(LANES if share != ZERO else 0):
                    one, two, three = share * given[k], share * given[LANES + k], share * given[2 * LANES + k]
                    left[k] += NEAR * one + FAR * two
                    left[LANES + k] += FAR * one + NEAR * two + NEAR * three
                    left[2 * LANES + k] += FAR * three
                    right[k] += FAR * one
                    right[LANES + k] += NEAR * one + NEAR * two + FAR * three
                    right[2 * LANES + k] += FAR * two + NEAR * three
                    at_side[k] += NEAR * one + two + NEAR * three
                    beside[k] += FAR * one + FAR * three
    kernel[2 * MOST * TAPS * LANES :] = weight[inside * TAPS * LANES :]


@inline
def _twice(top: Array, middle: Array, bottom: Array, kernel: Array, out: Array) -> None:
    """A row of twice as many pixels, but for the first and the last. Groups of one channel have it twice, the second time with weights of 0."""
    last = len(top) - 1
    one, two, three, one2, two2, three2 = top[0], middle[0], bottom[0], top[last], middle[last], bottom[last]
    more = kernel[MOST * TAPS * LANES :]
    for x in range(len(out) // (2 * LANES)):
        for k in range(LANES):
            p, q = x * LANES + k, 2 * x * LANES + k
            a, b, c, d, e, f = one[p], one[p + LANES], one[p + 2 * LANES], one2[p], one2[p + LANES], one2[p + 2 * LANES]
            left1 = kernel[k] * a + kernel[LANES + k] * b + kernel[2 * LANES + k] * c
            left2 = kernel[3 * LANES + k] * d + kernel[4 * LANES + k] * e + kernel[5 * LANES + k] * f
            right1 = more[k] * a + more[LANES + k] * b + more[2 * LANES + k] * c
            right2 = more[3 * LANES + k] * d + more[4 * LANES + k] * e + more[5 * LANES + k] * f
            a, b, c, d, e, f = two[p], two[p + LANES], two[p + 2 * LANES], two2[p], two2[p + LANES], two2[p + 2 * LANES]
            left3 = kernel[6 * LANES + k] * a + kernel[7 * LANES + k] * b + kernel[8 * LANES + k] * c
            left4 = kernel[9 * LANES + k] * d + kernel[10 * LANES + k] * e + kernel[11 * LANES + k] * f
            right3 = more[6 * LANES + k] * a + more[7 * LANES + k] * b + more[8 * LANES + k] * c
            right4 = more[9 * LANES + k] * d + more[10 * LANES + k] * e + more[11 * LANES + k] * f
            a, b, c, d, e, f = three[p], three[p + LANES], three[p + 2 * LANES], three2[p], three2[p + LANES], three2[p + 2 * LANES]
            left5 = kernel[12 * LANES + k] * a + kernel[13 * LANES + k] * b + kernel[14 * LANES + k] * c
            left6 = kernel[15 * LANES + k] * d + kernel[16 * LANES + k] * e + kernel[17 * LANES + k] * f
            right5 = more[12 * LANES + k] * a + more[13 * LANES + k] * b + more[14 * LANES + k] * c
            right6 = more[15 * LANES + k] * d + more[16 * LANES + k] * e + more[17 * LANES + k] * f
            bias = more[MOST * TAPS * LANES + k]
            out[q] = left1 + left2 + left3 + left4 + left5 + left6 + bias
            out[q + LANES] = right1 + right2 + right3 + right4 + right5 + right6 + bias


@inline
def _side(line: Array, side: Array, at_side: int, beside: int, out: Array) -> None:
    """Adds to a pixel at the side what one row and channel give it."""
    for k in range(LANES):
        out[k] += side[k] * line[at_side * LANES + k] + side[3 * MOST * LANES + k] * line[beside * LANES + k]


@inline
def _left(row: Array, rise: float, out: Bits) -> None:
    """A row to its place, rectified."""
    steep = np.float32(rise)
    for k in range(len(out)):
        v = row[k]
        leave(out, k, max(v, ZERO) + steep * min(v, ZERO))

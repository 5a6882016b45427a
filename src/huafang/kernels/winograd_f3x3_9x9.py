"""9 × 9 convolutions from few channels or to few, with less than a third of the products: nine of 3 × 3 taps beside each other, each by Winograd's minimal
filtering F(3 × 3, 3 × 3).

As in `winograd_f4x4_7x7.py`, tiles lie as far apart as the parts of the kernel: what is transformed of a tile of 5 × 5 pixels serves all nine parts, that of
the tile itself and those of its neighbours. What is left for each of the 25 transformed numbers is a 3 × 3 convolution over tiles. With few channels on one
side a matrix product has nothing to fill vectors with: here their lanes are the tiles of a row, as in `thin.py`. The points of interpolation are 0, ±1, 2 and
∞ (Lavin & Gray 2016, section 4): of noise, the result is hardly rougher than the direct sum; but of what is smooth that has the same error everywhere, and
this has not.
"""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from huafang.kernels.fused import Bits, filled, numbers
from huafang.ops.jit import Array, Real, inline, real, rows

Words = npt.NDArray[np.uint64]
KERNEL, TILE, LINES = 9, 3, 5
"""The kernel's side; pixels of the result in a tile, which are also the parts of the kernel along a side; and of what it is made from."""
FEW, FOUR = 3, 4
"""So many channels of the result are made at a time."""
VECTOR = 16
"""Pixels a vector has at the most: where whole vectors are reckoned, the compiler keeps no second set of weights for what is left over."""
TILES = 176
"""Tiles of a row worked on at a time, at the most."""
ROOM = TILES + VECTOR
"""Places in the memory of a line of tiles: those of two neighbours more, and whole vectors. A number that the compiler knows, as in `thin.py`."""
ROW, NUMBERS = TILE * ROOM, LINES**2 * ROOM
"""Places in the memory of a row of pixels, and of all transformed numbers of a channel."""
DOUBLE, FOURFOLD = np.float32(2), np.float32(4)
POINTS = torch.tensor([0, 1, -1, 2], dtype=torch.float64)
SCALES = torch.tensor([2, -2, -6, 6, 1], dtype=torch.float64)  # the product of (p - q) over the other points q but ∞
G = torch.cat([POINTS[:, None] ** torch.arange(TILE), torch.tensor([[0, 0, 1.0]], dtype=torch.float64)]) / SCALES[:, None]


def transformed(weight: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """G g Gᵀ of the nine parts of each kernel of (K, C, 9, 9): (K / k, 25, 3, k · C · 3), where k is 3 if K is that, and 4 if not.

    Beside each other are a kernel's three numbers along a row, those of two channels, those of the k channels that they are summed to, and then other pairs of
    channels; the last channel is alone where their number is odd.
    """
    assert dtype == torch.float32, "lines are of float32"
    parts = weight.double().unflatten(3, (3, TILE)).unflatten(2, (3, TILE))  # (K, C, 3, 3, 3, 3)
    each = torch.einsum("ip,kcapbq,jq->ijakcb", G, parts, G).flatten(0, 1).float()  # (25, 3, K, C, 3)
    blocks = each.unflatten(2, (-1, FEW if len(weight) == FEW else FOUR)).movedim(2, 0)  # (K / k, 25, 3, k, C, 3)
    return torch.cat([two.flatten(3) for two in blocks.split(2, 4)], 3).contiguous()


def fits(weight: Tensor) -> bool:
    """Whether kernels of (K, C, k, k) are such: 9 × 9, to three channels from a multiple of four, or from one to three to a multiple of four."""
    count, channels = weight.shape[:2]
    return weight.shape[2:] == (KERNEL, KERNEL) and ((count == FEW and channels % FOUR == 0) or (count % FOUR == 0 and channels <= FEW))


def convolved(band: Tensor, weight: Tensor, bias: Tensor | None, place: Tensor | None = None) -> Tensor:
    """The convolution of (1, C, H + 8, W + 8), float32 or bfloat16, its border there already, by `transformed` weights: (1, K, H, W) float32, channels last; in
    `place`, if that is given and of this kind. On the CPU.
    """
    channels, height, width = band.shape[1], band.shape[2] - KERNEL + 1, band.shape[3] - KERNEL + 1
    made, out = filled(place, height, width, len(weight) * weight.shape[3] // (3 * channels), torch.float32)
    added = np.zeros(out.shape[2], np.float32) if bias is None else bias.float().numpy()
    pixels = numbers(band.permute(0, 2, 3, 1)[0].contiguous())
    four, made_four = np.empty((ROOM, 1, FOUR), pixels.dtype), np.empty((ROOM, 1, FOUR), np.float32)
    parted = (four.reshape(-1), _words(four)[:, 0, 0], made_four.reshape(-1), _words(made_four)[:, 0, 0])
    _convolved(pixels, _words(pixels), weight.numpy(), added, parted, out, _words(out))
    return made


def _words(pixels: Bits) -> Words:
    """(H, W, C) as (H, W, C / 4, 2 or 1), four numbers being so many words of eight bytes: moved by these, they take a fourth of the time. Fewer are none."""
    height, width, channels = pixels.shape
    return pixels.view(np.uint64).reshape(height, width, channels // FOUR, -1) if channels >= FOUR else np.empty((height, width, 0, 1), np.uint64)


@rows
def _convolved(pixels: Bits, words: Words, weight: Array, bias: Array, parted: tuple[Bits, Words, Array, Words], out: Array, out_words: Words) -> None:
    """Rows of tiles from top to bottom, some columns of them at a time. Of what is transformed three rows of tiles are kept, row y in place y % 3."""
    height, width, count = out.shape
    channels, blocks = pixels.shape[2], len(weight)
    tall, wide = (height + TILE - 1) // TILE, (width + TILE - 1) // TILE
    parts = (wide + TILES - 1) // TILES
    most = (wide + parts - 1) // parts
    each = count // blocks
    lines, tiles = np.zeros(channels * LINES * ROW, np.float32), np.zeros((3, channels * NUMBERS), np.float32)
    sums, made = np.zeros(each * NUMBERS, np.float32), np.empty(each * TILE * ROW, np.float32)
    half = np.zeros(LINES * LINES * ROOM, np.float32)
    four, four_words, made_four, made_words = parted
    for left in range(0, wide, most):
        some = min(most, wide - left)
        for y in range(tall + 2):
            for first in range(0, len(lines) if y else 0, LINES * ROW):
                lines[first : first + 2 * ROW] = lines[first + TILE * ROW : first + LINES * ROW]
            for row in range(2 if y else 0, LINES):
                _apart(pixels, words, TILE * y + row, TILE * left, some, four, four_words, lines[row * ROW :])
            for c in range(channels):
                _down(lines[c * LINES * ROW :], half)
                for i in range(LINES):
                    _across(half, i * ROW, tiles[y % 3], c * NUMBERS + i * LINES * ROOM)
            for block in range(blocks if y > 1 else 0):
                _products(tiles, weight[block], each, y - 2, some, sums)
                for k in range(each):
                    _up(sums, k * NUMBERS, half)
                    for i in range(TILE):
                        _along(half, i * LINES * ROOM, bias[block * each + k], made, (k * TILE + i) * ROW)
                if each == FOUR:
                    _together(made, block, TILE * (y - 2), TILE * left, some, made_four, made_words, out_words)
                else:
                    _three(made, TILE * (y - 2), TILE * left, some, out)


@inline
def _apart(pixels: Bits, words: Words, row: int, left: int, some: int, four: Bits, four_words: Words, lines: Array) -> None:
    """A row of (H, W, C) as C rows: column 3 n + p from `left` on in place p · ROOM + n. Beyond the picture there are zeros.

    Channels are taken four at a time: how four that lie beside each other are parted is what the compiler knows.
    """
    height, width, channels = pixels.shape
    for part in range(TILE):
        first = left + part
        n = min(some + 3, (width - first + TILE - 1) // TILE) if row < height else 0
        for c in range(0, channels - FOUR + 1, FOUR):
            given, made = words[row, first::TILE, c // FOUR], lines[c * LINES * ROW + part * ROOM :]
            if words.shape[3] == 2:
                for x in range(n):
                    four_words[x, 0], four_words[x, 1] = given[x, 0], given[x, 1]
            else:
                for x in range(n):
                    four_words[x, 0] = given[x, 0]
            for x in range(ROOM):
                made[x], made[LINES * ROW + x] = real(four[4 * x]), real(four[4 * x + 1])
                made[2 * LINES * ROW + x], made[3 * LINES * ROW + x] = real(four[4 * x + 2]), real(four[4 * x + 3])
        for c in range(channels // FOUR * FOUR, channels):
            given_numbers, made = pixels[row, first::TILE, c], lines[c * LINES * ROW + part * ROOM :]
            for x in range(n):
                made[x] = real(given_numbers[x])
        for c in range(channels):
            lines[c * LINES * ROW + part * ROOM + n : c * LINES * ROW + (part + 1) * ROOM] = 0


@inline
def _down(lines: Array, out: Array) -> None:
    """Bᵀ d of five rows, (5, ROW) -> (5, ROW). Here and below, distances are known to the compiler, so that it can tell what is read from what is written."""
    for x in range(ROW):
        one, two, three, four, five = lines[x], lines[ROW + x], lines[2 * ROW + x], lines[3 * ROW + x], lines[4 * ROW + x]
        out[x] = four - two + DOUBLE * (one - three)
        out[ROW + x] = four - three - DOUBLE * two
        out[2 * ROW + x] = four - three + DOUBLE * (two - three)
        out[3 * ROW + x] = four - two
        out[4 * ROW + x] = five - three + DOUBLE * (two - four)


@inline
def _across(half: Array, first: int, out: Array, place: int) -> None:
    """The same along one of these rows, whose columns lie three apart: (3, ROOM) -> (5, ROOM)."""
    given, made = half[first:], out[place:]
    for x in range(ROOM):
        one, two, three = given[x], given[ROOM + x], given[2 * ROOM + x]
        four, five = given[1 + x], given[ROOM + 1 + x]
        made[x] = four - two + DOUBLE * (one - three)
        made[ROOM + x] = four - three - DOUBLE * two
        made[2 * ROOM + x] = four - three + DOUBLE * (two - three)
        made[3 * ROOM + x] = four - two
        made[4 * ROOM + x] = five - three + DOUBLE * (two - four)


@inline
def _products(tiles: Array, weight: Array, each: int, top: int, some: int, sums: Array) -> None:
    """For each transformed number the convolution of the tiles, of a block of `each` channels with `weight` (25, 3, C · each · 3)."""
    vectors = (some + VECTOR - 1) // VECTOR
    pair, channels = 2 * 3 * each, weight.shape[2] // (3 * each)
    for number in range(LINES**2):
        total = sums[number * ROOM :]
        for k in range(each):
            total[k * NUMBERS : k * NUMBERS + ROOM] = 0
        for i in range(3):
            line, some_weights = tiles[(top + i) % 3, number * ROOM :], weight[number, i]
            for two in range(channels // 2):
                if each == FEW:
                    _two_to_three(line[2 * two * NUMBERS :], some_weights[two * pair :], vectors, total)
                else:
                    _two_to_four(line[2 * two * NUMBERS :], some_weights[two * pair :], vectors, total)
            if channels % 2:
                _one_to_four(line[(channels - 1) * NUMBERS :], some_weights[channels // 2 * pair :], vectors, total)


@inline
def _two_to_three(two: Array, weight: Array, vectors: int, total: Array) -> None:
    """Adds to the sums of three channels what two channels give them by a kernel of three."""
    p0, p1, p2, q0, q1, q2 = weight[0], weight[1], weight[2], weight[3], weight[4], weight[5]
    r0, r1, r2, s0, s1, s2 = weight[6], weight[7], weight[8], weight[9], weight[10], weight[11]
    t0, t1, t2, u0, u1, u2 = weight[12], weight[13], weight[14], weight[15], weight[16], weight[17]
    for x in range(VECTOR * vectors):
        a, b, c, d, e, f = two[x], two[x + 1], two[x + 2], two[NUMBERS + x], two[NUMBERS + x + 1], two[NUMBERS + x + 2]
        total[x] += p0 * a + p1 * b + p2 * c + q0 * d + q1 * e + q2 * f
        total[NUMBERS + x] += r0 * a + r1 * b + r2 * c + s0 * d + s1 * e + s2 * f
        total[2 * NUMBERS + x] += t0 * a + t1 * b + t2 * c + u0 * d + u1 * e + u2 * f


@inline
def _two_to_four(two: Array, weight: Array, vectors: int, total: Array) -> None:
    """The same to four channels."""
    p0, p1, p2, q0, q1, q2 = weight[0], weight[1], weight[2], weight[3], weight[4], weight[5]
    r0, r1, r2, s0, s1, s2 = weight[6], weight[7], weight[8], weight[9], weight[10], weight[11]
    t0, t1, t2, u0, u1, u2 = weight[12], weight[13], weight[14], weight[15], weight[16], weight[17]
    v0, v1, v2, w0, w1, w2 = weight[18], weight[19], weight[20], weight[21], weight[22], weight[23]
    for x in range(VECTOR * vectors):
        a, b, c, d, e, f = two[x], two[x + 1], two[x + 2], two[NUMBERS + x], two[NUMBERS + x + 1], two[NUMBERS + x + 2]
        total[x] += p0 * a + p1 * b + p2 * c + q0 * d + q1 * e + q2 * f
        total[NUMBERS + x] += r0 * a + r1 * b + r2 * c + s0 * d + s1 * e + s2 * f
        total[2 * NUMBERS + x] += t0 * a + t1 * b + t2 * c + u0 * d + u1 * e + u2 * f
        total[3 * NUMBERS + x] += v0 * a + v1 * b + v2 * c + w0 * d + w1 * e + w2 * f


@inline
def _one_to_four(one: Array, weight: Array, vectors: int, total: Array) -> None:
    """The same of one channel."""
    p0, p1, p2, q0, q1, q2 = weight[0], weight[1], weight[2], weight[3], weight[4], weight[5]
    r0, r1, r2, s0, s1, s2 = weight[6], weight[7], weight[8], weight[9], weight[10], weight[11]
    for x in range(VECTOR * vectors):
        a, b, c = one[x], one[x + 1], one[x + 2]
        total[x] += p0 * a + p1 * b + p2 * c
        total[NUMBERS + x] += q0 * a + q1 * b + q2 * c
        total[2 * NUMBERS + x] += r0 * a + r1 * b + r2 * c
        total[3 * NUMBERS + x] += s0 * a + s1 * b + s2 * c


@inline
def _up(sums: Array, first: int, out: Array) -> None:
    """Aᵀ m of five rows, (5, 5 · ROOM) -> (3, 5 · ROOM)."""
    given = sums[first:]
    for x in range(LINES * ROOM):
        one, two, three = given[x], given[LINES * ROOM + x], given[2 * LINES * ROOM + x]
        four, five = given[3 * LINES * ROOM + x], given[4 * LINES * ROOM + x]
        out[x] = one + two + three + four
        out[LINES * ROOM + x] = two - three + DOUBLE * four
        out[2 * LINES * ROOM + x] = two + three + FOURFOLD * four + five


@inline
def _along(half: Array, first: int, bias: Real, out: Array, place: int) -> None:
    """The same along one of these rows, and the bias: (5, ROOM) -> (3, ROOM)."""
    given, made = half[first:], out[place:]
    for x in range(ROOM):
        one, two, three = given[x], given[ROOM + x], given[2 * ROOM + x]
        four, five = given[3 * ROOM + x], given[4 * ROOM + x]
        made[x] = one + two + three + four + bias
        made[ROOM + x] = two - three + DOUBLE * four + bias
        made[2 * ROOM + x] = two + three + FOURFOLD * four + five + bias


@inline
def _together(made: Array, block: int, top: int, left: int, some: int, four: Array, four_words: Words, out: Words) -> None:
    """A row of tiles of four channels to their places in `_words` of (H, W, K); what lies beyond is left out."""
    height, width = out.shape[:2]
    for i in range(min(TILE, height - top)):
        for j in range(TILE):
            given, wanted = made[i * ROW + j * ROOM :], out[top + i, left + j :: TILE, block]
            for x in range(ROOM):
                four[4 * x], four[4 * x + 1] = given[x], given[TILE * ROW + x]
                four[4 * x + 2], four[4 * x + 3] = given[2 * TILE * ROW + x], given[3 * TILE * ROW + x]
            for x in range(min(some, (width - left - j + TILE - 1) // TILE)):
                wanted[x, 0], wanted[x, 1] = four_words[x, 0], four_words[x, 1]


@inline
def _three(made: Array, top: int, left: int, some: int, out: Array) -> None:
    """A row of tiles of three channels to their places in (H, W, 3)."""
    height, width = out.shape[:2]
    for i in range(min(TILE, height - top)):
        for j in range(TILE):
            given, wanted = made[i * ROW + j * ROOM :], out[top + i, left + j :: TILE]
            for x in range(min(some, (width - left - j + TILE - 1) // TILE)):
                wanted[x, 0], wanted[x, 1], wanted[x, 2] = given[x], given[TILE * ROW + x], given[2 * TILE * ROW + x]

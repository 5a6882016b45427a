"""3 × 3 convolutions with a quarter of the products: Winograd's minimal filtering F(4 × 4, 3 × 3), as Lavin & Gray 2016 ("Fast Algorithms for Convolutional
Neural Networks", section 4.2) describe it.

    Y = Aᵀ [ Σ_channels (G g Gᵀ) ⊙ (Bᵀ d B) ] A     for each tile d of 6 × 6 pixels, which gives 4 × 4 of the result

The sums over channels are 36 matrix products. The points of interpolation are 0, ±2/3, ±3/2 and ∞, where the paper has 0, ±1, ±2 and ∞: powers near 1 lose
fewer digits (Alam et al. 2022, "Winograd Convolution for Deep Neural Networks: Efficient Point Selection", finds the like). Of noise, the result is less than
half as rough as with the paper's points, and about four times as rough as the direct sum; of what is smooth, hardly rougher than that. So bfloat16 bears it,
but for networks that enlarge what is lost (`winograd_half.py`). What is transformed is rounded to it once, before the products; sums are taken in float32.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from huafang.ops.compiled import Array, Real, give, leave, real, rows
from huafang.ops.passes import Bits, filled, numbers

TILE = 4
NEAR, FAR = 2 / 3, 3 / 2
POINTS = torch.tensor([NEAR, -NEAR, FAR, -FAR], dtype=torch.float64)
SCALES = 2 * (POINTS**4 - 1)
"""p · (p - q) over the other points q but ∞, where p is one of two pairs ±p, ±1/p: 2 p⁴ - 2."""
G = torch.stack([POINTS**0, POINTS, POINTS**2], 1) / SCALES[:, None]
G = torch.cat([torch.tensor([[1.0, 0, 0]], dtype=torch.float64), G, torch.tensor([[0, 0, 1.0]], dtype=torch.float64)])
A, B, AA, BB, AAA, BBB, BOTH = (np.float32(number) for number in (NEAR, FAR, NEAR**2, FAR**2, NEAR**3, FAR**3, NEAR**2 + FAR**2))
ZERO = np.float32(0)
NUMBERS, LEAST = {torch.float32: 1 << 18, torch.bfloat16: 1 << 20}, {torch.float32: 128, torch.bfloat16: 256}
"""About so many numbers of transformed tiles are worked on at a time, so that they stay in the cache; and so many tiles, so that reading weights pays."""
AT_ONCE = 1 << 11
"""Numbers of a row of transformed tiles that are made at a time."""


def transformed(weight: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """G g Gᵀ of each kernel of (K, C, 3, 3): (36, C, K)."""
    products = torch.kron(G, G).float() @ weight.float().permute(2, 3, 1, 0).reshape(9, -1)
    return products.view(36, weight.shape[1], weight.shape[0]).to(dtype)


def convolved(band: Tensor, weight: Tensor, bias: Tensor | None, place: Tensor | None = None) -> Tensor:
    """The convolution of (1, C, H + 2, W + 2), its border there already, by `transformed` weights: (1, K, H, W) of their dtype, channels last; in `place`, if
    that is given and of this kind. On the CPU.
    """
    width = band.shape[3] - 2
    pixels = torch.empty(TILE, band.shape[2], columns(width), band.shape[1], dtype=weight.dtype)
    for column in range(TILE):
        some = band[0, :, :, column::TILE].permute(1, 2, 0)
        pixels[column, :, : some.shape[1]] = some
        pixels[column, :, some.shape[1] :] = 0  # for results no one sees
    return multiplied(pixels, width, weight, bias, place)


def columns(width: int) -> int:
    """How many columns there must be in each part of what `multiplied` takes."""
    return -(-width // TILE) + 1


def multiplied(pixels: Tensor, width: int, weight: Tensor, bias: Tensor | None, place: Tensor | None = None, sign: float | None = None) -> Tensor:
    """`convolved` of pixels whose columns 4 n, 4 n + 1, 4 n + 2 and 4 n + 3 lie apart, so that a row of tiles is one long loop: (4, H + 2, columns, C), of the
    weights' dtype, with any numbers in the columns that there are too many. With a sign, the result times that is added to `place`, which then is float32.
    """
    made, out = filled(place, pixels.shape[1] - 2, width, weight.shape[2], weight.dtype if sign is None else torch.float32)
    added, factor = _biases(weight, bias), None if sign is None else np.float32(sign)
    for sums, first, tiles in _products(pixels, width, weight):
        _back(sums, first, tiles, -(-width // TILE), added, factor, out)
    return made


def laid(pixels: Tensor, width: int, weight: Tensor, bias: Tensor | None, slope: float, out: Tensor, place: int) -> None:
    """`multiplied`, rectified with so much of what is below 0, and laid out for the next convolution with a mirrored column at both ends: in the rows of `out`,
    (4, H', columns, K), from row `place` on.
    """
    height, wide = pixels.shape[1] - 2, -(-width // TILE)
    added, flat = _biases(weight, bias), numbers(out.flatten(2))
    for sums, first, tiles in _products(pixels, width, weight):
        _laid(sums, first, tiles, wide, height, added, slope, flat, place)
    mine = out[:, place : place + height]
    mine[1:, :, wide] = 0  # where no pixel is
    for column, other in ((0, 2), (width + 1, width - 1)):
        mine[column % TILE, :, column // TILE] = mine[other % TILE, :, other // TILE]


def _biases(weight: Tensor, bias: Tensor | None) -> Array:
    found: Array = np.zeros(weight.shape[2], np.float32) if bias is None else bias.float().numpy()
    return found


def _products(pixels: Tensor, width: int, weight: Tensor) -> Iterator[tuple[Bits, int, int]]:
    """The sums of products of some tiles at a time, (36, at least tiles · K), the number of the first one, and how many there are."""
    dtype, channels, count = weight.dtype, weight.shape[1], weight.shape[2]
    tall, wide = -(-(pixels.shape[1] - 2) // TILE), -(-width // TILE)
    times = max(1, round(tall * wide / max(LEAST[dtype], NUMBERS[dtype] // (36 * max(channels, count)))))
    at_once = -(-tall * wide // times)
    given, sums = torch.empty(36, at_once, channels, dtype=dtype), torch.empty(36, at_once, count, dtype=dtype)
    source, into, found = (numbers(one) for one in (pixels.flatten(2), given.flatten(1), sums.flatten(1)))
    for first in range(0, tall * wide, at_once):
        tiles = min(at_once, tall * wide - first)
        _into(source, first, tiles, wide, channels, into)
        torch.bmm(given[:, :tiles], weight, out=sums[:, :tiles])
        yield found, first, tiles


@rows
def _into(pixels: Bits, first: int, tiles: int, wide: int, channels: int, out: Bits) -> None:
    """Bᵀ d B of `tiles` tiles from number `first` on, of pixels (4, H + 2, (wide + 1) · C): (36, at least tiles · C). Below the lower border the last row is
    repeated.
    """
    lowest = pixels.shape[1] - 1
    most = max(1, AT_ONCE // channels)
    half = np.empty((4, 6, (most + 1) * channels), np.float32)
    done = 0
    while done < tiles:
        y, left = 4 * ((first + done) // wide), (first + done) % wide
        n = min(most, tiles - done, wide - left)
        begin, end = left * channels, (left + n + 1) * channels
        for j in range(4):
            one, two, three = pixels[j, y, begin:end], pixels[j, y + 1, begin:end], pixels[j, y + 2, begin:end]
            four, five, six = pixels[j, min(y + 3, lowest), begin:end], pixels[j, min(y + 4, lowest), begin:end], pixels[j, min(y + 5, lowest), begin:end]
            forth(one, two, three, four, five, six, half[j], 0, 0)
        for i in range(6):
            end = n * channels
            one, two, three, four = half[0, i, :end], half[1, i, :end], half[2, i, :end], half[3, i, :end]
            forth(one, two, three, four, half[0, i, channels : channels + end], half[1, i, channels : channels + end], out, 6 * i, done * channels)
        done += n


@rows
def forth(one: Bits, two: Bits, three: Bits, four: Bits, five: Bits, six: Bits, out: Bits, row: int, first: int) -> None:
    """Bᵀ of six numbers, for many, to the rows of `out` from `row` on and its places from `first` on. A loop for each and an array of its own, since that is
    what the compiler makes vectors of.
    """
    n = len(one)
    made = out[row, first : first + n]
    for k in range(n):
        leave(made, k, real(five[k]) - BOTH * real(three[k]) + real(one[k]))
    made = out[row + 1, first : first + n]
    for k in range(n):
        leave(made, k, real(five[k]) - BB * real(three[k]) + A * (real(four[k]) - BB * real(two[k])))
    made = out[row + 2, first : first + n]
    for k in range(n):
        leave(made, k, real(five[k]) - BB * real(three[k]) - A * (real(four[k]) - BB * real(two[k])))
    made = out[row + 3, first : first + n]
    for k in range(n):
        leave(made, k, real(five[k]) - AA * real(three[k]) + B * (real(four[k]) - AA * real(two[k])))
    made = out[row + 4, first : first + n]
    for k in range(n):
        leave(made, k, real(five[k]) - AA * real(three[k]) - B * (real(four[k]) - AA * real(two[k])))
    made = out[row + 5, first : first + n]
    for k in range(n):
        leave(made, k, real(six[k]) - BOTH * real(four[k]) + real(two[k]))


@rows
def back(one: Bits, two: Bits, three: Bits, fourth: Bits, fifth: Bits, sixth: Bits, out: Array, column: int) -> None:
    """Aᵀ of six numbers, for many, to out[:, column]."""
    n = len(one)
    made = out[0, column]
    for k in range(n):
        made[k] = real(one[k]) + real(two[k]) + real(three[k]) + real(fourth[k]) + real(fifth[k])
    made = out[1, column]
    for k in range(n):
        made[k] = A * (real(two[k]) - real(three[k])) + B * (real(fourth[k]) - real(fifth[k]))
    made = out[2, column]
    for k in range(n):
        made[k] = AA * (real(two[k]) + real(three[k])) + BB * (real(fourth[k]) + real(fifth[k]))
    made = out[3, column]
    for k in range(n):
        made[k] = AAA * (real(two[k]) - real(three[k])) + BBB * (real(fourth[k]) - real(fifth[k])) + real(sixth[k])


@rows
def _back(tiles: Bits, first: int, many: int, wide: int, bias: Array, sign: Real | None, out: Bits) -> None:
    """Aᵀ m A of `many` tiles (36, at least many · K), and the bias, to their places in `out` (H, W, K), or, times a sign, added there; none lies beyond."""
    count = len(bias)
    most = max(1, AT_ONCE // count)
    half = np.empty((4, 6, most * count), np.float32)
    for start in range(0, many, most):
        n = min(most, many - start)
        begin, end = start * count, (start + n) * count
        for j in range(6):
            one, two, three = tiles[j, begin:end], tiles[6 + j, begin:end], tiles[12 + j, begin:end]
            fourth, fifth, sixth = tiles[18 + j, begin:end], tiles[24 + j, begin:end], tiles[30 + j, begin:end]
            back(one, two, three, fourth, fifth, sixth, half, j)
        for tile in range(n):
            y, x = 4 * ((first + start + tile) // wide), 4 * ((first + start + tile) % wide)
            begin, end = tile * count, (tile + 1) * count
            columns = min(4, out.shape[1] - x)
            for i in range(min(4, out.shape[0] - y)):
                one, two, three = half[i, 0, begin:end], half[i, 1, begin:end], half[i, 2, begin:end]
                four, five, six = half[i, 3, begin:end], half[i, 4, begin:end], half[i, 5, begin:end]
                made = out[y + i, x]
                for c in range(count):
                    give(made, c, one[c] + two[c] + three[c] + four[c] + five[c] + bias[c], sign)
                if columns > 1:
                    made = out[y + i, x + 1]
                    for c in range(count):
                        give(made, c, A * (two[c] - three[c]) + B * (four[c] - five[c]) + bias[c], sign)
                if columns > 2:
                    made = out[y + i, x + 2]
                    for c in range(count):
                        give(made, c, AA * (two[c] + three[c]) + BB * (four[c] + five[c]) + bias[c], sign)
                if columns > 3:
                    made = out[y + i, x + 3]
                    for c in range(count):
                        give(made, c, AAA * (two[c] - three[c]) + BBB * (four[c] - five[c]) + six[c] + bias[c], sign)


@rows
def _laid(tiles: Bits, first: int, many: int, wide: int, height: int, bias: Array, slope: float, out: Bits, place: int) -> None:
    """The same, rectified, into (4, H', (wide + 1) · K), from row `place` on: column x of the result is column x + 1 there, and 4 n + p is out[p, :, n]."""
    count, steep = len(bias), np.float32(slope)
    most = max(1, AT_ONCE // count)
    half = np.empty((4, 6, most * count), np.float32)
    more = np.empty(most * count, np.float32)
    for n in range(most):
        more[n * count : (n + 1) * count] = bias
    done = 0
    while done < many:
        y, left = 4 * ((first + done) // wide), (first + done) % wide
        n = min(most, many - done, wide - left)
        begin, end, length = done * count, (done + n) * count, n * count
        for j in range(6):
            one, two, three = tiles[j, begin:end], tiles[6 + j, begin:end], tiles[12 + j, begin:end]
            fourth, fifth, sixth = tiles[18 + j, begin:end], tiles[24 + j, begin:end], tiles[30 + j, begin:end]
            back(one, two, three, fourth, fifth, sixth, half, j)
        here, behind = left * count, (left + 1) * count
        for i in range(min(4, height - y)):
            row = place + y + i
            one, two, three = half[i, 0, :length], half[i, 1, :length], half[i, 2, :length]
            fourth, fifth, sixth = half[i, 3, :length], half[i, 4, :length], half[i, 5, :length]
            made = out[1, row, here : here + length]
            for k in range(length):
                v = one[k] + two[k] + three[k] + fourth[k] + fifth[k] + more[k]
                leave(made, k, max(v, ZERO) + steep * min(v, ZERO))
            made = out[2, row, here : here + length]
            for k in range(length):
                v = A * (two[k] - three[k]) + B * (fourth[k] - fifth[k]) + more[k]
                leave(made, k, max(v, ZERO) + steep * min(v, ZERO))
            made = out[3, row, here : here + length]
            for k in range(length):
                v = AA * (two[k] + three[k]) + BB * (fourth[k] + fifth[k]) + more[k]
                leave(made, k, max(v, ZERO) + steep * min(v, ZERO))
            made = out[0, row, behind : behind + length]
            for k in range(length):
                v = AAA * (two[k] - three[k]) + BBB * (fourth[k] - fifth[k]) + sixth[k] + more[k]
                leave(made, k, max(v, ZERO) + steep * min(v, ZERO))
        done += n

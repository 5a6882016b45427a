"""3 × 3 convolutions with a quarter of the products: Winograd's minimal filtering F(4 × 4, 3 × 3), as Lavin & Gray 2016 ("Fast Algorithms for Convolutional
Neural Networks", section 4.2) describe it.

    Y = Aᵀ [ Σ_channels (G g Gᵀ) ⊙ (Bᵀ d B) ] A     for each tile d of 6 × 6 pixels, which gives 4 × 4 of the result

The sums over channels are 36 matrix products. The points of interpolation are 0, ±2/3, ±3/2 and ∞, where the paper has 0, ±1, ±2 and ∞: powers near 1 lose
fewer digits (Alam et al. 2022, "Winograd Convolution for Deep Neural Networks: Efficient Point Selection", finds the like). Of noise, the result is less than
half as rough as with the paper's points, and about four times as rough as the direct sum; of what is smooth, hardly rougher than that. So bfloat16 bears it,
but for networks that enlarge what is lost (`winograd_f2x2_3x3.py`). What is transformed is rounded to it once, before the products; sums are taken in float32.
"""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from huafang.kernels.fused import Bits, filled, numbers
from huafang.ops.jit import Array, Real, give, inline, leave, real, rows

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
AT_ONCE, WIDEST = 1 << 11, 1 << 10
"""Numbers of a row of transformed tiles that are made at a time; and channels, at the most."""
LINE = AT_ONCE + WIDEST + 16
"""Places in the memory of such a row. Powers of two get in each other's way in a cache."""


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
    assert max(channels, count) <= WIDEST, "more would run over the lines' ends"
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


def forth(apart: int) -> Callable[..., None]:
    """Makes the pass Bᵀ of six numbers, for many: to rows that lie so many places apart. The compiler must know the distance, to tell what is read from what is
    written.
    """

    @inline
    def forth(one: Bits, two: Bits, three: Bits, four: Bits, five: Bits, six: Bits, out: Bits) -> None:
        for k in range(len(one)):
            a, b, c, d, e, f = real(one[k]), real(two[k]), real(three[k]), real(four[k]), real(five[k]), real(six[k])
            even, odd, even2, odd2 = e - BB * c, A * (d - BB * b), e - AA * c, B * (d - AA * b)
            leave(out, k, e - BOTH * c + a)
            leave(out, apart + k, even + odd)
            leave(out, 2 * apart + k, even - odd)
            leave(out, 3 * apart + k, even2 + odd2)
            leave(out, 4 * apart + k, even2 - odd2)
            leave(out, 5 * apart + k, f - BOTH * d + b)

    return forth


def back(apart: int) -> Callable[..., None]:
    """Makes the pass Aᵀ of six numbers, for many: to four rows."""

    @inline
    def back(one: Bits, two: Bits, three: Bits, four: Bits, five: Bits, six: Bits, out: Array) -> None:
        for k in range(len(one)):
            a, b, c, d, e, f = real(one[k]), real(two[k]), real(three[k]), real(four[k]), real(five[k]), real(six[k])
            even, odd, even2, odd2 = b + c, b - c, d + e, d - e
            out[k] = a + even + even2
            out[apart + k] = A * odd + B * odd2
            out[2 * apart + k] = AA * even + BB * even2
            out[3 * apart + k] = AAA * odd + BBB * odd2 + f

    return back


_forth, _back_down = forth(LINE), back(6 * LINE)


@rows
def _into(pixels: Bits, first: int, tiles: int, wide: int, channels: int, out: Bits) -> None:
    """Bᵀ d B of `tiles` tiles from number `first` on, of pixels (4, H + 2, (wide + 1) · C): (36, at least tiles · C). Below the lower border the last row is
    repeated.
    """
    lowest = pixels.shape[1] - 1
    most = max(1, AT_ONCE // channels)
    half = np.empty(4 * 6 * LINE, np.float32)
    done = 0
    while done < tiles:
        y, left = 4 * ((first + done) // wide), (first + done) % wide
        n = min(most, tiles - done, wide - left)
        begin, end = left * channels, (left + n + 1) * channels
        for j in range(4):
            one, two, three = pixels[j, y, begin:end], pixels[j, y + 1, begin:end], pixels[j, y + 2, begin:end]
            four, five, six = pixels[j, min(y + 3, lowest), begin:end], pixels[j, min(y + 4, lowest), begin:end], pixels[j, min(y + 5, lowest), begin:end]
            _forth(one, two, three, four, five, six, half[6 * j * LINE :])
        place, length = done * channels, n * channels
        for i in range(6):
            some, behind = half[i * LINE :], half[i * LINE + channels :]
            _outer(some, behind, out[6 * i, place : place + length], out[6 * i + 5, place : place + length])
            _near(some, behind, out[6 * i + 1, place : place + length], out[6 * i + 2, place : place + length])
            _far(some, behind, out[6 * i + 3, place : place + length], out[6 * i + 4, place : place + length])
        done += n


@inline
def _outer(given: Array, behind: Array, out: Bits, out2: Bits) -> None:
    """Bᵀ of six numbers, four from lines 6 · `LINE` apart and two from those behind: the first and the last. For more results at once the compiler would not
    look out whether they lie apart.
    """
    for k in range(len(out)):
        leave(out, k, behind[k] - BOTH * given[12 * LINE + k] + given[k])
        leave(out2, k, behind[6 * LINE + k] - BOTH * given[18 * LINE + k] + given[6 * LINE + k])


@inline
def _near(given: Array, behind: Array, out: Bits, out2: Bits) -> None:
    """The second and the third."""
    for k in range(len(out)):
        even, odd = behind[k] - BB * given[12 * LINE + k], A * (given[18 * LINE + k] - BB * given[6 * LINE + k])
        leave(out, k, even + odd)
        leave(out2, k, even - odd)


@inline
def _far(given: Array, behind: Array, out: Bits, out2: Bits) -> None:
    """The fourth and the fifth."""
    for k in range(len(out)):
        even, odd = behind[k] - AA * given[12 * LINE + k], B * (given[18 * LINE + k] - AA * given[6 * LINE + k])
        leave(out, k, even + odd)
        leave(out2, k, even - odd)


@inline
def _down(tiles: Bits, begin: int, end: int, half: Array) -> None:
    """Aᵀ m of some numbers of 36 rows: 4 × 6 lines."""
    for j in range(6):
        one, two, three = tiles[j, begin:end], tiles[6 + j, begin:end], tiles[12 + j, begin:end]
        four, five, six = tiles[18 + j, begin:end], tiles[24 + j, begin:end], tiles[30 + j, begin:end]
        _back_down(one, two, three, four, five, six, half[j * LINE :])


@inline
def _back_across(half: Array, bias: Array, n: int, out: Array) -> None:
    """Aᵀ of numbers from six lines, and the bias: to four lines."""
    for k in range(n):
        a, b, c, d, e, f = half[k], half[LINE + k], half[2 * LINE + k], half[3 * LINE + k], half[4 * LINE + k], half[5 * LINE + k]
        even, odd, even2, odd2, more = b + c, b - c, d + e, d - e, bias[k]
        out[k] = a + even + even2 + more
        out[LINE + k] = A * odd + B * odd2 + more
        out[2 * LINE + k] = AA * even + BB * even2 + more
        out[3 * LINE + k] = AAA * odd + BBB * odd2 + f + more


@inline
def _repeated(bias: Array) -> Array:
    """Those of some tiles beside each other."""
    count = len(bias)
    more = np.empty(max(1, AT_ONCE // count) * count, np.float32)
    for k in range(len(more)):
        more[k] = bias[k % count]
    return more


@rows
def _back(tiles: Bits, first: int, many: int, wide: int, bias: Array, sign: Real | None, out: Bits) -> None:
    """Aᵀ m A of `many` tiles, and the bias, to their places in `out` (H, W, K), or, times a sign, added there; none lies beyond."""
    count = len(bias)
    most = max(1, AT_ONCE // count)
    half = np.empty(4 * 6 * LINE, np.float32)
    spare = np.empty((4, count), out.dtype)
    for start in range(0, many, most):
        n = min(most, many - start)
        _down(tiles, start * count, (start + n) * count, half)
        for tile in range(n):
            y, x = 4 * ((first + start + tile) // wide), 4 * ((first + start + tile) % wide)
            for i in range(min(4, out.shape[0] - y)):
                given, row = half[6 * i * LINE + tile * count :], out[y + i]
                if x + 4 <= len(row):
                    _left_two(given, bias, sign, row[x], row[x + 1])
                    _right_two(given, bias, sign, row[x + 2], row[x + 3])
                else:
                    spare[: len(row) - x] = row[x:]
                    _left_two(given, bias, sign, spare[0], spare[1])
                    _right_two(given, bias, sign, spare[2], spare[3])
                    row[x:] = spare[: len(row) - x]


@inline
def _left_two(half: Array, bias: Array, sign: Real | None, out: Bits, out2: Bits) -> None:
    """Of a row of a tile's pixels, two. More at once would be more than the compiler looks out for whether they lie apart."""
    for k in range(len(out)):
        a, b, c, d, e = half[k], half[LINE + k], half[2 * LINE + k], half[3 * LINE + k], half[4 * LINE + k]
        give(out, k, a + b + c + d + e + bias[k], sign)
        give(out2, k, A * (b - c) + B * (d - e) + bias[k], sign)


@inline
def _right_two(half: Array, bias: Array, sign: Real | None, out: Bits, out2: Bits) -> None:
    """And the others."""
    for k in range(len(out)):
        b, c, d, e, f = half[LINE + k], half[2 * LINE + k], half[3 * LINE + k], half[4 * LINE + k], half[5 * LINE + k]
        give(out, k, AA * (b + c) + BB * (d + e) + bias[k], sign)
        give(out2, k, AAA * (b - c) + BBB * (d - e) + f + bias[k], sign)


@rows
def _laid(tiles: Bits, first: int, many: int, wide: int, height: int, bias: Array, slope: float, out: Bits, place: int) -> None:
    """The same, rectified, into (4, H', (wide + 1) · K), from row `place` on: column x of the result is column x + 1 there, and 4 n + p is out[p, :, n]."""
    count, steep, more = len(bias), np.float32(slope), _repeated(bias)
    most = len(more) // count
    half, made = np.empty(4 * 6 * LINE, np.float32), np.empty(4 * LINE, np.float32)
    done = 0
    while done < many:
        y, left = 4 * ((first + done) // wide), (first + done) % wide
        n = min(most, many - done, wide - left)
        length = n * count
        _down(tiles, done * count, done * count + length, half)
        for i in range(min(4, height - y)):
            _back_across(half[6 * i * LINE :], more, length, made)
            for j in range(4):
                begin = (left + (j + 1) // 4) * count
                given, wanted = made[j * LINE : j * LINE + length], out[(j + 1) % 4, place + y + i, begin : begin + length]
                for k in range(length):
                    v = given[k]
                    leave(wanted, k, max(v, ZERO) + steep * min(v, ZERO))
        done += n

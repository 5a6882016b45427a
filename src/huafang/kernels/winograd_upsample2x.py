"""3 × 3 convolutions of a map whose pixels were doubled, by Winograd's F(2 × 2, 3 × 3) (Lavin & Gray 2016, section 4.1), of which doubling leaves nine products
of sixteen: with the pixel s and its neighbours r before and t behind it, the four inputs r, s, s, t of two results become r - s, 2 s, 0 and s - t.

    y₀ = g₀ (r - s) + (g₀ + g₁ + g₂) s        y₁ = (g₀ + g₁ + g₂) s - g₂ (s - t)

These are a quarter of the products of the plain convolution. Nothing is multiplied by more than 1 but in the products, so bfloat16 loses little: what is
transformed is rounded to it once, sums are taken in float32.
"""

import numpy as np
import torch
from torch import Tensor

from huafang.kernels.fused import Bits, filled, numbers
from huafang.ops.jit import Array, leave, real, rows

G = torch.tensor([[1, 0, 0], [1, 1, 1], [0, 0, 1]], dtype=torch.float64)
NUMBERS, LEAST = 1 << 19, 256
"""About so many numbers of transformed pixels are worked on at a time, so that they stay in the cache; and so many pixels, so that reading weights pays."""


def transformed(weight: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """G g Gᵀ of each kernel of (K, C, 3, 3): (9, C, K)."""
    products = torch.kron(G, G).float() @ weight.float().permute(2, 3, 1, 0).reshape(9, -1)
    return products.view(9, weight.shape[1], weight.shape[0]).to(dtype)


def convolved(band: Tensor, weight: Tensor, bias: Tensor | None, place: Tensor | None = None) -> Tensor:
    """Of (1, C, H + 2, W), the rows above and below there already, as (1, C, 2 H, 2 W) with each pixel doubled and the outermost columns once more at both
    sides: the convolution by `transformed` weights, (1, K, 2 H, 2 W) of their dtype, channels last; in `place`, if that is given and of this kind. On the CPU.
    """
    dtype, channels, count = weight.dtype, weight.shape[1], weight.shape[2]
    pixels = band.permute(0, 2, 3, 1)[0].to(dtype).contiguous()  # (H + 2, W, C)
    height, width = pixels.shape[0] - 2, pixels.shape[1]
    made, out = filled(place, 2 * height, 2 * width, count, dtype)
    some = min(height, max(1, max(LEAST, NUMBERS // (9 * max(channels, count))) // width))
    given, sums = torch.empty(9, some * width, channels, dtype=dtype), torch.empty(9, some * width, count, dtype=dtype)
    added = np.zeros(count, np.float32) if bias is None else bias.float().numpy()
    for first in range(0, height, some):
        lines = min(some, height - first)
        _into(numbers(pixels.flatten(1)), first, lines, channels, numbers(given.view(9, some, -1)))
        torch.bmm(given[:, : lines * width], weight, out=sums[:, : lines * width])
        _back(numbers(sums.view(9, some * width, count)), first, lines, added, out)
    return made


@rows
def _into(pixels: Bits, first: int, lines: int, channels: int, out: Bits) -> None:
    """The nine of each pixel of the rows from `first` on, of pixels (H + 2, W · C): (9, at least `lines`, W · C)."""
    length = pixels.shape[1]
    half = np.empty((3, length), np.float32)
    before, here, behind = half[0], half[1], half[2]
    for y in range(lines):
        one, two, three = pixels[first + y], pixels[first + y + 1], pixels[first + y + 2]
        for k in range(length):
            before[k] = real(one[k]) - real(two[k])
        for k in range(length):
            here[k] = real(two[k])
        for k in range(length):
            behind[k] = real(two[k]) - real(three[k])
        for i in range(3):
            row = half[i]
            moved, made = row[channels:], out[3 * i, y, channels:]
            for k in range(length - channels):
                leave(made, k, row[k] - moved[k])
            made = out[3 * i + 1, y]
            for k in range(length):
                leave(made, k, row[k])
            made = out[3 * i + 2, y]
            for k in range(length - channels):
                leave(made, k, row[k] - moved[k])
            out[3 * i, y, :channels] = 0
            out[3 * i + 2, y, length - channels :] = 0


@rows
def _back(sums: Bits, first: int, lines: int, bias: Array, out: Bits) -> None:
    """The four results of each pixel, and the bias, of sums (9, at least lines · W, K), to their places in `out` (2 H, 2 W, K)."""
    width, count = out.shape[1] // 2, len(bias)
    for pixel in range(lines * width):
        y, x = 2 * (first + pixel // width), 2 * (pixel % width)
        one, two, three = sums[0, pixel], sums[1, pixel], sums[2, pixel]
        four, five, six = sums[3, pixel], sums[4, pixel], sums[5, pixel]
        seven, eight, nine = sums[6, pixel], sums[7, pixel], sums[8, pixel]
        made = out[y, x]
        for c in range(count):
            leave(made, c, real(one[c]) + real(two[c]) + real(four[c]) + real(five[c]) + bias[c])
        made = out[y, x + 1]
        for c in range(count):
            leave(made, c, real(two[c]) - real(three[c]) + real(five[c]) - real(six[c]) + bias[c])
        made = out[y + 1, x]
        for c in range(count):
            leave(made, c, real(four[c]) + real(five[c]) - real(seven[c]) - real(eight[c]) + bias[c])
        made = out[y + 1, x + 1]
        for c in range(count):
            leave(made, c, real(five[c]) - real(six[c]) - real(eight[c]) + real(nine[c]) + bias[c])

"""3 × 3 convolutions in bfloat16 with four ninths of the products: Winograd's F(2 × 2, 3 × 3) (Lavin & Gray 2016, section 4.1).

As `winograd_f4x4_3x3.py`, for networks that enlarge what its tiles lose in bfloat16: of noise, these leave a result about 1.6 times as rough as the direct
sum, those four times. What is transformed is rounded once, before the products; sums are taken in float32.
"""

import numpy as np
import torch
from torch import Tensor

from huafang.kernels.fused import Bits, filled, numbers
from huafang.ops.jit import Array, leave, real, rows

TILE = 2
G = torch.tensor([[2, 0, 0], [1, 1, 1], [1, -1, 1], [0, 0, 2]], dtype=torch.float64) / 2
NUMBERS, LEAST = 1 << 19, 256
"""About so many numbers of transformed tiles are worked on at a time, so that they stay in the cache; and so many tiles, so that reading weights pays."""


def transformed(weight: Tensor, dtype: torch.dtype = torch.bfloat16) -> Tensor:
    """G g Gᵀ of each kernel of (K, C, 3, 3): (16, C, K)."""
    assert dtype == torch.bfloat16, "float32 has digits enough for larger tiles"
    products = torch.kron(G, G).float() @ weight.float().permute(2, 3, 1, 0).reshape(9, -1)
    return products.view(16, weight.shape[1], weight.shape[0]).bfloat16()


def convolved(band: Tensor, weight: Tensor, bias: Tensor | None, place: Tensor | None = None) -> Tensor:
    """The convolution of (1, C, H + 2, W + 2), its border there already, by `transformed` weights: (1, K, H, W) bfloat16, channels last; in `place`, if that is
    given and of this kind. On the CPU.
    """
    pixels = band.bfloat16().permute(0, 2, 3, 1)[0].contiguous()  # (H + 2, W + 2, C)
    height, width, channels = pixels.shape[0] - 2, pixels.shape[1] - 2, pixels.shape[2]
    tall, wide = -(-height // TILE), -(-width // TILE)
    count = weight.shape[2]
    made, out = filled(place, height, width, count, torch.bfloat16)
    at_once = min(tall * wide, max(LEAST, NUMBERS // (16 * max(channels, count))))
    given, sums = torch.empty(16, at_once, channels, dtype=torch.bfloat16), torch.empty(16, at_once, count, dtype=torch.bfloat16)
    added = np.zeros(count, np.float32) if bias is None else bias.float().numpy()
    for first in range(0, tall * wide, at_once):
        tiles = min(at_once, tall * wide - first)
        _into(numbers(pixels), first, wide, numbers(given)[:, :tiles])
        torch.bmm(given[:, :tiles], weight, out=sums[:, :tiles])
        _back(numbers(sums)[:, :tiles], first, wide, added, out)
    return made


@rows
def _into(pixels: Bits, first: int, wide: int, out: Bits) -> None:
    """Bᵀ d B of the tiles from number `first` on: (16, tiles, C). Beyond the right and lower border the last pixel is repeated, for results no one sees."""
    lowest, rightmost, channels = pixels.shape[0] - 1, pixels.shape[1] - 1, pixels.shape[2]
    half = np.empty((4, 4, channels), np.float32)  # of a tile's columns x, x + 1, …, each in place x % 4: the next tile shares two
    for tile in range(out.shape[1]):
        y, x = 2 * ((first + tile) // wide), 2 * ((first + tile) % wide)
        for j in range(x if x == 0 or tile == 0 else x + 2, x + 4):
            right, made = min(j, rightmost), half[j % 4]
            one, two, three, four = pixels[y, right], pixels[y + 1, right], pixels[min(y + 2, lowest), right], pixels[min(y + 3, lowest), right]
            for c in range(channels):
                made[0, c] = real(one[c]) - real(three[c])
            for c in range(channels):
                made[1, c] = real(two[c]) + real(three[c])
            for c in range(channels):
                made[2, c] = real(three[c]) - real(two[c])
            for c in range(channels):
                made[3, c] = real(two[c]) - real(four[c])
        for i in range(4):
            one, two, three, four = half[x % 4, i], half[(x + 1) % 4, i], half[(x + 2) % 4, i], half[(x + 3) % 4, i]
            place = out[4 * i, tile]
            for c in range(channels):
                leave(place, c, one[c] - three[c])
            place = out[4 * i + 1, tile]
            for c in range(channels):
                leave(place, c, two[c] + three[c])
            place = out[4 * i + 2, tile]
            for c in range(channels):
                leave(place, c, three[c] - two[c])
            place = out[4 * i + 3, tile]
            for c in range(channels):
                leave(place, c, two[c] - four[c])


@rows
def _back(tiles: Bits, first: int, wide: int, bias: Array, out: Bits) -> None:
    """Aᵀ m A of the tiles (16, tiles, K), and the bias, to their places in `out` (H, W, K); what lies beyond it is left out."""
    count = len(bias)
    half = np.empty((2, 4, count), np.float32)
    for tile in range(tiles.shape[1]):
        y, x = 2 * ((first + tile) // wide), 2 * ((first + tile) % wide)
        for j in range(4):
            one, two, three, four = tiles[j, tile], tiles[4 + j, tile], tiles[8 + j, tile], tiles[12 + j, tile]
            for c in range(count):
                half[0, j, c] = real(one[c]) + real(two[c]) + real(three[c])
            for c in range(count):
                half[1, j, c] = real(two[c]) - real(three[c]) - real(four[c])
        for i in range(min(2, out.shape[0] - y)):
            one, two, three, four = half[i, 0], half[i, 1], half[i, 2], half[i, 3]
            place = out[y + i, x]
            for c in range(count):
                leave(place, c, bias[c] + one[c] + two[c] + three[c])
            if x + 1 < out.shape[1]:
                place = out[y + i, x + 1]
                for c in range(count):
                    leave(place, c, bias[c] + two[c] - three[c] - four[c])

"""3 × 3 convolutions in bfloat16 with four ninths of the products: Winograd's F(2 × 2, 3 × 3) (Lavin & Gray 2016, section 4.1).

As `winograd.py`, but bfloat16 has too few digits for its tiles: transforms that multiply by 4 and 8 leave a result ten times as rough as the direct sum, and
these, which only add, one about twice as rough. What is transformed is rounded once, before the products; sums are taken in float32.
"""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from huafang.ops.compiled import Array, rows
from huafang.ops.passes import filled, numbers

TILE = 2
G = torch.tensor([[2, 0, 0], [1, 1, 1], [1, -1, 1], [0, 0, 2]], dtype=torch.float64) / 2
NUMBERS, LEAST = 1 << 19, 256
"""About so many numbers of transformed tiles are worked on at a time, so that they stay in the cache; and so many tiles, so that reading weights pays."""
HALF, SIXTEEN, ONE = np.uint32(0x7FFF), np.uint32(16), np.uint32(1)
Bits = npt.NDArray[np.uint16]
"""bfloat16 as the upper half of a float32."""


def transformed(weight: Tensor) -> Tensor:
    """G g Gᵀ of each kernel of (K, C, 3, 3): (16, C, K) in bfloat16."""
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
    column = np.empty((4, channels), np.float32)
    column_bits = column.view(np.uint32)
    half = np.empty((4, 4, channels), np.float32)  # of a tile's columns x, x + 1, …, each in place x % 4: the next tile shares two
    value = np.empty(channels, np.float32)
    value_bits = value.view(np.uint32)
    for tile in range(out.shape[1]):
        y, x = 2 * ((first + tile) // wide), 2 * ((first + tile) % wide)
        for j in range(x if x == 0 or tile == 0 else x + 2, x + 4):
            for i in range(4):
                row, right = min(y + i, lowest), min(j, rightmost)
                for c in range(channels):
                    column_bits[i, c] = np.uint32(pixels[row, right, c]) << SIXTEEN
            for c in range(channels):
                half[j % 4, 0, c] = column[0, c] - column[2, c]
            for c in range(channels):
                half[j % 4, 1, c] = column[1, c] + column[2, c]
            for c in range(channels):
                half[j % 4, 2, c] = column[2, c] - column[1, c]
            for c in range(channels):
                half[j % 4, 3, c] = column[1, c] - column[3, c]
        one, two, three, four = half[x % 4], half[(x + 1) % 4], half[(x + 2) % 4], half[(x + 3) % 4]
        for i in range(4):
            for c in range(channels):
                value[c] = one[i, c] - three[i, c]
            _rounded(value_bits, out[4 * i, tile])
            for c in range(channels):
                value[c] = two[i, c] + three[i, c]
            _rounded(value_bits, out[4 * i + 1, tile])
            for c in range(channels):
                value[c] = three[i, c] - two[i, c]
            _rounded(value_bits, out[4 * i + 2, tile])
            for c in range(channels):
                value[c] = two[i, c] - four[i, c]
            _rounded(value_bits, out[4 * i + 3, tile])


@rows
def _rounded(bits: npt.NDArray[np.uint32], out: Bits) -> None:
    """The bits of float32 to the nearest bfloat16, halves to even."""
    for c in range(len(out)):
        out[c] = np.uint16((bits[c] + HALF + ((bits[c] >> SIXTEEN) & ONE)) >> SIXTEEN)


@rows
def _back(tiles: Bits, first: int, wide: int, bias: Array, out: Bits) -> None:
    """Aᵀ m A of the tiles (16, tiles, K), and the bias, to their places in `out` (H, W, K); what lies beyond it is left out."""
    count = len(bias)
    column = np.empty((4, count), np.float32)
    column_bits = column.view(np.uint32)
    half = np.empty((2, 4, count), np.float32)
    value = np.empty(count, np.float32)
    value_bits = value.view(np.uint32)
    for tile in range(tiles.shape[1]):
        y, x = 2 * ((first + tile) // wide), 2 * ((first + tile) % wide)
        for j in range(4):
            for i in range(4):
                for c in range(count):
                    column_bits[i, c] = np.uint32(tiles[4 * i + j, tile, c]) << SIXTEEN
            for c in range(count):
                half[0, j, c] = column[0, c] + column[1, c] + column[2, c]
            for c in range(count):
                half[1, j, c] = column[1, c] - column[2, c] - column[3, c]
        for i in range(min(2, out.shape[0] - y)):
            for c in range(count):
                value[c] = bias[c] + half[i, 0, c] + half[i, 1, c] + half[i, 2, c]
            _rounded(value_bits, out[y + i, x])
            if x + 1 < out.shape[1]:
                for c in range(count):
                    value[c] = bias[c] + half[i, 1, c] - half[i, 2, c] - half[i, 3, c]
                _rounded(value_bits, out[y + i, x + 1])

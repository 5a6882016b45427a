"""3 × 3 convolutions with a quarter of the products: Winograd's minimal filtering F(4 × 4, 3 × 3), as Lavin & Gray 2016 ("Fast Algorithms for Convolutional
Neural Networks", section 4.2) give it for float32.

    Y = Aᵀ [ Σ_channels (G g Gᵀ) ⊙ (Bᵀ d B) ] A     for each tile d of 6 × 6 pixels, which gives 4 × 4 of the result

The sums over channels are 36 matrix products. Against the direct sum it loses about one decimal digit of float32's seven.
"""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from huafang.ops.compiled import Array, rows
from huafang.ops.passes import filled

TILE = 4
TWO, FOUR, FIVE, EIGHT = (np.float32(number) for number in (2, 4, 5, 8))  # a plain number would make float64 of it all
G = torch.tensor([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]], dtype=torch.float64) / 24
NUMBERS, LEAST = 1 << 18, 128
"""About so many numbers of transformed tiles are worked on at a time, so that they stay in the cache; and so many tiles, so that reading weights pays."""


def transformed(weight: Tensor) -> Tensor:
    """G g Gᵀ of each kernel of (K, C, 3, 3): (36, C, K)."""
    return (torch.kron(G, G).float() @ weight.permute(2, 3, 1, 0).reshape(9, -1)).view(36, weight.shape[1], weight.shape[0])


def convolved(band: Tensor, weight: Tensor, bias: Tensor | None, place: Tensor | None = None) -> Tensor:
    """The convolution of (1, C, H + 2, W + 2), its border there already, by `transformed` weights: (1, K, H, W) float32, channels last; in `place`, if that is
    given and of this kind. On the CPU.
    """
    pixels = band.permute(0, 2, 3, 1)[0].contiguous()  # (H + 2, W + 2, C)
    height, width, channels = pixels.shape[0] - 2, pixels.shape[1] - 2, pixels.shape[2]
    tall, wide = -(-height // TILE), -(-width // TILE)
    count = weight.shape[2]
    made, out = filled(place, height, width, count, torch.float32)
    at_once = max(LEAST, NUMBERS // (36 * max(channels, count)))
    given, sums = torch.empty(36, at_once, channels), torch.empty(36, at_once, count)
    added = np.zeros(count, np.float32) if bias is None else bias.numpy()
    for first in range(0, tall * wide, at_once):
        tiles = min(at_once, tall * wide - first)
        _into(pixels.numpy(), first, wide, given[:, :tiles].numpy())
        torch.bmm(given[:, :tiles], weight, out=sums[:, :tiles])
        _back(sums[:, :tiles].numpy(), first, wide, added, out)
    return made


@rows
def _into(pixels: Array, first: int, wide: int, out: Array) -> None:
    """Bᵀ d B of the tiles from number `first` on: (36, tiles, C). Beyond the right and lower border the last pixel is repeated, for results no one sees."""
    lowest, rightmost, channels = pixels.shape[0] - 1, pixels.shape[1] - 1, pixels.shape[2]
    half = np.empty((6, 6, channels), np.float32)
    for tile in range(out.shape[1]):
        y, x = 4 * ((first + tile) // wide), 4 * ((first + tile) % wide)
        for j in range(6):
            column = min(x + j, rightmost)
            one, two, three = pixels[y, column], pixels[y + 1, column], pixels[y + 2, column]
            four, five, six = pixels[min(y + 3, lowest), column], pixels[min(y + 4, lowest), column], pixels[min(y + 5, lowest), column]
            for c in range(channels):
                half[0, j, c] = FOUR * one[c] - FIVE * three[c] + five[c]
            for c in range(channels):
                half[1, j, c] = four[c] + five[c] - FOUR * (two[c] + three[c])
            for c in range(channels):
                half[2, j, c] = five[c] - four[c] + FOUR * (two[c] - three[c])
            for c in range(channels):
                half[3, j, c] = five[c] - three[c] + TWO * (four[c] - two[c])
            for c in range(channels):
                half[4, j, c] = five[c] - three[c] - TWO * (four[c] - two[c])
            for c in range(channels):
                half[5, j, c] = FOUR * two[c] - FIVE * four[c] + six[c]
        for i in range(6):
            for c in range(channels):
                out[6 * i, tile, c] = FOUR * half[i, 0, c] - FIVE * half[i, 2, c] + half[i, 4, c]
            for c in range(channels):
                out[6 * i + 1, tile, c] = half[i, 3, c] + half[i, 4, c] - FOUR * (half[i, 1, c] + half[i, 2, c])
            for c in range(channels):
                out[6 * i + 2, tile, c] = half[i, 4, c] - half[i, 3, c] + FOUR * (half[i, 1, c] - half[i, 2, c])
            for c in range(channels):
                out[6 * i + 3, tile, c] = half[i, 4, c] - half[i, 2, c] + TWO * (half[i, 3, c] - half[i, 1, c])
            for c in range(channels):
                out[6 * i + 4, tile, c] = half[i, 4, c] - half[i, 2, c] - TWO * (half[i, 3, c] - half[i, 1, c])
            for c in range(channels):
                out[6 * i + 5, tile, c] = FOUR * half[i, 1, c] - FIVE * half[i, 3, c] + half[i, 5, c]


@rows
def _back(tiles: Array, first: int, wide: int, bias: npt.NDArray[np.float32], out: Array) -> None:
    """Aᵀ m A of the tiles (36, tiles, K), and the bias, to their places in `out` (H, W, K); what lies beyond it is left out."""
    count = bias.shape[0]
    half = np.empty((4, 6, count), np.float32)
    for tile in range(tiles.shape[1]):
        y, x = 4 * ((first + tile) // wide), 4 * ((first + tile) % wide)
        for j in range(6):
            for c in range(count):
                half[0, j, c] = tiles[j, tile, c] + tiles[6 + j, tile, c] + tiles[12 + j, tile, c] + tiles[18 + j, tile, c] + tiles[24 + j, tile, c]
            for c in range(count):
                half[1, j, c] = tiles[6 + j, tile, c] - tiles[12 + j, tile, c] + TWO * (tiles[18 + j, tile, c] - tiles[24 + j, tile, c])
            for c in range(count):
                half[2, j, c] = tiles[6 + j, tile, c] + tiles[12 + j, tile, c] + FOUR * (tiles[18 + j, tile, c] + tiles[24 + j, tile, c])
            for c in range(count):
                far = EIGHT * (tiles[18 + j, tile, c] - tiles[24 + j, tile, c])
                half[3, j, c] = tiles[6 + j, tile, c] - tiles[12 + j, tile, c] + far + tiles[30 + j, tile, c]
        columns = min(4, out.shape[1] - x)
        for i in range(min(4, out.shape[0] - y)):
            for c in range(count):
                out[y + i, x, c] = bias[c] + half[i, 0, c] + half[i, 1, c] + half[i, 2, c] + half[i, 3, c] + half[i, 4, c]
            if columns > 1:
                for c in range(count):
                    out[y + i, x + 1, c] = bias[c] + half[i, 1, c] - half[i, 2, c] + TWO * (half[i, 3, c] - half[i, 4, c])
            if columns > 2:
                for c in range(count):
                    out[y + i, x + 2, c] = bias[c] + half[i, 1, c] + half[i, 2, c] + FOUR * (half[i, 3, c] + half[i, 4, c])
            if columns > 3:
                for c in range(count):
                    out[y + i, x + 3, c] = bias[c] + half[i, 1, c] - half[i, 2, c] + EIGHT * (half[i, 3, c] - half[i, 4, c]) + half[i, 5, c]

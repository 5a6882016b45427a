"""7 × 7 convolutions with a quarter of the products: four of 4 × 4 taps beside each other, each by Winograd's minimal filtering F(4 × 4, 4 × 4).

As in `winograd_f4x4_3x3.py`, but tiles are of 7 × 7 pixels and lie 4 apart, which is also how far apart the four parts of the kernel are: what is transformed
of a tile serves all four, that of the tile itself and those of its neighbours to the left and above. The points of interpolation are 0, ±1, ±2, 1/2 and ∞
(Lavin & Gray 2016, section 4; the choice by the error measured): against the direct sum a digit of float32's seven is lost, as with `winograd_f4x4_3x3.py`.
"""

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from huafang.kernels.fused import filled
from huafang.ops.jit import Array, rows

KERNEL, TILE = 7, 4
AT_ONCE = 128
"""Tiles of a row that are worked on at a time, so that they stay in the cache."""
POINTS = torch.tensor([0, 1, -1, 2, -2, 0.5], dtype=torch.float64)
SCALES = torch.tensor([1 / 4, 1 / 6, 1 / 18, 1 / 72, 1 / 120, 32 / 45, 1 / 2], dtype=torch.float64)  # with which the numbers in `_tile` are whole
G = torch.cat([POINTS[:, None] ** torch.arange(TILE), torch.tensor([[0, 0, 0, 1.0]], dtype=torch.float64)]) * SCALES[:, None]
TWO, THREE, FOUR, FIVE, SEVEN, EIGHT, NINE, TEN, TWELVE, HALF, QUARTER, EIGHTH = (np.float32(n) for n in (2, 3, 4, 5, 7, 8, 9, 10, 12, 0.5, 0.25, 0.125))


def transformed(weight: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """G g Gᵀ of the four parts of each kernel of (K, C, 7, 7): (2, 2, 49, C, K)."""
    assert dtype == torch.float32, "its transforms want digits"
    parts = F.pad(weight.double(), (0, 1, 0, 1)).unflatten(3, (2, TILE)).unflatten(2, (2, TILE))  # (K, C, 2, 4, 2, 4)
    return torch.einsum("ip,kcapbq,jq->abijck", G, parts, G).flatten(2, 3).float().contiguous()


def convolved(band: Tensor, weight: Tensor, bias: Tensor | None, place: Tensor | None = None) -> Tensor:
    """The convolution of (1, C, H + 6, W + 6), its border there already, by `transformed` weights: (1, K, H, W) float32, channels last; in `place`, if that is
    given and of this kind. On the CPU.
    """
    channels, height, width = band.shape[1], band.shape[2] - KERNEL + 1, band.shape[3] - KERNEL + 1
    tall, wide = -(-height // TILE), -(-width // TILE)
    beyond = (0, 0, 0, TILE * wide + KERNEL - band.shape[3], 0, TILE * tall + KERNEL - band.shape[2])
    pixels = F.pad(band.float().permute(0, 2, 3, 1)[0], beyond).contiguous().numpy()
    count = weight.shape[4]
    made, out = filled(place, height, width, count, torch.float32)
    at_once = min(wide, AT_ONCE)
    above, below = (torch.empty(KERNEL**2, at_once + 1, channels) for _ in range(2))
    sums = torch.empty(KERNEL**2, at_once, count)
    added = np.zeros(count, np.float32) if bias is None else bias.numpy()
    for left in range(0, wide, at_once):
        tiles = min(at_once, wide - left)
        _into(pixels, 0, left, below[:, : tiles + 1].numpy())
        for top in range(tall):
            above, below = below, above
            _into(pixels, top + 1, left, below[:, : tiles + 1].numpy())
            products = torch.bmm(above[:, :tiles], weight[0, 0], out=sums[:, :tiles])
            for given, part in ((above[:, 1 : tiles + 1], weight[0, 1]), (below[:, :tiles], weight[1, 0]), (below[:, 1 : tiles + 1], weight[1, 1])):
                products.baddbmm_(given, part)
            _back(products.numpy(), top, left, added, out)
    return made


@rows
def _into(pixels: Array, top: int, left: int, out: Array) -> None:
    """Bᵀ d B of a row of tiles from the tile `left` on: (49, tiles, C)."""
    channels = pixels.shape[2]
    half = np.empty((7, 7, channels), np.float32)
    y = 4 * top
    for tile in range(out.shape[1]):
        x = 4 * (left + tile)
        for j in range(x, x + 7):
            for c in range(channels):
                half[0, j - x, c] = (
                    FOUR * pixels[y, j, c]
                    + TEN * pixels[y + 3, j, c]
                    + pixels[y + 4, j, c]
                    - EIGHT * pixels[y + 1, j, c]
                    - FIVE * pixels[y + 2, j, c]
                    - TWO * pixels[y + 5, j, c]
                )
            for c in range(channels):
                half[1, j - x, c] = (
                    FOUR * (pixels[y + 2, j, c] - pixels[y + 1, j, c]) + NINE * pixels[y + 3, j, c] - pixels[y + 4, j, c] - TWO * pixels[y + 5, j, c]
                )
            for c in range(channels):
                half[2, j - x, c] = (
                    TWELVE * pixels[y + 2, j, c]
                    + TWO * pixels[y + 5, j, c]
                    - FOUR * pixels[y + 1, j, c]
                    - SEVEN * pixels[y + 3, j, c]
                    - THREE * pixels[y + 4, j, c]
                )
            for c in range(channels):
                half[3, j - x, c] = (
                    TWO * (pixels[y + 1, j, c] + pixels[y + 5, j, c]) + THREE * (pixels[y + 4, j, c] - pixels[y + 2, j, c]) - FOUR * pixels[y + 3, j, c]
                )
            for c in range(channels):
                half[4, j - x, c] = TWO * (pixels[y + 1, j, c] - pixels[y + 5, j, c]) + FIVE * (pixels[y + 4, j, c] - pixels[y + 2, j, c])
            for c in range(channels):
                half[5, j - x, c] = FOUR * pixels[y + 1, j, c] + pixels[y + 5, j, c] - FIVE * pixels[y + 3, j, c]
            for c in range(channels):
                half[6, j - x, c] = (
                    EIGHT * pixels[y + 2, j, c]
                    + FIVE * pixels[y + 3, j, c]
                    + TWO * pixels[y + 6, j, c]
                    - FOUR * pixels[y + 1, j, c]
                    - TEN * pixels[y + 4, j, c]
                    - pixels[y + 5, j, c]
                )
        for i in range(7):
            for c in range(channels):
                out[7 * i, tile, c] = (
                    FOUR * half[i, 0, c] + TEN * half[i, 3, c] + half[i, 4, c] - EIGHT * half[i, 1, c] - FIVE * half[i, 2, c] - TWO * half[i, 5, c]
                )
            for c in range(channels):
                out[7 * i + 1, tile, c] = FOUR * (half[i, 2, c] - half[i, 1, c]) + NINE * half[i, 3, c] - half[i, 4, c] - TWO * half[i, 5, c]
            for c in range(channels):
                out[7 * i + 2, tile, c] = TWELVE * half[i, 2, c] + TWO * half[i, 5, c] - FOUR * half[i, 1, c] - SEVEN * half[i, 3, c] - THREE * half[i, 4, c]
            for c in range(channels):
                out[7 * i + 3, tile, c] = TWO * (half[i, 1, c] + half[i, 5, c]) + THREE * (half[i, 4, c] - half[i, 2, c]) - FOUR * half[i, 3, c]
            for c in range(channels):
                out[7 * i + 4, tile, c] = TWO * (half[i, 1, c] - half[i, 5, c]) + FIVE * (half[i, 4, c] - half[i, 2, c])
            for c in range(channels):
                out[7 * i + 5, tile, c] = FOUR * half[i, 1, c] + half[i, 5, c] - FIVE * half[i, 3, c]
            for c in range(channels):
                out[7 * i + 6, tile, c] = (
                    EIGHT * half[i, 2, c] + FIVE * half[i, 3, c] + TWO * half[i, 6, c] - FOUR * half[i, 1, c] - TEN * half[i, 4, c] - half[i, 5, c]
                )


@rows
def _back(tiles: Array, top: int, left: int, bias: npt.NDArray[np.float32], out: Array) -> None:
    """Aᵀ m A of a row of tiles (49, tiles, K), and the bias, to their places in `out` (H, W, K); what lies beyond it is left out."""
    count = len(bias)
    half = np.empty((4, 7, count), np.float32)
    whole = np.empty((4, count), np.float32)
    y = 4 * top
    for tile in range(tiles.shape[1]):
        x = 4 * (left + tile)
        for j in range(7):
            for c in range(count):
                half[0, j, c] = (
                    tiles[j, tile, c]
                    + tiles[7 + j, tile, c]
                    + tiles[14 + j, tile, c]
                    + tiles[21 + j, tile, c]
                    + tiles[28 + j, tile, c]
                    + tiles[35 + j, tile, c]
                )
            for c in range(count):
                half[1, j, c] = (
                    tiles[7 + j, tile, c] - tiles[14 + j, tile, c] + TWO * (tiles[21 + j, tile, c] - tiles[28 + j, tile, c]) + HALF * tiles[35 + j, tile, c]
                )
            for c in range(count):
                half[2, j, c] = (
                    tiles[7 + j, tile, c] + tiles[14 + j, tile, c] + FOUR * (tiles[21 + j, tile, c] + tiles[28 + j, tile, c]) + QUARTER * tiles[35 + j, tile, c]
                )
            for c in range(count):
                half[3, j, c] = (
                    tiles[7 + j, tile, c]
                    - tiles[14 + j, tile, c]
                    + EIGHT * (tiles[21 + j, tile, c] - tiles[28 + j, tile, c])
                    + EIGHTH * tiles[35 + j, tile, c]
                    + tiles[42 + j, tile, c]
                )
        for i in range(min(4, out.shape[0] - y)):
            for c in range(count):
                whole[0, c] = half[i, 0, c] + half[i, 1, c] + half[i, 2, c] + half[i, 3, c] + half[i, 4, c] + half[i, 5, c]
            for c in range(count):
                whole[1, c] = half[i, 1, c] - half[i, 2, c] + TWO * (half[i, 3, c] - half[i, 4, c]) + HALF * half[i, 5, c]
            for c in range(count):
                whole[2, c] = half[i, 1, c] + half[i, 2, c] + FOUR * (half[i, 3, c] + half[i, 4, c]) + QUARTER * half[i, 5, c]
            for c in range(count):
                whole[3, c] = half[i, 1, c] - half[i, 2, c] + EIGHT * (half[i, 3, c] - half[i, 4, c]) + EIGHTH * half[i, 5, c] + half[i, 6, c]
            for j in range(min(4, out.shape[1] - x)):
                for c in range(count):
                    out[y + i, x + j, c] = whole[j, c] + bias[c]

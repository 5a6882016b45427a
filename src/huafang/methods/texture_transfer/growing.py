"""Texture grown outward from a seed, pixel by pixel: Efros & Leung 1999, "Texture Synthesis by Non-parametric Sampling"."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from huafang.methods.texture_transfer.matching import Bools, Ints, grow
from huafang.ops.jit import Array

SEED = 3
"""Side of the seed, cut from the texture at random (section 2.2)."""
SIGMA = 6.4
"""The window's side over the deviation of its gaussian weights: the authors' own pseudo-code."""
MOST = 0.3
"""Mean squared difference above which a pixel waits, and by what the bound is raised when all wait (the same pseudo-code)."""
RAISED = 1.1
CENTRES = 4096
"""Windows of a large texture that are tried for a pixel; of a smaller one all are."""


def grown(texture: Array, height: int, width: int, window: int, tolerance: float, generator: torch.Generator) -> Iterator[tuple[Array, int]]:
    """(h, w, 3) -> (height, width, 3): yields the canvas, in which a step fills the next layer, and how many of its pixels are filled.

    `window` is the side of the square that is compared around each pixel; an even one is widened by a pixel, one larger than the texture made smaller.
    """
    h, w = texture.shape[:2]
    margin = min(window // 2, (min(h, w) - 1) // 2)
    flat = np.concatenate([texture, np.zeros((h, w, 1), np.float32)], 2).reshape(h * w, 4)
    centres = (np.arange(margin, h - margin)[:, None] * w + np.arange(margin, w - margin)).ravel().astype(np.int32)
    around = np.indices((2 * margin + 1, 2 * margin + 1)).reshape(2, -1).T.astype(np.int32) - margin
    square = (around**2).sum(1)
    around = around[np.argsort(square, kind="stable")][1:]
    gauss = np.exp(-0.5 * np.sort(square)[1:] * (SIGMA / (2 * margin + 1)) ** 2).astype(np.float32)
    scratch = (np.empty(len(around), np.int32), np.empty((len(around), 4), np.float32), np.zeros((len(around), 2), np.float32))
    scratch[1][:, 3] = 0
    found, far = np.empty(len(centres), np.int32), np.empty(len(centres), np.float32)

    canvas, origin = np.zeros((height, width, 3), np.float32), np.full((height, width), -1, np.int32)
    done = _seed(texture, canvas, origin, generator)
    most = MOST
    yield canvas, done
    while done < height * width:
        layer = _next_layer(origin >= 0, generator)
        chance = torch.rand(len(layer), 2, generator=generator).numpy()
        stride = -(-len(centres) // CENTRES)
        filled = grow(flat, w, margin, centres, canvas, origin, layer, around, gauss, chance, stride, tolerance, most, *scratch, found, far)
        most = most if filled else most * RAISED
        done += filled
        yield canvas, done


def _seed(texture: Array, canvas: Array, origin: Ints, generator: torch.Generator) -> int:
    """Copy a square of the texture into the middle of the canvas; how many pixels it has."""
    h, w = texture.shape[:2]
    height, width = origin.shape
    side = min(SEED, h, w, height, width)
    y, x = (int(torch.randint(length - side + 1, (1,), generator=generator)) for length in (h, w))
    top, left = (height - side) // 2, (width - side) // 2
    canvas[top : top + side, left : left + side] = texture[y : y + side, x : x + side]
    origin[top : top + side, left : left + side] = np.arange(y, y + side)[:, None] * w + np.arange(x, x + side)
    return int(side * side)


def _next_layer(filled: Bools, generator: torch.Generator) -> Ints:
    """(n, 2) the open pixels beside filled ones: those with the most filled neighbours first, equals in random order."""
    padded = np.pad(filled, 1).astype(np.int8)
    height, width = filled.shape
    neighbours = np.zeros(filled.shape, np.int8)
    for down in range(3):
        for right in range(3):
            neighbours += padded[down : down + height, right : right + width]
    layer = np.argwhere((neighbours > 0) & ~filled).astype(np.int32)
    layer = layer[torch.randperm(len(layer), generator=generator).numpy()]
    ordered: Ints = layer[np.argsort(-neighbours[layer[:, 0], layer[:, 1]], kind="stable")]
    return ordered


def as_picture(canvas: Array) -> Tensor:
    """(H, W, 3) -> (1, 3, H, W), a copy."""
    return torch.from_numpy(canvas.transpose(2, 0, 1)[None].copy())

"""Texture sewn together from blocks, and photos rebuilt of them: Efros & Freeman 2001, "Image Quilting for Texture Synthesis and Transfer"."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from huafang.methods.texture_transfer.matching import Bools, Ints, drawn, seam
from huafang.ops.jit import Array

PLACES = 32_768
"""Blocks of a large texture that are tried for a place; of a smaller one all are."""
COLOUR = 1 / 3
"""Colours differ by the mean of their three channels, so that the correspondence map, which has one, weighs as much."""


@dataclass(frozen=True)
class Photo:
    """What a transfer rebuilds: the correspondence maps of photo (H, W) and texture (h, w), and how much (0 to 1) the fit of blocks counts beside them."""

    wanted: Array
    offered: Array
    alpha: float


def grid(height: int, width: int, side: int, overlap: int) -> tuple[int, int]:
    """Rows and columns of blocks that cover a picture."""
    rows, columns = (max(1, -(-(length - overlap) // (side - overlap))) for length in (height, width))
    return rows, columns


def blocks(height: int, width: int, side: int, overlap: int) -> int:
    rows, columns = grid(height, width, side, overlap)
    return rows * columns


class Quilt:
    """Blocks of `side` that lie `overlap` pixels over their left and upper neighbours.

    `texture` (h, w, 3), both of its sides at least `side`; `canvas` is (H, W, 3), padded to whole blocks. `before` is the canvas of the round before
    (section 3: later rounds compare with it too).
    """

    def __init__(self, texture: Array, height: int, width: int, side: int, overlap: int, photo: Photo | None = None, before: Array | None = None) -> None:
        self.side, self.overlap, self._step = side, overlap, side - overlap
        self._rows, self._columns = grid(height, width, side, overlap)
        self.blocks = self._rows * self._columns
        self._high, self._wide = self._rows * self._step + overlap, self._columns * self._step + overlap
        self._height, self._width = height, width
        h, w = texture.shape[:2]
        offered = np.zeros((h, w), np.float32) if photo is None else photo.offered
        self._texture = texture
        self._flat = np.concatenate([texture, offered[..., None]], 2).reshape(h * w, 4).astype(np.float32)
        self._places = (np.arange(h - side + 1)[:, None] * w + np.arange(w - side + 1)).ravel().astype(np.int32)
        self._stride = -(-len(self._places) // PLACES)
        self._scratch = np.empty(len(self._places), np.int32), np.empty(len(self._places), np.float32)
        self._photo = photo
        self._wanted = None if photo is None else self._padded(photo.wanted)
        self._before = None if before is None else self._padded(before)
        self._canvas = np.zeros((self._high, self._wide, 3), np.float32)
        inside = np.indices((side, side)).reshape(2, -1)
        self._shuffled = np.random.default_rng(0).permutation(side * side)  # a sum over scattered pixels is soon known to be too large
        self._offsets = (inside[0] * w + inside[1]).astype(np.int32)

    @property
    def canvas(self) -> Array:
        return self._canvas[: self._height, : self._width]

    def sewn(self, tolerance: float, generator: torch.Generator) -> Iterator[int]:
        """Lay the blocks row by row; yields how many lie."""
        chance = torch.rand(self.blocks, 2, generator=generator).numpy()
        for number in range(self.blocks):
            row, column = divmod(number, self._columns)
            self._lay(row * self._step, column * self._step, tolerance, chance[number])
            yield number + 1

    def _lay(self, top: int, left: int, tolerance: float, chance: Array) -> None:
        offsets, wanted, weights = self._neighbourhood(top, left)
        if len(offsets):
            start = int(chance[0] * self._stride)
            place = drawn(self._flat, self._places, start, self._stride, offsets, wanted, weights, tolerance, chance[1], *self._scratch)
        else:
            place = int(self._places[int(chance[1] * len(self._places))])
        y, x = divmod(int(place), self._texture.shape[1])
        block = self._texture[y : y + self.side, x : x + self.side]
        here = self._canvas[top : top + self.side, left : left + self.side]
        here[...] = np.where(covered(block, here, self.overlap, beside=left > 0, below=top > 0)[..., None], block, here)

    def _neighbourhood(self, top: int, left: int) -> tuple[Ints, Array, Array]:
        """What a block at (top, left) should be like: what it will lie over, and in a transfer the photo (section 3) and the round before."""
        side = self.side
        known = np.zeros((side, side), np.bool_)
        known[:, : self.overlap if left else 0] = True
        known[: self.overlap if top else 0] = True
        here, everywhere = (slice(top, top + side), slice(left, left + side)), np.ones((side, side), np.bool_)
        if self._photo is None or self._wanted is None:
            return self._parts([(known, self._canvas[here], COLOUR, None, 0.0)])
        alpha = self._photo.alpha * COLOUR
        under = (known, self._canvas[here], alpha, None, 0.0)
        if self._before is None:
            return self._parts([(everywhere, self._canvas[here], 0.0, self._wanted[here], 1 - self._photo.alpha), under])
        return self._parts([(everywhere, self._before[here], alpha, self._wanted[here], 1 - self._photo.alpha), under])

    def _parts(self, parts: list[tuple[Bools, Array, float, Array | None, float]]) -> tuple[Ints, Array, Array]:
        """One neighbourhood of several (where, colours, their weight, correspondence, its weight)."""
        offsets, wanted, weights = [], [], []
        for where, colours, weight, correspondence, other in parts:
            chosen = self._shuffled[where.ravel()[self._shuffled]] if weight or other else self._shuffled[:0]
            offsets.append(self._offsets[chosen])
            last = np.zeros((self.side, self.side), np.float32) if correspondence is None else correspondence
            wanted.append(np.concatenate([colours, last[..., None]], 2).reshape(-1, 4)[chosen])
            weights.append(np.tile(np.array([weight, other], np.float32), (len(chosen), 1)))
        return np.concatenate(offsets), np.concatenate(wanted), np.concatenate(weights)

    def _padded(self, given: Array) -> Array:
        """`given` with its border repeated to the canvas's size."""
        over = [(0, self._high - given.shape[0]), (0, self._wide - given.shape[1]), (0, 0)][: given.ndim]
        return np.pad(given, over, mode="edge")


def covered(block: Array, under: Array, overlap: int, *, beside: bool, below: bool) -> Bools:
    """(side, side) where a block covers what lies under it: all but the parts before the seams of least difference in its left and upper overlaps."""
    side = len(block)
    new = np.ones((side, side), np.bool_)
    difference = np.square(block - under).sum(2)
    steps = np.arange(overlap)
    if beside:
        new[:, :overlap] &= steps >= seam(difference[:, :overlap])[:, None]
    if below:
        new[:overlap] &= steps[:, None] >= seam(np.ascontiguousarray(difference[:overlap].T))
    return new

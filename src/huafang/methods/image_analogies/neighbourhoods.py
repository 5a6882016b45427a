"""What a pixel is known by: the neighbourhoods of Hertzmann et al. 2001, section 3.1, as one vector whose plain distance is the paper's weighted one."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from huafang.ops.jit import Array

Ints = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Windows:
    """Offsets (n, 2) and root weights (n,): the whole window of a level, its causal half (above, and before in the row), and the coarser level's window.

    A level's weights are a gaussian that sums to 1 over its window, so that both levels count the same.
    """

    whole: Ints
    whole_weights: Array
    causal: Ints
    causal_weights: Array
    coarse: Ints
    coarse_weights: Array


def windows(patch: int) -> Windows:
    """For windows of `patch` pixels a side, and of about half as many on the coarser level."""
    whole, weights = _window(patch)
    coarse, coarse_weights = _window(max(3, (patch + 1) // 4 * 2 + 1) if patch > 3 else 3)
    causal = (whole[:, 0] < 0) | ((whole[:, 0] == 0) & (whole[:, 1] < 0))
    return Windows(whole, weights, whole[causal], weights[causal], coarse, coarse_weights)


def _window(side: int) -> tuple[Ints, Array]:
    reach = side // 2
    offsets = (np.indices((side, side)).reshape(2, -1).T - reach).astype(np.int32)
    weights = np.exp(-0.5 * (offsets**2).sum(1) / (side / 4) ** 2)
    return offsets, np.sqrt(weights / weights.sum()).astype(np.float32)


@dataclass(frozen=True)
class Level:
    """One level of a pyramid of pairs: (h, w, channels) of the unfiltered picture and of the filtered one, both as they are compared."""

    plain: Array
    filtered: Array


def vectors(level: Level, coarser: Level | None, around: Windows, rows: slice | None = None) -> Array:
    """(pixels, D) of the `rows` of a level whose filtered picture is whole: that of the style's pair.

    In order: the plain window, the coarser plain and filtered windows, the causal part of the filtered one. Borders are repeated outward.
    """
    return np.concatenate([known(level.plain, coarser, around, rows), gathered(level.filtered, around.causal, around.causal_weights, rows=rows)], 1)


def known(plain: Array, coarser: Level | None, around: Windows, rows: slice | None = None) -> Array:
    """The part of the vectors that does not need the level's filtered picture: all that is known of the photo before the level is painted."""
    parts = [gathered(plain, around.whole, around.whole_weights, rows=rows)]
    if coarser is not None:
        shape = plain.shape[:2]
        parts += [gathered(picture, around.coarse, around.coarse_weights, shape, rows) for picture in (coarser.plain, coarser.filtered)]
    return np.concatenate(parts, 1)


def gathered(picture: Array, offsets: Ints, weights: Array, finer: tuple[int, ...] | None = None, rows: slice | None = None) -> Array:
    """(pixels, n · channels): each pixel's window, weighted. With the size of a `finer` level, the window around the pixel's place one level down."""
    h, w, channels = picture.shape
    height, width = finer or (h, w)
    half = 2 if finer else 1
    y, x = np.arange(height)[rows or slice(None)] // half, np.arange(width) // half
    found = np.empty((len(y), width, len(offsets), channels), np.float32)
    for n, (down, right) in enumerate(offsets):
        at_y, at_x = np.clip(y + down, 0, h - 1), np.clip(x + right, 0, w - 1)
        found[:, :, n] = picture[at_y[:, None], at_x] * weights[n]
    vectors: Array = found.reshape(len(y) * width, -1)
    return vectors

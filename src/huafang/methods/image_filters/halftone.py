"""Halftone: amplitude-modulated dots, four turned screens or one (Ulichney, Digital Halftoning, 1987, chapter 5)."""

import math

import numpy as np
import numpy.typing as npt

from huafang.methods.image_filters import ImageFilters
from huafang.methods.image_filters.passes import Passes, Scene
from huafang.ops.edges import gaussian_blur
from huafang.ops.jit import bilinear, rows

Array = npt.NDArray[np.float32]

PASSES = 1
TILE = 128
"""Side of the table of thresholds over one cell of the screen."""
SUBPIXELS = 4
"""Each pixel is the mean of SUBPIXELS² points, so that dots have smooth rims and no ink is lost."""
BEFORE_BLACK = (-30.0, 30.0, -45.0, 0.0)
"""Angles of cyan, magenta, yellow and black from the black screen's: 15°, 75°, 0° and 45° in the usual print."""
INKS = ((0.0, 0.62, 0.90), (0.91, 0.05, 0.52), (1.0, 0.93, 0.0), (0.10, 0.09, 0.10))
"""sRGB of cyan, magenta, yellow and black ink on white paper."""
BLUR = 0.12
"""Of the tones before they are screened, in cells: a dot keeps its shape and detail finer than a dot remains."""
ROUNDS = 4
BLACK_SHARE = 0.7
"""How much of the grey that the three colours have in common is printed in black (grey component replacement)."""


def halftone(p: ImageFilters, scene: Scene, passes: Passes) -> Array:
    tones = separate(gaussian_blur(scene.small, BLUR * p.dot_size * scene.small_unit)[0].numpy(), p.screen)
    angles = np.radians([p.angle + turn for turn in (BEFORE_BLACK if p.screen == "cmyk" else (0.0,))])
    turns = np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32) / np.float32(p.dot_size * scene.unit)
    out = scene.empty(3)
    passes.shown = out
    out[:] = 1
    inks = np.array(INKS if p.screen == "cmyk" else INKS[3:], np.float32)
    limits = thresholds()
    low, high = extremes(limits, math.ceil(TILE / (p.dot_size * scene.unit) / math.sqrt(2)) + 1)
    passes.run(screen, tones, limits, low, high, turns, inks, out)
    return out


def separate(pixels: Array, inks: str) -> Array:
    """sRGB (3, h, w) -> how much of each ink is wanted, (4, h, w) for "cmyk" or (1, h, w) for "black", in [0, 1].

    Tone is taken in sRGB, not in linear light: that stands for the press's dot gain.
    """
    if inks == "black":
        return np.ascontiguousarray(1 - np.tensordot(np.array([0.299, 0.587, 0.114], np.float32), pixels, 1)[None])
    wanted = 1 - pixels
    black = BLACK_SHARE * wanted.min(0) ** np.float32(1.5)
    tones = np.concatenate([wanted, black[None]])
    # Each ink also takes a little of the light that is another's to take: what is left for it is found in a few rounds.
    passed = 1 - np.array(INKS, np.float32)
    for _ in range(ROUNDS):
        for own in range(3):
            others = np.ones_like(black)
            for ink in range(4):
                if ink != own:
                    others *= 1 - tones[ink] * passed[ink, own]
            tones[own] = ((1 - pixels[own] / np.maximum(others, np.float32(1e-4))) / passed[own, own]).clip(0, 1)
    return tones


def thresholds() -> Array:
    """(TILE, TILE): the tone above which each point of a cell takes ink, every tone as often as any other.

    The order is that of the round-to-square-to-round spot cos 2πu + cos 2πv; its rank, not its value, is the threshold, so that a tone of
    0.3 inks 30 % of the cell.
    """
    wave = np.cos(2 * np.pi * (np.arange(TILE) + 0.5) / TILE)
    spot = -(wave[:, None] + wave[None, :]).ravel()
    rank = np.empty(TILE * TILE, np.float32)
    rank[np.argsort(spot, kind="stable")] = (np.arange(TILE * TILE) + 0.5) / (TILE * TILE)
    return rank.reshape(TILE, TILE)


def extremes(limits: Array, reach: int) -> tuple[Array, Array]:
    """The least and the greatest of `limits` within `reach` entries of each, in rows and columns: what a pixel there may meet."""
    low, high = limits, limits
    for axis in (0, 1):
        shifted = [np.roll((low, high), shift, axis + 1) for shift in range(-min(reach, TILE // 2), min(reach, TILE // 2) + 1)]
        low, high = np.min([pair[0] for pair in shifted], 0), np.max([pair[1] for pair in shifted], 0)
    return low, high


@rows
def screen(tones: Array, limits: Array, low: Array, high: Array, turns: Array, inks: Array, out: Array, first: int, last: int) -> None:
    """Print `tones` (n, h, w) with `inks` (n, 3) on white: `out` (3, H, W).

    `limits` are `thresholds`, `low` and `high` their `extremes` within a pixel. `turns` (n, 2)
    are the cosine and sine of each screen over the size of its cell. Inks lie over each other and multiply.
    """
    H, W = out.shape[1], out.shape[2]
    n, h, w = tones.shape
    for y in range(first, last):
        for x in range(W):
            ty, tx = np.float32((y + 0.5) * h / H - 0.5), np.float32((x + 0.5) * w / W - 0.5)
            r, g, b = np.float32(1), np.float32(1), np.float32(1)
            for k in range(n):
                tone = bilinear(tones[k], ty, tx)
                cosine, sine = turns[k, 0] * np.float32(TILE), turns[k, 1] * np.float32(TILE)
                py, px = np.float32(y - H * 0.5 + 0.5), np.float32(x - W * 0.5 + 0.5)
                u, v = cosine * px + sine * py, cosine * py - sine * px
                row, column = math.floor(v) & (TILE - 1), math.floor(u) & (TILE - 1)
                # Most pixels lie wholly within a dot or wholly beside it.
                inked = SUBPIXELS**2 if tone > high[row, column] else 0
                if low[row, column] < tone <= high[row, column]:
                    for j in range(SUBPIXELS):
                        dy = np.float32((j + 0.5) / SUBPIXELS - 0.5)
                        for i in range(SUBPIXELS):
                            dx = np.float32((i + 0.5) / SUBPIXELS - 0.5)
                            su, sv = u + cosine * dx + sine * dy, v + cosine * dy - sine * dx
                            if tone > limits[math.floor(sv) & (TILE - 1), math.floor(su) & (TILE - 1)]:
                                inked += 1
                part = np.float32(inked) * np.float32(1 / SUBPIXELS**2)
                r *= np.float32(1) - part * (np.float32(1) - inks[k, 0])
                g *= np.float32(1) - part * (np.float32(1) - inks[k, 1])
                b *= np.float32(1) - part * (np.float32(1) - inks[k, 2])
            out[0, y, x], out[1, y, x], out[2, y, x] = r, g, b

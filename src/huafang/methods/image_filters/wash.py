"""Oil and watercolour: dabs by the anisotropic Kuwahara filter, and washes over them.

Watercolour after Bousseau, Kaplan, Thollot & Sillion, Interactive Watercolor Rendering with Temporal Coherence and Abstraction, 2006.
"""

import math

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from numba import prange

from huafang.methods.image_filters import ImageFilters
from huafang.methods.image_filters.kuwahara import kuwahara
from huafang.methods.image_filters.noise import turbulence
from huafang.methods.image_filters.passes import Passes, Scene
from huafang.ops.compiled import bilinear, rows
from huafang.ops.edges import gaussian_blur

Array = npt.NDArray[np.float32]

OIL_PASSES = 2
WATERCOLOUR_PASSES = 4
WOBBLE = 1.6
"""How far the paper pushes the brush aside, in units (2006, section 4.3)."""
WIDER = 1.5
"""A wash is broader than a dab of oil of the same `radius`."""
EDGE_SIGMA = 2.5
"""How far from the border of a wash pigment gathers, in units."""


def oil(p: ImageFilters, scene: Scene, passes: Passes) -> Array:
    return dabs(p, scene, scene.pixels, passes, p.radius)


def dabs(p: ImageFilters, scene: Scene, pixels: Array, passes: Passes, size: float) -> Array:
    """(3, H, W): the anisotropic Kuwahara filter of `pixels` with a radius of `size` units. Runs two passes.

    A window wider than seven pixels is sampled every `stride` pixels from cell means, so that its cost does not grow with its area.
    """
    radius = size * scene.unit
    stride = math.ceil(radius / 7)
    cells, out = scene.empty(4), scene.empty(3)
    passes.run(cell_means, pixels, cells, stride)
    passes.shown = cells[:3]
    out[:] = cells[:3]
    passes.shown = out
    passes.run(kuwahara, cells, scene.flow, out, radius, stride, p.sharpness, p.eccentricity)
    return out


def watercolour(p: ImageFilters, scene: Scene, passes: Passes) -> Array:
    """Flat washes whose pigment gathers at borders, flows in clouds and settles in the paper."""
    pushed = scene.empty(3)
    passes.run(wobble, scene.pixels, pushed, scene.unit, p.seed)
    washes = dabs(p, scene, pushed, passes, WIDER * p.radius)
    small = F.interpolate(torch.from_numpy(washes)[None], size=scene.small.shape[2:], mode="area") if scene.unit > 1 else torch.from_numpy(washes)[None]
    around = gaussian_blur(small, EDGE_SIGMA * scene.small_unit)[0].contiguous().numpy()
    passes.shown = pushed
    passes.run(lay_pigment, washes, around, pushed, scene.unit, p.darkening, p.pigment, p.paper_grain, p.seed)
    return pushed


@rows
def cell_means(pixels: Array, cells: Array, stride: int, first: int, last: int) -> None:
    """`cells` (4, H, W): means of r, g, b and r² + g² + b² over the cell around each pixel. An even stride shares the pixels on a cell's rim."""
    H, W = pixels.shape[1], pixels.shape[2]
    reach = stride // 2
    rim = np.float32(1.0 if stride % 2 else 0.5)
    for y in prange(first, last):
        for x in range(W):
            r, g, b, q, total = np.float32(0), np.float32(0), np.float32(0), np.float32(0), np.float32(0)
            for j in range(-reach, reach + 1):
                py = min(max(y + j, 0), H - 1)
                part = rim if abs(j) == reach and reach > 0 else np.float32(1)
                for i in range(-reach, reach + 1):
                    px = min(max(x + i, 0), W - 1)
                    share = part * rim if abs(i) == reach and reach > 0 else part
                    r1, g1, b1 = pixels[0, py, px], pixels[1, py, px], pixels[2, py, px]
                    r += share * r1
                    g += share * g1
                    b += share * b1
                    q += share * (r1 * r1 + g1 * g1 + b1 * b1)
                    total += share
            cells[0, y, x], cells[1, y, x], cells[2, y, x], cells[3, y, x] = r / total, g / total, b / total, q / total


@rows
def wobble(pixels: Array, out: Array, unit: float, seed: int, first: int, last: int) -> None:
    """Each pixel is taken from up to WOBBLE units away, as the paper's bumps push the brush."""
    W = pixels.shape[2]
    for y in prange(first, last):
        for x in range(W):
            yu, xu = y / unit, x / unit
            py = np.float32(y + unit * WOBBLE * 2 * (turbulence(yu / 14, xu / 14, seed + 11, 2) - 0.5))
            px = np.float32(x + unit * WOBBLE * 2 * (turbulence(yu / 14, xu / 14, seed + 12, 2) - 0.5))
            for c in range(3):
                out[c, y, x] = bilinear(pixels[c], py, px)


@rows
def lay_pigment(
    washes: Array, around: Array, out: Array, unit: float, darkening: float, pigment: float, grain: float, seed: int, first: int, last: int
) -> None:
    """C' = C - (C - C²)(d - 1) (2006, equation 1), d the density of the pigment: 1 leaves the colour, 2 lays it twice.

    `around` (3, h, w) is `washes` (3, H, W) blurred: where a wash is darker than what is around it, pigment gathers.
    """
    H, W = washes.shape[1], washes.shape[2]
    h, w = around.shape[1], around.shape[2]
    for y in prange(first, last):
        for x in range(W):
            yu, xu = y / unit, x / unit
            py, px = np.float32((y + 0.5) * h / H - 0.5), np.float32((x + 0.5) * w / W - 0.5)
            border = np.float32(0)
            for c in range(3):
                border += max(bilinear(around[c], py, px) - washes[c, y, x], np.float32(0))
            flow = turbulence(yu / 160, xu / 160, seed + 21, 4) - 0.5
            settle = turbulence(yu / 5, xu / 5, seed + 22, 2) - 0.5
            bumps = turbulence(yu / 4.5, xu / 4.5, seed + 23, 3) - 0.5
            density = np.float32(1 + pigment * (2.4 * flow + 0.6 * settle) + grain * 1.0 * bumps) + np.float32(5 * darkening) * min(border, np.float32(0.4))
            for c in range(3):
                # Light is the paper: even the darkest wash lets some of it through.
                dark = np.float32(1) - washes[c, y, x]
                colour = np.float32(1) - np.float32(0.86) * dark * np.float32(math.sqrt(dark))
                colour = colour - (colour - colour * colour) * (density - np.float32(1))
                out[c, y, x] = min(max(colour * np.float32(1 + 0.05 * grain * bumps), np.float32(0)), np.float32(1))

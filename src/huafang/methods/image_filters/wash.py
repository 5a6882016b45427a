"""Oil and watercolour: dabs by the anisotropic Kuwahara filter, and washes over them.

Watercolour after Bousseau, Kaplan, Thollot & Sillion, Interactive Watercolor Rendering with Temporal Coherence and Abstraction, 2006.
"""

import math

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from huafang.methods.image_filters import ImageFilters, lines
from huafang.methods.image_filters.kuwahara import kuwahara, trusts, windows
from huafang.methods.image_filters.noise import turbulence, value_noise
from huafang.methods.image_filters.passes import Passes, Scene
from huafang.ops.colour import luminance
from huafang.ops.edges import edge_flow, gaussian_blur, structure_tensor
from huafang.ops.jit import bilinear, rows

Array = npt.NDArray[np.float32]

OIL_PASSES = 5
WATERCOLOUR_PASSES = 4
WOBBLE = 1.6
"""How far the paper pushes the brush aside, in units (2006, section 4.3)."""
WIDER = 1.5
"""A wash is broader than a dab of oil of the same `radius`."""
EDGE_SIGMA = 2.5
"""How far from the border of a wash pigment gathers, in units."""


BRISTLE, STREAK = 1.3, 0.9
"""Distance between two bristles in units, and deviation of the trace that one leaves, in radii of a dab."""
SLOPE_GAIN, HEIGHT_GAIN = 1.2, 0.5
"""How much light the slope of a ridge catches at full relief, and how much its height (paint laid thicker is lighter)."""
GUIDE_SIGMA = 6.0
"""Blur of the structure tensor that the brush follows, in units: it swings more widely than an edge."""
THIN, BUSY, BUSY_SIGMA = 0.12, 0.09, 10.0
"""How much of the relief a flat area keeps, the deviation of luminance that has all of it, and the reach over which that is taken, in units."""
BRIGHT = 0.65
"""Luminance from which relief fades towards white: on white paint every ridge shows as a grey line."""


def oil(p: ImageFilters, scene: Scene, passes: Passes) -> Array:
    """Dabs, and over them ridges of paint where the bristles went, lit from the upper left."""
    out = dabs(p, scene, scene.pixels, passes, p.radius)
    ridges, bumps = scene.empty(1)[0], scene.empty(1)[0]
    step = max(1.0, BRISTLE * scene.unit)
    guide = edge_flow(structure_tensor(scene.small, GUIDE_SIGMA * scene.small_unit))[0].contiguous().numpy()
    passes.run(bristles, bumps, BRISTLE * scene.unit, p.seed)
    passes.run(lines.sum_along, bumps, guide, ridges, lines.gaussian(STREAK * p.radius * scene.unit, step), step)
    passes.run(light, ridges, thickness(scene), out, max(1, round(scene.unit)), p.relief)
    return out


def thickness(scene: Scene) -> Array:
    """(h, w) in [0, 1] at the size of the small copy: paint lies thick where the picture is busy, thin on flat areas and on white.

    On a flat area nothing leads the brush: full ridges there would wind like wood grain.
    """
    tone = luminance(scene.small)
    mean = gaussian_blur(tone, BUSY_SIGMA * scene.small_unit)
    deviation = (gaussian_blur(tone.square(), BUSY_SIGMA * scene.small_unit) - mean.square()).clamp_min(0).sqrt()
    busy = THIN + (1 - THIN) * (deviation / BUSY).clamp(0, 1)
    dark = THIN + (1 - THIN) * ((1 - gaussian_blur(tone, scene.small_unit)) / (1 - BRIGHT)).clamp(0, 1)
    return (busy * dark)[0, 0].contiguous().numpy()


def dabs(p: ImageFilters, scene: Scene, pixels: Array, passes: Passes, size: float) -> Array:
    """(3, H, W): the anisotropic Kuwahara filter of `pixels` with a radius of `size` units. Runs two passes.

    A window wider than seven pixels is sampled every `stride` pixels from cell means, so that its cost does not grow with its area.
    """
    radius = size * scene.unit
    stride = math.ceil(radius / 7)
    ready = windows(scene.flow, scene.width, radius, stride, p.eccentricity)
    cells, out = np.empty((scene.height + 2 * ready.reach, scene.width + 2 * ready.reach, 4), np.float32), scene.empty(3)
    passes.run(cell_means, pixels, cells, stride)
    repeat_outward(cells, ready.reach)
    passes.run(kuwahara, cells, ready.chosen, ready.starts, ready.places, ready.shares, trusts(p.sharpness), out)
    passes.shown = out
    return out


@rows
def bristles(out: Array, size: float, seed: int, first: int, last: int) -> None:
    """One random height, in [-1, 1], for every `size` pixels: `out` (H, W)."""
    across = np.float32(1 / size)
    for y in range(first, last):
        for x in range(out.shape[1]):
            out[y, x] = np.float32(2) * value_noise(np.float32(y) * across, np.float32(x) * across, seed + 31) - np.float32(1)


@rows
def light(ridges: Array, thick: Array, out: Array, reach: int, relief: float, first: int, last: int) -> None:
    """Brighten `out` (3, H, W) where `ridges` (H, W) rise towards the upper left, and darken it where they fall, by `thick` (h, w) of `relief`."""
    H, W = ridges.shape
    h, w = thick.shape
    for y in range(first, last):
        up, down = max(y - reach, 0), min(y + reach, H - 1)
        for x in range(W):
            left, right = max(x - reach, 0), min(x + reach, W - 1)
            slope = ridges[down, right] - ridges[up, left] + np.float32(0.5) * (ridges[down, x] - ridges[up, x])
            here = np.float32(relief) * bilinear(thick, np.float32((y + 0.5) * h / H - 0.5), np.float32((x + 0.5) * w / W - 0.5))
            lift = here * (np.float32(SLOPE_GAIN) * slope + np.float32(HEIGHT_GAIN) * ridges[y, x])
            lift = min(max(lift, np.float32(-0.5)), np.float32(0.5))
            for c in range(3):
                # Black paint shines too. Light and shadow weigh the same, so that the tone is kept.
                gain = np.float32(0.8) * out[c, y, x] + np.float32(0.06)
                out[c, y, x] = min(max(out[c, y, x] + lift * gain, np.float32(0)), np.float32(1))


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
    """Means of r, g, b and r² + g² + b² over the cell around each pixel. An even stride shares the pixels on a cell's rim.

    `cells` (H + 2 n, W + 2 n, 4); its outer n pixels are left to `repeat_outward`.
    """
    H, W = pixels.shape[1], pixels.shape[2]
    margin = (cells.shape[0] - H) // 2
    reach = stride // 2
    rim = np.float32(1.0 if stride % 2 else 0.5)
    for y in range(first, last):
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
            cell = cells[margin + y, margin + x]
            cell[0], cell[1], cell[2], cell[3] = r / total, g / total, b / total, q / total


def repeat_outward(cells: Array, margin: int) -> None:
    """Fill the outer `margin` pixels of `cells` (H, W, 4) with the border inside them."""
    cells[:, :margin], cells[:, -margin:] = cells[:, margin : margin + 1], cells[:, -margin - 1 : -margin]
    cells[:margin], cells[-margin:] = cells[margin], cells[-margin - 1]


@rows
def wobble(pixels: Array, out: Array, unit: float, seed: int, first: int, last: int) -> None:
    """Each pixel is taken from up to WOBBLE units away, as the paper's bumps push the brush."""
    W = pixels.shape[2]
    for y in range(first, last):
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
    for y in range(first, last):
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
                dark = max(np.float32(1) - washes[c, y, x], np.float32(0))
                colour = np.float32(1) - np.float32(0.86) * dark * np.float32(math.sqrt(dark))
                colour = colour - (colour - colour * colour) * (density - np.float32(1))
                out[c, y, x] = min(max(colour * np.float32(1 + 0.05 * grain * bumps), np.float32(0)), np.float32(1))

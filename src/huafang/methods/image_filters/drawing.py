"""Ink and pencil: line drawings from the extended difference of gaussians (`lines.py`)."""

import math

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from huafang.methods.image_filters import ImageFilters, lines
from huafang.methods.image_filters.noise import strokes, turbulence
from huafang.methods.image_filters.passes import Passes, Scene
from huafang.ops import colour
from huafang.ops.edges import gaussian_blur
from huafang.ops.jit import bilinear, rows

Array = npt.NDArray[np.float32]

INK_PASSES = 4
PENCIL_PASSES = 4
PENCIL_EPSILON, PENCIL_PHI = 0.92, 2.0
"""Threshold of the pencil's outlines: gentle, so that weak edges are faint lines (Winnemöller, Kyprianidis & Olsen 2012, section 3.3)."""
GRAPHITE = (0.19, 0.19, 0.20)
PAPER = (0.985, 0.98, 0.965)


def ink(p: ImageFilters, scene: Scene, passes: Passes) -> Array:
    """Black and white with black masses: XDoG with a steep threshold."""
    drawn = lines.draw(scene, stretched_luminance(scene.picture), passes, p.sigma, p.p)
    inked, out = scene.empty(1), scene.empty(3)
    passes.run(soft_threshold, drawn[0], inked[0], p.epsilon, p.phi)
    passes.shown = np.broadcast_to(inked, out.shape)
    passes.run(lines.sum_along, inked[0], scene.flow, drawn[0], lines.gaussian(lines.ALIAS, 1.0), 1.0)
    out[:] = drawn
    return out


def pencil(p: ImageFilters, scene: Scene, passes: Passes) -> Array:
    """Grey outlines from XDoG with a gentle threshold, and tones hatched with strokes that the paper's grain breaks up."""
    luminance = stretched_luminance(scene.picture)
    drawn = lines.draw(scene, luminance, passes, p.sigma, p.p)
    # Edges alone, on white: tones are left to the hatching, a departure from the paper.
    drawn[0] += 1 - luminance
    outline, out = scene.empty(1), scene.empty(3)
    passes.run(soft_threshold, drawn[0], outline[0], PENCIL_EPSILON, PENCIL_PHI)
    passes.shown = np.broadcast_to(outline, out.shape)
    tone = gaussian_blur(torch.from_numpy(stretched_luminance(scene.small))[None, None], 2 * p.sigma * scene.small_unit)[0, 0].numpy()
    passes.run(hatch, outline[0], tone, out, scene.unit, p.shading, p.paper_grain, p.seed)
    return out


def stretched_luminance(picture: Tensor) -> Array:
    """(H, W): luminance, its darkest and lightest hundredths brought to 0 and 1, by a factor of 2 at the most.

    A departure from the paper, whose thresholds are set by hand for each picture: so one threshold serves dull and contrasty photos.
    """
    plane = colour.luminance(picture)[0, 0]
    thinned = plane.flatten()[:: max(1, plane.numel() // 100_000)]
    low, high = float(torch.quantile(thinned, 0.01)), float(torch.quantile(thinned, 0.99))
    gain = min(2.0, 1 / max(high - low, 1e-6))
    reached, middle = gain * (high - low), (low + high) / 2
    return ((plane - middle) * gain + torch.lerp(torch.tensor(middle), torch.tensor(0.5), reached)).clamp(0, 1).contiguous().numpy()


@rows
def soft_threshold(plane: Array, out: Array, epsilon: float, phi: float, first: int, last: int) -> None:
    """`lines.threshold`, in chunks."""
    for y in range(first, last):
        for x in range(plane.shape[1]):
            below = min(plane[y, x] - np.float32(epsilon), np.float32(0))
            out[y, x] = np.float32(1) + np.float32(math.tanh(np.float32(phi) * below))


@rows
def hatch(outline: Array, tone: Array, out: Array, unit: float, shading: float, grain: float, seed: int, first: int, last: int) -> None:
    """Lay graphite on paper: `outline` (H, W) is 1 where no line is, `tone` (h, w) is the brightness to hatch.

    A stroke leaves graphite where the tone is darker than the stroke's own random pressure, so the mean darkness of an area follows its tone.
    Dark areas get a second layer across the first.
    """
    H, W = outline.shape
    h, w = tone.shape
    for y in range(first, last):
        for x in range(W):
            yu, xu = y / unit, x / unit
            dark = np.float32(1) - bilinear(tone, np.float32((y + 0.5) * h / H - 0.5), np.float32((x + 0.5) * w / W - 0.5))
            rough = turbulence(yu / 2.2, xu / 2.2, seed + 1, 2)
            bend = 3.0 * turbulence(yu / 90, xu / 90, seed + 2, 1)
            pressure = strokes(0.64 * yu + 0.77 * xu + bend, 0.77 * yu - 0.64 * xu, 60.0, 2.4, seed + 3)
            light = min(max(np.float32(1.1) * dark + np.float32(0.18) - np.float32(0.75) * pressure, np.float32(0)), np.float32(1))
            pressure = strokes(0.94 * yu - 0.34 * xu - bend, 0.34 * yu + 0.94 * xu, 45.0, 2.4, seed + 4)
            heavy = min(max(np.float32(2.4) * (dark - np.float32(0.5)) - np.float32(0.6) * pressure + np.float32(0.1), np.float32(0)), np.float32(1))
            tooth = np.float32(1) + np.float32(1.6 * grain) * (rough - np.float32(0.5))
            lay = np.float32(shading) * tooth
            left = (np.float32(1) - min(np.float32(0.75) * light * lay, np.float32(1))) * (np.float32(1) - min(np.float32(0.62) * heavy * lay, np.float32(1)))
            line = min((np.float32(1) - outline[y, x]) * (np.float32(0.75) + np.float32(0.25) * tooth), np.float32(1))
            left *= np.float32(1) - line
            left *= np.float32(1) + np.float32(0.04 * grain) * (rough - np.float32(0.5))
            for c in range(3):
                out[c, y, x] = min(GRAPHITE[c] + left * (PAPER[c] - GRAPHITE[c]), 1.0)

"""Cartoon: Winnemöller, Olsen & Gooch, Real-Time Video Abstraction, 2006, with the oriented filters of Kyprianidis & Döllner 2008.

The photo is smoothed by a bilateral filter along and across its edges, its brightness is quantised in soft steps, and flow-based lines are drawn over it.
"""

import math

import numpy as np
import numpy.typing as npt

from huafang.methods.image_filters import ImageFilters, lines
from huafang.methods.image_filters.passes import Passes, Scene
from huafang.ops.jit import Real, inline, rows

Array = npt.NDArray[np.float32]

BEFORE_LINES, AFTER_LINES = 1, 3
"""Rounds of the bilateral filter before the lines are found, and further ones before brightness is quantised (n_e and n_b of 2006, section 3.1)."""
PASSES = 1 + 2 * (BEFORE_LINES + AFTER_LINES) + 2 + 1
LINE_EPSILON, LINE_PHI = 0.30, 8.0
LINE_DARKNESS = 0.92
SATURATION = 1.15


def cartoon(p: ImageFilters, scene: Scene, passes: Passes) -> Array:
    lab, spare = scene.empty(3), scene.empty(3)
    passes.run(to_lab, scene.pixels, lab)
    sigma = p.radius / 2 * scene.unit
    step = max(1, round(sigma / 3))
    kernel = lines.gaussian(sigma, step)

    def smooth(rounds: int) -> None:
        for _ in range(rounds):
            passes.run(bilateral, lab, scene.flow, spare, kernel, step, p.range_sigma, True)
            passes.run(bilateral, spare, scene.flow, lab, kernel, step, p.range_sigma, False)

    smooth(BEFORE_LINES)
    drawn = lines.draw(scene, np.ascontiguousarray(lab[0] / np.float32(100)), passes, p.sigma, p.p)
    smooth(AFTER_LINES)
    passes.shown = spare
    passes.run(finish, lab, drawn[0], spare, p.levels, p.steepness)
    return spare


def quantise(brightness: Array, levels: int, steepness: float) -> Array:
    """[0, 1] in `levels` soft steps (2006, equation 4): the middle of each step plus half a step of tanh(φq (distance from the middle)).

    The distance is measured in steps, so that `steepness` means the same for any number of levels.
    """
    place = np.clip(brightness, 0, 1) * levels
    middle = np.minimum(np.floor(place), levels - 1) + 0.5
    stepped: Array = ((middle + 0.5 * np.tanh(steepness * (place - middle)) / np.tanh(0.5 * steepness)) / levels).astype(np.float32)
    return stepped


@rows
def bilateral(image: Array, flow: Array, out: Array, kernel: Array, step: int, range_sigma: float, across: bool, first: int, last: int) -> None:
    """One line of the separated bilateral filter, straight through each pixel across or along its edge.

    `image` and `out` are (3, H, W) CIELAB. `kernel` is the centre and one side of the spatial gaussian at every `step` pixels of the axis that the
    line follows most (Kyprianidis & Döllner 2008); `range_sigma` is a colour distance.
    """
    H, W = image.shape[1], image.shape[2]
    h, w = flow.shape[1], flow.shape[2]
    light, red, blue = image[0].reshape(-1), image[1].reshape(-1), image[2].reshape(-1)
    fall = np.float32(0.5 / 128 / range_sigma**2)
    for y in range(first, last):
        for x in range(W):
            fy, fx = y * h // H, x * w // W
            tx, ty = flow[0, fy, fx], flow[1, fy, fx]
            dy, dx = (tx, -ty) if across else (ty, tx)
            # Whole pixels along the major axis, so that what lies between is between two pixels of the minor one.
            if abs(dy) >= abs(dx):
                slope, major, minor, majors, minors, far, near = dx / dy, y, np.float32(x), H - 1, np.float32(W - 1), W, 1
            else:
                slope, major, minor, majors, minors, far, near = dy / dx, x, np.float32(y), W - 1, np.float32(H - 1), 1, W
            l0, a0, b0 = image[0, y, x], image[1, y, x], image[2, y, x]
            total, l_sum, a_sum, b_sum = kernel[0], kernel[0] * l0, kernel[0] * a0, kernel[0] * b0
            for t in range(1, kernel.shape[0]):
                for side in range(2):
                    away = t * step * (1 - 2 * side)
                    place = min(max(minor + np.float32(away) * slope, np.float32(0)), minors)
                    start = np.int32(place)
                    part = place - np.float32(start)
                    one = np.uint64(min(max(major + away, 0), majors) * far + start * near)
                    two = one + np.uint64(near if np.float32(start) < minors else 0)
                    l1, a1, b1 = light[one], red[one], blue[one]
                    l1, a1, b1 = l1 + part * (light[two] - l1), a1 + part * (red[two] - a1), b1 + part * (blue[two] - b1)
                    weight = kernel[t] * decay(fall * ((l1 - l0) ** 2 + (a1 - a0) ** 2 + (b1 - b0) ** 2))
                    total += weight
                    l_sum += weight * l1
                    a_sum += weight * a1
                    b_sum += weight * b1
            out[0, y, x], out[1, y, x], out[2, y, x] = l_sum / total, a_sum / total, b_sum / total


@inline
def decay(x: Real) -> Real:
    """exp(-128 x) for x ≥ 0, as ((1 - x) / (1 + x))^64: within 0.0005 of it."""
    x = min(x, np.float32(1))
    fall = (np.float32(1) - x) / (np.float32(1) + x)
    for _ in range(6):
        fall = fall * fall
    return fall


@rows
def finish(lab: Array, drawn: Array, out: Array, levels: int, steepness: float, first: int, last: int) -> None:
    """Quantise the brightness as `quantise` does, draw the lines, and go back to sRGB."""
    whole = np.float32(math.tanh(0.5 * steepness))
    for y in range(first, last):
        for x in range(lab.shape[2]):
            place = min(max(lab[0, y, x] / np.float32(100), np.float32(0)), np.float32(1)) * np.float32(levels)
            middle = min(np.float32(math.floor(place)), np.float32(levels - 1)) + np.float32(0.5)
            lightness = (middle + np.float32(0.5) * np.float32(math.tanh(np.float32(steepness) * (place - middle))) / whole) / np.float32(levels)
            line = np.float32(1) + np.float32(LINE_DARKNESS) * np.float32(
                math.tanh(np.float32(LINE_PHI) * min(drawn[y, x] - np.float32(LINE_EPSILON), np.float32(0)))
            )
            # CIELAB (D65) -> linear sRGB
            fy = (lightness * np.float32(100) + np.float32(16)) / np.float32(116)
            fx = fy + np.float32(SATURATION / 500) * lab[1, y, x]
            fz = fy - np.float32(SATURATION / 200) * lab[2, y, x]
            X, Y, Z = np.float32(0.95047) * from_root(fx), from_root(fy), np.float32(1.08883) * from_root(fz)
            out[0, y, x] = line * gamma(np.float32(3.2404542) * X - np.float32(1.5371385) * Y - np.float32(0.4985314) * Z)
            out[1, y, x] = line * gamma(np.float32(-0.9692660) * X + np.float32(1.8760108) * Y + np.float32(0.0415560) * Z)
            out[2, y, x] = line * gamma(np.float32(0.0556434) * X - np.float32(0.2040259) * Y + np.float32(1.0572252) * Z)


@rows
def to_lab(rgb: Array, lab: Array, first: int, last: int) -> None:
    """sRGB (3, H, W) in [0, 1] -> CIELAB under D65, L in [0, 100]."""
    for y in range(first, last):
        for x in range(rgb.shape[2]):
            r, g, b = linear(rgb[0, y, x]), linear(rgb[1, y, x]), linear(rgb[2, y, x])
            fx = root((np.float32(0.4124564) * r + np.float32(0.3575761) * g + np.float32(0.1804375) * b) / np.float32(0.95047))
            fy = root(np.float32(0.2126729) * r + np.float32(0.7151522) * g + np.float32(0.0721750) * b)
            fz = root((np.float32(0.0193339) * r + np.float32(0.1191920) * g + np.float32(0.9503041) * b) / np.float32(1.08883))
            lab[0, y, x] = np.float32(116) * fy - np.float32(16)
            lab[1, y, x] = np.float32(500) * (fx - fy)
            lab[2, y, x] = np.float32(200) * (fy - fz)


@inline
def linear(value: Real) -> Real:
    """sRGB -> linear light (IEC 61966-2-1)."""
    return value / np.float32(12.92) if value <= 0.04045 else np.float32(((value + np.float32(0.055)) / np.float32(1.055)) ** np.float32(2.4))


@inline
def gamma(value: Real) -> Real:
    """Linear light -> sRGB, clamped to [0, 1]."""
    value = min(max(value, np.float32(0)), np.float32(1))
    return value * np.float32(12.92) if value <= 0.0031308 else np.float32(1.055) * np.float32(value ** np.float32(1 / 2.4)) - np.float32(0.055)


@inline
def root(value: Real) -> Real:
    """CIELAB's cube root with its straight foot."""
    return np.float32(value ** np.float32(1 / 3)) if value > 216 / 24389 else (np.float32(24389 / 27) * value + np.float32(16)) / np.float32(116)


@inline
def from_root(value: Real) -> Real:
    """The inverse of `root`."""
    return value * value * value if value > 6 / 29 else (np.float32(116) * value - np.float32(16)) * np.float32(27 / 24389)

"""Anti-aliased filled shapes on a square of light: all that the scenes are drawn with.

Coordinates are of the unit square, x to the right and y down, so that a scene is the same at any size; colours are sRGB in [0, 1].
"""

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from huafang.ops.jit import inline

Colour = tuple[float, float, float]
Point = tuple[float, float]
Points = Sequence[Point] | NDArray[np.float64]

LINES = 6
"""Sub-scanlines of a pixel; along each the coverage is exact."""


@dataclass(frozen=True)
class Linear:
    """From `start` at point `begin` to `end` at point `stop`, the same colour across."""

    start: Colour
    end: Colour
    begin: Point = (0.0, 0.0)
    stop: Point = (0.0, 1.0)


@dataclass(frozen=True)
class Radial:
    """From `inner` at `centre` to `outer` at distance `radius`."""

    inner: Colour
    outer: Colour
    centre: Point
    radius: float


Paint = Colour | Linear | Radial


class Canvas:
    """`pixels` are (size, size, 3) float32 in [0, 1]."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.pixels: NDArray[np.float32] = np.ones((size, size, 3), np.float32)

    def fill(self, points: Points, paint: Paint, alpha: float = 1.0) -> None:
        """Fill the polygon through `points`, closed, by the non-zero rule; parts outside the square are cut off."""
        corners = np.asarray(points, np.float64) * self.size
        _fill(self.pixels, corners, _coefficients(paint), alpha)

    def cover(self, paint: Paint, alpha: float = 1.0) -> None:
        """The whole square."""
        self.fill([(0, 0), (1, 0), (1, 1), (0, 1)], paint, alpha)

    def box(self, left: float, top: float, right: float, bottom: float, paint: Paint, alpha: float = 1.0) -> None:
        self.fill([(left, top), (right, top), (right, bottom), (left, bottom)], paint, alpha)

    def ellipse(self, x: float, y: float, rx: float, ry: float | None = None, paint: Paint = (0, 0, 0), alpha: float = 1.0) -> None:
        """Centre (x, y), radii rx and ry; a circle where ry is not given."""
        self.fill(arc(x, y, rx, rx if ry is None else ry), paint, alpha)

    def line(self, points: Points, width: float, paint: Paint, alpha: float = 1.0) -> None:
        """A stroke of `width` along `points`, round at its ends and joints."""
        track = np.asarray(points, np.float64)
        for (ax, ay), (bx, by) in itertools.pairwise(track):
            length = math.hypot(bx - ax, by - ay) or 1.0
            nx, ny = -(by - ay) / length * width / 2, (bx - ax) / length * width / 2
            self.fill([(ax + nx, ay + ny), (bx + nx, by + ny), (bx - nx, by - ny), (ax - nx, ay - ny)], paint, alpha)
        if width * self.size > 1.5 and alpha == 1:
            for x, y in track:
                self.ellipse(float(x), float(y), width / 2, None, paint)

    def glow(self, x: float, y: float, radius: float, colour: Colour, alpha: float) -> None:
        """Light that falls off smoothly to nothing at `radius`."""
        _glow(self.pixels, x * self.size, y * self.size, radius * self.size, np.asarray(colour, np.float32), alpha)


def arc(x: float, y: float, rx: float, ry: float, start: float = 0.0, end: float = 360.0, corners: int = 40) -> NDArray[np.float64]:
    """Points on an ellipse from angle `start` to `end`, degrees, clockwise from the right (y is down)."""
    angles = np.radians(np.linspace(start, end, corners, endpoint=end - start < 360))
    return np.stack([x + rx * np.cos(angles), y + ry * np.sin(angles)], axis=1)


def curve(points: Points, corners: int = 8) -> NDArray[np.float64]:
    """A closed smooth outline through `points` (Catmull-Rom)."""
    p = np.asarray(points, np.float64)
    before, after, later = np.roll(p, 1, 0), np.roll(p, -1, 0), np.roll(p, -2, 0)
    t = np.linspace(0, 1, corners, endpoint=False)[None, :, None]
    a, b, c, d = before[:, None], p[:, None], after[:, None], later[:, None]
    out = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
    joined: NDArray[np.float64] = out.reshape(-1, 2)
    return joined


def mix(a: Colour, b: Colour, share: float) -> Colour:
    """`a` at share 0, `b` at 1."""
    return (a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share, a[2] + (b[2] - a[2]) * share)


def hexed(text: str) -> Colour:
    """'#e8c547' -> (0.91, 0.77, 0.28)."""
    value = int(text.lstrip("#"), 16)
    return ((value >> 16) / 255, (value >> 8 & 255) / 255, (value & 255) / 255)


def _coefficients(paint: Paint) -> NDArray[np.float64]:
    """[kind, x0, y0, x1, y1, r0, g0, b0, r1, g1, b1] in units of the square."""
    if isinstance(paint, Linear):
        return np.array([0, *paint.begin, *paint.stop, *paint.start, *paint.end], np.float64)
    if isinstance(paint, Radial):
        return np.array([1, *paint.centre, paint.radius, 0, *paint.inner, *paint.outer], np.float64)
    return np.array([0, 0, 0, 0, 1, *_three(paint), *_three(paint)], np.float64)


def _three(colour: Iterable[float]) -> tuple[float, float, float]:
    red, green, blue = colour
    return red, green, blue


@inline
def _fill(pixels: NDArray[np.float32], points: NDArray[np.float64], paint: NDArray[np.float64], alpha: float) -> None:
    size = pixels.shape[0]
    count = points.shape[0]
    top = max(0, int(np.floor(points[:, 1].min())))
    bottom = min(size, int(np.ceil(points[:, 1].max())))
    crossings = np.empty(count, np.float64)
    turns = np.empty(count, np.int64)
    row = np.empty(size, np.float64)
    radial = paint[0] == 1
    gx, gy = paint[3] - paint[1], paint[4] - paint[2]
    norm = gx * gx + gy * gy
    for y in range(top, bottom):
        row[:] = 0.0
        first, last = size, 0
        for sub in range(LINES):
            level = y + (sub + 0.5) / LINES
            found = 0
            for i in range(count):
                j = i + 1 if i + 1 < count else 0
                ya, yb = points[i, 1], points[j, 1]
                if (ya <= level) != (yb <= level):
                    x = points[i, 0] + (level - ya) / (yb - ya) * (points[j, 0] - points[i, 0])
                    turn = 1 if yb > ya else -1
                    k = found
                    while k > 0 and crossings[k - 1] > x:
                        crossings[k], turns[k] = crossings[k - 1], turns[k - 1]
                        k -= 1
                    crossings[k], turns[k] = x, turn
                    found += 1
            winding = 0
            for k in range(found - 1):
                winding += turns[k]
                if winding == 0:
                    continue
                left, right = max(crossings[k], 0.0), min(crossings[k + 1], float(size))
                if right <= left:
                    continue
                a, b = int(left), min(int(right), size - 1)
                first, last = min(first, a), max(last, b + 1)
                if a == b:
                    row[a] += right - left
                else:
                    row[a] += a + 1 - left
                    for x in range(a + 1, b):
                        row[x] += 1.0
                    row[b] += right - b
        for x in range(first, last):
            share = min(row[x] / LINES, 1.0) * alpha
            if share <= 0:
                continue
            u, v = (x + 0.5) / size, (y + 0.5) / size
            t = np.sqrt((u - paint[1]) ** 2 + (v - paint[2]) ** 2) / paint[3] if radial else ((u - paint[1]) * gx + (v - paint[2]) * gy) / norm
            t = min(max(t, 0.0), 1.0)
            for c in range(3):
                colour = paint[5 + c] + (paint[8 + c] - paint[5 + c]) * t
                pixels[y, x, c] += (colour - pixels[y, x, c]) * share


@inline
def _glow(pixels: NDArray[np.float32], cx: float, cy: float, radius: float, colour: NDArray[np.float32], alpha: float) -> None:
    size = pixels.shape[0]
    for y in range(max(0, int(cy - radius)), min(size, int(cy + radius) + 1)):
        for x in range(max(0, int(cx - radius)), min(size, int(cx + radius) + 1)):
            far = ((x + 0.5 - cx) ** 2 + (y + 0.5 - cy) ** 2) / (radius * radius)
            if far < 1:
                share = alpha * (1 - far) ** 2
                for c in range(3):
                    pixels[y, x, c] += (colour[c] - pixels[y, x, c]) * share

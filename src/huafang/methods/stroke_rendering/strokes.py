"""Where strokes start and how they run: Hertzmann 1998, figures 3 (paintLayer) and 5 (makeSplineStroke), compiled."""

import numpy as np
import numpy.typing as npt

from huafang.methods.stroke_rendering.guides import Array
from huafang.ops.jit import exact, exact_inline

Ints = npt.NDArray[np.int32]


@exact
def starts(reference: Array, canvas: Array, bare: bool, chance: Array, grid: int, threshold: float) -> Ints:
    """(N, 2) pixels (x, y) where a stroke of this layer starts: the worst pixel of each grid cell whose mean difference is over `threshold`.

    The difference is squared and on 8-bit values. On a `bare` canvas every cell is painted, from a pixel that `chance` (cells, 2) picks.
    """
    h, w, _ = reference.shape
    found = np.empty((((h + grid - 1) // grid) * ((w + grid - 1) // grid), 2), np.int32)
    n = 0
    cell = 0
    for y0 in range(0, h, grid):
        for x0 in range(0, w, grid):
            y1, x1 = min(y0 + grid, h), min(x0 + grid, w)
            if bare:
                found[n, 0] = x0 + int(chance[cell, 0] * (x1 - x0))
                found[n, 1] = y0 + int(chance[cell, 1] * (y1 - y0))
                n += 1
            else:
                total, worst, at_x, at_y = 0.0, -1.0, x0, y0
                for y in range(y0, y1):
                    for x in range(x0, x1):
                        far = _far(reference, y, x, canvas[y, x, 0], canvas[y, x, 1], canvas[y, x, 2])
                        total += far
                        if far > worst:
                            worst, at_x, at_y = far, x, y
                if total * 65025.0 > threshold * (y1 - y0) * (x1 - x0):
                    found[n, 0], found[n, 1] = at_x, at_y
                    n += 1
            cell += 1
    return found[:n]


@exact
def trace(
    begin: Ints, reference: Array, canvas: Array, bare: bool, tangents: Array, radius: float, bend: float, shortest: int, longest: int
) -> tuple[Array, Ints]:
    """Control points (N, longest + 1, 2) as (x, y) in guide pixels, and how many of them each stroke has.

    A stroke stops when, after `shortest` steps, the canvas is already nearer to the reference than the stroke's colour is; and at the picture's edge.
    """
    h, w, _ = reference.shape
    points = np.zeros((len(begin), longest + 1, 2), np.float32)
    counts = np.ones(len(begin), np.int32)
    for i in range(len(begin)):
        px, py = begin[i, 0], begin[i, 1]
        red, green, blue = reference[py, px, 0], reference[py, px, 1], reference[py, px, 2]
        x, y = px + 0.5, py + 0.5
        points[i, 0, 0], points[i, 0, 1] = x, y
        last_x, last_y = 0.0, 0.0
        for step in range(1, longest + 1):
            if step > shortest and not bare:
                here = _far(reference, py, px, canvas[py, px, 0], canvas[py, px, 1], canvas[py, px, 2])
                if here < _far(reference, py, px, red, green, blue):
                    break
            dx, dy = float(tangents[py, px, 0]), float(tangents[py, px, 1])
            if last_x * dx + last_y * dy < 0:
                dx, dy = -dx, -dy
            if step > 1:
                dx, dy = bend * dx + (1 - bend) * last_x, bend * dy + (1 - bend) * last_y
                size = (dx * dx + dy * dy) ** 0.5
                if size < 1e-6:
                    break
                dx, dy = dx / size, dy / size
            x, y = x + radius * dx, y + radius * dy
            points[i, step, 0], points[i, step, 1] = x, y
            counts[i] = step + 1
            last_x, last_y = dx, dy
            if x < 0 or y < 0 or x >= w or y >= h:
                break
            px, py = int(x), int(y)
    return points, counts


@exact_inline
def _far(reference: Array, y: int, x: int, red: float, green: float, blue: float) -> float:
    r, g, b = reference[y, x, 0] - red, reference[y, x, 1] - green, reference[y, x, 2] - blue
    return float(r * r + g * g + b * b)


@exact_inline
def spline(points: Array, count: int, pieces: int, out: Array) -> int:
    """Sample the uniform cubic B-spline of the first `count` control points, ends tripled so that it reaches them, into `out` (M, 2).

    Returns the number of samples: `pieces` per span and one.
    """
    n = 0
    for span in range(-2, count - 1):
        a, b, c, d = max(span, 0), max(span + 1, 0), min(span + 2, count - 1), min(span + 3, count - 1)
        b, c = min(b, count - 1), max(c, 0)
        for piece in range(pieces + (1 if span == count - 2 else 0)):
            t = piece / pieces
            wa, wb = (1 - t) ** 3 / 6, (3 * t**3 - 6 * t**2 + 4) / 6
            wc, wd = (-3 * t**3 + 3 * t**2 + 3 * t + 1) / 6, t**3 / 6
            for axis in range(2):
                out[n, axis] = wa * points[a, axis] + wb * points[b, axis] + wc * points[c, axis] + wd * points[d, axis]
            n += 1
    return n

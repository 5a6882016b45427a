"""The brush: what one stroke leaves on the canvas, compiled, and painted tile by tile.

The canvas is (H, W, 5) float32: red, green, blue, how much of the ground is covered (0 to 1), and the height of the paint in pixels. Tiles share no
pixel and each takes its strokes in their order, so any number of threads paints the same picture.
"""

import numpy as np
from scipy.ndimage import gaussian_filter1d

from huafang.methods.stroke_rendering.guides import Array
from huafang.methods.stroke_rendering.strokes import Ints, spline
from huafang.ops.jit import exact, exact_inline, rows

TILE = 256
BRISTLES = 256
"""Side of the bristle texture, a power of two: it repeats."""


def bristles(rng: np.random.Generator) -> Array:
    """(BRISTLES, BRISTLES) in [0, 1], even spread, streaks along the first axis; repeats at its edges."""
    fine = gaussian_filter1d(rng.standard_normal((BRISTLES, BRISTLES)), 14, axis=0, mode="wrap")
    hairs = fine + 0.35 * gaussian_filter1d(rng.standard_normal((BRISTLES, BRISTLES)), 3, axis=0, mode="wrap") * fine.std()
    ranks = np.empty(BRISTLES * BRISTLES, np.float32)
    ranks[np.argsort(hairs, axis=None, kind="stable")] = np.linspace(0, 1, BRISTLES * BRISTLES, dtype=np.float32)
    return ranks.reshape(BRISTLES, BRISTLES)


@exact
def boxes(points: Array, counts: Ints, radius: float, tile: int, rows: int, columns: int) -> Ints:
    """(N, 4) first and last tile row, first and last tile column that each stroke may touch."""
    out = np.empty((len(points), 4), np.int32)
    for i in range(len(points)):
        x0 = x1 = points[i, 0, 0]
        y0 = y1 = points[i, 0, 1]
        for k in range(1, counts[i]):
            x0, x1 = min(x0, points[i, k, 0]), max(x1, points[i, k, 0])
            y0, y1 = min(y0, points[i, k, 1]), max(y1, points[i, k, 1])
        out[i, 0] = max(int((y0 - radius - 2) // tile), 0)
        out[i, 1] = min(int((y1 + radius + 2) // tile), rows - 1)
        out[i, 2] = max(int((x0 - radius - 2) // tile), 0)
        out[i, 3] = min(int((x1 + radius + 2) // tile), columns - 1)
    return out


@exact_inline
def _hair(texture: Array, along: float, across: float) -> float:
    """The texture at a place (coordinates over -BRISTLES), repeating: linear between hairs; along a hair it is smooth enough without."""
    across += BRISTLES
    c = int(across)
    part = across - c
    row = texture[int(along + BRISTLES) & (BRISTLES - 1)]
    return float(row[c & (BRISTLES - 1)] * (1 - part) + row[(c + 1) & (BRISTLES - 1)] * part)


@exact_inline
def _opening(line: Array, k: int, reach: float) -> float:
    """How far beyond the end of a piece a pixel may lie that is nearest to joint `k`: reach · sin(bend / 2), and half a pixel."""
    ax, ay = line[k, 0] - line[k - 1, 0], line[k, 1] - line[k - 1, 1]
    bx, by = line[k + 1, 0] - line[k, 0], line[k + 1, 1] - line[k, 1]
    sizes = ((ax * ax + ay * ay) * (bx * bx + by * by)) ** 0.5
    if sizes < 1e-8:
        return reach
    cosine = min(max((ax * bx + ay * by) / sizes, -1.0), 1.0)
    return float(reach * ((1 - cosine) / 2) ** 0.5 + 0.5)


@rows
def paint_tile(
    canvas: Array,
    top: int,
    left: int,
    chosen: Ints,
    boxes: Ints,
    points: Array,
    counts: Ints,
    colours: Array,
    lots: Array,
    radius: float,
    scale: float,
    opacity: float,
    texture: Array,
) -> None:
    """Paint, in the order of `chosen`, what falls of each stroke into the tile at (`top`, `left`) of `canvas`.

    `points` are in canvas pixels; `colours` (N, 3); `lots` (N, 4) are each stroke's own chances in [0, 1).
    """
    bottom, right = min(top + TILE, canvas.shape[0]), min(left + TILE, canvas.shape[1])
    row, column = top // TILE, left // TILE
    stamp = np.full((TILE, TILE), -1, np.int32)
    near = np.empty((TILE, TILE), np.float32)  # squared distance to the spine
    along = np.empty((TILE, TILE), np.float32)
    across = np.empty((TILE, TILE), np.float32)  # signed distance
    touched = np.empty((TILE * TILE, 2), np.int32)
    pieces = 1 if radius < 2.5 else (2 if radius < 12 else 3)
    line = np.empty(((points.shape[1] + 1) * pieces + 2, 2), np.float32)
    reach = radius + 1.0
    body = 0.9 * (scale * radius) ** 0.5  # broad brushes carry more paint, but not in proportion
    hairs = min(max(radius * 1.1, 2.5), 14.0)  # bristles per radius, no finer than a pixel shows
    for which in range(len(chosen)):
        i = chosen[which]
        if row < boxes[i, 0] or row > boxes[i, 1] or column < boxes[i, 2] or column > boxes[i, 3]:
            continue
        if counts[i] > 1:
            n = spline(points[i], counts[i], pieces, line)
        else:  # a dab: a touch of the brush, a little longer than wide
            n = 2
            turn = 6.2831853 * lots[i, 3]
            for end in range(2):
                line[end, 0] = points[i, 0, 0] + (end - 0.5) * 0.3 * radius * np.cos(turn)
                line[end, 1] = points[i, 0, 1] + (end - 0.5) * 0.3 * radius * np.sin(turn)
        # 1. Distance to the spine, and the place along and across it, of each pixel within reach
        m = 0
        length = 0.0
        for k in range(n - 1):
            ax, ay = line[k, 0], line[k, 1]
            sx, sy = line[k + 1, 0] - ax, line[k + 1, 1] - ay
            size = (sx * sx + sy * sy) ** 0.5
            if size < 1e-4:
                continue
            ux, uy = sx / size, sy / size
            # Pixels nearest to this piece lie in its slab, longer at each end by what the bend there opens; at the stroke's ends, by the brush
            early = reach if k == 0 else _opening(line, k, reach)
            late = reach if k == n - 2 else _opening(line, k + 1, reach)
            span_x = reach * abs(uy) + max(early, late) * abs(ux) + 1
            span_y = reach * abs(ux) + max(early, late) * abs(uy) + 1
            y0, y1 = max(int(min(ay, ay + sy) - span_y), top), min(int(max(ay, ay + sy) + span_y) + 1, bottom)
            left_x, right_x = max(min(ax, ax + sx) - span_x, left), min(max(ax, ax + sx) + span_x + 1, right)
            for y in range(y0, y1):
                qy = y + 0.5 - ay
                low, high = left_x, right_x
                if abs(uy) > 1e-3:  # |side| <= reach
                    a, b = (qy * ux - reach) / uy, (qy * ux + reach) / uy
                    low, high = max(low, min(a, b) + ax - 1), min(high, max(a, b) + ax + 1)
                if abs(ux) > 1e-3:  # -early <= run <= size + late
                    a, b = (-early - qy * uy) / ux, (size + late - qy * uy) / ux
                    low, high = max(low, min(a, b) + ax - 1), min(high, max(a, b) + ax + 1)
                for x in range(int(low), int(high)):
                    qx = x + 0.5 - ax
                    run = qx * ux + qy * uy
                    side = qy * ux - qx * uy
                    beyond = run - size if run > size else (run if run < 0 else 0.0)
                    far = side * side + beyond * beyond
                    if far < reach * reach:
                        ty, tx = y - top, x - left
                        if stamp[ty, tx] != i:
                            stamp[ty, tx] = i
                            touched[m, 0], touched[m, 1] = ty, tx
                            m += 1
                        elif far >= near[ty, tx]:
                            continue
                        near[ty, tx] = far
                        # Within the stroke a bend's fan belongs to the joint; beyond its ends the overshoot counts
                        if run < 0 and k > 0:
                            run = 0.0
                        elif run > size and k < n - 2:
                            run = size
                        along[ty, tx] = length + run
                        across[ty, tx] = side
            length += size
        # 2. Paint: tapered width, ragged ends, bristles that run dry, a colour that varies a little from hair to hair
        base_u, base_v, load = lots[i, 0] * BRISTLES, lots[i, 1] * BRISTLES, lots[i, 2]
        red, green, blue = colours[i, 0], colours[i, 1], colours[i, 2]
        per_radius = 1 / radius
        per_length = 1 / (length + radius)
        dab = counts[i] == 1
        for t in range(m):
            ty, tx = touched[t, 0], touched[t, 1]
            u, v = along[ty, tx] * per_radius, across[ty, tx] * per_radius
            part = max(along[ty, tx] * per_length, 0.0)
            wave = texture[int(base_v + 5.0 * u + BRISTLES) & (BRISTLES - 1), int(base_u + (40.0 if v < 0 else 0.0)) & (BRISTLES - 1)]
            taper = 1.0 if dab or part < 0.6 else 1 - 0.9 * (part - 0.6)
            a = min(radius * (1 - 0.16 * wave) * taper - near[ty, tx] ** 0.5 + 0.5, 1.0)
            if a <= 0:
                continue
            place = base_v + hairs * v
            if not dab:
                if u < 0:
                    a *= min(max((u + 0.25 + 0.75 * _hair(texture, base_u + 90.0, place)) * radius + 0.5, 0.0), 1.0)
                elif along[ty, tx] > length:
                    a *= min(max(length - along[ty, tx] + radius * (0.05 + 0.95 * _hair(texture, base_u + 170.0, place)) + 0.5, 0.0), 1.0)
            hair = _hair(texture, base_u + 3.0 * u, place)
            rim = min(v * v, 1.0)
            dry = 0.15 if dab else 0.15 + 0.5 * part
            a *= opacity * (1 - dry * (1 - hair) * (0.4 + 0.6 * rim))
            shade = 0.92 + 0.16 * hair + 0.05 * (load - 0.5)
            thick = body * (0.22 + 0.20 * hair - 0.12 * rim + 0.08 * load)
            spot = canvas[top + ty, left + tx]
            spot[0] += a * (min(red * shade, 1.0) - spot[0])
            spot[1] += a * (min(green * shade, 1.0) - spot[1])
            spot[2] += a * (min(blue * shade, 1.0) - spot[2])
            spot[3] += a * (1 - spot[3])
            spot[4] += a * (thick - 0.65 * spot[4])


@exact
def holes(canvas: Array, grid: int, least: float) -> Ints:
    """(N, 2) the barest pixel (x, y) of each grid cell that has one covered by less than `least`."""
    height, width = canvas.shape[0], canvas.shape[1]
    found = np.empty((((height + grid - 1) // grid) * ((width + grid - 1) // grid), 2), np.int32)
    n = 0
    for y0 in range(0, height, grid):
        for x0 in range(0, width, grid):
            barest, at_x, at_y = least, -1, -1
            for y in range(y0, min(y0 + grid, height)):
                for x in range(x0, min(x0 + grid, width)):
                    if canvas[y, x, 3] < barest:
                        barest, at_x, at_y = canvas[y, x, 3], x, y
            if at_x >= 0:
                found[n, 0], found[n, 1] = at_x, at_y
                n += 1
    return found[:n]


@exact
def light(canvas: Array, out: Array, top: int, bottom: int, impasto: float, grain: float) -> None:
    """Rows `top` to `bottom` of `canvas` -> `out` (3, H, W): the relief of the paint under a light from the upper left, clamped to [0, 1].

    Lambert's law, and a small highlight of wet oil; slopes are Sobel's over `grain` pixels.
    """
    height, width = canvas.shape[0], canvas.shape[1]
    step = max(int(grain + 0.5), 1)
    for y in range(top, bottom):
        up, down = max(y - step, 0), min(y + step, height - 1)
        for x in range(width):
            lift, gloss = 1.0, 0.0
            if impasto > 0:
                back, forth = max(x - step, 0), min(x + step, width - 1)
                corners = canvas[down, forth, 4] - canvas[up, back, 4]
                others = canvas[up, forth, 4] - canvas[down, back, 4]
                across = corners + others + 2 * (canvas[y, forth, 4] - canvas[y, back, 4])
                fall = corners - others + 2 * (canvas[down, x, 4] - canvas[up, x, 4])
                gx, gy = impasto * across / (8 * step), impasto * fall / (8 * step)
                norm = (1 + gx * gx + gy * gy) ** 0.5
                facing = (0.45 * gx + 0.6 * gy + 0.66) / norm
                lift = 1 + 0.9 * (facing / 0.66 - 1)
                shine = max((0.25 * gx + 0.33 * gy + 0.91) / norm, 0.0)
                gloss = impasto * 0.25 * max(shine - 0.955, 0.0) / 0.045 * (1 - 1 / norm) * 4
            for c in range(3):
                out[c, y, x] = min(max(canvas[y, x, c] * lift + gloss, 0.0), 1.0)


@exact
def shrink(canvas: Array, out: Array) -> None:
    """`canvas` (H, W, C) -> `out` (h, w, c ≤ C), the mean of the box that each pixel of `out` covers."""
    h, w, channels = out.shape
    height, width, _ = canvas.shape
    for y in range(h):
        y0, y1 = y * height // h, max((y + 1) * height // h, y * height // h + 1)
        for x in range(w):
            x0, x1 = x * width // w, max((x + 1) * width // w, x * width // w + 1)
            for c in range(channels):
                total = 0.0
                for yy in range(y0, y1):
                    for xx in range(x0, x1):
                        total += canvas[yy, xx, c]
                out[y, x, c] = total / ((y1 - y0) * (x1 - x0))

"""Which places of a texture fit: sums of squared differences, given up as soon as they are too large. Compiled.

A texture is flat, (height · width, 4): red, green, blue, and what a transfer compares with the photo. A *neighbourhood* is a list of offsets into it, what is
wanted there (n, 4), and the weights (n, 2) of the colour's and of the fourth channel's squared difference.
"""

import numpy as np
import numpy.typing as npt

from huafang.ops.jit import Array, inline, rows

Ints = npt.NDArray[np.int32]
Bools = npt.NDArray[np.bool_]
FEW = 61
"""One place in so many is looked at first: a prime, so that they do not stand in columns."""


@inline
def distance(flat: Array, place: int, offsets: Ints, wanted: Array, weights: Array, count: int, limit: float) -> float:
    """Weighted sum of squared differences at `place`, over the first `count` of the neighbourhood; infinity once it is over `limit`."""
    total = np.float32(0)
    for n in range(count):
        at = np.uint64(place + offsets[n])
        red, green, blue = flat[at, 0] - wanted[n, 0], flat[at, 1] - wanted[n, 1], flat[at, 2] - wanted[n, 2]
        other = flat[at, 3] - wanted[n, 3]
        total += weights[n, 0] * (red * red + green * green + blue * blue) + weights[n, 1] * other * other
        if total > limit:
            return np.inf
    return float(total)


@inline
def fitting(
    flat: Array,
    places: Ints,
    start: int,
    stride: int,
    offsets: Ints,
    wanted: Array,
    weights: Array,
    count: int,
    tolerance: float,
    best: float,
    found: Ints,
    far: Array,
) -> int:
    """Every `stride`-th of the `places` from `start` on whose distance is at most 1 + `tolerance` times the smallest, into `found` and `far`; how many.

    No place within the bound is ever given up: the bound only falls. `best` is a distance that some place is known to have, or infinity.
    """
    limit = best * (1 + tolerance)
    kept = 0
    for number in range(start, len(places), stride):
        here = distance(flat, places[number], offsets, wanted, weights, count, limit)
        if here <= limit:
            found[kept], far[kept] = places[number], here
            kept += 1
            if here < best:
                best = here
                limit = best * (1 + tolerance)
    fit = 0
    for number in range(kept):
        if far[number] <= limit:
            found[fit], far[fit] = found[number], far[number]
            fit += 1
    return fit


@rows
def drawn(
    flat: Array, places: Ints, start: int, stride: int, offsets: Ints, wanted: Array, weights: Array, tolerance: float, chance: float, found: Ints, far: Array
) -> int:
    """One of the places that fit, by `chance` in [0, 1). `found` and `far` are scratch memory, as long as `places`.

    A few places, far apart, are looked at first: what fits best among them gives a bound under which most others are soon given up.
    """
    best = np.inf
    for number in range(start, len(places), stride * FEW):
        best = min(best, distance(flat, places[number], offsets, wanted, weights, len(offsets), best))
    fit = fitting(flat, places, start, stride, offsets, wanted, weights, len(offsets), tolerance, best, found, far)
    return int(found[min(int(chance * fit), fit - 1)])


@rows
def grow(
    flat: Array,
    width: int,
    margin: int,
    centres: Ints,
    canvas: Array,
    origin: Ints,
    layer: Ints,
    window: Ints,
    gauss: Array,
    chance: Array,
    stride: int,
    tolerance: float,
    most: float,
    offsets: Ints,
    wanted: Array,
    weights: Array,
    found: Ints,
    far: Array,
) -> int:
    """Efros & Leung 1999, section 2.1: fill the pixels `layer` (n, 2) in their order; how many were filled.

    `canvas` (H, W, 3), `origin` (H, W): the place each pixel was copied from, -1 where nothing is yet; both are written. `centres` are the places whose whole
    window, `margin` pixels each way, lies in the texture; the window's pixels are `window` (m, 2), from the middle outward, of weights `gauss` (m,). A pixel
    whose best window differs by more than `most` (weighted mean, all channels) stays open.
    Every `stride`-th centre is tried, from a random one, and always those that continue a neighbour's copy.
    """
    H, W = origin.shape
    height = len(flat) // width
    done = 0
    for pixel in range(len(layer)):
        y, x = layer[pixel, 0], layer[pixel, 1]
        count, known = 0, np.float32(0)
        for n in range(len(window)):
            v, u = y + window[n, 0], x + window[n, 1]
            if 0 <= v < H and 0 <= u < W and origin[v, u] >= 0:
                offsets[count] = window[n, 0] * width + window[n, 1]
                wanted[count, 0], wanted[count, 1], wanted[count, 2] = canvas[v, u, 0], canvas[v, u, 1], canvas[v, u, 2]
                weights[count, 0] = gauss[n]
                known += gauss[n]
                count += 1
        best, best_at = np.inf, -1
        for n in range(min(len(window), 8)):
            v, u = y + window[n, 0], x + window[n, 1]
            if 0 <= v < H and 0 <= u < W and origin[v, u] >= 0:
                row, column = origin[v, u] // width - window[n, 0], origin[v, u] % width - window[n, 1]
                if margin <= row < height - margin and margin <= column < width - margin:
                    here = distance(flat, row * width + column, offsets, wanted, weights, count, best)
                    if here < best:
                        best, best_at = here, row * width + column
        fit = fitting(flat, centres, int(chance[pixel, 0] * stride), stride, offsets, wanted, weights, count, tolerance, best, found, far)
        at, nearest = best_at, best
        if fit > 0:
            draw = min(int(chance[pixel, 1] * fit), fit - 1)
            at, nearest = found[draw], far[draw]
        if nearest <= most * 3 * known:
            for channel in range(3):
                canvas[y, x, channel] = flat[at, channel]
            origin[y, x] = at
            done += 1
    return done


@rows
def seam(errors: Array) -> Ints:
    """(n, width) squared differences -> (n,) the column of each row's seam, of least sum, moving at most one column a row.

    Efros & Freeman 2001, section 2.1: E_ij = e_ij + min(E_{i-1,j-1}, E_{i-1,j}, E_{i-1,j+1}), traced back from the least of the last row.
    """
    n, width = errors.shape
    total = errors.astype(np.float64)
    for i in range(1, n):
        for j in range(width):
            total[i, j] += total[i - 1, max(j - 1, 0) : min(j + 2, width)].min()
    path = np.empty(n, np.int32)
    path[n - 1] = total[n - 1].argmin()
    for i in range(n - 2, -1, -1):
        first = max(path[i + 1] - 1, 0)
        path[i] = first + total[i, first : min(path[i + 1] + 2, width)].argmin()
    return path

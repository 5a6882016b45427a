"""One level painted pixel by pixel: BestMatch of Hertzmann et al. 2001, section 3.2. Compiled."""

import numpy as np

from huafang.methods.image_analogies.tree import Ints, nearest
from huafang.ops.jit import Array, inline, rows


@inline
def apart(one: Array, other: Array, limit: float) -> float:
    """Squared distance of two vectors; infinity as soon as it is over `limit`."""
    total = np.float32(0)
    for first in range(0, len(one), 8):
        for n in range(first, min(first + 8, len(one))):
            total += (one[n] - other[n]) * (one[n] - other[n])
        if total > limit:
            return np.inf
    return float(total)


@rows
def paint(
    vectors: Array,
    known: Array,
    style: Array,
    canvas: Array,
    origin: Ints,
    causal: Ints,
    causal_weights: Array,
    basis: Array,
    points: Array,
    order: Ints,
    axis: Ints,
    at: Array,
    depth: int,
    leaves: int,
    generous: float,
    coherent: Ints,
    first: int,
    last: int,
) -> None:
    """Paint rows `first` to `last` of `canvas` (H, W, channels) and of `origin` (H, W), the place in `style` (h, w, channels) each pixel is a copy of.

    `vectors` (h · w, D) are the style's, `known` (rows · W, D - causal) what is known of the photo's; `generous` is 1 + κ 2^(l - L). `coherent` counts, in its
    first number, the pixels that went on with a neighbour's copy.
    """
    H, W, channels = canvas.shape
    h, w = style.shape[:2]
    query, point = np.empty(vectors.shape[1], np.float32), np.empty(basis.shape[1], np.float32)
    nodes, bounds = np.empty(leaves * (depth + 1) + 1, np.int32), np.empty(leaves * (depth + 1) + 1, np.float32)
    for y in range(first, last):
        for x in range(W):
            n = known.shape[1]
            query[:n] = known[(y - first) * W + x]
            for m in range(len(causal)):
                v, u = min(max(y + causal[m, 0], 0), H - 1), min(max(x + causal[m, 1], 0), W - 1)
                for channel in range(channels):
                    query[n] = canvas[v, u, channel] * causal_weights[m]
                    n += 1
            # BestCoherenceMatch: r* = argmin over painted neighbours r of |F(s(r) + (q - r)) - F(q)|²
            near, near_at = np.inf, -1
            for m in range(len(causal)):
                v, u = y + causal[m, 0], x + causal[m, 1]
                if v >= 0 and 0 <= u < W:
                    row, column = origin[v, u] // w - causal[m, 0], origin[v, u] % w - causal[m, 1]
                    if 0 <= row < h and 0 <= column < w:
                        here = apart(vectors[row * w + column], query, near)
                        if here < near:
                            near, near_at = here, row * w + column
            # BestApproximateMatch
            for component in range(basis.shape[1]):
                total = np.float32(0)
                for m in range(len(query)):
                    total += basis[m, component] * query[m]
                point[component] = total
            place = order[nearest(point, points, axis, at, depth, leaves, nodes, bounds)]
            if near <= apart(vectors[place], query, np.inf) * generous:
                place = near_at
                coherent[0] += 1
            origin[y, x] = place
            canvas[y, x] = style[place // w, place % w]

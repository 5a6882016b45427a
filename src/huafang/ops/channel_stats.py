"""Sums and linear maps of few channels over many places, in double precision, of features that lie (places, C): what `cwct.py` reckons with on a CPU.

The products are small, 32 × 32 or 128 × 128, over a hundred thousand places: a matrix library takes two or three times as long for such. Here a few hundred
places at a time are laid channel by channel, so that the lanes of a processor are places.
"""

import numpy as np
import numpy.typing as npt

from huafang.ops.jit import inline, rows

Reals = npt.NDArray[np.float64]
Features = npt.NDArray[np.float32] | npt.NDArray[np.float64]
FOUR = 4
"""Channels that are multiplied by so many others at a time; there is a multiple of it."""
PLACES = 264
"""Places at a time: a number that the compiler knows, so that it can tell one channel's from another's, and no power of two, for the cache's sake."""


@rows
def scatter(features: Features, weights: Reals, middle: Reals, total: Reals, products: Reals) -> None:
    """Adds Σ w (z - middle) to `total`, (C,), and Σ w (z - middle) (z - middle)ᵀ to `products`, (C, C), for features z, (places, C), and their weights w."""
    places, channels = features.shape
    here, heavy = np.zeros(channels * PLACES, np.float64), np.zeros(channels * PLACES, np.float64)
    sums = np.empty(FOUR * FOUR, np.float64)
    for first in range(0, places, PLACES):
        count = min(PLACES, places - first)
        _laid(features, first, count, here)
        for c in range(channels):
            made, weighed, weight = here[c * PLACES : c * PLACES + count], heavy[c * PLACES : c * PLACES + count], weights[first : first + count]
            less, more = middle[c], 0.0
            for n in range(count):
                made[n] -= less
            for n in range(count):
                weighed[n] = weight[n] * made[n]
            for n in range(count):
                more += weighed[n]
            total[c] += more
            heavy[c * PLACES + count : (c + 1) * PLACES] = 0
        for i in range(0, channels, FOUR):
            for j in range(i, channels, FOUR):
                _multiplied(heavy[i * PLACES : (i + FOUR) * PLACES], here[j * PLACES : (j + FOUR) * PLACES], sums)
                for k in range(FOUR * FOUR):
                    products[i + k // FOUR, j + k % FOUR] += sums[k]
    for i in range(channels):
        for j in range(i // FOUR * FOUR):
            products[i, j] = products[j, i]


@rows
def moved(features: Features, matrix: Reals, shift: Reals, out: Features) -> None:
    """out = M z + shift for the features z, (places, C), and a lower triangular M; `out` may be the features."""
    places, channels = features.shape
    here, there = np.zeros(channels * PLACES, np.float64), np.empty(FOUR * PLACES, np.float64)
    for first in range(0, places, PLACES):
        count = min(PLACES, places - first)
        _laid(features, first, count, here)
        for i in range(0, channels, FOUR):
            for k in range(FOUR):
                there[k * PLACES : (k + 1) * PLACES] = shift[i + k]
            for j in range(0, i + FOUR, FOUR):
                _added(here[j * PLACES : (j + FOUR) * PLACES], matrix[i, j:], matrix[i + 1, j:], matrix[i + 2, j:], matrix[i + 3, j:], there)
            for n in range(count):
                made = out[first + n, i : i + FOUR]
                for k in range(FOUR):
                    made[k] = there[k * PLACES + n]


@inline
def _laid(features: Features, first: int, count: int, out: Reals) -> None:
    """Some places' features channel by channel."""
    for n in range(count):
        given = features[first + n]
        for c in range(len(given)):
            out[c * PLACES + n] = given[c]


@inline
def _multiplied(one: Reals, other: Reals, sums: Reals) -> None:
    """Σ over places of four channels times four others."""
    s0 = s1 = s2 = s3 = t0 = t1 = t2 = t3 = u0 = u1 = u2 = u3 = v0 = v1 = v2 = v3 = 0.0
    for n in range(PLACES):
        a, b, c, d = one[n], one[PLACES + n], one[2 * PLACES + n], one[3 * PLACES + n]
        e, f, g, h = other[n], other[PLACES + n], other[2 * PLACES + n], other[3 * PLACES + n]
        s0, s1, s2, s3 = s0 + a * e, s1 + a * f, s2 + a * g, s3 + a * h
        t0, t1, t2, t3 = t0 + b * e, t1 + b * f, t2 + b * g, t3 + b * h
        u0, u1, u2, u3 = u0 + c * e, u1 + c * f, u2 + c * g, u3 + c * h
        v0, v1, v2, v3 = v0 + d * e, v1 + d * f, v2 + d * g, v3 + d * h
    sums[0], sums[1], sums[2], sums[3] = s0, s1, s2, s3
    sums[4], sums[5], sums[6], sums[7] = t0, t1, t2, t3
    sums[8], sums[9], sums[10], sums[11] = u0, u1, u2, u3
    sums[12], sums[13], sums[14], sums[15] = v0, v1, v2, v3


@inline
def _added(given: Reals, one: Reals, two: Reals, three: Reals, four: Reals, out: Reals) -> None:
    """Adds to four channels what four others give them."""
    p0, p1, p2, p3 = one[0], one[1], one[2], one[3]
    q0, q1, q2, q3 = two[0], two[1], two[2], two[3]
    r0, r1, r2, r3 = three[0], three[1], three[2], three[3]
    s0, s1, s2, s3 = four[0], four[1], four[2], four[3]
    for n in range(PLACES):
        a, b, c, d = given[n], given[PLACES + n], given[2 * PLACES + n], given[3 * PLACES + n]
        out[n] += p0 * a + p1 * b + p2 * c + p3 * d
        out[PLACES + n] += q0 * a + q1 * b + q2 * c + q3 * d
        out[2 * PLACES + n] += r0 * a + r1 * b + r2 * c + r3 * d
        out[3 * PLACES + n] += s0 * a + s1 * b + s2 * c + s3 * d

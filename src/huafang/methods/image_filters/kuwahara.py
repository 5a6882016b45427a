"""Anisotropic Kuwahara filter: Kyprianidis, Kang & Döllner, Image and Video Abstraction by Anisotropic Kuwahara Filtering, 2009.

The sectors are weighted by the polynomials of Kyprianidis, Semmo, Kang & Döllner, Anisotropic Kuwahara Filtering with Polynomial Weighting Functions, 2010.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from huafang.ops.jit import inline, rows

Array = npt.NDArray[np.float32]
Places = npt.NDArray[np.uint32]

SECTORS = 8
GAMMA = 3 * math.pi / (2 * SECTORS)
"""Angle at which a sector's weight reaches zero: half as far again as its own border, so that neighbours overlap (2010, section 3)."""
ZETA = 1 / 3
"""Overlap of the sectors at the centre (2010, section 3)."""
ETA = (1 / 3 + math.cos(GAMMA)) / math.sin(GAMMA) ** 2
DECAY = 0.5 / 0.4**2
"""The window falls off as exp(-DECAY ρ²), ρ from 0 at the centre to 1 at the rim."""
ANGLES, STRETCHES = 64, 12
"""How many turns (over π) and anisotropies (over [0, 1]) of the window are kept ready; each pixel takes the nearest."""
FAINT = 1e-3
"""A weight below this part of its sector's largest is left out."""
DEVIATIONS, MOST = 4096, 222.0
"""Entries of the table of trust, over deviations of 0 to MOST 255ths: no sector's deviation is larger."""


@dataclass(frozen=True)
class Windows:
    """Every window a picture needs, as lists of what to add up: window b's sector k is entries `starts[8 b + k]` to `starts[8 b + k + 1]`."""

    reach: int
    """How far a window goes from its centre, in pixels: `cells` are padded by as much."""
    chosen: Places
    """(h, w): the window for each place of the flow."""
    starts: Places
    places: Places
    """Where in padded cells, counted from the upper left corner of the square that every window fits in."""
    shares: Array
    """The weight there; a sector's sum to 1."""


def windows(flow: Array, width: int, radius: float, stride: int, eccentricity: float) -> Windows:
    """For a picture `width` pixels wide with edge tangents and anisotropies `flow` (3, h, w), at any resolution. `radius` is in pixels."""
    reach = stride * math.ceil(radius / stride * (eccentricity + 1) / eccentricity)
    turn = np.rint(np.arctan2(flow[1], flow[0]) * np.float32(ANGLES / math.pi)).astype(np.int32) % ANGLES
    chosen = (turn * STRETCHES + np.rint(flow[2] * (STRETCHES - 1)).astype(np.int32)).astype(np.uint32)
    starts, places, shares = tables(width + 2 * reach, reach, radius, stride, eccentricity)
    return Windows(reach, chosen, starts, places, shares)


def trusts(sharpness: float) -> Array:
    """(DEVIATIONS + 1,): 1 / (1 + s^q) for s from 0 to MOST, s a sector's deviation in 255ths (2009, section 3.3)."""
    deviation = np.linspace(0, MOST, DEVIATIONS + 1).clip(1e-3)
    # s^q leaves float32 at s = 80 for q = 20, hence the logarithm's bound.
    table: Array = (1 / (1 + np.exp(np.minimum(sharpness * np.log(deviation), 80)))).astype(np.float32)
    return table


@inline
def tables(pitch: int, reach: int, radius: float, stride: int, eccentricity: float) -> tuple[Places, Places, Array]:
    """`Windows.starts`, `places` and `shares`, for padded cells `pitch` wide."""
    side = 2 * (reach // stride) + 1
    starts = np.zeros(ANGLES * STRETCHES * SECTORS + 1, np.uint32)
    places = np.empty(1 << 16, np.uint32)
    shares = np.empty(1 << 16, np.float32)
    weights, where = np.empty((SECTORS, side * side)), np.empty(side * side, np.uint32)
    n = 0
    for turn in range(ANGLES):
        tx, ty = math.cos(turn * math.pi / ANGLES), math.sin(turn * math.pi / ANGLES)
        for level in range(STRETCHES):
            stretch = (eccentricity + level / (STRETCHES - 1)) / eccentricity
            major, minor = radius * stretch / stride, radius / stretch / stride
            inside = 0
            for j in range(-(reach // stride), reach // stride + 1):
                for i in range(-(reach // stride), reach // stride + 1):
                    u, v = (i * tx + j * ty) / major, (j * tx - i * ty) / minor
                    if u * u + v * v > 1:
                        continue
                    where[inside] = (reach + j * stride) * pitch + reach + i * stride
                    summed = 0.0
                    for k in range(SECTORS):
                        cosine, sine = math.cos(2 * math.pi * k / SECTORS), math.sin(2 * math.pi * k / SECTORS)
                        along, across = cosine * u + sine * v, cosine * v - sine * u
                        part = max(0.0, along + ZETA - ETA * across * across) ** 2
                        weights[k, inside] = part
                        summed += part
                    weights[:, inside] *= math.exp(-DECAY * (u * u + v * v)) / summed
                    inside += 1
            for k in range(SECTORS):
                least = FAINT * weights[k, :inside].max()
                total = 0.0
                for m in range(inside):
                    total += weights[k, m] if weights[k, m] > least else 0.0
                if n + inside > len(places):
                    places, shares = np.append(places, np.empty_like(places)), np.append(shares, np.empty_like(shares))
                for m in range(inside):
                    if weights[k, m] > least:
                        places[n], shares[n] = where[m], weights[k, m] / total
                        n += 1
                starts[(turn * STRETCHES + level) * SECTORS + k + 1] = n
    return starts, places[:n].copy(), shares[:n].copy()


@rows
def kuwahara(cells: Array, chosen: Places, starts: Places, places: Places, shares: Array, trust: Array, out: Array, first: int, last: int) -> None:
    """Write rows `first` to `last` of `out` (3, H, W).

    `cells` (H + 2 reach, W + 2 reach, 4) holds the means of r, g, b and of r² + g² + b² over the stride × stride pixels around each pixel, so that a
    window sampled every `stride` pixels still sums over all of them. `chosen` to `shares` are `windows`, `trust` is `trusts`.
    """
    H, W = out.shape[1], out.shape[2]
    h, w = chosen.shape
    pitch = np.uint64(cells.shape[1])
    flat = cells.reshape(-1, 4)
    for y in range(first, last):
        fy = np.uint64(y * h // H)
        for x in range(W):
            corner = np.uint64(y) * pitch + np.uint64(x)
            sector = np.uint64(chosen[fy, np.uint64(x * w // W)]) * np.uint64(SECTORS)
            trust_sum, r_out, g_out, b_out = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
            for _ in range(SECTORS):
                r, g, b, q = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
                for m in range(starts[sector], starts[sector + np.uint64(1)]):
                    at = corner + np.uint64(places[m])
                    share = shares[m]
                    r += share * flat[at, 0]
                    g += share * flat[at, 1]
                    b += share * flat[at, 2]
                    q += share * flat[at, 3]
                sector += np.uint64(1)
                variance = max(q - (r * r + g * g + b * b), np.float32(0))
                place = min(np.float32(math.sqrt(variance)) * np.float32(255 * DEVIATIONS / MOST), np.float32(DEVIATIONS - 1))
                entry = np.int32(place)
                low, high = trust[np.uint64(entry)], trust[np.uint64(entry) + np.uint64(1)]
                weight = low + (place - np.float32(entry)) * (high - low)
                trust_sum += weight
                r_out += weight * r
                g_out += weight * g
                b_out += weight * b
            out[0, y, x], out[1, y, x], out[2, y, x] = r_out / trust_sum, g_out / trust_sum, b_out / trust_sum

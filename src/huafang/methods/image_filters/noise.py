"""Irregular surfaces as functions of the place: paper, pigment, strokes. They need no memory and look the same at every resolution."""

import math

import numpy as np

from huafang.ops.jit import Real, inline


@inline
def scatter(i: int, j: int, seed: int) -> Real:
    """A number in [0, 1) for the lattice point (i, j): the same for the same seed."""
    h = (i * 374761393 + j * 668265263 + seed * 362437) & 0xFFFFFFFF
    h = ((h ^ (h >> 15)) * 1274126177) & 0xFFFFFFFF
    h = ((h ^ (h >> 13)) * 1103515245) & 0xFFFFFFFF
    return np.float32(h ^ (h >> 16)) * np.float32(2.0**-32)


@inline
def value_noise(y: Real, x: Real, seed: int) -> Real:
    """A smooth surface in [0, 1] with one random value per unit square (Perlin's interpolant 3t² - 2t³)."""
    i, j = math.floor(y), math.floor(x)
    fy, fx = np.float32(y - i), np.float32(x - j)
    fy, fx = fy * fy * (3 - 2 * fy), fx * fx * (3 - 2 * fx)
    above = scatter(i, j, seed) + fx * (scatter(i, j + 1, seed) - scatter(i, j, seed))
    below = scatter(i + 1, j, seed) + fx * (scatter(i + 1, j + 1, seed) - scatter(i + 1, j, seed))
    return above + fy * (below - above)


@inline
def turbulence(y: Real, x: Real, seed: int, octaves: int) -> Real:
    """Value noise of halving wavelength and weight, brought to mean 0.5 and about [0, 1]."""
    total: Real
    weight: Real
    scale: Real
    total, weight, scale = np.float32(0), np.float32(0), np.float32(1)
    for octave in range(octaves):
        # Each octave is turned, so that their lattices do not line up.
        ty, tx = (0.8 * y - 0.6 * x) / scale, (0.6 * y + 0.8 * x) / scale
        total += scale * (value_noise(ty, tx, seed + 101 * octave) - np.float32(0.5))
        weight += scale
        y, x = ty * scale, tx * scale
        scale *= np.float32(0.5)
    return np.float32(0.5) + np.float32(1.4) * total / weight


@inline
def strokes(y: Real, x: Real, length: Real, width: Real, seed: int) -> Real:
    """Parallel strokes along x, in [0, 1]: noise drawn out to `length`, each row of `width` shifted by its own chance."""
    i = math.floor(y / width)
    fy = np.float32(y / width - i)
    fy = fy * fy * (3 - 2 * fy)
    total = np.float32(0)
    for row in range(2):
        place = x / length + 7.0 * scatter(i + row, 0, seed + 7)
        j = math.floor(place)
        fx = np.float32(place - j)
        fx = fx * fx * (3 - 2 * fx)
        value = scatter(i + row, j, seed) + fx * (scatter(i + row, j + 1, seed) - scatter(i + row, j, seed))
        total += value * (fy if row else 1 - fy)
    return total

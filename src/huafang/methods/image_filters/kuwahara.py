"""Anisotropic Kuwahara filter: Kyprianidis, Kang & Döllner, Image and Video Abstraction by Anisotropic Kuwahara Filtering, 2009.

The sectors are weighted by the polynomials of Kyprianidis, Semmo, Kang & Döllner, Anisotropic Kuwahara Filtering with Polynomial Weighting Functions, 2010.
"""

import math

import numpy as np
import numpy.typing as npt
from numba import prange

from huafang.ops.compiled import rows

Array = npt.NDArray[np.float32]

SECTORS = 8
GAMMA = 3 * math.pi / (2 * SECTORS)
"""Angle at which a sector's weight reaches zero: half as far again as its own border, so that neighbours overlap (2010, section 3)."""
ZETA = np.float32(1 / 3)
"""Overlap of the sectors at the centre (2010, section 3)."""
ETA = np.float32((1 / 3 + math.cos(GAMMA)) / math.sin(GAMMA) ** 2)
DECAY = np.float32(0.5 / 0.4**2)
"""The window falls off as exp(-DECAY ρ²), ρ from 0 at the centre to 1 at the rim."""
COSINES = tuple(np.float32(math.cos(2 * math.pi * k / SECTORS)) for k in range(SECTORS))
SINES = tuple(np.float32(math.sin(2 * math.pi * k / SECTORS)) for k in range(SECTORS))


@rows
def kuwahara(cells: Array, flow: Array, out: Array, radius: float, stride: int, sharpness: float, eccentricity: float, first: int, last: int) -> None:
    """Write rows `first` to `last` of `out` (3, H, W).

    `cells` (4, H, W) holds the means of r, g, b and of r² + g² + b² over the stride × stride pixels around each pixel, so that a window sampled every
    `stride` pixels still sums over all of them. `flow` (3, h, w) holds the edge tangent and the anisotropy, at any resolution.
    `radius` is in pixels.
    """
    H, W = cells.shape[1], cells.shape[2]
    h, w = flow.shape[1], flow.shape[2]
    room = int((2 * radius * (eccentricity + 1) / eccentricity / stride + 3) ** 2)
    for y in prange(first, last):
        taken = np.empty((7, room), np.float32)  # the window of one pixel, in a row: u, v, r, g, b, square, share
        u, v, red, green, blue, square, share = taken[0], taken[1], taken[2], taken[3], taken[4], taken[5], taken[6]
        for x in range(W):
            fy, fx = y * h // H, x * w // W
            tx, ty = flow[0, fy, fx], flow[1, fy, fx]
            stretch = np.float32((eccentricity + flow[2, fy, fx]) / eccentricity)
            major, minor = np.float32(radius) * stretch / stride, np.float32(radius) / stretch / stride
            ux, uy, vx, vy = tx / major, ty / major, -ty / minor, tx / minor
            # The ellipse in rows: (i ux + j uy)² + (i vx + j vy)² ≤ 1, solved for i.
            a = ux * ux + vx * vx
            reach = int(math.sqrt((major * ty) ** 2 + (minor * tx) ** 2))
            n = 0
            for j in range(-reach, reach + 1):
                half = j * (ux * uy + vx * vy) / a
                rest = half * half - (j * j * (uy * uy + vy * vy) - np.float32(1)) / a
                if rest < 0:
                    continue
                root = math.sqrt(rest)
                py = min(max(y + j * stride, 0), H - 1)
                for i in range(math.ceil(-half - root), math.floor(root - half) + 1):
                    px = min(max(x + i * stride, 0), W - 1)
                    u[n], v[n] = i * ux + j * uy, i * vx + j * vy
                    red[n], green[n], blue[n], square[n] = cells[0, py, px], cells[1, py, px], cells[2, py, px], cells[3, py, px]
                    n += 1
            for m in range(n):
                summed = np.float32(0)
                for k in range(SECTORS):
                    along, across = COSINES[k] * u[m] + SINES[k] * v[m], COSINES[k] * v[m] - SINES[k] * u[m]
                    part = max(np.float32(0), along + ZETA - ETA * across * across)
                    summed += part * part
                slope = DECAY / np.float32(32) * (u[m] * u[m] + v[m] * v[m])
                fall = (np.float32(1) - slope) / (np.float32(1) + slope)  # fall^16 is the exponential to 1 %, in arithmetic that runs eight at a time
                fall = fall * fall
                fall = fall * fall
                fall = fall * fall
                share[m] = fall * fall / summed
            trust_sum, r_out, g_out, b_out = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
            for k in range(SECTORS):
                cosine, sine = COSINES[k], SINES[k]
                total, r, g, b, q = np.float32(0), np.float32(0), np.float32(0), np.float32(0), np.float32(0)
                for m in range(n):
                    along, across = cosine * u[m] + sine * v[m], cosine * v[m] - sine * u[m]
                    part = max(np.float32(0), along + ZETA - ETA * across * across)
                    part = part * part * share[m]
                    total += part
                    r += part * red[m]
                    g += part * green[m]
                    b += part * blue[m]
                    q += part * square[m]
                r, g, b = r / total, g / total, b / total
                variance = max(q / total - (r * r + g * g + b * b), np.float32(1e-7))
                # 1 / (1 + s^q), s the deviation in 255ths; s^q leaves float32 at s = 80 for q = 20, hence the logarithm's bound.
                trust = np.float32(1) / (np.float32(1) + math.exp(min(np.float32(0.5 * sharpness) * math.log(np.float32(65025) * variance), np.float32(80))))
                trust_sum += trust
                r_out += trust * r
                g_out += trust * g
                b_out += trust * b
            out[0, y, x], out[1, y, x], out[2, y, x] = r_out / trust_sum, g_out / trust_sum, b_out / trust_sum

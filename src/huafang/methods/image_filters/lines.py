"""Lines: flow-based extended difference of gaussians (Winnemöller, Kyprianidis & Olsen, XDoG, 2012)."""

import math

import numpy as np
import numpy.typing as npt

from huafang.methods.image_filters.passes import Passes, Scene
from huafang.ops.jit import bilinear, rows

Array = npt.NDArray[np.float32]

RATIO = 1.6
"""Of the two deviations (equation 1): closest to the Laplacian of a gaussian (Marr & Hildreth 1980)."""
ALONG = 3.0
"""Deviation of the smoothing along a line, in widths of the line (σm of section 2.6)."""
ALIAS = 1.0
"""Deviation of the last smoothing along a line, which rounds its stair-steps (σa of section 2.6), in pixels."""


def xdog_kernel(sigma: float, p: float, step: float) -> Array:
    """(2 n + 1,) weights of (1 + p) G_σ - p G_kσ (equation 7), at every `step` pixels; each gaussian sums to 1, and so does the whole."""
    reach = math.ceil(3 * RATIO * sigma / step)
    at = np.arange(-reach, reach + 1) * step
    narrow, wide = np.exp(-0.5 * (at / sigma) ** 2), np.exp(-0.5 * (at / (RATIO * sigma)) ** 2)
    weights: Array = ((1 + p) * narrow / narrow.sum() - p * wide / wide.sum()).astype(np.float32)
    return weights


def threshold(u: Array, epsilon: float, phi: float) -> Array:
    """1 where u ≥ ε, 1 + tanh(φ (u - ε)) below (equation 5): in (0, 1]."""
    kept: Array = np.where(u >= epsilon, np.float32(1), np.float32(1) + np.tanh(np.float32(phi) * (u - np.float32(epsilon)))).astype(np.float32)
    return kept


def draw(scene: Scene, luminance: Array, passes: Passes, sigma: float, p: float) -> Array:
    """(1, H, W): the extended difference of gaussians of `luminance` (H, W) in [0, 1], along the flow. `sigma` in units. Runs two passes.

    It is the luminance itself where that is flat, and overshoots on both sides of an edge.
    """
    width = sigma * scene.unit
    step = max(1.0, width / 2)
    across, drawn = scene.empty(1), scene.empty(1)
    passes.run(sum_across, luminance, scene.flow, across[0], xdog_kernel(width, p, step), step)
    passes.run(sum_along, across[0], scene.flow, drawn[0], gaussian(ALONG * width, step), step)
    return drawn


def gaussian(sigma: float, step: float) -> Array:
    """(n + 1,): the centre and one side of a gaussian at every `step` pixels; the centre plus twice the rest is 1."""
    weights = np.exp(-0.5 * (np.arange(math.ceil(2.5 * sigma / step) + 1) * step / sigma) ** 2)
    half: Array = (weights / (2 * weights.sum() - weights[0])).astype(np.float32)
    return half


@rows
def sum_across(plane: Array, flow: Array, out: Array, kernel: Array, step: float, first: int, last: int) -> None:
    """`out` (H, W): the sum of `kernel` along the gradient, a straight line through each pixel."""
    H, W = plane.shape
    reach = kernel.shape[0] // 2
    for y in range(first, last):
        fy = y * flow.shape[1] // H
        for x in range(W):
            fx = x * flow.shape[2] // W
            ny, nx = -flow[0, fy, fx] * np.float32(step), flow[1, fy, fx] * np.float32(step)
            total = np.float32(0)
            for t in range(-reach, reach + 1):
                total += kernel[t + reach] * bilinear(plane, np.float32(y) + t * ny, np.float32(x) + t * nx)
            out[y, x] = total


@rows
def sum_along(plane: Array, flow: Array, out: Array, kernel: Array, step: float, first: int, last: int) -> None:
    """`out` (H, W): the sum of `kernel` along the stream line through each pixel (line integral convolution)."""
    H, W = plane.shape
    h, w = flow.shape[1], flow.shape[2]
    down, right = np.float32(h / H), np.float32(w / W)
    for y in range(first, last):
        for x in range(W):
            total = kernel[0] * plane[y, x]
            for side in range(2):
                py, px = np.float32(y), np.float32(x)
                fy, fx = y * h // H, x * w // W
                sign = np.float32(1 - 2 * side)
                ty, tx = sign * flow[1, fy, fx], sign * flow[0, fy, fx]
                for t in range(1, kernel.shape[0]):
                    py += np.float32(step) * ty
                    px += np.float32(step) * tx
                    total += kernel[t] * bilinear(plane, py, px)
                    fy = min(max(int((py + np.float32(0.5)) * down), 0), h - 1)
                    fx = min(max(int((px + np.float32(0.5)) * right), 0), w - 1)
                    next_x, next_y = flow[0, fy, fx], flow[1, fy, fx]
                    if next_x * tx + next_y * ty < 0:
                        next_x, next_y = -next_x, -next_y
                    tx, ty = next_x, next_y
            out[y, x] = total

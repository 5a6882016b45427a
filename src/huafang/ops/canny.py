"""Edges as lines of one pixel (Canny 1986), and pictures whose edges have gone soft. Pictures are (B, C, H, W) float32 in [0, 1], on the CPU."""

import torch
import torch.nn.functional as F
from scipy import ndimage
from torch import Tensor

from huafang.ops.colour import luminance

LOW, HIGH = 100, 200
"""A line begins where the gradient is above HIGH, and goes on as far as it is above LOW: how the pictures of CartoonGAN and AnimeGAN were prepared."""
GENTLE, STEEP = 0.4142135623730951, 2.414213562373095
"""Tangents of 22.5° and 67.5°: between them a gradient counts as diagonal."""
NEAR = 5
"""Side of the square around each pixel of an edge that is softened, and of the gaussian that softens it."""
GAUSS = torch.tensor([1.0, 4, 6, 4, 1]) / 16


def canny(grey: Tensor, low: float = LOW, high: float = HIGH) -> Tensor:
    """(B, 1, H, W) -> the same as bool: ridges of |fx| + |fy| that are above `low` and hang together with one above `high`.

    fx and fy are Sobel's derivatives, of 8-bit values and not blurred before.
    """
    padded = F.pad((grey * 255).round(), (1, 1, 1, 1), mode="replicate")  # whole numbers, so that equal slopes are equal
    down, across = (padded[:, :, :-2] + 2 * padded[:, :, 1:-1] + padded[:, :, 2:]), (padded[..., :-2] + 2 * padded[..., 1:-1] + padded[..., 2:])
    fx, fy = down[..., 2:] - down[..., :-2], across[:, :, 2:] - across[:, :, :-2]
    strength = fx.abs() + fy.abs()
    ridge = _ridges(strength, fx, fy)
    seeds, lines = (ridge & (strength > level) for level in (high, low))
    joined = ndimage.binary_propagation(seeds[:, 0].numpy(), structure=[[[0] * 3] * 3, [[1] * 3] * 3, [[0] * 3] * 3], mask=lines[:, 0].numpy())
    return torch.from_numpy(joined)[:, None]


def softened(picture: Tensor) -> Tensor:
    """`picture` blurred by a gaussian within NEAR / 2 pixels of its edges, and as it was elsewhere (CartoonGAN, Chen, Lai & Liu 2018)."""
    near = F.max_pool2d(canny(luminance(picture)).float(), NEAR, 1, NEAR // 2)
    kernel = (GAUSS[:, None] * GAUSS).expand(picture.shape[1], 1, NEAR, NEAR)
    blurred = F.conv2d(F.pad(picture, (NEAR // 2,) * 4, mode="reflect"), kernel, groups=picture.shape[1])
    return torch.where(near > 0, blurred, picture)


def _ridges(strength: Tensor, fx: Tensor, fy: Tensor) -> Tensor:
    """Where `strength` has no larger neighbour along the gradient, in the nearest of four directions."""
    height, width = strength.shape[2:]
    padded = F.pad(strength, (1, 1, 1, 1))

    def at(dy: int, dx: int) -> Tensor:
        return padded[:, :, 1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width]

    steep, gentle = fy.abs() > STEEP * fx.abs(), fy.abs() < GENTLE * fx.abs()
    flat = (strength > at(0, -1)) & (strength >= at(0, 1))
    upright = (strength > at(-1, 0)) & (strength >= at(1, 0))
    falling = (strength > at(-1, -1)) & (strength > at(1, 1))
    rising = (strength > at(-1, 1)) & (strength > at(1, -1))
    return torch.where(gentle, flat, torch.where(steep, upright, torch.where(fx * fy < 0, rising, falling)))

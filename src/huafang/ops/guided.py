"""The guided filter (He, Sun & Tang 2013): a picture smoothed where its guide is smooth. Pictures are (B, C, H, W) float32 in [0, 1]."""

import torch
import torch.nn.functional as F
from torch import Tensor


def guided(guide: Tensor, picture: Tensor, radius: int, eps: float) -> Tensor:
    """Each channel of `picture` as a line of the same channel of `guide` in each window of 2 · `radius` + 1 pixels (equations 5, 6 and 8), and their mean."""
    count = _box(torch.ones_like(guide[:1, :1]), radius)

    def mean(x: Tensor) -> Tensor:
        return _box(x, radius) / count

    middle, target = mean(guide), mean(picture)
    slope = (mean(guide * picture) - middle * target) / (mean(guide * guide) - middle * middle + eps)
    return mean(slope) * guide + mean(target - slope * middle)


def _box(x: Tensor, radius: int) -> Tensor:
    """Sums over windows; outside of the picture there is nothing."""
    side = 2 * radius + 1
    return F.avg_pool2d(x, side, 1, radius, divisor_override=1)

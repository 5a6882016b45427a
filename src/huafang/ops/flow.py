"""Motion between two pictures, and how steady a film is under it.

The flow is Lucas & Kanade's (1981), dense and from coarse to fine (Bouguet 2000): around each pixel the least squares of brightness constancy, refined by
warping, with a median between the steps. It is made for judging films at small size, not for drawing with.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

SIDE = 256
"""Pixels of the longest side at which films are judged."""
WINDOW = 9
STEPS = 4
COARSEST = 12
DAMPING = 2e-4
"""Added to both eigenvalues of the structure tensor: where there is nothing to see, the flow stays what the coarser level found."""


def flow(one: Tensor, other: Tensor) -> Tensor:
    """(1, C, H, W) twice -> (1, 2, H, W), dx and dy in pixels, such that one(x, y) ≈ other(x + dx, y + dy)."""
    pyramid = [(one.mean(1, keepdim=True), other.mean(1, keepdim=True))]
    while min(pyramid[-1][0].shape[2:]) >= 2 * COARSEST:
        pyramid.append((_halved(pyramid[-1][0]), _halved(pyramid[-1][1])))
    found = torch.zeros(1, 2, *pyramid[-1][0].shape[2:])
    for first, second in reversed(pyramid):
        if found.shape[2:] != first.shape[2:]:
            factor = torch.tensor([first.shape[3] / found.shape[3], first.shape[2] / found.shape[2]]).view(1, 2, 1, 1)
            found = F.interpolate(found, first.shape[2:], mode="bilinear") * factor
        for _ in range(STEPS):
            found = _median(found + _step(first, warped(second, found)))
    return found


def _halved(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=0.5, mode="bilinear", antialias=True)


def _step(first: Tensor, second: Tensor) -> Tensor:
    """What the flow lacks, by least squares over a window; a pixel at the most."""
    dx, dy = (_slopes(first) + _slopes(second)).mul_(0.5).unbind(1)
    late = (second - first)[:, 0]
    sums = torch.stack([dx * dx, dx * dy, dy * dy, dx * late, dy * late], 1)
    xx, xy, yy, xt, yt = F.avg_pool2d(F.pad(sums, [WINDOW // 2] * 4, mode="replicate"), WINDOW, 1).unbind(1)
    xx, yy = xx + DAMPING, yy + DAMPING
    determinant = xx * yy - xy * xy
    return torch.stack([xy * yt - yy * xt, xy * xt - xx * yt], 1).div_(determinant[:, None]).clamp_(-1, 1)


def _slopes(x: Tensor) -> Tensor:
    """(1, 1, H, W) -> (1, 2, H, W): central differences."""
    wide = F.pad(x, (1, 1, 1, 1), mode="replicate")
    return torch.cat([wide[:, :, 1:-1, 2:] - wide[:, :, 1:-1, :-2], wide[:, :, 2:, 1:-1] - wide[:, :, :-2, 1:-1]], 1) / 2


def _median(x: Tensor) -> Tensor:
    """3 × 3."""
    wide = F.pad(x, (1, 1, 1, 1), mode="replicate")
    height, width = x.shape[2:]
    return torch.stack([wide[:, :, row : row + height, column : column + width] for row in range(3) for column in range(3)]).median(0).values


def warped(picture: Tensor, motion: Tensor) -> Tensor:
    """(1, C, H, W) looked at where `motion`, (1, 2, H, W), points; outside is its border."""
    height, width = motion.shape[2:]
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    places = torch.stack([(x + motion[0, 0]) * (2 / max(1, width - 1)) - 1, (y + motion[0, 1]) * (2 / max(1, height - 1)) - 1], -1)
    return F.grid_sample(picture, places[None], mode="bilinear", padding_mode="border", align_corners=True)


@dataclass(frozen=True)
class Motion:
    """How one frame went over into the next: the flow, and 1 where it can be trusted."""

    flow: Tensor
    seen: Tensor


def motion(one: Tensor, other: Tensor) -> Motion:
    """The flow from `one` to `other`, (1, 3, H, W) in [0, 1], and where it holds.

    Left out are pixels that leave the picture, that another thing covers (flow there and back do not agree), and the borders of what moves (Ruder et al. 2016,
    equations 5 and 6, after Sundaram et al. 2010).
    """
    there, back = flow(one, other), flow(other, one)
    height, width = there.shape[2:]
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    x, y = x + there[0, 0], y + there[0, 1]
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    returned = warped(back, there)
    agree = (there + returned).square().sum(1) < 0.01 * (there.square().sum(1) + returned.square().sum(1)) + 0.5
    slopes = sum(_slopes(there[:, axis : axis + 1]).square().sum(1) for axis in (0, 1))
    smooth = slopes <= 0.01 * there.square().sum(1) + 0.02  # the papers' 0.002 is for exacter flows at larger size
    return Motion(there, (inside & agree & smooth).float()[:, None])


def warping_error(one: Tensor, other: Tensor, moved: Motion) -> float | None:
    """The mean square of what changes between two frames beyond their motion (Lai et al. 2018, equations 7 and 8, with the mean over channels).

    None where no pixel's motion is known, as at a cut.
    """
    seen = moved.seen.sum()
    if float(seen) < 0.05 * moved.seen.numel():
        return None
    return float(((one - warped(other, moved.flow)).square().mean(1, keepdim=True) * moved.seen).sum() / seen)

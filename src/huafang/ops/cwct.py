"""Whitening and colouring by Cholesky factors, "cWCT" (Wen, Gao & Zou, CVPR 2023, section 3.3; Li et al. 2017 for the transform), in double precision.

With means μ and covariances Σ = L Lᵀ of content and style, z -> L_s L_c⁻¹ (z - μ_c) + μ_s gives the features z of the content the style's mean and covariance.
Several styles are mixed by their factors L and means. Features come piece by piece, (places, C), so that maps of any size are measured and moved in bounded
memory; where PyTorch has no double precision (Apple's GPU), each piece is worked on by the CPU.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from huafang.errors import overflow
from huafang.ops import channel_stats as compiled

RIDGE = 2e-5
"""Added to the diagonal where a covariance cannot be factored: first once, then twice more, then thrice, as the authors have it."""
ROUNDING = 1e-12
"""A pivot below this part of the features' mean square is rounding of float32, which whitening would blow up into a picture of noise."""
FEWEST = 10
"""A region with no more places than this says nothing of a style, nor takes one."""


def doubled(piece: Tensor) -> Tensor:
    """`piece` in double precision, on its own device or else on the CPU."""
    return (piece.cpu() if piece.device.type == "mps" else piece).double()


@dataclass(frozen=True)
class Sums:
    """What a piece of features has to say of the moments: its weight, its mean, (C,), and its scatter about that, (C, C)."""

    weight: float
    mean: Tensor
    scatter: Tensor

    @classmethod
    def of(cls, piece: Tensor, weights: Tensor | None = None) -> "Sums":
        """Of (places, C), C being a multiple of 4; `weights`, (places,) in [0, 1], say how much each place counts."""
        if piece.device.type == "cpu":
            return cls._of(piece, torch.ones(len(piece), dtype=torch.float64) if weights is None else weights.double())
        z = doubled(piece)
        share = None if weights is None else doubled(weights)[:, None]
        weight = float(len(z) if share is None else share.sum())
        mean = (z if share is None else z * share).sum(0) / max(weight, 1e-9)
        apart = z - mean
        return cls(weight, mean.cpu(), ((apart if share is None else apart * share).T @ apart).cpu())

    @classmethod
    def _of(cls, piece: Tensor, weights: Tensor) -> "Sums":
        """About the first place, which spares a pass over all for the mean."""
        channels, weight, middle = piece.shape[1], float(weights.sum()), piece[0].double()
        total, products = torch.zeros(channels, dtype=torch.float64), torch.zeros(channels, channels, dtype=torch.float64)
        compiled.scatter(piece.numpy(), weights.numpy(), middle.numpy(), total.numpy(), products.numpy())
        apart = total / max(weight, 1e-9)
        return cls(weight, middle + apart, products - torch.outer(apart, total))


@dataclass
class Moments:
    """Mean and covariance of features, summed piece by piece (Chan, Golub & LeVeque 1979)."""

    channels: int
    weight: float = 0.0
    """Places seen, each counted by its weight."""

    def __post_init__(self) -> None:
        self.mean = torch.zeros(self.channels, dtype=torch.float64)
        self._scatter = torch.zeros(self.channels, self.channels, dtype=torch.float64)

    def add(self, piece: Sums) -> None:
        """Take in one piece; one that weighs nothing changes nothing."""
        total, step = self.weight + piece.weight, piece.mean - self.mean
        if piece.weight > 0:
            self._scatter += piece.scatter + torch.outer(step, step) * (self.weight * piece.weight / total)
            self.mean = self.mean + step * (piece.weight / total)
            self.weight = total

    @property
    def covariance(self) -> Tensor:
        """(C, C), unbiased."""
        return self._scatter / max(1.0, self.weight - 1)


@dataclass(frozen=True)
class Look:
    """What colouring needs of a style, or whitening of a content: mean (C,) and lower Cholesky factor (C, C), in double precision."""

    mean: Tensor
    factor: Tensor

    @classmethod
    def of(cls, moments: Moments) -> "Look":
        """The look of measured features."""
        covariance = moments.covariance
        return cls(moments.mean, factored(covariance, ROUNDING * float((covariance.diagonal() + moments.mean**2).max())))


SLOW = 100
"""Steps by which the ridge grows evenly, as the authors have it; published weights take three."""


def factored(covariance: Tensor, least: float = 0.0) -> Tensor:
    """The lower Cholesky factor L of a covariance, (C, C) in double precision, with squared pivots above `least`.

    Where there is none, it is that of the covariance and as much of `RIDGE` as it takes.
    Raises JobFailed (`model.overflow`) where the covariance holds a NaN or an infinity.
    """
    if not bool(covariance.isfinite().all()) or not math.isfinite(least):
        raise overflow()
    steps = 0.0
    while True:
        factor, failed = torch.linalg.cholesky_ex(covariance)
        if not failed and float(factor.diagonal().min()) ** 2 > least:
            found: Tensor = factor
            return found
        steps = steps + 1 if steps < SLOW else 2 * steps  # features of somebody's weights may be of any size
        covariance = covariance + steps * RIDGE * torch.eye(len(covariance), dtype=covariance.dtype)


def mixed(looks: Sequence[Look], shares: Sequence[float]) -> Look:
    """Several looks as one, by shares that sum to 1: means and factors, not covariances, are added."""
    mean = torch.stack([share * look.mean for look, share in zip(looks, shares, strict=True)]).sum(0)
    return Look(mean, torch.stack([share * look.factor for look, share in zip(looks, shares, strict=True)]).sum(0))


@dataclass(frozen=True)
class Transfer:
    """z -> M z + shift: features of one look into another. M is lower triangular."""

    matrix: Tensor
    shift: Tensor

    @classmethod
    def between(cls, content: Look, style: Look) -> "Transfer":
        """M = L_s L_c⁻¹, shift = μ_s - M μ_c."""
        matrix = torch.linalg.solve_triangular(content.factor, style.factor, upper=False, left=False).tril()
        return cls(matrix, style.mean - matrix @ content.mean)

    def __call__(self, piece: Tensor) -> Tensor:
        """(places, C) of any precision -> the same in double precision."""
        z = doubled(piece)
        return torch.addmm(self.shift.to(z.device), z, self.matrix.T.to(z.device))

    def move(self, piece: Tensor) -> None:
        """The same in place."""
        if piece.device.type == "cpu":
            compiled.moved(piece.numpy(), self.matrix.contiguous().numpy(), self.shift.numpy(), piece.numpy())
        else:
            piece.copy_(self(piece))

"""How far one picture's texture and colours are from another's. The pictures may differ in size: only statistics over all places are compared."""

import torch
from torch import Tensor

from huafang.errors import BadInput
from huafang.metrics import door
from huafang.ops.gram import gram

BINS = 8
"""Bins along each of R, G and B in a colour histogram."""


def gram_distance(features: list[Tensor], wanted: list[Tensor]) -> Tensor:
    """Features (B, C, h, w) of one picture and of the style, layer by layer -> (B,).

    The mean over layers of ‖G - A‖ / ‖A‖, with G and A the Gram matrices (Gatys et al. 2016, equation 3, as means over places) and ‖·‖ Frobenius's norm: 0
    where they are equal, 1 as far as a picture without features. The paper's loss (equations 4 and 5) is squared and not divided by the style's own
    size, so that its layers weigh as their numbers happen to be large.
    """
    _layers(features, wanted)
    apart = []
    for have, want in ((gram(x), gram(y)) for x, y in zip(features, wanted, strict=True)):
        apart.append((have - want).norm(dim=(1, 2)) / want.norm(dim=(1, 2)).clamp_min(1e-12))
    return torch.stack(apart).mean(0)


def statistics_distance(features: list[Tensor], wanted: list[Tensor]) -> Tensor:
    """Features (B, C, h, w) of one picture and of the style, layer by layer -> (B,).

    The mean over layers of (‖μ - μ'‖ / ‖μ'‖ + ‖σ - σ'‖ / ‖σ'‖) / 2, with μ and σ each channel's mean and deviation over places: the style loss of
    Huang & Belongie 2017 (equation 13), each term divided by the style's own size.
    """
    _layers(features, wanted)
    apart = []
    for x, y in zip(features, wanted, strict=True):
        for have, want in zip(_moments(x), _moments(y), strict=True):
            apart.append((have - want).norm(dim=1) / want.norm(dim=1).clamp_min(1e-12))
    return torch.stack(apart).mean(0)


def colour_distance(a: Tensor, b: Tensor) -> Tensor:
    """(B, 3, H, W) twice, in [0, 1], of any sizes -> (B,) in [0, 1]: Hellinger's distance √(1 - Σ √(p q)) between their RGB histograms of 8 × 8 × 8 bins."""
    door.picture(a, "the first picture")
    door.picture(b, "the second picture")
    overlap = (histogram(a) * histogram(b)).sqrt().sum(1)
    return (1 - overlap).clamp_min(0).sqrt()


def histogram(pixels: Tensor) -> Tensor:
    """(B, 3, H, W) in [0, 1] -> (B, 512) shares of the colours, of sum 1."""
    bins = (pixels.flatten(2) * BINS).long().clamp_max(BINS - 1)  # 1.0 belongs to the last bin
    place = (bins[:, 0] * BINS + bins[:, 1]) * BINS + bins[:, 2]
    counts = torch.zeros(len(place), BINS**3, dtype=torch.float32, device=pixels.device)
    return counts.scatter_add_(1, place, torch.ones_like(place, dtype=torch.float32)) / place.shape[1]


def _moments(features: Tensor) -> tuple[Tensor, Tensor]:
    """(B, C, h, w) -> mean and deviation (B, C)."""
    flat = features.flatten(2)
    return flat.mean(2), flat.var(2, correction=0).sqrt()


def _layers(features: list[Tensor], wanted: list[Tensor]) -> None:
    """Raises BadInput unless both are the same layers of one network."""
    have, want = ([tuple(one.shape[:2]) for one in given] for given in (features, wanted))
    if not have or have != want:
        raise BadInput(f"features of shapes {have} cannot be held against {want}: they are not of the same layers", code="metric.shape")

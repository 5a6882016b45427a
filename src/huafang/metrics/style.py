"""How far one picture's texture and colours are from another's. The pictures may differ in size: only statistics over all places are compared."""

import torch
import torch.nn.functional as F
from torch import Tensor

from huafang.errors import BadInput
from huafang.metrics import door
from huafang.ops import colour
from huafang.ops.gram import gram

BINS = 8
"""Bins along each of R, G and B in a colour histogram."""
OCTAVES = 4
"""Scales at which the filter bank looks, each half the size of the one before."""
FAINT = 0.02
"""Strength of an answer, of a step between black and white, below which it fades out."""
LEAST_SIDE = 3 * 2 ** (OCTAVES - 1)
SMOOTH, RISE, BEND = (0.25, 0.5, 0.25), (-0.5, 0.0, 0.5), (-0.5, 1.0, -0.5)
BANK = torch.tensor(
    [[[x * y for x in across] for y in down] for across, down in ((RISE, SMOOTH), (SMOOTH, RISE), (BEND, SMOOTH), (SMOOTH, BEND), (RISE, RISE))]
)
"""(5, 3, 3): slope across and down, curvature across and down, and saddle; none answers to a flat colour."""


def gram_distance(features: list[Tensor], wanted: list[Tensor]) -> Tensor:
    """Features (B, C, h, w) of one picture and of the style, layer by layer -> (B,).

    The mean over layers of ‖G - A‖ / (‖G‖ + ‖A‖), with G and A the Gram matrices (Gatys et al. 2016, equation 3, as means over places) and ‖·‖ Frobenius's
    norm: between 0, where they are equal, and 1, where one has features that the other lacks altogether. The paper's loss (equations 4 and 5) is squared
    and not divided by their size, so that its layers weigh as their numbers happen to be large.
    """
    _layers(features, wanted)
    grams = [(gram(x).flatten(1), gram(y).flatten(1)) for x, y in zip(features, wanted, strict=True)]
    return torch.stack([_relative(have, want) for have, want in grams]).mean(0)


def statistics_distance(features: list[Tensor], wanted: list[Tensor]) -> Tensor:
    """Features (B, C, h, w) of one picture and of the style, layer by layer -> (B,).

    The mean over layers of ‖μ - μ'‖ / (‖μ‖ + ‖μ'‖) and ‖σ - σ'‖ / (‖σ‖ + ‖σ'‖), with μ and σ each channel's mean and deviation over places: the style
    loss of Huang & Belongie 2017 (equation 13), each term divided by its size, between 0 and 1.
    """
    _layers(features, wanted)
    moments = [pair for x, y in zip(features, wanted, strict=True) for pair in zip(_moments(x), _moments(y), strict=True)]
    return torch.stack([_relative(have, want) for have, want in moments]).mean(0)


def filtered(pixels: Tensor) -> list[Tensor]:
    """(B, 3, H, W) in [0, 1], sides of 24 or more -> for each octave (B, 30, h, w): the answers of five derivatives of Y, I and Q, rectified to either side.

    Hand-made features for `gram_distance`, where no trained network is at hand: which directions, signs and sizes strokes have, and which go together (as
    Portilla & Simoncelli 2000 describe a texture by statistics of filters). The answers of a place are divided by their norm, as in the visual cortex, so that
    it counts how strokes run and not how strong they are; places fainter than FAINT fade out, and flat colours do not count.
    """
    door.picture(pixels, least=LEAST_SIDE)
    level, found = colour.mix(pixels.float(), colour.YIQ), []
    for _ in range(OCTAVES):
        planes = F.pad(level.flatten(0, 1)[:, None], (1, 1, 1, 1), mode="replicate")
        answers = F.conv2d(planes, BANK[:, None].to(level))
        answers = answers.view(len(level), -1, *answers.shape[2:])
        sides = torch.cat([answers.relu(), (-answers).relu()], 1)
        found.append(sides / (sides.norm(dim=1, keepdim=True) + FAINT))
        level = F.avg_pool2d(level, 2)
    return found


def colour_distance(a: Tensor, b: Tensor) -> Tensor:
    """(B, 3, H, W) twice, in [0, 1], of any sizes -> (B,) in [0, 1]: Hellinger's distance √(1 - Σ √(p q)) between their RGB histograms of 8 × 8 × 8 bins."""
    door.picture(a, "the first picture")
    door.picture(b, "the second picture")
    overlap: Tensor = (histogram(a) * histogram(b)).sqrt().sum(1)
    return (1 - overlap).clamp_min(0).sqrt()


def histogram(pixels: Tensor) -> Tensor:
    """(B, 3, H, W) in [0, 1] -> (B, 512) shares of the colours, of sum 1."""
    bins = (pixels.flatten(2) * BINS).long().clamp_max(BINS - 1)  # 1.0 belongs to the last bin
    place = (bins[:, 0] * BINS + bins[:, 1]) * BINS + bins[:, 2]
    counts = torch.zeros(len(place), BINS**3, dtype=torch.float32, device=pixels.device)
    return counts.scatter_add_(1, place, torch.ones_like(place, dtype=torch.float32)) / place.shape[1]


def _relative(have: Tensor, want: Tensor) -> Tensor:
    """(B, N) twice -> (B,) in [0, 1]; 0 where neither has anything."""
    apart: Tensor = (have - want).norm(dim=1) / (have.norm(dim=1) + want.norm(dim=1)).clamp_min(1e-12)
    return apart


def _moments(features: Tensor) -> tuple[Tensor, Tensor]:
    """(B, C, h, w) -> mean and deviation (B, C)."""
    flat = features.flatten(2)
    return flat.mean(2), flat.var(2, correction=0).sqrt()


def _layers(features: list[Tensor], wanted: list[Tensor]) -> None:
    """Raises BadInput unless both are the same layers of one network."""
    have, want = ([tuple(one.shape[:2]) for one in given] for given in (features, wanted))
    if not have or have != want:
        raise BadInput(f"features of shapes {have} cannot be held against {want}: they are not of the same layers", code="metric.shape")

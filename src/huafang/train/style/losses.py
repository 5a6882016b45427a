"""What alike means, in the features of a network that was trained to tell things apart: VGG-16, VGG-19, or SqueezeNet 1.1 as the light one.

Every distance is brought to a scale of about 1, so that the weights of a loss mean the same for each of these networks.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from huafang.kernels.layers import moments
from huafang.nets import squeezenet, vgg
from huafang.ops.gram import gram

N = TypeVar("N", bound=nn.Module)
Name = Literal["squeezenet", "vgg16", "vgg19"]
WEIGHTS: dict[Name, str] = {"squeezenet": "squeezenet1_1", "vgg16": "vgg16", "vgg19": "vgg19"}
"""The models by the names of the catalogue."""


AROUND, FLATNESS = 9, 0.02
"""Where neighbouring pixels of a photo differ by so much within so many pixels, half of what is painted there counts as unrest."""
SHIFT = 4
"""A loss network sees all but so many rows and columns: see `window`."""


@dataclass(frozen=True)
class Looks:
    """A frozen network: `features` gives its taps for (B, 3, H, W) in [0, 1], from fine to coarse. `style` and `content` are places among the taps."""

    features: Callable[[Tensor], list[Tensor]]
    style: tuple[int, ...]
    content: tuple[int, ...]


def load(name: Name, path: Path, device: str) -> Looks:
    """The loss network `name` with the weights of `path`. Raises BadInput for another network."""
    if name == "squeezenet":
        light = laid_out(squeezenet.load(path), device)
        return Looks(lambda pixels: light(pixels, 5), style=(0, 1, 2, 3, 4), content=(2,))
    net = laid_out(vgg.load(path, depth=16 if name == "vgg16" else 19), device)
    layers = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
    return Looks(lambda pixels: list(net(pixels, layers).values()), style=(0, 1, 2, 3), content=(2,))


def laid_out(net: N, device: str) -> N:
    """`net` on the device, its channels last in memory: twice as fast on a CPU."""
    there: N = net.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's types do not know it
    return there


def window(size: int, dice: torch.Generator) -> tuple[slice, ...]:
    """What a loss network sees of (B, C, size, size), from a place that changes: it halves pictures on a grid, and between its lines it does not look."""
    y, x = torch.randint(SHIFT + 1, (2,), generator=dice).tolist()
    return slice(None), slice(None), slice(y, size - SHIFT + y), slice(x, size - SHIFT + x)


def content_distance(found: Sequence[Tensor], wanted: Sequence[Tensor], scales: Sequence[Tensor], places: Sequence[int]) -> Tensor:
    """Mean squared difference of features (Johnson et al. 2016, equation 2) over each tap's scale: 0 for the same picture, 2 for unrelated ones."""
    total = found[0].new_zeros((), dtype=torch.float32)
    for place in places:
        total = total + (found[place].float() - wanted[place].float()).square().mean() / scales[place]
    return total / len(places)


def style_distance(found: Sequence[Tensor], wanted: Sequence[Tensor], scales: Sequence[Tensor]) -> Tensor:
    """Differences of the channels' means and deviations (Huang & Belongie 2017, equation 13), over each tap's scale."""
    total = found[0].new_zeros((), dtype=torch.float32)
    for mine, theirs, scale in zip(found, wanted, scales, strict=True):
        for one, other in zip(moments(mine), moments(theirs), strict=True):
            total = total + (one - other).square().mean() / scale
    return total / len(found)


def texture_distance(found: Sequence[Tensor], wanted: Sequence[Tensor]) -> Tensor:
    """How unlike the covariances of the channels are: of each tap |A - B|² / (|A|² + |B|²), 0 when alike, 1 for unrelated ones, the mean over taps.

    Means and deviations say how much of each feature there is, covariances which come together: strokes of one colour and direction are told from a hatch.
    Over the squares of both, not of the wanted one alone, so that a smooth painting after a busy photo does not outweigh all other pairs of a batch.
    """
    total = found[0].new_zeros((), dtype=torch.float32)
    for mine, theirs in zip(found, wanted, strict=True):
        one, other = (_spread(_centred(tap)[0]) for tap in (mine, theirs))
        whole = (one.square() + other.square()).sum((1, 2))
        total = total + ((one - other).square().sum((1, 2)) / whole.clamp_min(1e-12)).mean()
    return total / len(found)


@torch.no_grad()
def scales(pictures: Sequence[Tensor]) -> list[Tensor]:
    """Of each tap's features of many pictures, (B, C, h, w), the mean over channels of the variance over all pictures and places."""
    return [tap.float().transpose(0, 1).flatten(1).var(1).mean().clamp_min(1e-8) for tap in pictures]


def gram_distance(found: Sequence[Tensor], grams: Sequence[Tensor]) -> Tensor:
    """Squared difference of Gram matrices (Johnson et al. 2016, equation 4) over the square of those wanted, (1, C, C): 0 when alike, 1 for a void picture."""
    parts = [(gram(one.float()) - wanted).square().sum((1, 2)).mean() / wanted.square().sum() for one, wanted in zip(found, grams, strict=True)]
    return torch.stack(parts).mean()


def colour_distance(found: Tensor, wanted: Tensor) -> Tensor:
    """How far apart the palettes of (B, 3, H, W) pictures are: means and covariances of RGB, over those of evenly spread colours (variance 1/12)."""
    total = found.new_zeros((), dtype=torch.float32)
    (mine, mine_mean), (theirs, theirs_mean) = (_centred(one) for one in (found, wanted))
    total = total + (mine_mean - theirs_mean).square().mean() * 12
    return total + (_spread(mine) - _spread(theirs)).square().mean() * 144


def _centred(pixels: Tensor) -> tuple[Tensor, Tensor]:
    flat = pixels.float().flatten(2)
    mean = flat.mean(2, keepdim=True)
    return flat - mean, mean


def _spread(centred: Tensor) -> Tensor:
    """The covariance of (B, C, N) centred features, (B, C, C)."""
    return centred @ centred.transpose(1, 2) / centred.shape[2]


def contrast(found: Tensor, wanted: Tensor) -> Tensor:
    """MicroAST's contrastive loss (equation 6 there): the results' signals (B, N) near their own painting's, over how near they are to the others'.

    The authors' code compares the results among each other at one of the two taps; here results are compared with paintings, as the paper has it.
    """
    apart = torch.cdist(found.float(), wanted.float())  # (B, B)
    own = apart.diagonal()
    others = (apart.sum(1) - own) / max(1, len(apart) - 1)
    return (own / others.clamp_min(1e-6)).mean()


def roughness(pixels: Tensor) -> Tensor:
    """Total variation: mean squared difference of neighbouring pixels."""
    return (pixels[..., 1:] - pixels[..., :-1]).square().mean() + (pixels[..., 1:, :] - pixels[..., :-1, :]).square().mean()


def unrest(painted: Tensor, photos: Tensor) -> Tensor:
    """Roughness of what is painted where the photo, (B, 3, H, W) too, is flat: each place's counts by how little the photo varies within `AROUND` pixels."""
    flat = 1 / (1 + F.avg_pool2d(_edges(photos), AROUND, 1, AROUND // 2) / FLATNESS**2)
    return (flat * _edges(painted)).mean()


def _edges(pixels: Tensor) -> Tensor:
    """(B, 1, H, W): squares of the differences to the next pixel, to the right and below, the mean over colours."""
    right, below = pixels[..., :-1, 1:] - pixels[..., :-1, :-1], pixels[..., 1:, :-1] - pixels[..., :-1, :-1]
    return (right.square() + below.square()).mean(1, keepdim=True)

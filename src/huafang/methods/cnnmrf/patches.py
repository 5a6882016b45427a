"""The energy: Li & Wand 2016, equations 1 to 4. Patches are 3 × 3 places of a network's features."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

PATCH = 3
CHUNK = 1024
"""Patches whose nearest are looked for at a time: what keeps the table of correlations small."""
BALANCE = 4.0
"""What style counts at `style_weight` 1, found by eye: strokes show, and the photo can still be read."""

Trunk = Callable[[Tensor], tuple[list[Tensor], Tensor]]
"""Pixels (1, 3, H, W) -> the maps whose patches are compared, and the map that holds the photo, each (1, C, h, w)."""


@dataclass(frozen=True)
class Book:
    """The patches of all style pictures in one map: (N, C · 9), the same at length 1, and their mean square, the unit of differences."""

    patches: Tensor
    directions: Tensor
    unit: Tensor


def patches(found: Tensor, stride: int) -> Tensor:
    """(1, C, h, w) -> (n, C · 9). A map that is thinner than a patch repeats its border."""
    down, right = (max(0, PATCH - side) for side in found.shape[2:])
    if down or right:
        found = F.pad(found, (0, right, 0, down), mode="replicate")
    return F.unfold(found, PATCH, stride=stride)[0].T


def book(found: list[Tensor], stride: int) -> Book:
    """One map of each style picture -> all their patches."""
    every = torch.cat([patches(one, stride) for one in found])
    return Book(every, F.normalize(every, dim=1), every.square().mean().clamp_min(1e-8))


def nearest(ours: Tensor, theirs: Book) -> Tensor:
    """(n, D) -> (n,): NN(i) = argmax over j of Ψi · Ψj / (|Ψi| |Ψj|), equation 3. The length of Ψi changes nothing."""
    return torch.cat([(some @ theirs.directions.T).argmax(1) for some in ours.split(CHUNK)])


class Energy:
    """One scale: `energy(pixels)` is (content, style), which `content_weight` and `style_weight` mix to equation 1.

    Style is Σ |Ψi - Ψ_NN(i)|² (equation 2), content |Φ(x) - Φ(photo)|² (equation 4), each as a mean over the mean square of what is wanted, so that networks
    and resolutions share one balance. The nearest patches are looked for at every `rematch`-th call.
    """

    def __init__(self, trunk: Trunk, photo: Tensor, styles: list[Tensor], stride: int, rematch: int) -> None:
        self._trunk, self._stride, self._rematch = trunk, stride, rematch
        with torch.no_grad():
            self._content = trunk(photo)[1]
            maps = [trunk(style)[0] for style in styles]
        self._unit = self._content.square().mean().clamp_min(1e-8)
        self._books = [book(list(found), stride) for found in zip(*maps, strict=True)]
        self._nearest: list[Tensor] = []
        self._calls = 0

    def __call__(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        maps, held = self._trunk(pixels)
        found = [patches(one, self._stride) for one in maps]
        if self._calls % self._rematch == 0:
            self._nearest = [nearest(ours.detach(), theirs) for ours, theirs in zip(found, self._books, strict=True)]
        self._calls += 1
        style = pixels.new_zeros(())
        for ours, theirs, places in zip(found, self._books, self._nearest, strict=True):
            style = style + F.mse_loss(ours, theirs.patches[places]) * BALANCE / theirs.unit / len(found)
        return F.mse_loss(held, self._content) / self._unit, style

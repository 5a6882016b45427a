"""Pictures to learn from, in memory: a crop of another place and size each time."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from huafang.ops import colour, resize

FLAT, TRIES = 0.06, 8
"""A crop whose channels deviate less than this from their means is drawn again, so many times at the most."""
LONGEST = 768
"""Pictures are kept at this many pixels along their longest side at the most."""


def kept(picture: Tensor, least: int) -> Tensor:
    """(1, 3, H, W) in [0, 1] -> (3, h, w) uint8 as an album keeps it: not too large, and no side below `least`."""
    small = resize.shrunk(picture, LONGEST)
    factor = least / min(small.shape[2:])
    if factor > 1:
        small = resize.resized(small, math.ceil(small.shape[2] * factor), math.ceil(small.shape[3] * factor))
    return (small[0] * 255 + 0.5).clamp(0, 255).byte().cpu()


@dataclass(frozen=True)
class Album:
    """`pictures` are (3, H, W) uint8, no side below `size`; crops are squares of `size` pixels, cut at up to `zoom` times that and made smaller."""

    pictures: Sequence[Tensor]
    size: int
    zoom: float = 4.0

    def crops(self, count: int, dice: torch.Generator, *, tinted: float = 0.0) -> Tensor:
        """(count, 3, size, size) float32 in [0, 1], each of a picture drawn by `dice`, mirrored half the time; a share of `tinted` has its colours turned."""
        return torch.stack([self._telling(dice, tinted) for _ in range(count)])

    def _telling(self, dice: torch.Generator, tinted: float) -> Tensor:
        """A crop with something in it: of a flat piece there is nothing to learn, and norms divide by its deviation. An album of flat pictures gives those."""
        crop = self._crop(dice, tinted)
        for _ in range(TRIES):
            if float(crop.flatten(1).std(1).mean()) >= FLAT:
                break
            crop = self._crop(dice, tinted)
        return crop

    def _crop(self, dice: torch.Generator, tinted: float) -> Tensor:
        picture = self.pictures[int(torch.randint(len(self.pictures), (), generator=dice))]
        luck = torch.rand(9, generator=dice).tolist()
        height, width = picture.shape[1:]
        most = min(height, width, self.size * self.zoom)
        side = min(height, width, round(self.size * (most / self.size) ** luck[0]))
        top, left = int(luck[1] * (height - side + 1)), int(luck[2] * (width - side + 1))
        crop = picture[None, :, top : top + side, left : left + side].float() / 255
        if side != self.size:
            crop = F.interpolate(crop, (self.size, self.size), mode="bilinear", antialias=True)
        if luck[3] < 0.5:
            crop = crop.flip(3)
        if luck[4] < tinted:
            crop = retinted(crop, angle=2 * math.pi * luck[5], saturation=0.5 + luck[6], gamma=2 ** (1.4 * luck[7] - 0.7), contrast=0.7 + 0.6 * luck[8])
        return crop[0]


def retinted(picture: Tensor, *, angle: float, saturation: float, gamma: float, contrast: float) -> Tensor:
    """(B, 3, H, W) in [0, 1] with its hues turned by `angle` in YIQ, and its saturation, brightness and contrast changed: another palette, the same hand."""
    cosine, sine = saturation * math.cos(angle), saturation * math.sin(angle)
    turn = torch.tensor([[1.0, 0, 0], [0, cosine, -sine], [0, sine, cosine]])
    turned = colour.mix(picture, torch.linalg.inv(colour.YIQ) @ turn @ colour.YIQ).clamp(0, 1)
    mean = turned.mean((2, 3), keepdim=True)
    return (mean + contrast * (turned - mean)).clamp(0, 1) ** gamma


def middles(pictures: Sequence[Tensor], side: int) -> Tensor:
    """The middle squares of an album's `pictures`, (B, 3, side, side) in [0, 1]: for sheets of samples."""
    squares = []
    for one in pictures:
        least = min(one.shape[1:])
        top, left = ((length - least) // 2 for length in one.shape[1:])
        squares.append(resize.resized(one[None, :, top : top + least, left : left + least].float() / 255, side, side))
    return torch.cat(squares)


def sheet(*rows: Tensor) -> Tensor:
    """Rows of pictures, (B, 3, H, W) each, one below the other in one picture, (1, 3, rows · H, B · W)."""
    return torch.cat([torch.cat(list(row), dim=2) for row in rows], dim=1)[None]

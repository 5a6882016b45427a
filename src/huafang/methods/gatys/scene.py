"""What a loss is given at one scale, and how the scales are laid out."""

from dataclasses import dataclass

import torch
from torch import Tensor

from huafang.ops.resize import resized

LEAST_SIDE = 32
"""Thinner pictures are widened by their border to this while they are painted."""


@dataclass(frozen=True)
class Style:
    """A style picture at one scale (1, 3, h, w), its share (all shares sum to 1), and where it acts: (1, 1, H, W) of the photo, or everywhere."""

    picture: Tensor
    share: float
    mask: Tensor | None


@dataclass(frozen=True)
class Scene:
    """The photo at one scale (1, 3, H, W), the same in the colours of the style pictures, and the styles."""

    content: Tensor
    recoloured: Tensor
    styles: list[Style]

    def at(self, side: int, style_scale: float) -> "Scene":
        """The scene with the photo's longest side at `side`. Style pictures follow it by `style_scale`, and are never enlarged."""
        factor = side / max(self.content.shape[2:])
        height, width = (max(LEAST_SIDE, round(length * factor)) for length in self.content.shape[2:])
        styles = []
        for style in self.styles:
            smaller = min(1.0, style_scale * side / max(style.picture.shape[2:]))
            rows, columns = (max(LEAST_SIDE, round(length * smaller)) for length in style.picture.shape[2:])
            mask = None if style.mask is None else resized(style.mask, height, width)
            styles.append(Style(resized(style.picture, rows, columns), style.share, mask))
        return Scene(resized(self.content, height, width), resized(self.recoloured, height, width), styles)


def sides(largest: int, smallest: int, steps: int) -> list[tuple[int, int]]:
    """(longest side, steps) of each scale, by √2 from at least `smallest` up to `largest`; the small and cheap ones get more of the `steps`.

    With fewer steps than scales the smallest scales are left out.
    """
    lengths = [largest]
    while len(lengths) < steps and round(lengths[0] / 2**0.5) >= smallest:
        lengths.insert(0, round(lengths[0] / 2**0.5))
    shares = torch.tensor([2 ** (-0.5 * place) for place in range(len(lengths))])
    ends = (shares.cumsum(0) / shares.sum() * (steps - len(lengths))).round().int().tolist()
    return [(side, 1 + end - start) for side, start, end in zip(lengths, [0, *ends], ends, strict=False)]

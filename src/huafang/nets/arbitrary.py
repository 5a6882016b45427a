"""What the rooms share whose network paints after any picture: styles read, mixed, masked, and their colours matched."""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Protocol, TypeVar

import torch
from torch import Tensor, nn

from huafang.context import Context, Result
from huafang.nets import bands
from huafang.nets.feedforward import Steps, brought
from huafang.ops import colour, resize
from huafang.ops.blend import KeepColours

FADE = 0.25
"""Below this strength the result goes over into the photo itself: at 0 a network still paints the photo anew."""

READ_SIDE = 2048
"""A style picture is read at this many pixels a side at the most: larger ones cost memory, and what is kept of them hardly changes."""

S = TypeVar("S")


class Painter(Protocol[S]):
    """A network for arbitrary styles. S is all that it keeps of a painting."""

    def style(self, painting: Tensor) -> S:
        """Read a painting, (1, 3, H, W) in [0, 1]."""

    def mixed(self, styles: Sequence[S], shares: Sequence[float]) -> S:
        """Several as one, by shares that sum to 1."""

    def painting(self, photo: Tensor, style: S, strength: float) -> nn.Module:
        """The network that paints `photo`; `strength` 0 keeps the photo's own style, 1 takes all of `style`."""


def restyle(
    ctx: Context,
    net: Painter[S],
    content: str,
    style: Sequence[str],
    *,
    shares: Sequence[float],
    masks: Sequence[str],
    size: int,
    style_scale: float,
    strength: float,
    keep_colours: KeepColours,
    least: int,
) -> Result:
    """The photo `content` after the pictures `style`.

    `masks`, one for each style, lie over the photo: each style acts where its mask is white, several mix there by their shares, and where none is white the
    photo stays. Without masks the styles are mixed into one.
    """
    photo, notes = brought(ctx, content, size)
    wide = resize.widened(photo, least)
    with torch.no_grad():
        read = ctx.kept("styles", lambda: [net.style(beside(ctx.image(one), photo, style_scale, keep_colours, least)) for one in style])
        wanted = list(read) if masks else [net.mixed(read, shares)]
        networks = [net.painting(wide, one, strength) for one in wanted]
    steps = Steps(ctx)
    painted = (bands.run(one, wide, report=partial(steps.band, run=run, runs=len(networks))) for run, one in enumerate(networks))
    if masks:
        styled = _masked(painted, photo, [resize.resized(colour.luminance(ctx.image(mask)), *photo.shape[2:]) for mask in masks], shares)
    else:
        (styled,) = painted
    kept: KeepColours = "luminance" if keep_colours == "luminance" else "no"
    return Result(images=[steps.finish(styled, photo, min(1.0, strength / FADE), kept)], notes=notes)


def beside(picture: Tensor, photo: Tensor, scale: float, keep_colours: KeepColours, least: int) -> Tensor:
    """The style picture beside the photo by `scale`, never enlarged; in the photo's colours for `keep_colours` "histogram" (Gatys et al. 2017, section 3.1)."""
    small = resize.shrunk(picture, min(READ_SIDE, scale * max(photo.shape[2:])))
    if keep_colours == "histogram":
        small = colour.monge_kantorovich(small, photo).clamp(0, 1)
    return resize.widened(small, least)


def _masked(painted: Iterable[Tensor], photo: Tensor, masks: Sequence[Tensor], shares: Sequence[float]) -> Tensor:
    """Σ mask · share · painted / Σ mask · share where masks are white, the photo where they are not."""
    height, width = photo.shape[2:]
    total, weight, cover = torch.zeros_like(photo), torch.zeros_like(masks[0]), torch.zeros_like(masks[0])
    for one, mask, share in zip(painted, masks, shares, strict=True):
        total += one[:, :, :height, :width].clamp(0, 1) * (mask * share)
        weight += mask * share
        cover += mask
    return torch.lerp(photo, total / weight.clamp_min(1e-6), cover.clamp(0, 1))

"""What the methods share whose network paints after any picture: styles read, mixed, masked, and their colours matched."""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Protocol, TypeVar

import torch
from torch import Tensor, nn

from huafang.context import Context, Result
from huafang.kernels import tiled
from huafang.nets.feedforward import Steps, brought
from huafang.ops import colour, resize
from huafang.ops.blend import KeepColours
from huafang.params import AnyStyle

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


def restyle(ctx: Context, net: Painter[S], p: AnyStyle, *, least: int) -> Result:
    """The photo of `p` after its style pictures.

    Its masks, one for each style, lie over the photo: each style acts where its mask is white, several mix there by their shares, and where none is white the
    photo stays. Without masks the styles are mixed into one.
    """
    photo, notes = brought(ctx, p.content, p.size)
    wide, shares = resize.widened(photo, least), p.shares()
    with torch.no_grad():
        read = ctx.kept("styles", lambda: [net.style(beside(ctx.image(one), photo, p.style_scale, p.keep_colours, least)) for one in p.style])
        wanted = list(read) if p.masks else [net.mixed(read, shares)]
        networks = [net.painting(wide, one, p.strength) for one in wanted]
    steps, dtype = Steps(ctx), getattr(torch, p.precision)
    painted = (tiled.run(one, wide, report=partial(steps.band, run=run, runs=len(networks)), dtype=dtype) for run, one in enumerate(networks))
    if p.masks:
        styled = _masked(painted, photo, [resize.resized(colour.luminance(ctx.image(mask)), *photo.shape[2:]) for mask in p.masks], shares)
    else:
        (styled,) = painted
    kept: KeepColours = "luminance" if p.keep_colours == "luminance" else "no"
    return Result(images=[steps.finish(styled, photo, min(1.0, p.strength / FADE), kept)], notes=notes)


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

"""Draw a part of a picture anew: what inpainting and outpainting share.

Any model draws the part by blending latents: after each step, what lies outside of the mask is put back under the noise of the next (Avrahami et al.,
Blended Latent Diffusion, 2023). An inpainting model (Rombach et al., CVPR 2022) also reads the mask and the masked picture beside the latents.
"""

import math
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from huafang.context import Context
from huafang.diffusion import generate, latents
from huafang.diffusion.generate import Ready
from huafang.diffusion.params import DrawingParams
from huafang.diffusion.sampling.loop import Fixed
from huafang.diffusion.sizes import fitted
from huafang.ops.resize import resized

VISIBLE = 1 / 255
"""Opacity from which a pixel of what was drawn shows."""


@dataclass(frozen=True)
class Box:
    """A rectangle of a picture, in pixels: rows from `top` to below `bottom`, columns from `left` to below `right`."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def width(self) -> int:
        return self.right - self.left

    def of(self, picture: Tensor) -> Tensor:
        return picture[..., self.top : self.bottom, self.left : self.right]


def around(mask: Tensor, padding: int) -> Box:
    """The rectangle of what is white in `mask` (1, 1, H, W) and `padding` pixels on each side, made as square as the picture allows."""
    rows, columns = (torch.nonzero(mask[0, 0].amax(dim) > 0).flatten() for dim in (1, 0))
    height, width = mask.shape[2:]
    top, bottom = _span(int(rows[0]) - padding, int(rows[-1]) + 1 + padding, 0, height)
    left, right = _span(int(columns[0]) - padding, int(columns[-1]) + 1 + padding, 0, width)
    top, bottom = _span(top, bottom, right - left, height)
    left, right = _span(left, right, bottom - top, width)
    return Box(top, left, bottom, right)


def _span(first: int, last: int, least: int, limit: int) -> tuple[int, int]:
    """`first` to `last` made `least` long around its middle, then moved and cut to lie between 0 and `limit`."""
    first, last = max(first, 0), min(last, limit)
    length = min(max(last - first, least), limit)
    start = min(max((first + last - length) // 2, 0), limit - length)
    return start, start + length


def softened(mask: Tensor, edge: float) -> Tensor:
    """The opacity of what is drawn: `mask` (1, 1, H, W) in [0, 1] with borders that fade over about `edge` pixels on both sides of its own."""
    if edge <= 0:
        return mask
    sigma = edge / 2
    reach = max(1, math.ceil(2 * sigma))
    offsets = torch.arange(-reach, reach + 1, dtype=torch.float32)
    kernel = torch.exp(-(offsets**2) / (2 * sigma * sigma))
    kernel = kernel / kernel.sum()
    wide = F.pad(mask, (reach, reach, reach, reach), mode="replicate")
    return F.conv2d(F.conv2d(wide, kernel.view(1, 1, 1, -1)), kernel.view(1, 1, -1, 1)).clamp(0, 1)


def filled_from_surroundings(picture: Tensor, mask: Tensor) -> Tensor:
    """`picture` (1, 3, H, W) with what `mask` (1, 1, H, W) covers replaced by a smooth continuation of what is around it.

    Pull-push (Gortler et al., The Lumigraph, 1996): the known pixels are averaged at half the size, again and again, and each hole is filled from the next
    smaller picture that knows it.
    """
    known = (mask <= VISIBLE).to(picture)
    if not bool(known.any()):
        return torch.full_like(picture, 0.5)
    return _pull_push(picture, known)


def _pull_push(picture: Tensor, known: Tensor) -> Tensor:
    if bool(known.all()) or max(picture.shape[2:]) == 1:
        return picture
    weight = F.avg_pool2d(known, 2, ceil_mode=True, count_include_pad=False)
    colours = F.avg_pool2d(picture * known, 2, ceil_mode=True, count_include_pad=False) / weight.clamp(min=1e-6)
    smaller = _pull_push(colours, (weight > 0).to(picture))
    larger = F.interpolate(smaller, picture.shape[2:], mode="bilinear", align_corners=False)
    return picture * known + larger * (1 - known)


def repaint(
    p: DrawingParams,
    ctx: Context,
    drawer: Ready,
    picture: Tensor,
    mask: Tensor,
    *,
    seed: int,
    longest: int | None,
    taken: int,
    base: Tensor | None,
    box: Box | None = None,
    edge: float = 0,
    before: int = 0,
    total: int | None = None,
) -> tuple[Tensor, tuple[int, int]]:
    """`picture` (1, 3, H, W) in [0, 1] with what is white in `mask` (1, 1, H, W) drawn anew, and the (width, height) it was drawn at.

    Where the opacity of the softened mask is below 1/255, the pixels are those of `picture`, bit for bit. `box` is the part that the model sees, by default
    all; it is drawn with its longest side at `longest`, or at the model's own size. `taken` of the steps are taken, from `base`, a picture like
    `picture`, under noise; None: from noise alone.
    """
    model = drawer.model
    box = box or Box(0, 0, *picture.shape[2:])
    alpha = softened(mask, edge)
    wide, high = fitted(box.width, box.height, longest, own=model.size, block=max(8, model.scale))
    seen = resized(box.of(picture), high, wide)
    # a mask is not sharpened by a resampling that overshoots, and none of it is lost
    hole = F.adaptive_max_pool2d(F.interpolate((box.of(alpha) > VISIBLE).float(), (max(high, box.height), max(wide, box.width)), mode="nearest"), (high, wide))
    small = F.max_pool2d(hole, model.scale).to(model.device)
    generator = ctx.generator(seed)
    source = base if taken < p.steps else None
    # what nobody reads is not encoded: it would also move the generator on, and diffusers' pipeline does as we do
    known = latents.encode(model, seen, generator) if not model.inpainting or source is picture else None
    over = known if source is picture else None if source is None else latents.encode(model, resized(box.of(source), high, wide), generator)
    start = model.start_noise(wide, high, generator)
    if model.inpainting:
        covered = latents.encode(model, seen * (1 - hole) + 0.5 * hole, generator)
        drawer = replace(drawer, conditioning=drawer.conditioning.with_channels(torch.cat([small, covered], dim=1)))
    fixed = None if known is None or model.inpainting else Fixed(known, small)
    drawn = generate.picture(p, ctx, drawer, start, generator, over=over, last=taken if over is not None else None, fixed=fixed, before=before, total=total)
    result = picture.clone()
    opacity = torch.where(box.of(alpha) > VISIBLE, box.of(alpha), 0.0)
    part = box.of(result)
    part += opacity * (resized(drawn, box.height, box.width) - part)
    return result.clamp_(0, 1), (wide, high)

"""Li & Wand 2016 from coarse to fine: each scale begins where the smaller one ended (section 4)."""

from functools import partial

import torch
from torch import Tensor

from huafang.context import Context, Result
from huafang.methods.cnnmrf import CnnMrf
from huafang.methods.cnnmrf.patches import Energy
from huafang.methods.cnnmrf.trunks import trunk
from huafang.ops import colour
from huafang.ops.blend import settled
from huafang.ops.descent import Descent
from huafang.ops.resize import not_enlarged, resized, shrunk, widened

LEAST_SIDE = 64
"""Thinner pictures are widened by their border to this while they are painted: a network's deepest map keeps several patches."""


def run(p: CnnMrf, ctx: Context) -> Result:
    whole = ctx.image(p.content)
    photo = shrunk(whole, p.size)
    wide = widened(photo, LEAST_SIDE)
    generator = ctx.generator(p.seed)
    features = trunk(p, ctx, generator)
    styles = [_style(p, ctx.image(style), photo) for style in p.style]
    pixels: Tensor | None = None
    done = 0
    figures: dict[str, float] = {}
    for factor, steps in scales(min(wide.shape[2:]), p.scales, p.steps):
        here = _at(wide, factor)
        energy = Energy(features, here, [_at(style, factor) for style in styles], p.stride, p.rematch)
        if pixels is None:
            pixels = here if p.init == "content" else torch.rand(here.shape, generator=generator).to(here)
        walk = Descent(p, energy, resized(pixels, *here.shape[2:]))
        for step in range(steps):
            pixels, figures = walk.step(pixels, step / steps)
            done += 1
            ctx.step(done, p.steps, preview=partial(_finish, p, photo, factor, pixels), side=float(max(here.shape[2:])), **figures)
    assert pixels is not None, "there is at least one scale"
    return Result(images=[_finish(p, photo, 1.0, pixels)], figures=figures, notes=not_enlarged(whole, p.size))


def scales(shortest: int, count: int, steps: int) -> list[tuple[float, int]]:
    """(factor, steps) of each scale, doubling up to 1; the steps are shared out evenly. A scale without a step, or with too short a side, is left out."""
    factors = [1.0]
    while len(factors) < min(count, steps) and shortest * factors[0] / 2 >= LEAST_SIDE:
        factors.insert(0, factors[0] / 2)
    each, over = divmod(steps, len(factors))
    return [(factor, each + (place < over)) for place, factor in enumerate(factors)]


def _style(p: CnnMrf, picture: Tensor, photo: Tensor) -> Tensor:
    """The style picture beside the photo by `style_scale`; in the photo's colours, if those are to be kept by "histogram"."""
    small = shrunk(picture, p.style_scale * max(photo.shape[2:]))
    return colour.monge_kantorovich(small, photo).clamp(0, 1) if p.keep_colours == "histogram" else small


def _at(picture: Tensor, factor: float) -> Tensor:
    height, width = (max(1, round(side * factor)) for side in picture.shape[2:])
    return widened(resized(picture, height, width), LEAST_SIDE)


def _finish(p: CnnMrf, photo: Tensor, factor: float, pixels: Tensor) -> Tensor:
    """The picture as it is shown: at the photo's own shape, and in its colours, if luminance alone is to be painted."""
    height, width = (max(1, round(side * factor)) for side in photo.shape[2:])
    cut = pixels[:, :, :height, :width].contiguous()
    return settled(cut, resized(photo, height, width), 1.0, "luminance" if p.keep_colours == "luminance" else "no")

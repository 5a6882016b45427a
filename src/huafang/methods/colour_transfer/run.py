"""Reinhard 2001, linear Monge–Kantorovich (Pitié & Kokaram 2007), sliced optimal transport: see `ops/colour.py` for the equations."""

import torch

from huafang.context import Context, Result
from huafang.methods.colour_transfer import ColourTransfer
from huafang.ops import colour


def run(p: ColourTransfer, ctx: Context) -> Result:
    content, style = ctx.image(p.content), ctx.image(p.style[0])
    ctx.step(0, 1, preview=content)
    if p.transfer == "reinhard":
        carried = colour.reinhard(content, style)
    elif p.transfer == "linear":
        carried = colour.monge_kantorovich(content, style)
    else:
        carried = colour.sliced_transport(content, style, ctx.generator(p.seed), iterations=p.iterations)
    pixels = torch.lerp(content, carried, p.strength).clamp(0, 1)
    ctx.step(1, 1, preview=pixels)
    return Result(images=[pixels])

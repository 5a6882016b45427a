"""Reinhard 2001, linear Monge–Kantorovich (Pitié & Kokaram 2007), sliced optimal transport: see `ops/colour.py` for the equations."""

import torch

from huafang.context import Context, Result
from huafang.methods.colour_transfer import ColourTransfer
from huafang.ops import colour

CHUNK = 1_000_000
"""Pixels between two reports of the sliced transfer."""


def run(p: ColourTransfer, ctx: Context) -> Result:
    content, style = ctx.image(p.content), ctx.image(p.style[0])
    rows = max(1, CHUNK // content.shape[3])
    chunks = range(0, content.shape[2], rows) if p.transfer == "sliced" else range(0)
    total = len(chunks) + 2
    ctx.step(1, total, preview=content)
    if p.transfer == "reinhard":
        carried = colour.reinhard(content, style)
    elif p.transfer == "linear":
        carried = colour.monge_kantorovich(content, style)
    else:
        turns = colour.sliced_turns(content, style, ctx.generator(p.seed), iterations=p.iterations)
        carried = content.clone()
        for done, first in enumerate(chunks, 2):
            carried[:, :, first : first + rows] = colour.walk(content[:, :, first : first + rows], turns)
            ctx.step(done, total, preview=lambda: carried.clamp(0, 1))
    pixels = torch.lerp(content, carried, p.strength).clamp(0, 1)
    ctx.step(total, total, preview=pixels)
    return Result(images=[pixels])

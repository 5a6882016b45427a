"""Reinhard 2001, linear Monge–Kantorovich (Pitié & Kokaram 2007), sliced optimal transport: see `ops/colour.py` for the equations."""

from functools import partial

import torch

from huafang.context import Context, Result
from huafang.methods.colour_transfer import ColourTransfer
from huafang.ops import colour

CHUNK = 250_000
"""Pixels between two reports: a fraction of a second in the slowest transfer."""


def run(p: ColourTransfer, ctx: Context) -> Result:
    content, style = ctx.image(p.content), ctx.image(p.style[0])
    rows = max(1, CHUNK // content.shape[3])
    chunks = range(0, content.shape[2], rows)
    measuring = p.iterations if p.transfer == "sliced" else 1
    total = measuring + len(chunks) + 1
    if p.transfer == "sliced":
        report = partial(ctx.step, total=total, preview=content)
        turns = colour.sliced_turns(content, style, ctx.generator(p.seed), iterations=p.iterations, report=report)
        carry: colour.Map = partial(colour.walk, turns=turns)
    else:
        carry = (colour.reinhard_map if p.transfer == "reinhard" else colour.monge_kantorovich_map)(content, style)
        ctx.step(measuring, total, preview=content)
    gamut = colour.Gamut.of(style)
    pixels = content.clone()
    for done, first in enumerate(chunks, measuring + 1):
        piece = content[:, :, first : first + rows]
        pixels[:, :, first : first + rows] = torch.lerp(piece, gamut.clip(carry(piece)), p.strength).clamp_(0, 1)
        ctx.step(done, total, preview=pixels)
    ctx.step(total, total, preview=pixels)
    return Result(images=[pixels])

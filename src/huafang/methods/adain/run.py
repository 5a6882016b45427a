"""Huang & Belongie 2017: see `nets/adain.py` for the network, `nets/arbitrary.py` for how styles are mixed and masked."""

from functools import partial

from huafang.context import Context, Result
from huafang.methods.adain import AdaIn
from huafang.nets import adain, arbitrary, feedforward


def run(p: AdaIn, ctx: Context) -> Result:
    vgg = ctx.weights_path(p.encoder) if p.encoder else None
    kind = f"adain {vgg} {vgg.stat().st_mtime_ns}" if vgg else "adain"
    return arbitrary.restyle(
        ctx,
        feedforward.resident(ctx, kind, p.weights, partial(adain.load, vgg=vgg)),
        p.content,
        p.style,
        shares=p.shares(),
        masks=p.masks,
        size=p.size,
        style_scale=p.style_scale,
        strength=p.strength,
        keep_colours=p.keep_colours,
        least=adain.LEAST_SIDE,
    )

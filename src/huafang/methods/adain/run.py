"""Huang & Belongie 2017: see `nets/adain.py` for the network, `nets/arbitrary.py` for how styles are mixed and masked."""

from functools import partial

from huafang.context import Context, Result
from huafang.methods.adain import AdaIn
from huafang.nets import adain, arbitrary, feedforward


def run(p: AdaIn, ctx: Context) -> Result:
    vgg = ctx.weights_path(p.encoder) if p.encoder else None
    kind = f"adain {vgg} {vgg.stat().st_mtime_ns}" if vgg else "adain"
    net = feedforward.resident(ctx, kind, p.weights, partial(adain.load, vgg=vgg))
    return arbitrary.restyle(ctx, net, p, least=adain.LEAST_SIDE)

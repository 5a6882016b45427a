"""Chen et al. 2020: see `nets/animegan.py` for the network and its ways to enlarge."""

from functools import partial

from huafang.context import Context, Result
from huafang.methods.animegan import AnimeGan
from huafang.nets import animegan, feedforward


def run(p: AnimeGan, ctx: Context) -> Result:
    net = feedforward.resident(ctx, f"animegan {p.upsampling}", p.weights, partial(animegan.load, upsampling=p.upsampling))
    return feedforward.restyle(ctx, net, p, least=animegan.LEAST_SIDE, multiple=animegan.MULTIPLE)

"""Zhu et al. 2017: see `nets/cyclegan.py` for the network."""

from huafang.context import Context, Result
from huafang.methods.cyclegan import CycleGan
from huafang.nets import cyclegan, feedforward


def run(p: CycleGan, ctx: Context) -> Result:
    net = feedforward.resident(ctx, "cyclegan", p.weights, cyclegan.load)
    return feedforward.restyle(ctx, net, p, least=cyclegan.LEAST_SIDE, multiple=cyclegan.MULTIPLE)

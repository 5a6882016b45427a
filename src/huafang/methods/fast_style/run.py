"""Johnson et al. 2016: see `nets/transformer_net.py` for the network and its layouts."""

from huafang.context import Context, Result
from huafang.methods.fast_style import FastStyle
from huafang.nets import feedforward, transformer_net


def run(p: FastStyle, ctx: Context) -> Result:
    net = feedforward.resident(ctx, "fast_style", p.weights, transformer_net.load)
    return feedforward.restyle(ctx, net, p, least=transformer_net.least(net))

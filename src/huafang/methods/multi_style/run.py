"""Dumoulin et al. 2017: see `nets/multi_style.py` for the network and its mixtures."""

from huafang.context import Context, Result
from huafang.methods.multi_style import MultiStyle
from huafang.nets import feedforward, multi_style


def run(p: MultiStyle, ctx: Context) -> Result:
    net = feedforward.resident(ctx, "multi_style", p.weights, multi_style.load)
    shares = multi_style.chosen(net, [int(style) for style in p.styles], p.shares())
    return feedforward.restyle(ctx, net.mixed(shares), p, least=multi_style.LEAST_SIDE)

"""Chen et al. 2018: see `nets/cartoongan.py` for the network."""

from huafang.context import Context, Result
from huafang.methods.cartoongan import CartoonGan
from huafang.nets import cartoongan, feedforward


def run(p: CartoonGan, ctx: Context) -> Result:
    net = feedforward.resident(ctx, "cartoongan", p.weights, cartoongan.load)
    return feedforward.restyle(ctx, net, p, least=cartoongan.LEAST_SIDE, multiple=cartoongan.MULTIPLE)

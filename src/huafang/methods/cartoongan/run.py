"""Chen et al. 2018: see `nets/cartoongan.py` for the network."""

from huafang.context import Context, Result
from huafang.methods.cartoongan import CartoonGan
from huafang.nets import cartoongan, feedforward


def run(p: CartoonGan, ctx: Context) -> Result:
    net = feedforward.resident(ctx, "cartoongan", p.weights, cartoongan.load)
    return feedforward.restyle(
        ctx, net, p.content, size=p.size, strength=p.strength, keep_colours=p.keep_colours, least=cartoongan.LEAST_SIDE, multiple=cartoongan.MULTIPLE
    )

"""Choi et al. 2018: see `nets/stargan.py` for the network."""

from huafang.context import Context, Result
from huafang.methods.stargan import StarGan
from huafang.nets import feedforward, stargan


def run(p: StarGan, ctx: Context) -> Result:
    net = feedforward.resident(ctx, "stargan", p.weights, stargan.load)
    celeba = (p.hair == "black", p.hair == "blond", p.hair == "brown", p.male, p.young)
    told = net.told(p.labels or [float(label) for label in celeba])
    return feedforward.restyle(ctx, told, p, least=stargan.LEAST_SIDE, multiple=stargan.MULTIPLE)

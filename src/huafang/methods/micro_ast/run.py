"""Wang et al. 2023: see `nets/micro_ast.py` for the network, `nets/arbitrary.py` for how styles are mixed and masked."""

from huafang.context import Context, Result
from huafang.methods.micro_ast import MicroAst
from huafang.nets import arbitrary, feedforward, micro_ast


def run(p: MicroAst, ctx: Context) -> Result:
    net = feedforward.resident(ctx, "micro_ast", p.weights, micro_ast.load)
    return arbitrary.restyle(ctx, net, p, least=micro_ast.LEAST_SIDE)

"""Wang et al. 2023: see `nets/micro_ast.py` for the network, `nets/arbitrary.py` for how styles are mixed and masked."""

from huafang.context import Context, Result
from huafang.methods.micro_ast import MicroAst
from huafang.nets import arbitrary, feedforward, micro_ast


def run(p: MicroAst, ctx: Context) -> Result:
    return arbitrary.restyle(
        ctx,
        feedforward.resident(ctx, "micro_ast", p.weights, micro_ast.load),
        p.content,
        p.style,
        shares=p.shares(),
        masks=p.masks,
        size=p.size,
        style_scale=p.style_scale,
        strength=p.strength,
        keep_colours=p.keep_colours,
        least=micro_ast.LEAST_SIDE,
    )

"""Dumoulin et al. 2017: see `nets/multi_style.py` for the network and its mixtures."""

from dataclasses import replace

from huafang.context import Context, Result
from huafang.methods.multi_style import LOOKS_OF, MultiStyle
from huafang.nets import feedforward, multi_style
from huafang.notes import Note


def run(p: MultiStyle, ctx: Context) -> Result:
    net = feedforward.resident(ctx, "multi_style", p.weights, multi_style.load)
    shares = multi_style.chosen(net, p.numbers(), p.shares())
    result = feedforward.restyle(ctx, net.mixed(shares), p, least=multi_style.LEAST_SIDE)
    if p.styles or p.weights == LOOKS_OF:
        return result
    note = Note(
        f"{p.weights} has no named looks: this is the first of its {net.styles} styles; choose others by number",
        f"{p.weights} 没有命名的画风：这是它 {net.styles} 种风格中的第一种，其余请按编号选择。",
    )
    return replace(result, notes=[*result.notes, note])

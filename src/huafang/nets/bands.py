"""A network over a picture of any size, band by band of rows: the result of the whole at once, in bounded memory, with a report after each band.

Convolutions are local, so a band of their output needs a band of their input and a few rows around it. Norms over the whole picture are not: their
statistics are measured first, band by band, and then they are local too. The network stays a plain `nn.Module`; torch.fx reads the order of its layers, and
`layers.py` knows how each kind of layer maps rows to rows. A map of features that is needed more than once is held in memory when it is small enough or
branches off, and made again otherwise.

A band differs from the whole by rounding alone (other sums in another order), about 1e-6 of the range.
"""

import operator
from collections.abc import Callable

import torch
from torch import Tensor, fx, nn

from huafang.nets import layers as layers  # enters the layers that are known
from huafang.nets.maps import LAYERS, Held, Map, Plan, Source, Sum

NUMBERS = {"cpu": 1 << 20}
"""Numbers in a band of the widest map that is worked on at a time; a band has at least `LEAST_ROWS` rows."""
NUMBERS_ELSEWHERE = 1 << 26
"""The same where there is an accelerator, which wants more work at a time."""
LEAST_ROWS = 16

Report = Callable[[int, int], None]
"""Hears after each band how many of how many are done; what it raises ends the run."""


class _Tracer(fx.Tracer):
    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return type(m) in LAYERS


def run(net: nn.Module, picture: Tensor, *, report: Report = lambda done, total: None) -> Tensor:
    """`net(picture)` for (1, C, H, W) float32, on the picture's device, without gradients.

    `net.forward` takes one tensor and may hold layers of `LAYERS`, additions and nothing else. Raises what `report` raises.
    """
    with torch.no_grad():
        plan = Plan(picture.device)
        result = _laid(net, plan, picture)
        jobs = [(work, _bands(each, picture)) for each, work in [*plan.jobs, (result, result.fill)]]
        plan.jobs.clear()
        done, total = 0, sum(len(bands) for _, bands in jobs)
        while jobs:
            work, bands = jobs.pop(0)
            for first, last in bands:
                work(first, last)
                done += 1
                report(done, total)
        return result.tensor


def _laid(net: nn.Module, plan: Plan, picture: Tensor) -> Held:
    """All maps of the run, from the picture to the result, which is not in the plan's jobs."""
    modules, maps = dict(net.named_modules()), dict[fx.Node, Map]()
    result: Map | None = None
    for node in _Tracer().trace(net).nodes:
        given = [maps[one] for one in node.all_input_nodes] if node.op != "placeholder" else []
        if node.op == "placeholder":
            maps[node] = Source(picture)
        elif node.op == "call_module":
            module = modules[str(node.target)]
            maps[node] = LAYERS[type(module)](module, plan, *given)
        elif node.target is operator.add:
            maps[node] = Sum(*given)
        elif node.op == "output":
            (result,) = given
        else:
            raise TypeError(f"{type(net).__name__}: bands know nothing of {node.op} {node.target}")
        if len([user for user in node.users if user.args[0] is node or not _sized(user, modules)]) > 1 and not isinstance(maps[node], Source):
            maps[node] = plan.hold(maps[node])
    assert result is not None, "a network has an output"
    return Held(result, plan.device)


def _sized(node: fx.Node, modules: dict[str, nn.Module]) -> bool:
    """Whether a node takes no more than the size of its second argument."""
    return node.op == "call_module" and isinstance(modules[str(node.target)], layers.Enlarge)


def _bands(each: Map, picture: Tensor) -> list[tuple[int, int]]:
    """The rows of a map, cut so that a band of it has about as many numbers as the device works on at a time; by the picture's size alone, so runs repeat."""
    rows = max(LEAST_ROWS, NUMBERS.get(picture.device.type, NUMBERS_ELSEWHERE) // (max(each.channels, 32) * each.width))
    return [(first, min(each.height, first + rows)) for first in range(0, each.height, rows)]

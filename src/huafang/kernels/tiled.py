"""A network over a picture of any size, band by band of rows: the result of the whole at once, in bounded memory, with a report after each band.

Convolutions are local, so a band of their output needs a band of their input and a few rows around it. Norms over the whole picture are not: their
statistics are measured first, band by band, and then they are local too. The network stays a plain `nn.Module`; torch.fx reads the order of its layers, and
`layers.py` knows how each kind of layer maps rows to rows. A map of features that is needed more than once is held in memory when it is small enough or
branches off, and made again otherwise, or where that costs next to nothing.

A band differs from the whole by rounding alone (other sums in another order), about 1e-6 of the range.
"""

import operator
from collections.abc import Callable
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, fx, nn

from huafang.kernels import convolutions as convolutions  # enters the layers that are known
from huafang.kernels import layers
from huafang.kernels.lazy import LAYERS, Held, Job, Map, Plan, Source, Sum, made_again
from huafang.ops.threads import workers

NUMBERS = {"cpu": 1 << 21}
"""Numbers of the widest map that are worked on at a time; a band has at least `LEAST_ROWS` rows."""
NUMBERS_ELSEWHERE = 1 << 26
"""The same where there is an accelerator, which wants more work at a time."""
LEAST_ROWS, LEAST_BANDS = 16, 4

Report = Callable[[int, int], None]
"""Hears after each band how many of how many are done; what it raises ends the run."""


GRAPHS: WeakKeyDictionary[nn.Module, tuple[list[tuple[str, type]], fx.Graph]] = WeakKeyDictionary()
"""Names and kinds of a network's modules, and how its layers follow each other, which is read once for these."""


class _Tracer(fx.Tracer):
    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return type(m) in LAYERS


def run(net: nn.Module, picture: Tensor, *, report: Report = lambda done, total: None, dtype: torch.dtype = torch.float32) -> Tensor:
    """`net(picture)` for (1, C, H, W) float32, on the picture's device, without gradients. Convolutions reckon in `dtype`, norms in float32,
    and so do the parts of a module that it names in `fine`, since the error of `dtype` is made there. A network with a module that has `tile = 4` bears
    bfloat16 in Winograd's larger tiles: nothing in it makes what they lose much larger.

    `net.forward` takes one tensor and may hold layers of `LAYERS`, additions and nothing else. Raises what `report` raises.
    """
    plan = Plan(picture.device, dtype, max(getattr(module, "tile", 2) for module in net.modules()))
    with torch.no_grad(), workers(picture.device) as each:
        result = _laid(net, plan, picture)
        jobs = [(job, _bands(job.map, picture)) for job in [*plan.jobs, Job.filling(result)]]
        plan.jobs.clear()
        done, total = 0, sum(len(bands) for _, bands in jobs)
        while jobs:
            job, bands = jobs.pop(0)
            job.begin()
            for found in each(job.work, bands):
                if found:
                    for moments in job.listeners:
                        moments.add(found)
                done += 1
                report(done, total)
            job.end()
        return result.tensor


def _laid(net: nn.Module, plan: Plan, picture: Tensor) -> Held:
    """All maps of the run, from the picture to the result, which is not in the plan's jobs."""
    modules, maps = dict(net.named_modules()), dict[fx.Node, Map]()
    result: Map | None = None
    for node in _graph(net, modules).nodes:
        given = [maps[one] for one in node.all_input_nodes] if node.op != "placeholder" else []
        here = plan.finely() if node.op == "call_module" and _fine(str(node.target), modules) else plan
        if node.op == "placeholder":
            maps[node] = Source(picture)
        elif node.op == "call_module":
            module = modules[str(node.target)]
            maps[node] = LAYERS[type(module)](module, here, *given)
        elif node.target is operator.add:
            maps[node] = Sum(*given)
        elif node.op == "output":
            (result,) = given
        else:
            raise TypeError(f"{type(net).__name__}: bands know nothing of {node.op} {node.target}")
        if len([user for user in node.users if user.args[0] is node or not _sized(user, modules)]) > 1:
            maps[node] = maps[node] if made_again(maps[node]) else here.hold(maps[node])
    assert result is not None, "a network has an output"
    return Held(result, plan.device)  # float32


def _graph(net: nn.Module, modules: dict[str, nn.Module]) -> fx.Graph:
    kinds = [(name, type(module)) for name, module in modules.items()]
    known = GRAPHS.get(net)
    if known is None or known[0] != kinds:
        known = GRAPHS[net] = (kinds, _Tracer().trace(net))
    return known[1]


def _fine(name: str, modules: dict[str, nn.Module]) -> bool:
    """Whether the layer is, or is part of, what the module that it belongs to has in `fine`: names of modules that reckon in float32 always."""
    parts = name.split(".")
    return any(part in getattr(modules[".".join(parts[:place])], "fine", ()) for place, part in enumerate(parts))


def _sized(node: fx.Node, modules: dict[str, nn.Module]) -> bool:
    """Whether a node takes no more than the size of its second argument."""
    return node.op == "call_module" and isinstance(modules[str(node.target)], layers.Enlarge)


def _bands(each: Map, picture: Tensor) -> list[tuple[int, int]]:
    """The rows of a map, cut so that there are about as many numbers in what a band takes as the device works on at a time, and bands for several threads; by
    the picture's size alone, so runs repeat.
    """
    rows = int(NUMBERS.get(picture.device.type, NUMBERS_ELSEWHERE) / each.load)
    if picture.device.type == "cpu":
        rows = min(rows, -(-each.height // LEAST_BANDS))
    rows = max(LEAST_ROWS, rows)
    return [(first, min(each.height, first + rows)) for first in range(0, each.height, rows)]

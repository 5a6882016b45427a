"""AnimeGANv3's generator out of the authors' ONNX files, which hold the tail that paints, under the names of `nets/animegan_v3.py`.

Names in such files hang on the exporter's version, so tensors are known by their place: the convolutions of the graph in order, and their shapes.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from huafang.models.onnx import Broken, Graph, Node
from huafang.nets import animegan_v3

Array = NDArray[Any]


def translated(graph: Graph) -> dict[str, Array]:
    """The tensors by TensorFlow's names, with dots for slashes and in its layout. Raises Broken for another network's graph."""
    convolutions = [node for node in graph.nodes if node.kind == "Conv"]
    theirs, shapes = animegan_v3.names("main"), {key: tuple(value.shape) for key, value in animegan_v3.Generator().state_dict().items()}
    order = [*_units(animegan_v3.BASE), "attention.ask", "kernel", "kernel again", "attention.tell", *_units(animegan_v3.TAIL), "out.1"]
    if len(convolutions) != len(order):
        raise Broken(f"it has {len(convolutions)} convolutions, and AnimeGANv3's generator with one tail {len(order)}")
    found: dict[str, Array] = {}
    for place, (name, node) in enumerate(zip(order, convolutions, strict=True), 1):
        weight = graph.tensors.get(node.inputs[1]) if len(node.inputs) > 1 else None
        wanted = shapes.get(f"{name}.weight", (animegan_v3.MEMORIES, animegan_v3.MEMORIES, 1, 1))
        if weight is None or weight.shape != wanted:
            came = "is not written in the file" if weight is None else f"is {weight.shape}"
            raise Broken(f"its convolution {place} {came}, where one of {wanted} stands in AnimeGANv3's generator")
        found[name] = weight.astype(np.float32)
    asked, told = found.pop("kernel")[:, :, 0, 0].T, found.pop("kernel again")[:, :, 0, 0]
    if not np.allclose(asked, told, atol=1e-6):
        raise Broken("its attention does not tell by the kernel that it asks by")
    scale, shift = _norm(graph, convolutions[order.index("attention.tell")])
    tensors = {theirs[f"{name}.weight"]: np.ascontiguousarray(weight.transpose(2, 3, 1, 0)) for name, weight in found.items()}
    tensors[theirs["attention.kernel"]] = np.ascontiguousarray(asked[None])
    rest = {"weight": scale, "bias": shift, "running_mean": np.zeros_like(scale), "running_var": np.full_like(scale, 1 - animegan_v3.NORM_EPS)}
    return tensors | {theirs[f"attention.norm.{part}"]: values for part, values in rest.items()}


def _units(names: tuple[str, ...]) -> list[str]:
    return [f"{unit}.{part}" for unit in names for part in ("1", "2.conv")]


def _norm(graph: Graph, convolution: Node) -> tuple[Array, Array]:
    """Scale and shift behind `convolution`: merged into it, or the first product and the first sum behind it."""
    channels = graph.tensors[convolution.inputs[1]].shape[0]
    if len(convolution.inputs) > 2:
        bias = graph.tensors.get(convolution.inputs[2])
        if bias is None or bias.shape != (channels,):
            raise Broken("the norm of its attention cannot be read")
        return np.ones(channels, np.float32), bias.astype(np.float32)
    behind = graph.nodes[graph.nodes.index(convolution) + 1 :]
    constants = {}
    for kind in ("Mul", "Add"):
        inputs = next((node.inputs for node in behind if node.kind == kind), ())
        constants[kind] = next((graph.tensors[name] for name in inputs if name in graph.tensors), None)
    scale, shift = constants["Mul"], constants["Add"]
    if scale is None or shift is None or scale.size != channels or shift.size != channels:
        raise Broken("the norm of its attention cannot be read")
    return scale.reshape(-1).astype(np.float32), shift.reshape(-1).astype(np.float32)

"""ONNX files: tensors and nodes come back as they were written; AnimeGANv3's become its weights, and others are refused by name."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from huafang import weights
from huafang.errors import BadInput
from huafang.nets import animegan_v3
from huafang.pull import convert
from huafang.pull.onnx import Broken, Node, read
from tests.nets.fixtures import apart
from tests.nets.test_animegan_v3 import random_state
from tests.pull import onnx_file


def put(tmp_path, data: bytes, name: str = "net.onnx"):
    place = tmp_path / name
    place.write_bytes(data)
    return place


def exported(state: dict[str, torch.Tensor], *, merged: bool) -> bytes:
    """The graph that tf2onnx makes of the authors' network, as far as its convolutions go; the attention's norm merged into the one before it, or behind it."""
    net = animegan_v3.build(state, "random", "main")
    ours = {name: value.numpy() for name, value in net.state_dict().items()}
    units = [f"{unit}.{part}.weight" for unit in animegan_v3.BASE for part in ("1", "2.conv")]
    tail = [f"{unit}.{part}.weight" for unit in animegan_v3.TAIL for part in ("1", "2.conv")] + ["out.1.weight"]
    scale = ours["attention.norm.weight"] / np.sqrt(ours["attention.norm.running_var"] + 1e-3)
    shift = ours["attention.norm.bias"] - ours["attention.norm.running_mean"] * scale
    asks, tells = ours["attention.kernel"].T[:, :, None, None], ours["attention.kernel"][:, :, None, None]
    tell = ours["attention.tell.weight"] * (scale[:, None, None, None] if merged else 1)
    kernels = [*(ours[name] for name in units), ours["attention.ask.weight"], asks, tells, tell, *(ours[name] for name in tail)]
    nodes, tensors = [], []
    for place, kernel in enumerate(kernels):
        last = place == len(units) + 3
        nodes.append(onnx_file.node("Conv", [f"x{place}", f"w{place}", *(["shift"] if last and merged else [])], [f"y{place}"]))
        if last and not merged:
            nodes += [onnx_file.node("Mul", [f"y{place}", "scale"], ["m"]), onnx_file.node("Add", ["m", "shift"], ["a"])]
        tensors.append(onnx_file.tensor(f"w{place}", kernel, raw=place % 2 == 0))
    return onnx_file.model(nodes, [*tensors, onnx_file.tensor("scale", scale), onnx_file.tensor("shift", shift)])


def test_tensors_and_nodes_come_back_as_they_were_written(tmp_path):
    numbers = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    tensors = [onnx_file.tensor("raw", numbers), onnx_file.tensor("packed", -numbers, raw=False)]
    graph = read(put(tmp_path, onnx_file.model([onnx_file.node("Conv", ["x", "w"], ["y"]), onnx_file.node("Tanh", ["y"], ["z"])], tensors)))
    assert graph.nodes == [Node("Conv", ("x", "w"), ("y",)), Node("Tanh", ("y",), ("z",))]
    assert np.array_equal(graph.tensors["raw"], numbers)
    assert np.array_equal(graph.tensors["packed"], -numbers)


@pytest.mark.parametrize("merged", [True, False])
def test_a_converted_animegan_paints_as_before(tmp_path, merged):
    state = random_state("main")
    place = convert(put(tmp_path, exported(state, merged=merged)))
    assert weights._holds(place) == "animegan"
    net, before = animegan_v3.build(load_file(place), "converted", "main"), animegan_v3.build(state, "random", "main")
    picture = torch.rand(1, 3, 32, 48) * 2 - 1
    with torch.no_grad():
        assert apart(net(picture), before(picture)) < 1e-5


def test_other_graphs_and_broken_files_are_refused(tmp_path):
    whole = exported(random_state("main"), merged=True)
    one = onnx_file.model([onnx_file.node("Conv", ["x", "w"], ["y"])], [onnx_file.tensor("w", np.ones((1, 1, 3, 3)))])
    with pytest.raises(BadInput, match="it has 1 convolutions, and AnimeGANv3's generator with one tail 31"):
        convert(put(tmp_path, one))
    with pytest.raises(BadInput, match=r"bytes are asked for at byte .*, and .* are left"):
        convert(put(tmp_path, whole[:-100]))
    assert not list(tmp_path.glob("*.safetensors"))
    for damage in (b"\xff" * 11, b"\x3b"):
        with pytest.raises(Broken):
            read(put(tmp_path, damage))
    short = onnx_file.tensor("w", np.ones(4)).replace(b"\x08\x04", b"\x08\x05", 1)  # the side of the shape
    with pytest.raises(Broken, match="has 4 numbers for the shape"):
        read(put(tmp_path, onnx_file.model([], [short])))

"""ONNX files: tensors and nodes come back as they were written; AnimeGANv3's become its weights, and others are refused by name."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from huafang.errors import BadInput
from huafang.models import kinds
from huafang.models.onnx import Broken, Node, read
from huafang.models.pull import convert, onnx_anime
from huafang.nets import animegan_v3
from tests.models.pull import onnx_file
from tests.nets.fixtures import apart
from tests.nets.test_animegan_v3 import random_state


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
def test_an_animegan_paints_as_before(tmp_path, merged):
    state = random_state("main")
    found = onnx_anime.translated(read(put(tmp_path, exported(state, merged=merged))))
    net = animegan_v3.build({name: torch.from_numpy(values) for name, values in found.items()}, "converted", "main")
    picture = torch.rand(1, 3, 32, 48) * 2 - 1
    with torch.no_grad():
        assert apart(net(picture), animegan_v3.build(state, "random", "main")(picture)) < 1e-5


def test_converting_leaves_weights_that_are_known_as_animegan(tmp_path):
    source = put(tmp_path, exported(random_state("main"), merged=True))
    place = convert(source).path
    assert kinds.kind_at(place) == "animegan"
    assert set(load_file(place)) == set(animegan_v3.names("main").values())


def test_other_graphs_and_broken_files_are_refused(tmp_path):
    whole = exported(random_state("main"), merged=True)
    one = onnx_file.model([onnx_file.node("Conv", ["x", "w"], ["y"])], [onnx_file.tensor("w", np.ones((1, 1, 3, 3)))])
    with pytest.raises(BadInput, match="it has 1 convolutions, and AnimeGANv3's generator with one tail 31"):
        convert(put(tmp_path, one))
    assert not list(tmp_path.glob("*.safetensors"))
    with pytest.raises(Broken, match=r"bytes are asked for at byte .*, and .* are left"):
        read(put(tmp_path, whole[:-100]))
    for damage in (b"\xff" * 11, b"\x3b"):
        with pytest.raises(Broken):
            read(put(tmp_path, damage))
    short = onnx_file.tensor("w", np.ones(4)).replace(b"\x08\x04", b"\x08\x05", 1)  # the side of the shape
    with pytest.raises(Broken, match="has 4 numbers for the shape"):
        read(put(tmp_path, onnx_file.model([], [short])))

"""Torch 7's files: values come back as they were written, and broken ones are refused by name, without running anything of theirs."""

import json
import struct

import numpy as np
import pytest
import torch

from huafang.errors import BadInput
from huafang.kernels import tiled
from huafang.models import kinds
from huafang.models.pull import convert
from huafang.models.pull.torch7 import Broken, Thing, read
from huafang.nets import transformer_net
from tests.conftest import scene
from tests.models.pull import johnson_file
from tests.models.pull.torch7_file import written

ARCHITECTURES = {
    "paper": ("c9s1-8,d16,d16,R16,R16,u16,u8,c9s1-3", True),
    "nearest": ("c9s1-8,d16,R16,U2,c3s1-8,c9s1-3", True),
    "eccv16": ("c9s1-8,d16,d16,R16,u16,u8,c9s1-3", False),
}


def put(tmp_path, value, name: str = "style.t7"):
    place = tmp_path / name
    place.write_bytes(written(value))
    return place


def test_values_come_back_as_they_were_written(tmp_path):
    numbers = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    told = {"a": 1.5, "b": [True, None, "水墨"], "c": {"deep": numbers}, "d": Thing("nn.ReLU", {"inplace": False})}
    found = read(put(tmp_path, told))
    assert (found["a"], found["b"]) == (1.5, {1: True, 2: None, 3: "水墨"})
    assert np.array_equal(found["c"]["deep"], numbers)
    assert found["d"] == Thing("nn.ReLU", {"inplace": False})


def test_a_table_that_comes_again_is_the_same_one_and_code_is_passed_over(tmp_path):
    shared = struct.pack("<iii", 3, 2, 0)  # an empty table, number 2
    function = struct.pack("<iii", 8, 3, 4) + b"\x1bLua" + struct.pack("<i", 0)
    entries = [(1, shared), (2, struct.pack("<ii", 3, 2)), (3, function)]
    data = struct.pack("<iii", 3, 1, 3) + b"".join(struct.pack("<id", 1, key) + value for key, value in entries)
    (tmp_path / "a.t7").write_bytes(data)
    found = read(tmp_path / "a.t7")
    assert found[1] is found[2]
    assert found[3] is None


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_converted_style_paints_as_lua_did(tmp_path, name):
    arch, instance = ARCHITECTURES[name]
    thing = johnson_file.things(arch, instance=instance)
    place = convert(put(tmp_path, {"model": thing, "opt": {"preprocessing": "vgg", "arch": arch}})).path
    assert kinds.kind_at(place) == "fast_style"
    net = transformer_net.load(place)
    for height, width in ((48, 64), (33, 42)):
        photo = scene(height, width)
        wanted = johnson_file.painted(thing, photo)
        assert wanted.shape[2] >= height
        with torch.no_grad():
            assert float((net(photo) - wanted).abs().max()) < 5e-5
        assert float((tiled.run(net, photo) - wanted).abs().max()) < 1e-4
    assert transformer_net.least(net) == 1 + 8 * arch.count("R")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda data: data[: len(data) // 2], "are asked for at byte"),
        (lambda data: data + b"more", "4 bytes are left over"),
        (lambda data: struct.pack("<i", 99) + data[4:], "none of torch's"),
        (lambda data: struct.pack("<iii", 3, 1, 2**31 - 1) + struct.pack("<id", 1, 1.0) * 40, "are asked for at byte"),
        (lambda data: b"".join(struct.pack("<iii", 3, number, 1) for number in range(100)), "more than 60 deep"),
        (lambda data: written({"model": {"weights": 1}}), "no network of jcjohnson"),
        (lambda data: written({"model": Thing("nn.Sequential", {"modules": [Thing("nn.Linear")]})}), "a nn.Linear, which no style network"),
        (lambda data: written({"model": Thing("nn.Sequential", {"modules": [Thing("nn.Tanh")]})}), "its end is not tanh"),
    ],
)
def test_broken_and_other_files_are_refused(tmp_path, spoil, said):
    whole = written({"model": johnson_file.things("c3s1-4,c3s1-3")})
    (tmp_path / "bad.t7").write_bytes(spoil(whole))
    with pytest.raises(BadInput) as caught:
        convert(tmp_path / "bad.t7")
    assert said in caught.value.message
    assert not (tmp_path / "bad.safetensors").exists()


def test_a_tensor_cannot_reach_behind_its_storage(tmp_path):
    data = written(np.ones((3, 3), np.float32))
    shape = data.index(struct.pack("<qq", 3, 3))
    (tmp_path / "far.t7").write_bytes(data[:shape] + struct.pack("<qq", 3, 3_000_000) + data[shape + 16 :])
    with pytest.raises(Broken, match="reaches behind the 9 numbers"):
        read(tmp_path / "far.t7")


def put_layers(tmp_path, layers, most=150, tensors=None):
    """A file of one 3 × 3 convolution `1`, one that halves, `d`, one that doubles, `u`, and a norm, that says of itself what is given."""
    from safetensors.numpy import save_file

    known = {"1": (3, 3, 3, 3), "2": (3, 3, 3, 3), "d": (3, 3, 3, 3), "u": (3, 3, 3, 3), **(tensors or {})}
    state = {f"layers.{name}.weight": np.full(shape, 0.1, np.float32) for name, shape in known.items()}
    state |= {f"layers.{name}.bias": np.zeros(shape[1 if name[0] == "u" else 0], np.float32) for name, shape in known.items()}
    state |= {"layers.n.weight": np.ones(3, np.float32), "layers.n.bias": np.zeros(3, np.float32)}
    place = tmp_path / "odd.safetensors"
    said = layers if isinstance(layers, str) else json.dumps({"layers": layers, "most": most})
    save_file(state, place, metadata={"torch7.layers": said})
    return place


PLAIN = [["conv", "1", 1, 1], ["norm", "n", 1e-5], ["relu"], ["conv", "2", 1, 1], ["tanh"]]
HOSTILE = {
    "size": [["conv", "1", 1, 99999]],
    "tensor": [["conv", "nowhere", 1, 1], ["tanh"]],
    "kind": [["exec", "1"]],
    "text": '{"layers": "no"}',
    "number": [3],
    "empty": [],
    "nameless": [[]],
    "end": PLAIN[:-1],
    "stride of nothing": [["conv", "1", 0, 1], ["tanh"]],
    "stride by half": [["conv", "1", 0.5, 1], ["tanh"]],
    "stride of truth": [["conv", "1", True, 1], ["tanh"]],
    "smaller": [["conv", "d", 2, 1], ["tanh"]],
    "larger": [["double"], ["conv", "1", 2, 1], ["tanh"]],
    "much larger": [*([["double"]] * 190), ["tanh"]],
    "larger by full": [["full", "u", 4, 0, 0], ["tanh"]],
    "borders": [*([["mirror", 200]] * 100), ["tanh"]],
    "borders of a small map": [["conv", "d", 2, 1], *([["mirror", 60]] * 2), ["full", "u", 2, 1, 1], ["tanh"]],
    "border and full": [["mirror", 40], ["full", "1", 200, 0, 0], ["full", "2", 200, 0, 0], ["full", "u", 200, 0, 0], ["tanh"]],
    "twice the same": [["conv", "1", 1, 1], ["conv", "1", 1, 1], ["tanh"]],
    "eps of nothing": [["norm", "n", 0], ["tanh"]],
    "eps below": [["norm", "n", -1e-5], ["tanh"]],
    "eps no number": [["norm", "n", float("nan")], ["tanh"]],
    "eps of text": [["norm", "n", "x"], ["tanh"]],
    "many layers": [*([["relu"]] * 300), ["tanh"]],
    "block in a block": [["residual", 0, [["residual", 0, [["relu"]]]]], ["tanh"]],
    "block that shrinks": [["residual", 0, [["conv", "1", 1, 0]]], ["tanh"]],
    "block that halves": [["residual", 0, [["conv", "d", 2, 1]]], ["tanh"]],
    "block of text": [["residual", 0, "x"], ["tanh"]],
    "deep": '{"layers": ' + "[" * 40_000 + "]" * 40_000 + "}",
    "a width": [["conv", "w", 1, 0], ["conv", "v", 1, 0], ["tanh"]],
    "work": [["conv", "a", 1, 30], ["conv", "b", 1, 30], ["conv", "c", 1, 30], ["tanh"]],
}
WIDE = {"w": (2000, 3, 1, 1), "v": (3, 2000, 1, 1), "a": (64, 3, 61, 61), "b": (64, 64, 61, 61), "c": (3, 64, 61, 61)}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_list_of_layers_that_is_no_network_or_has_no_bounds_is_refused(tmp_path, name):
    tensors = {key: shape for key, shape in WIDE.items() if (name == "a width") == (key in "wv")} if name in ("a width", "work") else None
    place = put_layers(tmp_path, HOSTILE[name], tensors=tensors)
    with pytest.raises(BadInput) as caught:
        transformer_net.load(place)
    assert "list of layers is no network" in caught.value.message or name == "deep"
    assert len(caught.value.message) < 400


@pytest.mark.parametrize("most", [0, -1, 1001, "x", None, True, [150], float("nan"), float("inf")])
def test_the_range_of_the_result_is_a_number_of_the_known_size(tmp_path, most):
    with pytest.raises(BadInput, match="range of its result"):
        transformer_net.load(put_layers(tmp_path, PLAIN, most=most))


def test_a_network_without_a_mirrored_border_paints(tmp_path):
    net = transformer_net.load(put_layers(tmp_path, PLAIN))
    assert transformer_net.least(net) == 8
    assert net(torch.rand(1, 3, 8, 9)).shape == (1, 3, 8, 9)


def test_the_least_side_is_that_into_which_all_borders_fit(tmp_path):
    halved = [["conv", "d", 2, 1], ["mirror", 9], ["conv", "1", 1, 0], ["conv", "2", 1, 0], ["full", "u", 2, 1, 1], ["tanh"]]
    net = transformer_net.load(put_layers(tmp_path, halved))
    least = transformer_net.least(net)
    assert least == 19
    assert net(torch.rand(1, 3, least, least)).shape[2] >= least
    with pytest.raises(RuntimeError):
        net(torch.rand(1, 3, least - 1, least - 1))

"""Torch 7's files: values come back as they were written, and broken ones are refused by name, without running anything of theirs."""

import json
import struct

import numpy as np
import pytest
import torch

from huafang import weights
from huafang.errors import BadInput
from huafang.nets import bands, transformer_net
from huafang.pull import convert
from huafang.pull.torch7 import Broken, Thing, read
from tests.conftest import scene
from tests.pull import johnson_file
from tests.pull.torch7_file import written

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
    place = convert(put(tmp_path, {"model": thing, "opt": {"preprocessing": "vgg", "arch": arch}}))
    assert weights._holds(place) == "fast_style"
    net = transformer_net.load(place)
    for height, width in ((48, 64), (33, 42)):
        photo = scene(height, width)
        wanted = johnson_file.painted(thing, photo)
        assert wanted.shape[2] >= height
        with torch.no_grad():
            assert float((net(photo) - wanted).abs().max()) < 5e-5
        assert float((bands.run(net, photo) - wanted).abs().max()) < 1e-4
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


def test_metadata_that_is_no_network_is_refused(tmp_path):
    from safetensors.numpy import save_file

    place = tmp_path / "odd.safetensors"
    for layers in ([["conv", "1", 1, 99999]], [["conv", "2", 1, 1]], [["exec", "1"]], "no", [3]):
        save_file({"layers.1.weight": np.ones((3, 3, 3, 3), np.float32)}, place, metadata={"torch7.layers": json.dumps({"layers": layers, "most": 1})})
        with pytest.raises(BadInput, match="list of layers is no network"):
            transformer_net.load(place)

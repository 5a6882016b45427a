"""SqueezeNet's features, weighed by LPIPS's published heads, give the distances that the authors' code gives."""

import re

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

from huafang.errors import BadInput
from huafang.nets import squeezenet
from tests.nets.fixtures import Fixture


def test_features_give_the_authors_lpips_distances(shared, tmp_path):
    known = Fixture(shared, "lpips")
    named = {re.sub(r"^slice\d+\.", "features.", key): known.rule.tensor(key, shape) for key, shape in known.keys["squeeze"].items()}
    save_file(named, tmp_path / "net.safetensors")
    net = squeezenet.load(tmp_path / "net.safetensors")
    heads = load_file(shared / "weights" / "lpips_v0.1_squeeze_heads.safetensors")
    a, b = (known.rule.tensor(name, (2, 3, 64, 80), -1, 1) / 2 + 0.5 for name in ("a", "b"))
    total = torch.zeros(2)
    for place, (x, y) in enumerate(zip(net(a), net(b), strict=True)):
        apart = (F.normalize(x, dim=1, eps=1e-10) - F.normalize(y, dim=1, eps=1e-10)).square()
        total = total + F.conv2d(apart, heads[f"lin{place}.model.1.weight"]).mean(dim=(1, 2, 3))
    assert torch.allclose(total, known.want("squeeze"), atol=1e-5)


def test_the_real_weights_load_and_fewer_taps_cost_less(shared):
    net = squeezenet.load(shared / "weights" / "squeezenet1_1.safetensors")
    pixels = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    found = net(pixels)
    assert [one.shape[1] for one in found] == [64, 128, 256, 384, 384, 512, 512]
    assert all(torch.equal(a, b) for a, b in zip(net(pixels, 2), found, strict=False))


def test_another_network_is_refused(tmp_path):
    save_file({"features.0.weight": torch.zeros(2, 2)}, tmp_path / "other.safetensors")
    with pytest.raises(BadInput, match=r"other\.safetensors is no SqueezeNet"):
        squeezenet.load(tmp_path / "other.safetensors")

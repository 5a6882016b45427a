"""The reference recipe's generator and AnimeGANv2's discriminator."""

import pytest
import torch

from huafang.errors import BadInput
from huafang.kernels import tiled
from huafang.nets import anime_discriminator, anime_reference
from tests.nets.fixtures import apart


def test_the_reference_generator_in_bands_is_the_whole(monkeypatch):
    monkeypatch.setattr(tiled, "NUMBERS", {"cpu": 1})
    torch.manual_seed(0)
    net = anime_reference.build(anime_reference.Generator().state_dict(), "random")
    assert sum(one.numel() for one in net.parameters()) == 1_374_723
    picture = torch.rand(1, 3, 40, 52) * 2 - 1
    with torch.no_grad():
        assert apart(tiled.run(net, picture), net(picture)) < 1e-4


def test_another_network_is_no_reference_generator():
    with pytest.raises(BadInput, match="is no generator of the reference AnimeGAN recipe: it lacks encoder"):
        anime_reference.build({"a": torch.zeros(1)}, "other")


def test_the_discriminator_has_the_authors_layers_and_judges_each_picture_alone():
    net = anime_discriminator.fresh(0, spectral=True).eval()
    assert sum(one.numel() for one in net.parameters()) == 1_128_800
    pictures = torch.rand(2, 3, 64, 48, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.no_grad():
        together = net(pictures)
        assert together.shape == (2, 1, 16, 12)
        assert apart(together[1:], net(pictures[1:])) < 1e-5


def test_spectral_norm_holds_each_layer_at_one():
    net = anime_discriminator.fresh(0, spectral=True)
    for _ in range(300):
        net(torch.zeros(1, 3, 8, 8))
    for layer in net.layers:
        if isinstance(layer, torch.nn.Conv2d):
            assert abs(float(torch.linalg.matrix_norm(layer.weight.detach().flatten(1), 2)) - 1) < 0.02

"""CAP-VSTNet's network held against the authors' outputs, its bands against the whole, and its transform against what it promises: mean and covariance."""

import pytest
import torch
from safetensors.torch import save_file

from huafang.errors import BadInput
from huafang.nets import bands, rev_resnet
from huafang.ops import cwct
from tests.nets.fixtures import Fixture, apart


def random_state(seed: int = 0) -> dict[str, torch.Tensor]:
    """Weights whose features spread over all channels and do not run off."""
    torch.manual_seed(seed)
    state = rev_resnet.RevResNet().state_dict()
    return {name: torch.randn(one.shape) * (0.5 / one[0].numel()) ** 0.5 if one.dim() > 1 else 0.01 * torch.randn(one.shape) for name, one in state.items()}


def published(halves: rev_resnet.Halves, mode: rev_resnet.Mode) -> torch.Tensor:
    z = torch.cat(halves, 1)
    for _ in range(rev_resnet.FOLDS[mode]):
        z = rev_resnet.unfold(z)
    return z


def look(halves: rev_resnet.Halves, mode: rev_resnet.Mode) -> cwct.Look:
    groups = rev_resnet.GROUPS[mode]
    moments = cwct.Moments(256 // groups)
    for half in halves:
        moments.add(half.reshape(groups, moments.channels, -1))
    return cwct.Look.of(moments)


@pytest.mark.parametrize("mode", ["photo", "art"])
def test_features_transfer_and_picture_are_the_authors(shared, mode):
    fixture = Fixture(shared, "cap_vstnet")
    net = rev_resnet.build({name: 0.5 * one for name, one in fixture.state().items()}, "by rule")
    assert (sum(one.numel() for one in net.parameters()), len(net.state_dict())) == (4_089_936, 192)
    content = net.encode(fixture.input("content", 48, 80))
    assert apart(published(content, mode), fixture.want(f"{mode}_z")) < 2e-6
    assert apart(net.decode([one.clone() for one in content]), fixture.want(f"{mode}_inv")) < 3e-6
    transfer = cwct.Transfer.between(look(content, mode), look(net.encode(fixture.input("style", 64, 64)), mode))
    moved = [transfer(half.reshape(rev_resnet.GROUPS[mode], -1, 12 * 20)).float().view_as(half) for half in content]
    assert apart(published(moved, mode), fixture.want(f"{mode}_t")) < 2e-6
    assert apart(net.decode(moved), fixture.want(f"{mode}_y")) < 3e-6


@pytest.mark.parametrize("size", [(8, 8), (8, 132), (140, 12)])
def test_bands_are_the_whole_and_decoding_undoes_encoding(monkeypatch, size):
    net, picture = rev_resnet.build(random_state(), "random"), torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(1))
    heard: list[int] = []
    with torch.no_grad():
        one, other = torch.zeros(2, 1, 16, *size)
        one[:, :3] = picture
        for block in net.blocks:  # the paper's equations, on whole maps
            inner = block(other)
            one, other = (rev_resnet.fold(other), rev_resnet.fold(one) + inner) if block.stride == 2 else (other, one + inner)
    monkeypatch.setattr(bands, "NUMBERS", {"cpu": 1})
    halves = net.encode(picture, report=lambda: heard.append(1))
    assert max(apart(halves[0], one), apart(halves[1], other)) < 1e-5
    assert len(heard) == net.reports(picture.device, *size) >= len(net.blocks)
    assert apart(net.decode(halves), picture) < 1e-5
    assert halves == [], "what was written over is nobody's any more"


def test_folding_is_undone_and_keeps_squares_together():
    x = torch.arange(2 * 4 * 6.0).view(1, 2, 4, 6)
    folded = rev_resnet.fold(x)
    assert folded.shape == (1, 8, 2, 3)
    assert folded[0, ::2, 0, 0].tolist() == [0, 1, 6, 7], "a square of the first channel"
    assert torch.equal(rev_resnet.unfold(folded), x)


def test_the_transfer_gives_mean_and_covariance_and_half_of_it_goes_half_way():
    generator = torch.Generator().manual_seed(0)
    content, style = (torch.randn(8, 8, generator=generator) @ torch.randn(1, 8, 500, generator=generator) + shift for shift in (1.0, -2.0))
    own, wanted = cwct.Moments(8), cwct.Moments(8)
    for piece in content.split(130, 2):
        own.add(piece)
    wanted.add(style)
    assert torch.allclose(own.covariance, torch.cov(content[0].double()), atol=1e-9), "pieces add up to the whole"
    moved = cwct.Moments(8)
    moved.add(cwct.Transfer.between(cwct.Look.of(own), cwct.Look.of(wanted))(content))
    assert torch.allclose(moved.covariance, wanted.covariance, atol=1e-8)
    assert torch.allclose(moved.mean, wanted.mean, atol=1e-8)
    half = cwct.mixed([cwct.Look.of(own), cwct.Look.of(wanted)], [0.5, 0.5])
    assert torch.allclose(half.mean, (own.mean + wanted.mean) / 2)


def test_weights_of_places_are_what_is_measured():
    z = torch.randn(2, 4, 50, generator=torch.Generator().manual_seed(0))
    cover = torch.zeros(2, 50)
    cover[1, 10:40] = 1
    under, alone = cwct.Moments(4), cwct.Moments(4)
    under.add(z, cover)
    alone.add(z[1:, :, 10:40])
    assert under.weight == 30
    assert torch.allclose(under.covariance, alone.covariance)
    before = under.weight
    under.add(z, torch.zeros(2, 50))
    assert under.weight == before, "what is nowhere to be seen counts nothing"


def test_flat_features_are_not_blown_up():
    """A covariance that is zero but for rounding takes the authors' ridge, so that whitening multiplies by 224 at the most and not by millions."""
    flat = cwct.Moments(4)
    flat.add(0.5 + 1e-8 * torch.randn(1, 4, 1000, dtype=torch.float64))
    assert float(flat.covariance.diagonal().max()) < 1e-15
    rich = cwct.Moments(4)
    rich.add(torch.randn(1, 4, 1000))
    assert float(cwct.Transfer.between(cwct.Look.of(flat), cwct.Look.of(rich)).matrix.abs().max()) < 300


def test_other_networks_are_refused(tmp_path):
    save_file({"decoder.1.weight": torch.zeros(3)}, tmp_path / "adain.safetensors")
    with pytest.raises(BadInput, match="allowed are CAP-VSTNet"):
        rev_resnet.load(tmp_path / "adain.safetensors")
    state = random_state()
    state.pop("stack.4.conv.7.bias")
    save_file(state, tmp_path / "part.safetensors")
    with pytest.raises(BadInput, match=r"lacks stack\.4\.conv\.7\.bias"):
        rev_resnet.load(tmp_path / "part.safetensors")

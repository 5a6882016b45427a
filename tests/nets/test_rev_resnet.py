"""CAP-VSTNet's network held against the authors' outputs, its bands against the whole, and its transform against what it promises: mean and covariance."""

import pytest
import torch
from safetensors.torch import save_file

from huafang.errors import BadInput
from huafang.kernels import tiled
from huafang.nets import rev_resnet
from huafang.ops import cwct
from tests.nets.fixtures import Fixture, apart


def random_state(seed: int = 0) -> dict[str, torch.Tensor]:
    """Weights whose features spread over all channels and do not run off."""
    torch.manual_seed(seed)
    state = rev_resnet.RevResNet().state_dict()
    return {name: torch.randn(one.shape) * (0.5 / one[0].numel()) ** 0.5 if one.dim() > 1 else 0.01 * torch.randn(one.shape) for name, one in state.items()}


def unfold(x: torch.Tensor) -> torch.Tensor:
    """(1, 4C, h, w) -> (1, C, 2h, 2w), square by square, as the paper has it."""
    made = torch.empty(1, x.shape[1] // 4, 2 * x.shape[2], 2 * x.shape[3])
    for place, channels in enumerate(x.chunk(4, 1)):
        made[:, :, place // 2 :: 2, place % 2 :: 2] = channels
    return made


def published(halves: rev_resnet.Halves, mode: rev_resnet.Mode) -> torch.Tensor:
    z = torch.cat(halves, 1)
    for _ in range(rev_resnet.FOLDS[mode]):
        z = unfold(z)
    return z


def places(half: torch.Tensor, mode: rev_resnet.Mode) -> torch.Tensor:
    """(1, 256, h, w) -> (places, C) of the published features."""
    return half.permute(0, 2, 3, 1).reshape(-1, 256 // rev_resnet.GROUPS[mode])


def look(halves: rev_resnet.Halves, mode: rev_resnet.Mode) -> cwct.Look:
    moments = cwct.Moments(256 // rev_resnet.GROUPS[mode])
    for half in halves:
        moments.add(cwct.Sums.of(places(half, mode)))
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
    moved = [transfer(places(half, mode)).float().view(1, 12, 20, 256).permute(0, 3, 1, 2) for half in content]
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
    monkeypatch.setattr(tiled, "NUMBERS", {"cpu": 1})
    halves = net.encode(picture, report=lambda: heard.append(1))
    assert max(apart(halves[0], one), apart(halves[1], other)) < 1e-5
    assert len(heard) == net.reports(picture.device, *size) >= len(net.blocks)
    assert apart(net.decode(halves), picture) < 1e-5
    assert halves == [], "what was written over is nobody's any more"


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_threads_change_no_bit(monkeypatch, dtype):
    net, picture = rev_resnet.build(random_state(), "random"), torch.rand(1, 3, 136, 40, generator=torch.Generator().manual_seed(1))
    monkeypatch.setattr(tiled, "NUMBERS", {"cpu": 1})
    before, found = torch.get_num_threads(), []
    try:
        for count in (1, 3):
            torch.set_num_threads(count)
            halves = net.encode(picture, dtype=dtype)
            found.append([*(half.clone() for half in halves), net.decode(halves, dtype=dtype)])
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))


def test_in_bfloat16_what_is_not_touched_comes_back():
    """F is rounded, the halves are not, and undoing reckons with the same F but for the float32 rounding of what it reads."""
    net, picture = rev_resnet.build(random_state(), "random"), torch.rand(1, 3, 64, 80, generator=torch.Generator().manual_seed(1))
    exact, rough = (net.encode(picture, dtype=dtype) for dtype in (torch.float32, torch.bfloat16))
    assert 1e-5 < apart(rough[0], exact[0]) < 1e-2
    back = net.decode(rough, dtype=torch.bfloat16)
    assert float((back - picture).square().mean().sqrt()) < 1.5e-3  # the pixel furthest away, of 15,360, is chance: 4 to 6 times as far, by the seed


def test_folding_keeps_squares_together():
    x = torch.arange(2 * 4 * 6.0).view(1, 2, 4, 6)
    folded = rev_resnet.fold(x)
    assert folded.shape == (1, 8, 2, 3)
    assert folded[0, ::2, 0, 0].tolist() == [0, 1, 6, 7], "a square of the first channel"
    assert torch.equal(unfold(folded), x)


def done(half, work, rows):
    """The half behind a folding, or an unfolding, of so many rows at a time."""
    for first in range(0, 12, rows):
        work(first, first + rows)
    return half


@pytest.mark.parametrize("rows", [1, 12])
def test_halves_are_folded_and_unfolded_where_they_are(rows):
    half = torch.rand(12, 16, 8).permute(1, 0, 2)[None]
    before, place = half.clone(), half.data_ptr()
    once = done(*rev_resnet.folding(half), rows)
    assert torch.equal(once, rev_resnet.fold(before))
    twice = done(*rev_resnet.folding(once), rows)
    assert torch.equal(twice, rev_resnet.fold(rev_resnet.fold(before)))
    back = done(*rev_resnet.unfolding(done(*rev_resnet.unfolding(twice), rows)), rows)
    assert torch.equal(back, before)
    assert (back.data_ptr(), back.stride()[1:]) == (place, half.stride()[1:])


def test_the_transfer_gives_mean_and_covariance_and_half_of_it_goes_half_way():
    generator = torch.Generator().manual_seed(0)
    content, style = (torch.randn(500, 8, generator=generator) @ torch.randn(8, 8, generator=generator) + shift for shift in (1.0, -2.0))
    own, wanted = cwct.Moments(8), cwct.Moments(8)
    for piece in content.split(130):
        own.add(cwct.Sums.of(piece))
    wanted.add(cwct.Sums.of(style))
    assert torch.allclose(own.covariance, torch.cov(content.T.double()), atol=1e-9), "pieces add up to the whole"
    moved = cwct.Moments(8)
    moved.add(cwct.Sums.of(cwct.Transfer.between(cwct.Look.of(own), cwct.Look.of(wanted))(content)))
    assert torch.allclose(moved.covariance, wanted.covariance, atol=1e-8)
    assert torch.allclose(moved.mean, wanted.mean, atol=1e-8)
    half = cwct.mixed([cwct.Look.of(own), cwct.Look.of(wanted)], [0.5, 0.5])
    assert torch.allclose(half.mean, (own.mean + wanted.mean) / 2)


def test_weights_of_places_are_what_is_measured():
    z = torch.randn(100, 4, generator=torch.Generator().manual_seed(0))
    cover = torch.zeros(100)
    cover[60:90] = 1
    under, alone = cwct.Moments(4), cwct.Moments(4)
    under.add(cwct.Sums.of(z, cover))
    alone.add(cwct.Sums.of(z[60:90]))
    assert under.weight == 30
    assert torch.allclose(under.covariance, alone.covariance)
    before = under.weight
    under.add(cwct.Sums.of(z, torch.zeros(100)))
    assert under.weight == before, "what is nowhere to be seen counts nothing"


def test_flat_features_are_not_blown_up():
    """A covariance that is zero but for rounding takes the authors' ridge, so that whitening multiplies by 224 at the most and not by millions."""
    flat = cwct.Moments(4)
    flat.add(cwct.Sums.of(0.5 + 1e-8 * torch.randn(1000, 4, dtype=torch.float64)))
    assert float(flat.covariance.diagonal().max()) < 1e-15
    rich = cwct.Moments(4)
    rich.add(cwct.Sums.of(torch.randn(1000, 4)))
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

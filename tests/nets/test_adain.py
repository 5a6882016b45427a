"""AdaIN held against the outputs of its PyTorch port (by fixture), at each of its stages."""

import pytest
import torch
from safetensors.torch import save_file

from huafang.errors import BadInput
from huafang.kernels import layers, tiled
from huafang.nets import adain
from tests.nets.fixtures import Fixture, apart


def random_state(seed: int = 0) -> dict[str, torch.Tensor]:
    """He weights, biases 0; what comes out is about [0, 1]."""
    torch.manual_seed(seed)
    state = adain.AdaINNet().state_dict()
    for name, tensor in state.items():
        state[name] = torch.randn(tensor.shape) * (2 / tensor[0].numel()) ** 0.5 if tensor.dim() > 1 else torch.zeros_like(tensor)
    state["decoder.28.weight"] *= 0.2
    state["decoder.28.bias"] += 0.5
    return state


def test_every_stage_is_the_authors(shared):
    fixture = Fixture(shared, "adain")
    net = adain.build(fixture.state(), "rule")
    assert sum(one.numel() for one in net.vgg.parameters()) == 3_505_740
    assert sum(one.numel() for one in net.decoder.parameters()) == 3_505_219
    photo = fixture.input("content", 48, 80)
    with torch.no_grad():
        style = layers.statistics(net.vgg(fixture.input("style", 64, 64)))
        features = net.vgg(photo)
        stages = [(features, fixture.want("f")), (layers.AdaIN(*style)(features), fixture.want("t"))]
        stages += [(net.styled(style, alpha)(photo), fixture.want(wanted)) for alpha, wanted in ((1.0, "y"), (0.5, "y_half"))]
        for stage, wanted in stages:  # the rule's weights take them to 4 and to 8, and float32 rounds in proportion
            assert apart(stage, wanted) < 2e-5 * float(wanted.abs().max())
        for alpha, name in ((1.0, "y"), (0.5, "y_half")):
            assert apart(tiled.run(net.styled(style, alpha), photo), fixture.want(name)) < 5e-5
    for one, other in zip(net.style(fixture.input("style", 64, 64)), style, strict=True):
        assert apart(one, other) < 1e-4


def test_odd_sizes_grow_to_the_next_eight_and_bands_are_the_whole():
    net, photo = adain.build(random_state(), "random"), torch.rand(1, 3, 65, 70)
    style = net.style(torch.rand(1, 3, 33, 47))
    with torch.no_grad():
        whole = net.styled(style, 0.7)(photo)
    assert whole.shape[2:] == (72, 72)
    assert apart(tiled.run(net.styled(style, 0.7), photo), whole) < 1e-4


def test_one_file_or_two_make_the_same_network(tmp_path):
    state = random_state()
    deeper = {"32.weight": torch.zeros(512, 512, 3, 3)}
    save_file(state, tmp_path / "both.safetensors")
    save_file({key.removeprefix("decoder."): one for key, one in state.items() if key.startswith("decoder.")}, tmp_path / "decoder.safetensors")
    save_file({key.removeprefix("vgg."): one for key, one in state.items() if key.startswith("vgg.")} | deeper, tmp_path / "vgg.safetensors")
    both, two = adain.load(tmp_path / "both.safetensors"), adain.load(tmp_path / "decoder.safetensors", tmp_path / "vgg.safetensors")
    assert all(torch.equal(one, other) for one, other in zip(both.parameters(), two.parameters(), strict=True))
    with pytest.raises(BadInput, match=r"decoder\.safetensors is no pair .* it lacks vgg\.0\.weight"):
        adain.load(tmp_path / "decoder.safetensors")
    with pytest.raises(BadInput, match="allowed are AdaIN's encoder"):
        adain.load(tmp_path / "vgg.safetensors")
    with pytest.raises(BadInput, match="allowed are AdaIN's encoder"):
        adain.load(tmp_path / "decoder.safetensors", tmp_path / "decoder.safetensors")

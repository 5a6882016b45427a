"""CycleGAN's generator held against the authors' outputs, by fixture."""

import pytest
import torch
from safetensors.torch import save_file

from huafang.errors import BadInput
from huafang.kernels import convolutions, tiled
from huafang.nets import cyclegan
from tests.nets.fixtures import Fixture, apart


def random_state() -> dict[str, torch.Tensor]:
    """The authors' own start: normal, 0.02 (He at the end, so that pixels differ)."""
    torch.manual_seed(0)
    state = {name: 0.02 * torch.randn(one.shape) for name, one in cyclegan.Generator().state_dict().items()}
    state["model.26.weight"] = torch.randn(3, 64, 7, 7) * (1 / (64 * 49)) ** 0.5
    return state


def test_the_generator_is_the_authors(shared, monkeypatch):
    fixture = Fixture(shared, "cyclegan")
    net = cyclegan.build(fixture.state(), "rule")
    assert sum(one.numel() for one in net.parameters()) == 11_378_179
    picture = fixture.input("x", 48, 80, -1, 1)
    with torch.no_grad():
        assert apart(net(picture), fixture.want("y")) < 2e-5
    assert apart(tiled.run(net, picture), fixture.want("y")) < 1e-4, "the issue's bound"
    monkeypatch.setattr(convolutions, "MANY", 1 << 20)
    assert apart(tiled.run(net, picture), fixture.want("y")) < 2e-5, "without Winograd's tiles"


@pytest.mark.parametrize("size", [(33, 39), (8, 50)])
def test_odd_sizes_grow_to_the_next_four_and_bands_are_the_whole(size, monkeypatch):
    net, picture = cyclegan.build(random_state(), "random"), 2 * torch.rand(1, 3, *size) - 1
    with torch.no_grad():
        whole = net(picture)
    assert whole.shape[2:] == tuple(-(-side // 4) * 4 for side in size)
    assert apart(tiled.run(net, picture), whole) < 1e-4, "the issue's bound"
    monkeypatch.setattr(convolutions, "MANY", 1 << 20)
    assert apart(tiled.run(net, picture), whole) < 2e-5, "without Winograd's tiles"


def test_running_statistics_of_old_checkpoints_are_left_out_and_antialiased_networks_refused(tmp_path):
    state = random_state()
    old = state | {"model.2.running_mean": torch.ones(64), "model.10.conv_block.2.running_var": torch.ones(256)}
    assert torch.equal(cyclegan.build(old, "old").model[1].weight, state["model.1.weight"])
    save_file(state | {"model.7.filt": torch.ones(128, 1, 3, 3)}, tmp_path / "cut.safetensors")
    with pytest.raises(BadInput, match="without antialiasing"):
        cyclegan.load(tmp_path / "cut.safetensors")

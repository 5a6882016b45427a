"""StarGAN's generator held against the authors' outputs, by fixture: as their command runs it, with the statistics of the picture."""

import pytest
import torch

from huafang.errors import BadInput
from huafang.kernels import tiled
from huafang.nets import stargan
from tests.nets.fixtures import Fixture, apart


def random_state(labels: int = 5) -> dict[str, torch.Tensor]:
    """He weights; norms of scale 1."""
    torch.manual_seed(0)
    state = stargan.Generator(labels).state_dict()
    return {name: torch.randn(one.shape) * (1 / one[0].numel()) ** 0.5 if one.dim() > 1 else one for name, one in state.items()}


def test_the_generator_is_the_authors(shared):
    fixture = Fixture(shared, "stargan")
    net = stargan.build(fixture.state(), "rule")
    picture = fixture.input("x", 48, 80, -1, 1)
    marked = stargan.Labelled((1, 0, 0, 1, 0))(picture)
    with torch.no_grad():
        assert apart(net(marked), fixture.want("train_mode")) < 5e-5
        assert apart(net(marked), fixture.want("eval_mode")) > 0.1, "running statistics make another picture"
    assert apart(tiled.run(net, marked), fixture.want("train_mode")) < 5e-5
    told = tiled.run(net.told((1, 0, 0, 1, 0)), (picture + 1) / 2)
    assert apart(told, fixture.want("train_mode") / 2 + 0.5) < 5e-5


@pytest.mark.parametrize("size", [(33, 39), (8, 51)])
def test_bands_are_the_whole(size):
    net, picture = stargan.build(random_state(2), "random").told((0.0, 1.0)), torch.rand(1, 3, *size)
    with torch.no_grad():
        assert apart(tiled.run(net, picture), net(picture)) < 2e-5


def test_labels_are_as_many_as_the_network_has():
    with pytest.raises(BadInput, match="labels: 3 came, and this network has 5"):
        stargan.build(random_state(), "random").told((1, 0, 0))


def test_other_networks_are_refused():
    with pytest.raises(BadInput, match="allowed are StarGAN's generator"):
        stargan.build({"main.0.weight": torch.zeros(64, 3, 7, 7)}, "unlabelled")

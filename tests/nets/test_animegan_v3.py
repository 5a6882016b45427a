"""AnimeGANv3's generator: its parts by their own definitions, the authors' names and numbers, and the same in bands.

That the whole is the authors' was found by running their code beside it (docs/parity.md); what that depends on is held here part by part.
"""

import pytest
import torch
import torch.nn.functional as F

from huafang.errors import BadInput
from huafang.kernels import tiled
from huafang.nets import animegan_v3
from huafang.nets.animegan_v3 import Attention, Generator, Lade, SelfGuided
from huafang.ops.guided import guided
from tests.nets.fixtures import apart


def random_state(*tails: str) -> dict[str, torch.Tensor]:
    """The authors' variables, in their shapes, at random."""
    dice = torch.Generator().manual_seed(0)
    shapes = Generator().state_dict()
    state = {}
    for tail in tails:
        for ours, theirs in animegan_v3.names(tail).items():
            shape = tuple(shapes[ours].shape)
            shape = (shape[2], shape[3], shape[1], shape[0]) if len(shape) == 4 else (1, *shape) if ours == "attention.kernel" else shape
            spread = torch.tensor(shape[:-1]).prod() ** -0.5 if len(shape) > 1 else 0.1
            state[theirs] = torch.randn(shape, generator=dice) * spread + float(ours.endswith(("norm.weight", "running_var")))
    return state


@pytest.fixture(scope="module")
def net() -> Generator:
    return animegan_v3.build(random_state("main"), "random", "main")


def test_it_has_the_published_number_of_parameters(net):
    tail = [one for name, one in net.named_parameters() if not name.startswith("down")]
    assert sum(one.numel() for one in tail) == 530_272
    assert sum(one.numel() for one in net.parameters()) == 497_248 + 530_272


def test_the_names_are_tensorflows():
    """As its own code gives them: two convolutions a unit, numbered in the order they are made; the norm's of the second graph, which paints."""
    names = animegan_v3.names("main")
    assert names["down1.1.weight"] == "generator.base.Conv.weights"
    assert names["down8.1.2.conv.weight"] == "generator.base.Conv_13.weights"
    assert names["up4.1.weight"] == "generator.main.Conv.weights"
    assert names["out.1.weight"] == "generator.main.Conv_12.weights"
    assert names["attention.norm.running_var"] == "generator_1.main.External_attention.Variable_3"
    assert len(set(names.values())) == len(names) == 34


def test_lade_gives_each_channel_the_moments_it_has_in_a_mixture_of_all():
    torch.manual_seed(0)
    lade, x = Lade(8), torch.randn(2, 8, 9, 7)
    wanted, found = lade.conv(x).flatten(2), lade(x).flatten(2)
    assert apart(found.mean(2), wanted.mean(2)) < 1e-5
    assert apart(found.std(2), wanted.std(2)) < 1e-3


def test_attention_is_its_definition():
    """Softmax over places, then shares of a sum of 1 over memories; one kernel asks and, transposed, tells."""
    torch.manual_seed(0)
    attention, x = Attention(16).eval(), torch.randn(1, 16, 5, 6)
    asked = attention.ask(x).flatten(2)[0].T  # (30, 16)
    shares = torch.softmax(asked @ attention.kernel, 0)
    shares = shares / shares.sum(1, keepdim=True)
    told = attention.tell((shares @ attention.kernel.T).T.view(1, 16, 5, 6))
    assert apart(attention(x), F.leaky_relu(told / 1.001**0.5 + x, 0.2)) < 1e-5


def test_halvings_mirror_at_the_left_and_top():
    x = torch.randn(1, 32, 8, 8)
    pad, convolution = animegan_v3.unit(32, 32, stride=2)[:2]
    assert apart(convolution(pad(x)), F.conv2d(F.pad(x, (1, 0, 1, 0), mode="reflect"), convolution.weight, stride=2)) == 0


@pytest.mark.parametrize("size", [(16, 16), (48, 80), (40, 136)])
def test_in_bands_it_is_the_whole(net, monkeypatch, size):
    monkeypatch.setattr(tiled, "NUMBERS", {"cpu": 1})
    monkeypatch.setattr(tiled, "LEAST_ROWS", 3)
    picture = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(1)) * 2 - 1
    smoothed = torch.nn.Sequential(net, SelfGuided())
    with torch.no_grad():
        assert apart(tiled.run(net, picture), net(picture)) < 1e-4
        assert apart(tiled.run(smoothed, picture), smoothed(picture)) < 1e-4


def test_the_guided_filter_smooths_noise_and_keeps_edges():
    step = torch.cat([torch.zeros(1, 1, 20, 10), torch.ones(1, 1, 20, 10)], 3)
    noise = 0.05 * torch.randn(1, 1, 20, 20, generator=torch.Generator().manual_seed(0))
    smooth = guided(step + noise, step + noise, 2, 0.01)
    assert float((smooth - step)[..., :7].std()) < 0.5 * float(noise[..., :7].std())
    assert float((smooth[..., 10] - smooth[..., 9]).mean()) > 0.8
    assert apart(guided(step, step, 2, 0.0 + 1e-12), step) < 1e-5
    assert apart(SelfGuided()(2 * step - 1), 2 * guided(step, step, 2, 0.01) - 1) < 1e-5, "the authors' eps belongs to [0, 1]"


def test_a_tail_that_is_not_there_and_other_networks_are_refused():
    with pytest.raises(BadInput, match="random has no tail support; it has main"):
        animegan_v3.build(random_state("main"), "random", "support")
    broken = random_state("main")
    del broken["generator.main.Conv_3.weights"]
    with pytest.raises(BadInput, match="is no AnimeGANv3 generator with the tail main: it lacks join4"):
        animegan_v3.build(broken, "broken", "main")

"""The network of many styles, spelled plainly in magenta's names and layout, and its mixtures."""

import pytest
import torch
import torch.nn.functional as F

from huafang.errors import BadInput
from huafang.kernels import tiled
from huafang.nets import multi_style

SHAPES = {
    "contract.conv1": (9, 3, 32),
    "contract.conv2": (3, 32, 64),
    "contract.conv3": (3, 64, 128),
    **{f"residual.residual{block}.conv{n}": (3, 128, 128) for block in range(1, 6) for n in (1, 2)},
    "expand.conv1.conv": (3, 128, 64),
    "expand.conv2.conv": (3, 64, 32),
    "expand.conv3.conv": (9, 32, 3),
}


def random_state(styles: int = 3) -> dict[str, torch.Tensor]:
    """He weights in TensorFlow's layout (height, width, in, out), norms near 1 and 0."""
    generator = torch.Generator().manual_seed(0)
    state = {}
    for name, (kernel, channels, width) in SHAPES.items():
        fan = kernel * kernel * channels
        state[f"transformer.{name}.weights"] = torch.randn(kernel, kernel, channels, width, generator=generator) * (2 / fan) ** 0.5
        state[f"transformer.{name}.InstanceNorm.gamma"] = 1 + 0.3 * torch.randn(styles, width, generator=generator)
        state[f"transformer.{name}.InstanceNorm.beta"] = 0.3 * torch.randn(styles, width, generator=generator)
    return state


def plainly(state: dict[str, torch.Tensor], x: torch.Tensor, shares: list[float]) -> torch.Tensor:
    """Table 1 of the paper, with γ and β = Σ share · that of the style."""

    def layer(x, name, stride=1):
        weight = state[f"transformer.{name}.weights"].permute(3, 2, 0, 1)
        x = F.conv2d(F.pad(x, [weight.shape[-1] // 2] * 4, mode="reflect"), weight, stride=stride)
        scale, shift = (
            sum(share * one for share, one in zip(shares, state[f"transformer.{name}.InstanceNorm.{kind}"], strict=True)) for kind in ("gamma", "beta")
        )
        mean, variance = x.mean((2, 3), keepdim=True), x.var((2, 3), correction=0, keepdim=True)
        return (x - mean) / (variance + 1e-5).sqrt() * scale.view(1, -1, 1, 1) + shift.view(1, -1, 1, 1)

    for n, stride in ((1, 1), (2, 2), (3, 2)):
        x = layer(x, f"contract.conv{n}", stride).relu()
    for block in range(1, 6):
        x = x + layer(layer(x, f"residual.residual{block}.conv1").relu(), f"residual.residual{block}.conv2")
    for n in (1, 2):
        x = layer(F.interpolate(x, scale_factor=2, mode="nearest"), f"expand.conv{n}.conv").relu()
    return layer(x, "expand.conv3.conv").sigmoid()


@pytest.mark.parametrize("size", [(48, 80), (64, 40)])
@pytest.mark.parametrize("shares", [[1.0, 0.0, 0.0], [0.2, 0.5, 0.3]])
def test_the_network_is_the_papers_spelled_plainly(size, shares):
    state = random_state()
    picture = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(1))
    net = multi_style.build(state, "random").mixed({place: share for place, share in enumerate(shares) if share})
    with torch.no_grad():
        wanted = plainly(state, picture, shares)
        assert float((net(picture) - wanted).abs().max()) < 1e-5
    assert float((tiled.run(net, picture) - wanted).abs().max()) < 2e-5


def test_a_style_is_two_thousandths_of_the_network():
    """The paper: about 3,000 parameters a style, 0.2 % of the network."""
    state = random_state(1)
    norms = sum(tensor.numel() for name, tensor in state.items() if "InstanceNorm" in name)
    others = sum(tensor.numel() for name, tensor in state.items() if name.endswith("weights"))
    assert (norms, others) == (3_206, 1_674_432)


def test_mixing_leaves_the_network_as_it_was():
    net = multi_style.build(random_state(), "random")
    picture = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    first, other = net.mixed({0: 1.0}), net.mixed({1: 1.0})
    assert torch.equal(net.mixed({0: 1.0})(picture), first(picture))
    assert float((first(picture) - other(picture)).abs().mean()) > 0.01


def test_other_files_are_refused():
    state = random_state()
    multi_style.build(state | {"global_step": torch.zeros(()), "transformer.contract.conv1.weights.Adam": torch.zeros(1)}, "with training's leavings")
    with pytest.raises(BadInput, match="allowed are magenta's image_stylization"):
        multi_style.build({"a.weight": torch.zeros(1)}, "other")
    lacking = {name: tensor for name, tensor in state.items() if name != "transformer.residual.residual3.conv2.InstanceNorm.beta"}
    with pytest.raises(BadInput, match=r"lacks transformer\.residual\.residual3\.conv2\.InstanceNorm\.beta"):
        multi_style.build(lacking, "short")
    for kind in ("gamma", "beta"):
        state[f"transformer.contract.conv2.InstanceNorm.{kind}"] = torch.ones(2, 64)
    with pytest.raises(BadInput, match=r"its norms hold \[2, 3\] of them"):
        multi_style.build(state, "uneven")

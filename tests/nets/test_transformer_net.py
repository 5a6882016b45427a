"""Johnson's network held against the outputs of pytorch/examples (by fixture), and rrmina's layout against the same layers spelled plainly."""

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from huafang.errors import BadInput
from huafang.kernels import convolutions, tiled
from huafang.nets import transformer_net
from tests.nets.fixtures import Fixture, apart


@pytest.mark.parametrize(("given", "size", "wanted"), [("x", (48, 80), "even"), ("odd", (65, 67), "odd")])
def test_the_network_is_that_of_pytorch_examples(shared, monkeypatch, given, size, wanted):
    fixture = Fixture(shared, "fast_style")
    net = transformer_net.build(fixture.state(), "rule")
    assert sum(one.numel() for one in net.parameters()) == 1_679_235
    picture = 255 * fixture.input(given, *size)
    with torch.no_grad():
        assert apart(net(picture), fixture.want(wanted)) < 2e-5  # PyTorch rounds to 1.2e-5 with AVX2 alone
    assert apart(tiled.run(net, picture), fixture.want(wanted)) < 5e-5
    monkeypatch.setattr(convolutions, "_pays", lambda plan: False)
    assert apart(tiled.run(net, picture), fixture.want(wanted)) < 2e-5, "without Winograd's tiles"


def random_state(layout: str = "examples", seed: int = 0) -> dict[str, torch.Tensor]:
    """He weights under the names of a layout; what comes out is about [0, 255]."""
    generator = torch.Generator().manual_seed(seed)
    net = transformer_net.TransformerNet(layout)
    state = {}
    for name, tensor in net.state_dict().items():
        fan = tensor[0].numel() if tensor.dim() > 1 else 1
        drawn = torch.randn(tensor.shape, generator=generator)
        state[name] = drawn * (2 / fan) ** 0.5 if tensor.dim() > 1 else 0.1 * drawn + (name.endswith("weight"))
    state["deconv3.conv2d.weight"] *= 20
    state["deconv3.conv2d.bias"] += 128
    if layout == "rrmina":
        theirs = {ours: name for name, ours in transformer_net.RRMINA.items()}
        state = {f"{theirs[place]}.{end}": tensor for name, tensor in state.items() for place, _, end in [name.rpartition(".")]}
    return state


@pytest.mark.parametrize("size", [(48, 80), (65, 67)])
def test_rrminas_layout_is_its_layers_spelled_plainly(size):
    """The layers of its transformer.py in order, by functions and by its own keys. Against that code itself, run outside the repository: max |a - b| = 0."""
    state = random_state("rrmina")
    net = transformer_net.build(state, "random")

    def conv(x, name, stride=1, norm=True):
        weight = state[f"{name}.conv_layer.weight"]
        x = F.conv2d(F.pad(x, [weight.shape[-1] // 2] * 4, mode="reflect"), weight, state[f"{name}.conv_layer.bias"], stride)
        return F.instance_norm(x, weight=state[f"{name}.norm_layer.weight"], bias=state[f"{name}.norm_layer.bias"]) if norm else x

    x = given = 255 * torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(1))
    for place, stride in ((0, 1), (2, 2), (4, 2)):
        x = conv(x, f"ConvBlock.{place}", stride).relu()
    for place in range(5):
        x = x + conv(conv(x, f"ResidualBlock.{place}.conv1").relu(), f"ResidualBlock.{place}.conv2")
    for place in (0, 2):
        name = f"DeconvBlock.{place}"
        x = F.conv_transpose2d(x, state[f"{name}.conv_transpose.weight"], state[f"{name}.conv_transpose.bias"], 2, 1, 1)
        x = F.instance_norm(x, weight=state[f"{name}.norm_layer.weight"], bias=state[f"{name}.norm_layer.bias"]).relu()
    x = conv(x, "DeconvBlock.4", norm=False)
    with torch.no_grad():
        assert apart(net(given), x) < 5e-4
    assert apart(tiled.run(net, given), x) < 1e-3, "of 255"


def test_running_statistics_of_old_checkpoints_are_left_out(tmp_path):
    state = random_state()
    plain = transformer_net.build(state, "plain")
    for name in [key for key in state if ".in" in key or key.startswith("in")]:
        place = name.rpartition(".")[0]
        state[f"{place}.running_mean"] = torch.full(state[name].shape, 7.0)
        state[f"{place}.running_var"] = torch.full(state[name].shape, 9.0)
    save_file({name: tensor.half() if tensor.dim() == 4 else tensor for name, tensor in state.items()}, tmp_path / "old.safetensors")
    old = transformer_net.load(tmp_path / "old.safetensors")
    picture = torch.rand(1, 3, 24, 28, generator=torch.Generator().manual_seed(2))
    assert apart(old(picture), plain(255 * picture) / 255) < 4e-3, "half precision in the file"


def test_bgr_networks_get_bgr_and_give_rgb(tmp_path):
    state = random_state("rrmina")
    save_file(state, tmp_path / "r.safetensors")
    picture = torch.rand(1, 3, 24, 28, generator=torch.Generator().manual_seed(2))
    assert apart(transformer_net.load(tmp_path / "r.safetensors")(picture), transformer_net.build(state, "r")(255 * picture.flip(1)).flip(1) / 255) < 1e-6


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda state: state.clear() or state.update({"features.0.weight": torch.zeros(2)}), "holds 1 tensors .features.0.weight. of a network"),
        (lambda state: state.pop("res3.in2.bias"), "it lacks res3.in2.bias"),
        (lambda state: state.update(extra=torch.zeros(1)), "it has extra, which is no part of one"),
        (lambda state: state.update({"in1.bias": torch.zeros(16)}), r"its in1.bias is \(16,\) where \(32,\) belongs"),
    ],
)
def test_weights_of_another_net_are_refused_with_what_came(tmp_path, spoil, message):
    state = random_state()
    spoil(state)
    save_file(state, tmp_path / "odd.safetensors")
    with pytest.raises(BadInput, match=message):
        transformer_net.load(tmp_path / "odd.safetensors")

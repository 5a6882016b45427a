"""MicroAST held against the authors' outputs (by fixture, with the published weights), and its folding against the modulation spelled plainly."""

import pytest
import torch
from safetensors.torch import save_file
from skimage import data

from huafang import images
from huafang.errors import BadInput
from huafang.kernels import tiled
from huafang.nets import micro_ast
from huafang.ops import resize
from tests.nets.fixtures import Fixture, apart


def random_state(seed: int = 0) -> dict[str, torch.Tensor]:
    """Weights that carry a picture through: He, halved in the residual blocks."""
    torch.manual_seed(seed)
    state = micro_ast.MicroAST().state_dict()
    for name, tensor in state.items():
        if tensor.dim() > 1:
            state[name] = torch.randn(tensor.shape) * (1.0 / tensor[0].numel()) ** 0.5
    state["decoder.dec3.10.conv_layer.bias"] = torch.full((3,), 0.5)
    return state


def test_the_network_is_the_authors(shared):
    fixture = Fixture(shared, "microast")
    net = micro_ast.load(shared / "weights" / "microast.safetensors")
    assert sum(one.numel() for one in net.parameters()) == 471_987
    with torch.no_grad():
        styled = net.styled(net.style(fixture.input("style", 64, 64)))
        assert apart(styled(fixture.input("content", 48, 80)), fixture.want("y")) < 5e-5
    assert apart(tiled.run(styled, fixture.input("content", 48, 80)), fixture.want("y")) < 5e-5


@pytest.mark.parametrize("style", ["coffee", "bricks", "composition_vii_kandinsky"])
def test_in_bfloat16_the_picture_is_nearly_the_same(shared, style):
    """After strong textures too, which the network enlarges, and what its encoder lost of a photo with them."""
    net = micro_ast.load(shared / "weights" / "microast.safetensors")
    photo, painting = (torch.from_numpy(one()).permute(2, 0, 1)[None, :, ::2, ::2] / 255 for one in (data.astronaut, data.coffee))
    if style != "coffee":
        painting = resize.shrunk(images.decode(images.ingest((shared / "photos" / "style" / f"{style}.jpg").read_bytes()).data), 512)
    styled = net.painting(photo, net.style(painting), 1.0)
    exact, rough = (tiled.run(styled, photo, dtype=dtype).clamp(0, 1) for dtype in (torch.float32, torch.bfloat16))
    assert not torch.equal(exact, rough)
    assert -10 * torch.log10((exact - rough).square().mean()) > 47  # dB


@pytest.mark.parametrize("size", [(9, 12), (17, 10)])
def test_folded_weights_are_the_modulation(size):
    torch.manual_seed(0)
    block, weight, bias = micro_ast.Residual(), 0.3 * torch.randn(64), 0.3 * torch.randn(64)
    x = torch.randn(1, 64, *size)
    w, b = weight.view(1, -1, 1, 1), bias.view(1, -1, 1, 1)
    inner = (w * block.conv1(x) + b * x).relu()
    assert apart(micro_ast.folded(block, weight, bias)(x), x + w * block.conv2(inner) + b * inner) < 1e-4


def test_a_mixture_of_styles_is_between_them_and_alone_is_itself():
    net = micro_ast.build(random_state(), "random")
    one, other = (net.style(torch.rand(1, 3, 24, 32, generator=torch.Generator().manual_seed(seed))) for seed in (1, 2))
    alone = net.mixed([one, other], [1.0, 0.0])
    assert apart(alone.means[0], one.means[0]) < 1e-6
    assert apart(net.mixed([one, other], [0.3, 0.7]).weights[1], 0.3 * one.weights[1] + 0.7 * other.weights[1]) < 1e-6


def test_other_networks_are_refused(tmp_path):
    save_file({"decoder.1.weight": torch.zeros(3)}, tmp_path / "adain.safetensors")
    with pytest.raises(BadInput, match="allowed are MicroAST"):
        micro_ast.load(tmp_path / "adain.safetensors")
    state = random_state()
    state.pop("modulator.bias2.0.conv_layer.bias")
    save_file(state, tmp_path / "part.safetensors")
    with pytest.raises(BadInput, match=r"lacks modulator\.bias2\.0\.conv_layer\.bias"):
        micro_ast.load(tmp_path / "part.safetensors")

"""CartoonGAN's generator held against its layers spelled plainly, by the port's own keys. Against that code itself, run outside the repository: 6e-6."""

import pytest
import torch
import torch.nn.functional as F

from huafang.kernels import tiled
from huafang.nets import cartoongan
from tests.nets.fixtures import apart


def random_state() -> dict[str, torch.Tensor]:
    """He weights under the port's names."""
    torch.manual_seed(0)
    theirs = {ours: name for name, ours in cartoongan.THEIRS.items()}
    ends = {ours: name for name, ours in cartoongan.ENDS.items()}
    state = {}
    for name, one in cartoongan.Generator().state_dict().items():
        place, _, end = name.rpartition(".")
        norm = ".in" in name or name.startswith("in")
        drawn = torch.randn(one.shape)
        state[f"{theirs.get(place, place)}.{ends[end] if norm else end}"] = (
            drawn * (1 / one[0].numel()) ** 0.5 if one.dim() > 1 else 0.1 * drawn + (norm and end == "weight")
        )
    return state


@pytest.mark.parametrize("size", [(24, 40), (33, 35), (34, 33)])
def test_the_generator_is_its_layers_spelled_plainly(size):
    state = random_state()
    net = cartoongan.build(state, "random")
    assert sum(one.numel() for one in net.parameters()) == 11_129_667

    def conv(x, name, stride=1, pad=0, mirror=0):
        return F.conv2d(F.pad(x, [mirror] * 4, mode="reflect") if mirror else x, state[f"{name}.weight"], state[f"{name}.bias"], stride, pad)

    def norm(x, name):
        centred = x - x.mean((2, 3), keepdim=True)
        scaled = centred / (centred.square().mean((2, 3), keepdim=True) + 1e-9).sqrt()
        return scaled * state[f"{name}.scale"].view(1, -1, 1, 1) + state[f"{name}.shift"].view(1, -1, 1, 1)

    x = given = 2 * torch.rand(1, 3, *size) - 1
    x = norm(conv(x, "conv01_1", mirror=3), "in01_1").relu()
    x = norm(conv(conv(x, "conv02_1", 2, 1), "conv02_2", 1, 1), "in02_1").relu()
    x = norm(conv(conv(x, "conv03_1", 2, 1), "conv03_2", 1, 1), "in03_1").relu()
    for block in range(4, 12):
        inner = norm(conv(x, f"conv{block:02}_1", mirror=1), f"in{block:02}_1").relu()
        x = norm(conv(inner, f"conv{block:02}_2", mirror=1), f"in{block:02}_2") + x
    for place, name in ((1, "in12_1"), (2, "in13_1")):
        x = F.conv_transpose2d(x, state[f"deconv0{place}_1.weight"], state[f"deconv0{place}_1.bias"], 2, 1, 1)
        x = norm(conv(x, f"deconv0{place}_2", 1, 1), name).relu()
    x = conv(x, "deconv03_1", mirror=3).tanh()
    with torch.no_grad():
        assert apart(net(given), x) < 5e-5
    assert apart(tiled.run(net, given), x) < 5e-5

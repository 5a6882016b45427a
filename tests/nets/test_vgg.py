"""VGG-19 and VGG-16 held against the plain stacks of layers that the paper's configurations E and D spell."""

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from huafang.errors import BadInput
from huafang.nets import vgg
from tests.conftest import scene

E = [64, 64, "M", 128, 128, "M", 256, 256, 256, 256, "M", 512, 512, 512, 512, "M", 512, 512, 512, 512, "M"]
D = [64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M"]


def plain(pool: type[nn.Module], table: list = E) -> nn.Sequential:
    """Written anew from the paper's table 1, with He weights."""
    torch.manual_seed(3)
    layers: list[nn.Module] = []
    channels = 3
    for item in table:
        if item == "M":
            layers.append(pool(kernel_size=2, stride=2))
        else:
            layers += [nn.Conv2d(channels, item, kernel_size=3, padding=1), nn.ReLU(inplace=False)]
            nn.init.kaiming_normal_(layers[-2].weight, nonlinearity="relu")
            channels = item
    return nn.Sequential(*layers).eval()


TORCHVISION = {"relu1_1": 1, "relu2_1": 6, "relu3_1": 11, "relu4_1": 20, "conv4_2": 21, "relu4_2": 22, "relu5_1": 29, "relu5_4": 35}
"""Layer -> its place in torchvision's `features`, as published code has it."""


@pytest.mark.parametrize(("pooling", "module"), [("max", nn.MaxPool2d), ("avg", nn.AvgPool2d)])
@pytest.mark.parametrize("layout", ["torchvision", "leongatys"])
def test_every_layer_is_that_of_the_plain_stack(tmp_path, pooling, module, layout):
    other = plain(module)
    state = {f"features.{key}": value for key, value in other.state_dict().items()}
    if layout == "leongatys":
        names = iter(f"conv{block}_{n}" for block, count in enumerate((2, 2, 4, 4, 4), 1) for n in range(1, count + 1))
        state = {}
        for place, layer in enumerate(other):
            if isinstance(layer, nn.Conv2d):
                name = next(names)
                state |= {f"{name}.{part}": other.state_dict()[f"{place}.{part}"] for part in ("weight", "bias")}
    save_file(state, tmp_path / "vgg.safetensors")
    net = vgg.load(tmp_path / "vgg.safetensors", pooling)
    assert sum(p.numel() for p in net.parameters()) == 20_024_384
    picture = scene(70, 90)
    found = net(picture, tuple(TORCHVISION))
    features = (picture - torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)) / torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    for name, place in TORCHVISION.items():
        wanted = other[: place + 1](features)
        assert torch.allclose(found[name], wanted, atol=1e-4), name


def test_vgg16_has_its_own_layers(tmp_path):
    other = plain(nn.MaxPool2d, D)
    save_file({f"features.{key}": value for key, value in other.state_dict().items()}, tmp_path / "vgg16.safetensors")
    net = vgg.load(tmp_path / "vgg16.safetensors", depth=16)
    assert sum(p.numel() for p in net.parameters()) == 14_714_688
    picture = scene(70, 90)
    features = (picture - torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)) / torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    places = {"relu1_2": 3, "relu2_2": 8, "relu3_3": 15, "relu4_3": 22, "relu5_3": 29}  # where Johnson et al. and LPIPS read
    found = net(picture, tuple(places))
    for name, place in places.items():
        assert torch.allclose(found[name], other[: place + 1](features), atol=1e-4), name
    with pytest.raises(BadInput, match=r"vgg16\.safetensors holds no VGG-19"):
        vgg.load(tmp_path / "vgg16.safetensors")


def test_nothing_behind_the_deepest_layer_is_computed():
    net = vgg.he(torch.Generator().manual_seed(0))
    ran: list[int] = []
    for place, module in enumerate(net.features):
        module.register_forward_hook(lambda *_, place=place: ran.append(place))
    assert list(net(scene(32, 40), ("relu3_1", "relu1_1"))) == ["relu1_1", "relu3_1"]
    assert ran == list(range(12))


@pytest.mark.parametrize("size", [(8, 8), (8, 300), (31, 33)])
def test_pictures_too_small_for_the_poolings_are_widened(size):
    found = vgg.he(torch.Generator().manual_seed(0))(scene(*size), ("relu5_1",))
    assert min(found["relu5_1"].shape[2:]) >= 2
    assert torch.isfinite(found["relu5_1"]).all()


def test_weights_of_another_net_are_refused(tmp_path):
    save_file({"conv1_1.weight": torch.zeros(8, 3, 3, 3)}, tmp_path / "small.safetensors")
    with pytest.raises(BadInput, match=r"small\.safetensors holds no VGG-19"):
        vgg.load(tmp_path / "small.safetensors")

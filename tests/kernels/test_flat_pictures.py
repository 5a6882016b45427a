"""Flat, nearly flat and two-colour pictures through every network that runs in bands: the same as the plain network, so without seams."""

from collections.abc import Callable
from importlib import resources
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from huafang.kernels import tiled
from huafang.nets import adain, anime_reference, animegan, animegan_v3, cartoongan, cyclegan, micro_ast, multi_style, stargan, transformer_net
from tests.nets import test_adain, test_animegan_v3, test_cartoongan, test_cyclegan, test_micro_ast, test_multi_style, test_stargan

SIZES = [(64, 64), (136, 72)]


def _painted(net: nn.Module) -> nn.Module:
    """A network of any style, in the style of one random picture."""
    with torch.no_grad():
        return net.styled(net.style(torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(3))))


def _random(kind: type[nn.Module], *args: object) -> nn.Module:
    torch.manual_seed(0)
    net = kind(*args)
    for one in net.parameters():
        if one.dim() > 1:
            nn.init.kaiming_normal_(one)
    return net


NETS: dict[str, Callable[[], nn.Module]] = {
    "built-in any-style": lambda: _painted(micro_ast.load(Path(str(resources.files("huafang") / "builtin" / "any-style.safetensors")))),
    "micro_ast": lambda: _painted(micro_ast.build(test_micro_ast.random_state(), "random")),
    "adain": lambda: _painted(adain.build(test_adain.random_state(), "random")),
    "fast_style": lambda: _random(transformer_net.TransformerNet),
    "animegan": lambda: _random(animegan.Generator, "half_pixel"),
    "animegan_v3": lambda: animegan_v3.build(test_animegan_v3.random_state("main"), "random", "main"),
    "cyclegan": lambda: cyclegan.build(test_cyclegan.random_state(), "random"),
    "anime_reference": lambda: _random(anime_reference.Generator),
    "stargan": lambda: stargan.build(test_stargan.random_state(2), "random").told((0.0, 1.0)),
    "multi_style": lambda: multi_style.build(test_multi_style.random_state(1), "random").mixed({0: 1.0}),
    "cartoongan": lambda: cartoongan.build(test_cartoongan.random_state(), "random"),
}
CHAOTIC = {"cyclegan", "anime_reference", "multi_style"}
"""Of one colour these random networks make zeros behind their first norm, and the plain network enlarges the rounding of that even in double precision."""


def flat(height: int, width: int) -> Tensor:
    return torch.tensor([0.2, 0.5, 0.8]).view(1, 3, 1, 1).repeat(1, 1, height, width)


def nearly_flat(height: int, width: int) -> Tensor:
    """One level of 8 bits more in half of the places."""
    return flat(height, width) + torch.randint(2, (1, 1, height, width), generator=torch.Generator().manual_seed(1)) / 255


def two_colours(height: int, width: int) -> Tensor:
    picture = flat(height, width)
    picture[..., width // 3 :] = 0.9
    return picture


@pytest.mark.parametrize("picture", [flat, nearly_flat, two_colours])
@pytest.mark.parametrize("name", NETS)
def test_bands_leave_flat_pictures_as_the_plain_network_does(monkeypatch, name, picture):
    monkeypatch.setattr(tiled, "LEAST_ROWS", 8)
    net = NETS[name]().eval()
    for size in SIZES:
        with torch.no_grad():
            given = picture(*size)
            exact = net.double()(given.double()).float()
            found = tiled.run(net.float(), given)
        if picture is flat and name in CHAOTIC:
            assert float((found.amax((2, 3)) - found.amin((2, 3))).max()) < 1e-5
            continue
        largest = max(1.0, float(exact.abs().max()))
        assert float((found - exact).abs().max()) < 1e-3 * largest

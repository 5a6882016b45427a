"""AnimeGANv2's generator held against the authors' outputs (by fixture), TensorFlow's enlargement against its own definition."""

import pytest
import torch
from safetensors.torch import save_file

from huafang.errors import BadInput
from huafang.kernels import layers, tiled
from huafang.nets import animegan
from tests.nets.fixtures import Fixture, apart


@pytest.mark.parametrize(
    ("mode", "given", "size", "wanted"),
    [("align_corners", "x", (48, 80), "align"), ("half_pixel", "x", (48, 80), "half_pixel"), ("align_corners", "odd", (65, 67), "odd_align")],
)
def test_the_generator_is_the_authors(shared, mode, given, size, wanted):
    fixture = Fixture(shared, "animegan")
    net = animegan.build(fixture.state(), "rule", mode)
    assert sum(one.numel() for one in net.parameters()) == 2_143_552
    picture = fixture.input(given, *size, -1, 1)
    with torch.no_grad():
        assert apart(net(picture), fixture.want(wanted)) < 2e-5
    assert apart(tiled.run(net, picture), fixture.want(wanted)) < 2e-5


def test_tensorflows_enlargement_is_its_definition():
    """ResizeBilinear of TensorFlow 1 without align_corners: the pixel y of the result looks at y · (in / out), between floor and the next, clamped."""
    picture = torch.rand(1, 2, 5, 3)
    wanted = torch.empty(1, 2, 10, 6)
    for y in range(10):
        for x in range(6):
            top, left = int(y * 0.5), int(x * 0.5)
            low, right = min(top + 1, 4), min(left + 1, 2)
            fy, fx = y * 0.5 - top, x * 0.5 - left
            above = picture[..., top, left] * (1 - fx) + picture[..., top, right] * fx
            below = picture[..., low, left] * (1 - fx) + picture[..., low, right] * fx
            wanted[..., y, x] = above * (1 - fy) + below * fy
    assert apart(layers.Enlarge("tf1")(picture, picture), wanted) < 1e-6


class Twice(torch.nn.Module):
    """Two enlargements with a convolution between, as the generator has them."""

    def __init__(self, mode: str) -> None:
        super().__init__()
        self.small, self.one, self.enlarge = torch.nn.Conv2d(3, 4, 3, 2, 1), torch.nn.Conv2d(4, 4, 3, 1, 1), layers.Enlarge(mode)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.small(x)
        return self.enlarge(self.one(self.enlarge(y, x)), x)


@pytest.mark.parametrize("mode", ["tf1", "half_pixel", "align_corners"])
@pytest.mark.parametrize("size", [(8, 9), (33, 18), (2, 30)])
def test_enlargements_in_bands_are_the_whole(monkeypatch, mode, size):
    monkeypatch.setattr(tiled, "NUMBERS", {"cpu": 1})
    monkeypatch.setattr(tiled, "LEAST_ROWS", 3)
    net, picture = Twice(mode), torch.rand(1, 3, *size)
    assert apart(tiled.run(net, picture), net(picture)) < 1e-5


def test_other_networks_are_refused(tmp_path):
    save_file({"conv1.weight": torch.zeros(3)}, tmp_path / "other.safetensors")
    with pytest.raises(BadInput, match="allowed are the generator of AnimeGANv2"):
        animegan.load(tmp_path / "other.safetensors", "tf1")

"""Bands against the whole: every kind of layer, at sizes where borders, odd rows and single bands meet."""

import pytest
import torch
from skimage import data
from torch import nn

from huafang.errors import Cancelled
from huafang.nets import bands, maps, transformer_net
from tests.nets.fixtures import apart

SIZES = [(8, 9), (33, 40), (64, 8), (129, 31)]
NETS = {
    "convolutions with zeros": lambda: [nn.Conv2d(3, 8, 7, 1, 3), nn.ReLU(), nn.Conv2d(8, 8, 4, 2, 1), nn.Conv2d(8, 5, 3, 2, 1, groups=1)],
    "mirrored borders": lambda: [nn.ReflectionPad2d((0, 1, 0, 1)), nn.Conv2d(3, 8, 3, 2), nn.ReflectionPad2d((1, 0, 2, 0)), nn.Conv2d(8, 4, 3)],
    "many channels": lambda: [nn.Conv2d(3, 64, 1), nn.ReflectionPad2d(1), nn.Conv2d(64, 64, 3), nn.ReLU(), nn.Conv2d(64, 64, 3, 1, 1), nn.Conv2d(64, 3, 1)],
    "wide and few": lambda: [nn.Conv2d(3, 8, 9, 1, 4), nn.ReflectionPad2d(3), nn.Conv2d(8, 3, 7), nn.Conv2d(3, 2, 5, 1, 2, bias=False)],
    "mirrored norm": lambda: [nn.Conv2d(3, 8, 3), nn.InstanceNorm2d(8, affine=True), nn.ReflectionPad2d((2, 1, 0, 2)), nn.Conv2d(8, 4, 3), nn.ReLU()],
    "instance norm": lambda: [nn.Conv2d(3, 8, 3, 1, 1), nn.InstanceNorm2d(8, affine=True), nn.LeakyReLU(0.2), nn.InstanceNorm2d(8, eps=1e-3)],
    "norm of all": lambda: [nn.Conv2d(3, 8, 3, 1, 1), nn.GroupNorm(1, 8), nn.Tanh(), nn.Conv2d(8, 2, 1), nn.GroupNorm(1, 2), nn.Sigmoid()],
    "transposed, 3": lambda: [nn.ConvTranspose2d(3, 8, 3, 2, 1, 1), nn.InstanceNorm2d(8), nn.ConvTranspose2d(8, 4, 3, 2, 1, 0)],
    "transposed, 4": lambda: [nn.ConvTranspose2d(3, 8, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(8, 4, 4, 2, 1)],
    "nearest": lambda: [nn.Upsample(scale_factor=2), nn.ReflectionPad2d(1), nn.Conv2d(3, 4, 3), nn.Upsample(scale_factor=2)],
    "bilinear": lambda: [nn.Upsample(scale_factor=2, mode="bilinear"), nn.Conv2d(3, 4, 3), nn.Upsample(scale_factor=2, mode="bilinear")],
    "poolings": lambda: [nn.Conv2d(3, 6, 3, 1, 1), nn.MaxPool2d(2, 2, 0, ceil_mode=True), nn.Conv2d(6, 6, 1), nn.MaxPool2d(2, 2, 0, ceil_mode=True)],
}


class Branching(nn.Module):
    """A residual block whose input is read twice, and a norm behind it."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.one = nn.Conv2d(3, 6, 3, 1, 1), nn.Sequential(nn.Conv2d(6, 6, 3, 1, 1), nn.InstanceNorm2d(6), nn.ReLU())
        self.last = nn.Conv2d(6, 3, 3, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(x)
        x = x + self.one(x)
        return self.last(self.one(x) + x)


@pytest.fixture
def thin(monkeypatch):
    """Bands of few rows, so that small pictures have many."""
    monkeypatch.setattr(bands, "NUMBERS", {"cpu": 1})
    monkeypatch.setattr(bands, "LEAST_ROWS", 3)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("held", [0, 1 << 30], ids=["made again", "held"])
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("name", [*NETS, "branching"])
def test_bands_are_the_whole(thin, monkeypatch, name, size, held, threads):
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    monkeypatch.setattr(maps, "HELD", held)
    torch.manual_seed(0)
    net = Branching() if name == "branching" else nn.Sequential(*NETS[name]())
    for one in net.parameters():
        one.data = torch.randn(one.shape) * 0.5
    picture = torch.rand(1, 3, *size)
    before = picture.clone()
    with torch.no_grad():
        whole = net(picture)
    assert apart(bands.run(net, picture), whole) < 1e-4 * max(1.0, float(whole.abs().max()))
    assert torch.equal(picture, before), "what was given is not written over"


def test_in_bfloat16_the_picture_is_nearly_the_same(shared):
    net = transformer_net.load(shared / "weights" / "fast_style_candy.safetensors")
    photo = torch.from_numpy(data.coffee()).permute(2, 0, 1)[None, :, ::2, ::2] / 255
    exact, rough = (bands.run(net, photo, dtype=dtype).clamp(0, 1) for dtype in (torch.float32, torch.bfloat16))
    assert rough.dtype == torch.float32
    assert not torch.equal(exact, rough)
    assert -10 * torch.log10((exact - rough).square().mean()) > 45  # dB


def test_every_band_is_reported_and_a_cancel_ends_the_run(thin):
    net = nn.Sequential(nn.Conv2d(3, 4, 3, 1, 1), nn.InstanceNorm2d(4))
    heard: list[tuple[int, int]] = []
    bands.run(net, torch.rand(1, 3, 30, 10), report=lambda done, total: heard.append((done, total)))
    assert heard == [(done, 20) for done in range(1, 21)]

    def stop(done: int, total: int) -> None:
        if done == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        bands.run(net, torch.rand(1, 3, 30, 10), report=stop)


def test_a_layer_that_bands_do_not_know_is_named():
    with pytest.raises(TypeError, match="bands know nothing of call_function"):
        bands.run(type("Odd", (nn.Module,), {"forward": lambda self, x: torch.sin(x)})(), torch.rand(1, 3, 8, 8))


def test_moments_are_those_of_the_whole():
    picture = 1e3 + torch.rand(1, 3, 50, 20)
    for together in (False, True):
        moments = maps.Moments(together)
        for first in range(0, 50, 7):
            moments.add(maps.Sums.of(picture[:, :, first : first + 7]))
        wanted = picture.double().reshape(1 if together else 3, -1)
        assert torch.allclose(moments.mean, wanted.mean(1), atol=1e-4)
        assert torch.allclose(moments.variance(), wanted.var(1, correction=0), rtol=1e-3)

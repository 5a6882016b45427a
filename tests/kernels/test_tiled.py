"""Bands against the whole: every kind of layer, at sizes where borders, odd rows and single bands meet."""

import pytest
import torch
import torch.nn.functional as F
from skimage import data
from torch import nn

from huafang.errors import Cancelled
from huafang.kernels import convolutions, lazy, tiled
from huafang.nets import transformer_net
from huafang.ops.resize import resized
from tests.nets.fixtures import apart


def in_groups(channels: int, width: int, groups: int, stride: int = 1) -> list[nn.Module]:
    return [nn.ReflectionPad2d(1), nn.Conv2d(channels, width, 3, stride, groups=groups)]


def bilinear(channels: int, width: int) -> list[nn.Module]:
    return [nn.Upsample(scale_factor=2, mode="bilinear"), *in_groups(channels, width, width)]


SIZES = [(8, 9), (33, 40), (64, 8), (129, 31)]
NETS = {
    "convolutions with zeros": lambda: [nn.Conv2d(3, 8, 7, 1, 3), nn.ReLU(), nn.Conv2d(8, 8, 4, 2, 1), nn.Conv2d(8, 5, 3, 2, 1, groups=1)],
    "mirrored borders": lambda: [nn.ReflectionPad2d((0, 1, 0, 1)), nn.Conv2d(3, 8, 3, 2), nn.ReflectionPad2d((1, 0, 2, 0)), nn.Conv2d(8, 4, 3)],
    "many channels": lambda: [nn.Conv2d(3, 64, 1), nn.ReflectionPad2d(1), nn.Conv2d(64, 64, 3), nn.ReLU(), nn.Conv2d(64, 64, 3, 1, 1), nn.Conv2d(64, 3, 1)],
    "wide and many": lambda: [nn.Conv2d(3, 32, 1), nn.ReflectionPad2d(3), nn.Conv2d(32, 32, 7), nn.ReLU(), nn.Conv2d(32, 33, 7, 1, 3), nn.Conv2d(33, 3, 1)],
    "wide and few": lambda: [nn.Conv2d(3, 8, 9, 1, 4), nn.ReflectionPad2d(3), nn.Conv2d(8, 3, 7), nn.Conv2d(3, 2, 5, 1, 2, bias=False)],
    "mirrored norm": lambda: [nn.Conv2d(3, 8, 3), nn.InstanceNorm2d(8, affine=True), nn.ReflectionPad2d((2, 1, 0, 2)), nn.Conv2d(8, 4, 3), nn.ReLU()],
    "instance norm": lambda: [nn.Conv2d(3, 8, 3, 1, 1), nn.InstanceNorm2d(8, affine=True), nn.LeakyReLU(0.2), nn.InstanceNorm2d(8, eps=1e-3)],
    "norm of all": lambda: [nn.Conv2d(3, 8, 3, 1, 1), nn.GroupNorm(1, 8), nn.Tanh(), nn.Conv2d(8, 2, 1), nn.GroupNorm(1, 2), nn.Sigmoid()],
    "transposed, 3": lambda: [nn.ConvTranspose2d(3, 8, 3, 2, 1, 1), nn.InstanceNorm2d(8), nn.ConvTranspose2d(8, 4, 3, 2, 1, 0)],
    "transposed, 4": lambda: [nn.ConvTranspose2d(3, 8, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(8, 4, 4, 2, 1)],
    "nearest": lambda: [nn.Upsample(scale_factor=2), nn.ReflectionPad2d(1), nn.Conv2d(3, 4, 3), nn.Upsample(scale_factor=2)],
    "bilinear": lambda: [nn.Upsample(scale_factor=2, mode="bilinear"), nn.Conv2d(3, 4, 3), nn.Upsample(scale_factor=2, mode="bilinear")],
    "groups": lambda: [*in_groups(3, 6, 3, 2), nn.LeakyReLU(0.2), *in_groups(6, 3, 3), nn.InstanceNorm2d(3), nn.ReLU(), *in_groups(3, 3, 3)],
    "groups, enlarged": lambda: [nn.Conv2d(3, 8, 1), *bilinear(8, 4), nn.ReLU(), nn.Conv2d(4, 4, 1, bias=False), nn.ReLU(), *bilinear(4, 2), nn.ReLU()],
    "poolings": lambda: [nn.Conv2d(3, 6, 3, 1, 1), nn.MaxPool2d(2, 2, 0, ceil_mode=True), nn.Conv2d(6, 6, 1), nn.MaxPool2d(2, 2, 0, ceil_mode=True)],
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_what_is_kept_of_weights_is_made_again_when_they_are_others(dtype):
    torch.manual_seed(0)
    net, picture = nn.Sequential(*NETS["many channels"]()), torch.rand(1, 3, 16, 16)

    def held() -> None:
        with torch.no_grad():
            whole = net(picture)
        assert apart(tiled.run(net, picture, dtype=dtype), whole) < (1e-5 if dtype == torch.float32 else 0.02) * float(whole.abs().max())

    held()
    known = convolutions.MADE[net[2]]
    kept = {kind: found[2] for kind, found in known.items()}
    held()
    assert all(convolutions.MADE[net[2]][kind][2] is made for kind, made in kept.items()), "nothing is made twice"
    with torch.no_grad():
        net[2].weight.mul_(-3)
    held()
    net[2].weight.data = torch.randn(64, 64, 3, 3)
    held()
    net[2].bias.data = torch.randn(64)
    held()


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
    monkeypatch.setattr(tiled, "NUMBERS", {"cpu": 1})
    monkeypatch.setattr(tiled, "LEAST_ROWS", 3)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("held", [0, 1 << 30], ids=["made again", "held"])
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("name", [*NETS, "branching"])
def test_bands_are_the_whole(thin, monkeypatch, name, size, held, threads):
    torch.set_num_threads(threads)
    monkeypatch.setattr(lazy, "HELD", held)
    torch.manual_seed(0)
    net = Branching() if name == "branching" else nn.Sequential(*NETS[name]())
    for one in net.parameters():
        one.data = torch.randn(one.shape) * 0.5
    picture = torch.rand(1, 3, *size)
    before = picture.clone()
    with torch.no_grad():
        whole = net(picture)
    assert apart(tiled.run(net, picture), whole) < 1e-4 * max(1.0, float(whole.abs().max()))
    assert torch.equal(picture, before), "what was given is not written over"


@pytest.mark.parametrize("sides", [(300, 300), (128, 256), (80, 256)], ids=["detailed", "smooth", "very smooth"])
@pytest.mark.parametrize("photo", [data.astronaut, data.rocket])
def test_in_bfloat16_the_picture_is_nearly_the_same(shared, photo, sides):
    """A smooth picture, whose numbers bfloat16 does not have, too: behind its first norms the network would see the rounding of it enlarged."""
    net = transformer_net.load(shared / "weights" / "fast_style_candy.safetensors")
    small, side = sides
    picture = resized(resized(torch.from_numpy(photo()).permute(2, 0, 1)[None] / 255, small, small), side, side)
    exact, rough = (tiled.run(net, picture, dtype=dtype).clamp(0, 1) for dtype in (torch.float32, torch.bfloat16))
    assert rough.dtype == torch.float32
    assert not torch.equal(exact, rough)
    assert decibels(exact, rough) > 45


def decibels(one: torch.Tensor, other: torch.Tensor) -> float:
    return float(-10 * torch.log10((one - other).square().mean()))


def test_a_picture_is_not_rounded_before_its_first_convolution():
    """A convolution to differences of neighbours, in bfloat16: of a picture far from 0 it finds what it finds in float32."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 16, 3, 1, 1))
    net[0].weight.data = torch.tensor([-1.0, 1.0, 0.0]).expand(16, 3, 3, 3).clone()
    picture = 0.7 + 0.01 * torch.rand(1, 3, 20, 20)
    exact, rough = (tiled.run(net, picture, dtype=dtype)[..., 1:-1] for dtype in (torch.float32, torch.bfloat16))
    assert apart(exact, rough) < 0.01 * float(exact.abs().max())


@pytest.mark.parametrize("held", [0, 1 << 26], ids=["made again", "held"])
def test_what_is_fine_is_reckoned_in_float32(monkeypatch, held):
    monkeypatch.setattr(lazy, "HELD_FINELY", held)

    class Fine(nn.Module):
        fine = ("first",)

        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Sequential(nn.Conv2d(12, 12, 3), nn.InstanceNorm2d(12), nn.ReLU())
            self.second = nn.Conv2d(12, 9, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.second(self.first(x))

    torch.manual_seed(0)
    net, picture = Fine(), torch.rand(1, 12, 20, 20)
    with torch.no_grad():
        between = net.first(picture)
        wanted = F.conv2d(between.bfloat16(), net.second.weight.bfloat16(), net.second.bias.bfloat16()).float()
        assert apart(tiled.run(net, picture, dtype=torch.bfloat16), wanted) < 0.02
        assert apart(tiled.run(nn.Sequential(net.first), picture, dtype=torch.bfloat16), between) > 1e-3, "without the name"
        net.second = nn.Sequential()
        assert apart(tiled.run(net, picture, dtype=torch.bfloat16), between) < 1e-5


def test_what_costs_little_to_make_again_is_held_once():
    """The convolution is held for its norm; the norm and the rectifier behind it are made again for what enlarges them."""
    plan = lazy.Plan(torch.device("cpu"))
    made: lazy.Map = lazy.Source(torch.rand(1, 3, 9, 9))
    for module in (nn.Conv2d(3, 8, 3), nn.InstanceNorm2d(8), nn.ReLU(), nn.Upsample(scale_factor=2)):
        made = lazy.LAYERS[type(module)](module, plan, made)
    assert len(plan.jobs) == 1


def test_memory_of_a_map_that_is_gone_is_used_again_and_that_of_one_in_use_is_not():
    rooms, cpu = lazy.Rooms(), torch.device("cpu")
    picture = lazy.Source(torch.zeros(1, 4, 8, 8))

    def held(dtype: torch.dtype = torch.float32) -> lazy.Held:
        made = lazy.Held(picture, cpu, dtype, rooms)
        made.begin()
        return made

    one, other = held(), held()
    assert len({one.tensor.data_ptr(), other.tensor.data_ptr()}) == 2
    free = one.tensor.data_ptr()
    del one
    again = held()
    assert again.tensor.data_ptr() == free
    assert again.tensor.is_contiguous(memory_format=torch.channels_last)
    del again
    assert held(torch.bfloat16).tensor.dtype == torch.bfloat16
    assert not rooms._free or rooms._free[0].dtype == torch.bfloat16, "what did not fit was given back"


def test_every_band_is_reported_and_a_cancel_ends_the_run(thin):
    net = nn.Sequential(nn.Conv2d(3, 4, 3, 1, 1), nn.InstanceNorm2d(4))
    heard: list[tuple[int, int]] = []
    tiled.run(net, torch.rand(1, 3, 30, 10), report=lambda done, total: heard.append((done, total)))
    assert heard == [(done, 20) for done in range(1, 21)]

    def stop(done: int, total: int) -> None:
        if done == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        tiled.run(net, torch.rand(1, 3, 30, 10), report=stop)


def test_a_layer_that_bands_do_not_know_is_named():
    with pytest.raises(TypeError, match="bands know nothing of call_function"):
        tiled.run(type("Odd", (nn.Module,), {"forward": lambda self, x: torch.sin(x)})(), torch.rand(1, 3, 8, 8))


def test_moments_are_those_of_the_whole():
    picture = 1e3 + torch.rand(1, 3, 50, 20)
    for together in (False, True):
        moments = lazy.Moments(together)
        for first in range(0, 50, 7):
            moments.add(lazy.Sums.of(picture[:, :, first : first + 7]))
        wanted = picture.double().reshape(1 if together else 3, -1)
        assert torch.allclose(moments.mean, wanted.mean(1), atol=1e-4)
        assert torch.allclose(moments.variance(), wanted.var(1, correction=0), rtol=1e-3)

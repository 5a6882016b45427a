"""The generator of AnimeGANv2 (Chen, Liu & Chen 2020), in the layout of its PyTorch port.

    a: 7×7 32 · 3×3 ↓2 64 · 64    b: ↓2 128 · 128    c: 128 · inverted residuals 256 ×4 · 128    ×2    d: 128 · 128    ×2    e: 64 · 64 · 7×7 32    1×1 3 · tanh

A unit is a mirrored border, a convolution without bias, a norm over all of a picture's features (eps 1e-5) and a leaky rectifier (0.2). Halving convolutions
mirror at the right and below alone. RGB in [-1, 1] in and out.
"""

from pathlib import Path
from typing import Literal

from torch import Tensor, nn

from huafang.kernels.layers import Enlarge, Ranged
from huafang.nets import checkpoint

Upsampling = Literal["tf1", "half_pixel", "align_corners"]
ALLOWED = "the generator of AnimeGANv2 as bryandlee's PyTorch port has it (block_a.0.1.weight, …)"
LEAST_SIDE, MULTIPLE = 8, 4
"""A smaller picture cannot be mirrored behind two halvings; a side that is no multiple of 4 is not the same again behind two doublings."""


def unit(channels: int, width: int, kernel: int = 3, stride: int = 1, *, groups: int = 1, bias: bool = False) -> nn.Sequential:
    """Border, convolution, norm, rectifier."""
    border = (0, 1, 0, 1) if stride == 2 else (kernel // 2,) * 4
    return nn.Sequential(
        nn.ReflectionPad2d(border), nn.Conv2d(channels, width, kernel, stride, groups=groups, bias=bias), nn.GroupNorm(1, width), nn.LeakyReLU(0.2)
    )


class Inverted(nn.Module):
    """Widened by `times` with a 1 × 1 convolution, filtered channel by channel, narrowed again; added to what came where the sizes agree."""

    def __init__(self, channels: int, width: int, times: int = 2) -> None:
        super().__init__()
        inner = times * channels
        self.same = channels == width
        self.layers = nn.Sequential(
            unit(channels, inner, 1), unit(inner, inner, groups=inner, bias=True), nn.Conv2d(inner, width, 1, bias=False), nn.GroupNorm(1, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layers(x)
        return y + x if self.same else y


class Generator(nn.Module):
    """(1, 3, H, W) in [-1, 1] -> the same. The state dict has the port's keys.

    With `upsampling` "align_corners" any size comes back as it was; the other two give each side rounded down to a multiple of 4.
    """

    tile = 4

    def __init__(self, upsampling: Upsampling = "tf1") -> None:
        super().__init__()
        self.block_a = nn.Sequential(unit(3, 32, 7), unit(32, 64, stride=2), unit(64, 64))
        self.block_b = nn.Sequential(unit(64, 128, stride=2), unit(128, 128))
        self.block_c = nn.Sequential(unit(128, 128), Inverted(128, 256), Inverted(256, 256), Inverted(256, 256), Inverted(256, 256), unit(256, 128))
        self.block_d = nn.Sequential(unit(128, 128), unit(128, 128))
        self.block_e = nn.Sequential(unit(128, 64), unit(64, 64), unit(64, 32, 7))
        self.out_layer = nn.Sequential(nn.Conv2d(32, 3, 1, bias=False), nn.Tanh())
        self.enlarge = Enlarge(upsampling)

    def forward(self, x: Tensor) -> Tensor:
        half = self.block_a(x)
        inner = self.block_c(self.block_b(half))  # (1, 128, H/4, W/4)
        y = self.block_d(self.enlarge(inner, half))
        y = self.block_e(self.enlarge(y, x))
        result: Tensor = self.out_layer(y)
        return result


def build(state: dict[str, Tensor], name: str, upsampling: Upsampling) -> Generator:
    """The bare network from a published state dict. Raises BadInput for another network's."""
    if "block_a.0.1.weight" not in state:
        raise checkpoint.unknown(name, state, ALLOWED)
    net = Generator(upsampling)
    checkpoint.fill(net, state, name, "AnimeGANv2 generator")
    return net


def load(path: Path, upsampling: Upsampling) -> nn.Sequential:
    """The network of `path` for (1, 3, H, W) sRGB in [0, 1], giving the same. Raises BadInput for another network."""
    net = build(checkpoint.read(path), path.name, upsampling)
    return nn.Sequential(Ranged(2.0, -1.0), net, Ranged(0.5, 0.5)).eval().requires_grad_(False)

"""The feed-forward style network of Johnson et al. 2016 with instance norm (Ulyanov et al. 2016), in its published layouts.

    9×9 32 · 3×3 ↓2 64 · 3×3 ↓2 128 · 5 residual blocks of 128 · ×2 64 · ×2 32 · 9×9 3

Borders are mirrored, norms have eps 1e-5 and a learned scale and shift, nothing bounds the output. The layouts differ in how they enlarge (`examples`: the
nearest pixel, then a convolution; `rrmina`: a transposed convolution) and in the order of channels. Both take and give [0, 255].
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from torch import Tensor, nn

from huafang.kernels.layers import Ranged
from huafang.nets import checkpoint, johnson

Layout = Literal["examples", "rrmina"]
ALLOWED = (
    "the TransformerNet of pytorch/examples (conv1.conv2d.weight, …), the TransformerNetwork of rrmina (ConvBlock.0.conv_layer.weight, …), "
    "and what huafang models convert makes of a .t7 of jcjohnson"
)
LEAST_SIDE = 8
"""A smaller picture has a side of one place in the middle of the network, which cannot be mirrored."""


class Conv(nn.Module):
    """A convolution with a mirrored border."""

    def __init__(self, channels: int, width: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.pad = nn.ReflectionPad2d(kernel // 2)
        self.conv2d = nn.Conv2d(channels, width, kernel, stride)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv2d(self.pad(x))
        return y


class Enlarging(nn.Module):
    """Twice the size, then a convolution."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.enlarge = nn.Upsample(scale_factor=2, mode="nearest")
        self.pad = nn.ReflectionPad2d(1)
        self.conv2d = nn.Conv2d(channels, width, 3)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv2d(self.pad(self.enlarge(x)))
        return y


class Transposing(nn.Module):
    """Twice the size by a transposed convolution."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.conv2d = nn.ConvTranspose2d(channels, width, 3, 2, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv2d(x)
        return y


class Residual(nn.Module):
    """x + norm(conv(relu(norm(conv(x))))), with no rectifier behind the sum."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1, self.in1 = Conv(channels, channels, 3), nn.InstanceNorm2d(channels, affine=True)
        self.conv2, self.in2 = Conv(channels, channels, 3), nn.InstanceNorm2d(channels, affine=True)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.in2(self.conv2(self.relu(self.in1(self.conv1(x)))))
        return y + x


class TransformerNet(nn.Module):
    """(B, 3, H, W) in [0, 255] -> the same, each side rounded up to a multiple of 4. The state dict has the keys of pytorch/examples.

    `widths` are the channels of its first three and of its two enlarging convolutions, `blocks` the residual blocks between them.
    """

    fine = ("conv1", "in1", "conv2")
    """What `bands` reckons in float32 always: where a picture is smooth, the first norms make whatever rounding leaves there large."""

    def __init__(self, layout: Layout = "examples", widths: tuple[int, int, int, int, int] = (32, 64, 128, 64, 32), blocks: int = 5) -> None:
        super().__init__()
        enlarge = Enlarging if layout == "examples" else Transposing
        first, second, middle, fourth, fifth = widths
        self.conv1, self.in1 = Conv(3, first, 9), nn.InstanceNorm2d(first, affine=True)
        self.conv2, self.in2 = Conv(first, second, 3, 2), nn.InstanceNorm2d(second, affine=True)
        self.conv3, self.in3 = Conv(second, middle, 3, 2), nn.InstanceNorm2d(middle, affine=True)
        self._blocks = [f"res{block}" for block in range(1, blocks + 1)]
        for name in self._blocks:
            self.add_module(name, Residual(middle))
        self.deconv1, self.in4 = enlarge(middle, fourth), nn.InstanceNorm2d(fourth, affine=True)
        self.deconv2, self.in5 = enlarge(fourth, fifth), nn.InstanceNorm2d(fifth, affine=True)
        self.deconv3 = Conv(fifth, 3, 9)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.in1(self.conv1(x)))
        x = self.relu(self.in2(self.conv2(x)))
        x = self.relu(self.in3(self.conv3(x)))  # (B, 128, H/4, W/4)
        for name in self._blocks:
            x = self.get_submodule(name)(x)
        x = self.relu(self.in4(self.deconv1(x)))
        x = self.relu(self.in5(self.deconv2(x)))
        y: Tensor = self.deconv3(x)
        return y


RRMINA = {
    **{f"ConvBlock.{2 * place}.conv_layer": f"conv{place + 1}.conv2d" for place in range(3)},
    **{f"ConvBlock.{2 * place}.norm_layer": f"in{place + 1}" for place in range(3)},
    **{f"ResidualBlock.{place}.conv{n}.conv_layer": f"res{place + 1}.conv{n}.conv2d" for place in range(5) for n in (1, 2)},
    **{f"ResidualBlock.{place}.conv{n}.norm_layer": f"res{place + 1}.in{n}" for place in range(5) for n in (1, 2)},
    **{f"DeconvBlock.{2 * place}.conv_transpose": f"deconv{place + 1}.conv2d" for place in range(2)},
    **{f"DeconvBlock.{2 * place}.norm_layer": f"in{place + 4}" for place in range(2)},
    "DeconvBlock.4.conv_layer": "deconv3.conv2d",
}
"""rrmina's names for the layers, and ours."""
RUNNING = re.compile(r".*\bin\d\.(running_mean|running_var|num_batches_tracked)")
"""What checkpoints of before PyTorch 0.4 carry beside their instance norms. The norms never used it."""


def layout(state: Mapping[str, Tensor], name: str) -> Layout:
    """Which of the layouts `state` has. Raises BadInput when it has none."""
    if "conv1.conv2d.weight" in state:
        return "examples"
    if "ConvBlock.0.conv_layer.weight" in state:
        return "rrmina"
    raise checkpoint.unknown(name, state, ALLOWED)


def build(state: Mapping[str, Tensor], name: str) -> TransformerNet:
    """The bare network, [0, 255] in and out, from a published state dict. Raises BadInput for another network's."""
    kind = layout(state, name)
    kept = {key: tensor for key, tensor in state.items() if not RUNNING.fullmatch(key)}
    if kind == "rrmina":
        kept = {RRMINA.get(place, place) + "." + end: tensor for key, tensor in kept.items() for place, _, end in [key.rpartition(".")]}
    net = TransformerNet(kind)
    checkpoint.fill(net, kept, name, f"style network of the layout {kind}")
    return net


def least(net: nn.Module) -> int:
    """Pixels a side that `net` wants at least: all of its mirrored borders must fit into its maps."""
    return int(getattr(net, "least", LEAST_SIDE))


def load(path: Path) -> nn.Sequential:
    """The network of `path` for (B, 3, H, W) sRGB in [0, 1], giving the same. Raises BadInput for another network."""
    if said := johnson.told(path):
        return johnson.load(path, said)
    state = checkpoint.read(path)
    reverse = layout(state, path.name) == "rrmina"
    return nn.Sequential(Ranged(255.0, reverse=reverse), build(state, path.name), Ranged(1 / 255, reverse=reverse)).eval().requires_grad_(False)

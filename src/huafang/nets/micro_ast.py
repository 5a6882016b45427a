"""MicroAST (Wang, Zhao, Zhang et al. 2023): any painting's style in one pass of 471,987 parameters, with no trained loss network at run time.

    9×9 16 · grouped 3×3 ↓2 32, 1×1 · grouped 3×3 ↓2 64, 1×1 · residual → tap 1 · residual → tap 2

Photo and painting have an encoder each. The decoder gives the photo's tap 2 the statistics of the painting's (AdaIN), then those of tap 1 behind a residual
block. Both blocks are modulated: their convolutions become w · conv(x) + b · x, with w and b (one number a channel) read off the painting's taps. Borders are
mirrored, there is no norm. RGB in [0, 1] in and out.

w · conv(x) + b · x is a convolution too, of the kernel w · K + b at its own channel's middle: so a style is *folded* into the decoder's weights once, and the
photo then passes through plain layers.
"""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from huafang.kernels.layers import AdaIN, moments, statistics
from huafang.nets import checkpoint
from huafang.ops import resize

ALLOWED = "MicroAST (content_encoder.…, style_encoder.…, modulator.…, decoder.…)"
READ_SIDE = 1024
LEAST_SIDE = 8
"""A smaller picture has a side of one place behind two halvings, which cannot be mirrored."""


class Conv(nn.Module):
    """A convolution with a mirrored border."""

    def __init__(self, channels: int, width: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.pad = nn.ReflectionPad2d(kernel // 2)
        self.conv_layer = nn.Conv2d(channels, width, kernel, stride, groups=groups)

    def forward(self, x: Tensor) -> Tensor:
        if self.training and self.conv_layer.groups > 1:
            conv = self.conv_layer
            return F.conv2d(self.pad(x), spread(conv.weight, conv.groups), conv.bias, conv.stride)
        y: Tensor = self.conv_layer(self.pad(x))
        return y


def spread(weight: Tensor, groups: int) -> Tensor:
    """A grouped convolution's kernels (O, I / groups, k, k) as those of a plain one, (O, I, k, k), with zeros where a group looks away.

    The result is the same. Training takes this way: the gradient of a convolution in many small groups is up to twenty times slower, in bfloat16 on a CPU.
    """
    count, inside, height, width = weight.shape
    rows = torch.arange(count, device=weight.device)
    wide = weight.new_zeros(count, groups, inside, height, width)
    return wide.index_put((rows, rows // (count // groups)), weight).flatten(1, 2)


class Residual(nn.Module):
    """x + conv(relu(conv(x)))."""

    fine: tuple[str, ...] = ()

    def __init__(self, channels: int = 64) -> None:
        super().__init__()
        self.conv1, self.conv2, self.relu = Conv(channels, channels, 3), Conv(channels, channels, 3), nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv2(self.relu(self.conv1(x)))
        return y + x


class Encoder(nn.Module):
    """(1, 3, H, W) -> tap 1 and tap 2, (1, 64, H/4, W/4) each."""

    fine = ("enc1",)
    """As `Styled.fine`: a painting of strong texture enlarges what the encoder lost of a photo."""

    def __init__(self) -> None:
        super().__init__()
        plan = [Conv(3, 16, 9), Conv(16, 32, 3, 2, 16), Conv(32, 32, 1), Conv(32, 64, 3, 2, 32), Conv(64, 64, 1)]
        self.enc1 = nn.Sequential(*(module for conv in plan for module in (conv, nn.ReLU())), Residual())
        last = Residual()
        last.fine = ("conv2",)
        self.enc2 = nn.Sequential(last)

    def taps(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Both taps of the picture `x`."""
        first = self.enc1(x)
        return first, self.enc2(first)

    def forward(self, x: Tensor) -> Tensor:
        return self.taps(x)[1]


class Modulator(nn.Module):
    """The taps of a painting -> (w, b) of each decoder block: a grouped 3 × 3 convolution, then the mean over the picture."""

    def __init__(self) -> None:
        super().__init__()
        self.weight1, self.bias1, self.weight2, self.bias2 = (nn.Sequential(Conv(64, 64, 3, groups=64)) for _ in range(4))

    def each(self, first: Tensor, second: Tensor) -> list[Tensor]:
        """Of each of B paintings by itself: (B, 64, 1, 1) four times."""
        nets = ((self.weight1, first), (self.bias1, first), (self.weight2, second), (self.bias2, second))
        return [net(tap).float().mean((2, 3), keepdim=True) for net, tap in nets]

    def forward(self, first: Tensor, second: Tensor) -> list[Tensor]:
        """Of one painting: (64,) four times."""
        return [found.mean((0, 2, 3)) for found in self.each(first, second)]


class Decoder(nn.Module):
    """What the folded network is made from: its `forward` is `Styled`'s."""

    def __init__(self) -> None:
        super().__init__()
        self.dec1, self.dec2 = Residual(), Residual()
        twice = {"scale_factor": 2, "mode": "bilinear", "align_corners": False}
        self.dec3 = nn.Sequential(
            *(nn.Upsample(**twice), Conv(64, 32, 3, groups=32), nn.ReLU(), Conv(32, 32, 1), nn.ReLU()),  # type: ignore[arg-type]
            *(nn.Upsample(**twice), Conv(32, 16, 3, groups=16), nn.ReLU(), Conv(16, 16, 1), nn.ReLU()),  # type: ignore[arg-type]
            Conv(16, 3, 9),
        )


@dataclass(frozen=True)
class Style:
    """All that is kept of a painting, 64 numbers each: statistics of its taps, and the modulation of the blocks."""

    means: tuple[Tensor, Tensor]
    stds: tuple[Tensor, Tensor]
    weights: tuple[Tensor, Tensor]
    biases: tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Signals:
    """What B paintings tell the decoder, for training: of either tap mean and deviation, and weight and bias of the modulation; (B, 64, 1, 1) each."""

    moments: tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]
    modulations: tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]

    def first(self, count: int) -> "Signals":
        """Of the first `count` paintings alone."""
        moments, modulations = ([(one[:count], other[:count]) for one, other in pairs] for pairs in (self.moments, self.modulations))
        return Signals((moments[0], moments[1]), (modulations[0], modulations[1]))


class MicroAST(nn.Module):
    """The state dict has the published keys. `style` reads a painting, `styled` gives the network that paints in it."""

    def __init__(self) -> None:
        super().__init__()
        self.content_encoder, self.style_encoder = Encoder(), Encoder()
        self.modulator, self.decoder = Modulator(), Decoder()

    def style(self, painting: Tensor) -> Style:
        """What there is to know of a painting, (1, 3, H, W) in [0, 1]."""
        first, second = self.style_encoder.taps(painting)
        (mean1, std1), (mean2, std2) = statistics(first), statistics(second)
        weight1, bias1, weight2, bias2 = self.modulator(first, second)
        return Style((mean1, mean2), (std1, std2), (weight1, weight2), (bias1, bias2))

    def mixed(self, styles: Sequence[Style], shares: Sequence[float]) -> Style:
        """Several styles as one, by `shares` that sum to 1. For AdaIN this is the interpolation of Huang & Belongie 2017, equation 15."""

        def both(name: str) -> tuple[Tensor, Tensor]:
            one, other = (torch.stack([share * getattr(style, name)[tap] for style, share in zip(styles, shares, strict=True)]).sum(0) for tap in (0, 1))
            return one, other

        return Style(both("means"), both("stds"), both("weights"), both("biases"))

    def styled(self, style: Style, alpha: float = 1.0) -> "Styled":
        """The network for photos in `style`. `alpha` is the authors' own: below 1 it mixes features as they came into both AdaINs."""
        return Styled(self, style, alpha)

    def signals(self, paintings: Tensor) -> "Signals":
        """What the decoder is told of (B, 3, H, W) paintings, in a form that is learnt through."""
        first, second = self.style_encoder.taps(paintings)
        weight1, bias1, weight2, bias2 = self.modulator.each(first, second)
        return Signals((moments(first), moments(second)), ((weight1, bias1), (weight2, bias2)))

    def forward(self, photos: Tensor, told: "Signals") -> Tensor:
        """(B, 3, H, W) photos, each in the style of its painting: what `styled` gives with strength 1, spelled plainly, so that it is learnt through."""
        x = self.content_encoder(photos)
        for place, block in ((1, self.decoder.dec1), (0, self.decoder.dec2)):
            (mean, std), (weight, bias) = told.moments[place], told.modulations[place]
            own_mean, own_std = moments(x)
            gain = std / own_std
            x = x * gain.to(x.dtype) + (mean - own_mean * gain).to(x.dtype)
            weight, bias = weight.to(x.dtype), bias.to(x.dtype)
            inner = block.relu(weight * block.conv1(x) + bias * x)
            x = x + weight * block.conv2(inner) + bias * inner
        y: Tensor = self.decoder.dec3(x)
        return y

    def painting(self, photo: Tensor, style: Style, strength: float) -> "Styled":
        """The network for `photo`, in `style` mixed with the photo's own, which the style encoder reads at up to `READ_SIDE` pixels.

        The authors' `alpha` mixes features of another scale under a modulation that stays the style's: measured with their weights, colours leave [0, 1]
        tenfold at 0.25 to 0.75. Where the photo's own style is mixed in whole, the result goes evenly from the photo, nearly, to the style.
        """
        if strength < 1:
            own = self.style(resize.widened(resize.shrunk(photo, READ_SIDE), LEAST_SIDE))
            style = self.mixed([style, own], [strength, 1 - strength])
        return self.styled(style)


class Styled(nn.Module):
    """(1, 3, H, W) in [0, 1] -> the same in a style, each side rounded up to a multiple of 4."""

    fine = ("deep", "block1", "shallow")
    """What `bands` reckons in float32 always: what the block gives lies far from 0 beside its deviation, and the norm behind it takes the difference."""
    tile = 4

    def __init__(self, net: MicroAST, style: Style, alpha: float) -> None:
        super().__init__()
        self.encoder = net.content_encoder
        self.deep, self.block1 = AdaIN(style.means[1], style.stds[1], alpha), folded(net.decoder.dec1, style.weights[1], style.biases[1])
        self.shallow, self.block2 = AdaIN(style.means[0], style.stds[0], alpha), folded(net.decoder.dec2, style.weights[0], style.biases[0])
        self.enlarge = net.decoder.dec3

    def forward(self, x: Tensor) -> Tensor:
        x = self.block1(self.deep(self.encoder(x)))
        y: Tensor = self.enlarge(self.block2(self.shallow(x)))
        return y


def folded(block: Residual, weight: Tensor, bias: Tensor) -> Residual:
    """`block` with both its convolutions modulated, w · conv(x) + b · x, by (C,) each."""
    block = deepcopy(block)
    with torch.no_grad():
        for conv in (block.conv1.conv_layer, block.conv2.conv_layer):
            conv.weight.mul_(weight.view(-1, 1, 1, 1))
            conv.weight[:, :, 1, 1] += torch.diag(bias)
            assert conv.bias is not None, "every convolution has one"
            conv.bias.mul_(weight)
    return block


def fresh(seed: int) -> MicroAST:
    """A network to begin training with: He-normal convolutions (He et al. 2015, equation 10), a modulation that changes nothing yet, grey pictures."""
    torch.manual_seed(seed)
    net = MicroAST()
    with torch.no_grad():
        for conv in (module for module in net.modules() if isinstance(module, nn.Conv2d)):
            nn.init.kaiming_normal_(conv.weight)
            nn.init.zeros_(conv.bias)  # type: ignore[arg-type]  # every convolution has one
        for block in (module for module in net.modules() if isinstance(module, Residual)):
            block.conv2.conv_layer.weight.mul_(0.5)
        for name, conv in ((name, module) for name, module in net.modulator.named_modules() if isinstance(module, nn.Conv2d)):
            conv.weight.mul_(0.1)
            nn.init.constant_(conv.bias, float(name.startswith("weight")))  # type: ignore[arg-type]  # as above
        last = net.decoder.dec3[-1]
        assert isinstance(last, Conv), "the decoder ends in one"
        last.conv_layer.weight.mul_(0.1)
        nn.init.constant_(last.conv_layer.bias, 0.5)  # type: ignore[arg-type]  # as above
    return net


def build(state: dict[str, Tensor], name: str) -> MicroAST:
    """The network from the published state dict. Raises BadInput for another network's."""
    if not any(key.startswith("content_encoder.") for key in state):
        raise checkpoint.unknown(name, state, ALLOWED)
    net = MicroAST()
    checkpoint.fill(net, state, name, "MicroAST")
    return net


def load(path: Path) -> MicroAST:
    """The network of `path`. Raises BadInput for another network."""
    return build(checkpoint.read(path), path.name)

"""Arbitrary style transfer by adaptive instance norm (Huang & Belongie 2017), in the layout of its PyTorch port.

The encoder is VGG-19 up to relu4_1, "normalised" and with its preprocessing in a first 1 × 1 convolution; poolings keep an odd last row. The decoder is its
mirror with nearest-pixel enlargements. Between them the photo's features get the mean and deviation of the painting's. Borders are mirrored. RGB in [0, 1] in
and out.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from huafang.kernels import tiled
from huafang.kernels.layers import AdaIN, statistics
from huafang.nets import checkpoint

ALLOWED = "AdaIN's encoder (vgg.0.weight, … or 0.weight, …) and decoder (decoder.1.weight, … or 1.weight, …)"
LEAST_SIDE = 16
"""A smaller picture has a side of one place behind three halvings, which cannot be mirrored."""
ENCODER = (64, 64, "M", 128, 128, "M", 256, 256, 256, 256, "M", 512)
DECODER = (256, "U", 256, 256, 256, 128, "U", 128, 64, "U", 64, 3)
"""Widths of the 3 × 3 convolutions; M halves by the maximum, U doubles."""

Style = tuple[Tensor, Tensor]
"""Mean and deviation of a painting's features at relu4_1, (512,) each."""


def encoder() -> nn.Sequential:
    """(1, 3, H, W) in [0, 1] -> relu4_1, (1, 512, ⌈H/8⌉, ⌈W/8⌉). 3,505,740 parameters."""
    return _stack([nn.Conv2d(3, 3, 1)], 3, ENCODER)


def decoder() -> nn.Sequential:
    """The way back. 3,505,219 parameters."""
    return nn.Sequential(*list(_stack([], 512, DECODER))[:-1])  # nothing rectifies the picture itself


def _stack(modules: list[nn.Module], channels: int, plan: Sequence[int | str]) -> nn.Sequential:
    for item in plan:
        if item == "M":
            modules.append(nn.MaxPool2d(2, 2, 0, ceil_mode=True))
        elif item == "U":
            modules.append(nn.Upsample(scale_factor=2, mode="nearest"))
        else:
            modules += [nn.ReflectionPad2d(1), nn.Conv2d(channels, int(item), 3), nn.ReLU()]
            channels = int(item)
    return nn.Sequential(*modules)


class AdaINNet(nn.Module):
    """Encoder and decoder: the keys are the port's, behind `vgg.` and `decoder.`."""

    def __init__(self) -> None:
        super().__init__()
        self.vgg, self.decoder = encoder(), decoder()

    def style(self, painting: Tensor) -> Style:
        """What there is to know of a painting, (1, 3, H, W) in [0, 1]."""
        return statistics(tiled.run(self.vgg, painting))

    def mixed(self, styles: Sequence[Style], shares: Sequence[float]) -> Style:
        """Several styles as one by `shares` that sum to 1. AdaIN is linear in its target, so this is the paper's interpolation of features (equation 15)."""
        mean, std = (torch.stack([share * style[part] for style, share in zip(styles, shares, strict=True)]).sum(0) for part in (0, 1))
        return mean, std

    def styled(self, style: Style, alpha: float = 1.0) -> "Styled":
        """The network for photos in `style`; `alpha` is the paper's (equation 14)."""
        return Styled(self.vgg, AdaIN(*style, alpha), self.decoder)

    def painting(self, photo: Tensor, style: Style, strength: float) -> "Styled":
        """`styled`: mixing the photo's features in, and its own statistics, is the same here."""
        return self.styled(style, strength)


class Styled(nn.Sequential):
    """(1, 3, H, W) in [0, 1] -> the same in a style."""

    tile = 4


def build(state: dict[str, Tensor], name: str) -> AdaINNet:
    """The network from published state dicts, behind `vgg.` and `decoder.`; the encoder's layers behind relu4_1 are left out. Raises BadInput."""
    net = AdaINNet()
    deepest = len(net.vgg)
    kept = {key: tensor for key, tensor in state.items() if not ((found := re.match(r"vgg\.(\d+)\.", key)) and int(found[1]) >= deepest)}
    checkpoint.fill(net, kept, name, "pair of AdaIN's encoder and decoder")
    return net


def load(path: Path, vgg: Path | None = None) -> AdaINNet:
    """The network of `path`: both parts in one file, or the decoder alone, and the encoder in the file `vgg`. Raises BadInput for other networks."""
    state = checkpoint.read(path)
    if "decoder.1.weight" not in state and "1.weight" not in state:
        raise checkpoint.unknown(path.name, state, ALLOWED)
    if "1.weight" in state:
        state = {f"decoder.{key}": tensor for key, tensor in state.items()}
    if vgg is not None:
        other = checkpoint.read(vgg)
        if not {"0.weight", "vgg.0.weight"} & set(other):
            raise checkpoint.unknown(vgg.name, other, ALLOWED)
        state = {key: tensor for key, tensor in state.items() if key.startswith("decoder.")}
        state |= {key if key.startswith("vgg.") else f"vgg.{key}": tensor for key, tensor in other.items() if not key.startswith("decoder.")}
    return build(state, path.name)

"""AnimeGANv2's discriminator (Chen, Liu & Chen 2020): whether each patch of a picture is a drawing.

    3×3 32 · 3×3 ↓2 64 · 3×3 128 · 3×3 ↓2 128 · 3×3 256 · 3×3 256 · 3×3 1

Norms over all of a picture's features stand behind the 128, the first 256 and the second 256 of stride 1; rectifiers are leaky (0.2), convolutions have no
bias and pad with zeros. RGB in [-1, 1] in; out come numbers that least squares draw to 1 for drawings and to 0 for all else.
"""

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm


class Discriminator(nn.Module):
    """(B, 3, H, W) in [-1, 1] -> (B, 1, H/4, W/4), for sides that are multiples of 4. 1,128,800 parameters.

    With `spectral`, weights have spectral norm 1 (Miyato et al. 2018).
    """

    def __init__(self, *, spectral: bool) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            _convolution(3, 32, spectral),
            nn.LeakyReLU(0.2),
            *_halving(32, 64, spectral),
            *_halving(128, 128, spectral),
            *_unit(256, 256, spectral),
            _convolution(256, 1, spectral),
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layers(x)
        return y


def fresh(seed: int, *, spectral: bool) -> Discriminator:
    """A new one, its weights drawn from N(0, 0.02²) as the authors do."""
    torch.manual_seed(seed)
    return Discriminator(spectral=spectral)


def _halving(channels: int, width: int, spectral: bool) -> list[nn.Module]:
    return [_convolution(channels, width, spectral, 2), nn.LeakyReLU(0.2), *_unit(width, 2 * width, spectral)]


def _unit(channels: int, width: int, spectral: bool) -> list[nn.Module]:
    return [_convolution(channels, width, spectral), nn.GroupNorm(1, width), nn.LeakyReLU(0.2)]


def _convolution(channels: int, width: int, spectral: bool, stride: int = 1) -> nn.Module:
    layer = nn.Conv2d(channels, width, 3, stride, 1, bias=False)
    nn.init.normal_(layer.weight, 0, 0.02)
    return spectral_norm(layer) if spectral else layer

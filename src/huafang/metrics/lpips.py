"""LPIPS (Zhang et al., "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric", CVPR 2018), version 0.1 of the authors' heads."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from huafang.errors import BadInput
from huafang.metrics import door
from huafang.models import modelfile
from huafang.nets import alexnet, squeezenet, vgg

Trunk = Literal["alexnet", "vgg16", "squeezenet"]
WIDTHS: dict[Trunk, tuple[int, ...]] = {
    "alexnet": (64, 192, 384, 256, 256),
    "vgg16": (64, 128, 256, 512, 512),
    "squeezenet": (64, 128, 256, 384, 384, 512, 512),
}
"""Channels of the features that are compared."""
VGG_LAYERS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3")
"""The layers of VGG-16 (not 19) that are read."""
LEAST_SIDE = 32


class Lpips(nn.Module):
    """`trunk` gives features of pixels in [0, 1]; `heads` weigh the channels of each, (1, C, 1, 1)."""

    def __init__(self, trunk: nn.Module, heads: list[Tensor]) -> None:
        super().__init__()
        self.trunk = trunk
        self.heads = nn.ParameterList(nn.Parameter(head, requires_grad=False) for head in heads)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """(B, 3, H, W) twice, sRGB in [0, 1], sides of 32 or more -> (B,), 0 for equal pictures: the paper's equation 1, summed over layers."""
        door.pair(a, b, least=LEAST_SIDE)
        return self.between(self.features(a), self.features(b))

    def features(self, pixels: Tensor) -> list[Tensor]:
        """(B, 3, H, W), sRGB in [0, 1] -> the trunk's features, one for each head: for a picture that is compared with many."""
        found: list[Tensor] = self.trunk(pixels)
        return found

    def between(self, features: list[Tensor], others: list[Tensor]) -> Tensor:
        """The distance (B,) of two pictures by their `features`."""
        total = features[0].new_zeros(len(features[0]))
        for x, y, head in zip(features, others, self.heads, strict=True):
            apart = (F.normalize(x, dim=1, eps=1e-10) - F.normalize(y, dim=1, eps=1e-10)).square()
            total = total + F.conv2d(apart, head).mean((1, 2, 3))
        return total


class _Vgg16(nn.Module):
    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, pixels: Tensor) -> list[Tensor]:
        return list(self.net(pixels, VGG_LAYERS).values())


TRUNKS: dict[Trunk, Callable[[Path], nn.Module]] = {
    "alexnet": alexnet.load,
    "vgg16": lambda path: _Vgg16(vgg.load(path, depth=16)),
    "squeezenet": squeezenet.load,
}


def load(name: Trunk, trunk: Path, heads: Path) -> Lpips:
    """LPIPS over torchvision's ImageNet weights of `name` and the authors' heads for it (`lin0.model.1.weight`, …). Raises BadInput for other files."""
    given = modelfile.load(heads)
    found = [given.get(f"lin{layer}.model.1.weight") for layer in range(len(WIDTHS[name]))]
    shapes = [None if head is None else tuple(head.shape) for head in found]
    if shapes != [(1, width, 1, 1) for width in WIDTHS[name]]:
        raise BadInput(f"{heads.name} holds no LPIPS heads for {name}: their shapes are {shapes}", code="weights.wrong_kind")
    with torch.no_grad():
        return Lpips(TRUNKS[name](trunk), [head.float() for head in found if head is not None]).eval()

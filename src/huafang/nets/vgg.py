"""The convolutions of VGG-19 and VGG-16 (Simonyan & Zisserman 2015), as givers of named features."""

import re
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from huafang.errors import BadInput, check_memory
from huafang.models import modelfile
from huafang.nets.trunk import Trunk

Depth = Literal[16, 19]
Pooling = Literal["max", "avg"]
WIDTHS: dict[Depth, tuple[tuple[int, ...], ...]] = {
    16: ((64,) * 2, (128,) * 2, (256,) * 3, (512,) * 3, (512,) * 3),
    19: ((64,) * 2, (128,) * 2, (256,) * 4, (512,) * 4, (512,) * 4),
}
"""Channels of each convolution, block by block, by the net's depth (the paper's configurations D and E); a pooling follows each block."""
LEAST_SIDE = 32
"""A smaller picture is widened to this by its border, so that each of the four poolings before conv5 has two pixels to pool."""


def convolutions(depth: Depth) -> tuple[str, ...]:
    """convN_M for each convolution, as leongatys' notebook names them; reluN_M is the rectifier behind it. Each can be asked for."""
    return tuple(f"conv{block}_{number}" for block, widths in enumerate(WIDTHS[depth], 1) for number in range(1, len(widths) + 1))


class Vgg(Trunk):
    """`forward` gives the layers it was asked for and computes nothing behind the deepest of them.

    The state dict has torchvision's keys, `features.N.weight`. `pooling` "avg" is what Gatys et al. 2016 use (section 2), "max" what the net was trained with.
    """

    def __init__(self, depth: Depth, pooling: Pooling = "max") -> None:
        modules: list[nn.Module] = []
        channels = 3
        for widths in WIDTHS[depth]:
            for width in widths:
                modules += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
                channels = width
            modules.append(nn.MaxPool2d(2) if pooling == "max" else nn.AvgPool2d(2))
        super().__init__(modules)
        self.layers = tuple(name for conv in convolutions(depth) for name in (conv, conv.replace("conv", "relu")))

    def forward(self, pixels: Tensor, layers: tuple[str, ...]) -> dict[str, Tensor]:
        """(B, 3, H, W), sRGB in [0, 1] -> layer -> (B, C, h, w)."""
        assert set(layers) <= set(self.layers), f"no such layer: {set(layers) - set(self.layers)}"
        wanted, found = set(layers), {}
        features = self.normalised(_widened(pixels))
        names = iter(self.layers)
        for module in self.features:
            features = module(features)
            if isinstance(module, nn.Conv2d | nn.ReLU) and (name := next(names)) in wanted:
                found[name] = features
                if len(found) == len(wanted):
                    break
        return found


def load(path: Path, pooling: Pooling = "max", depth: Depth = 19) -> Vgg:
    """The net with the weights of `path`, frozen: torchvision's keys or leongatys' (`conv1_1.weight`). Raises BadInput when they are of another net."""
    given = modelfile.load(path)
    net = Vgg(depth, pooling)
    places = [index for index, module in enumerate(net.features) if isinstance(module, nn.Conv2d)]
    renamed = {f"{conv}.": f"features.{place}." for conv, place in zip(convolutions(depth), places, strict=True)}
    state = {re.sub(r"^conv\d_\d\.", lambda found: renamed.get(found[0], found[0]), name): tensor.float() for name, tensor in given.items()}
    try:
        net.load_state_dict({name: tensor for name, tensor in state.items() if not name.startswith("classifier.")})
    except RuntimeError as error:
        check_memory(error)
        raise BadInput(f"{path.name} holds no VGG-{depth}: {' '.join(str(error).split())[:200]}", code="weights.other_net") from error
    return net.eval().requires_grad_(False)


def he(generator: torch.Generator, pooling: Pooling = "max", depth: Depth = 19) -> Vgg:
    """The net with He-normal weights and no bias (He et al. 2015, equation 10): for tests and benchmarks, where no trained ones are at hand."""
    net = Vgg(depth, pooling)
    for module in net.features:
        if isinstance(module, nn.Conv2d):
            fan = module.in_channels * 9
            module.weight.data = torch.randn(module.weight.shape, generator=generator) * (2 / fan) ** 0.5
            nn.init.zeros_(module.bias)  # type: ignore[arg-type]  # it has one
    return net.eval().requires_grad_(False)


def _widened(pixels: Tensor) -> Tensor:
    down, right = (max(0, LEAST_SIDE - side) for side in pixels.shape[2:])
    return F.pad(pixels, (0, right, 0, down), mode="replicate") if down or right else pixels

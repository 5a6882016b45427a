"""The network that learns to paint one photo: a U-Net of 615,267 parameters (Kwon & Ye 2022, section 4.1 and their code)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WIDTH = 16
MULTIPLE = 8
"""Three halvings: a picture's sides are multiples of this."""


class Block(nn.Module):
    """Two 3 × 3 convolutions with instance norm and ReLU, and beside them a 1 × 1 convolution."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.first, self.second, self.beside = nn.Conv2d(channels, out, 3, padding=1), nn.Conv2d(out, out, 3, padding=1), nn.Conv2d(channels, out, 1)

    def forward(self, x: Tensor) -> Tensor:
        through = F.instance_norm(self.first(x)).relu()
        both: Tensor = F.instance_norm(self.second(through)).relu() + self.beside(x)
        return both


class Painter(nn.Module):
    """(1, 3, H, W) in [0, 1], H and W multiples of 8, -> the same. Borders are zeros; instance norms have no parameters."""

    def __init__(self, generator: torch.Generator, width: int = WIDTH) -> None:
        super().__init__()
        wide = [width, 2 * width, 4 * width, 8 * width]
        self.stem, self.begin = nn.Conv2d(3, width, 1), Block(width, width)
        self.down = nn.ModuleList(Block(a, b) for a, b in ((width, width), (width, wide[1]), (wide[1], wide[2])))
        self.halve = nn.ModuleList(nn.Conv2d(one, one, 4, stride=2, padding=1) for one in wide[:3])
        self.deep = Block(wide[2], wide[3])
        self.up = nn.ModuleList(Block(wide[level + 1] + wide[level], wide[level]) for level in (2, 1, 0))
        self.end, self.colour = Block(2 * width, width), nn.Conv2d(width, 3, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                _start(module, generator)

    def forward(self, pixels: Tensor) -> Tensor:
        begun = self.begin(self.stem(pixels))
        x, kept = begun, []
        for block, halve in zip(self.down, self.halve, strict=True):
            kept.append(block(x))
            x = halve(kept[-1])
        x = self.deep(x)
        for block in self.up:
            x = block(torch.cat([F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False), kept.pop()], 1))
        painted: Tensor = self.colour(self.end(torch.cat([x, begun], 1))).sigmoid()
        return painted


def _start(convolution: nn.Conv2d, generator: torch.Generator) -> None:
    """Even draws within 1 / √fan-in, as PyTorch's own, from a generator of our own."""
    bound = (convolution.in_channels * convolution.kernel_size[0] * convolution.kernel_size[1]) ** -0.5
    for tensor in convolution.parameters():
        tensor.data = (2 * torch.rand(tensor.shape, generator=generator) - 1) * bound

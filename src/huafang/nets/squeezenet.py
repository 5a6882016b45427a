"""SqueezeNet 1.1's convolutions (Iandola et al. 2016): a light network whose features measure how alike two pictures look."""

from pathlib import Path

import torch
from torch import Tensor, nn

from huafang.nets.trunk import Tapped, filled

_POOL = (2, 5, 8)
"""Places of the poolings in `features`; 3 × 3 with stride 2, the last row kept (ceil)."""
_FIRES = {
    3: (64, 16, 64),
    4: (128, 16, 64),
    6: (128, 32, 128),
    7: (256, 32, 128),
    9: (256, 48, 192),
    10: (384, 48, 192),
    11: (384, 64, 256),
    12: (512, 64, 256),
}
"""Place -> channels in, squeezed, and of each of the two expansions."""
TAPS = (1, 4, 7, 9, 10, 11, 12)
"""Places behind which LPIPS reads: 64, 128, 256, 384, 384, 512 and 512 channels."""


class Fire(nn.Module):
    def __init__(self, channels: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, squeezed, 1)
        self.expand1x1 = nn.Conv2d(squeezed, expanded, 1)
        self.expand3x3 = nn.Conv2d(squeezed, expanded, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.squeeze(x).relu()
        return torch.cat([self.expand1x1(x), self.expand3x3(x)], dim=1).relu()


class SqueezeNet(Tapped):
    def __init__(self) -> None:
        places: list[nn.Module] = [nn.Conv2d(3, 64, 3, stride=2), nn.ReLU()]
        for place in range(2, 13):
            places.append(nn.MaxPool2d(3, stride=2, ceil_mode=True) if place in _POOL else Fire(*_FIRES[place]))
        super().__init__(places, TAPS)


def load(path: Path) -> SqueezeNet:
    """The network with the weights of torchvision's `squeezenet1_1`. Raises BadInput for another network."""
    return filled(SqueezeNet(), path, "SqueezeNet 1.1")

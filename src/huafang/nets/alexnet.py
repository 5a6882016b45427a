"""AlexNet's convolutions in Krizhevsky's one-tower form (2014), the widely used trunk of LPIPS."""

from pathlib import Path

import torch
from torch import Tensor, nn

from huafang import weights
from huafang.errors import BadInput
from huafang.nets.vgg import MEAN, STD

TAPS = (1, 4, 7, 9, 11)
"""Places of the five rectifiers, behind which LPIPS reads: 64, 192, 384, 256 and 256 channels."""
LEAST_SIDE = 32
"""Of a smaller picture nothing is left for the last layers."""


class AlexNet(nn.Module):
    """The state dict has torchvision's keys, `features.N.…`."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, 11, stride=4, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d(64, 192, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d(192, 384, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(384, 256, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(256, 256, 3, padding=1),
            nn.ReLU(),
        )
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(1, 3, 1, 1), persistent=False)

    def forward(self, pixels: Tensor) -> list[Tensor]:
        """(B, 3, H, W), sRGB in [0, 1] -> the features behind each rectifier, coarser and coarser."""
        x = (pixels - self.mean) / self.std
        found = []
        for place, module in enumerate(self.features):
            x = module(x)
            if place in TAPS:
                found.append(x)
        return found


def load(path: Path) -> AlexNet:
    """The network with the weights of torchvision's `alexnet`; its classifier, if there, is left out. Raises BadInput for another network."""
    net = AlexNet()
    state = {key: value.float() for key, value in weights.load(path).items() if key.startswith("features.")}
    try:
        net.load_state_dict(state)
    except RuntimeError as error:
        raise BadInput(f"{path.name} is no AlexNet: {' '.join(str(error).split())[:160]}", code="weights.wrong_kind") from error
    return net.eval().requires_grad_(False)

"""AlexNet's convolutions in Krizhevsky's one-tower form (2014), the widely used trunk of LPIPS."""

from pathlib import Path

from torch import nn

from huafang.nets.trunk import Tapped, filled

TAPS = (1, 4, 7, 9, 11)
"""Places of the five rectifiers, behind which LPIPS reads: 64, 192, 384, 256 and 256 channels."""
LEAST_SIDE = 32
"""Of a smaller picture nothing is left for the last layers."""


class AlexNet(Tapped):
    def __init__(self) -> None:
        features = [
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
        ]
        super().__init__(features, TAPS)


def load(path: Path) -> AlexNet:
    """The network with the weights of torchvision's `alexnet`. Raises BadInput for another network."""
    return filled(AlexNet(), path, "AlexNet")

"""Networks that were trained to tell what photos show (ImageNet), as givers of features: what AlexNet, SqueezeNet and VGG share."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from huafang.errors import BadInput, check_memory
from huafang.models import modelfile

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""ImageNet's, for RGB in [0, 1]: torchvision's weights expect it. It happens inside."""


class Trunk(nn.Module):
    """The state dict has torchvision's keys, `features.N.…`."""

    def __init__(self, features: Sequence[nn.Module]) -> None:
        super().__init__()
        self.features = nn.Sequential(*features)
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(1, 3, 1, 1), persistent=False)

    def normalised(self, pixels: Tensor) -> Tensor:
        return (pixels - self.mean) / self.std


class Tapped(Trunk):
    """A trunk that is read behind its places `taps`."""

    def __init__(self, features: Sequence[nn.Module], taps: Sequence[int]) -> None:
        super().__init__(features)
        self.taps = tuple(taps)

    def forward(self, pixels: Tensor, count: int | None = None) -> list[Tensor]:
        """(B, 3, H, W), sRGB in [0, 1] -> the features behind the first `count` taps, coarser and coarser; nothing behind them is computed."""
        x, found = self.normalised(pixels), []
        wanted = self.taps[:count]
        for place, module in enumerate(self.features):
            x = module(x)
            if place in wanted:
                found.append(x)
            if place == wanted[-1]:
                break
        return found


T = TypeVar("T", bound=Tapped)


def filled(net: T, path: Path, title: str) -> T:
    """`net`, frozen, with torchvision's weights; a classifier in `path` is left out. Raises BadInput for another network than the one called `title`."""
    state = {key: value.float() for key, value in modelfile.load(path).items() if key.startswith("features.")}
    try:
        net.load_state_dict(state)
    except RuntimeError as error:
        check_memory(error)
        raise BadInput(f"{path.name} is no {title}: {' '.join(str(error).split())[:160]}", code="weights.wrong_kind") from error
    return net.eval().requires_grad_(False)

"""Random filters of many sizes as a giver of features: Ustyuzhaninov et al. 2017, "What does it take to generate natural textures?". Nothing is trained."""

import torch
import torch.nn.functional as F
from torch import Tensor

SIZES = ((3, 5, 7, 11), (7, 11), (9, 13))
"""Filter sizes in each octave: 3, 5, 7, 11, then 15 and 23 as 7 and 11 at half size, 37 and 55 as 9 and 13 at a quarter. The paper's eight sizes."""
FILTERS = 24
"""Filters of each size; the paper has 128, and takes hours."""


class RandomFilters:
    """`octaves` gives the rectified answers to a picture (1, 3, H, W) in [0, 1]: of octave n at a 2ⁿ-th of its size, 24 channels for each size of filter."""

    def __init__(self, generator: torch.Generator, like: Tensor) -> None:
        self._banks = [[_bank(size, generator).to(like) for size in sizes] for sizes in SIZES]

    def octaves(self, pixels: Tensor, wanted: list[int]) -> list[Tensor]:
        found = []
        for octave in wanted:
            small = F.avg_pool2d(pixels, 2**octave) if octave else pixels
            answers = [F.conv2d(F.pad(small - 0.5, (bank.shape[-1] // 2,) * 4, mode="reflect"), bank) for bank in self._banks[octave]]
            found.append(torch.cat(answers, 1).relu())
        return found


def fitting(least: int) -> list[int]:
    """The octaves whose filters fit into a picture with `least` pixels on its shortest side."""
    return [octave for octave in range(len(SIZES)) if least >> octave >= max(SIZES[octave])]


def _bank(size: int, generator: torch.Generator) -> Tensor:
    """(FILTERS, 3, size, size) of norm 1, half of them without an answer to a flat colour: those see edges, the others colour."""
    bank = torch.randn(FILTERS, 3, size, size, generator=generator)
    bank[::2] -= bank[::2].mean((2, 3), keepdim=True)
    unit: Tensor = bank / bank.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
    return unit

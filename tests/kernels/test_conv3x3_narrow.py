"""Thin residuals row by row are the convolutions that they are made of, whatever the size, the band and the sign."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from huafang.kernels import conv3x3_narrow


def plain(other: torch.Tensor, convolutions: list[nn.Conv2d]) -> torch.Tensor:
    one, two, three = convolutions
    mirrored = lambda x: F.pad(x, (1, 1, 1, 1), mode="reflect")  # noqa: E731
    return three(mirrored(two(mirrored(one(mirrored(other)).relu())).relu()))


def lines(maps: torch.Tensor) -> torch.Tensor:
    """(…, C, H, W), the same numbers, with memory (…, H, C, W)."""
    return maps.transpose(-3, -2).contiguous().transpose(-3, -2)


@pytest.mark.parametrize(("height", "width"), [(2, 2), (2, 9), (9, 2), (3, 3), (7, 40), (33, 17)])
@pytest.mark.parametrize("sign", [1, -1])
def test_any_bands_make_the_residual(height, width, sign):
    torch.manual_seed(0)
    convolutions = [nn.Conv2d(16, 4, 3), nn.Conv2d(4, 4, 3), nn.Conv2d(4, 16, 3)]
    half, other = lines(torch.randn(2, 1, 16, height, width))
    with torch.no_grad():
        wanted = half + sign * plain(other, convolutions)
    taps = tuple(conv3x3_narrow.Taps.of(module) for module in convolutions)
    made = []
    for rows in (height, 5, 1):
        made.append(half.clone())
        for first in range(0, height, rows):
            conv3x3_narrow.add(made[-1], other, taps, sign, first, min(height, first + rows))
    assert torch.allclose(made[0], wanted, atol=1e-5)
    assert all(torch.equal(one, made[0]) for one in made), "a band's place changes no bit"


def test_only_the_band_is_written():
    taps = tuple(conv3x3_narrow.Taps.of(module) for module in (nn.Conv2d(16, 4, 3), nn.Conv2d(4, 4, 3), nn.Conv2d(4, 16, 3)))
    half, other = lines(torch.stack([torch.zeros(1, 16, 12, 8), torch.randn(1, 16, 12, 8)]))
    conv3x3_narrow.add(half, other, taps, 1, 4, 7)
    assert half[:, :, :4].abs().max() == half[:, :, 7:].abs().max() == 0
    assert half[:, :, 4:7].abs().min() > 0

"""Winograd's convolution against the direct one in double precision."""

import pytest
import torch
import torch.nn.functional as F

from huafang.ops import winograd


@pytest.mark.parametrize(("height", "width"), [(4, 4), (1, 1), (5, 7), (16, 33), (3, 200)])
@pytest.mark.parametrize(("channels", "count"), [(64, 64), (3, 5)])
def test_it_is_the_convolution(height, width, channels, count):
    rng = torch.Generator().manual_seed(height * width)
    band = torch.randn(1, channels, height + 2, width + 2, generator=rng)
    weight, bias = torch.randn(count, channels, 3, 3, generator=rng) / (3 * channels**0.5), torch.randn(count, generator=rng)
    wanted = F.conv2d(band.double(), weight.double(), bias.double())
    found = winograd.convolved(band.contiguous(memory_format=torch.channels_last), winograd.transformed(weight), bias)
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert (found - wanted).abs().max() < 1e-4
    without = winograd.convolved(band, winograd.transformed(weight), None)
    assert (without + bias.view(1, -1, 1, 1) - wanted).abs().max() < 1e-4

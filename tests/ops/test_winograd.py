"""Winograd's convolutions against the direct one in double precision."""

import pytest
import torch
import torch.nn.functional as F

from huafang.ops import winograd, winograd_wide


@pytest.mark.parametrize("kernel", [3, 7])
@pytest.mark.parametrize(("height", "width"), [(4, 4), (1, 1), (5, 7), (16, 33), (3, 600)])
@pytest.mark.parametrize(("channels", "count"), [(64, 64), (3, 5)])
def test_it_is_the_convolution(height, width, channels, count, kernel):
    ours = {3: winograd, 7: winograd_wide}[kernel]
    rng = torch.Generator().manual_seed(height * width)
    band = torch.randn(1, channels, height + kernel - 1, width + kernel - 1, generator=rng)
    weight, bias = torch.randn(count, channels, kernel, kernel, generator=rng) / (kernel * channels**0.5), torch.randn(count, generator=rng)
    wanted = F.conv2d(band.double(), weight.double(), bias.double())
    found = ours.convolved(band.contiguous(memory_format=torch.channels_last), ours.transformed(weight), bias)
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert (found - wanted).abs().max() < 1e-4
    without = ours.convolved(band, ours.transformed(weight), None)
    assert (without + bias.view(1, -1, 1, 1) - wanted).abs().max() < 1e-4

"""Winograd's convolutions against the direct one in double precision."""

import pytest
import torch
import torch.nn.functional as F

from huafang.ops import winograd, winograd_half, winograd_wide


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


@pytest.mark.parametrize(("height", "width"), [(4, 4), (1, 1), (5, 7), (16, 33), (3, 600)])
@pytest.mark.parametrize(("channels", "count"), [(64, 64), (3, 5)])
def test_in_bfloat16_it_is_the_convolution_about_twice_as_roughly_as_the_direct_one(height, width, channels, count):
    rng = torch.Generator().manual_seed(height * width)
    band = torch.randn(1, channels, height + 2, width + 2, generator=rng).bfloat16()
    weight, bias = torch.randn(count, channels, 3, 3, generator=rng) / (3 * channels**0.5), torch.randn(count, generator=rng).bfloat16()
    wanted = F.conv2d(band.double(), weight.double(), bias.double())
    found = winograd_half.convolved(band.contiguous(memory_format=torch.channels_last), winograd_half.transformed(weight), bias)
    assert found.dtype == torch.bfloat16
    assert found.is_contiguous(memory_format=torch.channels_last)
    direct = F.conv2d(band, weight.bfloat16(), bias)
    assert rough(found, wanted) < 2.5 * rough(direct, wanted)
    without = winograd_half.convolved(band, winograd_half.transformed(weight), None)
    assert rough(without, wanted - bias.double().view(1, -1, 1, 1)) < 0.02


def rough(found, wanted):
    return float((found - wanted).square().mean().sqrt() / wanted.square().mean().sqrt())


@pytest.mark.parametrize(("ours", "kernel", "dtype"), [(winograd, 3, torch.float32), (winograd_half, 3, torch.bfloat16), (winograd_wide, 7, torch.float32)])
def test_the_result_is_left_where_it_is_wanted(ours, kernel, dtype):
    band = torch.randn(1, 8, 9 + kernel, 20 + kernel)
    weight = ours.transformed(torch.randn(6, 8, kernel, kernel))
    whole = torch.zeros(1, 30, 21, 6, dtype=dtype).permute(0, 3, 1, 2)
    place = whole[:, :, 7:17]
    assert ours.convolved(band, weight, None, place) is place
    assert torch.equal(place, ours.convolved(band, weight, None))
    assert not whole[:, :, :7].any()
    assert not whole[:, :, 17:].any()
    other = torch.zeros(1, 10, 21, 6, dtype=torch.float64).permute(0, 3, 1, 2)
    assert ours.convolved(band, weight, None, other) is not other, "one of another kind is left alone"

"""Winograd's convolutions against the direct one in double precision."""

import pytest
import torch
import torch.nn.functional as F

from huafang.kernels import winograd_f2x2_3x3, winograd_f3x3_9x9, winograd_f4x4_3x3, winograd_f4x4_7x7, winograd_upsample2x


@pytest.mark.parametrize("kernel", [3, 7])
@pytest.mark.parametrize(("height", "width"), [(4, 4), (1, 1), (5, 7), (16, 33), (3, 600)])
@pytest.mark.parametrize(("channels", "count"), [(64, 64), (3, 5)])
def test_it_is_the_convolution(height, width, channels, count, kernel):
    ours = {3: winograd_f4x4_3x3, 7: winograd_f4x4_7x7}[kernel]
    rng = torch.Generator().manual_seed(height * width)
    band = torch.randn(1, channels, height + kernel - 1, width + kernel - 1, generator=rng)
    weight, bias = torch.randn(count, channels, kernel, kernel, generator=rng) / (kernel * channels**0.5), torch.randn(count, generator=rng)
    wanted = F.conv2d(band.double(), weight.double(), bias.double())
    found = ours.convolved(band.contiguous(memory_format=torch.channels_last), ours.transformed(weight), bias)
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert (found - wanted).abs().max() < 1e-4
    without = ours.convolved(band, ours.transformed(weight), None)
    assert (without + bias.view(1, -1, 1, 1) - wanted).abs().max() < 1e-4


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize(("height", "width"), [(4, 4), (1, 1), (5, 7), (16, 33), (3, 600), (7, 528), (4, 530)])
@pytest.mark.parametrize(("channels", "count"), [(3, 16), (3, 4), (1, 8), (2, 4), (4, 3), (16, 3), (32, 3)])
def test_of_nine_it_is_the_convolution_nearly_as_exactly_as_the_direct_one(channels, count, height, width, dtype):
    rng = torch.Generator().manual_seed(height * width)
    band = torch.randn(1, channels, height + 8, width + 8, generator=rng).to(dtype)
    weight, bias = torch.randn(count, channels, 9, 9, generator=rng) / (9 * channels**0.5), torch.randn(count, generator=rng)
    assert winograd_f3x3_9x9.fits(weight)
    wanted = F.conv2d(band.double(), weight.double(), bias.double())
    found = winograd_f3x3_9x9.convolved(band.contiguous(memory_format=torch.channels_last), winograd_f3x3_9x9.transformed(weight), bias)
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert rough(found, wanted) < 2e-6
    without = winograd_f3x3_9x9.convolved(band, winograd_f3x3_9x9.transformed(weight), None)
    assert rough(without + bias.view(1, -1, 1, 1), wanted) < 2e-6


def test_of_nine_what_does_not_fit_is_left_to_others():
    shapes = [(3, 6, 9, 9), (5, 3, 9, 9), (16, 4, 9, 9), (16, 3, 7, 7), (3, 16, 9, 7)]
    assert not any(winograd_f3x3_9x9.fits(torch.zeros(shape)) for shape in shapes)


@pytest.mark.parametrize(("height", "width"), [(4, 4), (1, 1), (5, 7), (16, 33), (3, 600)])
@pytest.mark.parametrize(("channels", "count"), [(64, 64), (3, 5)])
@pytest.mark.parametrize(("ours", "most"), [(winograd_f2x2_3x3, 2.5), (winograd_f4x4_3x3, 8.0)], ids=["2 x 2", "4 x 4"])
def test_in_bfloat16_it_is_the_convolution_a_few_times_as_roughly_as_the_direct_one(height, width, channels, count, ours, most):
    rng = torch.Generator().manual_seed(height * width)
    band = torch.randn(1, channels, height + 2, width + 2, generator=rng).bfloat16()
    weight, bias = torch.randn(count, channels, 3, 3, generator=rng) / (3 * channels**0.5), torch.randn(count, generator=rng).bfloat16()
    wanted = F.conv2d(band.double(), weight.double(), bias.double())
    found = ours.convolved(band.contiguous(memory_format=torch.channels_last), ours.transformed(weight, torch.bfloat16), bias)
    assert found.dtype == torch.bfloat16
    assert found.is_contiguous(memory_format=torch.channels_last)
    direct = F.conv2d(band, weight.bfloat16(), bias)
    assert rough(found, wanted) < most * rough(direct, wanted)
    without = ours.convolved(band, ours.transformed(weight, torch.bfloat16), None)
    assert rough(without, wanted - bias.double().view(1, -1, 1, 1)) < most / 100


def test_tiles_of_four_lose_little_of_what_is_smooth_in_bfloat16():
    """Features of photos are far from 0 beside their differences; with the paper's points, 0, ±1, ±2 and ∞, they are twice as rough as this."""
    rng = torch.Generator().manual_seed(0)
    band = (0.3 * torch.randn(1, 128, 34, 34, generator=rng) + torch.randn(1, 128, 1, 1, generator=rng)).clamp_min(0).bfloat16()
    weight = torch.randn(64, 128, 3, 3, generator=rng) / (3 * 128**0.5)
    wanted = F.conv2d(band.double(), weight.double())
    found, half = (ours.convolved(band, ours.transformed(weight, torch.bfloat16), None) for ours in (winograd_f4x4_3x3, winograd_f2x2_3x3))
    assert rough(found, wanted) < 2 * rough(half, wanted)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize(("height", "width", "channels", "count"), [(4, 4, 64, 64), (1, 1, 3, 5), (5, 7, 32, 33), (3, 300, 8, 4)])
def test_over_doubled_pixels_it_is_the_convolution(height, width, channels, count, dtype):
    rng = torch.Generator().manual_seed(height * width)
    band = torch.randn(1, channels, height + 2, width, generator=rng).to(dtype)
    weight, bias = torch.randn(count, channels, 3, 3, generator=rng) / (3 * channels**0.5), torch.randn(count, generator=rng)
    doubled = F.interpolate(band.double(), scale_factor=2)[:, :, 1:-1]  # a row of what is above and below
    wanted = F.conv2d(F.pad(doubled, (1, 1, 0, 0), mode="replicate"), weight.double(), bias.double())
    ready = winograd_upsample2x.transformed(weight, dtype)
    found = winograd_upsample2x.convolved(band.contiguous(memory_format=torch.channels_last), ready, bias)
    assert found.dtype == dtype
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert rough(found, wanted) < (0.01 if dtype == torch.bfloat16 else 1e-6)
    without = winograd_upsample2x.convolved(band, ready, None)
    assert rough(without + bias.view(1, -1, 1, 1), wanted) < (0.01 if dtype == torch.bfloat16 else 1e-6)
    whole = torch.zeros(1, 2 * height + 4, 2 * width, count, dtype=dtype).permute(0, 3, 1, 2)
    assert winograd_upsample2x.convolved(band, ready, bias, whole[:, :, 2:-2]).data_ptr() == whole[:, :, 2:-2].data_ptr()
    assert torch.equal(whole[:, :, 2:-2], found)
    assert not whole[:, :, :2].any()
    assert not whole[:, :, -2:].any()


def rough(found, wanted):
    return float((found - wanted).square().mean().sqrt() / wanted.square().mean().sqrt())


@pytest.mark.parametrize(
    ("ours", "kernel", "dtype"),
    [
        (winograd_f4x4_3x3, 3, torch.float32),
        (winograd_f4x4_3x3, 3, torch.bfloat16),
        (winograd_f2x2_3x3, 3, torch.bfloat16),
        (winograd_f4x4_7x7, 7, torch.float32),
        (winograd_f3x3_9x9, 9, torch.float32),
    ],
)
@pytest.mark.parametrize(("channels", "count"), [(8, 3), (3, 8)])
def test_the_result_is_left_where_it_is_wanted(ours, kernel, dtype, channels, count):
    band = torch.randn(1, channels, 9 + kernel, 20 + kernel)
    weight = ours.transformed(torch.randn(count, channels, kernel, kernel), dtype)
    whole = torch.zeros(1, 30, 21, count, dtype=dtype).permute(0, 3, 1, 2)
    place = whole[:, :, 7:17]
    assert ours.convolved(band, weight, None, place) is place
    assert torch.equal(place, ours.convolved(band, weight, None))
    assert not whole[:, :, :7].any()
    assert not whole[:, :, 17:].any()
    other = torch.zeros(1, 10, 21, count, dtype=torch.float64).permute(0, 3, 1, 2)
    assert ours.convolved(band, weight, None, other) is not other, "one of another kind is left alone"


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_the_result_is_added_where_that_is_wanted(dtype, sign):
    rng = torch.Generator().manual_seed(0)
    band, weight, bias = torch.randn(1, 8, 11, 21, generator=rng), torch.randn(6, 8, 3, 3, generator=rng) / 9, torch.randn(6, generator=rng)
    half = torch.randn(1, 9, 19, 6, generator=rng).permute(0, 3, 1, 2)
    wanted = half + sign * F.conv2d(band, weight, bias)
    assert winograd_f4x4_3x3.multiplied(apart(band, dtype), 19, winograd_f4x4_3x3.transformed(weight, dtype), bias, half, sign) is half
    assert rough(half, wanted) < (0.03 if dtype == torch.bfloat16 else 1e-6)


@pytest.mark.parametrize("slope", [0.0, 0.2, 1.0])
@pytest.mark.parametrize("width", [2, 17, 18, 19, 20, 130])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_the_result_is_laid_out_for_the_next_one(dtype, width, slope):
    """As the border, the rectifier and the laying out would make it, one after the other."""
    rng = torch.Generator().manual_seed(0)
    band, weight, bias = torch.randn(1, 8, 11, width + 2, generator=rng), torch.randn(40, 8, 3, 3, generator=rng) / 9, torch.randn(40, generator=rng)
    ready = winograd_f4x4_3x3.transformed(weight, dtype)
    made = F.leaky_relu(winograd_f4x4_3x3.multiplied(apart(band, dtype), width, ready, bias).float(), slope)
    wanted = F.pad(made, (1, 1, 0, 0), mode="reflect")
    out = torch.full((4, 14, winograd_f4x4_3x3.columns(width), 40), float("nan"), dtype=dtype)
    winograd_f4x4_3x3.laid(apart(band, dtype), width, ready, bias, slope, out, 3)
    found = out.permute(1, 2, 0, 3).flatten(1, 2).permute(2, 0, 1)[None]  # (1, K, 14, columns)
    assert rough(found[:, :, 3:12, : width + 2].float(), wanted) < (0.005 if dtype == torch.bfloat16 else 1e-7)
    assert found[:, :, 3:12].isfinite().all(), "beyond the last column there are numbers, which no one sees but for their being none"
    assert found[:, :, :3].isnan().all()
    assert found[:, :, 12:].isnan().all()


def apart(band, dtype):
    """(1, C, H + 2, W + 2) as `multiplied` takes it."""
    columns = winograd_f4x4_3x3.columns(band.shape[3] - 2)
    padded = F.pad(band, (0, 4 * columns - band.shape[3]))
    return padded[0].permute(1, 2, 0).unflatten(1, (columns, 4)).permute(2, 0, 1, 3).contiguous().to(dtype)

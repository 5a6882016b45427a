"""Convolutions in groups against torch's, with what they take in on the way."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from huafang.kernels import conv3x3_grouped, fused
from huafang.kernels.grouped_layer import between
from huafang.kernels.layers import _mirrored

SIZES = [(6, 6, 6), (4, 8, 4), (8, 4, 4), (3, 9, 3), (8, 8, 4), (16, 16, 16), (16, 32, 16), (64, 32, 32), (20, 20, 20), (20, 40, 20), (32, 32, 16)]
DTYPES = [torch.float32, torch.bfloat16]


def found(source: Tensor, places: Tensor, scale: Tensor, shift: Tensor, weight: Tensor, bias: Tensor, step: int, dtype: torch.dtype) -> Tensor:
    """Norm and a rectifier of 0.2, a border mirrored by one, convolution, a rectifier of 0.1."""
    height, width = ((side - 1) // step + 1 for side in source.shape[2:])
    out = torch.empty(height, width, len(weight), dtype=dtype)
    pixels, flat = fused.numbers(source.permute(0, 2, 3, 1)[0].contiguous()), weight.permute(1, 2, 3, 0).flatten(1, 2).contiguous().numpy()
    conv3x3_grouped.convolved(pixels, places.numpy(), (1, 1), scale.numpy(), shift.numpy(), 0.2, flat, bias.numpy(), step, 0.1, fused.numbers(out))
    return out.permute(2, 0, 1)[None].double()


@pytest.mark.parametrize("made", DTYPES, ids=str)
@pytest.mark.parametrize("given", DTYPES, ids=str)
@pytest.mark.parametrize("step", [1, 2])
@pytest.mark.parametrize(
    ("channels", "count", "groups"),
    [(6, 6, 6), (4, 8, 4), (8, 4, 4), (3, 9, 3), (8, 8, 4), (16, 16, 16), (16, 32, 16), (64, 32, 32), (20, 20, 20), (32, 32, 16)],
)
def test_it_is_the_convolution(channels, count, groups, step, given, made):
    torch.manual_seed(0)
    source = torch.randn(1, channels, 7, 10).to(given)
    scale, shift = 1 + 0.3 * torch.randn(channels), torch.randn(channels)
    weight, bias = torch.randn(count, channels // groups, 3, 3), torch.randn(count)
    settled = F.leaky_relu(source.double() * scale.view(-1, 1, 1) + shift.view(-1, 1, 1), 0.2)
    wanted = F.leaky_relu(F.conv2d(F.pad(settled, (1, 1, 1, 1), mode="reflect"), weight.double(), bias.double(), step, groups=groups), 0.1)
    result = found(source, _mirrored(7, 1, 1), scale, shift, weight, bias, step, made)
    assert result.shape == wanted.shape
    assert torch.allclose(result, wanted, rtol=2**-8 if made == torch.bfloat16 else 1e-5, atol=1e-5)


@pytest.mark.parametrize("made", DTYPES, ids=str)
@pytest.mark.parametrize("given", DTYPES, ids=str)
@pytest.mark.parametrize(("height", "width"), [(7, 10), (1, 1), (2, 3)])
@pytest.mark.parametrize(("channels", "count", "groups"), [(4, 4, 4), (8, 4, 4), (32, 16, 16), (64, 32, 32), (40, 20, 20)])
def test_over_a_map_doubled_between_its_pixels_it_is_the_convolution(channels, count, groups, height, width, given, made):
    torch.manual_seed(0)
    source = torch.randn(1, channels, height, width).to(given)
    weight, bias = torch.randn(count, channels // groups, 3, 3), torch.randn(count)
    twice = F.interpolate(source.double(), scale_factor=2, mode="bilinear")
    wanted = F.leaky_relu(F.conv2d(F.pad(twice, (1, 1, 1, 1), mode="reflect"), weight.double(), bias.double(), groups=groups), 0.1)
    out = torch.empty(2 * height, 2 * width, count, dtype=made)
    above, below, share = (one.numpy() for one in between(_mirrored(2 * height, 1, 1), height))
    pixels, flat = fused.numbers(source.permute(0, 2, 3, 1)[0].contiguous()), weight.permute(1, 2, 3, 0).flatten(1, 2).contiguous().numpy()
    conv3x3_grouped.doubled(pixels, above, below, share, flat, bias.numpy(), 0.1, fused.numbers(out))
    assert torch.allclose(out.permute(2, 0, 1)[None].double(), wanted, rtol=2**-8 if made == torch.bfloat16 else 1e-5, atol=1e-5)

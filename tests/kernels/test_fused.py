"""Passes over maps against the same in torch, in both precisions."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from huafang.kernels import fused

DTYPES = [torch.float32, torch.bfloat16]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_sums_are_those_of_double_precision(dtype):
    flat = (torch.randn(1000, 7) * 3 + 100).to(dtype)
    middle = flat.float().mean(0) + 0.5
    total, squares = np.zeros(7), np.zeros(7)
    fused.sums(fused.numbers(flat), middle.numpy(), total, squares)
    apart = flat.double() - middle.double()
    assert torch.allclose(torch.from_numpy(total), apart.sum(0), rtol=1e-4, atol=1e-2)
    assert torch.allclose(torch.from_numpy(squares), apart.square().sum(0), rtol=1e-4)


@pytest.mark.parametrize("slope", [0.0, 0.2, 1.0])
@pytest.mark.parametrize("step", [1, 4])
@pytest.mark.parametrize("made", DTYPES, ids=str)
@pytest.mark.parametrize("given", DTYPES, ids=str)
def test_settled_is_norm_rectifier_and_mirrored_columns(given, made, step, slope):
    source = torch.randn(5, 9, 4).to(given)
    scale, shift = torch.tensor([2.0, -1.0, 0.5, 3.0]), torch.tensor([0.1, 0.0, -4.0, 1.0])
    places = np.array([1, 0, 1, 2, 4])
    apart = torch.empty(step, 5, -(-14 // step), 4, dtype=made)  # columns x, x + step, … of each x apart
    fused.settled(fused.numbers(source), places, 3, 2, scale.numpy(), shift.numpy(), slope, fused.numbers(apart))
    out = apart.permute(1, 2, 0, 3).flatten(1, 2)
    assert not out[:, 3 + 9 + 2 :].any()
    out = out[:, : 3 + 9 + 2]
    picked = F.leaky_relu(source.double()[places] * scale + shift, slope)
    wanted = F.pad(picked.permute(2, 0, 1)[None], (3, 2, 0, 0), mode="reflect")[0].permute(1, 2, 0)
    assert torch.allclose(out.double(), wanted, rtol=2**-8 if made == torch.bfloat16 else 1e-5, atol=1e-5)


def test_rounding_to_bfloat16_is_torchs():
    source = torch.randn(1, 4096, 1)
    out = torch.empty(1, 1, 4096, 1, dtype=torch.bfloat16)
    one, none = np.ones(1, np.float32), np.zeros(1, np.float32)
    fused.settled(fused.numbers(source), np.array([0]), 0, 0, one, none, 1.0, fused.numbers(out))
    assert torch.equal(out[0], source.to(torch.bfloat16))


@pytest.mark.parametrize("made", DTYPES, ids=str)
def test_added_is_the_sum(made):
    half, more = torch.randn(1000), torch.randn(1000).to(made)
    wanted = half - more.float()
    fused.added(half.numpy(), fused.numbers(more), -1)
    assert torch.equal(half, wanted)


@pytest.mark.parametrize("kinds", [(one, other, made) for one in DTYPES for other in DTYPES for made in DTYPES], ids=str)
def test_two_maps_of_any_kinds_are_added(kinds):
    one, other, out = (torch.randn(50).to(kind) for kind in kinds)
    wanted = (one.float() + other.float()).to(kinds[2])
    fused.summed(*(fused.numbers(part) for part in (one, other, out)))
    assert torch.equal(out, wanted)

"""Random filters: what an octave holds, and that flat colours are seen by half of them only."""

import torch

from huafang.nets.random_filters import FILTERS, SIZES, RandomFilters, fitting


def test_octaves_have_their_size_and_channels():
    filters = RandomFilters(torch.Generator().manual_seed(0), torch.zeros(1))
    found = filters.octaves(torch.rand(1, 3, 64, 80, generator=torch.Generator().manual_seed(1)), [0, 2])
    assert [tuple(one.shape) for one in found] == [(1, 4 * FILTERS, 64, 80), (1, 2 * FILTERS, 16, 20)]
    assert min(float(one.min()) for one in found) == 0, "rectified"
    again = RandomFilters(torch.Generator().manual_seed(0), torch.zeros(1)).octaves(torch.full((1, 3, 64, 80), 0.7), [0])[0]
    flat = again[0, :, 32, 40].view(len(SIZES[0]), FILTERS)
    assert float(flat[:, ::2].max()) < 1e-5
    assert float(flat[:, 1::2].max()) > 0.1


def test_an_octave_fits_where_its_largest_filter_does():
    assert fitting(1000) == [0, 1, 2]
    assert fitting(51) == [0, 1]
    assert fitting(10) == []

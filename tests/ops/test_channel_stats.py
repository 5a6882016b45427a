"""Sums and maps in double precision against the same in numpy, for any number of places."""

import numpy as np
import pytest

from huafang.ops import channel_stats


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize(("places", "channels"), [(1, 4), (37, 8), (264, 4), (1000, 32), (300, 128)])
def test_scatter_is_the_sum_of_products(places, channels, kind):
    rng = np.random.default_rng(0)
    features, weights, middle = rng.normal(size=(places, channels)).astype(kind) + 5, rng.random(places), rng.normal(size=channels)
    total, products = np.ones(channels), np.ones((channels, channels))
    channel_stats.scatter(features, weights, middle, total, products)
    apart = features.astype(np.float64) - middle
    assert np.allclose(total, 1 + (apart * weights[:, None]).sum(0), rtol=1e-13)
    assert np.allclose(products, 1 + (apart * weights[:, None]).T @ apart, rtol=1e-13)


@pytest.mark.parametrize(("places", "channels"), [(1, 4), (37, 8), (264, 4), (1000, 32), (300, 128)])
def test_features_are_moved_in_place(places, channels):
    rng = np.random.default_rng(0)
    features, matrix, shift = rng.normal(size=(places, channels)).astype(np.float32), np.tril(rng.normal(size=(channels, channels))), rng.normal(size=channels)
    wanted = (features.astype(np.float64) @ matrix.T + shift).astype(np.float32)
    channel_stats.moved(features, matrix, shift, features)
    assert np.allclose(features, wanted, rtol=1e-6, atol=1e-6)

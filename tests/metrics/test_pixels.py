"""PSNR and SSIM equal scikit-image's; edge SSIM is scikit-image's SSIM of scikit-image's Sobel magnitudes."""

import numpy as np
import pytest
import torch
from skimage import data, filters, metrics

from huafang.errors import BadInput
from huafang.metrics import pixels
from huafang.ops import colour


def photo(height: int, width: int) -> torch.Tensor:
    return torch.from_numpy(data.astronaut())[:height, :width].permute(2, 0, 1)[None].float() / 255


def noisy(picture: torch.Tensor, amount: float, seed: int) -> torch.Tensor:
    return (picture + amount * torch.randn(picture.shape, generator=torch.Generator().manual_seed(seed))).clamp(0, 1)


def plain(picture: torch.Tensor) -> np.ndarray:
    """(1, C, H, W) -> (H, W, C) in double precision."""
    return picture[0].permute(1, 2, 0).double().numpy()


PAIRS = [(photo(96, 128), noisy(photo(96, 128), 0.1, 1)), (photo(37, 61), photo(37, 61).flip(3)), (photo(11, 11), noisy(photo(11, 11), 0.5, 2))]


@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_psnr_is_scikit_images(a, b):
    assert float(pixels.psnr(a, b)) == pytest.approx(metrics.peak_signal_noise_ratio(plain(a), plain(b), data_range=1), abs=1e-9)


@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_ssim_is_scikit_images_in_both_conventions(a, b):
    paper = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    for window, convention in (("gaussian", paper), ("uniform", {})):
        wanted = metrics.structural_similarity(plain(a), plain(b), channel_axis=2, data_range=1, **convention)
        assert float(pixels.ssim(a, b, window=window)) == pytest.approx(wanted, abs=1e-9)


@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_edge_ssim_is_ssim_of_sobel_magnitudes(a, b):
    edges = [filters.sobel(plain(colour.luminance(picture.double()))[..., 0]) for picture in (a, b)]
    assert np.abs(pixels.edges(a.double())[0, 0].numpy() - edges[0]).max() < 1e-9
    wanted = metrics.structural_similarity(*edges, data_range=1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False)
    assert float(pixels.edge_ssim(a, b)) == pytest.approx(wanted, abs=1e-9)


def test_a_batch_is_measured_picture_by_picture():
    a, b = photo(40, 48), noisy(photo(40, 48), 0.1, 3)
    both = torch.cat([a, a]), torch.cat([a, b])
    assert pixels.psnr(*both).tolist() == [float("inf"), float(pixels.psnr(a, b))]
    for measure in (pixels.ssim, pixels.edge_ssim):
        assert torch.allclose(measure(*both), torch.stack([torch.ones((), dtype=torch.float64), measure(a, b)[0]]), atol=1e-12)


def test_more_noise_is_less_alike():
    a = photo(64, 64)
    for measure in (pixels.psnr, pixels.ssim, pixels.edge_ssim):
        values = [float(measure(a, noisy(a, amount, 5))) for amount in (0.02, 0.1, 0.4)]
        assert values == sorted(values, reverse=True)


@pytest.mark.parametrize(
    ("spoiled", "said"),
    [
        (photo(40, 48) * 255, r"holds values from 0 to [0-9.]+; a measure takes sRGB in \[0, 1\]"),
        (photo(40, 48) * 2 - 1, "holds values from -1 to"),
        (photo(40, 48) * float("nan"), "holds values from nan"),
        ((photo(40, 48) * 255).byte(), "holds uint8; a measure takes floats"),
        (photo(40, 48)[0], r"takes \(B, 3, H, W\)"),
        (photo(40, 48)[:, :1], r"takes \(B, 3, H, W\)"),
        (photo(40, 49), "differ in shape"),
    ],
)
def test_range_and_size_are_checked_at_the_door(spoiled, said):
    for measure in (pixels.psnr, pixels.ssim, pixels.edge_ssim):
        with pytest.raises(BadInput, match=said):
            measure(photo(40, 48), spoiled)


def test_a_picture_smaller_than_the_window_is_refused():
    small = photo(10, 40)
    with pytest.raises(BadInput, match="has 40 × 10 pixels; this measure needs 11 a side"):
        pixels.ssim(small, small)
    assert float(pixels.ssim(small, small, window="uniform")) == 1
    assert float(pixels.psnr(small, small)) == float("inf")

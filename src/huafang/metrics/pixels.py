"""PSNR and SSIM between pictures of one size, as scikit-image computes them, and SSIM between their edges."""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from huafang.metrics import door
from huafang.ops import colour

K1, K2 = 0.01, 0.03
"""Wang et al. 2004, section III-B."""
Window = Literal["gaussian", "uniform"]
SIDES: dict[Window, int] = {"gaussian": 11, "uniform": 7}


def psnr(a: Tensor, b: Tensor) -> Tensor:
    """(B, 3, H, W) twice, in [0, 1] -> (B,) decibels: 10 log10(1 / mean squared error over RGB); infinite for equal pictures."""
    door.pair(a, b)
    return -10 * (_exact(a) - _exact(b)).square().mean((1, 2, 3)).log10()


def ssim(a: Tensor, b: Tensor, *, window: Window = "gaussian") -> Tensor:
    """(B, 3, H, W) twice, in [0, 1] -> (B,) structural similarity, 1 for equal pictures: the mean over R, G and B of equation 13 of Wang et al. 2004.

    "gaussian" is the paper's window (11 × 11, deviation 1.5, covariances by its weights), "uniform" scikit-image's default (7 × 7, sample covariances).
    Only windows that lie within the picture count.
    """
    door.pair(a, b, least=SIDES[window])
    return _ssim(_exact(a), _exact(b), window)


def edge_ssim(a: Tensor, b: Tensor) -> Tensor:
    """(B, 3, H, W) twice, in [0, 1] -> (B,) SSIM (gaussian window) between the Sobel magnitudes of NTSC luminance: whether edges stayed where they were."""
    door.pair(a, b, least=SIDES["gaussian"])
    return _ssim(edges(_exact(a)), edges(_exact(b)), "gaussian")


def edges(pixels: Tensor) -> Tensor:
    """(B, 3, H, W) in [0, 1] -> (B, 1, H, W) in [0, 1]: √((gx² + gy²) / 2) of luminance, with Sobel derivatives of sum 1 and repeated borders."""
    padded = F.pad(colour.luminance(pixels), (1, 1, 1, 1), mode="replicate")
    smooth, rise = pixels.new_tensor([0.25, 0.5, 0.25]), pixels.new_tensor([-1.0, 0.0, 1.0])
    across = F.conv2d(padded, (smooth[:, None] * rise)[None, None])
    down = F.conv2d(padded, (rise[:, None] * smooth)[None, None])
    return ((across.square() + down.square()) / 2).sqrt()


def _ssim(a: Tensor, b: Tensor, window: Window) -> Tensor:
    """(B, C, H, W) twice -> (B,)."""
    side = SIDES[window]
    kernel = _gaussian(side, 1.5) if window == "gaussian" else torch.full((side,), 1 / side, dtype=torch.float64)
    unbiased = 1.0 if window == "gaussian" else side**2 / (side**2 - 1)

    def mean(x: Tensor) -> Tensor:
        """Of each window within the picture: (B, C, H - side + 1, W - side + 1)."""
        flat = x.flatten(0, 1)[:, None]
        slid = F.conv2d(F.conv2d(flat, kernel.to(x).view(1, 1, 1, -1)), kernel.to(x).view(1, 1, -1, 1))
        return slid.view(*x.shape[:2], *slid.shape[2:])

    mean_a, mean_b = mean(a), mean(b)
    var_a, var_b = (mean(a * a) - mean_a * mean_a) * unbiased, (mean(b * b) - mean_b * mean_b) * unbiased
    covariance = (mean(a * b) - mean_a * mean_b) * unbiased
    alike = (2 * mean_a * mean_b + K1**2) * (2 * covariance + K2**2)
    return (alike / ((mean_a.square() + mean_b.square() + K1**2) * (var_a + var_b + K2**2))).mean((1, 2, 3))


def _gaussian(side: int, sigma: float) -> Tensor:
    """(side,) weights of sum 1."""
    weights = torch.exp(-0.5 * (torch.arange(side, dtype=torch.float64) - side // 2).square() / sigma**2)
    return weights / weights.sum()


def _exact(pixels: Tensor) -> Tensor:
    """In double precision where the device has it: variances are differences of nearly equal numbers."""
    return pixels.float() if pixels.device.type == "mps" else pixels.double()

"""Where edges run: gaussian blur, structure tensor, edge tangent flow. Pictures are (B, C, H, W) float32."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def gaussian_kernel(sigma: float, *, truncate: float = 3.0) -> Tensor:
    """(2 ⌈truncate σ⌉ + 1,) samples of a gaussian of deviation `sigma` > 0 pixels, of sum 1."""
    reach = max(1, math.ceil(truncate * sigma))
    weights = torch.exp(-0.5 * (torch.arange(-reach, reach + 1, dtype=torch.float64) / sigma) ** 2)
    return (weights / weights.sum()).float()


def gaussian_blur(picture: Tensor, sigma: float) -> Tensor:
    """`picture` blurred by `sigma` pixels, its border pixels repeated outward. `sigma` 0 leaves it as it is."""
    if sigma <= 0:
        return picture
    kernel = gaussian_kernel(sigma)
    reach = len(kernel) // 2
    across = _slid(F.pad(picture, (reach, reach, 0, 0), mode="replicate"), kernel.tolist(), 3)
    return _slid(F.pad(across, (0, 0, reach, reach), mode="replicate"), kernel.tolist(), 2)


def structure_tensor(picture: Tensor, sigma: float) -> Tensor:
    """(B, 3, H, W): fx·fx, fx·fy, fy·fy over the channels (Di Zenzo 1986), by Sobel derivatives, blurred by `sigma` pixels."""
    padded = F.pad(picture, (1, 1, 1, 1), mode="replicate")
    rise, smooth = [-0.5, 0.0, 0.5], [0.25, 0.5, 0.25]
    fx, fy = _slid(_slid(padded, smooth, 2), rise, 3), _slid(_slid(padded, rise, 2), smooth, 3)
    return gaussian_blur(torch.stack([(fx * fx).sum(1), (fx * fy).sum(1), (fy * fy).sum(1)], 1), sigma)


def edge_flow(tensor: Tensor) -> Tensor:
    """Structure tensor (B, 3, H, W) -> (B, 3, H, W): unit tangent of the edge (x, y), sign open, and anisotropy in [0, 1].

    Eigenvalues λ1 ≥ λ2, tangent the eigenvector of λ2, anisotropy (λ1 - λ2) / (λ1 + λ2) (Kyprianidis, Kang & Döllner 2009, section 3.1).
    Where nothing has a direction the anisotropy is 0.
    """
    e, f, g = tensor.unbind(1)
    spread = torch.sqrt((e - g) ** 2 + 4 * f * f)
    # Half the angle of (e - g, 2 f) is the gradient's direction; the tangent lies across it.
    angle = 0.5 * torch.atan2(2 * f, e - g)
    return torch.stack([-torch.sin(angle), torch.cos(angle), spread / (e + g).clamp_min(1e-10)], 1).clamp(-1, 1)


def _slid(padded: Tensor, kernel: list[float], dim: int) -> Tensor:
    """`padded` correlated with `kernel` along `dim`, shorter by len(kernel) - 1. Sums of shifted planes: several times faster than conv2d for one channel."""
    length = padded.shape[dim] - len(kernel) + 1
    total = kernel[0] * padded.narrow(dim, 0, length)
    for shift, weight in enumerate(kernel[1:], 1):
        if weight:
            total = total.add_(padded.narrow(dim, shift, length), alpha=weight)
    return total

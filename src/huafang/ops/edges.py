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
    B, C, H, W = picture.shape
    kernel = gaussian_kernel(sigma).to(picture)
    reach = len(kernel) // 2
    planes = picture.reshape(B * C, 1, H, W)
    planes = F.conv2d(F.pad(planes, (reach, reach, 0, 0), mode="replicate"), kernel.view(1, 1, 1, -1))
    planes = F.conv2d(F.pad(planes, (0, 0, reach, reach), mode="replicate"), kernel.view(1, 1, -1, 1))
    return planes.reshape(B, C, H, W)


def structure_tensor(picture: Tensor, sigma: float) -> Tensor:
    """(B, 3, H, W): fx·fx, fx·fy, fy·fy over the channels (Di Zenzo 1986), by Sobel derivatives, blurred by `sigma` pixels."""
    B, C, H, W = picture.shape
    planes = F.pad(picture.reshape(B * C, 1, H, W), (1, 1, 1, 1), mode="replicate")
    rise, smooth = planes.new_tensor([-0.5, 0, 0.5]), planes.new_tensor([0.25, 0.5, 0.25])
    sobel = torch.stack([torch.outer(smooth, rise), torch.outer(rise, smooth)])[:, None]
    slopes = F.conv2d(planes, sobel).reshape(B, C, 2, H, W)
    fx, fy = slopes[:, :, 0], slopes[:, :, 1]
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

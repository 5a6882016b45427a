"""Colour: spaces, and carrying the colours of one picture to another.

Pictures are (1, 3, H, W) float32 sRGB in [0, 1]; results may leave [0, 1] and are clamped where a picture is made of them.
"""

import torch
from torch import Tensor

YIQ = torch.tensor([[0.299, 0.587, 0.114], [0.595716, -0.274453, -0.321263], [0.211456, -0.522591, 0.311135]])
"""NTSC luminance and chrominance, the space of Gatys et al. (2017), "Preserving Color in Neural Artistic Style Transfer", section 3.2."""

RGB_TO_LMS = torch.tensor([[0.3811, 0.5783, 0.0402], [0.1967, 0.7244, 0.0782], [0.0241, 0.1288, 0.8444]])
"""Reinhard et al. 2001, equation 4."""
LMS_TO_LAB = torch.diag(torch.tensor([3**-0.5, 6**-0.5, 2**-0.5])) @ torch.tensor([[1.0, 1, 1], [1, 1, -2], [1, -1, 0]])
"""Reinhard et al. 2001, equation 6, on log10 LMS: lαβ."""


def mix(picture: Tensor, matrix: Tensor) -> Tensor:
    """(B, 3, H, W) with each pixel multiplied by the 3 × 3 `matrix`."""
    return torch.einsum("ij,bjhw->bihw", matrix.to(picture), picture)


def luminance(picture: Tensor) -> Tensor:
    """(B, 3, H, W) -> (B, 1, H, W), NTSC weights."""
    return mix(picture, YIQ)[:, :1]


def to_lab(picture: Tensor) -> Tensor:
    """sRGB -> lαβ of Reinhard et al. 2001 (equations 4 to 6). Black is lifted by 1/255, so that its logarithm exists."""
    return mix(mix(picture.clamp(0, 1) + 1 / 255, RGB_TO_LMS).clamp_min(1e-6).log10(), LMS_TO_LAB)


def from_lab(lab: Tensor) -> Tensor:
    """The inverse of `to_lab`."""
    return mix(10 ** mix(lab, LMS_TO_LAB.inverse()), RGB_TO_LMS.inverse()) - 1 / 255


def reinhard(content: Tensor, style: Tensor) -> Tensor:
    """Mean and deviation of each lαβ channel (Reinhard et al. 2001, equations 10 and 11)."""
    source, target = to_lab(content), to_lab(style)
    source_std, source_mean = torch.std_mean(source, dim=(2, 3), keepdim=True)
    target_std, target_mean = torch.std_mean(target, dim=(2, 3), keepdim=True)
    return from_lab((source - source_mean) * (target_std / source_std.clamp_min(1e-5)) + target_mean)


def monge_kantorovich(content: Tensor, style: Tensor) -> Tensor:
    """The linear map that carries mean and covariance and moves colours the least (Pitié & Kokaram 2007, equation 10).

    T = Σc^(-1/2) (Σc^(1/2) Σs Σc^(1/2))^(1/2) Σc^(-1/2), in RGB and double precision.
    """
    source_mean, source = _covariance(content)
    target_mean, target = _covariance(style)
    root, inverse_root = _power(source, 0.5), _power(source, -0.5)
    transport = inverse_root @ _power(root @ target @ root, 0.5) @ inverse_root
    return (mix(content.double() - source_mean, transport) + target_mean).to(content)


def sliced_transport(content: Tensor, style: Tensor, generator: torch.Generator, *, iterations: int = 24, sample: int = 1 << 16, bins: int = 512) -> Tensor:
    """Iterative distribution transfer along random bases (Pitié et al. 2005; sliced optimal transport, Bonneel et al. 2015).

    Each iteration turns colour space by a random rotation and maps each axis to the target's quantiles. The maps are measured on at most
    `sample` pixels of each picture and applied, by interpolation between `bins` quantiles, to all of them.
    """
    pixels, target = _flat(content), _subset(_flat(style), sample, generator)
    chosen = torch.randperm(len(pixels), generator=generator)[:sample].to(pixels.device)
    levels = torch.linspace(0, 1, bins, device=pixels.device)
    for _ in range(iterations):
        basis = torch.linalg.qr(torch.randn(3, 3, generator=generator)).Q.to(pixels)
        turned, aim = pixels @ basis, target @ basis
        have = torch.quantile(turned[chosen], levels, dim=0)
        want = torch.quantile(aim, levels, dim=0)
        moved = torch.stack([_through(turned[:, axis], have[:, axis], want[:, axis]) for axis in range(3)], 1)
        pixels = moved @ basis.T
    return pixels.T.reshape(content.shape)


def keep_chroma(stylised: Tensor, content: Tensor) -> Tensor:
    """Luminance of `stylised`, colours of `content` (Gatys et al. 2017, section 3.2): (1, 3, H, W) of one size."""
    chroma = mix(content, YIQ)
    chroma[:, :1] = mix(stylised, YIQ)[:, :1]
    return mix(chroma, YIQ.inverse())


def _through(values: Tensor, have: Tensor, want: Tensor) -> Tensor:
    """The piecewise linear map that takes the knots `have` (rising) to `want`; beyond the ends it moves by the end's own shift."""
    above = torch.searchsorted(have.contiguous(), values.contiguous()).clamp(1, len(have) - 1)
    low, high = have[above - 1], have[above]
    part = (values - low) / (high - low).clamp_min(1e-8)
    inside = want[above - 1] + part.clamp(0, 1) * (want[above] - want[above - 1])
    return inside + (values - have[-1]).clamp_min(0) + (values - have[0]).clamp_max(0)


def _flat(picture: Tensor) -> Tensor:
    """(1, 3, H, W) -> (H·W, 3)"""
    return picture[0].flatten(1).T


def _subset(rows: Tensor, most: int, generator: torch.Generator) -> Tensor:
    return rows if len(rows) <= most else rows[torch.randperm(len(rows), generator=generator)[:most].to(rows.device)]


def _covariance(picture: Tensor) -> tuple[Tensor, Tensor]:
    """Mean (1, 3, 1, 1) and covariance (3, 3), lifted by 1e-6 so that a picture of one colour has a root."""
    flat = _flat(picture).double()
    mean = flat.mean(0)
    spread = (flat - mean).T @ (flat - mean) / max(len(flat) - 1, 1)
    return mean.view(1, 3, 1, 1), spread + 1e-6 * torch.eye(3, dtype=torch.float64, device=flat.device)


def _power(matrix: Tensor, exponent: float) -> Tensor:
    """A real power of a symmetric positive matrix."""
    values, vectors = torch.linalg.eigh(matrix)
    return vectors @ torch.diag(values.clamp_min(1e-12) ** exponent) @ vectors.T

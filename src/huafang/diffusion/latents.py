"""Latents <-> pixels: the VAE's encoder and decoder, and a straight line from four channels to three colours where that would take too long."""

from typing import Any

import torch
import torch.nn.functional as F

from huafang.diffusion.model import vae_rows
from huafang.diffusion.model.inspect import Family
from huafang.diffusion.model.load import Model
from huafang.errors import JobFailed

# Four latent channels -> R, G, B in [-1, 1], and a bias: the least-squares fits that ComfyUI and others publish for these two VAEs.
_SD = ((0.3512, 0.2297, 0.3227), (0.3250, 0.4974, 0.2350), (-0.2829, 0.1762, 0.2721), (-0.2120, -0.2616, -0.7177))
_XL = ((0.3651, 0.4232, 0.4341), (-0.2533, -0.0042, 0.1068), (0.1076, 0.1111, -0.0362), (-0.3165, -0.2492, -0.2188))
_FACTORS: dict[Family, tuple[tuple[tuple[float, ...], ...], tuple[float, ...]]] = {
    "sd1": (_SD, (0.0, 0.0, 0.0)),
    "sd2": (_SD, (0.0, 0.0, 0.0)),
    "xl": (_XL, (0.1084, -0.0175, -0.0011)),
}

PUBLISHED = (128, 256, 512, 512)
"""Channels of the VAE of Stable Diffusion 1, 2 and XL, by which a VAE of their kind is known."""


VAE_RAN_OVER = "its weights are damaged, or in half precision overflow: take the model with another VAE"


def check_finite(values: torch.Tensor, part: str, where: str, hint: str) -> None:
    """Raises JobFailed (`model.overflow`) that names the part of a model that came to a NaN or an infinity first."""
    if not all(bool(end.isfinite()) for end in values.aminmax()):
        raise JobFailed(
            f"the model's numbers ran over and no picture came out: the first NaN or infinity is of its {part} ({where})", code="model.overflow", hint=hint
        )


@torch.inference_mode()
def encode(model: Model, pixels: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """(1, 3, H, W) in [0, 1], sides of whole latents -> (1, C, h, w) float32, drawn from the distribution that the VAE gives."""
    vae, config = model.vae, model.vae.config
    given = (pixels * 2 - 1).to(model.device, vae.dtype)
    if vae_rows.fits(vae, *pixels.shape[2:]):
        drawn = vae.encode(given).latent_dist.sample(generator)
    else:
        drawn = _distribution(vae_rows.encode(vae, given)).sample(generator)
    mean, spread = getattr(config, "latents_mean", None), getattr(config, "latents_std", None)
    if mean is not None and spread is not None:
        drawn = (drawn - drawn.new_tensor(mean).view(1, -1, 1, 1)) / drawn.new_tensor(spread).view(1, -1, 1, 1)
    latents: torch.Tensor = (drawn * config.scaling_factor).float()
    check_finite(latents, "VAE", "its encoder", VAE_RAN_OVER)
    return latents


def _distribution(moments: torch.Tensor) -> Any:
    from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution

    return DiagonalGaussianDistribution(moments)


@torch.inference_mode()
def decode(model: Model, latents: torch.Tensor) -> torch.Tensor:
    """(1, C, h, w) latents -> (1, 3, 8·h, 8·w) float32 in [0, 1], on the latents' device."""
    vae, config = model.vae, model.vae.config
    scaled = latents.to(vae.dtype) / config.scaling_factor
    mean, spread = getattr(config, "latents_mean", None), getattr(config, "latents_std", None)
    if mean is not None and spread is not None:
        scaled = scaled * scaled.new_tensor(spread).view(1, -1, 1, 1) + scaled.new_tensor(mean).view(1, -1, 1, 1)
    in_one = vae_rows.fits(vae, latents.shape[2] * model.scale, latents.shape[3] * model.scale)
    pixels: torch.Tensor = (vae.decode(scaled, return_dict=False)[0] if in_one else vae_rows.decode(vae, scaled)).float()
    check_finite(pixels, "VAE", "its decoder", VAE_RAN_OVER)  # before an infinity is cut to 1
    return (pixels / 2 + 0.5).clamp(0, 1)


def preview(model: Model, latents: torch.Tensor) -> torch.Tensor:
    """(1, C, h, w) latents -> (1, 3, h, w) float32 in [0, 1], a pixel for a latent, without the VAE."""
    factors, bias = rgb_factors(model, latents.shape[1])
    pixels = torch.einsum("bchw,cr->brhw", latents.float(), factors.to(latents.device)) + bias.to(latents.device).view(1, 3, 1, 1)
    return torch.nan_to_num((pixels + 1) / 2).clamp(0, 1)


def rgb_factors(model: Model, channels: int) -> tuple[torch.Tensor, torch.Tensor]:
    """(C, 3) and (3,): published for Stable Diffusion's own VAEs, fitted once to the model's VAE for any other, such as the built-in model's."""
    if channels == 4 and tuple(model.vae.config.block_out_channels) == PUBLISHED:
        factors, bias = _FACTORS[model.family]
        return torch.tensor(factors), torch.tensor(bias)
    if "rgb_factors" not in model.memo:
        model.memo["rgb_factors"] = fit(model, channels)
    line: tuple[torch.Tensor, torch.Tensor] = model.memo["rgb_factors"]
    return line


@torch.inference_mode()
def fit(model: Model, channels: int, side: int = 16) -> tuple[torch.Tensor, torch.Tensor]:
    """The least-squares line from latents to the colours that the VAE gives them, on `side`² smooth random latents."""
    coarse = torch.randn((1, channels, side // 4, side // 4), generator=torch.Generator().manual_seed(0))
    latents = F.interpolate(coarse, size=(side, side), mode="bilinear")
    colours = F.avg_pool2d(decode(model, latents.to(model.device)), model.scale).cpu() * 2 - 1
    known = torch.cat([latents[0].flatten(1).T, torch.ones(side * side, 1)], dim=1)  # (side², C + 1)
    line = torch.linalg.lstsq(known, colours[0].flatten(1).T).solution
    return line[:-1], line[-1]

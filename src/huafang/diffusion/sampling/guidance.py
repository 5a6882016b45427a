"""One question to the UNet: classifier-free guidance (Ho & Salimans 2022), over several prompts where they are composed (Liu et al. 2022)

ε̂ = ε(z, ∅) + g · Σᵢ wᵢ · (ε(z, cᵢ) - ε(z, ∅))
"""

from collections.abc import Callable
from functools import reduce
from typing import Any

import torch
from torch import Tensor

from huafang.diffusion.conditioning import Conditioning, StepConditioning
from huafang.diffusion.model.load import Model

Denoiser = Callable[[Tensor, Tensor, int], Tensor]
"""(latents (1, C, h, w), timestep, step from 0) -> the guided prediction (1, C, h, w) float32."""


def denoiser(model: Model, conditioning: Conditioning, shape: torch.Size, guidance: float) -> Denoiser:
    """The guided prediction of `model` for latents of `shape`. All prompts of a step go through the UNet in one batch."""
    inputs: dict[StepConditioning, dict[str, Any]] = {}

    def ask(latents: Tensor, timestep: Tensor, step: int) -> Tensor:
        now = conditioning.at(step)
        if now not in inputs:
            inputs[now] = _inputs(model, now, shape)
        count = len(now.wanted) + (now.unwanted is not None)
        batch = latents.to(model.dtype)
        if conditioning.channels is not None:
            batch = torch.cat([batch, conditioning.channels.to(batch)], dim=1)
        noise: Tensor = model.unet(batch.repeat(count, 1, 1, 1), timestep, **inputs[now], return_dict=False)[0].float()
        return guided(noise, now, guidance)

    return ask


def guided(noise: Tensor, now: StepConditioning, guidance: float) -> Tensor:
    """The predictions (n, C, h, w), the unwanted one first, as one (1, C, h, w). Without an unwanted prompt there is one wanted, and guidance is not used."""
    if now.unwanted is None:
        return noise
    away, *towards = noise.chunk(len(noise))
    steps = [weight * (one - away) for one, (_, weight) in zip(towards, now.wanted, strict=True)]
    return away + guidance * reduce(torch.add, steps)


def _inputs(model: Model, now: StepConditioning, shape: torch.Size) -> dict[str, Any]:
    """What the UNet is given beside latents and timestep."""
    sides = [*([now.unwanted] if now.unwanted else []), *(encoded for encoded, _ in now.wanted)]
    embeds = torch.cat([side.embeds for side in sides]).to(model.dtype)
    found: dict[str, Any] = {"encoder_hidden_states": embeds}
    pooled = [side.pooled for side in sides if side.pooled is not None]
    if model.family == "xl" and len(pooled) == len(sides):
        size = [shape[2] * model.scale, shape[3] * model.scale]
        ids = torch.tensor([[*size, 0, 0, *size]], device=model.device, dtype=model.dtype)  # original size, crop, target size (Podell et al. 2023, 2.2)
        found["added_cond_kwargs"] = {"text_embeds": torch.cat(pooled).to(model.dtype), "time_ids": ids.repeat(len(embeds), 1)}
    if names := sides[0].attention.keys():
        found["cross_attention_kwargs"] = {name: torch.cat([side.attention[name] for side in sides]).to(model.dtype) for name in names}
    return found

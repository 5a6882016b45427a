"""The loop that draws: noise -> latents, one UNet call after another, with classifier-free guidance (Ho & Salimans 2022)

ε̂ = ε(z, ∅) + g · (ε(z, c) - ε(z, ∅))
"""

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from huafang.diffusion.model.load import Model
from huafang.diffusion.prompt.encode import Conditioning
from huafang.diffusion.sampling import schedulers
from huafang.errors import JobFailed

Heard = Callable[[int, Callable[[], torch.Tensor]], None]
"""Told after each step: how many are done, and a function that gives the picture the model expects by now, as latents (1, C, h, w)."""


def noise(model: Model, width: int, height: int, generator: torch.Generator) -> torch.Tensor:
    """Where a picture of `width` × `height` pixels starts: (1, C, height / 8, width / 8) float32, drawn on the CPU, then moved."""
    shape = (1, model.channels, height // model.scale, width // model.scale)
    return torch.randn(shape, generator=generator, dtype=torch.float32).to(model.device)


@torch.inference_mode()
def sample(
    model: Model,
    text: Conditioning,
    start: torch.Tensor,
    *,
    sampler: str,
    steps: int,
    guidance: float,
    generator: torch.Generator,
    over: torch.Tensor | None = None,
    last: int | None = None,
    heard: Heard = lambda done, expected: None,
) -> torch.Tensor:
    """Latents (1, C, h, w) float32 of the finished picture. `generator` is drawn from by the samplers that add noise as they go.

    With `over`, latents of a picture, the loop starts from them under as much of the noise `start` as the `last` so many of the `steps` take away again
    (SDEdit, Meng et al. 2022); with none of them, `over` comes back. `heard` is called once for each step taken; what it raises ends the loop.
    Raises JobFailed (`model.overflow`) where the UNet gives a NaN or an infinity.
    """
    scheduler = schedulers.scheduler(sampler, model.scheduler, steps)
    scheduler.set_timesteps(steps, device=model.device)
    timesteps, taken = scheduler.timesteps, steps
    if over is None:
        latents: torch.Tensor = start * scheduler.init_noise_sigma
    elif not last:
        return over
    else:
        taken, first = last, (steps - last) * scheduler.order
        timesteps = timesteps[first:]
        if hasattr(scheduler, "set_begin_index"):  # the schedulers that count their σ instead of looking a timestep up
            scheduler.set_begin_index(first)
        latents = scheduler.add_noise(over, start, timesteps[:1])
    ask = _asker(model, text, start.shape, guidance)
    own = {"generator": generator} if "generator" in inspect.signature(scheduler.step).parameters else {}
    reported = 0
    for call, timestep in enumerate(timesteps):
        scaled = scheduler.scale_model_input(latents, timestep)
        said = ask(scaled, timestep)
        if not all(bool(end.isfinite()) for end in said.aminmax()):
            raise JobFailed(
                f"the model's numbers ran over and no picture came out: the first NaN or infinity is of its UNet (step {max(reported, 0) + 1} of {taken})",
                code="model.overflow",
                hint="its weights are damaged, or its prediction is set wrongly: get the model again, or try lower guidance",
            )
        latents = scheduler.step(said, timestep, latents, **own, return_dict=False)[0]
        done = schedulers.done_after(sampler, call, len(timesteps), taken)
        if done > reported:
            reported = done
            heard(done, partial(expected, scheduler, scaled, said, timestep))
    return latents.float()


def _asker(model: Model, text: Conditioning, shape: torch.Size, guidance: float) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """(latents, timestep) -> the guided prediction, (1, C, h, w) float32. Both sides go through the UNet in one batch."""
    embeds, pooled = text.embeds, text.pooled
    if text.empty_embeds is not None:
        embeds = torch.cat([text.empty_embeds, text.embeds])
        pooled = None if text.pooled is None or text.empty_pooled is None else torch.cat([text.empty_pooled, text.pooled])
    embeds = embeds.to(model.dtype)
    added: dict[str, Any] | None = None
    if model.family == "xl" and pooled is not None:
        size = [shape[2] * model.scale, shape[3] * model.scale]
        ids = torch.tensor([[*size, 0, 0, *size]], device=model.device, dtype=model.dtype)  # original size, crop, target size (Podell et al. 2023, 2.2)
        added = {"text_embeds": pooled.to(model.dtype), "time_ids": ids.repeat(len(embeds), 1)}

    def ask(latents: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
        batch = latents.to(model.dtype).repeat(len(embeds), 1, 1, 1)
        said: torch.Tensor = model.unet(batch, timestep, encoder_hidden_states=embeds, added_cond_kwargs=added, return_dict=False)[0].float()
        if not text.guided:
            return said
        away, towards = said.chunk(2)
        return away + guidance * (towards - away)

    return ask


def expected(scheduler: Any, scaled: torch.Tensor, said: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
    """The clean latents that the model has in mind: z₀ of z_t = √ᾱ·z₀ + √(1-ᾱ)·ε (Ho et al. 2020, eq. 15), or of v (Salimans & Ho 2022).

    What the UNet is shown, `scaled`, is z_t for every scheduler, also for those that count in σ. Their timesteps may lie between two trained ones:
    the nearer is taken, which a preview does not show.
    """
    nearest = round(float(timestep))
    alpha: torch.Tensor = scheduler.alphas_cumprod[min(max(nearest, 0), len(scheduler.alphas_cumprod) - 1)].to(scaled.device, torch.float32)
    if scheduler.config.prediction_type == "v_prediction":
        return alpha.sqrt() * scaled - (1 - alpha).sqrt() * said
    return (scaled - (1 - alpha).sqrt() * said) / alpha.clamp(min=1e-4).sqrt()

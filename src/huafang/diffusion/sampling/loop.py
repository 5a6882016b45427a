"""The loop that draws: noise -> latents, one UNet call after another."""

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from huafang.diffusion.conditioning import Conditioning
from huafang.diffusion.model.load import Model
from huafang.diffusion.sampling import guidance as guiding
from huafang.diffusion.sampling import schedulers
from huafang.errors import JobFailed


@dataclass(frozen=True)
class StepState:
    """The state after a step: `done` steps are taken. `noisy` (1, C, h, w) are the latents z_t that the UNet saw, at the cumulative product ᾱ = `alpha`."""

    done: int
    noisy: torch.Tensor
    prediction: torch.Tensor
    alpha: float
    velocity: bool = False
    """Whether `prediction` is v instead of ε."""

    def expected(self) -> torch.Tensor:
        """The clean latents that the model predicts: z₀ of z_t = √ᾱ·z₀ + √(1-ᾱ)·ε (Ho et al. 2020, eq. 15), or of v (Salimans & Ho 2022)."""
        signal, noise = math.sqrt(self.alpha), math.sqrt(1 - self.alpha)
        if self.velocity:
            return signal * self.noisy - noise * self.prediction
        return (self.noisy - noise * self.prediction) / math.sqrt(max(self.alpha, 1e-4))


Callback = Callable[[StepState], None]


@dataclass(frozen=True)
class Fixed:
    """What stays of a picture: `latents` (1, C, h, w) of it, where `mask` (1, 1, h, w) is 0; where it is 1, the picture is drawn."""

    latents: torch.Tensor
    mask: torch.Tensor


@torch.inference_mode()
def sample(
    model: Model,
    conditioning: Conditioning,
    start: torch.Tensor,
    *,
    sampler: str,
    steps: int,
    guidance: float,
    generator: torch.Generator,
    over: torch.Tensor | None = None,
    last: int | None = None,
    fixed: Fixed | None = None,
    callback: Callback = lambda state: None,
    at_step: Callable[[int, int], None] = lambda step, steps: None,
) -> torch.Tensor:
    """Latents (1, C, h, w) float32 of the finished picture. `generator` is drawn from by the samplers that add noise as they go.

    With `over`, latents of a picture, the loop starts from them under as much of the noise `start` as the `last` so many of the `steps` take away again
    (SDEdit, Meng et al. 2022); with none of them, `over` comes back. What is
    `fixed` is put back after each step, under the noise of the next (Avrahami et al., Blended Latent Diffusion, 2023).
    `callback` is called once for each step taken; what it raises ends the loop.
    `at_step` is called before each step with its number, from 0, and how many are taken; the conditioning is asked for by the same number.
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
    ask = guiding.denoiser(model, conditioning, start.shape, guidance)
    own = {"generator": generator} if "generator" in inspect.signature(scheduler.step).parameters else {}
    reported, step = 0, -1
    for call, timestep in enumerate(timesteps):
        scaled = scheduler.scale_model_input(latents, timestep)
        if (now := schedulers.step_of(sampler, call, taken)) != step:
            step = now
            at_step(step, taken)
        prediction = ask(scaled, timestep, step)
        if not all(bool(end.isfinite()) for end in prediction.aminmax()):
            raise JobFailed(
                f"the model's numbers ran over and no picture came out: the first NaN or infinity is of its UNet (step {max(reported, 0) + 1} of {taken})",
                code="model.overflow",
                hint="its weights are damaged, or its prediction is set wrongly: get the model again, or try lower guidance",
            )
        latents = scheduler.step(prediction, timestep, latents, **own, return_dict=False)[0]
        if fixed is not None:
            latents = fixed.mask * latents + (1 - fixed.mask) * _noised(scheduler, fixed.latents, start, timesteps[call + 1 : call + 2])
        done = schedulers.done_after(sampler, call, len(timesteps), taken)
        if done > reported:
            reported = done
            callback(StepState(done, scaled, prediction, _alpha(scheduler, timestep), scheduler.config.prediction_type == "v_prediction"))
    return latents.float()


def _noised(scheduler: Any, clean: torch.Tensor, noise: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
    """`clean` under the noise of `timestep`, (1,) or none behind the last step."""
    return scheduler.add_noise(clean, noise, timestep) if len(timestep) else clean


def _alpha(scheduler: Any, timestep: torch.Tensor) -> float:
    """ᾱ at `timestep`. Schedulers that count in σ have timesteps between two trained ones: the nearer is taken, which a preview does not show."""
    nearest = min(max(round(float(timestep)), 0), len(scheduler.alphas_cumprod) - 1)
    return float(scheduler.alphas_cumprod[nearest])

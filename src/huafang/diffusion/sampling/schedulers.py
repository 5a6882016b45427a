"""The samplers by the names that users know, as diffusers' schedulers with the settings those names stand for."""

import importlib
import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from huafang.errors import BadInput, nearest

_OURS: dict[str, Any] = {"clip_sample": False, "set_alpha_to_one": False}
"""Latents are not pixels: nothing is clipped to [-1, 1]; and the last step goes to the first trained noise level, not beyond it."""

_NOISE = (
    "num_train_timesteps",
    "beta_start",
    "beta_end",
    "beta_schedule",
    "trained_betas",
    "prediction_type",
    "rescale_betas_zero_snr",
    "steps_offset",
    "timestep_spacing",
)
"""What a model's scheduler_config.json says of its training. The rest is how its makers liked to sample, which the sampler's name decides here."""


@dataclass(frozen=True)
class Sampler:
    """`module` and `name` of a diffusers scheduler, and its `settings`; `calls` is how often a full step asks the UNet, `extra` how often more at the start."""

    module: str
    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    calls: int = 1
    extra: int = 0


SAMPLERS: dict[str, Sampler] = {
    "ddim": Sampler("scheduling_ddim", "DDIMScheduler", _OURS),
    "ddpm": Sampler("scheduling_ddpm", "DDPMScheduler", {"clip_sample": False, "variance_type": "fixed_small"}),
    "euler": Sampler("scheduling_euler_discrete", "EulerDiscreteScheduler"),
    "euler_a": Sampler("scheduling_euler_ancestral_discrete", "EulerAncestralDiscreteScheduler"),
    "heun": Sampler("scheduling_heun_discrete", "HeunDiscreteScheduler", calls=2),
    "lms": Sampler("scheduling_lms_discrete", "LMSDiscreteScheduler"),
    "pndm": Sampler("scheduling_pndm", "PNDMScheduler", {"skip_prk_steps": True, "set_alpha_to_one": False}, extra=1),
    "dpmpp_2m": Sampler("scheduling_dpmsolver_multistep", "DPMSolverMultistepScheduler", {"algorithm_type": "dpmsolver++", "use_karras_sigmas": False}),
    "dpmpp_2m_karras": Sampler("scheduling_dpmsolver_multistep", "DPMSolverMultistepScheduler", {"algorithm_type": "dpmsolver++", "use_karras_sigmas": True}),
    "dpmpp_2m_sde_karras": Sampler(
        "scheduling_dpmsolver_multistep", "DPMSolverMultistepScheduler", {"algorithm_type": "sde-dpmsolver++", "use_karras_sigmas": True}
    ),
    "unipc": Sampler("scheduling_unipc_multistep", "UniPCMultistepScheduler"),
    "lcm": Sampler("scheduling_lcm", "LCMScheduler", _OURS),
}


def scheduler(name: str, trained: Mapping[str, Any], steps: int) -> Any:
    """A fresh scheduler of the sampler `name` for a model `trained` with this noise (its scheduler_config.json). Raises BadInput."""
    if name not in SAMPLERS:
        raise BadInput(f"there is no sampler {name!r}" + nearest(name, SAMPLERS))
    sampler = SAMPLERS[name]
    settings = dict(sampler.settings)
    if name == "lcm":
        settings["original_inference_steps"] = max(50, steps)
    known = {word: value for word, value in trained.items() if word in _NOISE}
    return _kind(sampler).from_config(known, **settings)


def _kind(sampler: Sampler) -> Any:
    return getattr(importlib.import_module(f"diffusers.schedulers.{sampler.module}"), sampler.name)


def zero_snr_lost(name: str, trained: Mapping[str, Any]) -> bool:
    """Whether the model was trained down to pure noise, and the sampler cannot start there."""
    if not trained.get("rescale_betas_zero_snr"):
        return False
    return "rescale_betas_zero_snr" not in inspect.signature(_kind(SAMPLERS[name]).__init__).parameters


def done_after(name: str, call: int, calls: int, steps: int) -> int:
    """How many of `steps` are done after the UNet's `call`-th (from 0) of `calls` calls."""
    sampler = SAMPLERS[name]
    return steps if call == calls - 1 else min(max(call + 1 - sampler.extra, 0) // sampler.calls, steps - 1)


def step_of(name: str, call: int, steps: int) -> int:
    """The step, from 0, that the UNet's `call`-th call (from 0) belongs to."""
    sampler = SAMPLERS[name]
    return min(max(call - sampler.extra, 0) // sampler.calls, steps - 1)

"""What a model in training draws, through the very code that will draw with it later."""

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from huafang.diffusion import latents
from huafang.diffusion.model.load import Model, TextEncoder
from huafang.diffusion.prompt.encode import encode
from huafang.diffusion.sampling import loop
from huafang.train.mini.folder import SCHEDULER

STEPS, GUIDANCE, SAMPLER = 16, 5.0, "dpmpp_2m_karras"
COLUMNS = 4


def model(nets: nn.ModuleDict, vae: nn.Module, tokenizer: Any, reader: Literal["clip", "bert"], size: int, device: str) -> Model:
    """The networks in memory as what `loading.load` gives."""
    encoder = TextEncoder(tokenizer, nets[reader].eval(), int(tokenizer.pad_token_id))
    return Model("sd1", nets["unet"].eval(), vae.eval(), (encoder,), SCHEDULER, size, torch.device(device))


def draw(model: Model, prompt: str, *, seed: int, steps: int = STEPS, guidance: float = GUIDANCE) -> Tensor:
    """(1, 3, size, size) in [0, 1], on the CPU."""
    generator = torch.Generator("cpu").manual_seed(seed)
    said = encode(model, prompt, guided=guidance > 1)
    start = model.start_noise(model.size, model.size, generator)
    found = loop.sample(model, said, start, sampler=SAMPLER, steps=steps, guidance=guidance, generator=generator)
    return latents.decode(model, found).cpu()


def sheet(asked: Sequence[tuple[Model, str]], *, seed: int) -> Tensor:
    """A picture of each prompt, in rows of four: (1, 3, H, W)."""
    drawn = [draw(one, prompt, seed=seed + place)[0] for place, (one, prompt) in enumerate(asked)]
    drawn += [torch.ones_like(drawn[0])] * (-len(drawn) % COLUMNS)
    rows = [torch.cat(drawn[first : first + COLUMNS], dim=2) for first in range(0, len(drawn), COLUMNS)]
    return torch.cat(rows, dim=1)[None]

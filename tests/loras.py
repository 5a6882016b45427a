"""LoRA files for a model, made by rule."""

from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file


def write(place: Path, unet: Path, *, seed: int = 0, rank: int = 2, size: float = 0.05) -> Path:
    """A LoRA in kohya's layout for all queries and values of the UNet whose weights lie in the file `unet`."""
    generator, tensors = torch.Generator().manual_seed(seed), {}
    with safe_open(unet, "pt") as weights:
        for name in weights.keys():  # noqa: SIM118  # no mapping: it has keys() alone
            if name.endswith(("to_q.weight", "to_v.weight")):
                out, into = weights.get_slice(name).get_shape()
                prefix = f"lora_unet_{name.removesuffix('.weight').replace('.', '_')}"
                tensors[f"{prefix}.lora_down.weight"] = size * torch.randn(rank, into, generator=generator)
                tensors[f"{prefix}.lora_up.weight"] = torch.randn(out, rank, generator=generator)
    place.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, place)
    return place

"""Where a run of a style network lives, and what it leaves: one file of weights, known by its name from then on."""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor

from huafang.assets import write_whole
from huafang.context import Context, File
from huafang.notes import Note


def home(ctx: Context, name: str) -> Path:
    """The folder of the run `name`: log, samples, checkpoints."""
    return ctx.weights.root / ".training" / name


def ready(name: str, home: Path, command: str) -> list[Note]:
    """What the user is told of the new model: how to use it, and where its log is."""
    return [
        Note(f"the model {name} is ready: {command}", f"模型 {name} 已就绪：{command}"),
        Note(f"its log and samples are in {home}", f"日志和样张在 {home}"),
    ]


def write(ctx: Context, name: str, state: Mapping[str, Tensor]) -> File:
    """Keep `state` in half precision in the store, as NAME.safetensors; the same as a file of the result."""
    data = save({key: tensor.detach().cpu().to(torch.float16).contiguous() for key, tensor in state.items()})
    write_whole(ctx.weights.root / f"{name}.safetensors", data)
    return File(f"{name}.safetensors", "application/octet-stream", data)

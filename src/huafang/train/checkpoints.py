"""A training run on disk: all of its numbers, so that a stopped run goes on as if it had not been stopped.

A checkpoint is a folder `step-00001200` with `state.safetensors` and `state.json`. It is written under another name and renamed when it is whole, and
the one before it is deleted only then: a crash at any moment leaves a whole checkpoint. Nothing is pickled.
"""

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from huafang import tensorfile
from huafang.errors import BadInput

NAME = re.compile(r"step-(\d{8})")


def save(folder: Path, step: int, modules: Mapping[str, nn.Module], optimizers: Mapping[str, torch.optim.Optimizer], facts: Mapping[str, Any]) -> None:
    """Write the checkpoint of `step` done steps; `facts` is what a resumed run must agree with (its settings), as JSON."""
    tensors: dict[str, Tensor] = {}
    for name, module in modules.items():
        tensors |= {f"module.{name}.{key}": value for key, value in module.state_dict().items()}
    for name, optimizer in optimizers.items():
        for index, state in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{name}.{index}.{key}": value for key, value in state.items()}
    folder.mkdir(parents=True, exist_ok=True)
    place, draft = folder / f"step-{step:08d}", folder / ".draft"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    save_file({name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}, draft / "state.safetensors")
    (draft / "state.json").write_text(json.dumps({"step": step, **facts}, indent=1, ensure_ascii=False), "utf-8")
    older = [item for item in _all(folder) if item != place]
    shutil.rmtree(place, ignore_errors=True)
    draft.rename(place)
    for item in older:
        shutil.rmtree(item)


def newest(folder: Path) -> Path | None:
    """The last checkpoint in `folder`."""
    return max(_all(folder), default=None)


def facts(place: Path) -> dict[str, Any]:
    """What `save` was told, with the step. Raises BadInput for a damaged file."""
    try:
        told: dict[str, Any] = json.loads((place / "state.json").read_text("utf-8"))
        return told
    except (OSError, ValueError) as error:
        raise BadInput(f"the checkpoint {place} cannot be read: {error}", code="weights.unreadable", hint="delete it, and the run starts anew") from error


def load(place: Path, modules: Mapping[str, nn.Module], optimizers: Mapping[str, torch.optim.Optimizer]) -> int:
    """Put a checkpoint into `modules` and `optimizers`; gives the steps that were done. Raises BadInput when it does not fit them."""
    told = facts(place)
    parts: dict[str, dict[str, Tensor]] = {}
    for key, tensor in tensorfile.load(place / "state.safetensors").items():
        kind, name, rest = key.split(".", 2)
        parts.setdefault(f"{kind}.{name}", {})[rest] = tensor.clone()  # the file is deleted one day
    try:
        for name, module in modules.items():
            module.load_state_dict(parts[f"module.{name}"])
        for name, optimizer in optimizers.items():
            _load_optimizer(optimizer, parts.get(f"optimizer.{name}", {}))
    except (KeyError, RuntimeError, ValueError) as error:
        raise BadInput(f"the checkpoint {place} is of another network: {' '.join(str(error).split())[:200]}", code="weights.wrong_kind") from error
    return int(told["step"])


def _load_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        index, name = key.split(".")
        state.setdefault(int(index), {})[name] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    for parameter, kept in optimizer.state.items():  # a fused step takes numbers as they lie in memory: a file has lost how
        kept |= {name: torch.empty_like(parameter, dtype=value.dtype).copy_(value) for name, value in kept.items() if value.shape == parameter.shape}


def _all(folder: Path) -> list[Path]:
    return [item for item in folder.iterdir() if NAME.fullmatch(item.name)] if folder.is_dir() else []

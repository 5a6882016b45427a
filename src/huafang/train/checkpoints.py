"""A training run on disk: all of its numbers, so that a stopped run goes on as if it had not been stopped.

A checkpoint is a folder `step-00001200` with `state.safetensors` and `state.json`. It is written under another name and renamed when it is whole, and
the one before it is deleted only then: a crash at any moment leaves a whole checkpoint. Of a run with validation the best one is kept beside the newest, as
`best-00001000`; its files are links where the disk has such. Nothing is pickled.
"""

import contextlib
import json
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from huafang.errors import BadInput, check_memory
from huafang.models import tensorfile

NAME, BEST = re.compile(r"step-(\d{8})"), re.compile(r"best-(\d{8})")
HOW = ("foreach", "fused", "capturable", "differentiable")
"""Settings of an optimizer that say how it computes and not what: they are the resuming machine's own."""


def save(
    folder: Path,
    step: int,
    modules: Mapping[str, nn.Module],
    optimizers: Mapping[str, torch.optim.Optimizer],
    facts: Mapping[str, Any],
    *,
    validation: float | None = None,
) -> None:
    """Write the checkpoint of `step` done steps; `facts` is what a resumed run must agree with (its settings), as JSON.

    With the loss `validation` it is the best one too where that is below all before it; so is the first.
    """
    tensors: dict[str, Tensor] = {}
    for name, module in modules.items():
        tensors |= {f"module.{name}.{key}": value for key, value in module.state_dict().items()}
    plain: dict[str, dict[str, dict[str, Any]]] = {}
    for name, optimizer in optimizers.items():
        found, plain[name] = _parts(optimizer)
        tensors |= {f"optimizer.{name}.{key}": value for key, value in found.items()}
    told = {"step": step, **facts, "optimizers": plain} | ({} if validation is None else {"validation": validation})
    folder.mkdir(parents=True, exist_ok=True)
    place, draft = folder / f"step-{step:08d}", folder / ".draft"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    save_file({name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}, draft / "state.safetensors")
    (draft / "state.json").write_text(json.dumps(told, indent=1, ensure_ascii=False), "utf-8")
    older = [item for item in _all(folder) if item != place]
    shutil.rmtree(place, ignore_errors=True)
    draft.rename(place)
    if validation is not None and ((known := best(folder)) is None or validation < _validation(known)):
        _keep_best(folder, place, step)
    for item in older:
        shutil.rmtree(item)


def newest(folder: Path) -> Path | None:
    """The last checkpoint in `folder`."""
    return max(_all(folder), default=None)


def best(folder: Path) -> Path | None:
    """The checkpoint in `folder` with the lowest validation loss; None for a run without validation."""
    return min(_all(folder, BEST), key=_validation, default=None)


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
            _load_optimizer(optimizer, parts.get(f"optimizer.{name}", {}), told.get("optimizers", {}).get(name, {}))
    except (KeyError, RuntimeError, ValueError) as error:
        check_memory(error)
        raise BadInput(f"the checkpoint {place} is of another network: {' '.join(str(error).split())[:200]}", code="weights.wrong_kind") from error
    return int(told["step"])


def _parts(optimizer: torch.optim.Optimizer) -> tuple[dict[str, Tensor], dict[str, dict[str, Any]]]:
    """What an optimizer holds, as tensors by `INDEX.NAME` of a parameter's state and `group-INDEX.NAME` of a group's settings; and what is no tensor."""
    state = optimizer.state_dict()
    held = {str(index): values for index, values in state["state"].items()}
    for index, group in enumerate(state["param_groups"]):
        held[f"group-{index}"] = {name: value for name, value in group.items() if name != "params" and name not in HOW}
    tensors = {f"{index}.{name}": value for index, values in held.items() for name, value in values.items() if isinstance(value, Tensor)}
    plain = {index: {name: value for name, value in values.items() if not isinstance(value, Tensor)} for index, values in held.items()}
    return tensors, {index: values for index, values in plain.items() if values}


def _load_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor], plain: Mapping[str, Mapping[str, Any]]) -> None:
    """Put back what `_parts` gave; a checkpoint of an earlier version has no settings of groups, and leaves these as they are."""
    held: dict[str, dict[str, Any]] = {index: dict(values) for index, values in plain.items()}
    for key, tensor in tensors.items():
        index, name = key.split(".", 1)
        held.setdefault(index, {})[name] = tensor
    saved = {int(index.removeprefix("group-")): values for index, values in held.items() if index.startswith("group-")}
    now = optimizer.state_dict()["param_groups"]
    if saved and len(saved) != len(now):
        raise ValueError(f"its optimizer has {len(saved)} groups of parameters, and {len(now)} are wanted")
    groups = [{**group, **{name: _as_was(value) for name, value in saved.get(index, {}).items()}} for index, group in enumerate(now)]
    state = {int(index): values for index, values in held.items() if not index.startswith("group-")}
    optimizer.load_state_dict({"state": state, "param_groups": groups})
    # torch brings a parameter's state to its dtype; and a fused step takes numbers as they lie in memory, of which a file has lost how.
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    for number, values in state.items():
        parameter, now_held = parameters[number], optimizer.state[parameters[number]]
        for name, value in values.items():
            if isinstance(value, Tensor) and value.ndim and value.shape == parameter.shape:
                now_held[name] = torch.empty_like(parameter, dtype=value.dtype).copy_(value)
            elif isinstance(value, Tensor):
                now_held[name] = value.to(now_held[name].device)


def _as_was(value: Any) -> Any:
    """JSON knows no tuples, and the settings of torch's optimizers no lists."""
    return tuple(value) if isinstance(value, list) else value


def _keep_best(folder: Path, place: Path, step: int) -> None:
    target, draft = folder / f"best-{step:08d}", folder / ".draft-best"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    for item in place.iterdir():
        try:
            os.link(item, draft / item.name)
        except OSError:  # a disk without links
            shutil.copyfile(item, draft / item.name)
    older = [item for item in _all(folder, BEST) if item != target]
    shutil.rmtree(target, ignore_errors=True)
    draft.rename(target)
    for item in older:
        shutil.rmtree(item)


def _validation(place: Path) -> float:
    with contextlib.suppress(BadInput, KeyError, TypeError, ValueError):
        return float(facts(place)["validation"])
    return float("inf")  # a damaged one is never the best


def _all(folder: Path, name: re.Pattern[str] = NAME) -> list[Path]:
    return [item for item in folder.iterdir() if name.fullmatch(item.name)] if folder.is_dir() else []

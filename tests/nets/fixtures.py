"""Networks at small size whose outputs the authors' code gave: `../shared/fixtures`, weights and inputs by rule."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import torch
from safetensors import safe_open


class Fixture:
    """One file of `../shared/fixtures`: `keys` are the official names and shapes, `want(name)` an output of the authors' code."""

    def __init__(self, shared: Path, name: str) -> None:
        self.rule = _rule(shared / "fixtures" / "rule.py")
        with safe_open(shared / "fixtures" / f"{name}.safetensors", "pt") as file:
            self.keys: dict = json.loads(file.metadata()["keys"])
            self._wanted = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  # no mapping: it has keys() alone

    def state(self) -> dict[str, torch.Tensor]:
        return self.rule.state_dict(self.keys)

    def input(self, name: str, height: int, width: int, low: float = 0.0, high: float = 1.0) -> torch.Tensor:
        return self.rule.tensor(name, (1, 3, height, width), low, high)

    def want(self, name: str) -> torch.Tensor:
        return self._wanted[name]


def apart(one: torch.Tensor, other: torch.Tensor) -> float:
    """max |a - b|, of tensors of one shape."""
    assert one.shape == other.shape, f"{tuple(one.shape)} and {tuple(other.shape)}"
    return float((one - other).detach().abs().max())


def _rule(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("fixture_rule", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

"""What every method that trains a style must do: run by the tests of each, with the method's name and the values of a tiny run.

`length` is the field that says how many steps a run has, or epochs of one step each.
"""

import json

import pytest
import torch
from safetensors.torch import load_file

from huafang import methods
from huafang.context import Result
from huafang.errors import BadInput, Cancelled, MissingWeights


def run(bench, method: str, values: dict, *, stop_after: int | None = None) -> Result:
    return methods.run(methods.build(method, values), bench.context(stop_after=stop_after))


def leaves_a_file_a_log_and_samples(bench, method: str, values: dict, *, length: str = "steps", beside: tuple[str, ...] = ()) -> Result:
    """Of a run of 2 steps with a sample after each; what stands `beside` the weights, by name. The result."""
    name = values["name"]
    result = run(bench, method, values | {length: 2, "sample_every": 1})
    assert [file.name for file in result.files] == [f"{name}.safetensors", *beside]
    assert result.files[0].data == (bench.weights.root / f"{name}.safetensors").read_bytes()
    home = bench.weights.root / ".training" / name
    assert [json.loads(line)["step"] for line in (home / "log.jsonl").read_text().splitlines()] == [1, 2]
    assert sorted(item.name for item in (home / "samples").iterdir()) == ["00000001.png", "00000002.png"]
    return result


def goes_on_where_it_was_stopped(bench, method: str, values: dict, *, before: int = 0, length: str = "steps") -> None:
    """A run stopped after 2 of 3 steps leaves no weights, and ends where an unbroken one does. `before` steps are reported before the first."""
    run(bench, method, values | {length: 3, "name": "whole"})
    with pytest.raises(Cancelled):
        run(bench, method, values | {length: 3, "name": "parts"}, stop_after=before + 2)
    assert not (bench.weights.root / "parts.safetensors").exists()
    again = run(bench, method, values | {length: 3, "name": "parts"})
    assert again.notes[0].startswith("goes on from step ")
    assert "继续训练" in again.notes[0].zh
    whole, parts = (load_file(bench.weights.root / f"{name}.safetensors") for name in ("whole", "parts"))
    assert all(torch.equal(whole[key], parts[key]) for key in whole)


def refuses_other_settings_and_a_missing_loss_network(bench, method: str, values: dict, *, other: dict) -> None:
    run(bench, method, values)
    with pytest.raises(BadInput, match="was begun with"):
        run(bench, method, values | other)
    with pytest.raises(MissingWeights, match="vgg19"):
        run(bench, method, values | {"name": "unlike", "features": "vgg19"})

"""Weights whose numbers run over, all of them finite on disk: every method that takes weights says so, or paints; none ends in a fault of its own."""

from importlib import import_module

import pytest
import torch
from safetensors.torch import load_file, save_file

from huafang import methods
from huafang.errors import HuafangError, JobFailed
from tests.methods import test_gatys

METHODS = ("adain", "animegan", "cap_vstnet", "cartoongan", "clipstyler", "cyclegan", "fast_style", "micro_ast", "multi_style", "stargan")


def run_over(bench, method: str, factor: float) -> torch.Tensor:
    """The method's sample, with all numbers of its weights `factor` times as large, as far as they stay finite."""
    values = import_module(f"tests.methods.test_{method}").sample(bench)
    for file in bench.weights.root.rglob("*.safetensors"):
        state = {name: (tensor.float() * factor).clamp(-3e38, 3e38) for name, tensor in load_file(file).items() if tensor.is_floating_point()}
        save_file(state, file, metadata={"format": "pt"})
    ctx = bench.context()
    previews = []
    ctx._report = lambda step: previews.append(step.preview)
    result = methods.run(methods.build(method, values), ctx)
    for picture in [*result.images, *(one for one in previews if one is not None)]:
        assert bool(torch.isfinite(picture).all())
    return result.images[0]


@pytest.mark.parametrize("factor", [1e10, 1e38])
@pytest.mark.parametrize("method", METHODS)
def test_weights_that_run_over_are_told_of(bench, method, factor):
    error = None
    try:
        assert run_over(bench, method, factor).shape[:2] == (1, 3)
    except HuafangError as raised:
        error = raised
    assert error is None or (error.code == "model.overflow" and "NaN or infinity" in error.message)


def test_a_network_that_surely_runs_over_is_said_to(bench):
    with pytest.raises(JobFailed, match="values of the network ran over") as failed:
        run_over(bench, "fast_style", 1e38)
    assert "its weights are damaged" in str(failed.value.hint)


def test_a_loss_network_that_runs_over_is_told_of(bench):
    values = test_gatys.sample(bench)
    for file in bench.weights.root.rglob("*.safetensors"):
        save_file({name: tensor * 1e30 for name, tensor in load_file(file).items()}, file)
    try:
        picture = methods.run(methods.build("gatys", values), bench.context()).images[0]
    except HuafangError as error:
        assert error.code == "model.overflow"  # noqa: PT017
    else:
        assert bool(torch.isfinite(picture).all())

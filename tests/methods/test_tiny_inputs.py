"""`compare` and the trainings on pictures of a few pixels: they run, or say in words what is too small."""

from importlib import import_module

import pytest
import torch

from huafang import methods
from huafang.errors import BadInput
from huafang.params import fields
from tests.conftest import scene

SIZES = [(1, 1), (8, 300), (300, 8), (16, 16)]
TRAININGS = [name for name in methods.METHODS if name.startswith("train_")]
PICTURES = [(name, spec.name) for name in TRAININGS for spec in fields(methods.METHODS[name]) if spec.pictures]


def ran(bench, method: str, **changes):
    """The result of the method's own sample with other pictures, or None where sizes are named as the reason."""
    values = import_module(f"tests.methods.test_{method}").sample(bench) | changes
    try:
        return methods.run(methods.build(method, values), bench.context())
    except BadInput as error:
        if not any(character.isdigit() for character in error.message):
            pytest.fail(f"no size is named: {error.message}")
        return None


@pytest.mark.parametrize("field", ["content", "style"])
def test_compare_reads_tiny_pictures(bench, field):
    for height, width in SIZES:
        picture = bench.put(scene(height, width))
        result = ran(bench, "compare", **{field: [picture] if field == "style" else picture})
        if result is not None:
            assert all(bool(torch.isfinite(image).all()) for image in result.images)


@pytest.mark.parametrize(("name", "field"), PICTURES)
def test_trainings_read_tiny_pictures(bench, name, field):
    repeated = next(spec.type.repeated for spec in fields(methods.METHODS[name]) if spec.name == field)
    for height, width in SIZES:
        picture = bench.put(scene(height, width))
        result = ran(bench, name, name=f"tiny-{height}-{width}", **{field: [picture] if repeated else picture})
        if result is not None:
            assert all(bool(torch.isfinite(image).all()) for image in result.images)


def test_every_training_that_reads_pictures_is_here():
    assert {name for name, _ in PICTURES} >= {"train_fast_style", "train_arbitrary_style", "train_animegan"}

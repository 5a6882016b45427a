"""Every method on pictures of a few pixels: it paints, or says in words what is too small."""

from importlib import import_module

import pytest
import torch

from huafang import methods
from huafang.errors import BadInput
from huafang.params import fields
from tests.conftest import scene

SIZES = [(1, 1), (8, 300), (300, 8), (16, 16)]
STYLES = [*SIZES, (8, 2000), (2000, 8)]
METHODS = methods.restylers()


def painted(bench, name: str, **changes) -> None:
    """Run the method's own sample with other pictures. Anything but a picture or a refusal that names sizes fails the test."""
    values = import_module(f"tests.methods.test_{name}").sample(bench) | changes
    try:
        result = methods.run(methods.build(name, values), bench.context())
    except BadInput as error:
        if not any(character.isdigit() for character in error.message):
            pytest.fail(f"no size is named: {error.message}")
        return
    (picture, *_) = result.images
    assert bool(torch.isfinite(picture).all())
    assert min(picture.shape[2:]) >= 1


@pytest.mark.parametrize("name", METHODS)
def test_a_tiny_photo_is_painted_or_called_too_small(bench, name):
    for height, width in SIZES:
        painted(bench, name, content=bench.put(scene(height, width)))


@pytest.mark.parametrize("name", [name for name in METHODS if any(spec.name == "style" and spec.pictures for spec in fields(methods.METHODS[name]))])
def test_a_tiny_style_is_read_or_called_too_small(bench, name):
    specs = {spec.name: spec for spec in fields(methods.METHODS[name])}
    for height, width in STYLES:
        style = bench.put(scene(height, width))
        painted(bench, name, style=[style] if specs["style"].type.repeated else style)


def test_every_method_that_restyles_is_here():
    assert len(METHODS) >= 15

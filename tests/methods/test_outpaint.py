"""Outpainting: the photo stays, sides grow as asked, what cannot be drawn is refused."""

import pytest
import torch

from huafang import methods
from huafang.errors import BadInput, TooLarge
from tests.conftest import scene
from tests.diffusion import tiny
from tests.diffusion.conftest import one_thread as one_thread  # a fixture, used by being here


def sample(bench) -> dict:
    return {
        "content": bench.content,
        "prompt": "a cat",
        "model": bench.weights.add(tiny.folder("sd1")),
        "steps": 5,
        "left": 16,
        "right": 0,
        "bottom": 8,
        "edge": 4,
    }


def run(bench, **values):
    return methods.run(methods.build("outpaint", {**sample(bench), **values}), bench.context())


@pytest.mark.parametrize("family", ["sd1", "inpainting"])
@pytest.mark.parametrize("sides", [(16, 0, 0, 8), (0, 24, 0, 0), (8, 8, 8, 8), (5, 0, 3, 0)])
def test_the_photo_stays_and_the_sides_grow(bench, sides, family):
    left, right, top, bottom = sides
    photo = bench.context().image(bench.content)
    height, width = photo.shape[2:]
    values = {"left": left, "right": right, "top": top, "bottom": bottom, "model": bench.weights.add(tiny.folder(family))}
    result = run(bench, **values, edge=2)
    (drawn,) = result.images
    assert drawn.shape == (1, 3, height + top + bottom, width + left + right)
    inner = 8  # behind the edge that fades
    inside = drawn[..., top + inner : top + height - inner, left + inner : left + width - inner]
    assert torch.equal(inside, photo[..., inner : height - inner, inner : width - inner])
    assert result.figures["width"] == width + left + right


def test_an_edge_wider_than_the_photo_leaves_half_of_it(bench):
    width = bench.context().image(bench.content).shape[3]
    (drawn,) = run(bench, left=40, bottom=0, edge=200).images
    assert torch.isfinite(drawn).all()
    assert drawn.shape[3] == width + 40


def test_nothing_added_and_too_much_are_refused(bench):
    with pytest.raises(BadInput, match="nothing is added on any side"):
        run(bench, left=0, bottom=0)
    wide = bench.put(scene(8, 7000))
    with pytest.raises(TooLarge, match="8192 a side"):
        run(bench, content=wide, left=2000)


def test_a_drawing_that_is_softer_than_the_photo_is_remarked_on(bench):
    large = bench.put(scene(300, 300))
    assert any("softer than the photo" in note for note in run(bench, content=large, size=64).notes)
    assert not any("softer" in note for note in run(bench).notes)

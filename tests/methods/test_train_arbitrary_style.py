"""A tiny run of the built-in style network's training: it learns, it resumes exactly, and what comes out paints."""

import pytest

from huafang import methods
from huafang.errors import BadInput
from tests.conftest import weave
from tests.train import style_methods
from tests.train.style_nets import put_squeezenet

ROOM = "train_arbitrary_style"
TINY = {"name": "tiny", "renderings": 2, "steps": 2, "batch": 2, "size": 64, "sample_every": 1}


def sample(bench) -> dict:
    put_squeezenet(bench)
    return TINY | {"dataset": [bench.content], "paintings": [bench.style]}


@pytest.fixture(autouse=True)
def small_renderings(monkeypatch):
    """The studio's own pictures in small, and of its quick looks alone: painting them is tested elsewhere."""
    from huafang.methods.train_arbitrary_style import renderings

    monkeypatch.setattr(renderings, "SIDE", 64)
    monkeypatch.setattr(renderings, "SCENE", 64)
    monkeypatch.setattr(renderings, "LOOKS", (("image_filters", {"filter": "pencil"}), ("image_filters", {"filter": "halftone"})))


def test_what_comes_out_is_a_network_that_micro_ast_paints_with(bench):
    result = style_methods.leaves_a_file_a_log_and_samples(bench, ROOM, sample(bench))
    assert "2 steps were too few: what it paints is all but flat" in result.notes[-1]
    assert result.notes[-1].endswith("--steps 6000")
    assert (bench.weights.root / "tiny.safetensors").stat().st_size < 2_000_000
    painted = style_methods.run(bench, "micro_ast", {"content": bench.content, "style": [bench.style], "weights": "tiny", "size": 64})
    assert painted.images[0].shape == (1, 3, 48, 64)


def test_a_stopped_run_goes_on_and_ends_where_an_unbroken_one_does(bench):
    values = sample(bench)
    style_methods.goes_on_where_it_was_stopped(bench, ROOM, values, before=values["renderings"])


def test_a_run_of_other_pictures_or_without_its_loss_network_is_refused(bench):
    other = {"paintings": [bench.put(weave(64, 64).flip(1))]}
    style_methods.refuses_other_settings_and_a_missing_loss_network(bench, ROOM, sample(bench), other=other)


def test_there_must_be_something_to_paint_after(bench):
    with pytest.raises(BadInput, match="renderings is 0"):
        methods.build(ROOM, {"renderings": 0})

"""A tiny run of the built-in style network's training: it learns, it resumes exactly, and what comes out paints."""

import json

import pytest
import torch
from safetensors.torch import load_file

from huafang import methods
from huafang.errors import BadInput, Cancelled, MissingWeights
from tests.conftest import weave
from tests.train.style_nets import put_squeezenet

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


def run(bench, **changes):
    stop_after = changes.pop("stop_after", None)
    return methods.run(methods.build("train_arbitrary_style", sample(bench) | changes), bench.context(stop_after=stop_after))


def test_what_comes_out_is_a_network_that_micro_ast_paints_with(bench):
    result = run(bench)
    assert [file.name for file in result.files] == ["tiny.safetensors"]
    assert len(result.files[0].data) < 2_000_000
    assert result.files[0].data == (bench.weights.root / "tiny.safetensors").read_bytes()
    painted = methods.run(methods.build("micro_ast", {"content": bench.content, "style": [bench.style], "weights": "tiny", "size": 64}), bench.context())
    assert painted.images[0].shape == (1, 3, 48, 64)
    home = bench.weights.root / ".training" / "tiny"
    assert [json.loads(line)["step"] for line in (home / "log.jsonl").read_text().splitlines()] == [1, 2]
    assert sorted(item.name for item in (home / "samples").iterdir()) == ["00000001.png", "00000002.png"]


def test_a_stopped_run_goes_on_and_ends_where_an_unbroken_one_does(bench):
    run(bench, steps=3)
    whole = load_file(bench.weights.root / "tiny.safetensors")
    with pytest.raises(Cancelled):
        run(bench, name="parts", steps=3, stop_after=2 + 2)  # two pictures are painted first
    assert not (bench.weights.root / "parts.safetensors").exists()
    run(bench, name="parts", steps=3)
    again = load_file(bench.weights.root / "parts.safetensors")
    assert all(torch.equal(whole[key], again[key]) for key in whole)


def test_a_run_of_other_pictures_or_without_its_loss_network_is_refused(bench):
    run(bench)
    with pytest.raises(BadInput, match="was begun with"):
        run(bench, paintings=[bench.put(weave(64, 64).flip(1))])
    with pytest.raises(MissingWeights, match="vgg19"):
        run(bench, name="other", features="vgg19")


def test_there_must_be_something_to_paint_after(bench):
    with pytest.raises(BadInput, match="renderings is 0"):
        methods.build("train_arbitrary_style", {"renderings": 0})

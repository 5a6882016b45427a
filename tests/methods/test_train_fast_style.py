"""A tiny run of a style of one's own: it resumes exactly, and fast_style paints with what comes out."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from huafang import methods
from huafang.errors import BadInput, Cancelled, MissingWeights
from huafang.nets.transformer_net import TransformerNet
from tests.conftest import weave
from tests.train.style_nets import put_squeezenet

TINY = {"name": "tiny", "steps": 2, "batch": 1, "size": 64, "style_size": 64, "sample_every": 1}


def sample(bench) -> dict:
    put_squeezenet(bench)
    return TINY | {"style": bench.style, "dataset": [bench.content]}


def run(bench, **changes):
    stop_after = changes.pop("stop_after", None)
    return methods.run(methods.build("train_fast_style", sample(bench) | changes), bench.context(stop_after=stop_after))


def test_what_comes_out_is_a_style_that_fast_style_paints_with(bench):
    result = run(bench)
    assert [file.name for file in result.files] == ["tiny.safetensors"]
    assert result.files[0].data == (bench.weights.root / "tiny.safetensors").read_bytes()
    assert set(load_file(bench.weights.root / "tiny.safetensors")) == set(TransformerNet().state_dict()), "the keys of pytorch/examples"
    painted = methods.run(methods.build("fast_style", {"content": bench.content, "weights": "tiny", "size": 64}), bench.context())
    assert painted.images[0].shape == (1, 3, 48, 64)
    home = bench.weights.root / ".training" / "tiny"
    assert [json.loads(line)["step"] for line in (home / "log.jsonl").read_text().splitlines()] == [1, 2]
    assert sorted(item.name for item in (home / "samples").iterdir()) == ["00000001.png", "00000002.png"]


def test_a_stopped_run_goes_on_and_ends_where_an_unbroken_one_does(bench):
    run(bench, steps=3)
    whole = load_file(bench.weights.root / "tiny.safetensors")
    with pytest.raises(Cancelled):
        run(bench, name="parts", steps=3, stop_after=2)
    assert not (bench.weights.root / "parts.safetensors").exists()
    run(bench, name="parts", steps=3)
    again = load_file(bench.weights.root / "parts.safetensors")
    assert all(torch.equal(whole[key], again[key]) for key in whole)


def test_a_style_that_is_there_is_a_start(bench):
    run(bench)
    run(bench, name="more", start="tiny", rate=1e-9)
    before, after = (load_file(bench.weights.root / f"{name}.safetensors") for name in ("tiny", "more"))
    assert all(torch.allclose(before[key], after[key], atol=1e-3) for key in before)
    other = TransformerNet("rrmina").state_dict()
    save_file({"ConvBlock.0.conv_layer.weight": other["conv1.conv2d.weight"]}, bench.weights.root / "rrmina.safetensors")
    with pytest.raises(BadInput, match="layout of rrmina"):
        run(bench, name="no", start="rrmina")


def test_another_painting_under_an_old_name_and_a_missing_loss_network_are_refused(bench):
    run(bench)
    with pytest.raises(BadInput, match="was begun with style"):
        run(bench, style=bench.put(weave(64, 64).flip(1)))
    with pytest.raises(MissingWeights, match="vgg19"):
        run(bench, name="other", features="vgg19")
    with pytest.raises(BadInput, match="dataset"):
        methods.build("train_fast_style", {"style": bench.style, "dataset": []})

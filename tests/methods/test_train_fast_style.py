"""A tiny run of a style of one's own: it resumes exactly, and fast_style paints with what comes out."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from huafang import methods
from huafang.errors import BadInput
from huafang.nets.transformer_net import TransformerNet
from tests.conftest import weave
from tests.train import style_methods
from tests.train.style_nets import put_squeezenet

ROOM = "train_fast_style"
TINY = {"name": "tiny", "steps": 2, "batch": 1, "size": 64, "style_size": 64, "sample_every": 1}


def sample(bench) -> dict:
    put_squeezenet(bench)
    return TINY | {"style": bench.style, "dataset": [bench.content]}


def test_what_comes_out_is_a_style_that_fast_style_paints_with(bench):
    style_methods.leaves_a_file_a_log_and_samples(bench, ROOM, sample(bench))
    assert set(load_file(bench.weights.root / "tiny.safetensors")) == set(TransformerNet().state_dict()), "the keys of pytorch/examples"
    painted = style_methods.run(bench, "fast_style", {"content": bench.content, "weights": "tiny", "size": 64})
    assert painted.images[0].shape == (1, 3, 48, 64)


def test_a_network_that_has_learnt_too_little_is_said_to_paint_flat_pictures_and_a_finished_one_is_not(bench, shared):
    *_, said = style_methods.run(bench, ROOM, sample(bench)).notes
    assert "2 steps were too few: what it paints is all but flat, with " in said
    assert said.endswith("run the same again with more steps, and it goes on from here: --steps 2000")
    assert said.zh.endswith("接着训练：--steps 2000")
    candy = bench.weights.add(shared / "weights" / "fast_style_candy.safetensors")
    notes = style_methods.run(bench, ROOM, sample(bench) | {"name": "candied", "start": candy, "rate": 1e-9}).notes
    assert not any("flat" in note for note in notes)


def test_a_stopped_run_goes_on_and_ends_where_an_unbroken_one_does(bench):
    style_methods.goes_on_where_it_was_stopped(bench, ROOM, sample(bench))


def test_a_style_that_is_there_is_a_start(bench):
    values = sample(bench)
    style_methods.run(bench, ROOM, values)
    style_methods.run(bench, ROOM, values | {"name": "more", "start": "tiny", "rate": 1e-9})
    before, after = (load_file(bench.weights.root / f"{name}.safetensors") for name in ("tiny", "more"))
    assert all(torch.allclose(before[key], after[key], atol=1e-3) for key in before)
    other = TransformerNet("rrmina").state_dict()
    save_file({"ConvBlock.0.conv_layer.weight": other["conv1.conv2d.weight"]}, bench.weights.root / "rrmina.safetensors")
    with pytest.raises(BadInput, match="layout of rrmina"):
        style_methods.run(bench, ROOM, values | {"name": "no", "start": "rrmina"})


def test_another_painting_under_an_old_name_and_a_missing_loss_network_are_refused(bench):
    other = {"style": bench.put(weave(64, 64).flip(1))}
    style_methods.refuses_other_settings_and_a_missing_loss_network(bench, ROOM, sample(bench), other=other)
    with pytest.raises(BadInput, match="dataset"):
        methods.build(ROOM, {"style": bench.style, "dataset": []})

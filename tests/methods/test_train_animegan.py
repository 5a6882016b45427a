"""Tiny runs of either recipe: they leave what they should, resume exactly, and animegan paints with what comes out."""

import pytest
import torch
from safetensors.torch import load_file

from huafang import methods
from huafang.errors import BadInput
from huafang.nets import anime_reference, animegan
from tests.conftest import weave
from tests.train import style_methods
from tests.train.style_nets import put_squeezenet

ROOM = "train_animegan"
TINY = {"name": "tiny", "epochs": 2, "init_epochs": 1, "batch": 1, "size": 64, "sample_every": 1}
RECIPES = pytest.mark.parametrize(
    ("recipe", "layout", "title"),
    [("paper", animegan.Generator, "a generator of AnimeGANv2"), ("reference", anime_reference.Generator, "a generator of the reference AnimeGAN recipe")],
)


def sample(bench) -> dict:
    put_squeezenet(bench)
    return TINY | {"dataset": [bench.content], "paintings": [bench.style]}


@RECIPES
def test_what_comes_out_is_a_style_that_animegan_paints_with(bench, recipe, layout, title):
    values = sample(bench) | {"recipe": recipe, "init_epochs": 0}
    result = style_methods.leaves_a_file_a_log_and_samples(bench, ROOM, values, length="epochs", beside=("training_log.txt",))
    log = result.files[1].data.decode().splitlines()
    assert [line.split("  ")[:2] for line in log] == [["epoch 1/2", "step 1"], ["epoch 2/2", "step 2"]]
    assert set(load_file(bench.weights.root / "tiny.safetensors")) == set(layout().state_dict())
    painted = style_methods.run(bench, "animegan", {"content": bench.content, "weights": "tiny", "size": 64})
    assert painted.images[0].shape == (1, 3, 48, 64)
    assert painted.notes == [f"tiny is {title}"]


@RECIPES
def test_a_stopped_run_goes_on_and_ends_where_an_unbroken_one_does(bench, recipe, layout, title):
    values = sample(bench) | {"recipe": recipe, "init_epochs": 2 if recipe == "paper" else 0}  # the first is stopped before the discriminator learns
    style_methods.goes_on_where_it_was_stopped(bench, ROOM, values, length="epochs")
    whole, parts = ((bench.weights.root / ".training" / name / "training_log.txt").read_text() for name in ("whole", "parts"))
    assert whole == parts
    assert len(whole.splitlines()) == 3


def test_a_style_that_is_there_is_a_start_for_its_own_recipe(bench):
    values = sample(bench) | {"recipe": "reference"}
    style_methods.run(bench, ROOM, values)
    style_methods.run(bench, ROOM, values | {"name": "more", "start": "tiny", "init_epochs": 0, "rate": 1e-9})
    before, after = (load_file(bench.weights.root / f"{name}.safetensors") for name in ("tiny", "more"))
    assert all(torch.allclose(before[key], after[key], atol=1e-3) for key in before)
    with pytest.raises(BadInput, match="a network that is not known here; allowed are the generator of AnimeGANv2"):
        style_methods.run(bench, ROOM, values | {"name": "no", "start": "tiny", "recipe": "paper"})


def test_other_drawings_under_an_old_name_and_a_missing_loss_network_are_refused(bench):
    other = {"paintings": [bench.put(weave(64, 64).flip(1))]}
    style_methods.refuses_other_settings_and_a_missing_loss_network(bench, ROOM, sample(bench), other=other)


def test_a_recipe_sets_what_is_left_empty(bench):
    given = {"dataset": [bench.content], "paintings": [bench.style] * 21}
    paper = methods.build(ROOM, given)
    assert (paper.settings.epochs, paper.settings.init_epochs, paper.settings.rate, paper.settings.discriminator_rate) == (101, 10, 2e-5, 4e-5)
    assert paper.epoch == 2, "21 drawings in batches of 12"
    reference = methods.build(ROOM, given | {"recipe": "reference", "rate": 1e-4})
    assert (reference.settings.size, reference.settings.batch, reference.settings.rate, reference.settings.discriminator_rate) == (512, 4, 1e-4, 4e-4)
    with pytest.raises(BadInput, match="more than all epochs"):
        methods.build(ROOM, given | {"epochs": 5})
    with pytest.raises(BadInput, match="paintings"):
        methods.build(ROOM, given | {"paintings": []})

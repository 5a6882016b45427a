"""Models that come with the package: their names, the parts they share, and what no folder from outside can have."""

import json
import os
import shutil

import pytest
import torch

from huafang.diffusion.model.load import key, load
from huafang.diffusion.prompt.encode import encode
from huafang.errors import BadInput, Forbidden, MissingWeights
from huafang.models import catalogue
from huafang.models.store import ModelStore
from huafang.server.views import model_view
from tests.diffusion import tiny


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(catalogue, "BUILT_IN", tiny.built_in(tmp_path / "builtin"))
    return catalogue.BUILT_IN


@pytest.fixture
def store(tmp_path, place):
    return ModelStore(tmp_path / "models")


def test_they_are_listed_first_as_built_in_and_cannot_be_pulled(store, place):
    first, second = store.models()[:2]
    assert [(model.name, model.holds, model.path, model.builtin) for model in (first, second)] == [
        ("mini", "diffusion", place / "mini", True),
        ("mini-zh", "diffusion", place / "mini-zh", True),
    ]
    view = model_view(first)
    assert (view.installed, view.pullable, view.builtin) == (True, False, True)
    assert view.bytes == sum(file.stat().st_size for file in (place / "mini").rglob("*") if file.is_file())
    assert {model.name for model in store.models()[2:] if model.builtin} <= {"styles-26"}, "which comes in another package"


def test_they_are_found_verified_and_never_removed(store, place):
    assert store.path("mini-zh") == place / "mini-zh"
    mini, zh = store.verify("mini"), store.verify("mini-zh")
    assert mini.faults == zh.faults == ()
    assert zh.tensors > len(tiny.states("sd1")["unet"]), "borrowed tensors are verified too"
    with pytest.raises(Forbidden, match="'mini-zh' comes with Huafang"):
        store.remove("mini-zh")
    assert (place / "mini-zh" / "model_index.json").is_file()


def test_a_damaged_lender_is_said_of_the_borrower(store, place):
    file = place / "mini" / "unet" / "diffusion_pytorch_model.safetensors"
    file.write_bytes(file.read_bytes()[:-10])
    assert store.verify("mini-zh").faults
    file.unlink()
    with pytest.raises(MissingWeights, match="'mini-zh', which comes with Huafang, is not in this installation"):
        store.path("mini-zh")
    assert {model.name for model in store.models() if model.builtin} <= {"styles-26"}


def test_an_owners_model_of_that_name_is_passed_over_and_said(tmp_path, place, caplog):
    tiny.copy("sd1", tmp_path / "own" / "mini")
    store = ModelStore(tmp_path / "models", (tmp_path / "own",))
    assert store.path("mini") == place / "mini"
    assert [model.name for model in store.models()].count("mini") == 1
    assert "mini is the name of a model that comes with Huafang" in caplog.text


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_in_the_files_is_single_on_the_cpu(tmp_path, monkeypatch, dtype):
    monkeypatch.setattr(catalogue, "BUILT_IN", tiny.built_in(tmp_path / "builtin", dtype))
    for name in ("mini", "mini-zh"):
        model = load(catalogue.BUILT_IN / name)
        for part in (model.unet, model.vae, model.encoders[0].model):
            assert {tensor.dtype for tensor in part.parameters()} == {torch.float32}
        assert torch.isfinite(encode(model, "一只猫 a cat").wanted[0].at(0).embeds).all()


def test_mini_zh_draws_with_minis_unet_and_vae(place):
    mini, zh = load(place / "mini"), load(place / "mini-zh")
    assert zh.encoders[0].bert
    assert not mini.encoders[0].bert
    for part in ("unet", "vae"):
        ours, theirs = getattr(zh, part).state_dict(), getattr(mini, part).state_dict()
        assert all(torch.equal(tensor, theirs[name]) for name, tensor in ours.items())


def test_a_new_lender_is_another_model_in_memory(place):
    before = key(place / "mini-zh", "cpu")
    os.utime(place / "mini" / "unet" / "diffusion_pytorch_model.safetensors", ns=(1, 1))
    assert key(place / "mini-zh", "cpu") != before


def test_no_other_folder_borrows_whatever_it_says_or_is_called(tmp_path, place):
    foreign = tmp_path / "elsewhere" / "mini-zh"
    shutil.copytree(place / "mini-zh", foreign)
    tiny.copy("sd1", tmp_path / "elsewhere" / "mini")
    index = json.loads((foreign / "model_index.json").read_text())
    for saying in ({}, {"borrows": {"unet": "../mini/unet"}}, {"unet": "../mini/unet", "vae": "../mini/vae"}, {"unet": ["../mini", "unet"]}):
        (foreign / "model_index.json").write_text(json.dumps(index | saying))
        with pytest.raises((BadInput, MissingWeights)):
            load(foreign)
    (foreign / "model_index.json").write_text(json.dumps(index))
    with pytest.raises(MissingWeights, match=r"unet/config\.json is not there"):
        load(foreign)

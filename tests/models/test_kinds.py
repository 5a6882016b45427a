"""Weights are known by the names of their tensors: those that fit are taken, those of another method are refused with the method that runs them."""

import json
import shutil
from importlib import import_module
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import huafang
from huafang import methods
from huafang.cli import main
from huafang.errors import BadInput, MissingWeights
from huafang.models import kinds
from huafang.nets import transformer_net
from huafang.params import fields
from tests.diffusion import tiny
from tests.models.test_removal import put

METHODS = ("adain", "animegan", "cap_vstnet", "cartoongan", "clipstyler", "cyclegan", "fast_style", "micro_ast", "multi_style", "stargan")


def sample(bench, method: str):
    return methods.build(method, import_module(f"tests.methods.test_{method}").sample(bench))


@pytest.mark.parametrize("method", METHODS)
def test_a_methods_own_weights_are_known_and_let_in_at_the_door(bench, method):
    params = sample(bench, method)
    methods.check_models(params, bench.weights)
    spec = next(spec for spec in fields(type(params)) if (spec.kind == "weights" and spec.required) or spec.name in ("weights", "clip"))
    assert bench.weights.path(getattr(params, spec.name), spec.holds).exists()


@pytest.mark.parametrize("method", [method for method in METHODS if method not in ("fast_style", "clipstyler")])
def test_another_methods_weights_are_refused_with_the_method_that_runs_them(bench, method):
    params = sample(bench, method)
    with pytest.raises(BadInput, match=f"holds a network of {method}, and weights for fast_style are wanted") as refused:
        bench.weights.path(params.weights, "fast_style")
    assert f"huafang {method.replace('_', '-')} PHOTO" in str(refused.value.hint)


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "model.", "net.", "module._orig_mod."])
def test_prefixes_of_wrappers_change_nothing(bench, prefix):
    params = sample(bench, "fast_style")
    place = bench.weights.path(params.weights)
    plain = transformer_net.load(place).state_dict()
    wrapped = bench.weights.root / "wrapped.safetensors"
    save_file({f"{prefix}{name}": tensor for name, tensor in load_file(place).items()}, wrapped)
    assert kinds.kind_at(wrapped) == "fast_style"
    again = transformer_net.load(bench.weights.path("wrapped", "fast_style")).state_dict()
    assert all(torch.equal(plain[name], again[name]) for name in plain)


def test_a_loss_network_is_said_to_paint_nothing(bench):
    save_file({"features.3.squeeze.weight": torch.ones(2)}, bench.weights.root / "light.safetensors") if bench.weights.root.mkdir(
        parents=True
    ) is None else None
    with pytest.raises(BadInput, match="in whose features pictures are compared, and that paints none"):
        bench.weights.path("light", "fast_style")


def test_a_dry_run_refuses_another_methods_weights_as_the_run_does(bench, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photo.png").write_bytes(bench.assets.read(bench.content))
    place = bench.weights.path(sample(bench, "cyclegan").weights)
    said = []
    for more in (["--dry-run"], []):
        with pytest.raises(SystemExit) as left:
            main(["fast-style", "photo.png", "--weights", str(place), "-o", "out.png", *more])
        assert left.value.code == 2
        said.append(capsys.readouterr().err)
    assert said[0] == said[1]
    assert "huafang cyclegan PHOTO --weights FILE" in said[0]


def test_a_name_that_is_listed_is_accepted_whatever_its_ending(bench, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HUAFANG_HOME", str(bench.weights.root.parent))
    place = bench.weights.path(sample(bench, "fast_style").weights)
    named = put(bench.weights.root, "mynet.pth")
    named.write_bytes(place.read_bytes())
    (tmp_path / "photo.png").write_bytes(bench.assets.read(bench.content))
    assert "mynet.pth" in [model.name for model in bench.weights.models()]
    assert huafang.run("fast_style", content="photo.png", weights="mynet.pth", size=64).image is not None


BROKEN = {
    "unet/config.json": '{"layers_per_block": 1000000}',
    "scheduler/scheduler_config.json": '{"beta_schedule": "cosmic"}',
    "tokenizer/vocab.json": "{}",
    "unet/diffusion_pytorch_model.safetensors": "version https://git-lfs.github.com/spec/v1\n",
    "text_encoder/model.safetensors": "",
    "vae/config.json": "[]",
    "unet": {"cross_attention_dim": 7},
    "unet/": {"sample_size": 1024},
    "vae": {"latent_channels": 3},
}


@pytest.mark.parametrize("file", BROKEN)
def test_a_damaged_model_is_refused_at_the_door_before_torch_is_loaded(file, tmp_path, capsys):
    place = tiny.copy("sd1", tmp_path / "model")
    told = BROKEN[file]
    if isinstance(told, dict):  # each file is sound, and they do not belong together
        (place / file / "config.json").write_text(json.dumps(json.loads((place / file / "config.json").read_text()) | told))
    else:
        (place / file).write_text(told)
    asked = ["generate", "a cat", "--model", str(place), "-o", str(tmp_path / "x.png"), "--dry-run", "--data", str(tmp_path / "data")]
    with pytest.raises(SystemExit) as left:
        main(asked)
    assert left.value.code == 2
    said = capsys.readouterr()
    assert "would write" not in said.out + said.err
    assert (file if isinstance(told, str) else Path(file).name) in said.err.lower()


def test_a_single_file_without_a_vocabulary_is_refused_at_the_door(bench, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    path = tiny.single("sd1", tmp_path)
    params = methods.build("text_to_image", {"prompt": "x", "model": bench.weights.add(path)})
    methods.check_models(params, bench.weights)
    shutil.rmtree(path.with_suffix(".tokenizer"))
    with pytest.raises(MissingWeights, match="the vocabulary that its text encoder reads with"):
        methods.check_models(params, bench.weights)

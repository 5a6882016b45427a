"""Models on the command line: those that are not here, that nobody knows, of another kind; and the list of them."""

import json
import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

import huafang as huafang_package
from tests import loras
from tests.cli.conftest import huafang

RRMINA = "rain-princess, rrmina-mosaic, rrmina-starry, rrmina-udnie, rrmina-wave, udnie"


def test_a_missing_model_exits_3_and_says_how_to_get_it(desk, capsys):
    assert huafang("stylize", "photo.jpg", "--style", "painting.png", "--method", "gatys", "--features", "vgg19", "--steps", "2") == 3
    assert "huafang models pull vgg19" in capsys.readouterr().err
    assert huafang("stylize", "photo.jpg", "--method", "fast_style", "--weights", "candy", "-o", "new/out.png") == 3
    assert not Path("new").exists(), "no folder is made for what cannot be painted"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("models", "pull", "candie"), "allowed are candy, alexnet, "),
        (("models", "verify", "candie"), "allowed are candy, alexnet, "),
        (("models", "export", "candie", "-o", "out.safetensors"), "allowed are candy, alexnet, "),
        (("stylize", "photo.jpg", "--method", "fast_style", "--weights", "mosaik"), f"'mosaik'; allowed are mosaic, candy, {RRMINA}; did you mean mosaic?"),
        (("generate", "a cat", "--model", "minni"), "allowed are mini, mini-zh, stable-diffusion-1-5"),
        (("generate", "a cat", "--model", "candie"), "stable-diffusion-xl, taiyi\n"),
        (("stylize", "photo.jpg", "--method", "cartoongan", "--weights", "hayao"), "'hayao', and none of the kind cartoongan is on this machine\n"),
    ],
)
def test_a_model_that_nobody_knows_exits_2_wherever_it_is_named_and_lists_those_that_fit(desk, capsys, words, said):
    assert huafang(*words) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("fast-style", "photo.jpg", "--weights", "any-style"), ("'any-style' holds weights for micro_ast, and some for fast_style", "candy, mosaic, rain")),
        (
            ("micro-ast", "photo.jpg", "--style", "painting.png", "--weights", "candy"),
            ("holds weights for fast_style", "models for micro_ast: any-style"),
        ),
        (("cartoongan", "photo.jpg", "--weights", "mini"), ("holds weights for diffusion", "models for cartoongan: none is on this machine")),
    ],
)
def test_a_model_of_another_kind_exits_2_and_the_fitting_ones_are_listed(desk, capsys, words, said):
    assert huafang(*words) == 2
    told = capsys.readouterr().err
    assert all(one in told for one in said), told


def test_what_is_refused_leaves_no_empty_folder(desk, capsys):
    save_file({"something.weight": torch.zeros(3)}, "other.safetensors")
    assert huafang("fast-style", "photo.jpg", "--weights", "other.safetensors", "-o", "new/deep/out.png") == 2
    assert "of a network that is not known here" in capsys.readouterr().err
    assert not Path("new").exists()
    Path("old").mkdir()
    assert huafang("fast-style", "photo.jpg", "--weights", "other.safetensors", "-o", "old/out.png") == 2
    assert Path("old").is_dir(), "what was there stays"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("candy", ("7 MB, licence: BSD-3-Clause", "from https://")),
        ("lpips_squeezenet", ("11 kB, licence: BSD-2-Clause",)),
        ("someone/something", ("the hub's repository someone/something",)),
        ("mini", ("is on this machine already",)),
    ],
)
def test_a_dry_pull_says_what_would_come_and_asks_no_one(desk, capsys, monkeypatch, name, said):
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: pytest.fail("a dry run asks no one"))
    assert huafang("models", "pull", name, "--dry-run") == 0
    out = capsys.readouterr().out
    assert all(words in out for words in said), out
    assert not list((desk / "home").rglob("*.download*"))
    assert huafang("models", "pull", name + " candyy", "--dry-run") == 2


def test_the_list_of_models_tells_their_size_in_kb_where_they_are_small(desk, capsys):
    assert huafang("models", "list") == 0
    said = capsys.readouterr().out
    assert re.search(r"lpips_alexnet +.* 6 kB\n", said)
    assert re.search(r"vgg19 +neural style +575 MB\n", said)
    assert said.index("On this machine") < said.index("mini ") < said.index("To download: huafang models pull NAME") < said.index("vgg19 ")
    assert " 0 MB" not in said


def test_the_list_of_models_says_whose_place_each_comes_from(desk, capsys):
    assert huafang("models", "list") == 0
    said = capsys.readouterr().out
    assert re.search(r"candy .*\n.*\n +licence: .*; from github\.com/imageupsc/imageupscaling\n", said)
    assert "from huggingface.co/openai/clip-vit-base-patch32\n" in said
    assert huafang("models", "list", "--json") == 0
    listed = {model["name"]: model["entry"] for model in json.loads(capsys.readouterr().out)["models"]}
    assert listed["vgg19"]["origin"] == "download.pytorch.org"
    assert listed["microast"]["origin"] == "github.com/EndyWon/MicroAST"
    assert listed["mini"]["origin"] is None


def test_a_lora_is_put_into_the_built_in_model_and_what_it_did_is_said(desk, capsys):
    builtin = Path(huafang_package.__file__).parent / "builtin" / "mini" / "unet" / "diffusion_pytorch_model.safetensors"
    loras.write(Path("style.safetensors"), builtin)
    words = ("generate", "a house", "--steps", "2", "-q")
    assert huafang(*words, "-o", "plain.png") == 0
    assert huafang(*words, "--lora", "style.safetensors:0.5", "-o", "styled.png") == 0
    assert "style: 16 of 16 modules changed (rank 2)" in capsys.readouterr().err
    assert Path("plain.png").read_bytes() != Path("styled.png").read_bytes()
    (desk / "home" / "models").mkdir(parents=True, exist_ok=True)
    Path("style.safetensors").rename(desk / "home" / "models" / "style.safetensors")
    assert huafang("generate", "a house <lora:style:0.5>", "--steps", "2", "-q", "-o", "named.png") == 0
    assert huafang(*words, "--lora", "style:0.5:0", "--lora", "style", "-o", "twice.png") == 0
    capsys.readouterr()
    assert huafang("models", "list") == 0
    assert re.search(r"^style +LoRA for text to image +Huafang's mini ", capsys.readouterr().out, re.MULTILINE)
    for wrong, code, said in (
        ("gone.safetensors:0.5", 2, "there is no file gone.safetensors"),
        ("styl", 2, "did you mean style?"),
        ("mini:0.5", 2, "some for lora are wanted"),
        ("style:9", 2, "loras"),
        ("", 2, "it is empty"),
    ):
        assert huafang(*words, "--lora", wrong, "-o", "wrong.png") == code
        assert said in capsys.readouterr().err
        assert not Path("wrong.png").exists()

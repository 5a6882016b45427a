"""`huafang models add`, `rename` and `inspect`: a file comes in, is called what it is, and says what it would do."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import huafang as package
from tests import loras
from tests.cli.conftest import huafang

UNET = Path(package.__file__).parent / "builtin" / "mini" / "unet" / "diffusion_pytorch_model.safetensors"


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HUAFANG_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    loras.write(tmp_path / "style.safetensors", UNET)
    return tmp_path


def test_a_file_is_added_inspected_and_renamed(home, capsys):
    assert huafang("models", "add", "style.safetensors", "--name", "neon") == 0
    said = capsys.readouterr().err
    assert "added neon: LoRA for text to image, Huafang's mini" in said
    assert "huafang generate PROMPT --model MODEL --lora neon" in said
    assert huafang("models", "rename", "neon", "glow") == 0
    capsys.readouterr()
    assert huafang("models", "inspect", "glow") == 0
    said = capsys.readouterr().out
    assert "rank:           2" in said
    assert "on mini: glow: 16 of 16 modules changed (rank 2)" in said
    assert "note:           it names no alpha" in said
    assert "fault:" not in said
    assert huafang("models", "inspect", "style.safetensors", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["card"]["family"], found["fits"][0]["effect"]["changed"], found["faults"]) == ("mini", 16, [])
    assert found["hashes"]["sha256"].startswith(found["hashes"]["autov2"])


def test_the_effect_is_that_of_arithmetic(home, capsys):
    """‖ΔW‖ / ‖W‖ over all modules, from the tensors alone."""
    held, base = load_file("style.safetensors"), load_file(UNET)
    moved = whole = 0.0
    flat = {name.removesuffix(".weight").replace(".", "_"): tensor for name, tensor in base.items() if name.endswith(".weight")}
    for name in {key.rpartition(".lora_")[0] for key in held}:
        change = held[f"{name}.lora_up.weight"].flatten(1).double() @ held[f"{name}.lora_down.weight"].flatten(1).double()
        moved += float(change.square().sum())
        whole += float(flat[name.removeprefix("lora_unet_")].double().square().sum())
    assert huafang("models", "inspect", "style.safetensors", "--json") == 0
    found = json.loads(capsys.readouterr().out)["fits"][0]["effect"]["share"]
    assert found == pytest.approx((moved / whole) ** 0.5, rel=1e-3)


def test_what_is_wrong_with_a_file_is_said(home, capsys):
    held = load_file("style.safetensors")
    save_file({name: torch.zeros_like(tensor) for name, tensor in held.items()}, "zero.safetensors")
    assert huafang("models", "inspect", "zero.safetensors") == 0
    assert "changes nothing: all its differences are zero" in capsys.readouterr().out
    first = next(iter(held))
    save_file(held | {first: torch.full_like(held[first], torch.nan)}, "nan.safetensors")
    assert huafang("models", "inspect", "nan.safetensors") == 0
    assert "fault:" in capsys.readouterr().out
    Path("cut.safetensors").write_bytes(Path("style.safetensors").read_bytes()[:500])
    assert huafang("models", "inspect", "cut.safetensors") == 1
    assert "fault:" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("add", "absent.safetensors"), "there is no file absent.safetensors"),
        (("add", "style.safetensors", "--name", "../x"), "cannot be used"),
        (("add", "style.safetensors", "--name", "mini"), "is the name of a model that comes with Huafang"),
        (("add", "notes.txt"), "it is a text"),
        (("rename", "styl", "x"), "there is no model 'styl'"),
        (("rename", "mini", "x"), "keeps its name"),
        (("inspect", "any-styl"), "did you mean any-style?"),
        (("inspect", "style.safetensors", "--on", "any-style"), "some for diffusion are wanted"),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_is_left(home, capsys, args, message):
    Path("notes.txt").write_text("no weights")
    assert huafang("models", *args) == 2
    assert message in capsys.readouterr().err
    assert not list((home / "home").rglob("*.safetensors"))


def test_a_built_in_network_and_a_folder_are_known(home, capsys):
    assert huafang("models", "inspect", "any-style") == 0
    assert "MicroAST" in capsys.readouterr().out
    assert huafang("models", "inspect", "mini") == 0
    assert "text to image" in capsys.readouterr().out

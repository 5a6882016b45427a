"""Pickles become safetensors without running anything of theirs."""

import os
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from huafang.errors import BadInput
from huafang.models import modelfile, pull
from huafang.models.pull import conversion
from huafang.models.store import ModelStore


class Mischief:
    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple[object, ...]:
        return (os.mkdir, (str(self.place),))


def test_bad_input_41_a_pickle_that_runs_code_is_refused_and_does_not_run(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    torch.save({"a": torch.ones(2), "evil": Mischief(marker)}, tmp_path / "evil.pt")
    with pytest.raises(BadInput, match=r"evil\.pt is not converted: it cannot be read without running its code") as caught:
        pull.convert(tmp_path / "evil.pt")
    assert caught.value.code == "weights.unsafe"
    assert not marker.exists()
    assert os.listdir(tmp_path) == ["evil.pt"]
    with pytest.raises(BadInput, match="may run code"):
        ModelStore(tmp_path).add(tmp_path / "evil.pt")


def test_only_one_file_of_the_house_unpickles() -> None:
    import re

    root = Path(modelfile.__file__).parent
    callers = [path.name for path in root.rglob("*.py") if re.search(r"torch\.load\(|pickle\.loads?\(|weights_only=False", path.read_text("utf-8"))]
    assert callers == ["unpickle.py"]


@pytest.mark.parametrize("wrap", [None, "state_dict", "params_ema"])
def test_a_users_own_checkpoint_is_converted_beside_itself(tmp_path: Path, wrap: str | None) -> None:
    tensors = {"a.weight": torch.randn(3, 4).T, "b.bias": torch.arange(5)}
    torch.save({wrap: tensors, "epoch": 3} if wrap else tensors, tmp_path / "mine.ckpt")
    out = pull.convert(tmp_path / "mine.ckpt").path
    assert out == tmp_path / "mine.safetensors"
    loaded = modelfile.load(out)
    assert all(torch.equal(loaded[name], tensors[name]) for name in tensors)
    assert set(loaded) == set(tensors)
    with pytest.raises(BadInput, match="is there already"):
        pull.convert(tmp_path / "mine.ckpt")


@pytest.mark.parametrize(
    ("tensors", "why"),
    [
        ({"a": torch.tensor([1.0, float("nan")])}, "no numbers"),
        ({"a": torch.eye(3).to_sparse()}, "no dense tensor"),
        ({"../a": torch.ones(2)}, "name"),
        ([torch.ones(2)], "no table"),
    ],
)
def test_what_is_no_plain_table_of_numbers_is_not_converted(tmp_path: Path, tensors: object, why: str) -> None:
    torch.save(tensors, tmp_path / "odd.pth")
    with pytest.raises(BadInput, match=why):
        pull.convert(tmp_path / "odd.pth")
    assert os.listdir(tmp_path) == ["odd.pth"]


def test_a_conversion_is_bounded_in_memory(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(1).expand(1 << 34)}, tmp_path / "bomb.pth")  # 64 GB in a kilobyte
    assert (tmp_path / "bomb.pth").stat().st_size < 4000
    with pytest.raises(BadInput, match="bomb"):
        pull.convert(tmp_path / "bomb.pth", memory=1 << 30)
    assert os.listdir(tmp_path) == ["bomb.pth"]


WRAPPERS = ("state_dict", "model_state_dict", "generator", "G", "net", "params_ema", "model", "my_own_words")


@pytest.mark.parametrize("wrap", WRAPPERS)
def test_the_table_of_tensors_is_found_and_said(tmp_path: Path, wrap: str) -> None:
    tensors = {"a.weight": torch.ones(3), "b.bias": torch.zeros(2)}
    torch.save({"epoch": 3, wrap: tensors, "optimizer": {"state": {}, "param_groups": [{"lr": 0.1}]}}, tmp_path / "net.pth")
    made = conversion.convert(tmp_path / "net.pth")
    assert set(modelfile.load(made.path)) == set(tensors)
    assert made.notes == (f"the tensors are those of {wrap}",)


def test_of_several_tables_the_generator_is_meant_or_all_are_listed(tmp_path: Path) -> None:
    one, other = {"a.weight": torch.ones(3)}, {"b.weight": torch.ones(2)}
    torch.save({"generator": one, "discriminator": other}, tmp_path / "gan.pth")
    assert set(modelfile.load(pull.convert(tmp_path / "gan.pth").path)) == {"a.weight"}
    torch.save({"checkpoint": {"left": one, "right": other}}, tmp_path / "two.pth")
    with pytest.raises(BadInput, match=r"several tables of tensors: left \(1 tensors\), right \(1 tensors\); choose one with --part NAME"):
        pull.convert(tmp_path / "two.pth")
    assert set(modelfile.load(pull.convert(tmp_path / "two.pth", part="checkpoint.right").path)) == {"b.weight"}
    with pytest.raises(BadInput, match="it has no 'middle'; it has left, right"):
        pull.convert(tmp_path / "two.pth", tmp_path / "third.safetensors", part="checkpoint.middle")


def test_what_a_training_leaves_beside_a_network_is_not_asked_about(tmp_path: Path) -> None:
    one, state = {"a.weight": torch.ones(3)}, {"state": {0: {"exp_avg": torch.zeros(3)}}}
    torch.save({"my_net": one, "optimizer_G": state, "discriminator": {"b.weight": torch.ones(2)}}, tmp_path / "one.pth")
    assert set(modelfile.load(pull.convert(tmp_path / "one.pth").path)) == {"a.weight"}
    torch.save({"G_A": one, "G_B": {"c": {"b.weight": torch.ones(2)}}, "optimizer": state}, tmp_path / "two.pth")
    with pytest.raises(BadInput, match=r"tables of tensors: G_A \(1 tensors\), G_B \(1 tensors\); choose one with --part NAME") as refused:
        pull.convert(tmp_path / "two.pth")
    assert refused.value.code == "weights.wrong_kind"
    assert "--part" in str(refused.value.hint)


def test_one_network_of_several_in_one_table_is_chosen_by_the_beginning_of_its_names(tmp_path: Path) -> None:
    tensors = {"model.conv1.weight": torch.ones(3), "model.conv1.bias": torch.ones(1), "loss.vgg.weight": torch.zeros(2)}
    torch.save({"state_dict": tensors}, tmp_path / "net.ckpt")
    made = conversion.convert(tmp_path / "net.ckpt")
    assert set(modelfile.load(made.path)) == set(tensors)
    assert "begin with model. (2), loss. (1): if one of these is the network, convert again with --part NAME" in made.notes[-1]
    made = conversion.convert(tmp_path / "net.ckpt", part="state_dict.model", over=True)
    assert set(modelfile.load(made.path)) == {"conv1.weight", "conv1.bias"}
    assert made.notes == ("the tensors are those of state_dict.model.*",)


@pytest.mark.parametrize(
    "prefix",
    ["module.", "_orig_mod.", "model.", "net.", "module._orig_mod.", "model.module.", "generator.", "G.", "netG.module.", "params_ema.", "state_dict.model."],
)
def test_prefixes_of_wrappers_are_taken_off_and_said(tmp_path: Path, prefix: str) -> None:
    torch.save({f"{prefix}conv1.weight": torch.ones(3), f"{prefix}conv2.bias": torch.zeros(2)}, tmp_path / "net.pth")
    made = conversion.convert(tmp_path / "net.pth")
    assert set(modelfile.load(made.path)) == {"conv1.weight", "conv2.bias"}
    assert made.notes == (f"the prefix {prefix} was taken off the names of its tensors",)


@pytest.mark.parametrize(
    "names",
    [("model.1.weight", "model.4.bias"), ("model.diffusion_model.a", "model.diffusion_model.b"), ("module.a", "b"), ("net.0.w",), ("generator.base.Conv.w",)],
)
def test_names_that_are_a_networks_own_stay(tmp_path: Path, names: tuple[str, ...]) -> None:
    torch.save({name: torch.ones(2) for name in names}, tmp_path / "net.pth")
    made = conversion.convert(tmp_path / "net.pth")
    assert set(modelfile.load(made.path)) == set(names)
    assert not any("was taken off" in note for note in made.notes)


NOTHING = {
    "it is a Git LFS pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n",
    "it is a web page": b"<!doctype html><title>Sign in</title>",
    "it is a text": b"hello there",
    "it is empty": b"",
    r"it is a picture \(PNG\)": b"\x89PNG\r\n\x1a\n" + bytes(80),
    "it is a gzip archive": b"\x1f\x8b\x08" + bytes(80),
    "it is no checkpoint of PyTorch": bytes(range(9, 250)),
}


@pytest.mark.parametrize("kind", NOTHING)
@pytest.mark.parametrize("ending", [".pth", ".ckpt", ".bin"])
def test_what_is_no_checkpoint_is_called_what_it_is(tmp_path: Path, kind: str, ending: str) -> None:
    (tmp_path / f"net{ending}").write_bytes(NOTHING[kind])
    with pytest.raises(BadInput, match=kind) as refused:
        pull.convert(tmp_path / f"net{ending}")
    assert "without running" not in refused.value.message
    assert os.listdir(tmp_path) == [f"net{ending}"]


def test_a_zip_that_is_no_checkpoint_and_a_safetensors_by_another_name(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "pack.pth", "w") as archive:
        archive.writestr("inside/net.pth", b"x")
    with pytest.raises(BadInput, match=r"a zip archive, and no checkpoint of PyTorch; in it are inside/net\.pth"):
        pull.convert(tmp_path / "pack.pth")
    save_file({"a": torch.ones(2)}, tmp_path / "net.pth")
    with pytest.raises(BadInput, match="it is a safetensors file already"):
        pull.convert(tmp_path / "net.pth")


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("part", [0.3, 0.9])
def test_a_download_that_was_cut_off_is_called_that(tmp_path: Path, old: bool, part: float) -> None:
    torch.save({"a": torch.ones(500), "b": torch.ones(500)}, tmp_path / "net.pth", _use_new_zipfile_serialization=not old)
    data = (tmp_path / "net.pth").read_bytes()
    (tmp_path / "net.pth").write_bytes(data[: int(len(data) * part)])
    with pytest.raises(BadInput, match="it was cut off while it was downloaded"):
        pull.convert(tmp_path / "net.pth")


def test_a_missing_folder_is_made_and_said(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(2)}, tmp_path / "net.pth")
    made = conversion.convert(tmp_path / "net.pth", tmp_path / "new" / "deep" / "net.safetensors")
    assert made.path.is_file()
    assert "was not there; it is made" in made.notes[0]


@pytest.mark.parametrize("given", conversion.PARTS)
def test_the_four_files_of_microast_are_joined(tmp_path: Path, given: str) -> None:
    for number, name in enumerate(conversion.PARTS):
        torch.save({"conv.weight": torch.full((3,), float(number))}, tmp_path / f"{name}_iter_160000.pth.tar")
    made = conversion.convert(tmp_path / f"{given}_iter_160000.pth.tar")
    assert made.path == tmp_path / "microast.safetensors"
    assert {name: float(tensor[0]) for name, tensor in modelfile.load(made.path).items()} == {
        f"{name}.conv.weight": float(number) for number, name in enumerate(conversion.PARTS)
    }
    (tmp_path / "modulator_iter_160000.pth.tar").unlink()
    if given in ("content_encoder", "style_encoder"):
        with pytest.raises(BadInput, match=r"four files of MicroAST, and modulator_iter_160000\.pth\.tar is not beside it"):
            pull.convert(tmp_path / f"{given}_iter_160000.pth.tar", tmp_path / "again.safetensors")

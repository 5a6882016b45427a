"""Nothing that is made takes the place of a model that is there: trainings, pulls, conversions, exports."""

import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from huafang import methods
from huafang.cli import main
from huafang.errors import BadInput, Conflict, DiskFull, HuafangError
from huafang.models import modelfile, pull
from huafang.models.store import ModelStore
from huafang.train.mini import folder
from huafang.train.style import weights as style_weights
from tests.models.test_removal import put
from tests.train import style_methods
from tests.train.style_nets import put_squeezenet

METHODS = ("train_fast_style", "train_arbitrary_style", "train_animegan", "train_mini")


def params(method: str, name: str) -> methods.Params:
    pictures = {"dataset": ("0" * 64,), "paintings": ("0" * 64,), "style": "0" * 64}
    known = methods.METHODS[method].model_fields
    return methods.build(method, {"name": name} | {key: value for key, value in pictures.items() if key in known})


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ["candy", "Candy", "squeezenet1_1", "vgg19", "mini", "MINI", "mini-zh", "any-style", "taiyi"])
def test_names_of_the_catalogue_are_reserved_for_what_is_trained(method, name, tmp_path):
    with pytest.raises(BadInput, match=r"is a model that (can be pulled|comes with Huafang)") as refused:
        ModelStore(tmp_path).check_new(params(method, name).models_made()[0])
    assert refused.value.code == "params.bad"


@pytest.mark.parametrize("method", METHODS)
def test_a_name_that_is_taken_is_refused_at_the_door(method, tmp_path):
    store = ModelStore(tmp_path / "store", (tmp_path / "yours",))
    put(store.root, "holiday")
    put(tmp_path / "yours", "theirs")
    (store.root / "odd").mkdir()
    (store.root / "odd" / "notes.txt").write_text("mine")
    for name in ("holiday", "Holiday", "theirs", "odd"):
        with pytest.raises(Conflict, match="which this run did not make") as refused:
            methods.check_models(params(method, name).model_copy(update={"features": "none"}), store)
        assert refused.value.code == "weights.exists"
        assert "take another name, such as" in str(refused.value.hint)
    if method == "train_mini":
        put(store.root, "new-zh")
        with pytest.raises(Conflict, match="'new-zh'"):
            methods.check_models(params(method, "new"), store)


def values(bench, name: str, **more) -> dict:
    put_squeezenet(bench)
    return {"name": name, "style": bench.style, "dataset": (bench.content,), "size": 64, "style_size": 64, "batch": 1, "steps": 1} | more


def test_a_training_never_replaces_a_model_that_it_did_not_make(bench):
    for name in ("candy", "squeezenet1_1", "holiday"):
        if name != "squeezenet1_1":
            put(bench.weights.root, name)
        wanted = values(bench, name)
        before = (bench.weights.root / f"{name}.safetensors").read_bytes()
        with pytest.raises(HuafangError, match=r"is a model that can be pulled|did not make"):
            style_methods.run(bench, "train_fast_style", wanted)
        assert (bench.weights.root / f"{name}.safetensors").read_bytes() == before
        assert not (bench.weights.root / ".training").exists(), "refused before anything is done"


def test_a_run_writes_its_own_model_again_and_no_longer_once_another_took_its_place(bench):
    style_methods.run(bench, "train_fast_style", values(bench, "mine"))
    place = bench.weights.root / "mine.safetensors"
    first = place.read_bytes()
    style_methods.run(bench, "train_fast_style", values(bench, "mine", steps=2))
    assert place.read_bytes() != first, "it is prolonged under its name"
    put(bench.weights.root, "mine", 7.0)
    with pytest.raises(Conflict):
        style_methods.run(bench, "train_fast_style", values(bench, "mine", steps=3))
    assert float(load_file(place)["conv1.conv2d.weight"][0]) == 7.0


def test_where_another_model_came_meanwhile_the_new_one_is_numbered_and_that_is_said(bench):
    ctx = bench.context()
    put(bench.weights.root, "mine", 7.0)
    put(bench.weights.root, "mine-2", 8.0)
    made = style_weights.write(ctx, "mine", {"a": torch.ones(2)})
    assert made.name == "mine-3.safetensors"
    assert float(load_file(bench.weights.root / "mine.safetensors")["conv1.conv2d.weight"][0]) == 7.0
    notes = style_weights.ready("mine", made, Path("home"), "huafang fast-style PHOTO --weights {name}")
    assert "this one is called mine-3" in notes[0]
    assert "--weights mine-3" in notes[1]
    assert not list(bench.weights.root.glob(".part-*"))


def test_trained_folders_never_replace_others(tmp_path, monkeypatch):
    tokenizers = tmp_path / "tokenizers"
    for kind in ("clip", "bert"):
        (tokenizers / kind).mkdir(parents=True)
        (tokenizers / kind / "vocab").write_text(kind)

    class Net(torch.nn.Linear):
        def save_pretrained(self, place: Path, safe_serialization: bool) -> None:
            place.mkdir()
            save_file(self.state_dict(), place / "model.safetensors")

    nets = torch.nn.ModuleDict({"clip": Net(2, 2), "bert": Net(2, 2), "unet": Net(2, 2)})
    home = tmp_path / "models"
    assert folder.write(home, "mine", nets, Net(2, 2), tokenizers, whole=True) == "mine"
    (home / "mine" / "note").write_text("kept")
    assert folder.write(home, "mine", nets, Net(2, 2), tokenizers, whole=True) == "mine-2"
    assert (home / "mine" / "note").read_text() == "kept"
    (home / "other-zh").mkdir()
    assert folder.write(home, "other", nets, Net(2, 2), tokenizers, whole=True) == "other-2"
    assert not (home / "other").exists()
    assert folder.write(home, "mine", nets, Net(2, 2), tokenizers, whole=True, ours=lambda place: True) == "mine"
    assert not (home / "mine" / "note").exists()
    assert not [path for path in home.iterdir() if path.name.startswith(".")]


def command(*words: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(list(words))
    return int(left.value.code or 0)


def test_a_training_writes_over_no_file_that_it_did_not_write(bench, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    put_squeezenet(bench)
    for asset, name in ((bench.content, "photo.png"), (bench.style, "style.png")):
        (tmp_path / name).write_bytes(bench.assets.read(asset))
    small = ("--size", "64", "--style-size", "64", "--batch", "1")
    words = (
        "train-fast-style",
        "--style",
        "style.png",
        "--dataset",
        "photo.png",
        *small,
        "-q",
        "-o",
        "out.safetensors",
        "--data",
        str(bench.weights.root.parent),
    )
    (tmp_path / "out.safetensors").write_text("mine")
    assert command(*words, "--steps", "1") == 2
    assert "is there already" in capsys.readouterr().err
    assert (tmp_path / "out.safetensors").read_text() == "mine"
    (tmp_path / "out.safetensors").unlink()
    assert command(*words, "--steps", "1") == 0
    assert command(*words, "--steps", "2") == 0, "the run is prolonged, and its own file replaced"


def test_a_pull_takes_no_file_of_ones_own_for_the_catalogues(tmp_path, capsys):
    store = ModelStore(tmp_path / "models")
    place = put(store.root, "candy", 7.0)
    with pytest.raises(Conflict, match="is a file of yours that has the name of the model 'candy'"):
        pull.pull("candy", store)
    assert command("models", "pull", "candy", "--dry-run", "--data", str(tmp_path)) == 2
    assert "is a file of yours" in capsys.readouterr().err
    assert float(load_file(place)["conv1.conv2d.weight"][0]) == 7.0


def test_a_dry_pull_refuses_what_the_pull_would(tmp_path, capsys, monkeypatch):
    class Full:
        free = 10_000

    monkeypatch.setattr("shutil.disk_usage", lambda place: Full)
    with pytest.raises(DiskFull, match="candy needs 7 MB"):
        pull.check_space("candy", pull.wanted("candy")[0], None, ModelStore(tmp_path))
    assert command("models", "pull", "candy", "--dry-run", "--data", str(tmp_path)) == 3
    assert "0 MB free" in capsys.readouterr().err


def test_a_conversion_never_replaces_a_file_unless_asked(tmp_path, capsys):
    torch.save({"a": torch.ones(2)}, tmp_path / "net.pth")
    for target in ("net.safetensors", "named.safetensors"):
        (tmp_path / target).write_text("mine")
        words = ["models", "convert", str(tmp_path / "net.pth"), *([] if target == "net.safetensors" else ["-o", str(tmp_path / target)])]
        assert command(*words) == 2
        assert "is there already" in capsys.readouterr().err
        assert (tmp_path / target).read_text() == "mine"
        assert command(*words, "--overwrite") == 0
        assert set(modelfile.load(tmp_path / target)) == {"a"}
    assert sorted(os.listdir(tmp_path)) == ["named.safetensors", "net.pth", "net.safetensors"]


def test_what_a_run_made_is_written_down(tmp_path):
    store = ModelStore(tmp_path)
    place = put(tmp_path, "mine").resolve()
    assert not store.is_made_by(place, "mine")
    store.note_made("mine", place)
    assert store.is_made_by(place, "mine")
    assert not store.is_made_by(place, "other")
    (tmp_path / ".training" / "mine" / "made.json").write_text("[")
    assert not store.is_made_by(place, "mine")

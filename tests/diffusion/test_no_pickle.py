"""No pickle is opened, whatever the files of a model's folder name: seen by a spy on everything that could open one."""

import json
import os
import pickle
import shutil
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy
import pytest
import torch
from safetensors.torch import load_file, save_file

from huafang.diffusion.model.load import load
from huafang.errors import BadInput, HuafangError, MissingWeights
from tests.diffusion import tiny


@pytest.fixture(scope="module")
def imported() -> None:
    """The libraries' modules, some of which define unpicklers of their own."""
    for family in ("sd1", "xl", "bert"):
        load(tiny.folder(family))


@pytest.fixture
def opened(imported, monkeypatch) -> Iterator[list[str]]:
    """Names of the functions that opened a pickle."""
    seen: list[str] = []

    def spy(owner: object, name: str) -> None:
        honest = getattr(owner, name)

        def called(*args, **kwargs):
            seen.append(f"{getattr(owner, '__name__', owner)}.{name}")
            return honest(*args, **kwargs)

        monkeypatch.setattr(owner, name, called)

    for owner, names in ((torch, ("load",)), (pickle, ("load", "loads")), (torch.jit, ("load",)), (numpy, ("load",))):
        for name in names:
            spy(owner, name)
    HEARD.append(seen)
    yield seen
    HEARD.clear()


HEARD: list[list[str]] = []


def _heard(event: str, _: object) -> None:
    """Whatever class unpickles, Python tells that it looks up a name."""
    if event == "pickle.find_class" and HEARD:
        HEARD[-1].append(event)


sys.addaudithook(_heard)


class Mischief:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return (os.mkdir, (str(self.mark),))


STEMS = {"unet": "diffusion_pytorch_model", "vae": "diffusion_pytorch_model", "text_encoder": "model", "text_encoder_2": "model"}


def with_index(place: Path, part: str, named: str, state: object, *, index: str = "{stem}.safetensors.index.json", decoy: bool = True) -> Path:
    """The folder with the weights of `part` as a pickle, of which an index says that it is one of the shards."""
    home, stem = place / part, STEMS[part]
    whole = home / f"{stem}.safetensors"
    tensors = load_file(whole)
    whole.unlink()
    torch.save(tensors if state is None else state, home / "w.bin")
    if decoy:
        save_file({"x": torch.zeros(1)}, home / "decoy.safetensors")
    (home / index.format(stem=stem)).write_text(json.dumps({"metadata": {}, "weight_map": dict.fromkeys(tensors, named)}))
    return place


@pytest.mark.parametrize("index", ["{stem}.safetensors.index.json", "{stem}.safetensors.index.fp16.json", "{stem}.fp16.safetensors.index.json"])
@pytest.mark.parametrize("part", STEMS)
def test_a_shard_index_that_names_a_pickle_is_refused_and_the_pickle_not_opened(part, index, opened, tmp_path):
    place = with_index(tiny.copy("xl", tmp_path / "model"), part, "w.bin", None, index=index)
    with pytest.raises(BadInput, match=r"names 'w\.bin', which is no \.safetensors file") as refused:
        load(place)
    assert refused.value.code == "weights.unsafe"
    assert opened == []


@pytest.mark.parametrize("part", STEMS)
def test_an_index_beside_whole_weights_is_checked_too(part, opened, tmp_path):
    place = tiny.copy("xl", tmp_path / "model")
    (place / part / f"{STEMS[part]}.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "w.bin"}}))
    with pytest.raises(BadInput, match=r"names 'w\.bin'"):
        load(place)
    assert opened == []


@pytest.mark.parametrize("part", STEMS)
def test_a_pickle_by_the_name_of_safetensors_is_not_opened(part, opened, tmp_path):
    place, mark = tiny.copy("xl", tmp_path / "model"), tmp_path / "mark"
    torch.save({"a": Mischief(mark)}, place / part / "w.bin")
    (place / part / "w.bin").rename(place / part / f"{STEMS[part]}.safetensors")
    with pytest.raises(BadInput, match="no safetensors file"):
        load(place)
    assert opened == []
    assert not mark.exists()


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ("../w.safetensors", "is no file of this folder"),
        ("/etc/w.safetensors", "is no file of this folder"),
        ("..\\w.safetensors", "is no file of this folder"),
        ("link.safetensors", "a link that leads out"),
        ("nowhere.safetensors", "is not there"),
        ("sub", "no .safetensors file"),
        ("w.safetensors/../x.bin", "no .safetensors file"),
        (3, "weight_map"),
        (["w.bin"], "weight_map"),
        (None, "weight_map"),
    ],
)
def test_what_an_index_names_lies_in_its_folder(named, message, opened, tmp_path):
    place = tiny.copy("sd1", tmp_path / "model")
    shutil.copy(place / "unet" / "diffusion_pytorch_model.safetensors", tmp_path / "w.safetensors")
    shutil.copy(place / "unet" / "diffusion_pytorch_model.safetensors", place / "w.safetensors")
    (place / "unet" / "link.safetensors").symlink_to(tmp_path / "w.safetensors")
    with_index(place, "unet", named, None)
    with pytest.raises(HuafangError, match=message):
        load(place)
    assert opened == []


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"weight_map": {}}', '{"weight_map": []}', "{" * 100_000, "\xff", '{"weight_map": {"a": NaN}}'])
def test_an_index_that_is_none_is_refused(body, opened, tmp_path):
    place = with_index(tiny.copy("sd1", tmp_path / "model"), "unet", "w.bin", None)
    (place / "unet" / "diffusion_pytorch_model.safetensors.index.json").write_text(body, "latin-1")
    with pytest.raises(BadInput):
        load(place)
    assert opened == []


def test_weights_that_a_config_names_are_not_opened(opened, tmp_path):
    """transformers reads the file that `transformers_weights` names; diffusers and PEFT have such keys and files too."""
    place, mark = tiny.copy("sd1", tmp_path / "model"), tmp_path / "mark"
    for part in ("unet", "text_encoder"):
        torch.save({"a": Mischief(mark)}, place / part / "evil.bin")
        config = place / part / "config.json"
        config.write_text(
            json.dumps(json.loads(config.read_text()) | {"transformers_weights": "evil.bin", "_name_or_path": "evil.bin", "use_safetensors": False})
        )
        (place / part / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "base_model_name_or_path": "evil.bin"}))
        torch.save({"a": Mischief(mark)}, place / part / "adapter_model.bin")
    assert load(place).family == "sd1"
    assert opened == []
    assert not mark.exists()


def test_the_safety_checker_is_left_where_it_lies(opened, tmp_path):
    place, mark = tiny.copy("sd1", tmp_path / "model"), tmp_path / "mark"
    index = json.loads((place / "model_index.json").read_text())
    index |= {"safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"], "feature_extractor": ["transformers", "CLIPImageProcessor"]}
    (place / "model_index.json").write_text(json.dumps(index))
    for part in ("safety_checker", "feature_extractor"):
        (place / part).mkdir()
        torch.save({"a": Mischief(mark)}, place / part / "pytorch_model.bin")
        os.mkfifo(place / part / "config.json")
        (place / part / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "pytorch_model.bin"}}))
    assert load(place).family == "sd1"
    assert opened == []
    assert not mark.exists()


@pytest.mark.parametrize("family", ["sd1", "bert"])
def test_a_tokenizer_opens_its_own_files_alone(family, opened, tmp_path):
    """`tokenizer_config.json` may name files by keys of transformers' classes."""
    place, mark = tiny.copy(family, tmp_path / "model"), tmp_path / "mark"
    home = place / "tokenizer"
    torch.save({"a": Mischief(mark)}, home / "vocab.pkl")
    with zipfile.ZipFile(home / "evil.gguf", "w") as archive:
        archive.writestr("a", pickle.dumps(Mischief(mark)))
    told = json.loads((home / "tokenizer_config.json").read_text())
    named = {"vocab_file": "vocab.pkl", "merges_file": "vocab.pkl", "tokenizer_file": "vocab.pkl", "gguf_file": "evil.gguf", "vocab": "vocab.pkl"}
    (home / "tokenizer_config.json").write_text(json.dumps(told | named | {"init_inputs": ["vocab.pkl"], "__slow_tokenizer": "evil"}))
    opened.clear()
    assert load(place).family == "sd1"
    assert opened == []
    assert not mark.exists()


def test_a_whole_clip_opens_no_pickle(opened, tmp_path):
    from huafang.nets import clip
    from tests.methods.test_clipstyler import tiny_clip

    home = tiny_clip(tmp_path / "clip").parent
    assert clip.load(home).side == 32
    torch.save({"a": Mischief(tmp_path / "mark")}, home / "pytorch_model.bin")
    (home / "model.safetensors").unlink()
    (home / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"logit_scale": "pytorch_model.bin"}}))
    with pytest.raises((BadInput, MissingWeights)):
        clip.load(home)
    assert opened == []


def test_shards_are_read(tmp_path):
    place = tiny.copy("sd1", tmp_path / "model")
    whole = place / "text_encoder" / "model.safetensors"
    state = load_file(whole)
    whole.unlink()
    half = len(state) // 2
    places = {name: f"model-0000{1 + (order >= half)}-of-00002.safetensors" for order, name in enumerate(state)}
    for file in set(places.values()):
        save_file({name: tensor for name, tensor in state.items() if places[name] == file}, whole.parent / file)
    (whole.parent / "model.safetensors.index.json").write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": places}))
    there, back = load(tiny.folder("sd1")).encoders[0].model, load(place).encoders[0].model
    assert all(torch.equal(one, other) for one, other in zip(there.parameters(), back.parameters(), strict=True))


def test_a_folder_of_the_hubs_cache_is_links_into_its_blobs_and_read(tmp_path):
    place = tiny.copy("sd1", tmp_path / "models--a--b" / "snapshots" / "0123")
    blobs = tmp_path / "models--a--b" / "blobs"
    blobs.mkdir()
    for number, file in enumerate(sorted(path for path in place.rglob("*") if path.is_file())):
        file.rename(blobs / str(number))
        file.symlink_to(os.path.relpath(blobs / str(number), file.parent))
    assert load(place).family == "sd1"
    (place / "unet" / "config.json").unlink()
    (tmp_path / "config.json").write_text("{}")
    (place / "unet" / "config.json").symlink_to(tmp_path / "config.json")
    with pytest.raises(BadInput, match="a link that leads out"):
        load(place)


@pytest.mark.parametrize(
    "file",
    ["model_index.json", "unet/config.json", "text_encoder/config.json", "scheduler/scheduler_config.json", "tokenizer/vocab.json", "tokenizer/merges.txt"],
)
@pytest.mark.parametrize("kind", ["pipe", "link", "loop", "folder"])
def test_only_regular_files_inside_the_folder_are_read(file, kind, tmp_path):
    place = tiny.copy("sd1", tmp_path / "model")
    (place / file).rename(tmp_path / "kept")
    if kind == "pipe":
        os.mkfifo(place / file)
    elif kind == "folder":
        (place / file).mkdir()
    else:
        (place / file).symlink_to(tmp_path / "kept" if kind == "link" else place / file)
    with pytest.raises(BadInput, match={"pipe": "no regular file", "folder": "no regular file", "link": "leads out", "loop": "cannot be read"}[kind]):
        load(place)

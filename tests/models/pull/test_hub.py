"""Repositories of the Hugging Face hub, from a hub on this machine."""

import hashlib
import json
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from huafang.errors import BadInput, Cancelled, Unavailable
from huafang.models import catalogue, pull
from huafang.models.catalogue import Entry
from huafang.models.store import ModelStore
from tests.models.pull.shop import Shop

SHA1 = "0123456789abcdef0123456789abcdef01234567"


def put_repository(shop: Shop, name: str, files: dict[str, bytes]) -> None:
    listing = [{"type": "file", "path": path, "size": len(data), "oid": hashlib.sha1(data).hexdigest()} for path, data in files.items()]
    info = {
        "id": name,
        "modelId": name,
        "sha": SHA1,
        "siblings": [{"rfilename": path, "size": len(data)} for path, data in files.items()],
        "tags": [],
        "private": False,
    }
    shop.files[f"/api/models/{name}"] = shop.files[f"/api/models/{name}/revision/main"] = shop.files[f"/api/models/{name}/revision/{SHA1}"] = json.dumps(
        info
    ).encode()
    shop.files[f"/api/models/{name}/tree/{SHA1}"] = json.dumps(listing).encode()
    for path, data in files.items():
        shop.files[f"/{name}/resolve/{SHA1}/{path}"] = data
        shop.headers[f"/{name}/resolve/{SHA1}/{path}"] = {"X-Repo-Commit": SHA1}


@pytest.fixture
def hub_home(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HF_ENDPOINT", shop.url)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    return tmp_path / "hf"


def pipeline(tmp_path: Path, ending: str) -> dict[str, bytes]:
    save_file({"w": torch.randn(2000)}, tmp_path / "w.safetensors")
    torch.save({"w": torch.randn(2000)}, tmp_path / "w.bin")
    data = (tmp_path / f"w.{ending}").read_bytes()
    index = {
        "_class_name": "StableDiffusionPipeline",
        **{part: ["diffusers", "X"] for part in ("unet", "vae", "text_encoder", "tokenizer")},
        "safety_checker": [None, None],
    }
    networks = {f"{part}/diffusion_pytorch_model.{ending}": data for part in ("unet", "vae", "text_encoder")}
    return {
        "model_index.json": json.dumps(index).encode(),
        **networks,
        "unet/config.json": b"{}",
        "tokenizer/merges.txt": b"a b",
        "unet/model.py": b"print('no')",
        "unet/diffusion_pytorch_model.fp16.safetensors": data,
        "whole.safetensors": data,
        "whole.ckpt": data,
    }


def test_bad_input_43_a_hub_repository_brings_no_code_and_no_pickle(shop: Shop, hub_home: Path, tmp_path: Path) -> None:
    put_repository(shop, "some/model", pipeline(tmp_path, "safetensors"))
    store = ModelStore(tmp_path / "models")
    heard: list[tuple[int, int]] = []
    folder = pull.pull("some/model", store, progress=lambda *step: heard.append(step))
    assert folder.is_relative_to(hub_home), "the hub's own cache, shared with other programs"
    found = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    parts = [f"{part}/diffusion_pytorch_model.safetensors" for part in ("text_encoder", "unet", "vae")]
    assert found == sorted(["model_index.json", "tokenizer/merges.txt", "unet/config.json", *parts])
    assert heard[-1][0] == heard[-1][1] > 24_000
    assert store.path("some/model") == folder
    assert store.verify("some/model").tensors == 3
    assert store.remove("some/model") > 8_000
    assert not list(hub_home.rglob("*.safetensors"))


def test_pickled_repositories_are_refused_or_by_the_catalogues_word_converted(
    shop: Shop, hub_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_repository(shop, "some/pickled", pipeline(tmp_path, "bin"))
    store = ModelStore(tmp_path / "models")
    with pytest.raises(BadInput, match=r"some/pickled has no safetensors for its text_encoder, unet, vae"):
        pull.pull("some/pickled", store)
    entry = Entry("old", "Old", "diffusion", "…", 1, "…", hub="some/pickled", layout="pickled")
    monkeypatch.setattr(catalogue, "entries", lambda: {"old": entry})
    folder = pull.pull("old", store)
    assert folder == store.root / "old"
    assert store.path("old") == store.path("some/pickled") == folder.resolve()
    assert not list(store.root.rglob("*.bin"))
    assert not list(store.root.rglob("*.py"))
    assert (folder / "text_encoder" / "model.safetensors").is_file()
    assert store.verify("old").faults == ()
    store.remove("some/pickled")
    assert not folder.exists()


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
def test_a_clip_comes_with_its_config_and_tokenizer_and_nothing_else(
    shop: Shop, hub_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    save_file({"logit_scale": torch.ones(2000)}, tmp_path / "model.safetensors")
    torch.save({"logit_scale": torch.ones(2000)}, tmp_path / "pytorch_model.bin")
    files = {"config.json": b'{"model_type": "clip"}', "vocab.json": b"{}", "merges.txt": b"", "code.py": b"", "tf_model.h5": b"", "onnx/model.json": b"{}"}
    put_repository(shop, "some/clip", files | {name: (tmp_path / name).read_bytes()})
    entry = Entry("clip", "CLIP", "clip", "MIT", 1, "…", hub="some/clip", layout="pickled")
    monkeypatch.setattr(catalogue, "entries", lambda: {"clip": entry})
    store = ModelStore(tmp_path / "models")
    folder = pull.pull("clip", store)
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "merges.txt", "model.safetensors", "vocab.json"]
    assert store.path("clip").resolve() == folder.resolve()
    assert {model.name: model.path is not None for model in store.models()}["clip"]
    assert store.verify("clip").tensors == 1
    assert store.remove("clip") > 8_000
    put_repository(shop, "some/bert", files | {"config.json": b'{"model_type": "bert"}'})
    with pytest.raises(BadInput, match=r"no diffusers repository, .* and no CLIP"):
        pull.pull("some/bert", store)


def test_bad_input_61_a_hub_that_says_no(shop: Shop, hub_home: Path, tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "models")
    shop.headers["404"] = {"X-Error-Code": "RepoNotFound"}
    with pytest.raises(Unavailable, match="there is no no/such") as caught:
        pull.pull("no/such", store)
    assert caught.value.code == "pull.not_there"
    shop.headers["404"] = {"X-Error-Code": "GatedRepo"}
    with pytest.raises(Unavailable) as caught:
        pull.pull("no/such", store)
    assert caught.value.code in ("pull.forbidden", "pull.not_there")
    put_repository(shop, "plain/files", {"readme.txt": b"x"})
    shop.headers["404"] = {"X-Error-Code": "EntryNotFound"}
    with pytest.raises(BadInput, match="no diffusers repository"):
        pull.pull("plain/files", store)


def test_a_hub_download_is_cancelled_at_once(shop: Shop, hub_home: Path, tmp_path: Path) -> None:
    put_repository(shop, "some/slow", pipeline(tmp_path, "safetensors"))
    began = time.monotonic()

    def progress(done: int, total: int) -> None:
        if total:
            shop.stall_after = 10
            raise Cancelled()

    with pytest.raises(Cancelled):
        pull.pull("some/slow", ModelStore(tmp_path / "models"), progress=progress)
    assert time.monotonic() - began < 30

"""Models of the catalogue: brought, converted, written down, verified, removed."""

import hashlib
import os
from pathlib import Path

import pytest
import torch

from huafang.errors import BadInput, UnknownWeights
from huafang.models import catalogue, modelfile, pull
from huafang.models.catalogue import Entry, Source
from huafang.models.pull.transfer import git_blob
from huafang.models.store import ModelStore
from tests.models.pull.shop import Shop


def vgg(tmp_path: Path) -> bytes:
    tensors = {f"features.{n}.{part}": torch.randn(4, 4) for n in (0, 2, 5) for part in ("weight", "bias")}
    torch.save({**tensors, "classifier.0.weight": torch.randn(64, 64)}, tmp_path / "vgg.pth")
    return (tmp_path / "vgg.pth").read_bytes()


@pytest.fixture
def vgg_entry(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Entry:
    """The catalogue's vgg19, at the shop's address."""
    shop.files["/models/vgg19.pth"] = vgg(tmp_path)
    digest = hashlib.sha256(shop.files["/models/vgg19.pth"]).hexdigest()
    entry = Entry("vgg19", "VGG", "vgg", "BSD", 1000, "…", (Source(f"{shop.url}/models/vgg19.pth", sha256_prefix=digest[:8]),), layout="vgg19")
    monkeypatch.setattr(catalogue, "entries", lambda: {"vgg19": entry})
    return entry


def test_pulled_weights_are_converted_written_down_verified_and_removed(vgg_entry: Entry, tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "models")
    place = pull.pull("vgg19", store)
    assert place == store.path("vgg19")
    assert sorted(modelfile.load(place)) == sorted(f"features.{n}.{part}" for n in (0, 2, 5) for part in ("weight", "bias")), "the classifier is left behind"
    kept = modelfile.sidecar(place)
    assert kept is not None
    assert kept.source == vgg_entry.sources[0].url
    assert kept.source_sha256.startswith(str(vgg_entry.sources[0].sha256_prefix))
    assert kept.sha256 == hashlib.sha256(place.read_bytes()).hexdigest()
    assert sorted(os.listdir(store.root)) == ["vgg19.safetensors", "vgg19.safetensors.json"]
    verdict = store.verify("vgg19")
    assert (verdict.tensors, verdict.faults) == (6, ())
    assert pull.pull("vgg19", store) == place, "a second pull brings nothing"
    spoiled = bytearray(place.read_bytes())
    spoiled[-1] ^= 1
    place.write_bytes(spoiled)
    assert "sha256" in store.verify("vgg19").faults[0]
    with pytest.raises(BadInput, match="not the file that was pulled"):
        modelfile.load(place)
    assert store.remove("vgg19") > 0
    assert os.listdir(store.root) == []


def test_a_model_of_several_files_becomes_one_under_their_prefixes(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sources = []
    for number, part in enumerate(("encoder", "decoder")):
        torch.save({"conv.weight": torch.full((300,), float(number))}, tmp_path / part)
        shop.files[f"/{part}.pth"] = (tmp_path / part).read_bytes()
        sources.append(Source(f"{shop.url}/{part}.pth", git_blob=git_blob(tmp_path / part), prefix=f"{part}."))
    total = sum(len(data) for data in shop.files.values())
    monkeypatch.setattr(catalogue, "entries", lambda: {"two": Entry("two", "Two", "adain", "MIT", total, "…", tuple(sources))})
    store, heard = ModelStore(tmp_path / "models"), []
    place = pull.pull("two", store, progress=lambda *step: heard.append(step))
    assert {name: float(tensor.mean()) for name, tensor in modelfile.load(place).items()} == {"encoder.conv.weight": 0.0, "decoder.conv.weight": 1.0}
    assert heard == sorted(heard)
    assert heard[-1] == (total, total)
    assert sorted(os.listdir(store.root)) == ["two.safetensors", "two.safetensors.json"]
    assert store.verify("two").faults == ()


def test_a_git_blob_id_is_gits_own(tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.write_bytes(b"what is up, doc?")  # Pro Git, section 10.2
    assert git_blob(place) == "bd9dbf5aae1a3862dd1526723246b20206e5fc37"


def test_an_unknown_name_is_told_the_nearest(vgg_entry: Entry, tmp_path: Path) -> None:
    with pytest.raises(UnknownWeights, match="did you mean vgg19"):
        pull.pull("vgg91", ModelStore(tmp_path / "models"))

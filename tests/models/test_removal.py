"""What is taken off this machine: what Huafang brought, and nothing that another program or the owner put there; and back from the trash."""

import json
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from huafang import newfile
from huafang.errors import BadInput, Conflict, Forbidden, MissingWeights, NotFound
from huafang.models import hubcache, modelfile, trash
from huafang.models.store import ModelStore


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def bring(cache: Path, repository: str, files: dict[str, bytes], revision: str = "a" * 40) -> Path:
    """Files of a repository as huggingface_hub lays them: blobs, and links to them."""
    home = cache / f"models--{repository.replace('/', '--')}"
    for name, data in files.items():
        blob = home / "blobs" / f"{hash((name, data)) & 0xFFFFFFFF:08x}"
        blob.parent.mkdir(parents=True, exist_ok=True)
        blob.write_bytes(data)
        link = home / "snapshots" / revision / name
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.is_symlink():
            link.symlink_to(os.path.relpath(blob, link.parent))
    (home / "refs").mkdir(exist_ok=True)
    (home / "refs" / "main").write_text(revision)
    return home


CLIP = {"config.json": b'{"model_type": "clip"}', "model.safetensors": b"x" * 3000}


def seen(home: Path) -> set[str]:
    return {str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()}


def test_a_repository_that_another_program_brought_stays(tmp_path, cache):
    home = bring(cache, "google-bert/bert-base-uncased", CLIP)
    before = seen(home)
    store = ModelStore(tmp_path / "models")
    assert store.path("google-bert/bert-base-uncased").is_dir(), "it is used where it lies"
    with pytest.raises(Forbidden, match="other programs use") as refused:
        store.remove("google-bert/bert-base-uncased")
    assert refused.value.code == "weights.shared"
    assert str(home) in str(refused.value.hint)
    assert seen(home) == before


def test_what_was_brought_is_removed_and_what_was_there_before_stays(tmp_path, cache):
    store = ModelStore(tmp_path / "models")
    home = bring(cache, "a/b", {"README.md": b"theirs", "config.json": CLIP["config.json"]})
    before = seen(home)
    hubcache.begin(store.root, "a/b")
    bring(cache, "a/b", CLIP)
    hubcache.end(store.root, "a/b")
    assert [(model.name, model.removable) for model in store.models() if model.name == "a/b"] == [("a/b", True)]
    assert store.remove("a/b") == 3000
    assert seen(home) == before
    assert (home / "snapshots" / ("a" * 40) / "config.json").read_bytes() == CLIP["config.json"]
    with pytest.raises(NotFound):
        store.remove("a/b")


def test_what_came_afterwards_by_another_hand_stays(tmp_path, cache):
    store = ModelStore(tmp_path / "models")
    hubcache.begin(store.root, "a/b")
    bring(cache, "a/b", CLIP)
    hubcache.end(store.root, "a/b")
    home = bring(cache, "a/b", {"model.safetensors": CLIP["model.safetensors"], "more.txt": b"theirs"}, revision="b" * 40)
    store.remove("a/b")
    assert (home / "snapshots" / ("b" * 40) / "model.safetensors").read_bytes() == CLIP["model.safetensors"], "a blob that another snapshot links to stays"
    assert (home / "snapshots" / ("b" * 40) / "more.txt").is_file()
    assert not (home / "snapshots" / ("a" * 40)).exists()
    assert (home / "refs" / "main").read_text() == "b" * 40


def test_a_whole_repository_of_ours_leaves_nothing(tmp_path, cache):
    store = ModelStore(tmp_path / "models")
    hubcache.begin(store.root, "a/b")
    bring(cache, "a/b", CLIP)  # and the connection broke
    assert hubcache.record(store.root, "a/b").brought is None
    hubcache.begin(store.root, "a/b")
    hubcache.end(store.root, "a/b")
    assert store.remove("a/b") == 3000 + len(CLIP["config.json"]) + 40, "and the name of the revision"
    assert not (cache / "models--a--b").exists()
    assert not list(store.root.rglob("*.json"))


def test_a_pull_that_came_to_nothing_is_not_written_down(tmp_path, cache):
    hubcache.begin(tmp_path, "a/b")
    hubcache.give_up(tmp_path, "a/b")
    assert not list(tmp_path.rglob("*.json"))


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"repository": "c/d", "folder": "/", "before": [], "brought": ["x"]}', "\0"])
def test_a_damaged_record_removes_nothing(body, tmp_path, cache):
    home = bring(cache, "a/b", CLIP)
    (tmp_path / "models" / ".hub").mkdir(parents=True)
    (tmp_path / "models" / ".hub" / "a--b.json").write_text(body)
    store = ModelStore(tmp_path / "models")
    assert [model.name for model in store.models() if model.path and "/" in model.name] == []
    with pytest.raises(Forbidden):
        store.remove("a/b")
    assert len(seen(home)) == 5


def test_a_record_names_nothing_outside_the_snapshots(tmp_path, cache):
    home = bring(cache, "a/b", CLIP)
    (tmp_path / "mine").write_text("mine")
    told = {"repository": "a/b", "folder": str(home), "before": [], "brought": ["../../../mine", "a/../../refs/main", str(tmp_path / "mine")]}
    (tmp_path / "models" / ".hub").mkdir(parents=True)
    (tmp_path / "models" / ".hub" / "a--b.json").write_text(json.dumps(told))
    ModelStore(tmp_path / "models").remove("a/b")
    assert (tmp_path / "mine").read_text() == "mine"
    assert (home / "refs" / "main").is_file()


@pytest.mark.parametrize("name", ["x" * 300 + "/y", "a/" + "y" * 300, "../a", "a/..", "", ".", "a\0b", "~x/y", "vgg19", "openai/clip-vit-base-patch32"])
def test_names_of_any_kind_are_not_here_and_never_a_fault_of_ours(name, tmp_path, cache):
    store = ModelStore(tmp_path / "models")
    for use in (store.remove, store.restore, store.verify):
        with pytest.raises((NotFound, MissingWeights)):
            use(name)


def put(root: Path, name: str, value: float = 1.0) -> Path:
    place = root / f"{name}.safetensors"
    place.parent.mkdir(parents=True, exist_ok=True)
    save_file({"conv1.conv2d.weight": torch.full((2,), value)}, place)
    return place


@pytest.mark.parametrize("name", ["my-style", "sub/my-style", "candy"])
def test_a_model_of_ones_own_goes_into_the_trash_and_back(name, tmp_path):
    store = ModelStore(tmp_path / "models")
    place = put(store.root, name)
    data = place.read_bytes()
    assert store.to_trash(name)
    assert store.remove(name) == len(data)
    assert not place.exists()
    assert name not in [model.name for model in store.models() if model.path]
    assert trash.names(store.root) == [name]
    assert store.restore(name) == place.resolve()
    assert place.read_bytes() == data
    assert trash.names(store.root) == []
    with pytest.raises(NotFound, match="in the trash, which is empty"):
        store.restore(name)


def test_the_trash_gives_back_the_last_and_never_over_another(tmp_path):
    store = ModelStore(tmp_path / "models")
    for value in (1.0, 2.0):
        put(store.root, "mine", value)
        store.remove("mine")
    put(store.root, "mine", 3.0)
    with pytest.raises(Conflict, match="another model 'mine' by now"):
        store.restore("mine")
    assert float(modelfile.load(store.path("mine"))["conv1.conv2d.weight"][0]) == 3.0
    store.remove("mine")
    assert [float(modelfile.load(store.restore("mine"))["conv1.conv2d.weight"][0]) for _ in range(1)] == [3.0]
    with pytest.raises(NotFound, match="'nine' in the trash; allowed are mine; did you mean mine"):
        store.restore("nine")


def test_the_trash_is_emptied_after_thirty_days(tmp_path, monkeypatch):
    store = ModelStore(tmp_path / "models")
    put(store.root, "old")
    store.remove("old")
    monkeypatch.setattr(trash.time, "time", lambda: 31 * 86400 + 4e9)
    trash.sweep(store.root)
    assert not any((store.root / ".trash").iterdir())


def test_a_file_that_is_the_owners_is_not_the_catalogues_because_of_its_name(tmp_path):
    store = ModelStore(tmp_path / "models")
    put(store.root, "candy")
    (listed,) = [model for model in store.models() if model.name == "candy"]
    assert (listed.entry, listed.holds, listed.removable) == (None, "fast_style", True)
    modelfile.write_sidecar(
        store.path("candy"), modelfile.Sidecar("candy", "https://x", "0" * 64, modelfile.sha256(store.path("candy")), 8, "MIT", "2026-01-01")
    )
    (listed,) = [model for model in store.models() if model.name == "candy"]
    assert listed.entry is not None
    assert not store.to_trash("candy")
    store.remove("candy")
    assert os.listdir(store.root) == []


def test_folders_that_may_not_be_entered_are_passed_over(tmp_path, monkeypatch):
    store = ModelStore(tmp_path / "models")
    put(store.root, "fine")
    put(store.root, "shut/inside")
    honest = Path.is_dir

    def is_dir(path: Path) -> bool:
        if path.name == "shut":
            raise PermissionError(13, "Permission denied")
        return honest(path)

    monkeypatch.setattr(Path, "is_dir", is_dir)
    assert [model.name for model in store.models() if model.path and not model.builtin] == ["fine"]


def test_a_finished_file_never_replaces_another(tmp_path, monkeypatch):
    for links in (True, False):
        if not links:
            monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError(1, "no links here")))
        place, draft = tmp_path / f"{links}.safetensors", tmp_path / "draft"
        draft.write_text("new")
        newfile.move_new(draft, place)
        assert place.read_text() == "new"
        assert not draft.exists()
        draft.write_text("newer")
        with pytest.raises(BadInput, match="is there already"):
            newfile.move_new(draft, place)
        assert (place.read_text(), draft.read_text()) == ("new", "newer")
        place.unlink()
        place.symlink_to(tmp_path / "nowhere")
        with pytest.raises(BadInput, match="is there already"):
            newfile.move_new(draft, place)
        assert newfile.free_name(place).name == f"{links}-2.safetensors"
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a").write_text("")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "b").write_text("")
    with pytest.raises(BadInput, match="is there already"):
        newfile.move_new(tmp_path / "folder", tmp_path / "full")

"""The routes of models: every one of them with every kind of name, also of models that go away meanwhile. Never a fault of the server's own."""

import os
import urllib.parse
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule
from safetensors.torch import save

from huafang.models import hubcache
from tests.models.test_removal import CLIP, bring, put
from tests.server.conftest import client_of, open_studio, problem

FILE = save({"conv1.conv2d.weight": torch.ones(2)})


@pytest.fixture
def models(studio, tmp_path, monkeypatch) -> Path:
    """The store of the studio, empty; and an empty Hugging Face cache."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    root = studio.weights.root
    for path in sorted(root.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    root.mkdir(parents=True, exist_ok=True)
    return root


def listed(client, name: str) -> dict | None:
    return next((model for model in client.get("/api/models").json()["models"] if model["name"] == name), None)


def test_a_model_of_ones_own_is_removed_and_taken_back(client, models):
    put(models, "my-style")
    assert listed(client, "my-style")["removable"]
    gone = client.delete("/api/models/my-style")
    assert gone.status_code == 200, gone.text
    assert (gone.json()["name"], gone.json()["installed"], gone.json()["removable"]) == ("my-style", False, False)
    assert listed(client, "my-style") is None
    problem(client.delete("/api/models/my-style"), 404, "weights.missing")
    back = client.post("/api/models/my-style/restore")
    assert (back.status_code, back.json()["installed"], back.json()["holds"]) == (200, True, "fast_style")
    problem(client.post("/api/models/my-style/restore"), 404, "weights.missing")
    client.delete("/api/models/my-style")
    put(models, "my-style", 2.0)
    problem(client.post("/api/models/my-style/restore"), 409, "weights.exists")


def test_a_repository_of_another_program_is_refused_and_stays(client, models, tmp_path):
    home = bring(tmp_path / "hub", "google-bert/bert-base-uncased", CLIP)
    before = sorted(home.rglob("*"))
    problem(client.delete("/api/models/google-bert/bert-base-uncased"), 403, "weights.shared")
    assert sorted(home.rglob("*")) == before


def test_a_repository_that_was_pulled_is_removed(client, models, tmp_path):
    for name, shown in (("some/clip", "some/clip"), ("openai/clip-vit-base-patch32", "clip-vit-base-patch32")):
        hubcache.begin(models, name)
        bring(tmp_path / "hub", name, CLIP)
        hubcache.end(models, name)
        there = listed(client, shown)
        assert there is not None
        assert (there["installed"], there["removable"]) == (True, True)
        gone = client.delete(f"/api/models/{name}")
        assert gone.status_code == 200, gone.text
        assert not gone.json()["installed"]
        assert not list((tmp_path / "hub").rglob("*.safetensors"))


def test_a_training_of_a_name_that_is_taken_is_refused_at_the_door(client, models, photo):
    for name in ("squeezenet1_1", "holiday"):
        put(models, name)

    def train(name: str):
        params = {"method": "train_fast_style", "name": name, "style": photo, "dataset": [photo], "steps": 1}
        return client.post("/api/jobs", json={"params": params})

    problem(train("holiday"), 409, "weights.exists")
    for name in ("candy", "squeezenet1_1", "mini"):
        problem(train(name), 422, "params.bad")
    assert train("new-one").status_code == 201


@pytest.mark.parametrize("name", ["mini", "any-style"])
def test_what_comes_with_huafang_stays(client, models, name):
    problem(client.delete(f"/api/models/{name}"), 403, "weights.builtin")


STRANGE = [
    "a/../../x",
    "x" * 300,
    f"{'a' * 300}/b",
    "%00",
    "a%00b/c",
    "%2e%2e/%2e%2e",
    "猫",
    "<img>",
    "a/b/c/d",
    ".hub",
    ".trash",
    "file:x",
    "~root",
    "C:\\x",
    "%F0%9F",
    "a b",
]


@pytest.mark.parametrize("name", STRANGE)
def test_names_of_every_kind_are_answered(client, models, name):
    for method, path in (("DELETE", ""), ("POST", "/restore"), ("POST", "/pull"), ("GET", "")):
        assert client.request(method, f"/api/models/{name}{path}").status_code in (403, 404, 405, 409, 422), (method, name)


NAMES = [
    "mine",
    "sub/mine",
    "candy",
    "vgg19",
    "mini",
    "some/repo",
    "openai/clip-vit-base-patch32",
    "clip-vit-base-patch32",
    "their/repo",
    "nobody",
    "no/body",
    "..",
    "x" * 300,
]


class Life(RuleBasedStateMachine):
    """Files come and go behind the server's back while its routes are called."""

    names = Bundle("names")

    def __init__(self) -> None:
        super().__init__()
        import tempfile

        self.home = tempfile.TemporaryDirectory()
        root = Path(self.home.name)
        self.before = os.environ.get("HF_HUB_CACHE")
        os.environ["HF_HUB_CACHE"] = str(root / "hub")
        self.cache, self.studio = root / "hub", open_studio(root / "data")
        self.models = self.studio.weights.root
        self.client = client_of(self.studio)
        self.theirs = bring(self.cache, "their/repo", CLIP)

    @rule(target=names, name=st.sampled_from(NAMES))
    def name(self, name: str) -> str:
        return name

    @rule(name=st.sampled_from(["mine", "sub/mine", "candy", "vgg19", "clip-vit-base-patch32"]), value=st.floats(0, 1, width=32))
    def file_appears(self, name: str, value: float) -> None:
        put(self.models, name, value)

    @rule(name=st.sampled_from(["mine", "candy", "sub/mine"]))
    def file_vanishes(self, name: str) -> None:
        (self.models / f"{name}.safetensors").unlink(missing_ok=True)

    @rule(name=st.sampled_from(["mine", "candy", "mini"]), what=st.sampled_from(["pipe", "loop", "folder", "sidecar", "damage"]))
    def something_odd_appears(self, name: str, what: str) -> None:
        place = self.models / f"{name}.safetensors"
        place.parent.mkdir(parents=True, exist_ok=True)
        if what == "sidecar":
            place.with_name(place.name + ".json").write_text("{")
        elif what == "damage" and place.is_file():
            place.write_bytes(b"\xff" * 40)
        elif not os.path.lexists(place):
            if what == "pipe":
                os.mkfifo(place)
            elif what == "loop":
                place.symlink_to(place)
            elif what == "folder":
                place.mkdir()
                (place / "model_index.json").write_text('{"unet": [], "vae": [null], "text_encoder": 3}')

    @rule(name=st.sampled_from(["some/repo", "openai/clip-vit-base-patch32"]), ours=st.booleans())
    def repository_comes(self, name: str, ours: bool) -> None:
        if ours:
            hubcache.begin(self.models, name)
        bring(self.cache, name, CLIP)
        if ours:
            hubcache.end(self.models, name)

    @rule(name=names)
    def remove(self, name: str) -> None:
        self.ask("DELETE", name)

    @rule(name=names)
    def restore(self, name: str) -> None:
        self.ask("POST", name, "/restore")

    @rule(name=names)
    def pull(self, name: str) -> None:
        self.ask("POST", name, "/pull")

    @rule(name=names)
    def get(self, name: str) -> None:
        self.ask("GET", name)

    def ask(self, method: str, name: str, path: str = "") -> None:
        answer = self.client.request(method, f"/api/models/{urllib.parse.quote(name)}{path}")
        assert answer.status_code < 500, (method, name, answer.text)
        if method == "DELETE" and answer.status_code == 200:
            assert answer.json()["installed"] is False or answer.json()["name"] == name

    @invariant()
    def the_list_is_answered_and_names_are_once(self) -> None:
        answer = self.client.get("/api/models")
        assert answer.status_code == 200
        names = [model["name"] for model in answer.json()["models"]]
        assert len(names) == len(set(names))

    @invariant()
    def what_others_brought_is_untouched(self) -> None:
        assert sum(path.is_file() for path in self.theirs.rglob("*")) == 5

    def teardown(self) -> None:
        self.studio.store.close()
        self.home.cleanup()
        os.environ.pop("HF_HUB_CACHE")
        if self.before is not None:
            os.environ["HF_HUB_CACHE"] = self.before


class TestLife(Life.TestCase):
    settings = settings(max_examples=12, stateful_step_count=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))

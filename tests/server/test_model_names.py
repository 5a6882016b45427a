"""Cards and names of models over HTTP."""

from pathlib import Path

import pytest

import huafang as package
from tests import loras
from tests.server.conftest import problem

UNET = Path(package.__file__).parent / "builtin" / "mini" / "unet" / "diffusion_pytorch_model.safetensors"


@pytest.fixture
def own(studio):
    studio.places.models.mkdir(parents=True, exist_ok=True)
    place = studio.places.models / "glow.safetensors"
    loras.write(place, UNET)
    yield place
    for item in studio.places.models.glob("*glow*"):
        item.unlink()


def listed(client):
    return {model["name"]: model for model in client.get("/api/models").json()["models"]}


def test_a_model_says_what_it_is_in_both_languages(client, own):
    found = listed(client)["glow"]
    assert found["kind"] == {"en": "LoRA for text to image", "zh": "文字成画的 LoRA"}
    assert found["family"]["en"] == "Huafang's mini"
    assert (found["rank"], found["fault"], found["renamable"]) == (2, None, True)
    own.write_bytes(own.read_bytes()[:300])
    assert "glow.safetensors" in listed(client)["glow"]["fault"]
    assert all(model["kind"]["en"] and model["kind"]["zh"] for model in listed(client).values())


def test_a_model_of_ones_own_is_renamed(client, own):
    made = client.post("/api/models/glow/rename", json={"name": "my-glow"})
    assert (made.status_code, made.json()["name"]) == (200, "my-glow"), made.text
    assert "glow" not in listed(client)
    assert client.post("/api/models/my-glow/rename", json={"name": "辉光-glow"}).status_code == 200


@pytest.mark.parametrize(
    ("name", "new", "status"),
    [
        ("glow", "mini", 422),
        ("glow", "../glow", 422),
        ("glow", "", 422),
        ("glow", "x" * 500, 422),
        ("mini", "other", 403),
        ("vgg19", "other", 403),
        ("nothing", "other", 404),
        ("..%2F..%2Fetc", "other", 404),
    ],
)
def test_what_cannot_be_renamed_is_said(client, own, name, new, status):
    answer = client.post(f"/api/models/{name}/rename", json={"name": new})
    assert answer.status_code == status, answer.text
    assert own.is_file()


def test_a_name_that_is_taken_is_refused(client, own):
    other = own.with_name("second-glow.safetensors")
    other.write_bytes(own.read_bytes())
    problem(client.post("/api/models/glow/rename", json={"name": "Second-Glow"}), 409, "weights.exists")

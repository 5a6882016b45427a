"""What an upload was called: the gallery finds it by that name, and its results are named after it. And what cannot run is refused at the door."""

from urllib.parse import unquote

import pytest

from tests.server.conftest import picture, problem, upload, wait


def job(client, **params):
    return client.post("/api/jobs", json={"params": params})


def test_results_are_named_after_the_photo_and_found_by_its_name(client):
    photo = upload(client, picture(30, 20), name="芝加哥 Harbour.jpg").json()["id"]
    made = job(client, method="stroke_rendering", content=photo).json()["id"]
    done = wait(lambda: (found := client.get(f"/api/jobs/{made}").json())["state"] == "done" and found)
    assert done["outputs"][0]["name"].startswith("芝加哥 Harbour-")
    for words in ("harbour", "芝加哥"):
        assert made in [found["id"] for found in client.get("/api/jobs", params={"q": words}).json()["jobs"]]


@pytest.mark.parametrize(
    "name", ["x" * 189 + ".png", "x" * 2000 + ".jpeg", "画" * 300, "画" * 196 + ".jpg", "a" * 250 + "." + "b" * 250, "e\u0301" * 150, "." * 300]
)
def test_results_of_a_photo_of_any_name_are_downloaded(client, name):
    photo = upload(client, picture(32, 22), name=name).json()["id"]
    made = job(client, method="stroke_rendering", content=photo).json()["id"]
    done = wait(lambda: (found := client.get(f"/api/jobs/{made}").json())["state"] == "done" and found)
    offered = done["outputs"][0]["name"]
    assert offered.endswith(".png")
    answer = client.get(f"/api/assets/{photo}", params={"download": offered})
    assert answer.status_code == 200, answer.text
    saved = unquote(answer.headers["content-disposition"].partition("filename*=UTF-8''")[2])
    assert saved.endswith(".png")
    assert 4 < len(saved.encode()) <= 200


@pytest.mark.parametrize("name", ["x" * 5000 + ".png", "画" * 5000 + ".png", ".png", "x." * 500, "..", ""])
def test_a_name_to_download_under_is_cut_to_fit_and_keeps_its_ending(client, photo, name):
    answer = client.get(f"/api/assets/{photo}", params={"download": name})
    saved = unquote(answer.headers["content-disposition"].partition("filename*=UTF-8''")[2])
    assert 0 < len(saved.encode()) <= 200
    assert not saved.startswith(".")
    assert saved.endswith(".png") == (len(name) > 4 and name.endswith(".png"))


@pytest.mark.parametrize("name", ["../../etc/passwd", "a\x00b\x1f.png", "<img src=x onerror=alert(1)>.png", "\u202egnp.exe", "x" * 2000])
def test_bad_input_23_a_name_is_text_and_nothing_more(client, studio, name):
    photo = upload(client, picture(31, 21), name=name).json()["id"]
    kept = studio.name_of(photo)
    assert len(kept) <= 200
    assert kept.isprintable()
    assert {place.name for place in studio.places.names.iterdir()} <= {place.name for place in studio.places.assets.glob("*/*")}
    made = job(client, method="stroke_rendering", content=photo).json()
    assert made["state"] in ("queued", "running", "done")


def test_a_model_that_is_not_here_is_said_before_the_job_is_taken(client, photo):
    said = problem(job(client, method="gatys", content=photo, style=[photo], features="vgg19"), 409, "weights.missing")
    assert "vgg19" in said
    said = problem(job(client, method="text_to_image", prompt="a cat", model="nothing"), 404, "weights.unknown")
    assert "allowed are mini, mini-zh, stable-diffusion-1-5" in said
    assert "candy" not in said, "candy paints photos, and draws no prompt"


def test_head_of_the_page(client):
    assert client.head("/").status_code in (200, 503)

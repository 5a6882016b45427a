"""Films over HTTP: looked at in a process of their own, shown by their first frame, and given only to methods that take them."""

import io
import threading

import pytest
from PIL import Image

from huafang import video
from huafang.context import Resident
from huafang.jobs.executor import TaskSpec
from huafang.worker import LanePlaces, attempt
from tests.films import film, frames
from tests.jobs.test_lane import Heard
from tests.server.conftest import picture, problem, upload


@pytest.fixture(scope="module")
def clip(client) -> dict:
    made = upload(client, film(frames(5)), "clip.mp4")
    assert made.status_code == 201
    return made.json()


def test_a_film_goes_in_and_is_shown_by_its_first_frame(client, clip):
    assert (clip["width"], clip["height"], clip["seconds"]) == (64, 48, 0.5)
    assert upload(client, picture()).json()["seconds"] is None
    out = client.get(f"/api/assets/{clip['id']}")
    assert out.headers["content-type"] == "video/mp4"
    assert "sandbox" in out.headers["content-security-policy"]
    small = Image.open(io.BytesIO(client.get(f"/api/assets/{clip['id']}/thumbnail").content)).convert("RGB")
    first = Image.fromarray(frames(5)[0]).resize(small.size)
    assert max(abs(one - other) for one, other in zip(small.resize((1, 1)).getpixel((0, 0)), first.resize((1, 1)).getpixel((0, 0)), strict=True)) < 8


@pytest.mark.parametrize(
    ("asked", "status", "part"),
    [
        ("bytes=0-9", 206, slice(0, 10)),
        ("bytes=100-", 206, slice(100, None)),
        ("bytes=-50", 206, slice(-50, None)),
        ("bytes=7-99999999", 206, slice(7, None)),
        ("bytes=99999999-", 416, slice(0, 0)),
        ("bytes=9-3", 416, slice(0, 0)),
        ("bytes=-0", 416, slice(0, 0)),
        ("bytes=0-1,5-6", 200, slice(None)),
        ("bytes=-", 200, slice(None)),
        ("lines=0-3", 200, slice(None)),
    ],
)
def test_a_browser_seeks_in_a_film(client, clip, asked, status, part):
    whole = client.get(f"/api/assets/{clip['id']}").content
    answer = client.get(f"/api/assets/{clip['id']}", headers={"range": asked})
    assert (answer.status_code, answer.content) == (status, whole[part])
    if status == 206:
        first, last, size = map(int, answer.headers["content-range"].removeprefix("bytes ").replace("/", "-").split("-"))
        assert whole[first : last + 1] == answer.content
        assert size == len(whole)


def test_films_that_no_page_plays_are_a_download(client):
    made = upload(client, film(frames(3), "avi", "mjpeg"), "old.avi").json()
    assert client.get(f"/api/assets/{made['id']}").headers["content-type"] == "application/octet-stream"
    assert client.get(f"/api/assets/{made['id']}/thumbnail").headers["content-type"] == "image/webp"


@pytest.mark.parametrize("data", [b"\x00\x00\x00\x20ftypisom" + bytes(400), b"RIFF\x00\x00\x00\x00AVI " + bytes(400), film(frames(3))[:300]])
def test_what_only_looks_like_a_film_is_refused(client, data):
    problem(upload(client, data, "film.mp4"), 422, "video.unreadable")


def test_methods_that_take_films_say_so_and_others_refuse_them(client, clip):
    found = {method["name"]: method for method in client.get("/api/methods").json()["methods"]}
    taken = {name: any(field["film"] for field in method["fields"] if field["name"] == method["subject"]) for name, method in found.items()}
    assert taken["image_filters"]
    assert taken["micro_ast"]
    assert not taken["gatys"]
    assert client.post("/api/jobs", json={"params": {"method": "image_filters", "content": clip["id"]}}).status_code == 201
    refused = client.post("/api/jobs", json={"params": {"method": "stroke_rendering", "content": clip["id"]}})
    assert "content: this is a film" in problem(refused, 422, "image.unreadable")
    assert "image_filters" in refused.json()["hint"]
    style = client.post("/api/jobs", json={"params": {"method": "colour_transfer", "content": clip["id"], "style": [clip["id"]]}})
    assert "style: this is a film" in problem(style, 422, "image.unreadable")


def test_a_lane_makes_a_film_and_keeps_its_parts_where_it_was_told(bench, tmp_path):
    heard, places = Heard(), LanePlaces(bench.assets.root, tmp_path / "models", tmp_path / "outbox", work=tmp_path / "work")
    params = {"method": "image_filters", "filter": "pencil", "content": bench.assets.put(film(frames(4)))}
    attempt(TaskSpec("one", 1, params), heard, "cpu", places, threading.Event(), Resident())  # type: ignore[arg-type]  # it sends
    done = heard.events[-1]
    assert done.type == "done"
    (output,) = done.data["outputs"]
    assert (output["name"], output["media_type"]) == ("image_filters.mp4", "video/mp4")
    assert video.probe(bench.assets.read(output["asset"])).frames == 4
    assert done.data["figures"]["frames"] == 4
    assert (tmp_path / "work").is_dir()
    assert any(event.type == "preview" for event in heard.events)

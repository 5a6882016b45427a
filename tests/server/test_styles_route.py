"""`/api/styles`, and jobs with a style."""

import pytest

from tests.server.conftest import problem

OWN = {"name": "neon", "title": {"en": "Neon"}, "prompt": "neon {prompt}", "settings": {"steps": 2, "width": 64, "height": 64}}


def draw(client, **settings):
    return client.post("/api/jobs", json={"params": {"method": "text_to_image", "prompt": "a castle", **settings}})


def test_styles_are_listed_with_what_they_bring_and_need(client):
    listed = client.get("/api/styles").json()["styles"]
    found = {one["name"]: one for one in listed}
    assert found["ink"]["missing"] == []
    assert found["monet"]["missing"] == ["monet"]
    assert [bool(one["missing"]) for one in listed] == sorted(bool(one["missing"]) for one in listed), "those that work come first"
    assert client.get(found["ink"]["preview"]).headers["content-type"] == "image/webp"
    assert found["monet"]["preview"] is None
    assert all(one["title"]["en"] and one["title"]["zh"] for one in listed)


def test_a_style_of_ones_own_comes_is_applied_and_goes(client):
    made = client.post("/api/styles", json=OWN)
    assert made.status_code == 201, made.text
    assert (made.json()["own"], made.json()["title"]["zh"]) == (True, "Neon")
    problem(client.post("/api/styles", json=OWN), 409, "style.exists")
    job = draw(client, style_preset="neon")
    assert job.status_code == 201, job.text
    params = job.json()["params"]
    assert (params["prompt"], params["steps"], params["width"], params["style_preset"]) == ("neon a castle", 2, 64, None)
    assert draw(client, style_preset="neon", steps=3).json()["params"]["steps"] == 3
    assert client.delete("/api/styles/neon").status_code == 204
    problem(draw(client, style_preset="neon"), 404, "style.unknown")


@pytest.mark.parametrize(
    ("call", "status", "code"),
    [
        (lambda client: client.delete("/api/styles/ink"), 403, "style.builtin"),
        (lambda client: client.delete("/api/styles/nothing"), 404, "style.unknown"),
        (lambda client: client.delete("/api/styles/..%2F..%2Fx"), 404, None),
        (lambda client: client.get("/api/styles/nothing/preview"), 404, "style.unknown"),
        (lambda client: client.get("/api/styles/monet/preview"), 404, "not_found"),
        (lambda client: client.post("/api/styles", json={**OWN, "prompt": "no slot"}), 422, None),
        (lambda client: client.post("/api/styles", json={**OWN, "name": "../x"}), 422, None),
        (lambda client: draw(client, style_preset="../x"), 422, "params.bad"),
        (lambda client: draw(client, style_preset="monet"), 409, "weights.missing"),
    ],
)
def test_what_cannot_be_done_is_said(client, call, status, code):
    answer = call(client)
    assert answer.status_code == status, answer.text
    if code:
        assert answer.json()["code"] == code

"""The two routes of the reference system over jobs: forms in, `output_url` and `inference_time` or `error` out."""

import pytest

from tests.server.conftest import client_of, open_studio, picture


def transfer(client, content: bytes, style: bytes):
    return client.post("/api/style-transfer", files={"content": ("c.png", content), "style": ("s.png", style)})


def test_style_transfer_waits_for_its_picture(client):
    answer = transfer(client, picture(), picture(colour="teal"))
    assert answer.status_code == 200, answer.text
    assert set(answer.json()) == {"output_url", "inference_time"}
    assert client.get(answer.json()["output_url"]).status_code == 200


@pytest.mark.parametrize("bad", [b"", b"hello", b"<svg/>"])
def test_bad_pictures_are_one_error(client, bad):
    for answer in (transfer(client, bad, picture()), transfer(client, picture(), bad)):
        assert answer.status_code == 422
        assert set(answer.json()) == {"error"}


def test_a_drawing_without_words_or_in_a_style_that_is_not_here_is_one_error(client):
    assert client.post("/api/text-to-image", data={"prompt": "  "}).status_code == 400
    for form in ({"prompt": "cat", "style": "monet"}, {"prompt": "cat", "style": "\u202e"}):
        answer = client.post("/api/text-to-image", data=form)
        assert 400 <= answer.status_code < 500
        assert set(answer.json()) == {"error"}


def test_a_drawing_without_a_model_is_the_built_in_ones(client):
    answer = client.post("/api/text-to-image", data={"prompt": "a castle"})
    assert answer.status_code == 200
    assert set(answer.json()) == {"output_url", "inference_time"}


def test_a_full_queue_is_429_with_a_time_to_come_back(tmp_path):
    studio = open_studio(tmp_path, queue_limit=1)  # its dispatcher is not started: nothing leaves the queue
    with client_of(studio) as client:
        photo = client.post("/api/assets", files={"file": ("x.png", picture())}).json()["id"]
        body = {"params": {"method": "stroke_rendering", "content": photo}}
        assert client.post("/api/jobs", json=body).json()["position"] == 1
        answer = client.post("/api/jobs", json=body)
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) >= 1
        assert answer.json()["code"] == "queue.full"
    studio.store.close()

"""What a refusal says: what came, in part; what is allowed; what to do. And HEAD, which says what GET would."""

import json
import re

import pytest

from tests.server.conftest import problem

JSON = {"content-type": "application/json"}
FORM = {"content-type": "multipart/form-data; boundary=cut"}
PART = b'--cut\r\ncontent-disposition: form-data; name="file"; filename="x"\r\n\r\nx\r\n'
FOREIGN = re.compile(
    r"error parsing|Invalid multipart|UploadFile|<class|String should|Input should|Unable to parse|Method Not Allowed|not permitted|Maximum number|\^"
)
"""Words of the libraries below, which say nothing to a user."""


@pytest.mark.parametrize(
    ("body", "headers", "status", "said", "hint"),
    [
        (b"--cut\r\nbroken", FORM, 422, "file: is missing", "curl -F"),
        (b"--cut--\r\n", {"content-type": "multipart/form-data"}, 422, "names no boundary", "curl -F"),
        (b"--cut\r\n\r\n\r\n\r\n", FORM, 400, "a part of the form has no name", "curl -F"),
        (b"--cutx" + PART, FORM, 400, "damaged, or breaks off", "curl -F"),
        (PART.replace(b'; filename="x"', b"") + b"--cut--\r\n", FORM, 422, "file: a file is wanted, and a text came (came: 'x')", "curl -F"),
        (PART.replace(b'; filename="x"', b"")[:-3] + b"x" * 1_100_000 + b"\r\n--cut--\r\n", FORM, 400, "longer than 1 MB", "curl -F"),
        (PART * 1_001 + b"--cut--\r\n", FORM, 400, "more than 1,000 files", "curl -F"),
        (b"\x89PNG", {"content-type": "image/png"}, 422, "file: is missing", "curl -F"),
    ],
)
def test_forms(client, body, headers, status, said, hint):
    answer = client.post("/api/assets", content=body, headers=headers)
    detail = problem(answer, status)
    assert said in detail
    assert hint in (answer.json()["hint"] or "")
    assert not FOREIGN.search(answer.text)


@pytest.mark.parametrize(
    ("method", "path", "status", "said"),
    [
        ("GET", "/api/jobs?q=" + "x" * 201, 422, "q: at most 200 characters wanted, 201 came"),
        ("GET", "/api/jobs?limit=" + "9" * 5000, 422, "limit: must be a whole number (came: '999"),
        ("GET", "/api/jobs?limit=x", 422, "limit: must be a whole number (came: 'x')"),
        ("GET", "/api/jobs?deleted=perhaps", 422, "deleted: must be true or false (came: 'perhaps')"),
        ("GET", "/api/jobs?state=" + "x" * 3000, 422, "state: must be 'queued'"),
        ("PUT", "/api/jobs", 405, "PUT is not for /api/jobs; allowed: GET, HEAD, POST"),
        ("PATCH", "/api/jobs/" + "0" * 24, 405, "allowed: DELETE, GET, HEAD"),
        ("POST", "/api/nothing", 404, "there is no /api/nothing"),
        ("GET", "/api/nothing/" + "x" * 3000, 404, "there is no /api/nothing/xx"),
        ("DELETE", "/api/models/" + "x" * 3000, 404, "xxx…"),
    ],
)
def test_requests_without_a_body(client, method, path, status, said):
    answer = client.request(method, path)
    assert said in problem(answer, status)
    assert not FOREIGN.search(answer.text)
    assert not re.search(r"x{200}|9{200}", answer.text), "what came is echoed in part"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"params": {"method": "text_to_image", "prompt": "x" * 10_001}}, "prompt: at most 10,000 characters wanted, 10,001 came"),
        ({"params": {"method": "x" * 5000}}, "… is no method; allowed are"),
        ({"params": {"method": "gatys", "x" * 5000: 1}}, "…: gatys has no such setting; allowed are"),
        ({"params": {"method": "gatys"}, "odd": 1}, "odd: there is no such field"),
        ({"params": 5}, "params: must be a JSON object (came: 5)"),
        ({"params": {"method": "pull_weights", "name": "x" * 5000}}, "name: at most 200 characters wanted, 5,000 came"),
    ],
)
def test_jobs(client, body, said):
    answer = client.post("/api/jobs", json=body)
    assert said in problem(answer, 422, "params.bad")
    assert not FOREIGN.search(answer.text)
    assert "x" * 200 not in answer.text


def test_json_that_does_not_say_so(client):
    answer = client.post("/api/jobs", content=b'{"params": {}}', headers={"content-type": "text/plain"})
    assert problem(answer, 422, "request.json") == "the body did not come as JSON"
    assert "content-type: application/json" in answer.json()["hint"]


def test_what_came_is_never_echoed_whole(client, photo):
    body = json.dumps({"params": {"method": "stroke_rendering", "content": photo}})[:-2] + ', "seed": ' + "9" * 4000 + "}}"
    answer = client.post("/api/jobs", content=body, headers=JSON)
    assert "seed: must be a whole number" in problem(answer, 422, "params.bad")
    assert "9" * 200 not in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "health",
        "jobs",
        "queue",
        "methods",
        "models",
        "events",
        "assets/{photo}",
        "assets/{photo}/thumbnail",
        "methods/gatys/example",
        "nothing",
        "jobs?limit=x",
    ],
)
def test_head_says_what_get_would(client, photo, path):
    path = "/api/" + path.format(photo=photo)
    head = client.head(path)
    assert head.content == b""
    if path == "/api/events":  # it would never end
        assert head.status_code == 200
        assert head.headers["content-type"].startswith("text/event-stream")
        return
    get = client.get(path)
    assert head.status_code == get.status_code
    for name in ("content-type", "content-length", "etag", "content-security-policy"):
        assert head.headers.get(name) == get.headers.get(name)


def test_head_of_a_stream_leaves_no_listener(client, studio):
    before = len(studio.hub.boxes)
    for _ in range(5):
        client.head("/api/events")
    assert len(studio.hub.boxes) == before

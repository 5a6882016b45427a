"""The door: names, origins, tokens, sizes; and what every answer says to the browser."""

import asyncio
import json

import pytest

from tests.conftest import run_async
from tests.server.conftest import client_of, multipart, picture, problem, upload

PATHS = [
    "/",
    "/gallery",
    "/api/health",
    "/api/jobs",
    "/api/methods",
    "/openapi.json",
    "/api/nothing",
    "/api/assets/x",
    "/theme.js",
    "/%00",
    "/" + "a" * 5000,
    "//etc/passwd",
    "/..%2f..%2fetc%2fpasswd",
]


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_is_dressed_and_none_opens_to_others(client, path):
    answer = client.get(path, headers={"origin": "http://127.0.0.1"})
    assert answer.status_code < 500 or "not built" in answer.text
    assert "root:" not in answer.text
    for name in ("content-security-policy", "x-content-type-options", "referrer-policy", "cross-origin-resource-policy"):
        assert answer.headers[name]
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("host", ["evil.test", "evil.test:80", "127.0.0.1.evil.test", "localhost.evil.test", "[::2]", "", "0.0.0.0", "127.0.0.2", "2130706433"])
def test_a_name_that_is_not_ours_is_refused(client, host):
    """DNS rebinding: the page's own name points at 127.0.0.1."""
    answer = client.get("/api/jobs", headers={"host": host})
    problem(answer, 403, "host.refused")
    assert answer.headers["content-security-policy"]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:7860", "localhost:1", "LOCALHOST", "[::1]", "[::1]:80"])
def test_our_own_names(client, host):
    assert client.get("/api/health", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site", "odd"])
@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/api/jobs"), ("POST", "/api/jobs"), ("POST", "/api/queue/pause"), ("GET", "/"), ("GET", "/api/assets/x"), ("DELETE", "/api/jobs/x")],
)
def test_another_sites_page_is_refused(client, site, method, path):
    problem(client.request(method, path, headers={"sec-fetch-site": site, "sec-fetch-mode": "cors", "sec-fetch-dest": "empty"}), 403, "origin.refused")


def test_a_link_on_another_page_may_lead_here_but_not_into_the_api(client):
    arrives = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert client.get("/gallery", headers=arrives).status_code in (200, 503)
    problem(client.get("/api/jobs", headers=arrives), 403)
    problem(client.post("/gallery", headers=arrives), 403)
    problem(client.get("/", headers={**arrives, "sec-fetch-dest": "iframe"}), 403)


@pytest.mark.parametrize(
    "origin", ["null", "http://evil.test", "http://127.0.0.1:8000", "https://127.0.0.1.evil.test", "", "file://", "http://127.0.0.1@evil.test", "127.0.0.1"]
)
def test_another_origin_is_refused(client, origin):
    problem(client.post("/api/queue/pause", headers={"origin": origin}), 403, "origin.refused")
    assert not client.get("/api/queue").json()["paused"]


def test_a_form_of_another_page_can_do_nothing(client, photo):
    """Without the browser's headers, the content type alone stops it."""
    body = json.dumps({"params": {"method": "stroke_rendering", "content": photo}})
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        assert client.post("/api/jobs", content=body, headers={"content-type": kind, "origin": "null"}).status_code == 403
        assert client.post("/api/jobs", content=body, headers={"content-type": kind}).status_code == 422


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "PUT", "PATCH"])
def test_no_preflight_is_ever_granted(client, method):
    answer = client.request(method, "/api/jobs", headers={"access-control-request-method": "POST"})
    assert answer.status_code == 405
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.fixture
def guarded(studio):
    return client_of(studio, token="猫-secret")


def test_bad_input_63_the_token_is_wanted_of_the_api_and_not_of_the_pages(guarded):
    assert guarded.get("/").status_code in (200, 503)
    for path in ("/api/jobs", "/openapi.json", "/api/assets/x", "/api/events"):
        problem(guarded.get(path), 401, "token.wrong")
        problem(guarded.get(path, headers={"authorization": "Basic 猫-secret".encode()}), 401)
    right = {"authorization": "Bearer 猫-secret".encode()}
    assert guarded.get("/api/jobs", headers=right).status_code == 200
    for wrong in ("Bearer", "Bearer ", "Bearer x", "猫-secret", "Bearer 猫-secret2", "Bearer 猫"):
        assert guarded.get("/api/jobs", headers={"authorization": wrong.encode()}).status_code == 401


def test_bad_input_63_wrong_tokens_are_counted_for_their_sender_alone(studio):
    from starlette.testclient import TestClient

    app = client_of(studio, token="secret").app
    thief, owner = (TestClient(app, base_url="http://127.0.0.1", client=(address, 1)) for address in ("10.0.0.66", "10.0.0.1"))
    codes = [thief.get("/api/jobs", headers={"authorization": f"Bearer {i}"}).status_code for i in range(1000)]
    assert codes == [401] * 20 + [429] * 980
    assert "retry-after" in thief.get("/api/jobs", headers={"authorization": "Bearer 1"}).headers
    same_address = thief.get("/api/jobs", headers={"authorization": "Bearer secret"})
    assert same_address.status_code == 200, "the owner behind the same address is not locked out"
    assert owner.get("/api/jobs", headers={"authorization": "Bearer secret"}).status_code == 200
    for _ in range(30):
        thief.get("/api/jobs")
    assert len(app._wrong) == 1


def test_bad_input_64_bodies_that_are_too_long(client):
    problem(client.post("/api/jobs", content=b"x" * 1_000_001, headers={"content-type": "application/json"}), 413, "request.too_large")
    for length in ("9" * 5000, "-1", "1e3", "x", "99999999999999999999"):
        answer = client.post("/api/jobs", content=b"{}", headers={"content-type": "application/json", "content-length": length})
        problem(answer, 413, "request.too_large")

    def stream():
        for _ in range(30):
            yield b"x" * 50_000

    problem(client.post("/api/jobs", content=stream(), headers={"content-type": "application/json"}), 413, "request.too_large")
    problem(client.post("/api/jobs/x/move", content=stream(), headers={"content-type": "application/json"}), 413, "request.too_large")
    form, kind = multipart(bytes(1_200_000))
    problem(client.post("/api/jobs", content=form, headers={"content-type": kind}), 413, "request.too_large")


def test_bad_input_64_an_upload_over_the_limit(studio, monkeypatch):
    with client_of(studio) as small:
        small.app._upload_bytes = 10_000
        form, kind = multipart(bytes(200_000))
        problem(small.post("/api/assets", content=form, headers={"content-type": kind}), 413, "request.too_large")
        problem(small.post("/api/assets", content=iter([form[:70_000], form[70_000:]]), headers={"content-type": kind}), 413, "request.too_large")


@pytest.mark.parametrize("kind", ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=" + "x" * 300, "application/json"])
def test_bad_input_64_forms_that_are_none(client, kind):
    answer = client.post("/api/assets", content=b"--x\r\nbroken", headers={"content-type": kind})
    problem(answer, answer.status_code)
    assert answer.status_code in (400, 413, 422)


def test_bad_input_64_a_thousand_parts(client):
    head = b'--cut\r\ncontent-disposition: form-data; name="file"; filename="x"\r\n\r\nx\r\n'
    answer = client.post("/api/assets", content=head * 1100 + b"--cut--\r\n", headers={"content-type": "multipart/form-data; boundary=cut"})
    assert answer.status_code in (400, 422)


@pytest.mark.parametrize("path", ["/", "/theme.js", "photo"])
def test_bad_input_64_ten_thousand_ranges(client, photo, path):
    path = f"/api/assets/{photo}" if path == "photo" else path
    ranges = "bytes=" + ",".join(f"{i}-{i + 1}" for i in range(0, 20_000, 2))
    answer = client.get(path, headers={"range": ranges})
    assert answer.status_code in (200, 206, 400, 416, 503)
    assert len(answer.content) < 3_000_000


def test_bad_input_22_uploads_beyond_the_limit_are_told_to_come_back(studio):
    """Before their bodies are read. Eight stand open; the ninth and tenth are refused; then there is room again."""
    app = client_of(studio).app
    form, kind = multipart(picture())
    headers = [(b"host", b"127.0.0.1"), (b"content-type", kind.encode())]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/api/assets",
        "raw_path": b"/api/assets",
        "query_string": b"",
        "headers": headers,
        "root_path": "",
        "scheme": "http",
        "http_version": "1.1",
        "client": ("a", 1),
        "server": ("127.0.0.1", 80),
    }

    async def scene():
        gate, answers = asyncio.Event(), []

        async def one(index):
            sent = iter([form[:50], form[50:]])

            async def receive():
                part = next(sent)
                if part is not None and part == form[50:] and index < 8:
                    await gate.wait()
                return {"type": "http.request", "body": part, "more_body": part == form[:50]}

            async def send(message):
                if message["type"] == "http.response.start":
                    answers.append((index, message["status"]))

            await app({**scope}, receive, send)

        first = [asyncio.ensure_future(one(index)) for index in range(8)]
        await asyncio.sleep(0.05)
        await one(8)
        await one(9)
        assert answers == [(8, 429), (9, 429)]
        gate.set()
        await asyncio.gather(*first)
        await one(10)
        assert sorted(answers)[:8] == [(index, 201) for index in range(8)]
        assert sorted(answers)[-1] == (10, 201)
        studio.decoder.close()

    run_async(scene())


def test_a_broken_upload_leaves_no_place_taken(client):
    for _ in range(20):
        assert upload(client, b"broken").status_code == 422
    assert upload(client, picture()).status_code == 201

"""Pages and JSON travel compressed; pictures, ranges and event streams as they are."""

import gzip
import json

import pytest
from starlette.testclient import TestClient

from huafang.server import app as server
from huafang.server.compression import _is_compressible
from huafang.server.studio import Studio
from tests.server.conftest import client_of, picture, upload

GZIP = {"accept-encoding": "gzip"}


def _raw(client: TestClient, path: str, headers: dict[str, str]) -> tuple[dict[str, str], bytes]:
    with client.stream("GET", path, headers=headers) as answer:
        return dict(answer.headers), b"".join(answer.iter_raw())


def test_json_is_compressed_where_the_client_takes_it(client: TestClient) -> None:
    headers, packed = _raw(client, "/api/methods", GZIP)
    assert headers["content-encoding"] == "gzip"
    assert "accept-encoding" in headers["vary"].lower()
    plain_headers, plain = _raw(client, "/api/methods", {"accept-encoding": "identity"})
    assert "content-encoding" not in plain_headers
    assert json.loads(gzip.decompress(packed)) == json.loads(plain)
    assert len(packed) < 0.2 * len(plain)


def test_pages_are_compressed(studio: Studio, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    pages = tmp_path_factory.mktemp("pages")
    script = "let a = 1;\n" * 1000
    (pages / "assets").mkdir()
    (pages / "assets" / "index.js").write_text(script, "utf-8")
    monkeypatch.setattr(server, "PAGES", pages)
    headers, packed = _raw(client_of(studio), "/assets/index.js", GZIP)
    assert headers["content-encoding"] == "gzip"
    assert "immutable" in headers["cache-control"]
    assert gzip.decompress(packed).decode() == script


def test_pictures_are_not(client: TestClient) -> None:
    asset = upload(client, picture(400, 300)).json()["id"]
    for path in (f"/api/assets/{asset}", f"/api/assets/{asset}/thumbnail?size=256"):
        headers, body = _raw(client, path, GZIP)
        assert "content-encoding" not in headers
        assert int(headers["content-length"]) == len(body)


@pytest.mark.parametrize("path", ["/api/events", "/api/jobs/abc/events", "/api/assets/abc", "/api/methods/gatys/example"])
def test_streams_and_files_are_left_alone(path: str) -> None:
    assert not _is_compressible({"type": "http", "path": path, "headers": []})
    assert not _is_compressible({"type": "http", "path": "/api/methods", "headers": [(b"range", b"bytes=0-9")]})
    assert not _is_compressible({"type": "lifespan"})
    assert _is_compressible({"type": "http", "path": "/api/methods", "headers": []})

"""A studio over fake lanes, in this process and in one of its own; and small pictures as strangers send them."""

import io
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from starlette.testclient import TestClient

from huafang.assets import Assets
from huafang.jobs.dispatcher import Dispatcher
from huafang.jobs.executor import LocalExecutor
from huafang.jobs.rows import open_database
from huafang.jobs.store import Store
from huafang.models.store import ModelStore
from huafang.places import Places
from huafang.server.app import create_app
from huafang.server.studio import Studio
from tests.jobs.lanes import fake_lane

ROOT = Path(__file__).parents[2]


def open_studio(root: Path, *, queue_limit: int = 500) -> Studio:
    places = Places(root)
    store = Store(open_database(places.database))
    assets = Assets(places.assets)
    executor = LocalExecutor({"cpu": "compute", "network": "network"}, fake_lane, (root,))
    return Studio(places, store, Dispatcher(store, executor, assets, places.outbox, queue_limit=queue_limit), assets, ModelStore(places.models))


def client_of(studio: Studio, **options: Any) -> TestClient:
    return TestClient(create_app(studio, **options), base_url="http://127.0.0.1", raise_server_exceptions=False)


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    made = open_studio(tmp_path_factory.mktemp("studio"))
    made.dispatcher.start()
    yield made
    made.dispatcher.stop(1)
    made.store.close()


@pytest.fixture(scope="module")
def client(studio: Studio) -> Iterator[TestClient]:
    with client_of(studio) as made:
        yield made


@pytest.fixture(scope="module")
def photo(client: TestClient) -> str:
    """An uploaded picture's id."""
    return upload(client, picture()).json()["id"]


def picture(width: int = 24, height: int = 16, format: str = "PNG", colour: Any = (200, 90, 30), **options: Any) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(out, format, **options)
    return out.getvalue()


def upload(client: TestClient, data: bytes, name: str = "x.png", **options: Any) -> Any:
    return client.post("/api/assets", files={"file": (name, data, "image/png")}, **options)


def problem(response: Any, status: int, code: str | None = None) -> str:
    """The detail of a refusal, which is always one JSON object of the same form."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert body["status"] == status
    assert set(body) == {"type", "title", "status", "detail", "code", "hint"}
    if code:
        assert body["code"] == code, body
    return str(body["detail"])


def wait(condition: Callable[[], Any], seconds: float = 30.0) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.01)
    raise AssertionError("waited in vain")


class Server:
    """`huafang serve` in a process of its own, over fake lanes or (`real`) its own."""

    def __init__(self, data: Path, *options: str, real: bool = False, port: int = 0, **environment: str) -> None:
        module = ["-m", "huafang", "serve"] if real else ["-m", "tests.server.host"]
        command = [sys.executable, *module, "--port", str(port), "--data", str(data), "--device", "cpu", *options]
        everything = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **environment}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=everything, cwd=ROOT)

    def ready(self) -> "Server":
        assert self.process.stdout
        assert self.process.stderr
        line = self.process.stdout.readline()
        assert "Huafang is open" in line, line + self.process.stderr.read()
        self.address = line.split()[3]
        self.port = int(self.address.split(":")[2].split("/")[0])
        return self

    def __enter__(self) -> "Server":
        return self.ready()

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, dict[str, str], bytes]:
        """One plain request; (status, headers, body)."""
        import http.client

        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body or None, {name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def json(self, method: str, path: str, value: Any = None, **headers: str) -> Any:
        status, _, body = self.ask(method, path, json.dumps(value).encode() if value is not None else b"", content_type="application/json", **headers)
        assert status < 300, body
        return json.loads(body)

    def upload(self, data: bytes) -> str:
        form, kind = multipart(data)
        status, _, body = self.ask("POST", "/api/assets", form, content_type=kind)
        assert status == 201, body
        return str(json.loads(body)["id"])

    def paint(self, steps: int) -> str:
        """A job of that many steps of 0.02 s."""
        params = {"method": "stroke_rendering", "content": self.upload(picture()), "seed": steps}
        return str(self.json("POST", "/api/jobs", {"params": params})["id"])


def multipart(data: bytes, name: str = "x.png") -> tuple[bytes, str]:
    head = f'--cut\r\ncontent-disposition: form-data; name="file"; filename="{name}"\r\ncontent-type: image/png\r\n\r\n'.encode()
    return head + data + b"\r\n--cut--\r\n", "multipart/form-data; boundary=cut"


def upload_request(server: Server, form: bytes, kind: str) -> bytes:
    """An upload as the bytes that go over the line."""
    head = f"POST /api/assets HTTP/1.1\r\nhost: 127.0.0.1:{server.port}\r\ncontent-type: {kind}\r\ncontent-length: {len(form)}\r\n\r\n"
    return head.encode() + form


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("served")) as running:
        yield running

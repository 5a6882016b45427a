"""Files going out: in pieces, as fast as they are read, so many at a time, and never hashed or held whole."""

import asyncio
import contextlib
import hashlib
import io
import re
import select
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from huafang.errors import QueueFull
from huafang.places import places
from huafang.server import files
from huafang.server.files import PIECE, FileStream, Streams
from tests.conftest import run_async
from tests.server.conftest import Server, picture, problem, upload, wait

PATIENCE = 1.5
SIZE = 24_000_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("streams"), HUAFANG_TEST_PATIENCE=f"10,{PATIENCE}") as running:
        yield running


@pytest.fixture(scope="module")
def big(server: Server) -> str:
    """A stored file larger than all that kernels keep for a socket; it begins as an MP4 does."""
    data = b"\x00\x00\x00\x20ftypisom" + bytes(SIZE - 12)
    asset = hashlib.sha256(data).hexdigest()
    place = places(Path(server.process.args[server.process.args.index("--data") + 1])).assets / asset[:2] / asset
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(data)
    return asset


def ask(server: Server, path: str, **headers: str) -> socket.socket:
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    line.settimeout(60)
    line.connect(("127.0.0.1", server.port))
    more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    line.sendall(f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n{more}\r\n".encode())
    return line


def cut_off(line: socket.socket) -> bool:
    """Whether the server has reset the connection."""
    poll = select.poll()
    poll.register(line, 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


def peak(server: Server) -> float:
    return int(re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{server.process.pid}/status").read_text())[1]) / 1024


def test_clients_that_do_not_read_hold_no_file_and_are_cut_off(server, big):
    assert server.ask("GET", "/api/health")[0] == 200
    before = peak(server)
    lines = [ask(server, f"/api/assets/{big}") for _ in range(60)]
    assert server.ask("GET", "/api/health")[0] == 200, "nobody else waits for them"
    wait(lambda: sum(map(cut_off, lines)) >= files.EACH, 120)  # the others were waiting for their turn, and it has come
    for line in lines:
        line.close()
    assert peak(server) - before < 150, "60 files of 24 MB are 1,440 MB"
    assert server.ask("GET", "/api/health")[0] == 200


def test_a_slow_reader_is_served_to_the_end(server, big):
    """Slower than it could, for several times the patience, but never less than READ bytes within it."""
    line = ask(server, f"/api/assets/{big}", range="bytes=0-5999999", connection="close")
    began, heard = time.monotonic(), b""
    while part := line.recv(65536):
        heard += part
        time.sleep(0.04)
    assert time.monotonic() - began > 2 * PATIENCE
    assert len(heard.partition(b"\r\n\r\n")[2]) == 6_000_000
    line.close()


def test_a_stored_file_is_not_hashed_to_be_sent(client, photo, monkeypatch):
    monkeypatch.setattr(hashlib, "sha256", lambda *_: pytest.fail("hashed"))
    for headers in ({}, {"range": "bytes=0-0"}):
        assert client.get(f"/api/assets/{photo}", headers=headers).status_code in (200, 206)


def test_the_id_is_the_entity_tag(client, photo):
    whole = client.get(f"/api/assets/{photo}")
    tag = whole.headers["etag"]
    assert tag == f'"{photo}"'
    same = client.get(f"/api/assets/{photo}", headers={"if-none-match": f'"x", {tag}'})
    assert (same.status_code, same.content) == (304, b"")
    assert client.get(f"/api/assets/{photo}", headers={"if-none-match": '"x"'}).status_code == 200
    part = client.get(f"/api/assets/{photo}", headers={"range": "bytes=0-3", "if-range": tag})
    assert (part.status_code, part.content) == (206, whole.content[:4])
    assert client.get(f"/api/assets/{photo}", headers={"range": "bytes=0-3", "if-range": '"x"'}).content == whole.content


def stream(data: bytes, streams: Streams) -> tuple[FileStream, io.BytesIO]:
    file = io.BytesIO(data)
    return FileStream(lambda: file, streams, 0, len(data) - 1, status=200, headers={}, media_type="video/mp4"), file


async def call(answer: FileStream, client: str, gate: asyncio.Event, sent: list[int]) -> None:
    async def receive():
        await asyncio.Event().wait()

    async def send(message):
        if message["type"] == "http.response.body":
            sent.append(len(message.get("body", b"")))
            await gate.wait()

    await answer({"type": "http", "client": (client, 1), "asgi": {"spec_version": "2.3"}}, receive, send)


def test_a_file_is_read_no_faster_than_it_is_sent():
    async def scene():
        gate, sent = asyncio.Event(), []
        answer, file = stream(bytes(10 * PIECE), Streams())
        task = asyncio.ensure_future(call(answer, "a", gate, sent))
        for _ in range(50):
            await asyncio.sleep(0.005)
        assert sent == [PIECE]
        assert file.tell() == PIECE
        gate.set()
        await task
        assert sum(sent) == 10 * PIECE
        assert file.closed

    run_async(scene())


@pytest.mark.parametrize(("each", "total", "clients"), [(3, 99, "aaab"), (99, 3, "abcd")])
def test_so_many_at_a_time_for_one_client_and_for_all(monkeypatch, each, total, clients):
    monkeypatch.setattr(files, "EACH", each)
    monkeypatch.setattr(files, "AT_ONCE", total)

    async def scene():
        gate, sent, streams = asyncio.Event(), [], Streams()
        tasks = [asyncio.ensure_future(call(stream(b"x", streams)[0], client, gate, sent)) for client in clients[:3]]
        while len(sent) < 3:
            await asyncio.sleep(0)
        monkeypatch.setattr(files, "WAIT", 0.01)
        with pytest.raises(QueueFull, match="files are being sent"):
            await call(stream(b"x", streams)[0], clients[0] if each < total else clients[3], gate, sent)
        if each < total:
            other = asyncio.ensure_future(call(stream(b"x", streams)[0], clients[3], gate, sent))
            while len(sent) < 4:
                await asyncio.sleep(0)
            other.cancel()
        monkeypatch.setattr(files, "WAIT", 60)
        late = asyncio.ensure_future(call(stream(b"x", streams)[0], clients[0], gate, sent))
        gate.set()
        await asyncio.gather(*tasks, late)
        await asyncio.sleep(0)
        assert streams._busy.total() == 0

    run_async(scene())


def test_a_client_that_leaves_gives_its_place_back():
    async def scene():
        streams, sent = Streams(), []
        answer, file = stream(bytes(10 * PIECE), streams)
        task = asyncio.ensure_future(call(answer, "a", asyncio.Event(), sent))
        while not sent:
            await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert streams._busy.total() == 0
        assert file.closed

    run_async(scene())


def test_thumbnails_are_read_where_they_are_made(client, studio, monkeypatch):
    asset = upload(client, picture(colour="olive")).json()["id"]
    monkeypatch.setattr(type(studio.assets), "read", lambda *_: pytest.fail("read in the server"))
    assert client.get(f"/api/assets/{asset}/thumbnail").status_code == 200
    problem(client.get(f"/api/assets/{'0' * 64}/thumbnail"), 404, "asset.missing")

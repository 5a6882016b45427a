"""Bad input 64, slow-loris: who sends a byte now and then is cut off after a while, and nobody else waits for them. Head 0.8 s, patience 1.5 s here."""

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import Iterator
from threading import Thread

import pytest
import uvicorn

from tests.server.conftest import Server, multipart, picture, upload_request, wait
from tests.server.test_limits import hear, listen

HEAD, PATIENCE = 0.8, 1.5
BOUND = 30.0
"""Seconds within which every slow sender is gone, on a busy machine; they would go on for many minutes."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("slow"), HUAFANG_TEST_PATIENCE=f"{HEAD},{PATIENCE}") as running:
        yield running


def trickle(server: Server, at_once: bytes, slowly: bytes, pause: float = 0.1) -> tuple[float, bytes]:
    """Send a beginning, and then a byte at a time; the seconds until the server hung up, and all that it said."""
    line = server.connect()
    began = time.monotonic()
    heard = b""
    with contextlib.closing(line):
        line.settimeout(pause)
        with contextlib.suppress(ConnectionError):
            line.sendall(at_once)
            for byte in slowly:
                line.sendall(bytes([byte]))
                with contextlib.suppress(TimeoutError):
                    part = line.recv(65536)
                    if not part:
                        break
                    heard += part
            else:
                raise AssertionError("the server took it all")
    return time.monotonic() - began, heard


def refused(heard: bytes) -> None:
    head, _, body = heard.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 "), heard[:200]
    assert b"connection: close" in head.lower()
    assert json.loads(body)["code"] == "request.slow"


HOST = b"host: 127.0.0.1\r\n"
UNENDING = b"x" * 10_000


@pytest.mark.parametrize("at_once", [b"", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\n" + HOST + b"x: "])
def test_a_head_that_never_ends(server, at_once):
    seconds, heard = trickle(server, at_once, UNENDING)
    assert HEAD * 0.9 < seconds < BOUND
    refused(heard)


def test_a_caller_who_says_nothing(server):
    line = server.connect()
    began = time.monotonic()
    refused(hear(line, b"}"))
    assert time.monotonic() - began < BOUND
    line.close()


def half_upload(path: bytes = b"/api/assets") -> bytes:
    form = multipart(b"")[0].partition(b"\r\n--cut--")[0]
    return b"POST " + path + b" HTTP/1.1\r\n" + HOST + b"content-type: multipart/form-data; boundary=cut\r\ncontent-length: 9000000\r\n\r\n" + form


JSON = b"POST /api/jobs HTTP/1.1\r\n" + HOST + b"content-type: application/json\r\n"


@pytest.mark.parametrize("beginning", [JSON + b"content-length: 500000\r\n\r\n", half_upload(), half_upload(b"/api/style-transfer")])
def test_a_body_that_never_ends(server, beginning):
    seconds, heard = trickle(server, beginning, UNENDING)
    assert PATIENCE * 0.9 < seconds < BOUND
    refused(heard)


def test_a_body_in_chunks_that_never_ends(server):
    refused(trickle(server, JSON + b"transfer-encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * 1000, pause=0.05)[1])


def test_a_quick_beginning_is_no_credit(server):
    seconds, heard = trickle(server, half_upload() + b"x" * 1_000_000, UNENDING)
    assert seconds < BOUND
    refused(heard)


def test_a_body_that_nobody_reads(server):
    """The answer is given, and the body goes on: the connection is closed all the same."""
    seconds, heard = trickle(server, b"GET /api/health HTTP/1.1\r\n" + HOST + b"content-length: 50000\r\n\r\n", UNENDING)
    assert b" 200 " in heard[:13]
    assert seconds < BOUND


def test_a_second_request_that_never_ends(server):
    first = b"GET /api/health HTTP/1.1\r\n" + HOST + b"\r\n"
    for at_once in (first, first + b"GET /api/hea"):
        seconds, heard = trickle(server, at_once, UNENDING)
        assert b" 200 " in heard[:13]
        assert b"HTTP/1.1 408 " in heard
        assert seconds < 5 + BOUND


def test_nobody_else_waits_for_them(server):
    """A hundred of them hold a line each, eight all places for uploads. Pages and jobs are answered; uploads as soon as they are cut off."""
    form, kind = multipart(picture())
    heads = [b"GET / HTTP/1.1\r\nx: "] * 100 + [upload_request(server, form, kind)[:-50]] * 8
    lines = [server.connect() for _ in heads]
    for line, head in zip(lines, heads, strict=True):
        line.sendall(head)
    began = time.monotonic()
    assert server.ask("GET", "/api/health")[0] == 200
    codes = []
    while time.monotonic() - began < BOUND and 201 not in codes:
        codes.append(server.ask("POST", "/api/assets", form, content_type=kind)[0])
        time.sleep(0.1)
    assert codes[-1] == 201
    assert set(codes) <= {201, 429}
    for line in lines:
        refused(hear(line, b"}"))
        line.close()


def test_who_is_slow_but_steady_is_heard_to_the_end(server):
    """At twice the least rate, for longer than the patience."""
    from huafang.server.patience import RATE

    form, kind = multipart(picture(300, 300, "BMP"))
    request = upload_request(server, form, kind)
    step = int(2 * RATE * 0.1)
    line = server.connect()
    began = time.monotonic()
    for start in range(0, len(request), step):
        line.sendall(request[start : start + step])
        time.sleep(0.1)
    assert time.monotonic() - began > PATIENCE
    assert b" 201 " in hear(line, b"\r\n\r\n")[:13]
    line.close()


def test_a_stream_that_we_send_has_no_end(server):
    stream = listen(server, "/api/events")
    hear(stream, b"200 OK")
    time.sleep(HEAD + PATIENCE + 0.5)
    server.paint(2)
    hear(stream, b'"state":"done"')
    stream.close()


def test_when_it_is_we_who_are_slow_the_clock_stands_still(monkeypatch):
    """An application that begins to read, and one that answers, long after the patience is over."""
    from huafang.server import patience

    async def application(scope, receive, send):
        await asyncio.sleep(1)
        size = 0
        while True:
            message = await receive()
            size += len(message["body"])
            if not message["more_body"]:
                break
        await asyncio.sleep(1)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": str(size).encode()})

    monkeypatch.setattr(patience, "PATIENCE", 0.3)
    monkeypatch.setattr(patience, "RATE", 1e12)
    running = uvicorn.Server(uvicorn.Config(application, port=0, http=patience.PatientProtocol, lifespan="off", log_config=None))
    thread = Thread(target=running.run)
    thread.start()
    try:
        wait(lambda: running.started)
        with socket.create_connection(running.servers[0].sockets[0].getsockname()) as line:
            line.sendall(b"POST / HTTP/1.1\r\n" + HOST + b"content-length: 9000000\r\n\r\n" + bytes(9_000_000))  # more than anyone holds for us
            assert hear(line, b"9000000").startswith(b"HTTP/1.1 200")
    finally:
        running.should_exit = True
        thread.join()


def test_a_line_that_breaks_costs_nothing(server):
    for _ in range(20):
        line = socket.create_connection(("127.0.0.1", server.port))
        line.sendall(b"POST /api/jobs HTTP/1.1\r\n" + HOST + b"content-length: 9\r\n\r\n{")
        line.close()
    time.sleep(PATIENCE + 0.5)
    assert server.ask("GET", "/api/health")[0] == 200
    assert server.process.poll() is None

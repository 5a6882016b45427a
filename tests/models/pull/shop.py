"""A server of files on this machine that breaks off, falls silent, redirects and refuses as it is told."""

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


class Shop:
    """A server of files, and the faults it was told to have. `asked` holds each request's path and Range."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.headers: dict[str, dict[str, str]] = {}
        self.cuts: list[int] = []
        self.stall_after: int | None = None
        self.redirect: str | None = None
        self.asked: list[tuple[str, str | None]] = []
        self.closing = threading.Event()
        shop = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_HEAD(self) -> None:
                self.answer(body=False)

            def do_GET(self) -> None:
                self.answer(body=True)

            def answer(self, *, body: bool) -> None:
                path = self.path.split("?")[0]
                shop.asked.append((path, self.headers.get("Range")))
                if shop.redirect:
                    self.send_response(302)
                    self.send_header("Location", shop.redirect)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                if path not in shop.files:
                    self.send_response(404)
                    for key, value in shop.headers.get("404", {}).items():
                        self.send_header(key, value)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                data = shop.files[path]
                tag = f'"{hashlib.sha256(data).hexdigest()}"'
                start = 0
                asked = self.headers.get("Range")
                if asked and self.headers.get("If-Range", tag) == tag:
                    start = int(asked.removeprefix("bytes=").split("-")[0])
                    self.send_response(206)
                    self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
                else:
                    self.send_response(200)
                self.send_header("ETag", tag)
                self.send_header("Content-Length", str(len(data) - start))
                for key, value in shop.headers.get(path, {}).items():
                    self.send_header(key, value)
                self.end_headers()
                if not body:
                    return
                stop = start + shop.cuts.pop(0) if shop.cuts else len(data)
                if shop.stall_after is not None:
                    self.wfile.write(data[start : shop.stall_after])
                    self.wfile.flush()
                    shop.closing.wait(20)
                    self.close_connection = True
                    return
                self.wfile.write(data[start:stop])
                if stop < len(data):
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = False  # closing waits for them
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    opened = Shop()
    yield opened
    opened.closing.set()
    opened.server.shutdown()
    opened.server.server_close()

"""A real server on a data folder of its own, a real Chromium, and pages that fail a test when they complain or call anyone else."""

import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import pytest
import torch

import huafang
from huafang import images
from tests.conftest import scene

ARGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
PAGES = Path(huafang.__file__).parent / "static" / "index.html"
AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
METHOD_PAGE = "#/m/stroke_rendering"


class Server:
    """`huafang serve` as its user starts it; `with` it, or start and stop it by hand."""

    def __init__(self, data: Path, *options: str) -> None:
        self.data = data
        self.options = options
        self.port = _free_port()
        self.address = f"http://127.0.0.1:{self.port}/"
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> "Server":
        environment = {**os.environ, "HUAFANG_HOME": str(self.data), "PYTHONUNBUFFERED": "1"}
        command = [sys.executable, "-m", "huafang", "serve", "--data", str(self.data), "--port", str(self.port), "--device", "cpu", *self.options]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)
        assert self._process.stdout
        said = []
        for line in self._process.stdout:
            said.append(line)
            if "http://" in line:
                threading.Thread(target=self._process.stdout.read, daemon=True).start()
                return self
        pytest.fail("the server did not start:\n" + "".join(said))

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._process
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            pytest.fail("the server did not stop within 20 s of Ctrl-C")
        finally:
            if self._process.stdout:
                self._process.stdout.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if not found:
        pytest.skip("no Chromium on this machine")
    if not PAGES.is_file():
        pytest.skip("the web studio's pages are not built: run `make web`")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=ARGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def server(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("studio")) as running:
        yield running


Open = Callable[..., Any]


@pytest.fixture
def visit(chromium: Any) -> Iterator[Open]:
    """`visit(address, allow=(), **context)` -> a page in a fresh profile. What it says on the console and whom it calls is checked at the end."""
    contexts: list[Any] = []
    wrong: list[str] = []

    def open_page(address: str, *, allow: tuple[str, ...] = (), **options: Any) -> Any:
        settings = {"viewport": {"width": 1280, "height": 850}, "locale": "en-US", "color_scheme": "light", "accept_downloads": True, **options}
        context = chromium.new_context(**settings)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        home = urlsplit(address).netloc

        def on_request(request: Any) -> None:
            parts = urlsplit(request.url)
            if parts.scheme not in ("data", "blob") and parts.netloc != home:
                wrong.append(f"called {request.url}")

        def on_console(message: Any) -> None:
            if message.type in ("error", "warning") and not any(known in message.text for known in allow):
                wrong.append(f"{message.type}: {message.text}")

        page.on("request", on_request)
        page.on("console", on_console)
        page.on("pageerror", lambda error: wrong.append(f"exception: {error}"))
        page.goto(address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []


def photo(width: int = 640, height: int = 480, *, name: str = "hill.png") -> dict[str, Any]:
    """A picture as a file chooser gives it: the tests' hill with some grain, so that there is something to paint."""
    pixels = scene(height, width)
    grain = torch.rand(pixels.shape, generator=torch.Generator().manual_seed(0)) * 0.15
    file = io.BytesIO(images.encode((pixels + grain).clamp(0, 1)))
    return {"name": name, "mimeType": "image/png", "buffer": file.getvalue()}


def get(page: Any, testid: str) -> Any:
    return page.get_by_test_id(testid)


def load(page: Any, picture: dict[str, Any], field: str = "content") -> None:
    get(page, f"field-{field}").locator("input[type=file]").set_input_files([picture])
    get(page, f"field-{field}").locator("img").wait_for()


def paint(page: Any) -> None:
    get(page, "run").click()
    get(page, "result").wait_for(timeout=120_000)


def api(page: Any, path: str) -> Any:
    return json.loads(page.evaluate("path => fetch(path).then((answer) => answer.text())", path))


def complaints(page: Any) -> list[str]:
    """What axe finds on the page against WCAG 2.2 AA."""
    if not AXE.is_file():
        pytest.skip("axe-core is not here: run `npm ci` in web/")
    # A button half under the bar at the window's foot is small to axe; its visitor scrolls.
    page.evaluate("() => document.querySelectorAll('[data-testid=run-bar]').forEach((bar) => { bar.style.position = 'static'; })")
    page.evaluate(AXE.read_text("utf-8") + ";0")
    rules = "{ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }"
    found = page.evaluate(f"axe.run(document, {rules})")["violations"]
    return [f"{one['id']}: {node['html'][:160]}" for one in found for node in one["nodes"]]

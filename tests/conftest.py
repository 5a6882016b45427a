"""What every test may use: small pictures, an empty store, a context that records its steps, and the shared folder where it is at hand."""

import asyncio
import os
import signal
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import platformdirs
import pytest
import torch

from huafang import images
from huafang.assets import Assets
from huafang.context import Context, Step
from huafang.models.store import ModelStore

os.environ.setdefault("NUMBA_CACHE_DIR", str(platformdirs.user_cache_path("huafang", appauthor=False) / "compiled"))
"""Commands that tests start have data folders of their own, and would each compile everything again for them."""
for number in (signal.SIGINT, getattr(signal, "SIGHUP", signal.SIGINT)):
    if signal.getsignal(number) is signal.SIG_IGN:  # in a background job of a shell, or under nohup: servers that tests start would not hear Ctrl-C
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
T = TypeVar("T")
torch.set_num_threads(1)  # tiny nets: on a busy machine threads that wait for each other cost a hundred times what they save


@pytest.fixture(autouse=True)
def threads_as_they_were() -> Iterator[None]:
    """A test that gives torch another number of threads does not change the sums of those behind it."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def environment_as_it_was() -> Iterator[None]:
    """The command line sets variables for its children; a test that calls it in this process does not change them for the tests behind it."""
    before = dict(os.environ)
    yield
    for name in os.environ.keys() - before.keys() - {"PYTEST_CURRENT_TEST"}:
        del os.environ[name]
    os.environ.update({name: value for name, value in before.items() if os.environ.get(name) != value and name != "PYTEST_CURRENT_TEST"})


def run_async(coroutine: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run` on a thread of its own: after a browser test Playwright's event loop lives on this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The developers' shared folder. Tests that need it skip, saying so, where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("../shared is not on this machine")
    return SHARED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name what a green run did not cover: parity tests without their inputs."""
    absent = sum("../shared" in str(report.longrepr) for report in terminalreporter.stats.get("skipped", []))
    if absent:
        terminalreporter.write_line(f"{absent} tests were skipped for want of ../shared: parity with the authors' outputs was not checked", yellow=True)


@dataclass
class Bench:
    """A store of assets with two small pictures in it, and contexts on it."""

    root: Path
    steps: list[Step] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.assets = Assets(self.root / "assets")
        self.weights = ModelStore(self.root / "models")
        self.content = self.put(scene(48, 64))
        self.style = self.put(weave(40, 56))

    def put(self, pixels: torch.Tensor) -> str:
        return self.assets.put(images.encode(pixels))

    def context(self, *, stop_after: int | None = None) -> Context:
        """A context that records steps, and asks to stop once `stop_after` of them were reported."""
        self.steps.clear()
        return Context(self.assets, self.weights, report=self.steps.append, stop=lambda: stop_after is not None and len(self.steps) >= stop_after)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def scene(height: int, width: int) -> torch.Tensor:
    """A sky, a hill and a sun, (1, 3, H, W) in [0, 1]: edges, flats and slopes in a few pixels."""
    y, x = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
    sky = torch.stack([0.3 + 0.5 * y, 0.5 + 0.3 * y, 0.95 - 0.2 * y])
    hill = (y > 0.65 + 0.15 * torch.sin(6 * x)).float()
    sun = ((x - 0.75) ** 2 + (y - 0.25) ** 2 < 0.015).float()
    land = torch.stack([0.2 + 0.2 * x, 0.45 - 0.1 * y, 0.15 + 0.1 * x])
    light = torch.tensor([1.0, 0.85, 0.3]).view(3, 1, 1)
    return (sky * (1 - hill) * (1 - sun) + land * hill + light * sun * (1 - hill)).clamp(0, 1)[None]


def weave(height: int, width: int) -> torch.Tensor:
    """Crossing bands in warm and dark colours: a style with a texture."""
    y, x = torch.meshgrid(torch.arange(height).float(), torch.arange(width).float(), indexing="ij")
    wave = 0.5 + 0.5 * torch.sin(x * 0.9) * torch.cos(y * 0.6)
    return torch.stack([0.15 + 0.8 * wave, 0.1 + 0.5 * wave * wave, 0.35 - 0.25 * wave]).clamp(0, 1)[None]

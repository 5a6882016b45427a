"""A dispatcher over fake lanes, and patience."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from huafang.assets import Assets
from huafang.jobs.dispatcher import Dispatcher
from huafang.jobs.executor import LocalExecutor
from huafang.jobs.rows import Row, open_database
from huafang.jobs.store import ENDED, Draft, Store
from tests.jobs.lanes import fake_lane


def open_dispatcher(root: Path, *, address: str | None = None, limit: int = 500, lanes: dict[str, str] | None = None) -> Dispatcher:
    executor = LocalExecutor(lanes or {"one": "compute"}, fake_lane, (root,))
    store = Store(open_database(address or f"sqlite:///{root / 'huafang.db'}"))
    return Dispatcher(store, executor, Assets(root / "assets"), root / "outbox", queue_limit=limit)


@pytest.fixture
def dispatcher(tmp_path: Path) -> Iterator[Dispatcher]:
    made = open_dispatcher(tmp_path)
    made.start()
    yield made
    made.stop(1)


def draft(tag: str = "a", *, priority: str = "interactive", key: str | None = None, **params: Any) -> Draft:
    return Draft("fake", {"tag": tag, **params}, [], f"fake {tag}", "compute", priority, key)


def wait(condition: Callable[[], Any], seconds: float = 20.0) -> Any:
    """What `condition` says once it is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.005)
    raise AssertionError("waited in vain")


def ended(dispatcher: Dispatcher, job: str, seconds: float = 20.0) -> Row:
    return wait(lambda: (row := dispatcher.store.get(job)).state in ENDED and row, seconds)


def under_way(dispatcher: Dispatcher, job: str) -> None:
    """Wait until a job has taken a step."""
    wait(lambda: (live := dispatcher.live(job)) and live.progress)

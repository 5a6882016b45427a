"""One attempt on the real lane's own code, with a room that fails as a machine does."""

import threading
from pathlib import Path
from typing import Any

import pytest
import torch

from huafang import methods
from huafang.context import Resident
from huafang.jobs.executor import Event, TaskSpec
from huafang.worker import LanePlaces, _attempt
from tests.conftest import Bench


class Heard:
    """The server's end of a lane's pipe."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def send(self, event: Event) -> None:
        self.events.append(event)


@pytest.mark.parametrize(
    "fault",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has a total capacity of 8.00 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 99 bytes."),
        MemoryError(),
    ],
)
def test_bad_input_50_when_memory_runs_out_models_are_let_go_the_job_says_what_to_do_and_the_next_one_runs(bench: Bench, tmp_path: Path, monkeypatch, fault):
    params = {"method": "colour_transfer", "content": bench.content, "style": [bench.style], "seed": 1}
    resident, heard = Resident(), Heard()
    places = LanePlaces(bench.assets.root, tmp_path / "models", tmp_path / "outbox")

    def attempt(job: str) -> Event:
        _attempt(TaskSpec(job, 1, params), heard, "cpu", places, threading.Event(), resident)  # type: ignore[arg-type]  # it sends
        return heard.events[-1]

    def run(*_: Any) -> None:
        resident.get("a model", object)
        raise fault

    with monkeypatch.context() as patch:
        patch.setattr(methods, "run", run)
        ended = attempt("first")
    assert (ended.type, ended.data["code"]) == ("failed", "memory.out")
    assert "smaller" in ended.data["hint"]
    assert not resident._held, "what was held is let go"
    assert not list((tmp_path / "outbox").glob("*"))
    assert attempt("second").type == "done"


def test_a_job_notes_in_both_languages_that_it_compiled(bench: Bench, tmp_path: Path, monkeypatch):
    clock = iter([5.0, 26.0])
    monkeypatch.setattr("huafang.compilation.seconds", lambda: next(clock))
    heard = Heard()
    places = LanePlaces(bench.assets.root, tmp_path / "models", tmp_path / "outbox")
    params = {"method": "colour_transfer", "content": bench.content, "style": [bench.style], "seed": 1}
    _attempt(TaskSpec("job", 1, params), heard, "cpu", places, threading.Event(), Resident())  # type: ignore[arg-type]  # it sends
    (note,) = heard.events[-1].data["notes"]
    assert note["en"].startswith("21 s of this went into compiling, once for this machine")
    assert note["zh"].startswith("其中 21 秒用于为本机编译")

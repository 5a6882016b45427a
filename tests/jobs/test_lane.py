"""One attempt on the real lane's own code, with a method that fails as a machine does."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from huafang import compilation, methods, worker
from huafang.context import Context, Resident, Result
from huafang.errors import Cancelled
from huafang.jobs.executor import Event, TaskSpec
from huafang.notes import Note
from huafang.worker import LanePlaces, attempt
from tests.conftest import Bench, scene


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

    def tried(job: str) -> Event:
        attempt(TaskSpec(job, 1, params), heard, "cpu", places, threading.Event(), resident)  # type: ignore[arg-type]  # it sends
        return heard.events[-1]

    def run(*_: Any) -> None:
        resident.get("a model", object)
        raise fault

    with monkeypatch.context() as patch:
        patch.setattr(methods, "run", run)
        ended = tried("first")
    assert (ended.type, ended.data["code"]) == ("failed", "memory.out")
    assert "smaller" in ended.data["hint"]
    assert not resident._held, "what was held is let go"
    assert not list((tmp_path / "outbox").glob("*"))
    assert tried("second").type == "done"


def test_a_job_notes_in_both_languages_that_it_compiled(bench: Bench, tmp_path: Path, monkeypatch):
    clock = iter([5.0, 26.0])
    monkeypatch.setattr("huafang.compilation.seconds", lambda: next(clock))
    heard = Heard()
    places = LanePlaces(bench.assets.root, tmp_path / "models", tmp_path / "outbox")
    params = {"method": "colour_transfer", "content": bench.content, "style": [bench.style], "seed": 1}
    attempt(TaskSpec("job", 1, params), heard, "cpu", places, threading.Event(), Resident())  # type: ignore[arg-type]  # it sends
    (note,) = heard.events[-1].data["notes"]
    assert note["en"].startswith("21 s of this went into compiling, once for this machine")
    assert note["zh"].startswith("其中 21 秒用于为本机编译")


def attempted(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Callable[[Context, Heard], Result]) -> Heard:
    """An attempt whose method is `run`."""
    heard = Heard()
    monkeypatch.setattr(methods, "run", lambda params, ctx: run(ctx, heard))
    places = LanePlaces(bench.assets.root, tmp_path / "models", tmp_path / "outbox")
    params = {"method": "colour_transfer", "content": bench.content, "style": [bench.style], "seed": 1}
    attempt(TaskSpec("job", 1, params), heard, "cpu", places, threading.Event(), Resident())  # type: ignore[arg-type]  # it sends
    return heard


def test_what_a_run_says_is_sent_at_once_in_both_languages(bench: Bench, tmp_path: Path, monkeypatch):
    def run(ctx: Context, heard: Heard) -> Result:
        ctx.message(Note("goes on from step 534", "从第 534 步继续"))
        assert heard.events[-1] == Event("job", 1, "message", {"en": "goes on from step 534", "zh": "从第 534 步继续"})
        compilation.clock.start()  # as at the first call of a kernel
        compilation.clock.end()
        ctx.message(Note("a file called a\0b", "名为 a\0b 的文件"))
        raise Cancelled

    events = attempted(bench, tmp_path, monkeypatch, run).events
    assert [event.type for event in events] == ["started", "message", "message", "message", "cancelled"]
    assert events[2].data["en"].startswith("compiling once for this machine")
    assert events[3].data == {"en": "a file called a\\0b", "zh": "名为 a\\0b 的文件"}, "no database takes a NUL"


@pytest.mark.parametrize("saves", [False, True])
def test_a_run_with_something_to_save_gives_heartbeats_while_it_computes_or_saves(bench: Bench, tmp_path: Path, monkeypatch, saves: bool):
    clock = iter(range(10**6)) if not saves else None
    monkeypatch.setattr(worker, "BEAT", 0.01)
    monkeypatch.setattr(worker.time, "process_time", lambda: float(next(clock)) if clock else 0.0)

    def run(ctx: Context, heard: Heard) -> Result:
        time.sleep(0.1)
        assert [event.type for event in heard.events] == ["started"], "nothing would be lost"
        ctx.unsaved, ctx.saving = True, saves
        while not any(event.type == "alive" for event in heard.events):
            time.sleep(0.01)
        return Result(images=[scene(8, 8)])

    assert attempted(bench, tmp_path, monkeypatch, run).events[-1].type == "done"


def test_a_run_that_hangs_in_mid_step_gives_no_heartbeats(bench: Bench, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(worker, "BEAT", 0.01)
    monkeypatch.setattr(worker.time, "process_time", lambda: 5.0)

    def run(ctx: Context, heard: Heard) -> Result:
        ctx.unsaved = True
        time.sleep(0.2)
        return Result(images=[scene(8, 8)])

    assert [event.type for event in attempted(bench, tmp_path, monkeypatch, run).events] == ["started", "done"]

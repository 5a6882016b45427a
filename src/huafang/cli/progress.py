"""What the command line shows while something runs, and how Ctrl-C is heard."""

import _thread
import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from huafang.cli.terminal import say
from huafang.signals import Signals

if TYPE_CHECKING:
    from huafang.context import Step


LOG_SECONDS = 30.0
GRACE = 5.0
"""Seconds that the process has to unwind when it is to end at once; then it ends wherever it is."""


@contextlib.contextmanager
def stoppable() -> Iterator[Callable[[], bool]]:
    """The first Ctrl-C asks for a stop at the next step; a second one, SIGTERM and SIGHUP end the process at once.

    At once means: half-written files and temporary folders are removed, and the process is gone, after `GRACE` seconds even where a library holds the main
    thread; what is left then is removed by the next process.
    """
    if threading.current_thread() is not threading.main_thread():  # signals are the main thread's
        yield lambda: False
        return
    asked = threading.Event()
    interrupts, ending = 0, False

    def on_thread(number: int) -> None:
        nonlocal interrupts
        interrupts += number == signal.SIGINT
        if number == signal.SIGINT and interrupts == 1:
            asked.set()
            say("\nstopping at the next step (Ctrl-C again: at once)")
            return
        if number == signal.SIGINT and interrupts == 2:
            _thread.interrupt_main()  # two signals before the main thread runs its handler are one to it
        leave = threading.Timer(GRACE, os._exit, (128 + number,))
        leave.daemon = True
        leave.start()

    def on_main(number: int) -> None:
        nonlocal ending
        if ending or (number == signal.SIGINT and interrupts < 2):
            return
        ending = True
        raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + number)

    with Signals(on_thread, on_main):
        yield asked.is_set


@contextlib.contextmanager
def progress_bar(title: str, *, quiet: bool) -> "Iterator[Callable[[Step], None]]":
    """A bar with steps, time to go and the live figures, where someone watches."""
    if quiet:
        yield lambda step: None
        return
    if not sys.stderr.isatty():
        yield _Log(title)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("eta"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[figures]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None, figures="")

        def on_step(step: "Step") -> None:
            bar.update(task, completed=step.done, total=step.total, figures=figures(step.figures))

        yield on_step


class _Log:
    """For a log file instead of a terminal: a line at the start, at each tenth of the way and every 30 seconds, with the time to go."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._tenth = -1
        self._first: tuple[int, float] | None = None  # the step and time from which the speed is measured: a resumed run does not start at 0
        self._told = 0.0

    def __call__(self, step: "Step") -> None:
        now = time.monotonic()
        tenth = 10 * step.done // max(step.total, 1)
        if self._first is None:
            self._first = step.done, now
        if tenth > self._tenth or now - self._told >= LOG_SECONDS:
            self._tenth, self._told = max(tenth, self._tenth), now
            say(f"{self._title} {step.done}/{step.total}  {self._to_go(step, now)}{figures(step.figures)}".rstrip())

    def _to_go(self, step: "Step", now: float) -> str:
        assert self._first is not None
        done, began = self._first
        if step.done <= done or step.done >= step.total or now - began < LOG_SECONDS:
            return ""
        return f"about {duration((now - began) / (step.done - done) * (step.total - step.done))} to go  "


def duration(seconds: float) -> str:
    """A span of time as one reads it: "40 s", "12 min", "3 h 20 min"."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def figures(figures: Mapping[str, float]) -> str:
    return "  ".join(f"{name.replace('_', ' ')} {f'{value:,.0f}' if abs(value) >= 1000 else f'{value:.4g}'}" for name, value in figures.items())

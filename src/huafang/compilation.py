"""Just-in-time compilation as seen from outside: where compiled code is cached, how long compiling took, and who is told when it begins.

numba is not imported here (`ops/jit.py` does that and reports to this module), so that commands that compile nothing stay quick.
"""

import contextlib
import functools
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from huafang.notes import Note
from huafang.places import caches

NOTED = 1.0
"""Seconds of compiling from which a run's notes mention it."""


class _Clock:
    """Wall time during which this process compiled. Compiling one function may compile others on the way: nested times count once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spent = 0.0
        self._depth = 0
        self._since = 0.0
        self.listeners: list[Callable[[], None]] = []

    def seconds(self) -> float:
        with self._lock:
            return self._spent + (time.perf_counter() - self._since if self._depth else 0.0)

    def start(self) -> None:
        with self._lock:
            self._depth += 1
            if self._depth == 1:
                self._since = time.perf_counter()
        for listener in self.listeners:
            listener()

    def end(self) -> None:
        with self._lock:
            self._depth -= 1
            if not self._depth:
                self._spent += time.perf_counter() - self._since


clock = _Clock()


def seconds() -> float:
    """Wall seconds that this process has spent compiling so far."""
    return clock.seconds()


@contextlib.contextmanager
def announced(say: Callable[[str], None]) -> Iterator[None]:
    """Calls `say` with a sentence, once, when something is compiled within."""
    said = False

    def hear() -> None:
        nonlocal said
        if not said:
            said = True
            say(announcement())

    clock.listeners.append(hear)
    try:
        yield
    finally:
        clock.listeners.remove(hear)


def announcement() -> Note:
    """What is said when compiling begins, before it is known how long it takes."""
    if cache_folder() is not None:
        return Note(
            "compiling once for this machine, which may take half a minute; later runs start at once", "正在为本机编译，只需这一次，约半分钟；以后会立即开始。"
        )
    return _uncached()


def notes(spent: float) -> list[Note]:
    """What a finished run says of `spent` seconds of compiling."""
    if spent < NOTED:
        return []
    if cache_folder() is None:
        return [_uncached()]
    return [
        Note(
            f"{spent:.0f} s of this went into compiling, once for this machine; later runs start at once",
            f"其中 {spent:.0f} 秒用于为本机编译，只需这一次；以后会立即开始。",
        )
    ]


@functools.cache
def cache_folder() -> Path | None:
    """The folder for compiled code: NUMBA_CACHE_DIR, or below HUAFANG_HOME, if these are set, else in the user's cache folder; None where none can be written.

    The installed package itself is never written to. Chosen once per process.
    """
    for folder in _candidates():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                return folder
        except OSError:
            continue
    return None


_last_resorts: list[Path] = []


def fall_back_to(data: Path) -> None:
    """Compiled code goes below the data folder `data` where no cache folder can be written: a service often has no home folder."""
    if data not in _last_resorts:
        _last_resorts.append(data)


def _candidates() -> list[Path]:
    named = os.environ.get("NUMBA_CACHE_DIR")
    if named:
        return [Path(named).absolute()]
    return list(dict.fromkeys(root / "compiled" for root in (*caches(), *(data / "cache" for data in _last_resorts))))


def _uncached() -> Note:
    tried = ", ".join(map(str, _candidates()))
    return Note(
        f"compiling, as at every start: compiled code cannot be kept, since no folder for it can be written ({tried}); set HUAFANG_HOME to one that can",
        f"正在编译，每次启动都要重来：没有可写的缓存文件夹（{tried}），编译结果无法保存。请把 HUAFANG_HOME 设为可写的文件夹。",
    )

"""Signals that ask the process to end. They are read on a thread of their own: Python runs its handlers only between two steps of the main thread, which may be
in native code for seconds.
"""

import signal
import socket
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")


class Signals:
    """While this is entered, on the main thread: `on_thread(number)` is called on another thread at once, and `on_main(number)` on the main thread when Python
    comes to it. A signal that was ignored before, as SIGHUP is under nohup, goes on being ignored.
    """

    def __init__(self, on_thread: Callable[[int], None], on_main: Callable[[int], None]) -> None:
        self._on_thread = on_thread
        self._on_main = on_main
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "Signals":
        self._reader, self._writer = socket.socketpair()
        self._writer.setblocking(False)
        self._thread = threading.Thread(target=self._read, name="signals", daemon=True)
        self._thread.start()
        self._wakeup = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        for number in (getattr(signal, name) for name in NAMES if hasattr(signal, name)):
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup)
        self._writer.close()
        self._thread.join()
        self._reader.close()

    def _handle(self, number: int, _: FrameType | None) -> None:
        self._on_main(number)

    def _read(self) -> None:
        while received := self._reader.recv(64):
            for number in received:
                if number in self._before:
                    self._on_thread(number)

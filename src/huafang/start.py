"""The entry point of the command: from its first moment on, Ctrl-C ends it in words and not in a traceback."""

import os
import signal
import sys
from types import FrameType
from typing import NoReturn

STOPPED = 130
_interrupted = False


def interrupted() -> bool:
    """Whether Ctrl-C was pressed while a command ran. An import that it interrupts may turn it into another error."""
    return _interrupted


def start() -> None:
    """Run the command line of this process.

    Threads of OpenMP that wait for each other sleep: beside other busy processes, spinning took gatys 1.4 times the processor time, and up to 3.4 times the
    wall time (2 cores). It must be set before torch is loaded, and worker processes inherit it.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # a shell's background job ignores it, and goes on doing so
        signal.signal(signal.SIGINT, _leave)
    from huafang.cli import main

    try:
        if signal.getsignal(signal.SIGINT) is _leave:
            signal.signal(signal.SIGINT, _interrupt)
        main()
    except KeyboardInterrupt:
        _leave()
    finally:
        if signal.getsignal(signal.SIGINT) is _interrupt:
            signal.signal(signal.SIGINT, _leave_quietly)


def _interrupt(*_: object) -> NoReturn:
    global _interrupted
    _interrupted = True
    raise KeyboardInterrupt


def _leave(number: int = signal.SIGINT, frame: FrameType | None = None) -> NoReturn:
    """While modules are imported there is nothing to undo."""
    sys.stderr.write("error: stopped on request\n")
    sys.stderr.flush()
    os._exit(STOPPED)


def _leave_quietly(number: int, frame: FrameType | None) -> NoReturn:
    os._exit(STOPPED)

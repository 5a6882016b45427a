"""What holds of every process that Huafang starts: where its modules come from, and that it ends with the one that started it.

    python -P -m huafang.processes PARENT MODULE ARGUMENT…

runs MODULE as `python -m` does, for as long as the process PARENT lives.
"""

import contextlib
import os
import signal
import sys
import threading
import time
from pathlib import Path

LOOK_EVERY = 0.5
"""Seconds between two looks at the parent, where the system does not tell of its death."""


def import_nothing_from_here(*, by_module: bool = False) -> None:
    """Never import from the folder that the user happens to stand in: a `socket.py` there would run in every child of this process.

    A child inherits PYTHONSAFEPATH, which keeps `python -c` and `python -m` from putting the current folder first. `by_module` says that this process itself
    was started by `python -m`; the folder is then taken off its own path, which children take over, unless the package lies there.
    """
    os.environ["PYTHONSAFEPATH"] = "1"
    if by_module and not sys.flags.safe_path and sys.path and Path(sys.path[0]).resolve() != Path(__file__).resolve().parents[1]:
        del sys.path[0]


def child(module: str, *arguments: str) -> list[str]:
    """The command that runs a module of ours in a process of its own. It does not outlive this process."""
    return [sys.executable, "-P", "-m", __name__, str(os.getpid()), module, *arguments]


def end_with(parent: int) -> None:
    """Let this process be killed when its parent, which has the id `parent`, is gone, however that comes about. On Windows it lives on.

    Linux sees to it at once, even while this process is busy in native code; it counts as the parent's death when the thread that started this process ends.
    """
    if os.name == "nt":
        return
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            import ctypes

            ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:  # it was gone before
        os._exit(1)
    threading.Thread(target=_watch, args=(parent,), name="parent", daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK_EVERY)
    os._exit(1)


def _main(parent: str, module: str, *arguments: str) -> None:
    import runpy

    end_with(int(parent))
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _main(*sys.argv[1:])

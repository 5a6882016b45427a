"""One process at a time in the folder of a training run: two that resume the same run would write over each other's log and checkpoints."""

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from huafang.assets import check_writable
from huafang.errors import Conflict


@contextlib.contextmanager
def held(root: Path, names: Iterable[str]) -> Iterator[None]:
    """Keep other processes, and other threads of this one, from the runs `names` in the store of models `root`.

    Raises Conflict where another is at one of them, DiskFull and Unavailable where the store cannot be written.
    """
    folder = root.resolve() / ".locks"  # not in the run's own folder: a run that is refused leaves none
    with contextlib.ExitStack() as stack:
        for name in names:
            check_writable(folder)
            lock = FileLock(folder / f"{name}.lock", timeout=0)
            try:
                lock.acquire()
            except Timeout:
                raise Conflict(
                    f"another process is training {name} now", code="training.running", hint="wait until it ends or stop it, or choose another name"
                ) from None
            stack.callback(lock.release)
        yield

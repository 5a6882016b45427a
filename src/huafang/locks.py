"""One process at a time in the folder of a resumable run: two that resume the same run would write over each other's checkpoints and parts."""

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from huafang.assets import check_writable
from huafang.errors import Conflict


@contextlib.contextmanager
def exclusive(place: Path, busy: Conflict) -> Iterator[None]:
    """Hold the lock file `place`, which is made if need be, against other processes and other threads of this one. A process that dies lets go of it.

    Raises `busy` where another holds it, DiskFull and Unavailable where its folder cannot be written.
    """
    check_writable(place.parent)
    lock = FileLock(place, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise busy from None
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def held(root: Path, names: Iterable[str]) -> Iterator[None]:
    """Keep others from training the models `names` of the store of models `root`. Raises Conflict, which names the training; and as `exclusive` does."""
    folder = root.resolve() / ".locks"  # not in the run's own folder: a run that is refused leaves none
    with contextlib.ExitStack() as stack:
        for name in names:
            stack.enter_context(exclusive(folder / f"{name}.lock", _training(name)))
        yield


def _training(name: str) -> Conflict:
    return Conflict(f"another process is training {name} now", code="train.running", hint="wait until it ends or stop it, or choose another name")

"""Work beside work: what is needed next is made ready ahead, and what is done is put away behind, each on a thread of its own, in order."""

import contextlib
import queue
import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)
LAST = 5.0
"""Seconds that an interrupted run gives to what is being put away just then."""


class Put(Protocol[T_contra]):
    """Hands an item over; with `wait` it is taken by the time that this returns."""

    def __call__(self, item: T_contra, *, wait: bool = False) -> None: ...


@dataclass(frozen=True)
class _Failed:
    error: BaseException


def ahead(source: Iterator[T], hear: Callable[[], None], waiting: int) -> Generator[T, None, None]:
    """`source`, read on a thread: `waiting` items may be ready before they are asked for.

    What it raises is raised here, and what `hear` does while one waits; a reader that leaves early ends it.
    """
    ready: queue.Queue[Any] = queue.Queue(waiting)
    left, end = threading.Event(), object()

    def hand(item: Any) -> bool:
        while not left.is_set():
            with contextlib.suppress(queue.Full):
                ready.put(item, timeout=0.1)
                return True
        return False

    def read() -> None:
        try:
            for item in source:
                if not hand(item):
                    return
            hand(end)
        except BaseException as error:  # whatever it is, it belongs to the one who reads
            hand(_Failed(error))

    thread = threading.Thread(target=read, name="ahead", daemon=True)
    thread.start()
    try:
        while True:
            try:
                item = ready.get(timeout=0.5)
            except queue.Empty:
                hear()
                continue
            if item is end:
                return
            if isinstance(item, _Failed):
                raise item.error
            yield item
    finally:
        left.set()
        thread.join(2.0)  # it may be passing over much, and ends at the next that it gives


@contextlib.contextmanager
def behind(take: Callable[[T], None], waiting: int) -> Iterator["Put[T]"]:
    """A `put` that leaves the work of `take` to a thread, for which `waiting` items may wait.

    What that raises is raised by the next `put`, or at the end, by when all is taken. Only KeyboardInterrupt waits for no more than the item that is being
    taken, and for that not long.
    """
    given: queue.Queue[Any] = queue.Queue(waiting)
    failed: list[BaseException] = []
    end, left = object(), threading.Event()

    def work() -> None:
        while (item := given.get()) is not end:
            if not (failed or left.is_set()):
                try:
                    take(item)
                except BaseException as error:  # as above
                    failed.append(error)
            given.task_done()

    thread = threading.Thread(target=work, name="behind", daemon=True)
    thread.start()

    def put(item: T, *, wait: bool = False) -> None:
        if failed:
            raise failed[0]
        given.put(item)
        if wait:
            given.join()

    try:
        yield put
    except KeyboardInterrupt:
        left.set()
        with contextlib.suppress(queue.Full):
            given.put(end, timeout=LAST)
        thread.join(LAST)
        raise
    except BaseException:
        given.put(end)
        thread.join()
        raise
    given.put(end)
    thread.join()
    if failed:
        raise failed[0]

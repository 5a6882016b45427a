"""Threads of our own beside torch's."""

import ctypes
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from heapq import heappop, heappush
from itertools import pairwise
from queue import SimpleQueue
from threading import Condition, Lock
from typing import Any, Protocol, TypeVar

import torch

T = TypeVar("T")
Band = tuple[int, int]
"""First row, and the first that is not in it any more."""
MMAP_THRESHOLD, TRIM_THRESHOLD = -3, -1
KEPT = 1 << 28
"""Bytes of free memory that the process keeps, and up to which a piece of memory is one that it may keep."""


Work = Callable[[int, int], object]


@dataclass(frozen=True)
class Link:
    """Work on bands of what the link before it was at."""

    begin: Callable[[], Work]
    """Gives the work; called once, before the first band."""
    bands: Sequence[Band]
    scale: int = 1
    """How many rows of the finest link one of its rows is."""


class Each(Protocol):
    """Does the same work on each of several bands, and gives what came of it in the order of the bands."""

    def __call__(self, work: Callable[[int, int], T], bands: Sequence[Band]) -> Iterable[T]:
        """Nothing is sure to be done before it is asked for."""

    def chained(self, links: Sequence[Link], reach: int) -> Iterator[None]:
        """Do all links in their order as far as that can be told: a band is begun when all is done in the link before it that is no more than `reach` rows from
        it, of the coarser of the two. Gives None for each band that is done.
        """


class Alone:
    """`Each` on this thread."""

    def __call__(self, work: Callable[[int, int], T], bands: Sequence[Band]) -> Iterable[T]:
        return (work(*band) for band in bands)

    def chained(self, links: Sequence[Link], reach: int) -> Iterator[None]:
        for link in links:
            work = link.begin()
            for band in link.bands:
                work(*band)
                yield


class _Together:
    """`Each` on `count` threads of a pool."""

    def __init__(self, pool: ThreadPoolExecutor, count: int) -> None:
        self._pool, self._count, self._begun = pool, count, list[Future[Any]]()

    def __call__(self, work: Callable[[int, int], T], bands: Sequence[Band]) -> Iterable[T]:
        def alone(band: Band) -> T:
            with torch.no_grad():  # of each thread
                return work(*band)

        begun = [self._pool.submit(alone, band) for band in bands]
        self._begun = begun
        return (one.result() for one in begun)

    def stop(self) -> None:
        """Begin no more bands, and wait for those that were begun."""
        for one in self._begun:
            one.cancel()
        wait(self._begun)

    def chained(self, links: Sequence[Link], reach: int) -> Iterator[None]:
        chain = _Chain(links, reach)
        hands = [self._pool.submit(chain.work_on) for _ in range(self._count)]
        try:
            for number in range(len(links)):
                chain.work(number)  # meanwhile, so that no thread waits for it
            for _ in range(chain.total):
                if (fault := chain.heard.get()) is not None:
                    raise fault
                yield
        finally:
            chain.stop()
            for hand in hands:
                hand.result()


class _Chain:
    """The bands of a chain that are still to be done, and which of them can be.

    The threads find their next band themselves, the earliest link's first. So none waits for the end of a link, nor for the thread that hears of it.
    """

    def __init__(self, links: Sequence[Link], reach: int) -> None:
        self._links, self._works = links, dict[int, Work]()
        self._making = [Lock() for _ in links]
        self.total = self._left = sum(len(link.bands) for link in links)
        self.heard: SimpleQueue[BaseException | None] = SimpleQueue()
        """None for each band that was done; or what went wrong, and then nothing more."""
        self._behind: dict[tuple[int, int], list[tuple[int, int]]] = {}
        self._waiting: dict[tuple[int, int], int] = {}
        self._ready = [(0, place) for place in range(len(links[0].bands))] if links else []
        self._changed = Condition()
        for number, (before, link) in enumerate(pairwise(links), 1):
            beyond = reach * max(before.scale, link.scale)
            for place, (first, last) in enumerate(link.bands):
                low, high = first * link.scale - beyond, last * link.scale + beyond
                awaited = [other for other, (top, bottom) in enumerate(before.bands) if top * before.scale < high and low < bottom * before.scale]
                self._waiting[number, place] = len(awaited)
                for other in awaited:
                    self._behind.setdefault((number - 1, other), []).append((number, place))

    def work_on(self) -> None:
        """Do bands until none is left."""
        with torch.no_grad():  # of each thread
            while (task := self._next()) is not None:
                try:
                    self.work(task[0])(*self._links[task[0]].bands[task[1]])
                except BaseException as fault:  # raised where the chain was begun
                    self.heard.put(fault)
                    self.stop()
                    return
                self._done(task)

    def stop(self) -> None:
        """Begin no more bands."""
        with self._changed:
            self._left = 0
            self._changed.notify_all()

    def _next(self) -> tuple[int, int] | None:
        with self._changed:
            while self._left and not self._ready:
                self._changed.wait()
            if not self._left:
                return None
            return heappop(self._ready)

    def work(self, number: int) -> Work:
        """A link's, made when it is first asked for."""
        with self._making[number]:
            if number not in self._works:
                self._works[number] = self._links[number].begin()
            return self._works[number]

    def _done(self, task: tuple[int, int]) -> None:
        with self._changed:
            self._left = max(0, self._left - 1)
            for one in self._behind.get(task, ()):
                self._waiting[one] -= 1
                if not self._waiting[one]:
                    heappush(self._ready, one)
            self._changed.notify_all()
        self.heard.put(None)


@cache
def keep_memory() -> None:
    """Tell the C library (glibc; others are left alone) to keep memory that tensors are done with for those to come, `KEPT` of it at the most.

    By itself it gives large pieces back to the system at once. Each page of them then costs a fault again: a tenth of a run's time, or more.
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library
            mallopt = ctypes.CDLL("libc.so.6").mallopt
            mallopt(MMAP_THRESHOLD, KEPT)
            mallopt(TRIM_THRESHOLD, KEPT)


@cache
def _pool(count: int, process: int) -> ThreadPoolExecutor:
    """The pool of so many threads, for as long as the process lives: a run of a tenth of a second would spend a twentieth on threads that are new."""
    return ThreadPoolExecutor(count, f"bands-{process}", initializer=torch.set_num_threads, initargs=(1,))


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Torch on this thread alone, where a pool has the cores: its threads wait for each other at every small step, for seconds on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def workers(device: torch.device) -> Iterator[Each]:
    """How bands are worked on: on a CPU by as many threads as torch may use, a band each, since small steps are not worth sharing."""
    count = torch.get_num_threads()
    keep_memory()
    if device.type != "cpu" or count == 1:
        yield Alone()
        return

    together = _Together(_pool(count, os.getpid()), count)
    with one_torch_thread():
        try:
            yield together
        finally:
            together.stop()

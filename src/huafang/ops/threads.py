"""Threads of our own beside torch's."""

import ctypes
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cache, partial
from typing import Protocol, TypeVar

import torch

T = TypeVar("T")
Band = tuple[int, int]
"""First row, and the first that is not in it any more."""
MMAP_THRESHOLD, TRIM_THRESHOLD = -3, -1
KEPT = 1 << 28
"""Bytes of free memory that the process keeps, and up to which a piece of memory is one that it may keep."""


class Each(Protocol):
    """Does the same work on each of several bands, and gives what came of it in the order of the bands."""

    def __call__(self, work: Callable[[int, int], T], bands: Sequence[Band]) -> Iterable[T]:
        """Nothing is sure to be done before it is asked for."""


def map_bands(work: Callable[[int, int], T], bands: Sequence[Band]) -> Iterable[T]:
    """`Each` on this thread."""
    return (work(*band) for band in bands)


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
        yield map_bands
        return

    def alone(work: Callable[[int, int], T], band: Band) -> T:
        with torch.no_grad():  # of each thread
            return work(*band)

    with ThreadPoolExecutor(count) as pool, one_torch_thread():
        try:
            yield lambda work, bands: pool.map(partial(alone, work), bands)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise

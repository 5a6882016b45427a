"""Threads of our own beside torch's."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Protocol, TypeVar

import torch

T = TypeVar("T")
Band = tuple[int, int]
"""First row, and the first that is not in it any more."""


class Each(Protocol):
    """Does the same work on each of several bands, and gives what came of it in the order of the bands."""

    def __call__(self, work: Callable[[int, int], T], bands: Sequence[Band]) -> Iterable[T]:
        """Nothing is sure to be done before it is asked for."""


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
    if device.type != "cpu" or count == 1:
        yield lambda work, bands: (work(*band) for band in bands)
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

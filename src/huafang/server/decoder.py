"""Strangers' pictures are decoded in a process of their own: a bomb or a broken decoder costs one upload and never the server."""

import asyncio
import contextlib
import multiprocessing as mp
import signal
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from huafang import images
from huafang.errors import BadInput, HuafangError

TIMEOUT = 30.0
MEMORY = 4 * 1024**3
"""Address space of the decoder: 40 megapixels in 4 channels, several times over."""


class Decoder:
    """Two processes, made at the first picture; replaced when they die or take too long."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None

    async def ingest(self, data: bytes) -> images.Ingested:
        """`images.ingest` elsewhere. Raises BadInput, TooLarge."""
        picture: images.Ingested = await self._call(images.ingest, data)
        return picture

    async def thumbnail(self, data: bytes, side: int) -> bytes:
        """`images.thumbnail` elsewhere. Raises BadInput."""
        small: bytes = await self._call(images.thumbnail, data, side)
        return small

    def warm(self) -> None:
        """Start the processes before they are needed."""
        self._start().submit(_nothing)

    def close(self) -> None:
        if self._pool is not None:
            _kill(self._pool)
            self._pool = None

    async def _call(self, function: Any, *arguments: Any) -> Any:
        pool = self._start()
        try:
            return await asyncio.wait_for(asyncio.wrap_future(pool.submit(_answer, function, arguments)), TIMEOUT)
        except (BrokenProcessPool, TimeoutError) as error:
            if self._pool is pool:
                self._pool = None
            _kill(pool)
            raise BadInput("this picture could not be decoded: the decoder gave up on it", code="image.unreadable") from error

    def _start(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(2, mp_context=mp.get_context("spawn"), initializer=_limits)
        return self._pool


def _answer(function: Any, arguments: tuple[Any, ...]) -> Any:
    try:
        return function(*arguments)
    except HuafangError:
        raise
    except MemoryError:
        raise BadInput("this picture does not fit in memory", code="image.unreadable") from None


def _limits() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(ImportError, ValueError, OSError):  # there is no such limit on Windows
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def _nothing() -> None:
    return None


def _kill(pool: ProcessPoolExecutor) -> None:
    processes = list((getattr(pool, "_processes", None) or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.kill()

"""Strangers' pictures and films are decoded in processes of their own: a bomb or a broken decoder costs its own upload, never another and never the server."""

import asyncio
import contextlib
import multiprocessing as mp
import os
import signal
import threading
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from huafang import images, video
from huafang.assets import Assets
from huafang.errors import BadInput

TIMEOUT = 30.0
"""Seconds for one picture, counted from when a process takes it up."""
MEMORY = 4 * 1024**3
"""Address space of one decoder: 40 megapixels in 4 channels, several times over."""
SEATS = 2


class Decoder:
    """Processes, one per seat, each with one picture at a time; one that dies or takes too long is replaced."""

    def __init__(self) -> None:
        self._seats = [_Seat() for _ in range(SEATS)]
        self._free: asyncio.LifoQueue[_Seat] = asyncio.LifoQueue()
        for seat in self._seats:
            self._free.put_nowait(seat)

    async def ingest(self, data: bytes) -> images.Ingested:
        """`images.ingest` elsewhere; a film is looked at and stays as it came. Raises BadInput, TooLarge."""
        picture: images.Ingested = await self._call(_ingested, data)
        return picture

    async def thumbnail(self, assets: Assets, asset: str, side: int) -> bytes:
        """`images.thumbnail` of a stored file elsewhere; of a film, of its first frame. The file is read there too. Raises BadInput, NotFound."""
        small: bytes = await self._call(_thumbnail, assets, asset, side)
        return small

    def warm(self) -> None:
        """Start a process before it is needed."""
        self._seats[-1].submit(_nothing)

    def close(self) -> None:
        for seat in self._seats:
            seat.clear()

    async def _call(self, function: Any, *arguments: Any) -> Any:
        seat = await self._free.get()
        try:
            return await asyncio.wait_for(asyncio.wrap_future(seat.submit(_answer, function, arguments)), TIMEOUT)
        except (BrokenProcessPool, TimeoutError) as error:
            seat.clear()
            raise BadInput("this picture could not be decoded: the decoder gave up on it", code="image.unreadable") from error
        except asyncio.CancelledError:  # whoever asked has left: the process may not work on for nobody
            seat.clear()
            raise
        finally:
            self._free.put_nowait(seat)


class _Seat:
    """A process that is started when it is first needed."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None

    def submit(self, function: Any, *arguments: Any) -> Future[Any]:
        if self._pool is not None:
            with contextlib.suppress(BrokenProcessPool):  # it died between two pictures
                return self._pool.submit(function, *arguments)
            self.clear()
        self._pool = ProcessPoolExecutor(1, mp_context=mp.get_context("spawn"), initializer=_begin)
        return self._pool.submit(function, *arguments)

    def clear(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            processes = list((getattr(pool, "_processes", None) or {}).values())
            pool.shutdown(wait=False, cancel_futures=True)
            for process in processes:
                process.kill()


def _ingested(data: bytes) -> images.Ingested:
    if not video.is_film(data[:256]):
        return images.ingest(data)
    facts = video.probe(data)
    return images.Ingested(data, facts.width, facts.height, text=video.text_of(data), seconds=facts.seconds)


def _thumbnail(assets: Assets, asset: str, side: int) -> bytes:
    data = assets.read(asset)
    return images.thumbnail(video.first_picture(data) if video.is_film(data[:256]) else data, side)


def _answer(function: Any, arguments: tuple[Any, ...]) -> Any:
    try:
        return function(*arguments)
    except MemoryError:
        raise BadInput("this picture does not fit in memory", code="image.unreadable") from None


def _begin() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with_the_server, daemon=True).start()
    with contextlib.suppress(ImportError, ValueError, OSError):  # there is no such limit on Windows
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def _leave_with_the_server() -> None:
    """A pool's process does not notice by itself that its server was killed: it would wait for work for ever."""
    server = mp.parent_process()
    assert server is not None
    server.join()
    os._exit(0)


def _nothing() -> None:
    return None

"""Strangers' pictures and films are decoded in processes of their own: a bomb or a broken decoder costs its own upload, never another and never the server.

Everything that is read from such a file is read there, its texts too. Uploads and thumbnails have processes of their own, so that neither waits for the other.
"""

import asyncio
import contextlib
import logging
import multiprocessing as mp
import os
import signal
import threading
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any

from huafang import images, metadata, video
from huafang.assets import Assets
from huafang.errors import BadInput, HuafangError, OutOfMemory
from huafang.notes import Note
from huafang.server.remux import rewritten

log = logging.getLogger(__name__)

CPU_SECONDS = 20
"""Processor time for one file: three times what the largest allowed picture takes. It is the same on a busy machine, where the clock is not."""
TIMEOUT = 60.0
"""Seconds by the clock for one file, counted from when a process takes it up: for files on which a decoder waits, and where processor time has no limit."""
MEMORY = 4 * 1024**3
"""Address space of one decoder: 40 megapixels in 4 channels, several times over."""
UPLOADERS = 2
THUMBNAILERS = 1


@dataclass(frozen=True)
class Arrived:
    """An upload fit to be stored. `made_with` is what its texts say of how it was made; `seconds` is a film's length."""

    data: bytes
    width: int
    height: int
    warnings: tuple[Note, ...]
    made_with: dict[str, Any]
    seconds: float | None = None


class Decoder:
    """Processes, some for uploads and some for thumbnails, each with one file at a time; one that dies or takes too long is replaced."""

    def __init__(self) -> None:
        self.uploads = _Seats(UPLOADERS)
        self.thumbnails = _Seats(THUMBNAILERS)

    async def ingest(self, data: bytes) -> Arrived:
        """`images.ingest` elsewhere, for pictures and films. Raises BadInput, TooLarge."""
        arrived: Arrived = await self.uploads.call(_ingested, data)
        return arrived

    async def thumbnail(self, assets: Assets, asset: str, side: int) -> bytes:
        """`images.thumbnail` of a stored file elsewhere; of a film, of its first frame. The file is read there too. Raises BadInput, NotFound."""
        small: bytes = await self.thumbnails.call(_thumbnail, assets, asset, side)
        return small

    def warm(self) -> None:
        """Start a process before it is needed."""
        self.uploads.warm()

    def close(self) -> None:
        self.uploads.close()
        self.thumbnails.close()


class _Seats:
    """Some processes for one purpose; who comes when all are busy waits."""

    def __init__(self, count: int) -> None:
        self.seats = [_Seat() for _ in range(count)]
        self.free: asyncio.LifoQueue[_Seat] = asyncio.LifoQueue()
        for seat in self.seats:
            self.free.put_nowait(seat)

    def warm(self) -> None:
        self.seats[-1].submit(_nothing)

    def close(self) -> None:
        for seat in self.seats:
            seat.clear()

    async def call(self, function: Any, *arguments: Any) -> Any:
        seat = await self.free.get()
        try:
            return await asyncio.wait_for(asyncio.wrap_future(seat.submit(_answer, CPU_SECONDS, function, arguments)), TIMEOUT)
        except (BrokenProcessPool, TimeoutError) as error:
            seat.clear()
            said = f"this file could not be decoded: it wants more than {CPU_SECONDS} seconds of processor time, or too much memory, and was given up"
            raise BadInput(said, code="image.unreadable", hint="save it again with an image or video program, or scale it down") from error
        except asyncio.CancelledError:  # whoever asked has left: the process may not work on for nobody
            seat.clear()
            raise
        finally:
            self.free.put_nowait(seat)


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


def _ingested(data: bytes) -> Arrived:
    if not video.is_film(data[:256]):
        picture = images.ingest(data)
        return Arrived(picture.data, picture.width, picture.height, picture.warnings, metadata.read(picture.text))
    try:
        film, facts, notes = rewritten(data)
    except HuafangError:
        raise
    except Exception as error:  # a reader fed with hostile bytes may raise anything at all
        log.exception("a film could not be read")
        raise BadInput("this file cannot be read as a film", code="video.unreadable", hint=f"readable are {video.READABLE}") from error
    return Arrived(film, facts.width, facts.height, notes, metadata.read(video.text_of(data)), facts.seconds)


def _thumbnail(assets: Assets, asset: str, side: int) -> bytes:
    data = assets.read(asset)
    return images.thumbnail(video.first_picture(data) if video.is_film(data[:256]) else data, side)


def _answer(cpu_seconds: int, function: Any, arguments: tuple[Any, ...]) -> Any:
    with contextlib.suppress(ImportError, ValueError, OSError):  # there is no such limit on Windows
        import resource

        used = resource.getrusage(resource.RUSAGE_SELF)
        # The process lives on, so only the soft limit moves; the kernel ends the process when it is reached.
        resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + 1 + cpu_seconds, resource.RLIM_INFINITY))
    try:
        return function(*arguments)
    except (MemoryError, OutOfMemory):
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

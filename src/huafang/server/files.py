"""Stored files as answers: read piece by piece as fast as the client takes them, so that a client that does not read holds one piece and not the file."""

import asyncio
import contextlib
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import BinaryIO

from fastapi.responses import StreamingResponse

from huafang.errors import QueueFull
from huafang.server.guard import Receive, Scope, Send

PIECE = 64 * 1024
"""Bytes that are read, and handed to the connection, at a time."""
AT_ONCE = 256
"""Files that are being sent at one time."""
EACH = 32
"""Of these, to one address: several tabs of a browser, each of which opens six connections."""
WAIT = 20.0
"""Seconds that a request waits for its turn before it is told to come back."""


class Streams:
    """Counts the files that are being sent. It lives on the event loop."""

    def __init__(self) -> None:
        self._busy: Counter[str] = Counter()
        self._changed = asyncio.Condition()

    @contextlib.asynccontextmanager
    async def turn(self, client: str) -> AsyncIterator[None]:
        """Wait for `client`'s turn. Raises QueueFull when it does not come within WAIT seconds."""
        async with self._changed:
            try:
                await asyncio.wait_for(self._changed.wait_for(lambda: self._busy[client] < EACH and self._busy.total() < AT_ONCE), WAIT)
            except TimeoutError:
                raise QueueFull(f"{self._busy[client]} files are being sent to this address, and {self._busy.total()} in all", retry_after=5) from None
            self._busy[client] += 1
        try:
            yield
        finally:
            self._busy[client] -= 1
            if not self._busy[client]:
                del self._busy[client]
            async with self._changed:
                self._changed.notify_all()


class FileStream(StreamingResponse):
    """`open` gives the file, of which the bytes `first` to `last` (the last one included) are sent."""

    def __init__(self, open: Callable[[], BinaryIO], streams: Streams, first: int, last: int, *, status: int, headers: dict[str, str], media_type: str) -> None:
        super().__init__(iter(()), status, {**headers, "content-length": str(last - first + 1)}, media_type)
        self._open, self._streams, self._first, self._last = open, streams, first, last

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._streams.turn(str((scope.get("client") or ("",))[0])):
            file = await asyncio.to_thread(self._open)
            try:
                self.body_iterator = self._pieces(file)
                await super().__call__(scope, receive, send)
            finally:
                file.close()

    async def _pieces(self, file: BinaryIO) -> AsyncIterator[bytes]:
        await asyncio.to_thread(file.seek, self._first)
        left = self._last - self._first + 1
        while left and (piece := await asyncio.to_thread(file.read, min(left, PIECE))):
            left -= len(piece)
            yield piece


def wanted_range(header: str, size: int) -> tuple[int, int] | None:
    """First and last byte of a `Range` header of one range (RFC 9110, section 14); None for any other, which may be passed over. `first > last` is
    a range outside the file.
    """
    found = re.fullmatch(r"bytes=(\d{0,15})-(\d{0,15})", header.strip())
    if not found or not any(found.groups()):
        return None
    first, last = found.groups()
    if not first:
        return max(0, size - int(last)), size - 1 if int(last) else -1
    return int(first), min(int(last or size), size - 1) if int(first) < size else -1

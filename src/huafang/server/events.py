"""From the dispatcher's threads to a listener's coroutine, without ever waiting for a slow one."""

import asyncio
from collections import OrderedDict
from types import TracebackType
from typing import Any

from huafang.jobs.dispatcher import Dispatcher, Kind


class Mailbox:
    """Holds, for each job, the latest `job`, `progress` and `preview`: a slow reader sees fewer of them, never old ones, and memory is bounded.

    `job` None is for all jobs.
    """

    def __init__(self, dispatcher: Dispatcher, job: str | None) -> None:
        self._dispatcher = dispatcher
        self._job = job
        self._held: OrderedDict[tuple[Kind, str], Any] = OrderedDict()
        self._loop = asyncio.get_running_loop()
        self._came = asyncio.Event()

    def __enter__(self) -> "Mailbox":
        self._leave = self._dispatcher.listen(self._on_news)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._leave()

    def _on_news(self, kind: Kind, job: str, payload: Any) -> None:
        if self._job in (None, job) and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._hold, kind, job, payload)

    def _hold(self, kind: Kind, job: str, payload: Any) -> None:
        self._held.pop((kind, job), None)
        self._held[kind, job] = payload
        self._came.set()

    async def collect(self, closing: asyncio.Event) -> list[tuple[Kind, str, Any]]:
        """Wait for news, or for the end; what came, in order."""
        waits = [asyncio.ensure_future(self._came.wait()), asyncio.ensure_future(closing.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        self._came.clear()
        held, self._held = self._held, OrderedDict()
        return [(kind, job, payload) for (kind, job), payload in held.items()]

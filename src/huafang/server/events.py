"""From the dispatcher's threads to listeners' coroutines, without ever waiting for a slow one."""

import asyncio
from collections import OrderedDict
from types import TracebackType
from typing import Any

from huafang.jobs.dispatcher import Dispatcher, Kind
from huafang.jobs.store import ENDED


class Hub:
    """Hears the dispatcher once and passes each piece of news on to the mailboxes, on the event loop: a thousand listeners cost the queue nothing.

    `changes` counts the jobs' changes so far, for what is remembered only until the next one.
    """

    def __init__(self) -> None:
        self.boxes: set[Mailbox] = set()
        self.changes = 0

    def open(self, dispatcher: Dispatcher) -> None:
        """Begin to listen. Call it on the event loop."""
        self._loop = asyncio.get_running_loop()
        self._leave = dispatcher.listen(self._on_news)

    def close(self) -> None:
        self._leave()

    def _on_news(self, kind: Kind, job: str, payload: Any) -> None:
        self.changes += kind == "job"
        if self.boxes and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._pass_on, kind, job, payload)

    def _pass_on(self, kind: Kind, job: str, payload: Any) -> None:
        for box in self.boxes:
            box.hold(kind, job, payload)


class Mailbox:
    """Holds, for each job, the latest `job`, `progress` and `preview`, the last two only while it runs: a slow reader sees fewer of them, never old ones,
    and memory is bounded.

    `job` None is for all jobs. It lives on the event loop.
    """

    def __init__(self, hub: Hub, job: str | None) -> None:
        self._hub = hub
        self._job = job
        self._held: OrderedDict[tuple[Kind, str], Any] = OrderedDict()
        self._came = asyncio.Event()

    def __enter__(self) -> "Mailbox":
        self._hub.boxes.add(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._hub.boxes.discard(self)

    def hold(self, kind: Kind, job: str, payload: Any) -> None:
        if self._job not in (None, job):
            return
        if kind == "job" and payload.state in ENDED:
            self._held.pop(("progress", job), None)
            self._held.pop(("preview", job), None)
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

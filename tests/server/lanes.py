"""The queue tests' fake lane behind real params: it works `seed` steps of 0.02 s, and paints nothing."""

from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Any

from huafang.jobs.executor import TaskSpec
from huafang.worker import LanePlaces
from tests.jobs.lanes import fake_lane


class _Pipe:
    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def recv(self) -> Any:
        message = self._pipe.recv()
        if isinstance(message, TaskSpec):
            return replace(message, params={**message.params, "steps": message.params.get("seed") or 1, "dt": 0.02})
        return message

    def send(self, message: Any) -> None:
        self._pipe.send(message)


def lane(pipe: Connection, name: str, where: LanePlaces) -> None:
    fake_lane(_Pipe(pipe), name, where.assets.parent)  # type: ignore[arg-type]  # it receives and it sends

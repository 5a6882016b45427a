"""The queue tests' fake lane behind real params: it works `seed` steps of 0.02 s, and paints nothing. With the seed `TALKS` it says something."""

from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Any

from huafang.jobs.executor import TaskSpec
from huafang.worker import LanePlaces
from tests.jobs.lanes import fake_lane

TALKS = 7_777


class _Pipe:
    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def recv(self) -> Any:
        message = self._pipe.recv()
        if isinstance(message, TaskSpec):
            seed = message.params.get("seed")
            return replace(message, params={**message.params, "steps": seed or 1, "dt": 0.02, "say": ["goes on from step 534"] if seed == TALKS else []})
        return message

    def send(self, message: Any) -> None:
        self._pipe.send(message)


def lane(pipe: Connection, name: str, where: LanePlaces) -> None:
    fake_lane(_Pipe(pipe), name, where.assets.parent)  # type: ignore[arg-type]  # it receives and it sends

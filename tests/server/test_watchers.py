"""Streams of events and the two routes that wait for a picture, while jobs end and files go away around them. Never a 500 but for a job that broke."""

import asyncio
import json
import tempfile
import time
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, rule

from huafang.assets import Assets
from huafang.errors import BadInput, Cancelled, DiskFull, JobFailed, OutOfMemory, failure
from huafang.jobs.dispatcher import Dispatcher
from huafang.jobs.executor import Event
from huafang.jobs.rows import open_database
from huafang.jobs.store import Store
from huafang.models.store import ModelStore
from huafang.places import Places
from huafang.server.studio import Studio
from tests.jobs.test_states import Puppet
from tests.server.conftest import client_of, picture, upload
from tests.server.test_life import STRANGE, printable, quoted, spoil

PATIENCE = 20
PARTS = st.sampled_from(
    [
        *[picture(colour=colour) for colour in ("teal", "red", "navy", "gold", "pink", "lime")],
        b"",
        b"words",
        b"<svg/>",
        b"\x89PNG\r\n\x1a\n",
        b"\0\0\0\x1cftypisom",
    ]
)
MISHAPS = (b"broke", b"lost", b"made no picture", b"stopped", b"died")
ENDS = st.sampled_from(["done", "empty", "failed", "cancelled", "lost"])
FAILURES = st.sampled_from(["image.unreadable", "weights.missing", "disk.full", "memory.out", "job.crashed", "", "model.overflow"])


class Request:
    """One request that goes on while others are made; it ends with its answer, or when the client leaves."""

    def __init__(self, client: Any, method: str, path: str, *, headers: dict[str, str] | None = None, body: bytes = b"") -> None:
        self.status: int | None = None
        self.body = b""
        self._client = client
        self._left = client.portal.call(self._event)
        raw, _, query = path.partition("?")
        fields = {"host": "127.0.0.1", **(headers or {})}
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": raw,
            "raw_path": raw.encode(),
            "root_path": "",
            "query_string": query.encode(),
            "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields.items()],
            "client": ("127.0.0.1", 9),
            "server": ("127.0.0.1", 80),
        }
        self._end: Future[None] = client.portal.start_task_soon(self._run, scope, body)

    async def _event(self) -> asyncio.Event:
        return asyncio.Event()

    async def _run(self, scope: dict[str, Any], body: bytes) -> None:
        came = iter([{"type": "http.request", "body": body, "more_body": False}])

        async def receive() -> Any:
            for message in came:
                return message
            await self._left.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                self.status = message["status"]
            else:
                self.body += message.get("body", b"")

        await self._client.app(scope, receive, send)

    @property
    def done(self) -> bool:
        return self._end.done()

    def end(self, *, leave: bool) -> None:
        """Wait for the answer's end; `leave`: as a client does that closes the connection. What the application raised is raised."""
        if leave:
            self._client.portal.call(self._leave)
        self._end.result(PATIENCE)

    async def _leave(self) -> None:
        self._left.set()

    def events(self) -> list[Any]:
        """The data of each event that came whole."""
        blocks = self.body.decode().replace("\r\n", "\n").split("\n\n")[:-1]
        return [json.loads(line.removeprefix("data: ")) for block in blocks for line in block.splitlines() if line.startswith("data: ")]


def form(**parts: bytes | str) -> tuple[dict[str, str], bytes]:
    pieces = []
    for name, value in parts.items():
        file = '; filename="x.png"' if isinstance(value, bytes) else ""
        data = value if isinstance(value, bytes) else value.encode("utf-8", "replace")
        pieces.append(f'--edge\r\ncontent-disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + data + b"\r\n")
    body = b"".join(pieces) + b"--edge--\r\n"
    return {"content-type": "multipart/form-data; boundary=edge", "content-length": str(len(body))}, body


class Watchers(RuleBasedStateMachine):
    jobs = Bundle("jobs")
    listeners = Bundle("listeners")
    waiting = Bundle("waiting")

    def __init__(self) -> None:
        super().__init__()
        self.home = tempfile.TemporaryDirectory()
        places = Places(Path(self.home.name))
        self.store, self.files, self.puppet = Store(open_database(places.database)), Assets(places.assets), Puppet()
        self.dispatcher = Dispatcher(self.store, self.puppet, self.files, places.outbox, queue_limit=12)
        self.dispatcher._thread.start = lambda: None  # the test turns the wheel itself
        self.dispatcher.start()
        self.studio = Studio(places, self.store, self.dispatcher, self.files, ModelStore(places.models))
        self.client = client_of(self.studio)
        self.client.__enter__()
        self.asset = upload(self.client, picture()).json()["id"]

    @rule(target=jobs)
    def submit(self) -> str:
        body = {"params": {"method": "image_filters", "content": self.asset}}
        answer = self.client.post("/api/jobs", json=body)
        assert answer.status_code in (201, 404, 422, 429), answer.text
        return answer.json()["id"] if answer.status_code == 201 else "nobody"

    @rule(target=jobs, name=STRANGE)
    def a_job_that_never_was(self, name: str) -> str:
        return name

    @rule(target=listeners, job=jobs | st.none(), last=st.sampled_from(["", "0", "-1", "x" * 300, "9" * 40, "\xff"]))
    def somebody_listens(self, job: str | None, last: str) -> Request:
        path = "/api/events" if job is None else f"/api/jobs/{quoted(job)}/events".replace("%00", "0")
        return Request(self.client, "GET", path, headers={"last-event-id": last, "accept": "text/event-stream"})

    @rule(listener=consumes(listeners))
    def the_listener_leaves(self, listener: Request) -> None:
        listener.end(leave=True)
        assert listener.status in (200, 404, 422), (listener.status, listener.body[:300])
        if listener.status == 200:
            assert all(isinstance(event, dict) for event in listener.events())

    @rule(target=waiting, content=PARTS, style=PARTS)
    def a_transfer_is_asked_for(self, content: bytes, style: bytes) -> Request:
        headers, body = form(content=content, style=style)
        return Request(self.client, "POST", "/api/style-transfer", headers=headers, body=body)

    @rule(target=waiting, prompt=STRANGE, style=st.sampled_from(["none", "monet", "猫", ""]))
    def a_drawing_is_asked_for(self, prompt: str, style: str) -> Request:
        headers, body = form(prompt=printable(prompt), style=style)
        return Request(self.client, "POST", "/api/text-to-image", headers=headers, body=body)

    @rule(request=consumes(waiting), how=st.sampled_from(["done", "empty", "failed", "lost"]), code=FAILURES)  # one that was not asked to stop runs again
    def the_answer_comes(self, request: Request, how: str, code: str) -> None:
        for _ in range(PATIENCE * 100):
            if request.done:
                break
            self.dispatcher._fill_lanes()
            for name in list(self.puppet.tasks):
                self.end(name, how, code)
            time.sleep(0.01)
        request.end(leave=False)
        assert request.status == 200 or set(json.loads(request.body)) in ({"error"}, {"type", "title", "status", "detail", "code", "hint"}), request.body[:300]
        assert request.status < 500 or any(words in request.body for words in MISHAPS), (request.status, request.body[:300])

    @rule(data=st.data(), how=ENDS, code=FAILURES)
    def a_job_ends(self, data: Any, how: str, code: str) -> None:
        self.dispatcher._fill_lanes()
        if self.puppet.tasks:
            self.end(data.draw(st.sampled_from(sorted(self.puppet.tasks))), how, code)

    def end(self, name: str, how: str, code: str) -> None:
        task = self.puppet.tasks.pop(name)
        output = {"asset": self.files.put(task.job_id.encode()), "name": "x.png", "media_type": "image/png", "width": 1, "height": 1}
        done = {"outputs": [] if how == "empty" else [output], "figures": {}, "notes": [], "seconds": 1.0}
        contents = {"done": done, "empty": done, "failed": {"code": code, "message": "it broke", "hint": None}}
        self.puppet.say(Event(task.job_id, task.attempt, "done" if how == "empty" else how, contents.get(how, {"exit": -9})))

    @rule(job=jobs, action=st.sampled_from(["cancel", "retry", "delete"]))
    def job_is_changed(self, job: str, action: str) -> None:
        path = f"/api/jobs/{quoted(job)}"
        answer = self.client.delete(path) if action == "delete" else self.client.post(f"{path}/{action}")
        assert answer.status_code < 500, answer.text

    @rule(how=st.sampled_from(["gone", "empty", "folder"]))
    def the_picture_goes_away(self, how: str) -> None:
        if self.files.exists(self.asset) and self.files._place(self.asset).is_file():
            spoil(self.files, self.asset, how)

    @rule(days=st.sampled_from([1, 40]))
    def time_passes(self, days: int) -> None:
        for _ in range(days):
            self.store.pass_time(86_400, 0)
        self.dispatcher.sweep()

    def teardown(self) -> None:
        self.client.portal.call(self.close)
        self.client.__exit__(None, None, None)
        self.dispatcher.stop(0)
        self.store.close()
        self.home.cleanup()

    async def close(self) -> None:
        self.studio.closing.set()


class TestWatchers(Watchers.TestCase):
    settings = settings(max_examples=15, stateful_step_count=30, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("image.unreadable", BadInput),
        ("memory.out", OutOfMemory),
        ("disk.full", DiskFull),
        ("cancelled", Cancelled),
        ("job.crashed", JobFailed),
        ("", JobFailed),
    ],
)
def test_a_failed_job_is_an_error_of_the_class_that_its_code_belongs_to(code, kind):
    error = failure(code, "it broke")
    assert type(error) is kind
    assert error.code == (code or "job.failed")

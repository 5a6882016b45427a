"""Every route but those of models (`test_models_route.py`), with every kind of id: one that exists, that never did, that goes away meanwhile. Never a 500."""

import tempfile
import urllib.parse
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule

from huafang.assets import Assets
from huafang.jobs.dispatcher import Dispatcher
from huafang.jobs.executor import Event
from huafang.jobs.rows import open_database
from huafang.jobs.store import Store
from huafang.models.store import ModelStore
from huafang.places import Places
from huafang.server.studio import Studio
from tests.jobs.test_states import Puppet
from tests.server.conftest import client_of, picture, upload

STRANGE = st.sampled_from(
    ["0" * 64, "f" * 64, "F" * 64, "a" * 63, "nobody", "..", "../../etc/passwd", "x" * 3000, "猫", "%00", "\0", "-1", " ", "job/..", "\ud800", "<img>", "0"]
)
METHODS = ("GET", "POST", "DELETE", "PUT", "PATCH", "HEAD", "OPTIONS")
ACTIONS = ("", "/cancel", "/retry", "/move", "/restore", "/thumbnail", "/events", "/example", "/nothing")
BODIES = st.sampled_from(
    [b"", b"{", b"null", b"[]", b"3", b'{"before": 3}', b'{"params": null}', b'{"params": {"method": "nobody"}}', b"\xff\xfe", b"[" * 5000]
)


class Api(RuleBasedStateMachine):
    """Jobs run, end and are lost; files and rows go away behind the server's back."""

    assets = Bundle("assets")
    jobs = Bundle("jobs")

    def __init__(self) -> None:
        super().__init__()
        self.home = tempfile.TemporaryDirectory()
        places = Places(Path(self.home.name))
        self.store, self.files, self.puppet = Store(open_database(places.database)), Assets(places.assets), Puppet()
        self.dispatcher = Dispatcher(self.store, self.puppet, self.files, places.outbox, queue_limit=12)
        self.dispatcher._thread.start = lambda: None  # the test turns the wheel itself
        self.dispatcher.start()
        self.places = places
        self.client = client_of(Studio(places, self.store, self.dispatcher, self.files, ModelStore(places.models)))

    def ask(self, method: str, path: str, **options: Any) -> Any:
        answer = self.client.request(method, path, **options)
        assert answer.status_code < 500, (method, path[:200], answer.status_code, answer.text[:500])
        return answer

    @rule(target=assets, colour=st.integers(0, 3))
    def picture_comes(self, colour: int) -> str:
        return upload(self.client, picture(colour=(colour * 60, 90, 30))).json()["id"]

    @rule(target=assets, data=st.sampled_from([b"words", b"\x89PNG\r\n\x1a\n", b"", b"\0\0\0\x1cftypisom"]))
    def a_file_that_is_no_picture_is_stored(self, data: bytes) -> str:
        return self.files.put(data)

    @rule(target=assets, name=STRANGE)
    def an_asset_that_never_was(self, name: str) -> str:
        return name

    @rule(target=jobs, name=STRANGE)
    def a_job_that_never_was(self, name: str) -> str:
        return name

    @rule(asset=assets, how=st.sampled_from(["gone", "empty", "folder"]))
    def asset_goes_away(self, asset: str, how: str) -> None:
        if asset.isalnum() and asset.isascii() and len(asset) == 64 and self.files.exists(asset):
            spoil(self.files, asset, how)

    @rule(target=jobs, asset=assets, priority=st.sampled_from(["interactive", "bulk", "soon"]), key=st.sampled_from([None, "a", "x" * 300]))
    def submit(self, asset: str, priority: str, key: str | None) -> Any:
        body = {"params": {"method": "colour_transfer", "content": printable(asset), "style": [printable(asset)]}, "priority": priority}
        answer = self.ask("POST", "/api/jobs", json=body, headers={"Idempotency-Key": key} if key else {})
        return answer.json()["id"] if answer.status_code == 201 else multiple()

    @rule()
    def turn(self) -> None:
        self.dispatcher._fill_lanes()

    @rule(data=st.data(), how=st.sampled_from(["done", "failed", "cancelled", "lost"]))
    def a_job_ends(self, data: Any, how: str) -> None:
        if not self.puppet.tasks:
            return
        task = self.puppet.tasks.pop(data.draw(st.sampled_from(sorted(self.puppet.tasks))))
        output = {"asset": self.files.put(task.job_id.encode()), "name": "x.png", "media_type": "image/png", "width": 1, "height": 1}
        contents = {"done": {"outputs": [output], "figures": {}, "notes": [], "seconds": 1.0}, "failed": {"code": "x", "message": "x", "hint": None}}
        self.puppet.say(Event(task.job_id, task.attempt, how, contents.get(how, {"exit": -9})))

    @rule(days=st.sampled_from([0, 1, 40]))
    def time_passes(self, days: int) -> None:
        """Rows of the trash and unused files are purged."""
        for _ in range(days):
            self.store.pass_time(86_400, 0)
        self.dispatcher.sweep()

    @rule(job=jobs, method=st.sampled_from(METHODS), action=st.sampled_from(ACTIONS), body=BODIES)
    def job_is_asked(self, job: str, method: str, action: str, body: bytes) -> None:
        if action == "/events" and (row := self.row(job)) and row.state in ("queued", "running"):
            return  # a stream that never ends here
        self.ask(method, f"/api/jobs/{quoted(job)}{action}", content=body, headers={"content-type": "application/json"})

    @rule(job=jobs, before=jobs | st.none())
    def job_is_moved(self, job: str, before: str | None) -> None:
        self.ask("POST", f"/api/jobs/{quoted(job)}/move", json={"before": before and printable(before)})

    @rule(job=jobs, action=st.sampled_from(["cancel", "retry", "restore", "delete"]))
    def job_is_changed(self, job: str, action: str) -> None:
        path = f"/api/jobs/{quoted(job)}"
        self.ask("DELETE", path) if action == "delete" else self.ask("POST", f"{path}/{action}")

    @rule(
        asset=assets, method=st.sampled_from(METHODS), action=st.sampled_from(ACTIONS), spans=st.sampled_from([None, "bytes=0-3", "bytes=9-2", "bytes=-5", "x"])
    )
    def asset_is_asked(self, asset: str, method: str, action: str, spans: str | None) -> None:
        self.ask(method, f"/api/assets/{quoted(asset)}{action}?download=x&size=256", headers={"range": spans} if spans else {})

    @rule(name=STRANGE | st.sampled_from(["colour_transfer", "compare", "text_to_image"]), method=st.sampled_from(METHODS), action=st.sampled_from(ACTIONS))
    def method_is_asked(self, name: str, method: str, action: str) -> None:
        self.ask(method, f"/api/methods/{quoted(name)}{action}")

    @rule(job=jobs, query=st.sampled_from(["state=done", "state=x", "method=colour_transfer", "limit=0", "limit=x", "q=%00", "q=(", "deleted=true", "q=%25_"]))
    def lists_are_asked(self, job: str, query: str) -> None:
        self.ask("GET", f"/api/jobs?{query}&before={quoted(job)}")
        self.ask("GET", f"/api/jobs?{query}")

    @rule(body=BODIES)
    def anything_is_submitted(self, body: bytes) -> None:
        self.ask("POST", "/api/jobs", content=body, headers={"content-type": "application/json"})
        self.ask("POST", "/api/assets", content=body, headers={"content-type": "multipart/form-data; boundary=x"})

    @rule(action=st.sampled_from(["pause", "resume"]))
    def queue_is_asked(self, action: str) -> None:
        self.ask("POST", f"/api/queue/{action}")

    @invariant()
    def what_stands_is_answered(self) -> None:
        for path in ("/api/jobs", "/api/jobs?deleted=true", "/api/queue", "/api/health", "/api/methods"):
            assert self.ask("GET", path).status_code == 200

    def row(self, job: str) -> Any:
        return next((row for row in self.store.page(limit=200) if row.id == job), None)

    def teardown(self) -> None:
        self.dispatcher.stop(0)
        self.store.close()
        self.home.cleanup()


def spoil(files: Assets, asset: str, how: str) -> None:
    """What somebody else may do to a stored file: take it away ("gone"), leave it "empty", or put a "folder" in its place."""
    place = files._place(asset)
    place.unlink()
    if how == "empty":
        place.touch()
    elif how == "folder":
        place.mkdir()


def quoted(name: str) -> str:
    return urllib.parse.quote(name.encode("utf-8", "surrogatepass"), safe="/%")


def printable(name: str) -> str:
    return name.encode("utf-8", "replace").decode()


class TestApi(Api.TestCase):
    settings = settings(max_examples=10, stateful_step_count=30, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


ENDS = ("", "?download=x", "/thumbnail", "/thumbnail?size=512", "/nothing")
SPANS = (None, "bytes=0-3", "bytes=-5", "bytes=9-2", "bytes=99999999-", "words")


@pytest.mark.parametrize("state", ["there", "gone", "empty", "folder", "no picture", "never"])
def test_every_way_to_ask_for_a_file_in_every_state_it_may_be_in(client, studio, state):
    asset = (
        studio.assets.put(b"words")
        if state == "no picture"
        else "0" * 64
        if state == "never"
        else upload(client, picture(colour=f"#{len(state):06x}")).json()["id"]
    )
    if state in ("gone", "empty", "folder"):
        spoil(studio.assets, asset, state)
    for method in ("GET", "HEAD"):
        for end in ENDS:
            for span in SPANS:
                answer = client.request(method, f"/api/assets/{asset}{end}", headers={"range": span} if span else {})
                assert answer.status_code < 500, (method, end, span, answer.text[:300])
                if end == "" and span is None:
                    assert (answer.status_code == 200) == (state in ("there", "empty", "no picture")), (method, answer.status_code)

"""A database with a damaged row: the server starts, the others are shown and run, and the damaged one says what is wrong with it."""

import sqlite3
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from huafang.assets import Assets
from huafang.errors import Conflict, Unavailable
from huafang.jobs.dispatcher import Dispatcher
from huafang.jobs.rows import open_database
from huafang.jobs.soundness import FIELDS
from huafang.jobs.store import Draft, Store
from huafang.server.views import job_view
from tests.jobs.conftest import draft
from tests.jobs.test_states import Puppet
from tests.server.conftest import client_of, open_studio

MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
STATES = ("queued", "running", "done", "failed", "cancelled")


class Damaged:
    """A database with a sound job that waits, a sound one that is done, and one in a given state that is to be damaged."""

    def __init__(self, root: Path, state: str) -> None:
        self.root = root
        self.assets = Assets(root / "assets")
        store = self.open()
        self.picture = self.assets.put(b"picture")
        self.output = {"asset": self.picture, "name": "x.png", "media_type": "image/png", "width": 1, "height": 1}
        self.done = store.add(Draft("fake", {}, [self.picture], "", "compute")).id
        store.finish(self.done, store.claim("compute").attempt, "done", outputs=[self.output])
        self.bad = store.add(Draft("fake", {"a": 1}, [self.picture], "bad", "compute")).id
        if state != "queued":
            attempt = store.claim("compute").attempt
            values = {"done": {"outputs": [self.output]}, "failed": {"error": {"code": "x", "message": "x", "hint": None}}}
            if state != "running":
                store.finish(self.bad, attempt, state, **values.get(state, {}))
        self.waits = store.add(draft("waits")).id
        store.close()

    def open(self) -> Store:
        return Store(open_database(f"sqlite:///{self.root / 'huafang.db'}"))

    def write(self, column: str, value: Any) -> None:
        with sqlite3.connect(self.root / "huafang.db") as database:
            database.execute(f"update job set {column} = ? where id = ?", (value, self.bad))
        database.close()

    def start(self) -> Dispatcher:
        made = Dispatcher(self.open(), Puppet(), self.assets, self.root / "outbox")
        made._thread.start = lambda: None
        made.start()
        return made


RAW: dict[str, list[Any]] = {
    "params": ["", "{", "[]", "null", b"\xff\xfe", 7, '{"a": NaN}', "[" * 100_000],
    "inputs": ["", "{}", '["x"]', "[7]", "null"],
    "state": ["", "paused", b"\x80", 7],
    "outputs": ["{", "{}", "[{}]", '[{"asset": "x"}]', "null"],
    "error": ["{", "[]", '{"code": 1}', '{"code": "x", "message": "x", "hint": null, "more": 1}'],
    "created_at": [1e18, -1e18, float("inf"), "yesterday", b"x"],
    "started_at": [1e300, "x"],
    "finished_at": [1e18, b"\0"],
    "deleted_at": ["x"],
    "figures": ["[]", '{"loss": "x"}', '{"loss": NaN}', "7"],
    "notes": ["{}", "[7]", '[{"en": "x"}]'],
    "seconds": ["x", -1, float("inf")],
    "priority": ["x", 99, 1.5],
    "place": ["x", float("inf")],
    "attempt": ["x", -1, 2**62],
    "seq": ["x", 2**62],
    "crashes": [b"x"],
    "cancelling": ["x"],
    "method": ["", b"\xff", 7, "nul\0"],
    "lane": [7, "elsewhere"],
    "title": [b"\xff\xff", 7],
    "words": [b"\xff", 7],
    "key": [7, b"\xff"],
    "id": ["", "../../../../etc/passwd", "x" * 24, b"\xff\xfe", 7],
}


def check(home: Damaged) -> None:
    """All that a server does with its rows works, and the sound jobs are as they were."""
    made = home.start()
    try:
        rows = [*made.store.page(limit=200), *made.store.page(limit=200, deleted=True), *made.store.waiting(), *made.store.running()]
        for row in rows:
            job_view(row, made).model_dump_json()
        assert made.store.get(home.done).outputs == [home.output]
        for _ in range(4):
            made._fill_lanes()
        assert home.waits in made.executor.tasks, "the queue goes on"
        made.sweep()
        assert home.assets.exists(home.picture)
        made.stop(0)
    finally:
        made.store.close()


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("column", RAW)
def test_bad_input_60_one_damaged_row_takes_no_other_along(tmp_path: Path, column: str, state: str):
    assert set(RAW) == {*FIELDS, "id"}
    with tempfile.TemporaryDirectory(dir=MEMORY) as root:
        home = Damaged(Path(root), state)
        for value in RAW[column]:
            home.write(column, value)
            check(home)
            if column == "id":
                with sqlite3.connect(home.root / "huafang.db") as database:
                    database.execute("update job set id = ? where id not in (?, ?)", (home.bad, home.done, home.waits))
                database.close()


VALUES = st.one_of(
    st.none(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.binary(max_size=20), st.text(st.characters(codec="utf-8"), max_size=20)
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(FIELDS)), VALUES, min_size=1, max_size=4), st.sampled_from(STATES))
@example({"place": float("-inf")}, "queued")
def test_no_value_in_any_column_stops_the_server(damage: dict[str, Any], state: str):
    with tempfile.TemporaryDirectory(dir=MEMORY) as root:
        home = Damaged(Path(root), state)
        for column, value in damage.items():
            try:
                home.write(column, value)
            except sqlite3.IntegrityError:  # NULL where none may be
                continue
        check(home)


def test_a_damaged_row_says_so_and_can_be_deleted_and_not_run_again(tmp_path: Path):
    home = Damaged(tmp_path, "queued")
    home.write("params", "{")
    made = home.start()
    row = made.store.get(home.bad)
    assert (row.state, row.error["code"]) == ("failed", "job.damaged")
    assert "params" in row.error["message"]
    with pytest.raises(Conflict, match="damaged"):
        made.retry(home.bad)
    made.trash(home.bad)
    assert home.bad in [row.id for row in made.store.page(deleted=True)]
    made.store.close()


def test_a_finished_job_keeps_its_pictures_when_only_a_figure_is_damaged(tmp_path: Path):
    home = Damaged(tmp_path, "done")
    home.write("figures", "{")
    made = home.start()
    view = job_view(made.store.get(home.bad), made)
    assert view.state == "done"
    assert [output.asset for output in view.outputs] == [home.picture]
    assert "figures" in view.notes[-1].en
    assert "损坏" in view.notes[-1].zh
    made.store.close()


def test_no_picture_is_deleted_while_a_row_does_not_say_what_it_uses(tmp_path: Path):
    home = Damaged(tmp_path, "done")
    made = home.start()
    unused = made.keep_upload(b"unused")
    made.store.pass_time(100 * 86400.0, 1.0)
    home.write("outputs", "{")
    assert made.sweep() == 0
    assert made.sweep() == 0
    assert [note for note in made.retention.notices if "damaged" in note]
    assert home.assets.exists(unused)
    home.write("outputs", "[]")
    made.sweep()
    assert not home.assets.exists(unused)
    made.store.close()


def test_the_gallery_of_a_damaged_database_is_shown_over_http(tmp_path: Path):
    home = Damaged(tmp_path, "done")
    home.write("created_at", 1e18)
    home.write("outputs", "{")
    studio = open_studio(tmp_path)
    with client_of(studio) as client:
        shown = {job["id"]: job for job in client.get("/api/jobs").json()["jobs"]}
        assert set(shown) == {home.done, home.bad, home.waits}
        assert shown[home.bad]["error"]["code"] == "job.damaged"
        assert client.get(f"/api/jobs/{home.bad}").status_code == 200
        assert client.get("/api/queue").json()["queued"] == 1
    studio.store.close()


def change_schema(place: Path, *statements: str) -> None:
    with sqlite3.connect(place) as database:
        for statement in statements:
            database.execute(statement)
    database.close()


@pytest.mark.parametrize("statement", ["delete from setting", "update setting set value = 'abc' where name = 'schema'", "drop table setting"])
def test_a_lost_version_is_not_said_to_be_a_newer_one(tmp_path: Path, statement: str):
    home = Damaged(tmp_path, "done")
    change_schema(tmp_path / "huafang.db", statement)
    check(home)


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        (["update setting set value = '3' where name = 'schema'"], "newer Huafang"),
        (["alter table job drop column title"], "job has no title"),
        (["alter table setting rename to other", "create table setting (theme text)"], "another program's"),
    ],
)
def test_a_newer_and_another_programs_database_are_told_apart(tmp_path: Path, statements: list[str], said: str):
    Damaged(tmp_path, "done")
    change_schema(tmp_path / "huafang.db", *statements)
    before = (tmp_path / "huafang.db").read_bytes()
    with pytest.raises(Unavailable, match=said) as caught:
        open_database(f"sqlite:///{tmp_path / 'huafang.db'}")
    assert caught.value.exit_code == 3
    assert (tmp_path / "huafang.db").read_bytes() == before

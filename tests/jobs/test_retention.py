"""What is deleted for good, and what never is: a database that is empty, another one, an older copy or damaged deletes no picture, and neither does a clock."""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from huafang.assets import Assets, write_whole
from huafang.errors import NotFound, Unavailable
from huafang.jobs import retention
from huafang.jobs.dispatcher import Dispatcher
from huafang.jobs.rows import open_database
from huafang.jobs.store import Draft, Store
from tests.jobs.test_states import Puppet

DAY = 86400.0


class Clock:
    """In the place of the module `time`: it passes when it is told to, and its time of day may be set."""

    def __init__(self) -> None:
        self.ticks = 1000.0
        self.day = 1.7e9

    def time(self) -> float:
        return self.day

    def monotonic(self) -> float:
        return self.ticks

    def run(self, seconds: float) -> None:
        self.ticks += seconds
        self.day += seconds


class House:
    """A data folder with a dispatcher over it whose thread does not run; `database` is a file in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.made = 0
        self.assets = Assets(root / "assets", [root / "names"])

    def open(self, database: str = "a.db") -> Dispatcher:
        store = Store(open_database(f"sqlite:///{self.root / database}"))
        self.dispatcher = Dispatcher(store, Puppet(), self.assets, self.root / "outbox")
        self.dispatcher._thread.start = lambda: None
        self.dispatcher.start()
        self.dispatcher.sweep()
        return self.dispatcher

    def close(self) -> None:
        self.dispatcher.stop(0)
        self.dispatcher.store.close()

    def upload(self, content: str) -> str:
        asset = self.dispatcher.keep_upload(content.encode())
        write_whole(self.root / "names" / asset, content.encode())
        return asset

    def job(self, picture: str, result: str = "") -> str:
        """A job that is done."""
        self.made += 1
        store = self.dispatcher.store
        job = self.dispatcher.submit(Draft("fake", {}, [picture], "", "compute")).id
        row = store.claim("compute")
        output = self.assets.put((result or f"result {self.made}").encode())
        store.finish(row.id, row.attempt, "done", outputs=[{"asset": output, "name": "x", "media_type": "image/png", "width": 1, "height": 1}])
        return job

    def live(self, clock: Clock, days: float) -> None:
        """The studio runs for so long, in steps of a day and one of what is left over."""
        whole, rest = divmod(days, 1.0)
        for step in [1.0] * int(whole) + [rest] * bool(rest):
            clock.run(DAY * step)
            self.dispatcher.sweep()

    def stored(self) -> set[str]:
        return set(self.assets.ids())


@pytest.fixture
def clock(monkeypatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(retention, "time", made)
    return made


MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""Where folders are made that are synced a thousand times."""


@pytest.fixture
def house(clock) -> Iterator[House]:
    with tempfile.TemporaryDirectory(dir=MEMORY) as root:
        yield House(Path(root))


def truncate(place: Path) -> None:
    place.write_bytes(b"")


def remove(place: Path) -> None:
    place.unlink()


def replace_with_older(place: Path) -> None:
    shutil.copy(place.with_name("older.db"), place)


@pytest.mark.parametrize("spoil", [truncate, remove, replace_with_older])
def test_a_database_that_is_empty_or_older_deletes_nothing_and_says_so(house: House, clock: Clock, spoil: Callable[[Path], None]):
    house.open()
    jobs = [house.job(house.upload(f"photo {number}")) for number in range(3)]
    house.dispatcher.trash(jobs[0])
    house.live(clock, 25)
    house.close()
    shutil.copy(house.root / "a.db", house.root / "older.db")
    dispatcher = house.open()
    dispatcher.trash(jobs[0], back=True)
    late = house.job(house.upload("photo that the older copy does not know"))
    house.upload("not used yet")
    house.live(clock, 1)
    house.close()
    shutil.copy(house.root / "a.db", house.root / "backup.db")
    before = house.stored()
    spoil(house.root / "a.db")
    dispatcher = house.open()
    assert ("older copy" if spoil is replace_with_older else "is empty") in str(dispatcher.retention.notices)
    assert all(note.zh != note for note in dispatcher.retention.notices)
    house.live(clock, 20)
    clock.day += 400 * DAY
    house.live(clock, 5)
    house.close()
    assert house.stored() == before
    shutil.copy(house.root / "backup.db", house.root / "a.db")
    store = house.open().store
    house.live(clock, 5)
    for job in [*jobs, late]:
        row = store.get(job)
        assert all(house.assets.exists(asset) for asset in [*row.inputs, *(output["asset"] for output in row.outputs)])
    house.close()


def test_another_database_deletes_nothing_and_its_pictures_outlive_it(house: House, clock: Clock):
    house.open()
    house.job(house.upload("ours"))
    house.close()
    dispatcher = house.open("b.db")
    assert "--database" in str(dispatcher.retention.notices), "the other database is named"
    house.close()
    assert not house.open().retention.notices, "to have been opened once by mistake changes nothing"
    house.close()
    dispatcher = house.open("b.db")
    shared = house.upload("ours")
    theirs = house.job(shared)
    dispatcher.trash(theirs)
    unknown = dispatcher.store.get(theirs).outputs[0]["asset"]
    house.live(clock, 80)
    assert not dispatcher.store.page(deleted=True), "its trash is its own to empty"
    house.close()
    dispatcher = house.open()
    assert "b.db" in str(dispatcher.retention.notices)
    for row in dispatcher.store.page():
        dispatcher.trash(row.id)
    before = house.stored()
    house.live(clock, 80)
    assert house.stored() == before, "two databases speak of this folder, so nothing can be shown to be unused"
    (other,) = (place for place in (house.root / "assets" / ".databases").iterdir() if "b.db" in place.read_text())
    other.unlink()
    house.live(clock, 1)
    assert house.stored() == {unknown}, "until the user says that the other one is not needed; what is unknown is kept even then"
    house.close()


@pytest.mark.parametrize("mark", [b"", b"{", b"[]", b"{}", b"\0" * 40, b"\xff\xfe", b'{"stamp": ["x"]}', b"[" * 100_000], ids=range(8))
def test_a_mark_that_cannot_be_read_is_not_taken_for_ones_own(house: House, clock: Clock, mark: bytes):
    dispatcher = house.open()
    dispatcher.trash(house.job(house.upload("photo")))
    house.live(clock, 28)
    house.close()
    (place,) = (house.root / "assets" / ".databases").iterdir()
    place.write_bytes(mark)
    house.open()
    house.live(clock, 28)
    assert len(house.stored()) == 2, "the trash begins anew"
    house.live(clock, 5)
    assert house.stored() == set()
    house.close()
    place.with_name("other.json").write_bytes(mark)
    house.open()
    stray = house.upload("unused")
    house.live(clock, 40)
    assert house.stored() == {stray}, "and one that cannot be read is another database's"
    house.close()


def test_a_database_that_cannot_be_opened_deletes_nothing(house: House):
    house.open()
    house.job(house.upload("photo"))
    house.close()
    before = house.stored()
    for content in (b"a letter to my aunt " * 200, (house.root / "a.db").read_bytes()[:5000]):
        (house.root / "a.db").write_bytes(content)
        with pytest.raises(Unavailable) as caught:
            house.open()
        assert "stored pictures are kept" in (caught.value.hint or "")
        assert house.stored() == before


def test_pictures_from_before_any_record_are_kept(house: House, clock: Clock):
    old = house.assets.put(b"made by an earlier version")
    dispatcher = house.open()
    assert "1 stored pictures" in str(dispatcher.retention.notices)
    mine = house.upload("mine")
    house.live(clock, 60)
    assert house.stored() == {old, mine}
    house.close()


def test_a_database_of_version_1_is_taken_over_with_its_pictures(house: House, clock: Clock):
    import sqlite3

    dispatcher = house.open()
    job = house.job(house.upload("photo"))
    gone = house.job(house.upload("another"))
    dispatcher.trash(gone)
    house.close()
    shutil.rmtree(house.root / "assets" / ".databases")
    with sqlite3.connect(house.root / "a.db") as database:
        database.execute("drop table expiry")
        database.execute("delete from setting where name <> 'schema'")
        database.execute("update setting set value = '1' where name = 'schema'")
        database.execute("update job set deleted_at = 5.0 where deleted_at is not null")
    database.close()
    dispatcher = house.open()
    assert not dispatcher.retention.notices
    house.live(clock, 29)
    assert len(house.stored()) == 4, "what is in the trash has its 30 days from now on"
    house.live(clock, 3)
    assert house.stored() == {asset for row in dispatcher.store.page() for asset in [*row.inputs, row.outputs[0]["asset"]]}
    assert [row.id for row in dispatcher.store.page()] == [job]
    house.close()


def test_trash_and_unused_uploads_go_in_their_time_with_their_names(house: House, clock: Clock):
    dispatcher = house.open()
    shared, own, unused = house.upload("shared"), house.upload("own"), house.upload("unused")
    kept, gone = house.job(shared), house.job(shared)
    dispatcher.trash(house.job(own))
    dispatcher.trash(gone)
    results = {job: dispatcher.store.get(job).outputs[0]["asset"] for job in (kept, gone)}
    house.live(clock, 6.75)
    assert unused in house.stored()
    house.live(clock, 0.5)
    assert unused not in house.stored()
    assert not (house.root / "names" / unused).exists(), "its name goes with it"
    house.live(clock, 22.5)
    assert {own, results[gone]} <= house.stored()
    house.live(clock, 3)
    assert house.stored() == {shared, results[kept]}
    assert {place.name for place in (house.root / "names").iterdir()} == {shared}
    with pytest.raises(NotFound):
        dispatcher.store.get(gone)
    house.close()


def test_a_studio_that_is_opened_once_a_day_empties_its_trash_too(house: House, clock: Clock):
    dispatcher = house.open()
    dispatcher.trash(house.job(house.upload("photo")))
    for _ in range(29):
        house.close()
        clock.day += DAY
        clock.ticks = 5.0  # the machine was started anew
        house.open()
    assert len(house.stored()) == 2
    for _ in range(3):
        house.close()
        clock.day += DAY
        house.open()
    assert house.stored() == set()
    house.close()


def test_a_clock_that_jumps_empties_no_trash(house: House, clock: Clock):
    dispatcher = house.open()
    dispatcher.trash(house.job(house.upload("photo")))
    house.upload("unused")
    for jump in (40 * DAY, -90 * DAY, 50 * DAY, -1.7e9, 1.7e9):
        clock.day += jump
        dispatcher.sweep()
        house.close()
        dispatcher = house.open()
    assert len(house.stored()) == 3
    house.close()


def test_a_result_that_is_made_again_while_its_job_is_purged_is_kept(house: House, clock: Clock):
    """Two jobs give the same bytes: the first is purged while the second has stored its result and not yet booked it."""
    dispatcher = house.open()
    photo = house.upload("photo")
    dispatcher.trash(house.job(photo, "same"))
    house.live(clock, 29.75)
    dispatcher.submit(Draft("fake", {}, [photo], "", "compute"))
    row = dispatcher.store.claim("compute")
    output = house.assets.put(b"same")
    house.live(clock, 0.5)
    assert not dispatcher.store.page(deleted=True)
    dispatcher.store.finish(row.id, row.attempt, "done", outputs=[{"asset": output, "name": "x", "media_type": "image/png", "width": 1, "height": 1}])
    house.live(clock, 10)
    assert house.assets.exists(output)
    house.close()


def test_a_picture_that_is_uploaded_again_waits_anew(house: House, clock: Clock):
    house.open()
    house.upload("photo")
    house.live(clock, 6.5)
    time.sleep(0.05)  # file systems tell times apart by a few milliseconds at the least
    photo = house.upload("photo")
    house.live(clock, 6.5)
    assert house.stored() == {photo}
    house.live(clock, 1)
    assert house.stored() == set()
    house.close()


def test_an_input_that_was_deleted_meanwhile_is_refused_in_words(house: House):
    dispatcher = house.open()
    photo = house.upload("photo")
    job = house.job(photo)
    house.assets.delete(photo)
    with pytest.raises(NotFound, match="deleted"):
        dispatcher.retry(job)
    house.close()


class Life(RuleBasedStateMachine):
    """Uploads, jobs, trash, time, clocks, restarts, other databases and older copies in any order: what a database speaks of is there."""

    @initialize()
    def begin(self) -> None:
        self.patch = pytest.MonkeyPatch()
        self.clock = Clock()
        self.patch.setattr(retention, "time", self.clock)
        self.root = Path(tempfile.mkdtemp(dir=MEMORY))
        self.house = House(self.root)
        self.name = "a.db"
        self.parked: dict[str, set[str]] = {}
        """Files that are needed by databases that are not open."""
        self.waits: dict[str, dict[str, float]] = {"a.db": {}, "b.db": {}, "c.db": {}}
        """For how long each job of a database has been in its trash, at the most, as far as the studio can know."""
        self.house.open(self.name)

    def spoken(self) -> set[str]:
        return {asset for deleted in (False, True) for row in self.house.dispatcher.store.page(limit=200, deleted=deleted) for asset in _spoken(row)}

    @rule(number=st.integers(0, 5))
    def upload_and_paint(self, number):
        self.house.job(self.house.upload(f"photo {number}"))

    @rule(number=st.integers(0, 5), data=st.data())
    def trash(self, number, data):
        rows = self.house.dispatcher.store.page(limit=200)
        if rows:
            row = data.draw(st.sampled_from(rows))
            self.house.dispatcher.trash(row.id)
            self.waits[self.name][row.id] = 0.0

    @rule(data=st.data())
    def take_back(self, data):
        rows = self.house.dispatcher.store.page(limit=200, deleted=True)
        if rows:
            row = data.draw(st.sampled_from(rows))
            self.house.dispatcher.trash(row.id, back=True)
            del self.waits[self.name][row.id]

    @rule(days=st.sampled_from([0.2, 3.0, 12.0]))
    def run(self, days):
        self.passed(days * DAY)
        self.house.live(self.clock, days)

    @rule(days=st.sampled_from([-400.0, -2.0, 0.5, 40.0, 4000.0]))
    def set_the_clock(self, days):
        self.passed(DAY)
        self.clock.day += days * DAY
        self.house.dispatcher.sweep()

    def passed(self, seconds: float) -> None:
        for job in self.waits[self.name]:
            self.waits[self.name][job] += seconds

    def swap(self, name: str) -> None:
        self.parked[self.name] = self.spoken()
        self.house.close()
        self.name = name
        self.passed(DAY)
        self.parked.pop(name, None)
        self.house.open(name)

    @rule()
    def restart(self):
        self.swap(self.name)

    @rule()
    def kill(self):
        self.passed(DAY)
        self.house.dispatcher.store.close()
        self.house.open(self.name)

    @rule(name=st.sampled_from(["a.db", "b.db", "c.db"]))
    def open_another_database(self, name):
        self.swap(name)

    @rule()
    def empty_the_database(self):
        """What the emptied one spoke of is in its backup."""
        self.parked["backup"] = self.parked.get("backup", set()) | self.spoken()
        self.house.close()
        (self.root / self.name).unlink()
        self.waits[self.name] = {}
        self.house.open(self.name)

    @invariant()
    def what_is_spoken_of_is_there(self):
        stored = self.house.stored()
        assert self.spoken() <= stored
        for needed in self.parked.values():
            assert needed <= stored
        in_trash = {row.id for row in self.house.dispatcher.store.page(limit=200, deleted=True)}
        assert all(wait >= 30 * DAY for job, wait in self.waits[self.name].items() if job not in in_trash), "30 days at the least"

    def teardown(self):
        if hasattr(self, "root"):
            self.house.dispatcher.store.close()
            self.patch.undo()
            shutil.rmtree(self.root, ignore_errors=True)


def _spoken(row) -> list[str]:
    return [*row.inputs, *(output["asset"] for output in row.outputs)]


Life.TestCase.settings = settings(max_examples=15, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck))
TestLife = Life.TestCase

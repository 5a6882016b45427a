"""One owner for each database: a second process is refused, by whatever way it names it, and steals no running job."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from huafang.errors import BadInput, Unavailable
from huafang.jobs import dispatcher as module
from huafang.jobs.lease import NoLease, hold
from huafang.jobs.rows import open_database, parse_address, sqlite_file
from huafang.jobs.store import Store
from tests.jobs.conftest import draft, ended, open_dispatcher, under_way, wait
from tests.server.conftest import Server


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as made:
        yield made


def names_of(database: Path, elsewhere: Path) -> dict[str, str]:
    """Ways in which one file can be named."""
    elsewhere.mkdir()
    (elsewhere / "link.db").symlink_to(database)
    (elsewhere / "folder").symlink_to(database.parent)
    (elsewhere / "twice.db").symlink_to(elsewhere / "link.db")
    return {
        "absolute": f"sqlite:///{database}",
        "driver": f"sqlite+pysqlite:///{database}",
        "relative": f"sqlite:///{os.path.relpath(database)}",
        "dots": f"sqlite:///{database.parent}/../{database.parent.name}/./{database.name}",
        "link": f"sqlite:///{elsewhere / 'link.db'}",
        "link to a link": f"sqlite:///{elsewhere / 'twice.db'}",
        "linked folder": f"sqlite:///{elsewhere / 'folder' / database.name}",
        "uri": f"sqlite:///file:{database}?uri=true",
        "uri with options": f"sqlite:///file:{database}?mode=rwc&uri=true",
    }


def test_a_file_has_one_owner_whatever_it_is_called(stack: ExitStack, tmp_path: Path):
    database = tmp_path / "a" / "huafang.db"
    open_database(f"sqlite:///{database}").dispose()
    ways = names_of(database, tmp_path / "b")
    for way, address in ways.items():
        with closing(open_database(address).raw_connection()) as connection:
            (_, _, opened) = connection.cursor().execute("pragma database_list").fetchone()
        assert os.path.samefile(opened, database), way
        with hold(address):
            for other in ways.values():
                with pytest.raises(Unavailable, match="another Huafang is working") as caught:
                    stack.enter_context(hold(other))
                assert caught.value.exit_code == 3
                assert "--database" in (caught.value.hint or "")
    stack.enter_context(hold(ways["link"]))


def test_databases_in_memory_and_other_files_are_apart(stack: ExitStack, tmp_path: Path):
    for address in ("sqlite://", "sqlite:///:memory:", "sqlite:///file:x?mode=memory&cache=shared&uri=true"):
        assert sqlite_file(parse_address(address)) is None
        assert isinstance(stack.enter_context(hold(address)), NoLease)
        assert isinstance(stack.enter_context(hold(address)), NoLease)
    stack.enter_context(hold(f"sqlite:///{tmp_path}/a.db"))
    stack.enter_context(hold(f"sqlite:///{tmp_path}/b.db"))


@pytest.mark.parametrize(
    "address", ["", "nonsense", "mysql://u:secret@h/d", "sqlite+aiosqlite:///x.db", "sqlite+nope:///x.db", "postgresql://h:secret/x", "oracle://x"]
)
def test_what_is_no_address_of_a_database_is_refused_in_words(address: str):
    for ask in (open_database, parse_address):
        with pytest.raises(BadInput) as caught:
            ask(address)
        assert "secret" not in caught.value.message
        assert "sqlite:////" in (caught.value.hint or "")


def test_a_lock_that_cannot_be_made_is_said_in_words(stack: ExitStack, tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="cannot be locked"):
        stack.enter_context(hold(f"sqlite:///{tmp_path}/file/a.db"))


def test_a_removed_lock_file_is_made_again_or_the_lease_is_lost(stack: ExitStack, tmp_path: Path):
    address, place = f"sqlite:///{tmp_path}/a.db", tmp_path / "a.db.lock"
    first = stack.enter_context(hold(address))
    first.check()
    place.unlink()
    first.check()
    with pytest.raises(Unavailable):
        stack.enter_context(hold(address))
    place.unlink()
    with hold(address) as second:
        second.check()
        with pytest.raises(Unavailable, match="another Huafang is working"):
            first.check()
    first.check()


def test_who_has_lost_the_database_writes_nothing_stops_and_goes_on_when_it_has_it_back(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(module, "CHECK_LEASE", 0.0)

    class Lost:
        error: Unavailable | None = None

        def check(self) -> None:
            if self.error:
                raise self.error

    lease = Lost()
    made = open_dispatcher(tmp_path)
    made._lease = lease
    made.start()
    job = made.submit(draft(steps=300, dt=0.02)).id
    under_way(made, job)
    lease.error = Unavailable("another Huafang is working on it")
    wait(lambda: made.store.lost)
    before = made.store.get(job)
    for change in (lambda: made.submit(draft("b")), lambda: made.cancel(job), lambda: made.pause(True), lambda: made.keep_upload(b"x")):
        with pytest.raises(Unavailable, match="another Huafang"):
            change()
    wait(lambda: made.executor.lanes()[0].job is None)
    assert (made.store.get(job).seq, made.store.count("queued")) == (before.seq, 0), "what ran was stopped, and nothing was written"
    lease.error = None
    assert ended(made, job, 60).attempt == 2
    made.stop(1)


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
@pytest.mark.parametrize("way", ["absolute", "relative", "link", "environment", "same data"])
def test_bad_input_56_a_second_process_steals_no_running_job(tmp_path: Path, way: str):
    with Server(tmp_path / "a") as server:
        database = tmp_path / "a" / "huafang.db"
        job = server.paint(100)
        wait(lambda: server.json("GET", f"/api/jobs/{job}")["progress"])
        address = names_of(database, tmp_path / "b").get(way, f"sqlite:///{database}")
        data = tmp_path / ("a" if way == "same data" else "c")
        command = [sys.executable, "-m", "huafang", "work", "--data", str(data), "--device", "cpu"]
        environment = {**os.environ}
        if way == "environment":
            environment["HUAFANG_DATABASE"] = address
        elif way != "same data":
            command += ["--database", address]
        second = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)
        assert second.returncode == 3
        assert second.stderr.startswith("error: another Huafang is"), second.stderr
        wait(lambda: server.json("GET", f"/api/jobs/{job}")["state"] == "done", 60)
        assert server.json("GET", f"/api/jobs/{job}")["attempt"] == 1
        server.process.kill()
        server.process.wait()
    with hold(f"sqlite:///{database}"):
        store = Store(open_database(f"sqlite:///{database}"))
        assert store.get(job).state == "done", "a killed owner holds nothing"
        store.close()


def test_a_database_that_was_only_read_is_not_locked(tmp_path: Path):
    """A backup may be made at any time."""
    address = f"sqlite:///{tmp_path}/a.db"
    open_database(address).dispose()
    with hold(address), sqlite3.connect(tmp_path / "a.db") as source, sqlite3.connect(tmp_path / "copy.db") as copy:
        source.backup(copy)
    assert (tmp_path / "copy.db").stat().st_size

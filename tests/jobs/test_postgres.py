"""The same promises on PostgreSQL, on a server of the test's own. Skipped, saying so, where its programs or the driver are not installed."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from huafang.errors import Unavailable
from huafang.jobs.lease import hold
from huafang.jobs.rows import open_database
from tests.jobs.conftest import draft, ended, open_dispatcher, under_way

BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    pytest.importorskip("psycopg", reason="the extra [postgres] is not installed")
    if not BINARIES:
        pytest.skip("PostgreSQL's server is not installed")
    home = Path(tempfile.mkdtemp(prefix="huafang-postgres-"))  # not pytest's own folder: that one is root's alone
    owner = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if owner:
        if not shutil.which("runuser"):
            pytest.skip("PostgreSQL does not run as root, and there is no runuser")
        shutil.chown(home, "postgres")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    control = [*owner, str(BINARIES[-1].with_name("pg_ctl")), "-D", f"{home}/data", "-w", "-s"]
    subprocess.run([*owner, str(BINARIES[-1]), "-D", f"{home}/data", "-U", "huafang", "-A", "trust", "-E", "UTF8"], check=True, capture_output=True, cwd=home)
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={home} -c fsync=off"
    subprocess.run([*control, "-l", f"{home}/log", "-o", options, "start"], check=True, cwd=home)
    try:
        yield f"postgresql+psycopg://huafang@127.0.0.1:{port}/postgres"
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], check=True, cwd=home)
        shutil.rmtree(home, ignore_errors=True)


def test_jobs_live_the_same_life(address, tmp_path):
    made = open_dispatcher(tmp_path, address=address)
    made.start()
    try:
        done = made.submit(draft("夕阳", steps=3, key="once")).id
        assert made.submit(draft("夕阳", key="once")).id == done
        failed, poison = made.submit(draft(fail=0)).id, made.submit(draft(die=0)).id
        assert ended(made, done).state == "done"
        assert ended(made, failed).state == "failed"
        row = ended(made, poison, 60)
        assert (row.state, row.attempt) == ("failed", 3)
        running = made.submit(draft(steps=1000, dt=0.02)).id
        under_way(made, running)
        made.cancel(running)
        assert ended(made, running).state == "cancelled"
        assert [row.id for row in made.store.page(words="夕阳")] == [done]
        made.trash(done)
        assert [row.id for row in made.store.page(deleted=True)] == [done]
    finally:
        made.stop(1)
        made.store.close()
    again = open_dispatcher(tmp_path, address=address)
    assert again.store.get(done).outputs, "and is there after a restart"
    again.store.close()


def test_bad_input_60_a_server_that_does_not_answer_is_named_without_its_password():
    pytest.importorskip("psycopg")
    with pytest.raises(Unavailable) as caught:
        open_database("postgresql+psycopg://someone:secret@127.0.0.1:1/db?connect_timeout=2")
    assert "127.0.0.1" in caught.value.message
    assert "secret" not in caught.value.message


def test_one_owner_for_each_database_and_a_lost_connection_is_taken_up_again(address):
    from sqlalchemy import create_engine, text

    def end_connections() -> None:
        engine = create_engine(address)
        with engine.connect() as connection:
            connection.execute(text("select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'"))
        engine.dispose()

    with ExitStack() as stack:
        with hold(address) as first:
            for other in (address, address.replace("postgresql+psycopg", "postgresql"), address.replace("127.0.0.1", "localhost")):
                with pytest.raises(Unavailable, match="another Huafang is working") as caught:
                    stack.enter_context(hold(other))
                assert caught.value.exit_code == 3
            first.check()
            end_connections()
            first.check()
            with pytest.raises(Unavailable, match="another Huafang is working"):
                stack.enter_context(hold(address))
            end_connections()
            with hold(address) as second:
                with pytest.raises(Unavailable, match="another Huafang is working"):
                    first.check()
                second.check()
            first.check()
        stack.enter_context(hold(address))


def test_a_server_that_does_not_answer_is_named_by_the_lock_too():
    pytest.importorskip("psycopg")
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1") as caught, hold("postgresql://someone:secret@127.0.0.1:1/db?connect_timeout=2"):
        pass
    assert "secret" not in caught.value.message

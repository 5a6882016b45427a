"""One owner for each database: who works through a queue holds a lock on it, so that a second process, with whatever data folder, is refused.

SQLite: a lock file beside the file itself, whatever links lead there. PostgreSQL: an advisory lock of a session, which ends with its connection; it is taken
again when the connection was lost. A pooler that shares sessions (PgBouncer in transaction mode) must be passed by.
"""

import contextlib
import hashlib
import logging
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from filelock import FileLock, Timeout
from sqlalchemy import URL, Connection, NullPool, create_engine, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from huafang.errors import HuafangError, Unavailable
from huafang.jobs.rows import parse_address, sqlite_file

log = logging.getLogger(__name__)


class Lease(Protocol):
    """The right to work on a database."""

    def check(self) -> None:
        """See that it is still held, and take it again where it can be. Raises Unavailable when it is lost."""


class NoLease:
    """Of a database that no other process can open."""

    def check(self) -> None:
        pass


@contextlib.contextmanager
def hold(address: str) -> Iterator[Lease]:
    """Be the one owner of the database at `address`. Raises Unavailable when another process is, BadInput for a database of another kind."""
    url = parse_address(address)
    if url.get_backend_name() == "postgresql":
        server = _Session(url)
        try:
            server.take()
            yield server
        finally:
            server.close()
        return
    place = sqlite_file(url)
    if place is None:
        yield NoLease()
        return
    file = _File(place, _shown(url))
    try:
        file.take()
        yield file
    finally:
        file.close()


class _File:
    def __init__(self, place: Path, shown: str) -> None:
        self._place = place.with_name(place.name + ".lock")
        self._shown = shown
        self._lock: FileLock | None = None
        self._mark: tuple[int, int] | None = None

    def take(self) -> None:
        lock = FileLock(self._place, timeout=0)
        try:
            self._place.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except Timeout:
            raise _taken(self._shown) from None
        except (OSError, NotImplementedError) as error:
            raise Unavailable(
                f"the database {self._shown} cannot be locked: {getattr(error, 'strerror', None) or error}",
                code="disk.unwritable",
                hint="check that its folder exists and is yours to write",
            ) from error
        self.close()
        self._lock, self._mark = lock, self._found()

    def check(self) -> None:
        if self._lock is None or self._found() != self._mark:  # somebody removed the lock file, and a second process may have made a new one
            self.take()

    def close(self) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _found(self) -> tuple[int, int] | None:
        try:
            found = os.stat(self._place)
        except OSError:
            return None
        return found.st_dev, found.st_ino


class _Session:
    def __init__(self, url: URL) -> None:
        self._shown = _shown(url)
        try:
            self._engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        except ModuleNotFoundError as error:
            raise Unavailable(f"the driver for {url.drivername} is not installed", hint="pip install 'huafang[postgres]'") from error
        self._connection: Connection | None = None
        self._busy = threading.Lock()

    def take(self) -> None:
        with self._busy:
            self._take()

    def _take(self) -> None:
        self._drop()
        try:
            connection = self._engine.connect()
            schema = connection.scalar(text("select current_schema()"))
            key = int.from_bytes(hashlib.sha256(f"huafang:{schema}".encode()).digest()[:8], "big", signed=True)
            taken = connection.scalar(text("select pg_try_advisory_lock(:key)"), {"key": key})
        except SQLAlchemyError as error:
            raise Unavailable(f"the database {self._shown} cannot be opened: {getattr(error, 'orig', error)}", code="database.closed") from error
        self._connection = connection
        if not taken:
            self._drop()
            raise _taken(self._shown)

    def check(self) -> None:
        with self._busy:
            if self._connection is not None:
                try:
                    self._connection.execute(text("select 1"))
                    return
                except DBAPIError as error:
                    log.warning("the connection to %s was lost: %s", self._shown, error.orig)
            self._take()

    def close(self) -> None:
        with self._busy:
            self._drop()
            self._engine.dispose()

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(SQLAlchemyError):
                connection.invalidate()
            with contextlib.suppress(SQLAlchemyError):
                connection.close()


def _shown(url: URL) -> str:
    return url.render_as_string(hide_password=True)


def _taken(shown: str) -> HuafangError:
    return Unavailable(
        f"another Huafang is working on the database {shown}",
        code="database.in_use",
        hint="stop it first; a second studio needs a database of its own, named with --database",
    )

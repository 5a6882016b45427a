"""The row of a job, and the database it lives in: SQLite by default, PostgreSQL by address."""

import contextlib
import json
import logging
import os
import re
import secrets
import time
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote, urlsplit

from sqlalchemy import (
    JSON,
    URL,
    BigInteger,
    Boolean,
    Connection,
    Engine,
    Float,
    Index,
    Integer,
    String,
    Text,
    create_engine,
    event,
    insert,
    inspect,
    select,
    update,
)
from sqlalchemy.engine import Inspector, make_url
from sqlalchemy.exc import DatabaseError, OperationalError, SQLAlchemyError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from huafang.errors import BadInput, Unavailable

log = logging.getLogger(__name__)

SCHEMA = 2
"""Rises when a table changes. A database of a newer program is left alone; one of an older program is brought up to date (1: had no `expiry`)."""


UNREADABLE = object()
"""Stands for JSON that cannot be read."""


class Base(DeclarativeBase):
    pass


class Row(Base):
    """A job. Times are seconds since the epoch; `attempt` is the fencing token: what an older attempt says is not written."""

    __tablename__ = "job"

    id: Mapped[str] = mapped_column(String(24), primary_key=True)
    key: Mapped[str | None] = mapped_column(String(200), unique=True)
    method: Mapped[str] = mapped_column(String(64))
    params: Mapped[dict[str, Any]] = mapped_column(JSON)
    inputs: Mapped[list[str]] = mapped_column(JSON, default=list)
    words: Mapped[str] = mapped_column(Text, default="")
    title: Mapped[str] = mapped_column(String(200), default="")
    lane: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16))
    priority: Mapped[int] = mapped_column(Integer)
    place: Mapped[float] = mapped_column(Float)
    attempt: Mapped[int] = mapped_column(Integer, default=0)
    crashes: Mapped[int] = mapped_column(Integer, default=0)
    cancelling: Mapped[bool] = mapped_column(Boolean, default=False)
    seq: Mapped[int] = mapped_column(Integer, default=0)
    created_at: Mapped[float] = mapped_column(Float)
    started_at: Mapped[float | None] = mapped_column(Float)
    finished_at: Mapped[float | None] = mapped_column(Float)
    seconds: Mapped[float | None] = mapped_column(Float)
    outputs: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    figures: Mapped[dict[str, float]] = mapped_column(JSON, default=dict)
    notes: Mapped[list[Any]] = mapped_column(JSON, default=list)
    error: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    deleted_at: Mapped[float | None] = mapped_column(Float)

    damage = cast("tuple[str, ...]", ())
    """Columns that could not be read, and were replaced when the row was loaded (`soundness.py`)."""

    __table_args__ = (Index("job_queue", "state", "lane", "priority", "place"),)


class Expiry(Base):
    """A job in the trash (`job:ID`), or a stored file that no job uses (`asset:ID`), and for how many seconds that has been observed.

    `seconds` is added up by the sweep and never computed from two readings of the clock, so a clock that jumps deletes nothing. `mtime` is the file's
    modification time in nanoseconds when the count began: a file that was stored again since then begins anew.
    """

    __tablename__ = "expiry"

    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    seconds: Mapped[float] = mapped_column(Float)
    mtime: Mapped[int | None] = mapped_column(BigInteger)


class Setting(Base):
    """One fact about the whole: `schema`, `paused`, `identity` (a random id of this database), `stamp`, `stamp.before`, `clock` (see `retention.py`)."""

    __tablename__ = "setting"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[str] = mapped_column(Text)


def new_id(last: str | None = None) -> str:
    """24 hexadecimal digits that sort after `last`, the newest id so far; the first 16 are the time in microseconds, unless the clock was set back."""
    ticks = time.time_ns() // 1000
    with contextlib.suppress(ValueError):  # an id that was damaged on disk
        ticks = max(ticks, int((last or "")[:16], 16) + 1)
    return f"{ticks:016x}{secrets.token_hex(4)}"


def parse_address(address: str) -> URL:
    """A database's address. Raises BadInput for what is none, and for a kind that is not supported."""
    hint = "for example sqlite:////folder/huafang.db or postgresql+psycopg://user@host/name"
    try:
        url = make_url(address)
        if url.drivername in ("postgres", "postgresql"):
            url = url.set(drivername="postgresql+psycopg")
        kind = url.get_backend_name()
        usable = kind in ("sqlite", "postgresql") and not url.get_dialect().is_async
    except (SQLAlchemyError, ValueError) as error:  # the address itself is not shown: it may hold a password
        raise BadInput("this is no address of a database", code="database.address", hint=hint) from error
    if not usable:
        raise BadInput(f"a database of the kind {url.drivername} is not supported; allowed are sqlite and postgresql", code="database.address", hint=hint)
    return url


def sqlite_file(url: URL) -> Path | None:
    """The file of a SQLite database, with all links followed; None for one in memory."""
    name = url.database or ""
    if name.startswith("file:") and "uri" in url.query:
        if url.query.get("mode") == "memory":
            return None
        name = unquote(urlsplit(name).path)
    if name in ("", ":memory:"):
        return None
    return Path(name).resolve()


def open_database(address: str) -> Engine:
    """Connect, and make the tables where there are none.

    Raises Unavailable, in words, for a folder that cannot be written, a file that is no database, a server that does not answer, and a database
    of a newer Huafang.
    """
    url = parse_address(address)
    shown = url.render_as_string(hide_password=True)
    sqlite = url.get_backend_name() == "sqlite"
    file = sqlite_file(url) if sqlite else None
    try:
        if file is not None:
            _make_file(file)
        engine = create_engine(
            url, connect_args={"timeout": 15} if sqlite else {}, pool_pre_ping=not sqlite, json_serializer=_json, json_deserializer=_read_json
        )
        if sqlite:
            event.listen(engine, "connect", _tune_sqlite)
        _make_tables(engine, shown)
    except OSError as error:
        raise Unavailable(f"the data folder cannot be made: {error}", code="disk.unwritable", hint="name another with --data or HUAFANG_HOME") from error
    except ModuleNotFoundError as error:
        raise Unavailable(f"the driver for {url.drivername} is not installed", hint="pip install 'huafang[postgres]'") from error
    except OperationalError as error:
        raise Unavailable(f"the database {shown} cannot be opened: {error.orig}", code="database.closed") from error
    except DatabaseError as error:
        raise Unavailable(
            f"{shown} is damaged or no database: {error.orig}",
            code="database.damaged",
            hint="nothing was changed; put a backup in its place, or move the file away to start with an empty one: stored pictures are kept either way",
        ) from error
    return engine


def _make_file(place: Path) -> None:
    """An empty file for SQLite, which only this user can read; it gives its companions (`-wal`, `-shm`) the same rights."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        os.close(os.open(place, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _read_json(text: Any) -> object:
    try:
        return json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return UNREADABLE


def _tune_sqlite(connection: Any, _record: object) -> None:
    """Readers beside the one writer, and a commit that a power cut does not take back."""
    connection.text_factory = lambda text: text.decode("utf-8", "replace")
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _make_tables(engine: Engine, shown: str) -> None:
    with engine.begin() as connection:
        tables = inspect(connection)
        _check_columns(tables, "setting", shown)
        found = connection.scalar(select(Setting.value).where(Setting.name == "schema")) if tables.has_table("setting") else None
        version = int(found) if found is not None and re.fullmatch(r"[0-9]{1,6}", found) else None
        if version is not None and version > SCHEMA:
            raise Unavailable(
                f"{shown} was made by a newer Huafang (its tables are of version {found}, this program knows {SCHEMA})",
                code="database.newer",
                hint="update Huafang, or name another data folder with --data",
            )
        for name in Base.metadata.tables:
            _check_columns(tables, name, shown)
        if version is None and tables.has_table("job"):
            log.warning("%s does not say of which version it is (%r); its tables are those of this one", shown, found)
        Base.metadata.create_all(connection)
        _settle(connection, "schema", str(SCHEMA), str(SCHEMA))
        _settle(connection, "identity", r"[0-9a-f]{32}", secrets.token_hex(16))


def _check_columns(tables: Inspector, name: str, shown: str) -> None:
    """Raises Unavailable where a table of this name is there and is not ours."""
    if not tables.has_table(name):
        return
    missing = sorted(set(Base.metadata.tables[name].columns.keys()) - {column["name"] for column in tables.get_columns(name)})
    if missing:
        raise Unavailable(
            f"{shown} is damaged, or another program's database: its table {name} has no {', '.join(missing)}",
            code="database.damaged",
            hint="nothing was changed; put a backup in its place, or name another database with --database",
        )


def _settle(connection: Connection, name: str, form: str, value: str) -> None:
    """Give a setting `value` where it is missing or has not the form it should have."""
    found = connection.scalar(select(Setting.value).where(Setting.name == name))
    if found is None:
        connection.execute(insert(Setting).values(name=name, value=value))
    elif not re.fullmatch(form, found):
        connection.execute(update(Setting).where(Setting.name == name).values(value=value))

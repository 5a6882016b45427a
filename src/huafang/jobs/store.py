"""Every question to, and every change of, the table of jobs. A change is one transaction, and one that is fenced by attempt writes nothing late."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, delete, func, select, update
from sqlalchemy.exc import DatabaseError, IntegrityError
from sqlalchemy.orm import Session

from huafang.errors import Conflict, DiskFull, HuafangError, NotFound, Unavailable
from huafang.jobs.outbox import assets_of
from huafang.jobs.rows import Expiry, Row, Setting, new_id
from huafang.jobs.soundness import sound

PRIORITIES = {"interactive": 0, "bulk": 1}
ENDED = ("done", "failed", "cancelled")
ACTIVE = ("queued", "running")
CLOSEST = 1e-6
"""Places nearer to each other than this are numbered anew."""
ORDER = (Row.priority, Row.place, Row.id)
STEP = 3600.0
"""Seconds between two counts of time (`retention.py`). A wait begins that much below zero, since the first count may cover more than it lasted."""

MANY = 5000
"""Jobs that are purged at one time; databases bound the number of values in a statement."""


@dataclass(frozen=True)
class Draft:
    """A job before it has a row."""

    method: str
    params: dict[str, Any]
    inputs: list[str]
    words: str
    lane: str
    priority: str = "interactive"
    key: str | None = None
    title: str = ""
    """What its results are called: the photo's name without its ending."""


class Store:
    """The table of jobs. Not locked: the dispatcher, its one writer, sees to that."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.lost: HuafangError | None = None
        """Why nothing may be written: another process has taken the database over (`lease.py`)."""
        self.address = engine.url.render_as_string(hide_password=True)

    def close(self) -> None:
        """Close the connections that stand open."""
        self._engine.dispose()

    # questions

    def get(self, job: str) -> Row:
        """Raises NotFound."""
        with Session(self._engine) as session:
            row = session.get(Row, job) if len(job) == 24 and job.isalnum() else None
        if row is None:
            raise NotFound(f"there is no job {job[:40]!r}", code="job.unknown")
        return row

    def by_key(self, key: str) -> Row | None:
        with Session(self._engine) as session:
            return session.scalar(select(Row).where(Row.key == key))

    def page(
        self, *, state: str | None = None, method: str | None = None, words: str = "", before: str | None = None, limit: int = 50, deleted: bool = False
    ) -> Sequence[Row]:
        """Newest first, those older than the job `before`."""
        query = select(Row).where(Row.deleted_at.is_not(None) if deleted else Row.deleted_at.is_(None))
        if state:
            query = query.where(Row.state == state)
        if method:
            query = query.where(Row.method == method)
        for word in words.lower().split():
            query = query.where(Row.words.contains(word, autoescape=True))
        if before:
            query = query.where(Row.id < before)
        with Session(self._engine) as session:
            return _present(session.scalars(query.order_by(Row.id.desc()).limit(limit)))

    def waiting(self) -> Sequence[Row]:
        """The queue, in the order it will run."""
        with Session(self._engine) as session:
            return [row for row in _present(session.scalars(select(Row).where(Row.state == "queued").order_by(*ORDER))) if row.state == "queued"]

    def running(self) -> Sequence[Row]:
        with Session(self._engine) as session:
            return [row for row in _present(session.scalars(select(Row).where(Row.state == "running").order_by(*ORDER))) if row.state == "running"]

    def count(self, state: str) -> int:
        with Session(self._engine) as session:
            return session.scalar(select(func.count()).where(Row.state == state)) or 0

    def used_assets(self) -> set[str] | None:
        """Every asset that some row, in the trash or not, uses; None where a row is damaged, so that this cannot be known."""
        used: set[str] = set()
        with Session(self._engine) as session:
            for inputs, outputs in session.execute(select(Row.inputs, Row.outputs)):
                assets = _assets(inputs, outputs)
                if assets is None:
                    return None
                used.update(assets)
        return used

    def in_use(self) -> bool:
        """Whether there is any job, or any file that was recorded."""
        with Session(self._engine) as session:
            return any(session.scalar(select(func.count()).select_from(table)) for table in (Row, Expiry))

    def setting(self, name: str) -> str | None:
        with Session(self._engine) as session:
            return session.scalar(select(Setting.value).where(Setting.name == name))

    # changes

    def add(self, draft: Draft) -> Row:
        """Store a new job at the end of its queue. The same `key` twice gives the first job."""
        row = Row(
            key=draft.key,
            method=draft.method,
            params=draft.params,
            inputs=draft.inputs,
            words=draft.words.lower(),
            title=draft.title,
            lane=draft.lane,
            state="queued",
            priority=PRIORITIES[draft.priority],
            created_at=time.time(),
        )
        try:
            with self._writing(expire_on_commit=False) as session:
                # Order is by these two and never by the clock, which may be set back.
                row.id = new_id(session.scalar(select(func.max(Row.id)).where(Row.id < "1")))
                row.place = (session.scalar(select(func.max(Row.place)).where(Row.state.in_(ACTIVE))) or 0.0) + 1.0
                session.add(row)
                session.commit()
                session.refresh(row)
        except IntegrityError:
            known = self.by_key(draft.key) if draft.key else None
            if known is None:
                raise
            return known
        return row

    def claim(self, lane: str) -> Row | None:
        """The next waiting job for a lane of this kind, now running, its attempt one higher."""
        chosen = select(Row.id).where(Row.state == "queued", Row.lane == lane).order_by(*ORDER).limit(1).scalar_subquery()
        change = (
            update(Row)
            .where(Row.id == chosen, Row.state == "queued")
            .values(state="running", attempt=Row.attempt + 1, seq=Row.seq + 1, started_at=time.time(), finished_at=None, error=None, notes=[])
            .returning(Row.id)
        )
        with self._writing() as session:
            job = session.scalar(change)
            session.commit()
        return self.get(job) if job else None

    def finish(self, job: str, attempt: int, state: str, **values: Any) -> bool:
        """Book how an attempt ended. False, and nothing written, if that attempt is no longer the running one."""
        return self._change(job, {"state": state, "finished_at": time.time(), "cancelling": False, **values}, Row.attempt == attempt, Row.state == "running")

    def note(self, job: str, attempt: int, notes: list[dict[str, str]]) -> bool:
        """Write what the running attempt has said so far. False, and nothing written, if that attempt is no longer the running one."""
        return self._change(job, {"notes": notes}, Row.attempt == attempt, Row.state == "running")

    def end_damaged(self) -> int:
        """Book jobs as failed that wait or run, or are in no known state, and whose rows are damaged. Returns how many there were."""
        with self._writing() as session:
            rows = [row for row in _present(session.scalars(select(Row).where(Row.state.not_in(ENDED)))) if row.damage]
            ids = [row.id for row in rows][:MANY]
            session.expunge_all()
            session.execute(update(Row).where(Row.id.in_(ids)).values(state="failed", finished_at=time.time(), cancelling=False))
            session.commit()
        return len(ids)

    def requeue(self, job: str, attempt: int, *, crashed: bool) -> bool:
        """Back into the queue, at its old place. A crash counts against the job; an orderly stop does not."""
        return self._change(job, {"state": "queued", "started_at": None, "crashes": Row.crashes + int(crashed)}, Row.attempt == attempt, Row.state == "running")

    def ask_cancel(self, job: str) -> Row:
        """A waiting job is cancelled at once; a running one is marked; an ended one is left as it is. Raises NotFound."""
        if not self._change(job, {"state": "cancelled", "finished_at": time.time()}, Row.state == "queued"):
            self._change(job, {"cancelling": True}, Row.state == "running", Row.cancelling.is_(False))
        return self.get(job)

    def move(self, job: str, before: str | None) -> Row:
        """Put a waiting job in front of another one, or at the end. Raises NotFound, Conflict."""
        row, queue = self.get(job), [other for other in self.waiting() if other.id != job]
        if row.state != "queued":
            raise Conflict(f"job {job} is {row.state}; only a waiting job can be moved")
        if before is None:
            priority, place = (queue[-1].priority, queue[-1].place + 1) if queue else (row.priority, row.place)
        else:
            index = next((i for i, other in enumerate(queue) if other.id == before), None)
            if index is None:
                raise Conflict(f"job {before} does not wait in the queue")
            priority, after = queue[index].priority, queue[index].place
            ahead = queue[index - 1].place if index and queue[index - 1].priority == priority else after - 2
            place = (ahead + after) / 2
            if not ahead + CLOSEST < place < after - CLOSEST:
                self._renumber()
                return self.move(job, before)
        self._change(job, {"priority": priority, "place": place}, Row.state == "queued")
        return self.get(job)

    def _renumber(self) -> None:
        """Give what runs and waits the places 1, 2, 3, in the order in which it stands: between two places there is room for so many moves only."""
        with self._writing() as session:
            rows = session.scalars(select(Row.id).where(Row.state.in_(ACTIVE)).order_by(*ORDER)).all()
            session.execute(update(Row), [{"id": job, "place": float(number)} for number, job in enumerate(rows, 1)])
            session.commit()

    def trash(self, job: str, *, back: bool = False) -> Row:
        """Put an ended job into the trash, or take it back. Raises NotFound, Conflict."""
        change = update(Row).where(Row.id == job, Row.state.not_in(ACTIVE)).values(seq=Row.seq + 1, deleted_at=None if back else time.time())
        with self._writing() as session:
            done = getattr(session.execute(change), "rowcount", 0)
            if done and back:
                session.execute(delete(Expiry).where(Expiry.name == f"job:{job}"))
            elif done and session.get(Expiry, f"job:{job}") is None:
                session.add(Expiry(name=f"job:{job}", seconds=-STEP))
            session.commit()
        row = self.get(job)
        if not done:
            raise Conflict(f"job {job} is {row.state}: cancel it first", code="job.active")
        return row

    def note_unused(self, asset: str, mtime: int) -> None:
        """Record a stored file that no job uses yet; from now on it may be deleted once it has been unused for long enough."""
        with self._writing() as session:
            session.merge(Expiry(name=f"asset:{asset}", seconds=-STEP, mtime=mtime))
            session.commit()

    def pass_time(self, seconds: float, clock: float) -> None:
        """Everything that waits to be deleted has waited `seconds` longer; `clock` is the latest time of day that was ever seen."""
        with self._writing() as session:
            session.execute(update(Expiry).values(seconds=Expiry.seconds + seconds))
            _set(session, "clock", repr(clock))
            session.commit()

    def restart_expiry(self) -> None:
        """What waits to be deleted begins to wait anew."""
        with self._writing() as session:
            session.execute(update(Expiry).values(seconds=-STEP))
            session.commit()

    def purge(self, after: float, credit: float, mtime: Callable[[str], int | None]) -> int:
        """Forget the jobs that were in the trash for `after` seconds, and record their files as unused for `credit` seconds already. Returns how many."""
        with self._writing() as session:
            trashed = set(session.scalars(select(Row.id).where(Row.deleted_at.is_not(None))))
            waits = {entry.name.removeprefix("job:"): entry.seconds for entry in session.scalars(select(Expiry).where(Expiry.name.startswith("job:")))}
            session.add_all(Expiry(name=f"job:{job}", seconds=-STEP) for job in trashed - waits.keys())  # from a database of version 1
            due = set(sorted(job for job in trashed if waits.get(job, 0.0) >= after)[:MANY])
            rows = session.execute(select(Row.inputs, Row.outputs).where(Row.id.in_(due))).all()
            for asset in {asset for inputs, outputs in rows for asset in _assets(inputs, outputs) or ()}:
                session.merge(Expiry(name=f"asset:{asset}", seconds=credit, mtime=mtime(asset)))
            session.execute(delete(Row).where(Row.id.in_(due)))
            gone = [*due, *sorted(waits.keys() - trashed)[:MANY]]
            session.execute(delete(Expiry).where(Expiry.name.in_([f"job:{job}" for job in gone])))
            session.commit()
        return len(due)

    def unused(self, after: float, mtime: Callable[[str], int | None]) -> list[tuple[str, int]]:
        """The recorded files that no job has used for `after` seconds, with their modification times. One that was stored again begins to wait anew."""
        due = []
        with self._writing() as session:
            used = self.used_assets()
            if used is None:
                return []
            for entry in session.scalars(select(Expiry).where(Expiry.name.startswith("asset:"))).all():
                asset = entry.name.removeprefix("asset:")
                found = mtime(asset)
                if asset in used or found is None:
                    session.delete(entry)
                elif found != entry.mtime:
                    entry.mtime, entry.seconds = found, -STEP
                elif entry.seconds >= after:
                    due.append((asset, found))
            session.commit()
        return due

    def restamp(self, stamp: str) -> None:
        """A new mark for this state of the database; the one before is remembered, in case the folder's copy of the new one is not written any more."""
        with self._writing() as session:
            _set(session, "stamp.before", self.setting("stamp") or "")
            _set(session, "stamp", stamp)
            session.commit()

    def set(self, name: str, value: str) -> None:
        with self._writing() as session:
            _set(session, name, value)
            session.commit()

    def _writing(self, **options: Any) -> "_said":
        """A session for changes. Raises what `lost` is set to."""
        if self.lost is not None:
            raise self.lost
        return _said(Session(self._engine, **options))

    def _change(self, job: str, values: dict[str, Any], *conditions: Any) -> bool:
        with self._writing() as session:
            result = session.execute(update(Row).where(Row.id == job, *conditions).values(seq=Row.seq + 1, **values))
            session.commit()
        return bool(getattr(result, "rowcount", 0))


def _set(session: Session, name: str, value: str) -> None:
    session.merge(Setting(name=name, value=value))


def _assets(inputs: Any, outputs: Any) -> list[str] | None:
    """The files that a row uses; None where they cannot be read."""
    if not sound("inputs", inputs) or not sound("outputs", outputs):
        return None
    return [*inputs, *(asset for output in outputs for asset in assets_of(output))]


def _present(rows: Iterable[Row | None]) -> list[Row]:
    """Rows, without those whose id was lost, by which nobody could ask for them; one that is NULL is no row to SQLAlchemy."""
    return [row for row in rows if row is not None and isinstance(row.id, str)]


class _said:  # noqa: N801  # reads as a word where it is used
    """A session whose failures are said in the house's own errors."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def __enter__(self) -> Session:
        return self._session

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        self._session.close()
        if isinstance(error, DatabaseError) and not isinstance(error, IntegrityError):
            said = str(error.orig)
            if "full" in said or "disk I/O" in said:
                raise DiskFull(f"the database cannot be written: {said}", hint="free some space and try again") from error
            raise Unavailable(f"the database cannot be written: {said}", code="database.closed") from error

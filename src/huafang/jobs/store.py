"""Every question to, and every change of, the table of jobs. A change is one transaction, and one that is fenced by attempt writes nothing late."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, delete, func, insert, or_, select, update
from sqlalchemy.exc import DatabaseError, IntegrityError
from sqlalchemy.orm import Session

from huafang.errors import Conflict, DiskFull, NotFound, Unavailable
from huafang.jobs.rows import Row, Setting, new_id

PRIORITIES = {"interactive": 0, "bulk": 1}
ENDED = ("done", "failed", "cancelled")
ORDER = (Row.priority, Row.place, Row.id)


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
            return session.scalars(query.order_by(Row.id.desc()).limit(limit)).all()

    def waiting(self) -> Sequence[Row]:
        """The queue, in the order it will run."""
        with Session(self._engine) as session:
            return session.scalars(select(Row).where(Row.state == "queued").order_by(*ORDER)).all()

    def running(self) -> Sequence[Row]:
        with Session(self._engine) as session:
            return session.scalars(select(Row).where(Row.state == "running").order_by(Row.started_at)).all()

    def count(self, state: str) -> int:
        with Session(self._engine) as session:
            return session.scalar(select(func.count()).where(Row.state == state)) or 0

    def used_assets(self) -> set[str]:
        """Every asset that some row, in the trash or not, still speaks of."""
        with Session(self._engine) as session:
            rows = session.execute(select(Row.inputs, Row.outputs)).all()
        return {asset for inputs, outputs in rows for asset in [*inputs, *(output["asset"] for output in outputs)]}

    def setting(self, name: str) -> str | None:
        with Session(self._engine) as session:
            return session.scalar(select(Setting.value).where(Setting.name == name))

    # changes

    def add(self, draft: Draft) -> Row:
        """Store a new job at the end of its queue. The same `key` twice gives the first job."""
        now = time.time()
        row = Row(
            id=new_id(),
            key=draft.key,
            method=draft.method,
            params=draft.params,
            inputs=draft.inputs,
            words=draft.words.lower(),
            title=draft.title,
            lane=draft.lane,
            state="queued",
            priority=PRIORITIES[draft.priority],
            place=now,
            created_at=now,
        )
        try:
            with _said(Session(self._engine, expire_on_commit=False)) as session:
                last = session.scalar(select(func.max(Row.place)).where(Row.state == "queued"))
                row.place = max(now, (last or 0) + 0.001)  # a clock that was set back must not let the new job in front
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
            .values(state="running", attempt=Row.attempt + 1, seq=Row.seq + 1, started_at=time.time(), finished_at=None, error=None)
            .returning(Row.id)
        )
        with _said(Session(self._engine)) as session:
            job = session.scalar(change)
            session.commit()
        return self.get(job) if job else None

    def finish(self, job: str, attempt: int, state: str, **values: Any) -> bool:
        """Book how an attempt ended. False, and nothing written, if that attempt is no longer the running one."""
        return self._change(job, {"state": state, "finished_at": time.time(), "cancelling": False, **values}, Row.attempt == attempt, Row.state == "running")

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
        self._change(job, {"priority": priority, "place": place}, Row.state == "queued")
        return self.get(job)

    def trash(self, job: str, *, back: bool = False) -> Row:
        """Put an ended job into the trash, or take it back. Raises NotFound, Conflict."""
        if not self._change(job, {"deleted_at": None if back else time.time()}, Row.state.in_(ENDED)):
            row = self.get(job)
            raise Conflict(f"job {job} is {row.state}: cancel it first", code="job.active")
        return self.get(job)

    def purge(self, older_than: float) -> int:
        """Forget what has lain in the trash since before `older_than`."""
        with _said(Session(self._engine)) as session:
            result = session.execute(delete(Row).where(or_(Row.deleted_at < older_than)))
            session.commit()
        return int(getattr(result, "rowcount", 0))

    def set(self, name: str, value: str) -> None:
        with _said(Session(self._engine)) as session:
            if not getattr(session.execute(update(Setting).where(Setting.name == name).values(value=value)), "rowcount", 0):
                session.execute(insert(Setting).values(name=name, value=value))
            session.commit()

    def _change(self, job: str, values: dict[str, Any], *conditions: Any) -> bool:
        with _said(Session(self._engine)) as session:
            result = session.execute(update(Row).where(Row.id == job, *conditions).values(seq=Row.seq + 1, **values))
            session.commit()
        return bool(getattr(result, "rowcount", 0))


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

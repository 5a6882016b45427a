"""Rows of a damaged database: each is looked at when it is loaded, and what cannot be used is replaced, so that one of them takes no other along.

SQLite holds any value in any column, and a disk may have changed it. Nothing is written back here.
"""

import json
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, FiniteFloat, StrictBool, StrictInt, TypeAdapter, ValidationError
from sqlalchemy import event
from sqlalchemy.orm.attributes import set_committed_value

from huafang.jobs.outbox import Output, Said, Text, _Strict
from huafang.jobs.rows import UNREADABLE, Row

Time = Annotated[FiniteFloat, Field(ge=0, le=2.5e11)]
"""Seconds since the epoch, to the year 9892."""
Count = Annotated[StrictInt, Field(ge=0, lt=2**53)]
Asset = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
STRICT = ConfigDict(strict=True)


class Failure(_Strict):
    """Why a job failed."""

    code: Text
    message: Text
    hint: Text | None


FIELDS: dict[str, tuple[Any, Any]] = {
    "key": (str | None, None),
    "method": (Annotated[Text, Field(min_length=1)], "unknown"),
    "params": (dict[str, Any], {}),
    "inputs": (list[Asset], []),
    "words": (str, ""),
    "title": (Text, ""),
    "lane": (str, "compute"),
    "state": (Literal["queued", "running", "done", "failed", "cancelled"], "failed"),
    "priority": (Annotated[StrictInt, Field(ge=0, le=1)], 0),
    "place": (FiniteFloat, 0.0),
    "attempt": (Count, 0),
    "crashes": (Count, 0),
    "cancelling": (StrictBool, False),
    "seq": (Count, 0),
    "created_at": (Time, 0.0),
    "started_at": (Time | None, None),
    "finished_at": (Time | None, None),
    "seconds": (Annotated[FiniteFloat, Field(ge=0)] | None, None),
    "outputs": (list[Output], []),
    "figures": (dict[Text, FiniteFloat], {}),
    "notes": (list[Said | Text], []),
    "error": (Failure | None, None),
    "deleted_at": (FiniteFloat | None, None),
}
"""Each column but the id: what it may hold, and what stands for it when it holds something else."""
_CHECKS = {name: TypeAdapter(kind, config=None if name in ("outputs", "error") else STRICT) for name, (kind, _) in FIELDS.items()}
_ID = TypeAdapter(Annotated[str, Field(pattern="^[0-9a-f]{24}$")], config=STRICT)


def sound(name: str, value: Any) -> bool:
    """Whether a column may hold `value`."""
    try:
        _CHECKS[name].validate_python(value)
        if isinstance(value, dict | list):
            json.dumps(value, allow_nan=False).encode()
    except (ValidationError, ValueError, TypeError, RecursionError):
        return False
    return value is not UNREADABLE


def _check(row: Row, *_: object) -> None:
    bad = [name for name in FIELDS if not sound(name, row.__dict__.get(name))]
    for name in bad:
        default = FIELDS[name][1]
        set_committed_value(row, name, default.copy() if isinstance(default, dict | list) else default)
    try:
        _ID.validate_python(row.__dict__.get("id"))
    except ValidationError:
        bad.append("id")
    row.damage = tuple(bad)
    if bad:
        _tell(row, ", ".join(bad))


def _tell(row: Row, names: str) -> None:
    """What the user sees: a job that ended keeps its pictures, with a note; any other has failed."""
    said = f"this entry of the database is damaged: {names} cannot be read"
    if row.state in ("done", "cancelled") and "outputs" not in row.damage and "state" not in row.damage:
        set_committed_value(row, "notes", [*row.notes, {"en": said, "zh": f"数据库中的这条记录已损坏，无法读取：{names}"}])
        return
    set_committed_value(row, "state", "failed")
    fault = {"code": "job.damaged", "message": said, "hint": "put a backup of the database in its place, or delete this entry"}
    set_committed_value(row, "error", fault)


for _moment in ("load", "refresh"):
    event.listen(Row, _moment, _check)

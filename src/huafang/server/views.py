"""Rows and models as the API shows them, and what a row keeps of its params."""

from datetime import UTC, datetime
from typing import Any

from huafang import methods
from huafang.jobs.dispatcher import Dispatcher
from huafang.jobs.rows import Row
from huafang.models import kinds
from huafang.models.store import Model
from huafang.notes import Note
from huafang.params import Params, fields
from huafang.server.schemas import Fault, Job, ModelInfo, Output, Progress, Words

TITLE = 80
"""Characters of a photo's name that its results' names begin with."""


def job_view(row: Row, dispatcher: Dispatcher, position: int | None = None) -> Job:
    """A row as a job; `position` is its place in the queue, where it waits."""
    live = dispatcher.live(row.id) if row.state == "running" else None
    return Job(
        id=row.id,
        method=row.method,
        params=row.params,
        state=row.state,
        priority="bulk" if row.priority else "interactive",
        position=position,
        attempt=row.attempt,
        seq=row.seq,
        created_at=_time(row.created_at),
        started_at=_time(row.started_at) if row.started_at else None,
        finished_at=_time(row.finished_at) if row.finished_at else None,
        seconds=row.seconds,
        progress=Progress(**live.progress) if live and live.progress else None,
        cancelling=row.cancelling or (live is not None and live.cancel_at is not None),
        outputs=[_output(row, output) for output in row.outputs],
        figures=row.figures,
        notes=[_note(note) for note in (live.notes if live and live.notes else row.notes)],
        error=Fault(**row.error) if row.error else None,
        inputs=row.inputs,
        deleted=row.deleted_at is not None,
    )


def _output(row: Row, output: dict[str, Any]) -> Output:
    shown = {name: value for name, value in output.items() if name != "examples"}  # thousands of ids; the manifest has them
    return Output(**{**shown, "name": _named(row.title, output["name"])})


def _named(title: str, name: str) -> str:
    """A result's name, after the photo it was made from: as much of the photo's name as leaves it a file name on every system."""
    return f"{title[:TITLE].strip()}-{name}" if title else name


def _words(note: Note) -> Words:
    return Words(en=note, zh=note.zh)


def _note(note: Any) -> Words:
    """A kept note; rows of earlier versions hold English alone."""
    return Words(en=note, zh=note) if isinstance(note, str) else Words(**note)


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def model_view(model: Model) -> ModelInfo:
    entry = model.entry
    size = entry.bytes if entry else model.bytes
    return ModelInfo(
        name=model.name,
        title=_words(entry.title) if entry else Words(en=model.name, zh=model.name),
        holds=model.holds,
        kind=_words(kinds.of(model.holds).title),
        family=_words(kinds.FAMILIES[model.family]) if model.family else None,
        rank=model.card.rank if model.card else None,
        trigger_words=list(model.card.trigger_words) if model.card else [],
        fault=model.card.fault if model.card else None,
        renamable=model.renamable,
        installed=model.path is not None,
        bytes=size,
        licence=_words(entry.licence) if entry else None,
        origin=entry.origin if entry else None,
        about=_words(entry.about) if entry else None,
        pullable=entry is not None and not model.builtin,
        builtin=model.builtin,
        removable=model.removable,
    )


def words_of(params: Params) -> str:
    """What a search of the gallery looks through: the method's names and every word of the settings."""
    name: str = params.method  # type: ignore[attr-defined]  # every method has it
    labels = methods.labels(name)
    said = [name, labels["en"]["title"], labels["zh"]["title"]]
    for spec in fields(type(params)):
        value = getattr(params, spec.name)
        if spec.type.searchable and value:
            said.append(str(value))
    return "\n".join(said)

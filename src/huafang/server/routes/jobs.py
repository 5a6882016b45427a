"""`/api/jobs`, `/api/queue`, `/api/events`: work given, watched, stopped, taken back."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import PurePath
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import AfterValidator

from huafang.diffusion import styles
from huafang.diffusion.params import DrawingParams
from huafang.errors import NotFound
from huafang.jobs.rows import Row
from huafang.jobs.store import ENDED, Draft
from huafang.methods import check_downloads, check_films, check_models, parse, used_pictures
from huafang.params import JOB, METHOD, Params, clean, picture_ids
from huafang.server.events import Mailbox
from huafang.server.schemas import Job, JobList, Move, NewJob, Priority, Queue, State
from huafang.server.studio import Studio, studio_of
from huafang.server.views import job_view, words_of

router = APIRouter(prefix="/api", tags=["jobs"])
House = Annotated[Studio, Depends(studio_of)]


@router.post("/jobs", status_code=201)
def create_job(studio: House, job: NewJob, idempotency_key: Annotated[str | None, Header(max_length=200)] = None) -> Job:
    """Queue a job. When this answers, the job is on disk. The same Idempotency-Key twice gives the first job."""
    return _view(studio, submit(studio, job.params, job.priority, idempotency_key))


def submit(studio: Studio, params: Params, priority: Priority, key: str | None = None) -> Row:
    """Queue `params`, with their style applied.

    Raises NotFound when a picture or the style is not stored here, MissingWeights when a model is not, UnknownWeights for a download that is not in the
    catalogue, QueueFull, DiskFull.
    """
    if isinstance(params, DrawingParams):
        params, _ = styles.applied(params, studio.places.styles, studio.weights.places())
    for asset in picture_ids(params):
        if not studio.assets.exists(asset):
            raise NotFound(f"no asset {asset[:12]}…: upload the picture first", code="asset.missing")
    check_films(params, studio.assets)
    given = used_pictures(params, studio.assets)
    method: str = params.method  # type: ignore[attr-defined]  # every method has it
    check_models(params, studio.weights)
    check_downloads(params)
    names = [studio.name_of(asset) for asset in given]
    words = "\n".join([words_of(params), *names])
    # A picture is called after the photo it was made from; a model has a name of its own.
    title = PurePath(names[0]).stem if names and params.makes in ("picture", "film") else ""
    return studio.dispatcher.submit(Draft(method, params.model_dump(mode="json"), given, words, params.lane, priority, key or None, title))


@router.get("/jobs")
def list_jobs(
    studio: House,
    state: State | None = None,
    method: Annotated[str | None, Query(pattern=METHOD)] = None,
    q: Annotated[str, Query(max_length=200), AfterValidator(clean)] = "",
    before: Annotated[str | None, Query(pattern=JOB)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    deleted: bool = False,
) -> JobList:
    """Jobs, newest first. `q` searches methods' names and settings; `before` is the `next` of the page before; `deleted` looks into the trash."""
    rows = studio.store.page(state=state, method=method, words=q, before=before, limit=limit + 1, deleted=deleted)
    return JobList(jobs=_views(studio, rows[:limit]), next=rows[limit - 1].id if len(rows) > limit else None)


@router.get("/jobs/{job}")
def get_job(studio: House, job: str) -> Job:
    return _view(studio, studio.store.get(job))


@router.post("/jobs/{job}/cancel")
def cancel_job(studio: House, job: str) -> Job:
    """A waiting job is cancelled at once, a running one stops at its next step; an ended one stays as it is."""
    return _view(studio, studio.dispatcher.cancel(job))


@router.post("/jobs/{job}/retry", status_code=201)
def retry_job(studio: House, job: str) -> Job:
    """A new job with the same settings."""
    check_downloads(parse(studio.store.get(job).params))
    return _view(studio, studio.dispatcher.retry(job))


@router.post("/jobs/{job}/move")
def move_job(studio: House, job: str, move: Move) -> Job:
    """Put a waiting job in front of another one, or at the end of the queue."""
    return _view(studio, studio.dispatcher.move(job, move.before))


@router.delete("/jobs/{job}")
def delete_job(studio: House, job: str) -> Job:
    """Put an ended job into the trash, from where it can be taken back for 30 days."""
    return _view(studio, studio.dispatcher.trash(job))


@router.post("/jobs/{job}/restore")
def restore_job(studio: House, job: str) -> Job:
    """Take a job out of the trash."""
    return _view(studio, studio.dispatcher.trash(job, back=True))


def _known(studio: House, job: str) -> str:
    return studio.store.get(job).id


@router.get("/jobs/{job}/events", response_class=EventSourceResponse)
async def watch_job(studio: House, job: Annotated[str, Depends(_known)]) -> AsyncIterator[ServerSentEvent]:
    """One job's life, as server-sent events: first `job` as it stands, then `job`, `progress` and `preview` as they come. Ends with the job."""
    with Mailbox(studio.hub, job) as box:
        row = await asyncio.to_thread(studio.store.get, job)
        yield _event("job", await asyncio.to_thread(_view, studio, row))
        if row.state in ENDED:
            return
        if (live := studio.dispatcher.live(job)) and live.preview:
            yield ServerSentEvent(event="preview", data={"job": job, **live.preview}, id=str(row.seq))
        async for event in _letters(studio, box):
            yield event
            if event.event == "job" and event.data.state in ENDED:
                return


@router.get("/events", response_class=EventSourceResponse)
async def watch_all(studio: House) -> AsyncIterator[ServerSentEvent]:
    """Every job's changes: first the running and waiting ones as they stand, then `job`, `progress` and `preview` as they come. Never ends."""
    with Mailbox(studio.hub, None) as box:
        for view in (await asyncio.to_thread(_queue, studio)).jobs:
            yield _event("job", view)
        async for event in _letters(studio, box):
            yield event


async def _letters(studio: Studio, box: Mailbox) -> AsyncIterator[ServerSentEvent]:
    while not studio.closing.is_set():
        letters = await box.collect(studio.closing)
        rows = [payload for kind, _, payload in letters if kind == "job"]
        views = {view.id: view for view in await asyncio.to_thread(_views, studio, rows)} if rows else {}
        for kind, job, payload in letters:
            if kind == "job":
                yield _event("job", views[job])
            else:
                yield ServerSentEvent(event=kind, data={"job": job, **payload}, id=str(payload["seq"]))


def _event(kind: str, view: Job) -> ServerSentEvent:
    return ServerSentEvent(event=kind, data=view, id=str(view.seq))


@router.get("/queue", tags=["queue"])
def get_queue(studio: House) -> Queue:
    """What runs and what waits, in the order it will run; of those that wait the first 200, and `queued` counts them all."""
    return _queue(studio)


@router.post("/queue/pause", tags=["queue"])
def pause_queue(studio: House) -> Queue:
    """Start no more jobs. What runs goes on; new jobs are taken in."""
    studio.dispatcher.pause(True)
    return _queue(studio)


@router.post("/queue/resume", tags=["queue"])
def resume_queue(studio: House) -> Queue:
    studio.dispatcher.pause(False)
    return _queue(studio)


def _queue(studio: Studio) -> Queue:
    running, waiting = studio.store.running(), studio.store.waiting()
    jobs = [job_view(row, studio.dispatcher) for row in running]
    jobs += [job_view(row, studio.dispatcher, position) for position, row in enumerate(waiting[:200], 1)]
    return Queue(paused=studio.dispatcher.paused, queued=len(waiting), running=len(running), limit=studio.dispatcher.queue_limit, jobs=jobs)


def _view(studio: Studio, row: Row) -> Job:
    return _views(studio, [row])[0]


def _views(studio: Studio, rows: Sequence[Row]) -> list[Job]:
    places = studio.positions() if any(row.state == "queued" for row in rows) else {}
    return [job_view(row, studio.dispatcher, places.get(row.id)) for row in rows]

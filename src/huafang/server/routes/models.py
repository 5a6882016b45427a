"""`/api/models`, `/api/health`: what is on this machine."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends

from huafang import methods
from huafang.errors import NotFound
from huafang.images import MAX_PIXELS
from huafang.models import catalogue
from huafang.models.store import Model
from huafang.server.routes.jobs import _view, submit
from huafang.server.schemas import Health, Job, Lane, ModelInfo, ModelList, NewModelName, Words
from huafang.server.studio import LOW_DISK, PAGES, UPLOAD_BYTES, Studio, studio_of
from huafang.server.views import model_view

router = APIRouter(prefix="/api", tags=["models"])
House = Annotated[Studio, Depends(studio_of)]


@router.get("/models")
def list_models(studio: House) -> ModelList:
    """Models on this machine, and those that can be pulled."""
    return ModelList(models=[model_view(model) for model in studio.weights.models()])


@router.post("/models/{name:path}/pull", status_code=201)
def pull_model(studio: House, name: str) -> Job:
    """Bring a model of the catalogue to this machine: a job like any other, on a lane of its own. Only names of the catalogue are taken."""
    return _view(studio, submit(studio, methods.build("pull_weights", {"name": name}), "interactive"))


@router.post("/models/{name:path}/restore")
def restore_model(studio: House, name: str) -> ModelInfo:
    """Take a model of the owner's own out of the trash, where it stays for 30 days after it was removed."""
    place = studio.weights.restore(name)
    return model_view(_listed(studio, name) or Model(name, "unknown", place))


@router.post("/models/{name:path}/rename")
def rename_model(studio: House, name: str, new: NewModelName) -> ModelInfo:
    """Give a model of the owner's own another name. 409 where that is taken, 403 for a model that keeps its name."""
    studio.weights.rename(name, new.name)
    found = _listed(studio, new.name)
    if found is None:
        raise NotFound(f"the model {new.name!r} is gone again", code="weights.missing")
    return model_view(found)


@router.delete("/models/{name:path}")
def remove_model(studio: House, name: str) -> ModelInfo:
    """Take a model off this machine. One that was pulled is deleted; one of the owner's own in the store goes into the trash.

    What other programs brought to the Hugging Face cache, and files in folders of the owner's, are never touched.
    """
    before = _listed(studio, name)
    studio.weights.remove(name)
    gone = replace(before or Model(name, "unknown", None), path=None, removable=False)
    return model_view(_listed(studio, name) or gone)


def _listed(studio: Studio, name: str) -> Model | None:
    """The model `name`, or the one that is brought from the repository `name`, as it is in the list."""
    entry = catalogue.entry_of(name)
    return next((model for model in studio.weights.models() if model.name in (name, entry.name if entry else name)), None)


@router.get("/health", tags=["health"])
def get_health(studio: House) -> Health:
    """How the studio is."""
    lanes, free, notices = studio.dispatcher.executor.lanes(), studio.disk_free(), []
    if free < LOW_DISK:
        notices.append(Words(en=f"only {free / 1e6:.0f} MB are free on the disk", zh=f"磁盘只剩 {free / 1e6:.0f} MB 空间"))
    if not (PAGES / "index.html").is_file():
        en = "the web studio's pages are not built: install with npm's registry within reach, or run `npm ci && npm run build` in web/"
        notices.append(Words(en=en, zh="网页尚未构建：请在能访问 npm 的环境中安装，或在 web/ 中运行 `npm ci && npm run build`"))
    if any(lane.failures > 1 for lane in lanes):
        notices.append(Words(en="a worker cannot be started: the server's log says why", zh="工作进程无法启动，原因见服务器日志"))
    elif not all(lane.alive for lane in lanes):
        notices.append(Words(en="a worker is starting", zh="有一个工作进程正在启动"))
    notices += [Words(en=note, zh=note.zh) for note in studio.dispatcher.retention.notices]
    return Health(
        status="degraded" if free < LOW_DISK or not all(lane.alive for lane in lanes) else "ok",
        version=studio.version,
        device=studio.device,
        lanes=[Lane(name=lane.name, kind=lane.kind, job=lane.job, alive=lane.alive) for lane in lanes],
        paused=studio.dispatcher.paused,
        disk_free=free,
        limits={"upload_bytes": UPLOAD_BYTES, "pixels": MAX_PIXELS, "queued": studio.dispatcher.queue_limit},
        notices=notices,
    )

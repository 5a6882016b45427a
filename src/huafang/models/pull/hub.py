"""A repository of the Hugging Face hub, a pipeline of diffusers or a CLIP -> the hub's own cache, which all programs share, and which is never copied from.

huggingface_hub works in a process of its own (`hub_child.py`): a cancel then ends it at once, whatever it is waiting for, and the parts that came stay in
its cache for the next try. HF_HOME, HF_HUB_CACHE, HF_ENDPOINT, HF_TOKEN and the proxies of the environment hold there as everywhere.
"""

import contextlib
import datetime
import json
import os
import queue
import shutil
import subprocess
import threading
from pathlib import Path
from typing import Any

from huafang import processes
from huafang.errors import BadInput, DiskFull, Unavailable
from huafang.models import catalogue, hubcache
from huafang.models.modelfile import Sidecar
from huafang.models.pull.conversion import convert
from huafang.models.pull.store import put
from huafang.models.pull.transfer import SPARE, Progress
from huafang.models.store import ModelStore


def snapshot(repository: str, store: ModelStore, *, pickled_as: str | None = None, progress: Progress) -> Path:
    """Bring `repository`: JSON, text and safetensors of the parts its model_index.json names, or of the one network it is; no code and no pickle.

    Gives the folder.

    `pickled_as` is for the few repositories, named in the catalogue, that were never saved as safetensors: their `.bin` files are brought to the store,
    converted there (`convert`), and deleted; the folder is then the store's, under that name.
    Raises Unavailable (`pull.*`), DiskFull, BadInput (`weights.no_safetensors`).
    """
    draft = store.root / f".{pickled_as}.part" if pickled_as else None
    hubcache.begin(store.root, repository)
    try:
        answer = _child(repository, draft, progress)
    except BaseException:
        hubcache.give_up(store.root, repository)
        raise
    hubcache.end(store.root, repository)
    if draft is None or not answer["pickled"]:
        return Path(answer["path"])
    assert pickled_as is not None, "there is a draft"
    return _convert_all(draft, store.root / pickled_as, repository)


def _child(repository: str, draft: Path | None, progress: Progress) -> dict[str, Any]:
    command = processes.child("huafang.models.pull.hub_child", repository, str(draft or ""))
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, encoding="utf-8")  # our own module, no shell
    said: queue.Queue[str] = queue.Queue()
    assert child.stdout is not None, "asked for above"
    lines = child.stdout

    def read() -> None:
        for line in lines:
            said.put(line)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    answer: dict[str, Any] = {}
    total, folder = 0, hubcache.hub_folder(repository)
    try:
        while reader.is_alive() or not said.empty():
            with contextlib.suppress(queue.Empty):
                answer |= json.loads(said.get(timeout=0.25))
            if "total" in answer and not total:
                total = answer["total"]
                folder = draft if answer["pickled"] and draft else folder
                _check_space(repository, folder, total - _bytes_of(folder))
            progress(min(total, _bytes_of(folder)) if total else 0, total)
    finally:
        child.kill()
        child.wait()
        lines.close()
    if "path" not in answer:
        raise _fault(repository, answer)
    progress(total, total)
    return answer


def _convert_all(draft: Path, place: Path, repository: str) -> Path:
    """The folder `draft` with its pickles converted, at `place`, with a sidecar beside it. Raises BadInput where another is there by now."""
    for pickled in sorted(draft.rglob("*.bin")):
        of_transformers = pickled.parent == draft or pickled.parent.name.startswith("text_encoder")
        name = "model.safetensors" if of_transformers else "diffusion_pytorch_model.safetensors"
        whole = pickled.with_name(name)
        if not whole.exists():
            convert(pickled, whole)
        pickled.unlink()
    shutil.rmtree(draft / ".cache", ignore_errors=True)
    entry = catalogue.entry_of(repository)
    kept = Sidecar(
        place.name, f"https://huggingface.co/{repository}", "", None, _bytes_of(draft), entry.licence if entry else "", datetime.date.today().isoformat()
    )
    put(draft, place, kept)
    return place


def _bytes_of(folder: Path) -> int:
    """Bytes in the files below, those that are still coming too; links are not counted."""
    count = 0
    for item in folder.rglob("*"):
        try:
            count += 0 if item.is_symlink() or not item.is_file() else item.stat().st_size
        except OSError:  # it was renamed between the listing and the look
            continue
    return count


def _check_space(repository: str, folder: Path, needed: int) -> None:
    there = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(there).free
    if needed + SPARE > free:
        raise DiskFull(
            f"{repository} needs {needed / 1e6:,.0f} MB more, and {there} has {free / 1e6:,.0f} MB free",
            hint="free some space, or set HF_HOME to a larger disk",
        )


def _fault(repository: str, answer: dict[str, Any]) -> Exception:
    kind, why = answer.get("error", "ended"), str(answer.get("why", "its process ended"))[:300]
    endpoint = os.environ.get("HF_ENDPOINT", "huggingface.co")
    if kind == "no_safetensors":
        return BadInput(f"{repository} has no safetensors for its {why}; pickled weights are not brought", code="weights.no_safetensors")
    if kind == "no_pipeline":
        return BadInput(f"{repository} is no diffusers repository, which has a model_index.json, and no CLIP", code="weights.unreadable")
    if kind == "gated":
        hint = "accept its licence on its page, and set HF_TOKEN to a token of your account"
        return Unavailable(f"{endpoint} does not give us {repository}: {why}", code="pull.forbidden", hint=hint)
    if kind == "not_there":
        return Unavailable(
            f"there is no {repository} at {endpoint}", code="pull.not_there", hint="check its spelling: owner/name; if it is private, set HF_TOKEN"
        )
    if kind == "no_room":
        return DiskFull(f"no room on the disk for {repository}", hint="free some space and run it again: it goes on where it stopped")
    hint = "check the connection and run it again: it goes on where it stopped; where huggingface.co cannot be reached, set HF_ENDPOINT to a mirror"
    return Unavailable(f"{repository} was not brought from {endpoint}: {why}", code="pull.interrupted", hint=hint)

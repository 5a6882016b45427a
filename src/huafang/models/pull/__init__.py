"""Bringing models to this machine: from an address, or from the Hugging Face hub.

`pull` is the whole; `download` brings one file; `convert` turns pickled weights into safetensors in a process of its own.
"""

import datetime
import os
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from huafang.errors import Conflict, MissingWeights, UnknownWeights, nearest
from huafang.models import catalogue, hubcache, modelfile
from huafang.models.catalogue import Entry, Source
from huafang.models.modelfile import Sidecar
from huafang.models.pull import hub
from huafang.models.pull.conversion import convert as convert
from huafang.models.pull.conversion import join
from huafang.models.pull.store import check_space as check_space
from huafang.models.pull.store import put
from huafang.models.pull.transfer import Progress as Progress
from huafang.models.pull.transfer import download as download
from huafang.models.pull.transfer import silent
from huafang.models.store import ModelStore


def pull(name: str, store: ModelStore, *, progress: Progress = silent) -> Path:
    """Bring the model `name`, of the catalogue or `owner/name` of the hub, and give its place. One that is here already is left as it is.

    Raises UnknownWeights for a name that is neither, Conflict (`weights.exists`) where a file of the owner's has its name, Unavailable (`pull.*`) or DiskFull
    when it cannot be brought; what came so far is kept for the next try.
    """
    try:
        place = store.path(name)
    except MissingWeights:
        entry, repository = wanted(name)
    else:
        check_own(name, store)
        return place
    if repository is not None:
        return hub.snapshot(repository, store, pickled_as=entry.name if entry and entry.layout == "pickled" else None, progress=progress)
    assert entry is not None, "what has no repository has an entry"
    return _pull_files(entry, store, progress)


def check_own(name: str, store: ModelStore) -> None:
    """Raises Conflict where a file or folder of the owner's has the name of a model of the catalogue: it is neither replaced, nor taken for that model."""
    if own := store.own(name):
        raise Conflict(
            f"{own} is a file of yours that has the name of the model {name!r}",
            code="weights.exists",
            hint="it is used wherever that name is given; to get the catalogue's model, rename or move yours, and pull again",
        )


def wanted(name: str) -> tuple[Entry | None, str | None]:
    """What `name` means: its entry of the catalogue, if it has one, and the hub's repository it comes from, if it comes from there. At least one of them.

    Raises UnknownWeights for a name that is neither in the catalogue nor `owner/name`.
    """
    entry = catalogue.entry_of(name)
    repository = entry.hub if entry else (name if hubcache.HUB_NAME.fullmatch(name) else None)
    if entry is None and repository is None:
        raise UnknownWeights(f"there is no model {name!r} to bring" + nearest(name, catalogue.entries()), hint="or a repository of the hub: owner/name")
    return entry, repository


def _pull_files(entry: Entry, store: ModelStore, progress: Progress) -> Path:
    """One file as it is, or several as one, each with its prefix before the names of its tensors."""
    assert entry.sources, f"{entry.name} has neither a source nor a hub"
    place = store.place(entry.name)
    drafts, hashes, before = [], [], 0
    for number, source in enumerate(entry.sources):
        came = place.with_name(f"{place.name}{f'.{number}' if number else ''}.download")
        heard = progress if len(entry.sources) == 1 else partial(_heard, progress, before, entry.bytes)
        hashes.append(download(source, came, progress=heard))
        before += came.stat().st_size
        drafts.append(_as_safetensors(came, source, entry.layout or "any"))
    draft = drafts[0] if len(drafts) == 1 else _joined(drafts, entry.sources)
    named = " ".join(source.url for source in entry.sources)
    kept = Sidecar(entry.name, named, " ".join(hashes), modelfile.sha256(draft), draft.stat().st_size, entry.licence, datetime.date.today().isoformat())
    put(draft, place, kept)
    return place


def _heard(progress: Progress, before: int, total: int, done: int, _: int) -> None:
    """The progress of one file of several."""
    progress(min(total, before + done), total)


def _as_safetensors(came: Path, source: Source, layout: str) -> Path:
    draft = came.with_suffix(".converted")
    if urlsplit(source.url).path.endswith(".safetensors"):
        modelfile.load(came)
        os.replace(came, draft)
    else:
        draft.unlink(missing_ok=True)  # of a pull that was killed
        convert(came, draft, layout=layout)
        came.unlink()
    return draft


def _joined(drafts: list[Path], sources: tuple[Source, ...]) -> Path:
    joined = drafts[0].with_suffix(".joined")
    join({source.prefix: draft for draft, source in zip(drafts, sources, strict=True)}, joined)
    for draft in drafts:
        draft.unlink()
    return joined

"""Bringing models to this machine: from an address, or from the Hugging Face hub.

`pull` is the whole; `download` brings one file; `convert` turns pickled weights into safetensors in a process of its own.
"""

import datetime
import os
from pathlib import Path
from urllib.parse import urlsplit

from huafang import weights
from huafang.errors import BadInput, MissingWeights, nearest
from huafang.pull import hub
from huafang.pull.conversion import convert as convert
from huafang.pull.transfer import Progress as Progress
from huafang.pull.transfer import download as download
from huafang.pull.transfer import silent
from huafang.weights import Entry, Sidecar, Weights


def pull(name: str, store: Weights, *, progress: Progress = silent) -> Path:
    """Bring the model `name`, of the catalogue or `owner/name` of the hub, and give its place. One that is here already is left as it is.

    Raises BadInput for a name that is neither, Unavailable (`pull.*`) or DiskFull when it cannot be brought; what came so far is kept for the next try.
    """
    entry = weights.entry_of(name)
    try:
        return store.path(name)
    except MissingWeights:
        repository = entry.hub if entry else (name if weights.HUB_NAME.fullmatch(name) else None)
    if repository is not None:
        return hub.snapshot(repository, store, pickled_as=entry.name if entry and entry.layout == "pickled" else None, progress=progress)
    if entry is None:
        raise BadInput(
            f"there is no model {name!r} to bring" + nearest(name, weights.catalogue()), code="weights.unknown", hint="or a repository of the hub: owner/name"
        )
    return _pull_file(entry, store, progress)


def _pull_file(entry: Entry, store: Weights, progress: Progress) -> Path:
    assert entry.url is not None, f"{entry.name} has neither url nor hub"
    place = store.place(entry.name)
    came = place.with_name(place.name + ".download")
    source_sha256 = download(entry.url, came, sha256=entry.sha256, sha256_prefix=entry.sha256_prefix, hosts=entry.hosts, progress=progress)
    draft = place.with_name(place.name + ".converted")
    if urlsplit(entry.url).path.endswith(".safetensors"):
        weights.load(came)
        os.replace(came, draft)
    else:
        convert(came, draft, layout=entry.layout or "any")
    kept = Sidecar(entry.name, entry.url, source_sha256, weights.sha256(draft), draft.stat().st_size, entry.licence, datetime.date.today().isoformat())
    weights.write_sidecar(place, kept)
    os.replace(draft, place)
    came.unlink(missing_ok=True)
    return place

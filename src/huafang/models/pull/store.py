"""Where a pull ends: is there room for it, and the finished file or folder with its sidecar in the store."""

import os
import shutil
from pathlib import Path

from huafang.errors import DiskFull, Unavailable
from huafang.models import modelfile
from huafang.models.catalogue import Entry
from huafang.models.hubcache import hub_folder
from huafang.models.modelfile import Sidecar
from huafang.models.pull.transfer import SPARE
from huafang.models.store import ModelStore
from huafang.newfile import exists, move_new


def put(draft: Path, place: Path, kept: Sidecar) -> None:
    """Move `draft`, a file or a folder, to `place`, where nothing is yet, with its sidecar beside it.

    Raises BadInput (`weights.exists`) where something is there by now; it stays, and so does `draft`.
    """
    if os.path.lexists(place):
        raise exists(place)
    modelfile.write_sidecar(place, kept)  # first: a file without one counts as the owner's
    try:
        move_new(draft, place)
    except BaseException:
        modelfile.sidecar_place(place).unlink(missing_ok=True)
        raise


def check_space(name: str, entry: Entry | None, repository: str | None, store: ModelStore) -> None:
    """What a pull would refuse before it begins: a full disk (DiskFull), a folder that may not be written to (Unavailable)."""
    folder = hub_folder(repository) if repository else store.root
    there = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    if not os.access(there, os.W_OK):
        raise Unavailable(f"{there} cannot be written to, where {name} would go", code="disk.unwritable", hint="choose another place with --data, or HF_HOME")
    free = shutil.disk_usage(there).free
    if entry and entry.bytes + SPARE > free:
        raise DiskFull(f"{name} needs {entry.bytes / 1e6:,.0f} MB, and {there} has {free / 1e6:,.0f} MB free", hint="free some space and try again")

"""Files of the owner's into the store: names that they may have, copied whole or not at all, and renamed. No torch."""

import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from huafang import newfile
from huafang.assets import check_writable, draft
from huafang.errors import BadInput, Conflict, DiskFull, Unavailable
from huafang.models import card, catalogue, scan, tensorfile
from huafang.models.card import ModelCard

NAME = re.compile(r"[^\W_][\w\-]*(\.[\w\-]+)*")
LONGEST = 80
"""Characters of a name: with its ending it is a file name on every system, also in Chinese."""
DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(10))}
"""Names that Windows gives to devices, whatever their ending."""
SPARE = 100_000_000
"""Bytes that stay free on the disk."""
STEM = ".safetensors"


def suggested(file_name: str) -> str:
    """A name for the file `file_name`: its stem, without what no name may have."""
    stem = re.sub(r"\.safetensors$", "", file_name, flags=re.IGNORECASE)
    plain = re.sub(r"[^\w\-]+", "-", stem).strip("-_")[:LONGEST].rstrip("-_")
    return plain if plain and plain.casefold() not in DEVICES else f"my-{plain or 'model'}"


def check_name(store: Path, folders: tuple[Path, ...], name: str, *, own: Path | None = None) -> Path:
    """The place in the store for a model of the owner's that is to be called `name`. Upper and lower case count as one.

    Raises BadInput (`model.name`) for a name that no file or no model of the owner's may have, Conflict (`weights.exists`) where a model has it, unless that
    is the one at `own`.
    """
    hint = f"take a name such as {suggested(name)}"
    if not NAME.fullmatch(name) or len(name) > LONGEST or len(name.encode()) > 200:
        allowed = f"a name has letters, digits, - and _, single dots between them, and at most {LONGEST} characters"
        raise BadInput(f"the name {name[:100]!r} cannot be used: {allowed}", code="model.name", hint=hint)
    plain = name.casefold()
    if plain.partition(".")[0] in DEVICES:
        raise BadInput(f"the name {name!r} cannot be used: Windows gives it to a device", code="model.name", hint=hint)
    if plain.endswith(STEM):
        raise BadInput(f"the name {name!r} cannot be used: the ending is put behind it", code="model.name", hint=hint)
    for known, what in ((catalogue.built_in(), "comes with Huafang"), (catalogue.entries(), "can be downloaded")):
        if taken := next((other for other in known if other.casefold() == plain), None):
            raise BadInput(f"{taken} is the name of a model that {what}", code="model.name", hint=f"take another name, such as my-{name}")
    place = store / f"{name}{STEM}"
    found = scan.found((store, *folders))
    taken = next((other for other, path in found.items() if other.casefold() == plain and path != own), None)
    if taken or any(item != own for item in (place, store / name) if os.path.lexists(item)):
        numbered = next(free for number in range(2, 10_000) if (free := f"{name}-{number}").casefold() not in {other.casefold() for other in found})
        raise Conflict(
            f"there is a model {taken or name!r} already; nothing is written over it", code="weights.exists", hint=f"take another name, such as {numbered}"
        )
    return place


def check_fit(found: ModelCard, name: str) -> None:
    """See that a file with this card is of use here. Raises BadInput that says what is wrong with it."""
    if found.fault:
        raise BadInput(found.fault, code="weights.unreadable")
    if found.role == "unknown":
        raise BadInput(
            f"{name} holds a network that is not known here ({found.tensors} tensors)",
            code="weights.wrong_kind",
            hint="known are Stable Diffusion models, LoRA files, embeddings, and the networks of the methods: huafang methods",
        )
    if found.row.what and found.kind not in ("lora", "embedding"):
        raise BadInput(f"{name} is {found.row.what}, which no method here runs", code="weights.wrong_kind")


@contextmanager
def incoming(place: Path, size: int | None) -> Iterator[Path]:
    """A draft beside `place` for the bytes of a model, `size` of them where that is known; at the end it is checked and put to `place`, where nothing is yet.

    After an exception nothing is left. Raises BadInput for a file that is of no use, Conflict (`weights.exists`) where another came first, DiskFull and
    Unavailable.
    """
    check_writable(place.parent)
    if size is not None and size + SPARE > (free := shutil.disk_usage(place.parent).free):
        raise DiskFull(f"{place.stem} needs {size / 1e6:,.0f} MB, and {free / 1e6:,.0f} MB are free", hint="free some space and try again")
    try:
        with draft(place, move=_move) as writing:
            yield writing
            check_fit(card.read(writing), place.name)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise DiskFull(f"no room on the disk for {place.stem}", hint="free some space and try again") from error
        raise Unavailable(f"{place.stem} cannot be written: {error.strerror or error}", code="disk.unwritable") from error


def _move(writing: Path, place: Path) -> None:
    try:
        newfile.move_new(writing, place)
    except BadInput as error:  # another came first
        raise Conflict(f"there is a model {place.stem!r} already; nothing is written over it", code="weights.exists", hint="take another name") from error


def copy(source: Path, place: Path) -> None:
    """Copy the file `source` to `place`. Raises as `incoming` does, and BadInput (`weights.unreadable`) for what cannot be read or is no safetensors file."""
    what = card.read(source)
    if what.fault:
        tensorfile.header(source)  # says it with its hint
        raise BadInput(what.fault, code="weights.unreadable")
    check_fit(what, source.name)
    try:
        opened = tensorfile.open_regular(source)
    except OSError as error:
        raise BadInput(f"{source} cannot be read: {error.strerror or error}", code="weights.unreadable") from error
    with opened as reading, incoming(place, what.bytes) as writing, writing.open("wb") as file:
        shutil.copyfileobj(reading, file, 1 << 20)
        file.flush()
        os.fsync(file.fileno())


def rename(path: Path, place: Path) -> Path:
    """Give the file or folder at `path` the name of `place`, in the folder that it lies in; with the small files beside it. Raises Conflict, Unavailable."""
    target = path.parent / (place.stem if path.is_dir() else place.name)
    beside = [] if path.is_dir() else [path.with_suffix(ending) for ending in _BESIDE if path.with_suffix(ending).is_file()]
    try:
        if path.name.casefold() == target.name.casefold():
            os.rename(path, target)
        else:
            _move(path, target)
        for item in beside:
            newfile.move_new(item, target.with_suffix(item.name.removeprefix(path.stem)))
    except OSError as error:
        raise Unavailable(f"{path.name} cannot be renamed: {error.strerror or error}", code="disk.unwritable") from error
    return target


_BESIDE = (".json", ".civitai.info", ".preview.png", ".png", ".jpg", ".jpeg", ".webp")

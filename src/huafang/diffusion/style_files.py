"""Styles as files to share: a `.json`, or a `.zip` with `style.json`, `preview.webp` and the LoRAs in `loras/`. No torch here."""

import shutil
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath

from huafang import images
from huafang.assets import draft
from huafang.diffusion import styles
from huafang.errors import BadInput, Conflict, Unavailable
from huafang.models.store import ModelStore

MOST_FILES = 20
MOST_LORA = 4 << 30
"""Bytes of a LoRA in a zip, at most."""
PREVIEW_SIDE = 256


def export(one: styles.Style, folder: Path, place: Path, loras: Mapping[str, Path]) -> None:
    """Write the style to `place`: a `.json` alone, or a `.zip` with its preview and `loras`, by name. Raises BadInput, Unavailable."""
    if place.suffix.lower() == ".json":
        if loras:
            raise BadInput("a .json file holds no LoRAs: give a name that ends in .zip", code="style.bad")
        _written(place, lambda path: path.write_bytes(styles.written(one)))
    elif place.suffix.lower() == ".zip":
        _written(place, lambda path: _zip(one, styles.preview(one.name, folder), path, loras))
    else:
        raise BadInput(f"{place.name}: a style is exported as a .json or a .zip file", code="style.bad")


def _written(place: Path, write: Callable[[Path], object]) -> None:
    if place.exists():
        raise Conflict(f"{place} exists already", code="file.exists", hint="give another name, or remove it first")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with draft(place) as writing:
            write(writing)
    except OSError as error:
        raise Unavailable(f"{place} cannot be written: {error.strerror or error}", code="disk.unwritable") from error


def _zip(one: styles.Style, preview: bytes | None, place: Path, loras: Mapping[str, Path]) -> None:
    with zipfile.ZipFile(place, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("style.json", styles.written(one))
        if preview:
            archive.writestr("preview.webp", preview)
        for name, path in loras.items():
            archive.write(path, f"loras/{name.removesuffix('.safetensors')}.safetensors")


def add(path: Path, folder: Path, store: ModelStore) -> tuple[styles.Style, list[str]]:
    """Take in the style in the file `path`; gives it and the names of the LoRAs that came with it. Nothing is written over.

    Raises BadInput for a file that is no style, Conflict for a name that is taken, Unavailable, DiskFull.
    """
    if not path.is_file():
        raise BadInput(f"there is no file {path}", code="style.bad")
    if not zipfile.is_zipfile(path):
        new = styles.read(path)
        styles.add(new, folder)
        return new, []
    with zipfile.ZipFile(path) as archive, tempfile.TemporaryDirectory() as scratch:
        return _unpacked(archive, path.name, folder, store, Path(scratch))


def _unpacked(archive: zipfile.ZipFile, name: str, folder: Path, store: ModelStore, scratch: Path) -> tuple[styles.Style, list[str]]:
    entries = {entry.filename: entry for entry in archive.infolist() if not entry.is_dir()}
    if "style.json" not in entries or len(entries) > MOST_FILES:
        raise BadInput(f"{name} is no style: a zip with style.json and at most {MOST_FILES} files is wanted", code="style.bad")
    new = styles.parsed(_bytes(archive, entries["style.json"], styles.MOST_BYTES, name), f"{name}: style.json")
    preview = None
    if "preview.webp" in entries:  # written anew: what came is somebody's bytes
        preview = images.thumbnail(_bytes(archive, entries["preview.webp"], styles.MOST_PREVIEW, name), PREVIEW_SIDE)
    wanted = {use.name.removesuffix(".safetensors") for use in new.loras}
    found = {PurePosixPath(entry).stem: entries[entry] for entry in entries if entry.startswith("loras/") and entry.endswith(".safetensors")}
    there = {known.removesuffix(".safetensors") for known in store.places()}
    brought = []
    for lora in sorted(wanted & found.keys() - there):
        if found[lora].file_size > MOST_LORA:
            raise BadInput(f"{name}: {lora} is larger than {MOST_LORA >> 30} GB", code="style.bad")
        with archive.open(found[lora]) as source, (scratch / f"{lora}.safetensors").open("wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
        brought.append(lora)
    place = styles.add(new, folder, preview)
    try:
        for lora in brought:
            store.bring(scratch / f"{lora}.safetensors", lora)
    except BaseException:
        place.unlink(missing_ok=True)
        raise
    return new, brought


def _bytes(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, most: int, name: str) -> bytes:
    try:
        with archive.open(entry) as file:
            data = file.read(most + 1)
    except (OSError, RuntimeError, NotImplementedError, zipfile.BadZipFile) as error:  # damaged, encrypted, of an unknown method
        raise BadInput(f"{name}: {entry.filename} cannot be read: {error}", code="style.bad") from None
    if len(data) > most:
        raise BadInput(f"{name}: {entry.filename} is larger than {most:,} bytes", code="style.bad")
    return data

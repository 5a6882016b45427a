"""The Hugging Face cache, which many programs share: where a repository lies in it, and what of it Huafang brought. No torch.

Only what Huafang brought is ever removed. When a pull begins, a *record* in Huafang's own folder keeps the files of the repository that were there before;
when it ends, the record keeps those that came. Removing takes away these links, and each blob that nothing else links to.
"""

import contextlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from huafang.assets import write_whole
from huafang.errors import Forbidden

HUB_NAME = re.compile(r"[\w][\w.\-]*/[\w][\w.\-]*")


@dataclass(frozen=True)
class Record:
    """`folder` is the repository's in the cache. `before` and `brought` are files below its `snapshots`; `brought` is None while the pull has not ended."""

    repository: str
    folder: str
    before: tuple[str, ...]
    brought: tuple[str, ...] | None = None


def hub_folder(repository: str) -> Path:
    """Where the cache keeps a repository, by the cache's own layout."""
    home = Path(os.environ.get("HF_HUB_CACHE") or Path(os.environ.get("HF_HOME") or "~/.cache/huggingface").expanduser() / "hub")
    return home / f"models--{repository.replace('/', '--')}"


def begin(root: Path, repository: str) -> None:
    """A pull of `repository` begins: write down what is there already, unless an earlier try did."""
    folder = hub_folder(repository)
    found, here = record(root, repository), tuple(_files(folder))
    if found is None or found.folder != str(folder):
        before = here
    elif found.brought is None:  # an earlier try was cut off: what came since then is its
        before = found.before
    else:
        before = tuple(file for file in here if file not in found.brought)
    _write(root, Record(repository, str(folder), before))


def end(root: Path, repository: str) -> None:
    """The pull has ended: write down what came."""
    found = record(root, repository)
    assert found is not None, "it was begun"
    _write(root, Record(repository, found.folder, found.before, tuple(file for file in _files(Path(found.folder)) if file not in found.before)))


def give_up(root: Path, repository: str) -> None:
    """The pull failed: where nothing came of it, nothing is written down."""
    found = record(root, repository)
    if found and found.brought is None and not set(_files(hub_folder(repository))) - set(found.before):
        _place(root, repository).unlink(missing_ok=True)


def record(root: Path, repository: str) -> Record | None:
    """What is known of a repository that was pulled; None where nothing is, or where the note of it is damaged."""
    found = _read(_place(root, repository))
    return found if found and found.repository == repository else None


def brought(root: Path) -> list[str]:
    """The repositories that were pulled, whole."""
    found = [_read(place) for place in sorted((root / ".hub").glob("*.json"))]
    return [one.repository for one in found if one and one.brought and HUB_NAME.fullmatch(one.repository) and one.folder == str(hub_folder(one.repository))]


def remove(root: Path, repository: str) -> int:
    """Take away what was brought of `repository`; gives the bytes that were freed.

    Raises Forbidden (`weights.shared`) where nothing of it was brought by Huafang: it is another program's.
    """
    found, folder = record(root, repository), hub_folder(repository)
    if found is None or not found.brought or found.folder != str(folder):
        raise Forbidden(
            f"{repository} lies in the Hugging Face cache, which other programs use too, and Huafang did not bring it there",
            code="weights.shared",
            hint=f"if no program needs it any more, delete {folder} yourself",
        )
    snapshots = folder / "snapshots"
    before, blobs = _bytes(folder), set()
    for name in found.brought:
        link = snapshots / name
        if not _inside(link, snapshots):
            continue
        if link.is_symlink() and (target := link.resolve()).parent == (folder / "blobs").resolve():
            blobs.add(target)
        link.unlink(missing_ok=True)
    kept = {(snapshots / name).resolve() for name in _files(folder)}
    for blob in blobs - kept:
        blob.unlink(missing_ok=True)
    _prune(snapshots)
    if not kept and not any((folder / "blobs").glob("*")):
        shutil.rmtree(folder, ignore_errors=True)
    after = _bytes(folder)
    _place(root, repository).unlink(missing_ok=True)
    return before - after


def _place(root: Path, repository: str) -> Path:
    assert HUB_NAME.fullmatch(repository), "only names of repositories become files"
    return root / ".hub" / f"{repository.replace('/', '--')}.json"


def _read(place: Path) -> Record | None:
    try:
        told = json.loads(place.read_text("utf-8"))
        brought = told["brought"]
        return Record(str(told["repository"]), str(told["folder"]), tuple(map(str, told["before"])), None if brought is None else tuple(map(str, brought)))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write(root: Path, found: Record) -> None:
    write_whole(_place(root, found.repository), json.dumps(asdict(found), indent=1).encode())


def _files(folder: Path) -> Iterator[str]:
    """Files and links below the repository's `snapshots`, by their paths."""
    snapshots = folder / "snapshots"
    for path in sorted(snapshots.rglob("*")):
        if path.is_symlink() or path.is_file():
            yield path.relative_to(snapshots).as_posix()


def _inside(path: Path, home: Path) -> bool:
    return path.parent.resolve().is_relative_to(home.resolve())


def _prune(snapshots: Path) -> None:
    """Remove folders that are empty now, and the names (`refs`) of snapshots that are gone."""
    for path in sorted(snapshots.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            with contextlib.suppress(OSError):
                path.rmdir()
    for ref in (snapshots.parent / "refs").glob("*"):
        with contextlib.suppress(OSError, ValueError):
            if ref.is_file() and not (snapshots / ref.read_text().strip()).is_dir():
                ref.unlink()


def _bytes(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())

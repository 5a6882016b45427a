"""Models of the owner's own that were removed: kept for 30 days, and taken back by name. A folder `.trash` in the store. No torch."""

import contextlib
import json
import os
import secrets
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from huafang.assets import write_whole
from huafang.errors import Conflict, NotFound, nearest

DAYS = 30


def put(root: Path, name: str, paths: Sequence[Path]) -> None:
    """Move `paths`, which are the model `name` and lie below `root`, into the trash; and forget what has lain there for 30 days. Raises OSError."""
    sweep(root)
    home = root / ".trash" / f"{int(time.time())}-{secrets.token_hex(6)}"
    base = root.resolve()
    told = {"name": name, "paths": [path.relative_to(base).as_posix() for path in paths]}
    write_whole(home / "model.json", json.dumps(told).encode())
    try:
        for number, path in enumerate(paths):
            os.rename(path, home / str(number))
    except BaseException:
        with contextlib.suppress(OSError):
            (home / "model.json").unlink()
            home.rmdir()
        raise


def take(root: Path, name: str, *, taken: Callable[[], bool]) -> Path:
    """Take back the model of the `name` that was removed last; gives its place. Raises NotFound, and Conflict where that place is `taken`."""
    found = [(home, paths) for home in _all(root) for removed, paths in _told(home) if removed == name]
    if not found:
        others = sorted(set(names(root)))
        raise NotFound(f"there is no model {name!r} in the trash" + (nearest(name, others) if others else ", which is empty"), code="weights.missing")
    home, paths = found[-1]
    places = [root.resolve() / path for path in paths]
    if taken() or any(place.exists() or place.is_symlink() for place in places):
        raise Conflict(
            f"there is another model {name!r} by now", code="weights.exists", hint="remove or rename that one first; the removed one is kept until then"
        )
    for number, place in enumerate(places):
        place.parent.mkdir(parents=True, exist_ok=True)
        os.rename(home / str(number), place)
    shutil.rmtree(home, ignore_errors=True)
    return places[0]


def sweep(root: Path) -> None:
    """Forget what was removed more than 30 days ago."""
    for home in _all(root):
        if time.time() - int(home.name.partition("-")[0]) > DAYS * 86400:
            shutil.rmtree(home, ignore_errors=True)


def names(root: Path) -> list[str]:
    """The models in the trash, those that were removed first before."""
    return [name for home in _all(root) for name, _ in _told(home)]


def _all(root: Path) -> list[Path]:
    homes = [home for home in (root / ".trash").glob("*-*") if home.name.partition("-")[0].isdecimal()]
    return sorted(homes, key=lambda home: (int(home.name.partition("-")[0]), home.stat().st_mtime_ns if home.exists() else 0))


def _told(home: Path) -> list[tuple[str, list[str]]]:
    """The name and the paths of what lies in a folder of the trash; nothing where it is not whole."""
    try:
        told = json.loads((home / "model.json").read_text("utf-8"))
        name, paths = str(told["name"]), [str(path) for path in told["paths"]]
        safe = all(not Path(path).is_absolute() and ".." not in Path(path).parts for path in paths)
        whole = safe and paths and all((home / str(number)).exists() for number in range(len(paths)))
        return [(name, paths)] if whole else []
    except (OSError, ValueError, KeyError, TypeError):
        return []

"""Models on this machine, by name. No torch here.

Three places are looked through: the store (what `huafang models pull` brought), the folders the owner named (`--model-dir`), and paths that the
command line or the Python API `add`s for one run. A name is only ever looked up among what was found there; it is never joined to a path.
What can be pulled is in `catalogue.toml`, beside this file; `pull.py` brings it.
"""

import json
import os
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from huafang.errors import BadInput, MissingWeights, nearest

HUB_NAME = re.compile(r"[\w][\w.\-]*/[\w][\w.\-]*")


@dataclass(frozen=True)
class Entry:
    """A model that can be pulled by name. `bytes` is the size of the download; `holds` the sort of weights (`vgg`, `diffusion`, …)."""

    name: str
    title: str
    holds: str
    licence: str
    bytes: int
    about: str
    url: str | None = None
    sha256: str | None = None
    hub: str | None = None
    layout: str | None = None


@dataclass(frozen=True)
class Model:
    """A model by its name: where it lies (None: not on this machine), and what the catalogue says of it (None: the owner's own)."""

    name: str
    holds: str
    path: Path | None
    entry: Entry | None = None


@cache
def catalogue() -> dict[str, Entry]:
    """What `huafang models pull` knows by name."""
    text = files("huafang").joinpath("catalogue.toml").read_text("utf-8")
    return {name: Entry(name=name, **body) for name, body in tomllib.loads(text).items()}


class Weights:
    """The models of this machine: the store at `root`, and `folders` of the owner's."""

    def __init__(self, root: Path, folders: tuple[Path, ...] = ()) -> None:
        self.root = root
        self.folders = folders
        self._added: dict[str, Path] = {}

    def models(self) -> list[Model]:
        """All that is here, and all that could be pulled."""
        found = {**self._found(), **self._added}
        known = [Model(name, entry.holds, self._installed(entry, found), entry) for name, entry in catalogue().items()]
        own = [Model(name, _holds(path), path) for name, path in sorted(found.items()) if name not in catalogue()]
        return known + own

    def path(self, name: str) -> Path:
        """The `.safetensors` file or diffusers folder of `name`. Raises MissingWeights."""
        if name in self._added:
            return self._added[name]
        found = self._found()
        if name in found:
            return found[name]
        entry = catalogue().get(name)
        hub = entry.hub if entry else (name if HUB_NAME.fullmatch(name) else None)
        if hub and (cached := _in_hub_cache(hub)):
            return cached
        if entry:
            raise MissingWeights(
                f"the model {name!r} ({entry.title}, {entry.bytes / 1e6:.0f} MB) is not on this machine", hint=f"get it with: huafang models pull {name}"
            )
        if hub:
            raise MissingWeights(f"the model {name!r} is not on this machine", hint=f"get it with: huafang models pull {name}")
        raise MissingWeights(f"there is no model {name!r}" + nearest(name, {*found, *catalogue()}), hint="see: huafang models list")

    def add(self, path: Path) -> str:
        """Name a file or folder of the caller's own for as long as this store lives. Raises BadInput when it is no model."""
        whole = path.expanduser().resolve()
        if whole.is_dir() and not (whole / "model_index.json").is_file():
            raise BadInput(f"{path} is no diffusers folder: it has no model_index.json", code="weights.unreadable")
        if not whole.exists():
            raise BadInput(f"there is no file {path}", code="weights.unreadable")
        if whole.is_file() and whole.suffix != ".safetensors":
            raise BadInput(
                f"{path.name} is no .safetensors file; other formats may run code when they are opened",
                code="weights.unsafe",
                hint=f"convert it once, in a process of its own: huafang models convert {path}",
            )
        name = f"file:{_slug(whole.stem)}"
        while name in self._added and self._added[name] != whole:
            name += "_"
        self._added[name] = whole
        return name

    def _found(self) -> dict[str, Path]:
        """Name -> place of every model in the store and the owner's folders. Links that lead out of a folder are passed over."""
        found: dict[str, Path] = {}
        for base in (self.root, *self.folders):
            home = base.resolve()
            for place in _models_below(home):
                name = "/".join(_slug(part) for part in place.relative_to(home).with_suffix("").parts) if place.is_file() else _slug_path(place, home)
                if place.resolve().is_relative_to(home):
                    found.setdefault(name, place)
        return found

    def _installed(self, entry: Entry, found: dict[str, Path]) -> Path | None:
        return found.get(entry.name) or (_in_hub_cache(entry.hub) if entry.hub else None)


def _models_below(home: Path, depth: int = 3) -> list[Path]:
    """`.safetensors` files and diffusers folders at most `depth` folders down; sockets, pipes and devices are no files."""
    if not home.is_dir():
        return []
    places: list[Path] = []
    for item in sorted(home.iterdir()):
        if item.name.startswith("."):
            continue
        if item.is_dir():
            if (item / "model_index.json").is_file():
                places.append(item)
            elif depth > 1 and not item.is_symlink():
                places += _models_below(item, depth - 1)
        elif item.is_file() and item.suffix.lower() == ".safetensors":
            places.append(item)
    return places


def _slug(text: str) -> str:
    return re.sub(r"^[^\w]+|[^\w.\-]+", "_", text)[:120] or "_"


def _slug_path(place: Path, home: Path) -> str:
    return "/".join(_slug(part) for part in place.relative_to(home).parts)


def _holds(path: Path) -> str:
    """The sort of weights, by the keys of the header alone."""
    if path.is_dir():
        return "diffusion"
    try:
        keys = header(path).keys()
    except BadInput:
        return "unknown"
    if any(key.startswith(("model.diffusion_model.", "down_blocks.")) for key in keys):
        return "diffusion"
    return "network"


def header(path: Path) -> dict[str, Any]:
    """The JSON header of a safetensors file, tensor names to dtype and shape. Raises BadInput when it is none."""
    try:
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            if not 2 <= size <= min(100_000_000, os.fstat(file.fileno()).st_size - 8):
                raise ValueError(f"its header claims {size:,} bytes")
            body = json.loads(file.read(size))
    except (OSError, ValueError, RecursionError) as error:
        raise BadInput(f"{path.name} is no safetensors file: {error}", code="weights.unreadable") from error
    if not isinstance(body, dict):
        raise BadInput(f"{path.name} is no safetensors file: its header is no object", code="weights.unreadable")
    return {key: value for key, value in body.items() if key != "__metadata__"}


def _in_hub_cache(repository: str) -> Path | None:
    """The newest snapshot of a hub repository in the Hugging Face cache, by the cache's own layout; None if there is none that is whole."""
    home = Path(os.environ.get("HF_HUB_CACHE") or Path(os.environ.get("HF_HOME") or "~/.cache/huggingface").expanduser() / "hub")
    snapshots = home / f"models--{repository.replace('/', '--')}" / "snapshots"
    whole = [place for place in snapshots.glob("*") if (place / "model_index.json").is_file()] if snapshots.is_dir() else []
    return max(whole, key=lambda place: place.stat().st_mtime, default=None)

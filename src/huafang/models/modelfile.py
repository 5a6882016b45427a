"""A model's file or folder: its tensors, its hashes, the note beside a pulled one (*sidecar*), and whether it is whole. torch is loaded by `load` only.

A file that was pulled has its sidecar beside it, `NAME.safetensors.json`: where it came from, its licence, and its sha256, against which `load` holds it.
"""

import contextlib
import hashlib
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huafang.assets import write_whole
from huafang.errors import BadInput
from huafang.models import catalogue, tensorfile
from huafang.models.hubcache import hub_folder

if TYPE_CHECKING:
    from torch import Tensor

HASHED_AT_LOAD = 512 * 1024 * 1024
"""Files up to this many bytes are held against their sidecar's sha256 whenever they are loaded (0.3 s at most); larger ones by `verify`."""


@dataclass(frozen=True)
class Sidecar:
    """What is known of a file in the store: `source` is the address it came from and `source_sha256` the sha256 of what was there.

    A folder has neither `sha256` nor `source_sha256`, which is empty there.
    """

    name: str
    source: str
    source_sha256: str
    sha256: str | None
    bytes: int
    licence: str
    date: str


def tensor_files(path: Path) -> list[Path]:
    """The `.safetensors` files of a model, borrowed ones among them."""
    if not path.is_dir():
        return [path]
    own = catalogue.built_in().get(path.name) if path.parent == catalogue.BUILT_IN else None
    borrowed = [file for name in (own.borrows if own else ()) for file in sorted(catalogue.part(path, name).glob("*.safetensors"))]
    return sorted(path.rglob("*.safetensors")) + borrowed


def load(path: Path, *, finite: bool = True, any_name: bool = False) -> "dict[str, Tensor]":
    """The tensors of a `.safetensors` file, on the CPU: the one place where weights are opened. `finite` refuses NaN and infinity;
    `any_name` is for embeddings, whose names are tokens.

    Raises BadInput (`weights.unreadable`, `weights.not_finite`, `weights.changed`), MissingWeights when the file is gone.
    """
    kept = sidecar(path)
    if kept and kept.sha256 and path.is_file() and path.stat().st_size <= HASHED_AT_LOAD and sha256(path) != kept.sha256:
        raise BadInput(
            f"{path.name} is not the file that was pulled: its sha256 has changed",
            code="weights.changed",
            hint=f"get it again: huafang models pull {kept.name}",
        )
    return tensorfile.load(path, finite=finite, any_name=any_name)


def sha256(path: Path) -> str:
    """Of the file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fingerprint(path: Path) -> str:
    """The sha256 of a file; of a folder, of the names and hashes of its files. Raises OSError."""
    if not path.is_dir():
        return sha256(path)
    files = sorted(item for item in path.rglob("*") if item.is_file())
    return hashlib.sha256("\n".join(f"{file.relative_to(path).as_posix()} {sha256(file)}" for file in files).encode()).hexdigest()


def sidecar_place(path: Path) -> Path:
    return path.with_name(path.name + ".json")


def sidecar(path: Path) -> Sidecar | None:
    """What was written beside a pulled file or folder; None for one that was not pulled. Raises BadInput when it was spoiled."""
    try:
        return Sidecar(**json.loads(sidecar_place(path).read_text("utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise BadInput(f"{sidecar_place(path).name} cannot be read: {error}", code="weights.changed", hint="remove the model and pull it again") from error


def pulled(path: Path) -> bool:
    """Whether the file or folder at `path` was pulled: only then is there a sidecar beside it."""
    return sidecar_place(path).is_file()


def write_sidecar(path: Path, kept: Sidecar) -> None:
    write_whole(sidecar_place(path), json.dumps(asdict(kept), indent=1, ensure_ascii=False).encode())


def in_hub_cache(repository: str) -> Path | None:
    """The newest snapshot of a hub repository in the Hugging Face cache, by the cache's own layout; None if there is none that is whole."""
    snapshots = hub_folder(repository) / "snapshots"
    try:
        whole = [place for place in snapshots.glob("*") if is_whole(place)] if snapshots.is_dir() else []
        return max(whole, key=lambda place: place.stat().st_mtime, default=None)
    except OSError:  # a name too long, a cache that may not be entered, a snapshot that goes away meanwhile
        return None


def is_model_folder(folder: Path) -> bool:
    """Whether a folder is one model: a pipeline of diffusers, or one network with its config as transformers writes it."""
    return (folder / "model_index.json").is_file() or _is_alone(folder)


def _is_alone(folder: Path) -> bool:
    return all((folder / name).is_file() for name in ("config.json", "model.safetensors"))


def is_whole(folder: Path) -> bool:
    """Whether a diffusers folder holds each network that its model_index.json names, as safetensors; a file of weights, or the one of a folder, is there."""
    if folder.suffix == ".safetensors":
        return folder.is_file()
    if not (folder / "model_index.json").is_file():
        return _is_alone(folder)
    try:
        index = json.loads((folder / "model_index.json").read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(index, dict) and all(any(catalogue.part(folder, name).glob("*.safetensors")) for name in networks(index))


NETWORKS = ("unet", "transformer", "vae", "text_encoder")


def networks(index: dict[str, Any]) -> list[str]:
    """The parts of a model_index.json that have weights and without which nothing is painted."""
    return [name for name, kind in index.items() if isinstance(kind, list) and kind[:1] not in ([], [None]) and name.startswith(NETWORKS)]


def shown_bytes(count: int) -> str:
    """A size as it is read: 575 MB, 11 kB."""
    return f"{count / 1e6:,.0f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"


def known_sha256(path: Path) -> str | None:
    """What a file's sha256 should be: by its sidecar, or by its name in the Hugging Face cache, where a large file is a link to its hash."""
    kept = sidecar(path)
    if kept and kept.sha256:
        return kept.sha256
    blob = path.resolve().name
    return blob if path.is_symlink() and re.fullmatch(r"[0-9a-f]{64}", blob) else None


def bytes_below(path: Path) -> int:
    count = 0
    for item in [path] if path.is_file() else path.rglob("*"):
        with contextlib.suppress(OSError):  # it went away between the listing and the look
            count += item.lstat().st_size if item.is_symlink() or item.is_file() else 0
    return count

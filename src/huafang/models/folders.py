"""The small files of a model folder that a stranger made: configs, shard indexes, vocabularies. No torch, and no library opens any of them.

Only regular files that lie inside the model's folder are read, up to a size that no published model reaches: a pipe is not waited for, and a link does not
lead out. A model in the Hugging Face cache is the one exception: its files are links into the cache's own `blobs` folder.
"""

import json
import os
import re
from pathlib import Path
from typing import Any, TypeVar

from huafang.errors import BadInput, MissingWeights
from huafang.models import configs
from huafang.models.configs import Config, ShardIndex
from huafang.models.tensorfile import open_regular

MAX_CONFIG = 1_000_000
MAX_VOCABULARY = 32_000_000
"""Bytes that are read of a config, and of a vocabulary or a shard index. CLIP's `tokenizer.json` has 2.2 MB, XL's index 0.2 MB."""
PICKLES = (".bin", ".ckpt", ".pt", ".pth", ".pkl", ".pickle")
INDEX = re.compile(r"\.safetensors\.index(\.[\w\-]+)?\.json$")
"""A shard index of safetensors: `model.safetensors.index.json`, `diffusion_pytorch_model.safetensors.index.fp16.json`."""
_CODE = ("auto_map", "custom_pipeline", "trust_remote_code")
C = TypeVar("C", bound=Config)


def read_bytes(path: Path, home: Path, limit: int = MAX_CONFIG) -> bytes:
    """The bytes of `path`, a regular file inside the model folder `home`.

    Raises MissingWeights (`weights.incomplete`) when it is not there; BadInput (`weights.unreadable`) for a file of more than `limit` bytes or one that is no
    regular file, and (`weights.unsafe`) for a link that leads out of the folder.
    """
    shown = f"{path.parent.name}/{path.name}"
    check_inside(path, home)
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            if size > limit:
                raise BadInput(f"{shown} has {size:,} bytes; at most {limit:,} are read", code="weights.unreadable")
            return file.read(limit + 1)
    except FileNotFoundError:
        raise MissingWeights(f"{shown} is not there: the model's folder is not whole", code="weights.incomplete", hint="get the model again") from None
    except OSError as error:
        raise BadInput(f"{shown} cannot be read: {error.strerror or error}", code="weights.unreadable") from error


def read_text(path: Path, home: Path, limit: int = MAX_VOCABULARY) -> str:
    """The UTF-8 text of a file. Raises as `read_bytes` does, and BadInput where it is no text."""
    try:
        return read_bytes(path, home, limit).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(
            f"{path.parent.name}/{path.name} cannot be read: it is no UTF-8 text ({error.reason} at byte {error.start})", code="weights.unreadable"
        ) from None


def read_json(path: Path, home: Path | None = None, limit: int = MAX_CONFIG) -> dict[str, Any]:
    """A JSON object. Raises as `read_text` does, and BadInput when it is no object (`weights.unreadable`) or wants code of the model's own to be run
    (`weights.unsafe`). `home` is the model's folder; by default the one that the file lies in.
    """
    shown = f"{path.parent.name}/{path.name}"
    text = read_text(path, home or path.parent, limit)
    try:
        body = json.loads(text)
    except RecursionError:
        raise BadInput(f"{shown} cannot be read: it is nested too deep", code="weights.unreadable") from None
    except ValueError as error:
        raise BadInput(f"{shown} cannot be read: {str(error)[:200]}", code="weights.unreadable") from error
    if not isinstance(body, dict):
        raise BadInput(f"{shown} cannot be read: it is no JSON object", code="weights.unreadable")
    for word in _CODE:
        if body.get(word):
            raise BadInput(f"{shown} wants code of the model's own to be run ({word}: {str(body[word])[:80]!r}), which is never done", code="weights.unsafe")
    return body


def read_config(kind: type[C], path: Path, home: Path | None = None, limit: int = MAX_CONFIG) -> C:
    """A config, checked. Raises as `read_json` does, and BadInput (`weights.bad_config`) that names the file, the key, what came and what is allowed."""
    return configs.checked(kind, read_json(path, home, limit), f"{path.parent.name}/{path.name}")


def check_inside(path: Path, home: Path) -> None:
    """Raises BadInput (`weights.unsafe`) where `path` is a link, or lies behind one, that leads out of the model folder `home`."""
    try:
        place, root = path.resolve(), home.resolve()
    except (OSError, RuntimeError) as error:  # a loop of links
        raise BadInput(f"{path.parent.name}/{path.name} cannot be read: {error}", code="weights.unreadable") from error
    blobs = root.parent.parent / "blobs" if root.parent.name == "snapshots" else None  # the Hugging Face cache
    if not place.is_relative_to(root) and not (blobs and place.parent == blobs):
        raise BadInput(
            f"{path.parent.name}/{path.name} is a link that leads out of the model's folder", code="weights.unsafe", hint="put the file itself in its place"
        )


def weight_files(place: Path, home: Path) -> list[Path]:
    """The `.safetensors` files of the part at `place` of the model folder `home`: the whole one, or the shards that its index names; else those of half
    precision (`fp16`). Nothing in them is read yet.

    Every shard index in the folder is checked, also one that is not used. Raises MissingWeights where there are none, BadInput (`weights.unsafe`) where there
    are only pickles, or an index names a file that is no safetensors file in this folder.
    """
    title = f"{home.name}/{place.name}" if place != home else home.name
    try:
        names = sorted(item.name for item in place.iterdir())
    except OSError:
        raise MissingWeights(f"{title}/ is not there: the model's folder is not whole", code="weights.incomplete", hint="get the model again") from None
    shards = {name: _shards(place / name, home) for name in names if INDEX.search(name)}
    for stem in ("diffusion_pytorch_model", "model"):
        for whole, indexes in (
            (f"{stem}.safetensors", (f"{stem}.safetensors.index.json",)),
            (f"{stem}.fp16.safetensors", (f"{stem}.fp16.safetensors.index.json", f"{stem}.safetensors.index.fp16.json")),
        ):
            if whole in names:
                check_inside(place / whole, home)
                return [place / whole]
            for index in indexes:
                if index in shards:
                    return shards[index]
    raise _without_weights(title, place, names)


def _shards(index: Path, home: Path) -> list[Path]:
    """The files that a shard index names."""
    named = sorted(set(read_config(ShardIndex, index, home, MAX_VOCABULARY).weight_map.values()))
    shown = f"{index.parent.name}/{index.name}"
    files = []
    for name in named:
        if not name.endswith(".safetensors"):
            raise BadInput(
                f"{shown} names {name[:80]!r}, which is no .safetensors file; other formats may run code when they are opened", code="weights.unsafe"
            )
        if name in (".", "..") or "/" in name or "\\" in name or "\0" in name:
            raise BadInput(f"{shown} names {name[:80]!r}, which is no file of this folder", code="weights.unsafe")
        file = index.parent / name
        check_inside(file, home)
        if not file.is_file():
            raise MissingWeights(
                f"{index.parent.name}/{name} is not there, and {index.name} names it: the model's folder is not whole", code="weights.incomplete"
            )
        files.append(file)
    return files


def _without_weights(title: str, place: Path, names: list[str]) -> BadInput | MissingWeights:
    if others := [name for name in names if name.endswith(PICKLES)]:
        return BadInput(
            f"{place.name}/{others[0]} is no .safetensors file; other formats may run code when they are opened",
            code="weights.unsafe",
            hint=f"convert it once, in a process of its own: huafang models convert {place / others[0]}",
        )
    if tensors := [name for name in names if name.endswith(".safetensors")]:
        return MissingWeights(
            f"{title}/ has {tensors[0]}, and no weights under a name that is read: diffusion_pytorch_model.safetensors or model.safetensors",
            code="weights.incomplete",
        )
    return MissingWeights(f"{title} has no weights in {place.name}/", code="weights.incomplete", hint="get the model again")

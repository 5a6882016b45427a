"""What is known of a model from its header and the small files beside it, as one value. No torch, and no tensor is read.

Metadata that is understood: kohya's (`ss_…`, `sshs_…`), `modelspec.…`, diffusers' and PEFT's `lora_adapter_metadata`; beside the file A1111's `NAME.json`
and Civitai's `NAME.civitai.info`. Nothing of it is believed to be more than what somebody wrote.
"""

import hashlib
import json
import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from huafang.errors import HuafangError
from huafang.models import kinds, modelfile, tensorfile
from huafang.models.kinds import Kind

MOST_TAGS = 50
MOST_WORDS = 20
TEXT = 300
"""Characters that are kept of a text that somebody wrote."""
_BESIDE = 1_000_000
"""Bytes that are read of a small file beside a model."""
_RANK = re.compile(r"(lora_down|lora_A(\.\w+)?|lora\.down|_lora\.down|hada_w1_b|hada_w2_b|lokr_w1_b|lokr_w2_b)(\.weight)?$")
_LAYOUTS = ((r"hada_w", "LoHa"), (r"lokr_w", "LoKr"), (r"\.oft_", "OFT"), (r"\.on_input$", "IA3"), (r"dora_scale$|lora_magnitude_vector", "DoRA"))


@dataclass(frozen=True)
class ModelCard:
    """A model as it was found: `kind` is a name in `kinds.KINDS`, `family` a key of `kinds.FAMILIES` or None where nothing tells it.

    `alpha` and `rank` are those of most modules of a LoRA, `tags` the captions' words with their counts, `times` in seconds since 1970.
    `fault` says why the file cannot be read; then nothing else is known of it.
    """

    kind: str
    bytes: int
    family: str | None = None
    tensors: int = 0
    dtypes: Mapping[str, int] = field(default_factory=dict)
    """Type of the header (`F16`, `BF16`, …) -> tensors of it."""
    layout: str | None = None
    rank: int | None = None
    ranks: tuple[int, ...] = ()
    """All ranks that occur, smallest first; 0 is a fault of the file."""
    alpha: float | None = None
    trigger_words: tuple[str, ...] = ()
    tags: tuple[tuple[str, int], ...] = ()
    title: str | None = None
    author: str | None = None
    licence: str | None = None
    base_model: str | None = None
    training: Mapping[str, str] = field(default_factory=dict)
    """What the metadata says of the training: images, steps, epochs, resolution, seed, module."""
    source: str | None = None
    preview: str | None = None
    """File name of a picture beside the model."""
    created: float | None = None
    modified: float | None = None
    fault: str | None = None

    @property
    def row(self) -> Kind:
        return kinds.of(self.kind)

    @property
    def role(self) -> kinds.Role:
        return self.row.role


def read(path: Path) -> ModelCard:
    """The card of the file or model folder at `path`; one with a `fault` where it cannot be read."""
    try:
        found = path.stat()
        size = modelfile.bytes_below(path)
    except OSError as error:
        return ModelCard("unknown", 0, fault=f"{path.name} cannot be read: {error.strerror or error}")
    return replace(_untimed(path, size), created=getattr(found, "st_birthtime", None), modified=found.st_mtime)


def _untimed(path: Path, size: int) -> ModelCard:
    file = path
    try:
        if path.is_dir() and (path / "model_index.json").is_file():
            return ModelCard("diffusion", size, kinds.family_of_folder(path))
        file = path / "model.safetensors" if path.is_dir() else path
        header, said = tensorfile.read_header(file)
    except HuafangError as error:
        return ModelCard("unknown", size, fault=error.message)
    return _of_file(file, header, said, size)


def _of_file(path: Path, header: Mapping[str, Any], said: Mapping[str, str], size: int) -> ModelCard:
    row = kinds.recognise(header)
    beside = _beside(path)
    ranks = sorted(_ranks(header)) if row.name == "lora" else []
    tags = _tags(said)
    pulled = _source(path)
    return ModelCard(
        kind=row.name,
        bytes=size,
        family=kinds.family_of(row, header, said),
        tensors=len(header),
        dtypes=dict(Counter(entry["dtype"] for entry in header.values())),
        layout=_layout(header) if row.name == "lora" else None,
        rank=Counter(ranks).most_common(1)[0][0] if ranks else _whole(said.get("ss_network_dim")) if row.name == "lora" else None,
        ranks=tuple(dict.fromkeys(ranks)),
        alpha=_alpha(path, header, said) if row.name == "lora" else None,
        trigger_words=_trigger_words(path, row, header, said, beside, tags),
        tags=tuple(tags.most_common(MOST_TAGS)),
        title=_short(said.get("modelspec.title") or said.get("ss_output_name")),
        author=_short(said.get("modelspec.author")),
        licence=pulled[1] or _short(said.get("modelspec.license")),
        base_model=_short(said.get("ss_sd_model_name") or said.get("ss_base_model_version") or said.get("modelspec.architecture")),
        training={key: text for key, name in _TRAINING.items() if (text := _short(said.get(name))) and text != "None"},
        source=pulled[0],
        preview=_preview(path),
    )


_TRAINING = {
    "images": "ss_num_train_images",
    "steps": "ss_steps",
    "epochs": "ss_epoch",
    "resolution": "ss_resolution",
    "seed": "ss_seed",
    "module": "ss_network_module",
}


def _source(path: Path) -> tuple[str | None, str | None]:
    """Where a pulled file came from, and its licence."""
    try:
        kept = modelfile.sidecar(path)
    except HuafangError:
        return None, None
    return (kept.source, kept.licence) if kept else (None, None)


def _ranks(header: Mapping[str, Any]) -> list[int]:
    """The rank of each module: rows of what goes down to it."""
    shapes = (entry["shape"] for name, entry in header.items() if _RANK.search(name))
    return [shape[0] for shape in shapes if shape]


def _layout(header: Mapping[str, Any]) -> str:
    return next((layout for mark, layout in _LAYOUTS if any(re.search(mark, name) for name in header)), "LoRA")


def _alpha(path: Path, header: Mapping[str, Any], said: Mapping[str, str]) -> float | None:
    """Of the first module that has one, else what the metadata says. None where there is neither: then it is taken for the rank."""
    for name, entry in header.items():
        if name.endswith(".alpha") and (value := tensorfile.scalar(path, entry)) is not None:
            return value
    for told in (said.get("ss_network_alpha"), *_adapter_alphas(said)):
        try:
            value = float(told)
        except (TypeError, ValueError):
            continue
        if math.isfinite(value):
            return value
    return None


def _adapter_alphas(said: Mapping[str, str]) -> list[Any]:
    told = _json(said.get("lora_adapter_metadata"))
    return [value for key, value in told.items() if key.endswith("lora_alpha")] if isinstance(told, dict) else []


def _tags(said: Mapping[str, str]) -> Counter[str]:
    """`ss_tag_frequency`, which is folder -> tag -> count, over all folders."""
    tags: Counter[str] = Counter()
    told = _json(said.get("ss_tag_frequency"))
    for folder in told.values() if isinstance(told, dict) else ():
        for tag, count in folder.items() if isinstance(folder, dict) else ():
            if type(count) is int and 0 < count < 2**31 and tag.strip():
                tags[tag.strip()[:TEXT]] += count
    return tags


def _trigger_words(path: Path, row: Kind, header: Mapping[str, Any], said: Mapping[str, str], beside: Mapping[str, Any], tags: Counter[str]) -> tuple[str, ...]:
    """Words for a prompt: of an embedding its token; else what the maker wrote; else tags of every training picture."""
    if row.name == "embedding":
        own = [name for name in header if name not in ("emb_params", "clip_l", "clip_g") and not name.startswith("string_to_param")]
        words = own[:1] or [path.name.removesuffix(".safetensors")]  # further vectors of one token are <token>_1, …
    elif written := said.get("modelspec.trigger_phrase") or beside.get("activation text"):
        words = str(written).split(",")
    elif isinstance(trained := beside.get("trainedWords"), list):
        words = [word for one in trained if isinstance(one, str) for word in one.split(",")]
    else:
        images = _whole(said.get("ss_num_train_images")) or 0
        folders = _json(said.get("ss_dataset_dirs"))
        counts = [folder.get("img_count") for folder in folders.values() if isinstance(folder, dict)] if isinstance(folders, dict) else []
        own_images = sum(count for count in counts if type(count) is int) or images
        words = [tag for tag, count in tags.most_common(3) if own_images and count >= own_images]
    return tuple(dict.fromkeys(word.strip()[:TEXT] for word in words if word.strip()))[:MOST_WORDS]


def _beside(path: Path) -> dict[str, Any]:
    """What A1111's and Civitai's tools wrote beside the file."""
    told: dict[str, Any] = {}
    for ending in (".civitai.info", ".json"):
        try:
            with tensorfile.open_regular(path.with_suffix(ending)) as file:
                found = json.loads(file.read(_BESIDE + 1))
        except (OSError, ValueError, RecursionError):
            continue
        told |= found if isinstance(found, dict) else {}
    return told


def _preview(path: Path) -> str | None:
    stem = path.name.removesuffix(path.suffix)
    endings = (f"{kind}.{ending}" for kind in (".preview", "") for ending in ("png", "jpg", "jpeg", "webp"))
    return next((f"{stem}{ending}" for ending in endings if (path.parent / f"{stem}{ending}").is_file()), None)


def _json(text: str | None) -> Any:
    try:
        return json.loads(text or "null")
    except (ValueError, RecursionError):
        return None


def _whole(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() and len(text) < 10 else None


def _short(text: str | None) -> str | None:
    return (" ".join(text.split())[:TEXT] or None) if text else None


@dataclass(frozen=True)
class Hashes:
    """Of a file's bytes, in hexadecimal. `autov2` and `autov3` are the short ones that A1111 and Civitai show: of the file, and of its tensors alone."""

    sha256: str
    tensors_sha256: str

    @property
    def autov2(self) -> str:
        return self.sha256[:10]

    @property
    def autov3(self) -> str:
        return self.tensors_sha256[:12]


def hashes(path: Path) -> Hashes:
    """Both hashes of a `.safetensors` file in one pass. Raises OSError."""
    whole, tensors = hashlib.sha256(), hashlib.sha256()
    with tensorfile.open_regular(path) as file:
        head = file.read(8)
        body = file.read(int.from_bytes(head, "little")) if len(head) == 8 and int.from_bytes(head, "little") <= tensorfile.MAX_HEADER else b""
        whole.update(head + body)
        while piece := file.read(1 << 20):
            whole.update(piece)
            tensors.update(piece)
    return Hashes(whole.hexdigest(), tensors.hexdigest())

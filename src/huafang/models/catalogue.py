"""What is known of models by name: those that can be pulled (`catalogue.toml`), and those that come with it or in another package (`builtin.toml`)."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from huafang.models import packaged
from huafang.models.packaged import Packaged
from huafang.notes import Note

BUILT_IN = Path(__file__).resolve().parents[1] / "builtin"
"""The folders and files of the models that come with the package."""


@dataclass(frozen=True)
class Source:
    """A file at an address, known by its sha256 or its first digits; or by its git blob id, where all that is published of it is the commit it lies in.

    `hosts` are the hosts, besides the url's own, to which its server may send us on. `prefix` goes before the names of its tensors, where several files make
    one model.
    """

    url: str
    sha256: str | None = None
    sha256_prefix: str | None = None
    git_blob: str | None = None
    hosts: tuple[str, ...] = ()
    prefix: str = ""


@dataclass(frozen=True)
class Entry:
    """A model that can be pulled by name. `bytes` is the size of the download; `holds` the sort of weights (`vgg`, `diffusion`, …).

    It comes from its `sources`, or from the repository `hub`. `layout` says how a file is read (`unpickle.py`).
    """

    name: str
    title: Note
    holds: str
    licence: Note
    bytes: int
    about: Note
    sources: tuple[Source, ...] = ()
    hub: str | None = None
    layout: str | None = None

    @property
    def origin(self) -> str | None:
        """Whose place it comes from, short enough for a list: a repository where its files lie in one, else the host; None of what comes with the package."""
        if self.hub:
            return f"huggingface.co/{self.hub}"
        return ", ".join(dict.fromkeys(_place(source.url) for source in self.sources)) or None


def _place(url: str) -> str:
    parts = urlsplit(url)
    owner, repository, *_ = (*parts.path.strip("/").split("/"), "", "")
    return f"github.com/{owner}/{repository}" if parts.hostname == "raw.githubusercontent.com" else str(parts.hostname)


@dataclass(frozen=True)
class BuiltIn:
    """A model that comes with the package. `borrows` names, part by part, the built-in model whose part it shares."""

    name: str
    title: Note
    holds: str
    licence: Note
    about: Note
    draws: Note | None = None
    """Things that it can draw, for users whose prompt names others."""
    borrows: Mapping[str, str] = field(default_factory=dict)
    packaged: Packaged | None = None
    """Where it comes inside another package, which has to be installed."""


@cache
def entries() -> dict[str, Entry]:
    """What `huafang models pull` knows by name."""
    text = files("huafang.models").joinpath("catalogue.toml").read_text("utf-8")
    return {name: _entry(name, body) for name, body in tomllib.loads(text).items()}


def _entry(name: str, body: dict[str, Any]) -> Entry:
    """A table of the file: what is said of a source lies in it, or, where several files make one model, in its `sources`."""
    of_source = {key: body.pop(key) for key in [one.name for one in fields(Source)] if key in body}
    told = body.pop("sources", [of_source] if of_source else [])
    return Entry(name=name, sources=tuple(Source(**{**one, "hosts": tuple(one.get("hosts", ()))}) for one in told), **_said(body))


def _said(body: dict[str, Any]) -> dict[str, Any]:
    """A table with its words in both languages: `title` and `title_zh`, `about` and `about_zh`; `licence_zh` where the licence is more than a name."""
    words: dict[str, Note] = {key: Note(body.pop(key), body.pop(f"{key}_zh")) for key in ("title", "about", "draws") if key in body}
    licence = body.pop("licence")
    words["licence"] = Note(licence, body.pop("licence_zh", licence))
    return {**body, **words}


def entry_of(name: str) -> Entry | None:
    """The catalogue's entry of a model, by its name or by its repository on the hub."""
    return entries().get(name) or next((entry for entry in entries().values() if entry.hub == name), None)


@cache
def built_in() -> dict[str, BuiltIn]:
    """What comes with the package, by name."""
    text = files("huafang.models").joinpath("builtin.toml").read_text("utf-8")
    return {name: _own(name, body) for name, body in tomllib.loads(text).items()}


def _own(name: str, body: dict[str, Any]) -> BuiltIn:
    packaged = body.pop("packaged", None)
    return BuiltIn(name=name, packaged=Packaged(**packaged) if packaged else None, **_said(body))


def built_in_place(name: str) -> Path:
    """Where the built-in model `name` lies: a diffusers folder, or a file."""
    if known := built_in()[name].packaged:
        return packaged.place(name, known) or BUILT_IN / f"{name}.safetensors"
    return BUILT_IN / (name if built_in()[name].holds == "diffusion" else f"{name}.safetensors")


def part(folder: Path, name: str) -> Path:
    """Where the part `name` of a diffusers folder lies: inside it; or in another built-in model's, for a built-in one that borrows it."""
    own = built_in().get(folder.name) if folder.parent == BUILT_IN else None
    return BUILT_IN / own.borrows[name] / name if own and name in own.borrows else folder / name

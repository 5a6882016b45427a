"""Models on this machine, by name. torch is loaded by `load` and `verify` only.

Four places are looked through: the models that come with the package, the store (what `huafang models pull` brought), the folders the
owner named (`--model-dir`), and paths that the command line or the Python API `add`s for one run. A name is only ever looked up among what was found
there; it is never joined to a path.
What can be pulled, and what comes with the package, is in `catalogue.py`; `pull` brings it.

A file that was pulled has its *sidecar* beside it, `NAME.safetensors.json`: where it came from, its licence, and its sha256, against which `verify` and
`load` hold it. Only a file with a sidecar is the catalogue's; one of the owner's that has the name of a model of the catalogue is the owner's.
"""

import json
import logging
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from huafang import newfile
from huafang.assets import write_whole
from huafang.errors import BadInput, Conflict, Forbidden, HuafangError, MissingWeights, NotFound, Unavailable, UnknownWeights, nearest
from huafang.models import catalogue, hubcache, kinds, tensorfile, trash
from huafang.models.hubcache import HUB_NAME
from huafang.models.kinds import is_of, kind_of, run_by
from huafang.models.modelfile import (
    bytes_below,
    fingerprint,
    in_hub_cache,
    is_model_folder,
    is_whole,
    known_sha256,
    pulled,
    sha256,
    shown_bytes,
    sidecar,
    sidecar_place,
    tensor_files,
)
from huafang.models.tensorfile import header

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Model:
    """A model by its name: where it lies (None: not on this machine), and what the catalogue, or `builtin.toml`, says of it (None: the owner's own)."""

    name: str
    holds: str
    path: Path | None
    entry: catalogue.Entry | None = None
    builtin: bool = False
    """It came with the package: it is neither pulled nor removed."""
    removable: bool = False
    """`ModelStore.remove` takes it: it lies in the store, or was brought to the Hugging Face cache by Huafang."""

    @property
    def bytes(self) -> int | None:
        """Of its file; None of a folder, and of what is not there."""
        try:
            return self.path.stat().st_size if self.path and self.path.is_file() else None
        except OSError:
            return None


@dataclass(frozen=True)
class Verdict:
    """What `verify` found. `faults` is empty when all is well."""

    name: str
    path: Path
    tensors: int
    bytes: int
    faults: tuple[str, ...] = ()


class ModelStore:
    """The models of this machine: the store at `root`, and `folders` of the owner's."""

    def __init__(self, root: Path, folders: tuple[Path, ...] = ()) -> None:
        self.root = root
        self.folders = folders
        self._added: dict[str, Path] = {}

    def models(self) -> list[Model]:
        """What comes with the package, all else that is here, and all that could be pulled."""
        found = {**self._found(), **self._added}
        there = {name: place for name in catalogue.built_in() if is_whole(place := catalogue.built_in_place(name))}
        ours = [
            Model(name, catalogue.built_in()[name].holds, place, _entry_of_built_in(catalogue.built_in()[name]), builtin=True) for name, place in there.items()
        ]
        brought = {name: self._installed(entry, found) for name, entry in catalogue.entries().items()}
        from_hub = hubcache.brought(self.root)
        root = self.root.resolve()

        def removable(path: Path | None, hub: str | None = None) -> bool:
            return path is not None and (path.is_relative_to(root) or hub in from_hub)

        known = [
            Model(name, entry.holds, brought[name], entry, removable=removable(brought[name], entry.hub))
            for name, entry in catalogue.entries().items()
            if brought[name] or name not in found
        ]
        own = [
            Model(name, kinds.holds(path), path, removable=removable(path) and name not in self._added)
            for name, path in sorted(found.items())
            if name not in catalogue.built_in() and path != brought.get(name)
        ]
        hub = {name: path for name in from_hub if not catalogue.entry_of(name) and (path := in_hub_cache(name))}
        return ours + known + own + [Model(name, kinds.holds(path), path, removable=True) for name, path in hub.items()]

    def places(self) -> dict[str, Path]:
        """Name -> file or folder of every model on this machine that does not come with the package. No file is opened."""
        return {**self._found(), **self._added}

    def path(self, name: str, holds: str | None = None) -> Path:
        """The `.safetensors` file, or the folder of a pipeline or a CLIP, that `name` stands for.

        Raises MissingWeights; UnknownWeights, which lists the models that hold weights of the sort `holds`, or all where none is named; BadInput for a
        model of the catalogue's, or one that comes with the package, that is known to hold others.
        """
        if name in self._added:
            return self._fit(self._added[name], holds)
        if holds and (told := self._told(name)) not in (None, holds):
            others = ", ".join(self._fitting(holds)) or "none is on this machine"
            raise BadInput(
                f"the model {name!r} holds weights for {told}, and some for {holds} are wanted", code="weights.wrong_kind", hint=f"models for {holds}: {others}"
            )
        if name in catalogue.built_in():
            if not is_whole(catalogue.built_in_place(name)):
                raise MissingWeights(f"the model {name!r}, which comes with Huafang, is not in this installation", hint="install Huafang again")
            return catalogue.built_in_place(name)
        found = self._found()
        entry = catalogue.entry_of(name)
        for known in (name, entry.name if entry else name):
            if known in found:
                return self._fit(found[known], holds)
        hub = entry.hub if entry else (name if HUB_NAME.fullmatch(name) else None)
        if hub and (cached := in_hub_cache(hub)):
            return cached
        if entry:
            raise MissingWeights(
                f"the model {name!r} ({entry.title}, {shown_bytes(entry.bytes)}) is not on this machine", hint=f"get it with: huafang models pull {name}"
            )
        if hub:
            raise MissingWeights(f"the model {name!r} is not on this machine", hint=f"get it with: huafang models pull {name}")
        fitting = self._fitting(holds)
        near = nearest(name, fitting) if fitting else f", and none of the kind {holds} is on this machine"
        raise UnknownWeights(f"there is no model {name!r}{near}", hint="see the Models page, or: huafang models list")

    def _fit(self, path: Path, holds: str | None) -> Path:
        """`path`, where it may hold weights of the sort `holds`. Raises BadInput for a network that another method runs, and names that one."""
        if holds not in kinds.MARKS:
            return path
        if path.is_dir():
            if holds != "diffusion" and (path / "model_index.json").is_file():
                raise BadInput(f"{path.name} {is_of('diffusion')}, and weights for {holds} are wanted", code="weights.wrong_kind", hint=run_by("diffusion"))
            return path
        names, _ = tensorfile.plain_names(list(header(path)))
        kind = kind_of(names)
        if kind in (holds, "network") or any(re.match(kinds.MARKS[holds], name) for name in names):
            return path
        raise BadInput(f"{path.name} {is_of(kind)}, and weights for {holds} are wanted", code="weights.wrong_kind", hint=run_by(kind))

    def knows(self, name: str) -> bool:
        """Whether a model of that name is on this machine, in the store or in a folder of the owner's."""
        return name in self._added or name in self._found()

    def _fitting(self, holds: str | None) -> list[str]:
        return [model.name for model in self.models() if holds in (None, model.holds)]

    def _told(self, name: str) -> str | None:
        """The sort of weights that a model of ours holds, if it is one; None of a file of the owner's that has the name of one."""
        entry = catalogue.entry_of(name)
        if self.own(name):
            return None
        own = catalogue.built_in().get(name) or entry
        return own.holds if own else None

    def own(self, name: str) -> Path | None:
        """The file or folder of the owner's that has the name of a model of the catalogue, if there is one."""
        entry = catalogue.entry_of(name)
        path = self._found().get(entry.name) if entry else None
        return path if entry and path and not self._is_brought(path, entry) else None

    def _is_brought(self, path: Path, entry: catalogue.Entry) -> bool:
        """Whether the file or folder at `path` is the catalogue's, brought by `pull`, and not one of the owner's that has its name."""
        try:
            kept = sidecar(path) if path.is_relative_to(self.root.resolve()) else None
        except BadInput:
            return False
        return kept is not None and kept.name == entry.name

    def add(self, path: Path) -> str:
        """Name a file or folder of the caller's own for as long as this store lives. Raises BadInput when it is no model."""
        try:
            whole = path.expanduser().resolve()
            is_folder, is_there = whole.is_dir(), whole.exists()
        except (OSError, RuntimeError, ValueError) as error:  # no such user, a loop of links, a name too long or with a NUL, a folder that may not be entered
            why = getattr(error, "strerror", None) or str(error)
            raise BadInput(f"{str(path)[:200]} cannot be opened: {why}", code="weights.unreadable") from error
        if is_folder and not is_model_folder(whole):
            raise BadInput(f"{path} is no diffusers folder, which has a model_index.json, and no CLIP of transformers", code="weights.unreadable")
        if not is_there:
            raise BadInput(f"there is no file {path}", code="weights.unreadable")
        if whole.is_file() and whole.suffix.lower() != ".safetensors":
            raise BadInput(
                f"{path.name} is no .safetensors file; other formats may run code when they are opened",
                code="weights.unsafe",
                hint=f"convert it once, in a process of its own: huafang models convert {path}",
            )
        if not is_folder:
            header(whole)
        name = f"file:{_slug(whole.stem)}"
        while name in self._added and self._added[name] != whole:
            name += "_"
        self._added[name] = whole
        return name

    def place(self, name: str) -> Path:
        """Where the store keeps, or would keep, the file of the catalogue's `name`."""
        assert name in catalogue.entries(), "only names of the catalogue become files"
        return self.root / f"{name}.safetensors"

    def check_new(self, name: str, *, run: str | None = None) -> None:
        """See that a model that is made here may be called `name`, before hours are spent on it; upper and lower case count as one, as some disks have it.

        Raises BadInput (`params.bad`) for a name of the catalogue's or of a built-in model, which stays free for that one; Conflict (`weights.exists`) where
        there is a model of that name, unless the training run `run` (by default, of the same name) made it: that one may write it again.
        """
        plain = name.casefold()
        for known, what in ((catalogue.built_in(), "comes with Huafang"), (catalogue.entries(), "can be pulled")):
            if taken := next((other for other in known if other.casefold() == plain), None):
                raise BadInput(f"name: {taken} is a model that {what}", code="params.bad", hint=f"take another name, such as my-{name}")
        for place in self._places_of(plain):
            if not self.is_made_by(place, run or name):
                free = newfile.free_name(self.root / f"{name}.safetensors").stem
                raise Conflict(
                    f"name: there is a model {name!r} already, which this run did not make",
                    code="weights.exists",
                    hint=f"take another name, such as {free if free != name else f'{name}-2'}, or remove that model first",
                )

    def check_target(self, place: Path, run: str) -> None:
        """See that the weights that the training run `run` makes may be written to `place`, a file of the caller's own.

        Raises BadInput (`weights.exists`) where a file is there that this run did not write.
        """
        if os.path.lexists(place) and not (place.is_file() and sha256(place) in self._made(run).values()):
            raise newfile.exists(place)

    def _places_of(self, plain: str) -> list[Path]:
        """What lies in the store or in a folder of the owner's under the case-folded name `plain`."""
        found = [path for name, path in self._found().items() if name.casefold() == plain]
        try:
            here = [item for item in self.root.resolve().iterdir() if item.name.casefold() in (plain, f"{plain}.safetensors")]
        except OSError:
            here = []
        return list(dict.fromkeys(found + here))

    def note_made(self, name: str, place: Path) -> None:
        """Write down that the training run `name` made the model at `place`, as it is now."""
        made = {**self._made(name), place.name: fingerprint(place)}
        write_whole(self.root / ".training" / name / "made.json", json.dumps(made, indent=1).encode())

    def is_made_by(self, place: Path, name: str) -> bool:
        """Whether the file or folder at `place`, as it is now, was made by the training run `name`."""
        try:
            return place.parent == self.root.resolve() and self._made(name).get(place.name) == fingerprint(place)
        except OSError:
            return False

    def _made(self, name: str) -> dict[str, str]:
        try:
            told = json.loads((self.root / ".training" / name / "made.json").read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return told if isinstance(told, dict) else {}

    def verify(self, name: str) -> Verdict:
        """Read all of `name`: its headers, its sha256 where one is known, and every number. Raises MissingWeights."""
        path = self.path(name)
        tensors, size, faults = 0, 0, []
        for file in tensor_files(path):
            try:
                wanted = known_sha256(file)
                if wanted and sha256(file) != wanted:
                    faults.append(f"{file.name}: its sha256 is not {wanted[:12]}…, the one it was stored with")
                tensors += len(tensorfile.load(file))
                size += file.stat().st_size
            except HuafangError as error:
                faults.append(error.message)
            except OSError as error:
                faults.append(f"{file.name}: {error.strerror}")
        if path.is_dir() and not is_whole(path):
            faults.append(f"{name}: a part that its model_index.json names is not there")
        return Verdict(name, path, tensors, size, tuple(faults))

    def remove(self, name: str) -> int:
        """Take a model off this machine: what was pulled is deleted, and can be pulled again; a model of the owner's own in the store goes into the trash
        (`to_trash`). Gives its bytes.

        Raises NotFound; Forbidden for what is built in, lies in a folder of the owner's (`weights.yours`), or is another program's (`weights.shared`).
        """
        if name in catalogue.built_in():
            raise Forbidden(f"{name!r} comes with Huafang and is not removed", code="weights.builtin")
        entry = catalogue.entry_of(name)
        found = self._found()
        path = found.get(name) or (found.get(entry.name) if entry else None)
        if path is None:
            hub = entry.hub if entry else (name if HUB_NAME.fullmatch(name) else None)
            if not hub or in_hub_cache(hub) is None:
                raise NotFound(f"the model {name!r} is not on this machine", code="weights.missing", hint="see: huafang models list")
            return hubcache.remove(self.root, hub)
        if not path.is_relative_to(self.root.resolve()):
            raise Forbidden(f"{name!r} lies in a folder of yours, {path.parent}: delete it there yourself", code="weights.yours")
        size = bytes_below(path)
        try:
            if not pulled(path):
                trash.put(self.root, name, [path])
                return size
            (shutil.rmtree if path.is_dir() else Path.unlink)(path)
            sidecar_place(path).unlink(missing_ok=True)
            if entry and entry.hub and hubcache.record(self.root, entry.hub):  # its index was looked at there before its pickles were brought here
                hubcache.remove(self.root, entry.hub)
        except FileNotFoundError:
            raise NotFound(f"the model {name!r} is not on this machine any more", code="weights.missing", hint="see: huafang models list") from None
        except OSError as error:
            raise Unavailable(f"{name!r} cannot be removed: {error.strerror or error}", code="disk.unwritable") from error
        return size

    def to_trash(self, name: str) -> bool:
        """Whether `remove` puts the model into the trash: it is the owner's own, and cannot be pulled again."""
        path = self._found().get(name)
        return path is not None and path.is_relative_to(self.root.resolve()) and not pulled(path)

    def restore(self, name: str) -> Path:
        """Take the model `name` out of the trash; gives its place. Raises NotFound; Conflict where another model has its name by now."""
        return trash.take(self.root, name, taken=lambda: name in self._found())

    def _found(self) -> dict[str, Path]:
        """Name -> place of every model in the store and the owner's folders. Links that lead out of a folder are passed over, with a warning."""
        found: dict[str, Path] = {}
        for base in (self.root, *self.folders):
            home = base.resolve()
            for place in _models_below(home):
                name = "/".join(_slug(part) for part in place.relative_to(home).with_suffix("").parts) if place.is_file() else _slug_path(place, home)
                if not place.resolve().is_relative_to(home):
                    log.warning("passed over %s: it is a link that leads out of %s", ascii(str(place)), ascii(str(home)))
                    continue
                if name in catalogue.built_in():
                    log.warning("passed over %s: %s is the name of a model that comes with Huafang", ascii(str(place)), name)
                    continue
                found.setdefault(name, place)
        return found

    def _installed(self, entry: catalogue.Entry, found: dict[str, Path]) -> Path | None:
        path = found.get(entry.name)
        if path and self._is_brought(path, entry):
            return path
        return in_hub_cache(entry.hub) if entry.hub and not path else None


def _entry_of_built_in(own: catalogue.BuiltIn) -> catalogue.Entry:
    return catalogue.Entry(own.name, own.title, own.holds, own.licence, bytes_below(catalogue.built_in_place(own.name)), own.about)


def _models_below(home: Path, depth: int = 3) -> list[Path]:
    """`.safetensors` files and folders of models at most `depth` folders down; sockets, pipes, devices and dead links are passed over, with a warning."""
    try:
        items = sorted(home.iterdir())
    except OSError:
        return []
    places: list[Path] = []
    for item in items:
        if item.name.startswith("."):
            continue
        try:
            places += _models_at(item, depth)
        except OSError as error:
            log.warning("passed over %s: %s", ascii(str(item)), error.strerror)
    return places


def _models_at(item: Path, depth: int) -> list[Path]:
    if item.is_dir():
        if is_model_folder(item):
            return [item]
        return _models_below(item, depth - 1) if depth > 1 and not item.is_symlink() else []
    if item.suffix.lower() != ".safetensors":
        return []
    if not item.is_file():
        log.warning("passed over %s: it is no regular file", ascii(str(item)))
        return []
    return [item]


def _slug(text: str) -> str:
    return re.sub(r"^[^\w]+|[^\w.\-]+", "_", text)[:120] or "_"


def _slug_path(place: Path, home: Path) -> str:
    return "/".join(_slug(part) for part in place.relative_to(home).parts)

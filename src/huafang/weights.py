"""Models on this machine, by name. torch is loaded by `load` and `verify` only.

Four places are looked through: the models that come with the package, the store (what `huafang models pull` brought), the folders the
owner named (`--model-dir`), and paths that the command line or the Python API `add`s for one run. A name is only ever looked up among what was found
there; it is never joined to a path.
What can be pulled, and what comes with the package, is in `catalogue.py`; `pull` brings it.

A file that was pulled has its *sidecar* beside it, `NAME.safetensors.json`: where it came from, its licence, and its sha256, against which `verify` and
`load` hold it. Only a file with a sidecar is the catalogue's; one of the owner's that has the name of a model of the catalogue is the owner's.
"""

import contextlib
import hashlib
import json
import logging
import os
import re
import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huafang import catalogue, hubcache, newfile, tensorfile, trash
from huafang.assets import write_whole
from huafang.errors import BadInput, Conflict, Forbidden, HuafangError, MissingWeights, NotFound, Unavailable, UnknownWeights, nearest
from huafang.hubcache import HUB_NAME as HUB_NAME
from huafang.hubcache import hub_folder as hub_folder
from huafang.tensorfile import header as header  # the words of this floor: weights.header, weights.load

if TYPE_CHECKING:
    from torch import Tensor

log = logging.getLogger(__name__)
HASHED_AT_LOAD = 512 * 1024 * 1024
"""Files up to this many bytes are held against their sidecar's sha256 whenever they are loaded (0.3 s at most); larger ones by `verify`."""


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
    """`Weights.remove` takes it: it lies in the store, or was brought to the Hugging Face cache by Huafang."""

    @property
    def bytes(self) -> int | None:
        """Of its file; None of a folder, and of what is not there."""
        try:
            return self.path.stat().st_size if self.path and self.path.is_file() else None
        except OSError:
            return None


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


@dataclass(frozen=True)
class Verdict:
    """What `verify` found. `faults` is empty when all is well."""

    name: str
    path: Path
    tensors: int
    bytes: int
    faults: tuple[str, ...] = ()


def tensor_files(path: Path) -> list[Path]:
    """The `.safetensors` files of a model, borrowed ones among them."""
    if not path.is_dir():
        return [path]
    own = catalogue.built_in().get(path.name) if path.parent == catalogue.BUILT_IN else None
    borrowed = [file for name in (own.borrows if own else ()) for file in sorted(catalogue.part(path, name).glob("*.safetensors"))]
    return sorted(path.rglob("*.safetensors")) + borrowed


def load(path: Path, *, finite: bool = True) -> "dict[str, Tensor]":
    """The tensors of a `.safetensors` file, on the CPU: the one place where weights are opened. `finite` refuses NaN and infinity.

    Raises BadInput (`weights.unreadable`, `weights.not_finite`, `weights.changed`), MissingWeights when the file is gone.
    """
    kept = sidecar(path)
    if kept and kept.sha256 and path.is_file() and path.stat().st_size <= HASHED_AT_LOAD and sha256(path) != kept.sha256:
        raise BadInput(
            f"{path.name} is not the file that was pulled: its sha256 has changed",
            code="weights.changed",
            hint=f"get it again: huafang models pull {kept.name}",
        )
    return tensorfile.load(path, finite=finite)


class Weights:
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
            Model(name, _holds(path), path, removable=removable(path) and name not in self._added)
            for name, path in sorted(found.items())
            if name not in catalogue.built_in() and path != brought.get(name)
        ]
        hub = {name: path for name in from_hub if not catalogue.entry_of(name) and (path := in_hub_cache(name))}
        return ours + known + own + [Model(name, _holds(path), path, removable=True) for name, path in hub.items()]

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
        if holds not in _MARKS:
            return path
        if path.is_dir():
            if holds != "diffusion" and (path / "model_index.json").is_file():
                raise BadInput(f"{path.name} {is_of('diffusion')}, and weights for {holds} are wanted", code="weights.wrong_kind", hint=run_by("diffusion"))
            return path
        names, _ = tensorfile.plain_names(list(header(path)))
        kind = kind_of(names)
        if kind in (holds, "network") or any(re.match(_MARKS[holds], name) for name in names):
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
                wanted = _known_sha256(file)
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
        size = _bytes_below(path)
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


def _entry_of_built_in(own: catalogue.BuiltIn) -> catalogue.Entry:
    return catalogue.Entry(own.name, own.title, own.holds, own.licence, _bytes_below(catalogue.built_in_place(own.name)), own.about)


def _known_sha256(path: Path) -> str | None:
    """What a file's sha256 should be: by its sidecar, or by its name in the Hugging Face cache, where a large file is a link to its hash."""
    kept = sidecar(path)
    if kept and kept.sha256:
        return kept.sha256
    blob = path.resolve().name
    return blob if path.is_symlink() and re.fullmatch(r"[0-9a-f]{64}", blob) else None


def _bytes_below(path: Path) -> int:
    count = 0
    for item in [path] if path.is_file() else path.rglob("*"):
        with contextlib.suppress(OSError):  # it went away between the listing and the look
            count += item.lstat().st_size if item.is_symlink() or item.is_file() else 0
    return count


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


_MARKS = {
    "lora": r".*(\.lora_(down|up|mid|A|B)\b|[._]lora\.(down|up)\.|\.hada_w|\.lokr_w|\.dora_scale$)",
    "diffusion": r"model\.diffusion_model\.|down_blocks\.",
    "micro_ast": r"content_encoder\.",
    "animegan": r"block_a\.0\.1\.weight$|generator\.base\.Conv\.weights$|residual\.0\.conv_block\.1\.weight$",
    "cartoongan": r"in01_1\.scale$",
    "clip": r"logit_scale$",
    "multi_style": r"transformer\.contract\.conv1\.weights$",
    "squeezenet": r"features\.3\.squeeze\.weight$",
    "vgg": r"features\.28\.weight$|conv5_1\.weight$",
    "fast_style": r"layers\.\d+\.weight$|conv1\.conv2d\.weight$|ConvBlock\.0\.conv_layer\.weight$",
    "adain": r"decoder\.1\.weight$",
    "adain_encoder": r"vgg\.0\.weight$",
    "cap_vstnet": r"channel_reduction\.",
    "stargan": r"main\.0\.weight$",
    "cyclegan": r"model\.1\.weight$",
}
"""The sort of weights -> a name that only its tensors have; the first that is found counts."""
_RUN_BY = {
    "lora": "generate PROMPT --model MODEL --lora {name}",
    "diffusion": "generate PROMPT --model {name}",
    "micro_ast": "micro-ast PHOTO --style PAINTING --weights {name}",
    "adain": "adain PHOTO --style PAINTING --weights {name}",
    "cap_vstnet": "cap-vstnet PHOTO --style PAINTING --weights {name}",
    "clip": "clipstyler PHOTO --prompt WORDS --clip {name}",
    **{kind: f"{kind.replace('_', '-')} PHOTO --weights {{name}}" for kind in ("animegan", "cartoongan", "cyclegan", "fast_style", "multi_style", "stargan")},
}
"""The sort of weights -> the command that paints with them. Others are the networks in whose features methods compare pictures."""


def kind_of(names: Iterable[str]) -> str:
    """The sort of weights, by the names of their tensors; "network" of those that are not known."""
    plain, _ = tensorfile.plain_names(list(names))
    return next((kind for kind, mark in _MARKS.items() if any(re.match(mark, name) for name in plain)), "network")


def is_of(kind: str) -> str:
    """What a file of the sort `kind` is, as a message says it."""
    if kind == "lora":
        return "holds a LoRA, which changes a Stable Diffusion model"
    return f"holds a network of {kind}" if kind in _RUN_BY else f"holds a network ({kind}) in whose features pictures are compared, and that paints none"


def run_by(kind: str, name: str = "FILE") -> str | None:
    """What to do with weights of the sort `kind`, where a method runs them."""
    return f"it is painted with by: huafang {_RUN_BY[kind].format(name=name)}" if kind in _RUN_BY else None


def _holds(path: Path) -> str:
    """The sort of weights, by the keys of the header alone."""
    try:
        if (path / "model_index.json").is_file():
            return "diffusion"
        keys = header(path / "model.safetensors" if path.is_dir() else path).keys()
    except (HuafangError, OSError):
        return "unknown"
    return kind_of(keys)

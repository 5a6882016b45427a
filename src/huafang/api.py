"""Huafang from Python: `stylize`, `generate`, and `run` for any method. torch is loaded by the first call, not by the import."""

import contextlib
import gc
import json
import os
import weakref
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from huafang import compilation, datasets, images, metadata, methods, pictures, sources, video
from huafang.assets import Assets, Scratch, draft, unwritable, write_whole
from huafang.context import MODEL_FOLDER, Context, File, Learnable, Resident, Result, Step
from huafang.diffusion import styles
from huafang.diffusion.params import DrawingParams
from huafang.errors import BadInput, Unavailable
from huafang.models.store import ModelStore
from huafang.notes import Note
from huafang.params import Params, Product, fields
from huafang.places import places

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image
    from torch import Tensor

    Picture = str | os.PathLike[str] | bytes | IO[bytes] | Image | np.ndarray[Any, Any] | Tensor

FORMATS: dict[str, images.Format] = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp"}


def stylize(
    content: "Picture",
    *,
    style: "Picture | Sequence[Picture] | None" = None,
    method: str | None = None,
    on_step: Callable[[Step], None] = lambda step: None,
    **settings: Any,
) -> "Painting":
    """Restyle a picture or a film.

    `content` and `style` are paths, bytes, open binary files, PIL pictures, NumPy arrays (H, W[, C]) or torch tensors (C, H, W), uint8 or floats in [0, 1];
    a film is a path, bytes or an open file. Without `method`, what comes with `style` goes to the best method
    that needs no download, a picture without to `stroke_rendering`, a film to `image_filters`. `settings` are the method's own fields.
    Raises BadInput, NotFound, MissingWeights.
    """
    if not isinstance(content, str | os.PathLike):
        content = pictures.file_bytes(content, "content")
    film = sources.is_film_file(content) if isinstance(content, str | os.PathLike) else video.is_film(content[:256])
    name = method or methods.default_method(styled=style is not None, film=film)
    given = settings if style is None else settings | {"style": style}
    return run(name, content=content, on_step=on_step, **given)


def generate(prompt: str, *, model: "str | os.PathLike[str] | None" = None, on_step: Callable[[Step], None] = lambda step: None, **settings: Any) -> "Painting":
    """Draw `prompt` with a Stable Diffusion model: a name of `huafang models list`, or the path of a checkpoint.

    Without `model`, the small one that comes with Huafang draws: `mini`, or `mini-zh` where the prompt is Chinese. Raises as `stylize` does.
    """
    return run("text_to_image", prompt=prompt, model=model, on_step=on_step, **settings)


def run(method: str, *, on_step: Callable[[Step], None] = lambda step: None, **settings: Any) -> "Painting":
    """Run any method with its own fields. Pictures and weights may be paths."""
    with contextlib.ExitStack() as stack:
        bench = stack.enter_context(Bench())
        params = bench.params(method, settings)
        methods.check_models(params, bench.weights)
        painting = bench.run(params, on_step)
        if painting.result.dataset:
            weakref.finalize(painting, stack.pop_all().close)  # its pictures lie on the bench
        return painting


class Painting:
    """What a method made: `pictures` (PIL), `files`, `figures`, `notes`, and the `params` that make it again."""

    def __init__(self, params: Params, result: Result, read: sources.Inputs | None = None, bench: "Bench | None" = None) -> None:
        self.params = params
        self.result = result
        self._read = read or sources.Inputs()
        self._bench = bench
        """Holds the pictures that a dataset took over as they came."""

    def __repr__(self) -> str:
        made = ", ".join([f"{pixels.shape[3]} × {pixels.shape[2]} pixels" for pixels in self.result.images] or [file.name for file in self.result.files])
        return f"<Painting by {self.params.method}: {made}>"  # type: ignore[attr-defined]  # every method has it

    def _repr_png_(self) -> bytes | None:
        """What a notebook shows: the first picture."""
        return images.encode(self.result.images[0]) if self.result.images else None

    @property
    def pictures(self) -> "list[Image]":
        return [images.to_pil(pixels) for pixels in self.result.images]

    @property
    def image(self) -> "Image":
        """The first picture. Raises BadInput if the method made none."""
        if not self.result.images:
            raise BadInput(f"{self.params.method} makes no picture")  # type: ignore[attr-defined]  # every method has it
        return images.to_pil(self.result.images[0])

    @property
    def figures(self) -> dict[str, float]:
        return self.result.figures

    @property
    def notes(self) -> list[Note]:
        return self.result.notes

    @property
    def film(self) -> File | None:
        """The film that was made of a film, where that is all there is."""
        return next((file for file in self.result.files if file.media_type == "video/mp4"), None) if not self.result.images else None

    def save(
        self, path: "str | os.PathLike[str]", sources: Mapping[str, str] | None = None, further: Callable[[Path], Path] = lambda place: place
    ) -> list[Path]:
        """Write all pictures and files; what was written. A film that was made of a film is written to a name that ends in .mp4.

        `path` is a file (.png, .jpg, .webp: its settings are kept inside), which is replaced if it is there, or a folder, in which a name is chosen that is
        still free. Further pictures are numbered; `further` may choose other places for them, given those that they would have.
        A model folder stays in the store of models, and its place is given.
        Of a method that makes weights the file of weights is written, to a name that ends in .safetensors, and beside it what else the method tells of them.
        Raises BadInput for another ending and for a file that this one was made from, Unavailable and DiskFull when it cannot be written;
        nothing is ever half-written, and the file at `path` is written last.
        """
        place = Path(path)
        film = self.film is not None
        if place.is_dir():
            method: str = self.params.method  # type: ignore[attr-defined]  # every method has it
            place = numbered(place / f"{method}{ending(type(self.params), film=film)}", lambda taken: taken.exists())
        check_ending(place, type(self.params), film=film)
        contents = self._contents(place, sources or {})
        targets = [wanted if wanted == place else further(wanted) for wanted, _ in contents]
        for target in targets:
            if target in self._read:
                raise BadInput(f"{target} is one of the files given; it would be written over", code="output.input")
        for target, (_, write) in reversed(list(zip(targets, contents, strict=True))):
            write(target)
        return targets or [file.path for file in self.result.files if file.path]

    def _contents(self, place: Path, sources: Mapping[str, str]) -> list[tuple[Path, Callable[[Path], None]]]:
        """What is written where, and by what: first what goes to `place` itself."""
        files = [file for file in self.result.files if file.media_type != MODEL_FOLDER]  # that one stays in the store of models
        if self.params.makes == "weights":
            names = [place if file.name.endswith(".safetensors") else _beside(place, file.name) for file in files]
            return sorted(zip(names, (file.save for file in files), strict=True), key=lambda one: one[0] != place)
        if self.params.makes == "dataset":
            return [(place, self._save_dataset)]
        if film := self.film:
            return [(place, film.save)]
        if self.params.makes == "figures":
            return [(place, self._save_figures), *((with_suffix(place, f"-{file.name}", whole=True), file.save) for file in files)]
        format = picture_format(place)
        numbers = range(1, len(self.result.images) + 1)
        names = [place if number == 1 else with_suffix(place, f"-{number}") for number in numbers]
        made = [partial(self._save_picture, pixels, format, sources, number) for number, pixels in zip(numbers, self.result.images, strict=True)]
        beside = [with_suffix(place, f"-{file.name}", whole=True) if self.result.images else place.with_name(file.name) for file in files]
        return [*zip(names, made, strict=True), *zip(beside, (file.save for file in files), strict=True)]

    def _save_picture(self, pixels: "Tensor", format: images.Format, sources: Mapping[str, str], number: int, place: Path) -> None:
        height, width = pixels.shape[-2:]
        params = self.params.model_dump(mode="json") | {"sources": dict(sources)}
        recipe = metadata.recipe(params, self.figures, size=(width, height), number=number, resolved=self.result.resolved)
        write_whole(place, images.encode(pixels, format, metadata=recipe))

    def _save_figures(self, place: Path) -> None:
        told = {"method": self.params.method, "params": self.params.model_dump(mode="json"), "figures": self.figures}  # type: ignore[attr-defined]  # as above
        write_whole(place, json.dumps(told, indent=1, ensure_ascii=False, allow_nan=False).encode())

    def _save_dataset(self, place: Path) -> None:
        """A zip of `00001.png`, `00001.txt`, …: unpacked, it is a folder that trainings here and elsewhere read."""
        with unwritable(place.parent), draft(place) as writing, zipfile.ZipFile(writing, "w", zipfile.ZIP_STORED) as archive:
            for number, one in enumerate(self.result.dataset, 1):
                archive.writestr(f"{number:05}.png", self._picture_of(one))
                if one.caption:
                    archive.writestr(f"{number:05}.txt", one.caption)

    def _picture_of(self, one: Learnable) -> bytes:
        if not isinstance(one.picture, str):
            return images.encode(one.picture)
        assert self._bench is not None, "the picture's id is of the bench that the run was on"
        return self._bench.assets.read(one.picture)


NAME_BYTES = 255
"""Longest name of a file on the disks in use, in bytes of UTF-8."""


def with_suffix(path: Path, end: str, *, whole: bool = False) -> Path:
    """`path` with `end` after its stem, or, if `whole`, in place of its ending too; a stem too long for a disk is cut."""
    rest = end if whole else end + path.suffix
    stem = path.stem
    while len(os.fsencode(stem + rest)) > NAME_BYTES and len(stem) > 1:
        stem = stem[:-1]
    return path.with_name(stem + rest)


def _beside(weights: Path, name: str) -> Path:
    """Where the log `name` of the run that made `weights` is written: a log that is there already is that of other weights, if these are new."""
    plain, own = weights.with_name(name), with_suffix(weights, f"-{name}", whole=True)
    return own if own.exists() or (plain.exists() and not weights.exists()) else plain


def numbered(path: Path, taken: Callable[[Path], bool]) -> Path:
    """`path`, or the first of `path-2`, `path-3`, … that is not `taken`."""
    place, number = with_suffix(path, ""), 1
    while taken(place):
        number += 1
        place = with_suffix(path, f"-{number}")
    return place


def picture_format(path: Path) -> images.Format:
    """The format of a file to be written, by its name's ending. Raises BadInput."""
    ending = path.suffix.lower()
    if ending not in FORMATS:
        raise BadInput(f"{path.name} ends in {ending or 'nothing'}; pictures are written as {', '.join(FORMATS)}", code="output.format")
    return FORMATS[ending]


ENDINGS: dict[Product, str] = {"picture": ".png", "film": ".mp4", "weights": ".safetensors", "dataset": ".zip", "model_folder": ".png", "figures": ".json"}
"""How the name of what a method makes ends. A model folder stays in the store of models: what is written is its pictures."""
PLURALS: dict[Product, str] = {"film": "films", "weights": "weights", "dataset": "datasets", "figures": "figures"}


def ending(params_class: type[Params], *, film: bool = False) -> str:
    """How the name of what a method makes, of a film or else, ends, where nobody says otherwise."""
    return ".mp4" if film else ENDINGS[params_class.makes]


def check_ending(path: Path, params_class: type[Params], *, film: bool = False) -> None:
    """Raises BadInput where `path` is no name for what a method of `params_class` makes, of a film or else."""
    if film:
        if path.suffix.lower() != ".mp4":
            raise BadInput(f"{path.name} ends in {path.suffix or 'nothing'}; films are written as .mp4", code="output.format")
    elif ENDINGS[params_class.makes] == ".png":
        picture_format(path)
    elif path.suffix.lower() != ENDINGS[params_class.makes]:
        said = f"{path.name} ends in {path.suffix or 'nothing'}; {PLURALS[params_class.makes]} are written as {ENDINGS[params_class.makes]}"
        raise BadInput(said, code="output.format")


class Bench:
    """A place to run methods in this process: pictures come from files, and its store is gone when it closes."""

    def __init__(self, data: Path | None = None, folders: tuple[Path, ...] = (), device: str | None = None) -> None:
        self._folder = Scratch()
        self.assets = Assets(Path(self._folder.name))
        self.weights = ModelStore(places(data).models, folders)
        self.device = device
        self.warnings: list[str] = []
        """Notes about what was read that are still to be shown. Each comes once, however many pictures it counts for."""
        self._warned: set[str] = set()
        self.sources: dict[str, str] = {}
        self.read = sources.Inputs()
        """Files that pictures and weights came from: none of them is ever written over."""
        self._resident = Resident()
        self._work = places(data).work
        self._styles = places(data).styles
        compilation.fall_back_to(places(data).root)

    def __enter__(self) -> "Bench":
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()

    def warn(self, notes: Iterable[str]) -> None:
        """Add to `warnings` what was not said before."""
        self.warnings += filter(self.is_new, notes)

    def is_new(self, note: str) -> bool:
        """Whether a note was not asked about before."""
        new = note not in self._warned
        self._warned.add(note)
        return new

    def picture(self, source: "Picture", *, film: bool = False) -> str:
        """Ingest a picture from a path or from what `pictures.file_bytes` takes, or where `film` says so a film, and give its id. Raises BadInput, TooLarge."""
        if isinstance(source, str | os.PathLike):
            path = sources.home(source, "the name of a picture")
            data, name = sources.read(path), path.name
            self.read.add(path)
        else:
            data, name = pictures.file_bytes(source), "picture"
        moving = video.is_film(data[:256])
        if moving and not film:
            raise methods.no_film(name)
        with _naming(name, data, film=film):
            if moving:
                video.probe(data)
            else:
                picture = images.ingest(data)
                data = picture.data
                self.warn(f"{name}: {said}" for said in picture.warnings)
        asset = self.assets.put(data)
        self.sources[asset] = os.fsencode(name).decode("utf-8", "backslashreplace")  # the file's metadata holds UTF-8 only
        return asset

    def params(self, method: str, settings: Mapping[str, Any]) -> Params:
        """Params from plain settings; pictures and weights given as paths become ids. Raises BadInput, NotFound."""
        params_class, values = methods.params_class(method), dict(settings)
        for spec in fields(params_class):
            if (value := values.get(spec.name)) is not None:
                values[spec.name] = spec.type.resolve(spec, value, self)
        params = methods.build(params_class.model_fields["method"].default, values)
        if isinstance(params, DrawingParams):
            params, notes = styles.applied(params, self._styles, self.weights.places())
            self.warn(notes)
        return params

    def pictures(self, value: "Picture | Sequence[Picture]") -> list[str]:
        """`picture` for one or several, and for all pictures of a folder. Raises BadInput."""
        return [self.picture(one) for part in _several(value) for one in self._inside(part)]

    def dataset(self, value: "Picture | Sequence[Picture]") -> list[str]:
        """`pictures`; where a text of the same name lies beside one of them (`cat.png`, `cat.txt`), it is its caption, and what is given is one dataset.

        Raises BadInput.
        """
        found = [(self.picture(one), _caption(one)) for part in _several(value) for one in self._inside(part)]
        if not any(caption for _, caption in found):
            return [asset for asset, _ in found]
        dataset = datasets.store((datasets.Example(asset=asset, caption=caption) for asset, caption in found), self.assets)
        self.sources[dataset] = f"{len(found)} pictures with captions"
        return [dataset]

    def _inside(self, source: "Picture") -> "Sequence[Picture]":
        """The pictures of a folder, or the one picture that was named."""
        if not isinstance(source, str | os.PathLike) or not os.path.isdir(source):
            return [source]
        found = sources.expand([os.fspath(source)])
        self.warn(found.notes)
        return found.paths

    def model(self, value: "str | os.PathLike[str]") -> str:
        """A name stays a name; what is there as a file or folder, or looks like one, is a path."""
        path = sources.home(value, "the name of a model")
        endings = (".safetensors", ".ckpt", ".pt", ".pth", ".bin")
        there = sources.status(path)
        if isinstance(value, str) and there is None and self.weights.knows(value):  # such as mynet.pth, which is listed so
            return value
        if not (isinstance(value, os.PathLike) or there or path.is_absolute() or path.suffix in endings or len(path.parts) > 2):
            return str(value)
        if there is None:
            raise sources.missing(path)
        name = self.weights.add(path)
        self.read.add(path)
        return name

    def free_memory(self) -> None:
        """Let models go that are kept for the next picture, after memory ran out."""
        import torch

        self._resident.clear()
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def run(
        self,
        params: Params,
        on_step: Callable[[Step], None] = lambda step: None,
        stop: Callable[[], bool] = lambda: False,
        on_message: Callable[[Note], None] = lambda note: None,
    ) -> Painting:
        """Run a method here and now. `on_message` gets what is said while it runs. Raises Cancelled when `stop` says so, and the method's own errors."""
        device = self.device or devices()[0]
        ctx = Context(self.assets, self.weights, device=device, report=on_step, stop=stop, resident=self._resident, work=self._work, on_message=on_message)
        before = compilation.seconds()
        result = methods.run(params, ctx)
        return Painting(params, replace(result, notes=[*result.notes, *compilation.notes(compilation.seconds() - before)]), self.read, self)


def _several(value: "Picture | Sequence[Picture]") -> Sequence[Any]:
    return [value] if isinstance(value, str | bytes | os.PathLike) or not isinstance(value, Sequence) else value


def _caption(source: "Picture") -> str:
    """What the text beside a picture's file says of it; "" where there is none. Raises BadInput for one that is no text, or too long."""
    beside = Path(source).with_suffix(".txt") if isinstance(source, str | os.PathLike) else None
    if beside is None or not beside.is_file():
        return ""
    try:
        return datasets.Example(asset="0" * 64, caption=" ".join(beside.read_text("utf-8-sig").split())).caption
    except (ValueError, OSError):
        raise BadInput(f"{beside} is no caption: a text in UTF-8 of at most 10,000 characters is wanted", code="dataset.bad") from None


def devices() -> list[str]:
    """What this machine can paint on: every CUDA card, or Apple's GPU, or else the CPU."""
    import torch

    if torch.cuda.is_available():
        return [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    return ["mps"] if torch.backends.mps.is_available() else ["cpu"]


def check_device(name: str) -> str | None:
    """`name` if this machine has it; None for "auto", which is the best there is and chosen when something runs: only then is torch loaded for it.

    Raises Unavailable.
    """
    if name in ("auto", "cpu"):
        return None if name == "auto" else name
    import torch

    kind, _, index = name.partition(":")
    there = torch.cuda.device_count() if kind == "cuda" else int(torch.backends.mps.is_available()) if kind == "mps" else 0
    if not there or (index and (not index.isdigit() or int(index) >= there)):
        raise Unavailable(f"there is no device {name!r} here; there is {', '.join(devices())}", code="device.missing")
    return name


def check_readable(path: Path, *, film: bool = False) -> None:
    """Look at the beginning of a picture, or where `film` says so of a film, decoding nothing. Raises BadInput as `Bench.picture` does."""
    if sources.is_film_file(path):
        if not film:
            raise methods.no_film(path.name)
        return
    data = sources.read(path)
    with _naming(path.name, data, film=film):
        images.probe(data)


@contextlib.contextmanager
def _naming(name: str, data: bytes, *, film: bool) -> Iterator[None]:
    """A fault of `data` names the file it came from; and where that is named as a film, and a film would do, it is the film that is missed."""
    try:
        yield
    except BadInput as error:
        if film and error.code == "image.unreadable" and name.lower().endswith(video.ENDINGS):
            said = f"{name}: this file cannot be read as a film, whatever its name says (it looks like {images.looks_like(data)})"
            raise BadInput(said, code="video.unreadable", hint=f"readable are {video.READABLE}, and of pictures {images.READABLE}") from error
        error.message = f"{name}: {error.message}"
        raise

"""Huafang from Python: `stylize`, `generate`, and `run` for any method. torch is loaded by the first call, not by the import."""

import contextlib
import glob
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huafang import images, metadata, methods, video
from huafang.assets import Assets, write_whole
from huafang.context import Context, File, Resident, Result, Step
from huafang.errors import NEAR, BadInput, Unavailable
from huafang.notes import Note
from huafang.params import Params, fields
from huafang.places import places
from huafang.weights import Weights

if TYPE_CHECKING:
    from PIL.Image import Image

    Picture = str | os.PathLike[str] | bytes | Image

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

    `content` and `style` are paths, bytes or PIL pictures; a film is a path or bytes. Without `method`, what comes with `style` goes to the best method
    that needs no download, a picture without to `stroke_rendering`, a film to `image_filters`. `settings` are the method's own fields.
    Raises BadInput, NotFound, MissingWeights.
    """
    film = video.is_film_file(content) if isinstance(content, str | os.PathLike) else isinstance(content, bytes) and video.is_film(content[:256])
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
    with Bench() as bench:
        params = bench.params(method, settings)
        methods.check_models(params, bench.weights)
        return bench.run(params, on_step)


class Painting:
    """What a method made: `pictures` (PIL), `files`, `figures`, `notes`, and the `params` that make it again."""

    def __init__(self, params: Params, result: Result, read: Iterable[Path] = ()) -> None:
        self.params = params
        self.result = result
        self._read = frozenset(read)

    @property
    def pictures(self) -> "list[Image]":
        return [images.to_pil(pixels) for pixels in self.result.images]

    @property
    def image(self) -> "Image":
        """The first picture. Raises BadInput if the method made none."""
        if not self.result.images:
            raise BadInput(f"{self.params.method} makes no picture")  # type: ignore[attr-defined]  # every room has it
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

    def save(self, path: "str | os.PathLike[str]", sources: Mapping[str, str] | None = None) -> list[Path]:
        """Write all pictures and files; what was written. A film that was made of a film is written to a name that ends in .mp4.

        `path` is a file (.png, .jpg, .webp: its settings are kept inside), or a folder, in which names are chosen. Further pictures are numbered.
        Of a method that makes weights the file of weights is written, to a name that ends in .safetensors, and beside it what else the method tells of them.
        Raises BadInput for another ending and for a picture that this one was made from, Unavailable and DiskFull when it cannot be written;
        nothing is ever half-written.
        """
        place = Path(path)
        method: str = self.params.method  # type: ignore[attr-defined]  # every room has it
        if place.is_dir():
            place = place / f"{method}{ending(type(self.params), film=self.film is not None)}"
        check_ending(place, type(self.params), film=self.film is not None)
        if place.resolve() in self._read:
            raise BadInput(f"{place} is one of the pictures given; it would be written over", code="output.input")
        if self.params.makes == "weights":
            targets = {place if file.name.endswith(".safetensors") else place.with_name(file.name): file.data for file in self.result.files}
            for target, data in targets.items():
                write_whole(target, data)
            return list(targets)
        if self.film:
            write_whole(place, self.film.data)
            return [place]
        format = picture_format(place)
        written = []
        for index, pixels in enumerate(self.result.images):
            height, width = pixels.shape[-2:]
            carried = metadata.recipe(self.params.model_dump(mode="json") | {"sources": dict(sources or {})}, self.figures, size=(width, height))
            target = place if index == 0 else place.with_stem(f"{place.stem}-{index + 1}")
            write_whole(target, images.encode(pixels, format, metadata=carried))
            written.append(target)
        for file in self.result.files:
            target = place.with_name(f"{place.stem}-{file.name}") if self.result.images else place.with_name(file.name)
            write_whole(target, file.data)
            written.append(target)
        return written


def picture_format(path: Path) -> images.Format:
    """The format of a file to be written, by its name's ending. Raises BadInput."""
    ending = path.suffix.lower()
    if ending not in FORMATS:
        raise BadInput(f"{path.name} ends in {ending or 'nothing'}; pictures are written as {', '.join(FORMATS)}", code="output.format")
    return FORMATS[ending]


def ending(room: type[Params], *, film: bool = False) -> str:
    """How the name of what a room makes, of a film or else, ends, where nobody says otherwise."""
    return ".mp4" if film else ".safetensors" if room.makes == "weights" else ".png"


def check_ending(path: Path, room: type[Params], *, film: bool = False) -> None:
    """Raises BadInput where `path` is no name for what `room` makes, of a film or else."""
    if film:
        if path.suffix.lower() != ".mp4":
            raise BadInput(f"{path.name} ends in {path.suffix or 'nothing'}; films are written as .mp4", code="output.format")
    elif room.makes == "pictures":
        picture_format(path)
    elif path.suffix.lower() != ".safetensors":
        raise BadInput(f"{path.name} ends in {path.suffix or 'nothing'}; weights are written as .safetensors", code="output.format")


class Bench:
    """A place to run methods in this process: pictures come from files, and its store is gone when it closes."""

    def __init__(self, data: Path | None = None, folders: tuple[Path, ...] = (), device: str | None = None) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="huafang-", ignore_cleanup_errors=True)
        self.assets = Assets(Path(self._folder.name))
        self.weights = Weights(places(data).models, folders)
        self.device = device
        self.warnings: list[str] = []
        self.sources: dict[str, str] = {}
        self.read: set[Path] = set()
        """Files that pictures came from: none of them is ever written over."""
        self._resident = Resident()
        self._work = places(data).work

    def __enter__(self) -> "Bench":
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()

    def picture(self, source: "Picture", *, film: bool = False) -> str:
        """Ingest a picture from a path, bytes or PIL, or where `film` says so a film, and give its id. Raises BadInput, TooLarge."""
        if isinstance(source, str | os.PathLike):
            path = Path(source)
            data, name = _read(path), path.name
            self.read.add(path.resolve())
        else:
            data, name = source if isinstance(source, bytes) else _png(source), "picture"
        moving = video.is_film(data[:256])
        if moving and not film:
            raise methods.no_film(name)
        with _naming(name, data, film=film):
            if moving:
                video.probe(data)
            else:
                picture = images.ingest(data)
                data = picture.data
                self.warnings += [f"{name}: {said}" for said in picture.warnings]
        asset = self.assets.put(data)
        self.sources[asset] = name
        return asset

    def params(self, method: str, settings: Mapping[str, Any]) -> Params:
        """Params from plain settings; pictures and weights given as paths become ids. Raises BadInput, NotFound."""
        room, values = methods.room(method), dict(settings)
        for spec in fields(room):
            value = values.get(spec.name)
            if value is None:
                continue
            if spec.kind == "image":
                values[spec.name] = self.picture(value, film=spec.film)
            elif spec.pictures:
                many = [value] if isinstance(value, str | bytes | os.PathLike) or not isinstance(value, Sequence) else value
                values[spec.name] = tuple(self.picture(one) for part in many for one in _inside(part))
            elif spec.kind == "numbers":
                values[spec.name] = tuple(float(one) for one in (value if isinstance(value, Sequence) else [value]))
            elif spec.kind == "methods":
                values[spec.name] = (value,) if isinstance(value, str) else tuple(value)
            elif spec.kind == "weights" and value != "":
                values[spec.name] = self._weights(value)
        return methods.build(room.model_fields["method"].default, values)

    def _weights(self, value: "str | os.PathLike[str]") -> str:
        """A name stays a name; what is there as a file or folder, or looks like one, is a path."""
        path = Path(value).expanduser()
        endings = (".safetensors", ".ckpt", ".pt", ".pth", ".bin")
        looks = isinstance(value, os.PathLike) or path.exists() or path.is_absolute() or path.suffix in endings or len(path.parts) > 2
        return self.weights.add(path) if looks else str(value)

    def run(self, params: Params, on_step: Callable[[Step], None] = lambda step: None, stop: Callable[[], bool] = lambda: False) -> Painting:
        """Run a method here and now. Raises Cancelled when `stop` says so, and the method's own errors."""
        ctx = Context(self.assets, self.weights, device=self.device or devices()[0], report=on_step, stop=stop, resident=self._resident, work=self._work)
        return Painting(params, methods.run(params, ctx), self.read)


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
    if video.is_film_file(path):
        if not film:
            raise methods.no_film(path.name)
        return
    data = _read(path)
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


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise BadInput(f"there is no file {path}" + near_file(path), code="file.missing") from None
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}", code="file.unreadable") from error


def expand(patterns: Sequence[str], *, films: bool = False) -> list[Path]:
    """Files, folders and globs -> picture files, each once, in order; of a folder also its `films`. Raises BadInput for what names nothing."""
    endings = {".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif"}
    endings |= set(video.ENDINGS) if films else set()
    found: dict[Path, None] = {}
    for pattern in patterns:
        path = Path(pattern)
        if path.is_dir():
            inside = sorted(item for item in path.iterdir() if item.suffix.lower() in endings and item.is_file() and not item.name.startswith("."))
            if not inside:
                raise BadInput(f"the folder {path} holds no pictures ({', '.join(sorted(endings))})", code="file.missing")
            found.update(dict.fromkeys(inside))
        elif path.exists():
            found[path] = None
        elif matches := sorted(glob.glob(pattern, recursive=True)):
            found.update(dict.fromkeys(Path(match) for match in matches if Path(match).is_file()))
        else:
            raise BadInput(f"there is no file {pattern}" + near_file(path), code="file.missing")
    return list(found)


def _inside(source: "Picture") -> "Sequence[Picture]":
    """The pictures of a folder, or the one picture that was named."""
    return expand([str(source)]) if isinstance(source, str | os.PathLike) and Path(source).is_dir() else [source]


def near_file(path: Path) -> str:
    """The question whether a file or folder beside `path` was meant, which is not there; or that its folder is not there either."""
    from difflib import get_close_matches

    try:
        there = {item.stem: item for item in sorted(path.parent.iterdir())}  # by stems: a common ending makes no two names alike
        close = get_close_matches(path.stem, there, n=1, cutoff=NEAR)
    except OSError:
        return f"; there is no folder {path.parent} either" if not path.parent.is_dir() else ""
    return f"; did you mean {there[close[0]]}?" if close else ""


def _png(picture: "Image") -> bytes:
    import io

    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()

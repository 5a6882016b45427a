"""Files that a user names: one by one, as folders, or as globs.

Only regular files are opened, since reading a named pipe would wait for a writer for ever. What a file is, its content says; its name counts only where the
content says nothing.
"""

import errno
import glob
import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from huafang import images, video
from huafang.errors import NEAR, BadInput

PICTURE_ENDINGS = (".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".webp", ".gif", ".bmp", ".dib", ".tif", ".tiff", ".avif", ".avifs")
"""Endings of formats that are read. A file of a folder that has one and is no picture is an error; with another ending it is skipped."""
HEAD = 256
NAMED = 5
"""Skipped files that a note names at most."""


@dataclass(frozen=True)
class Source:
    """A file to work on, and where its result goes below an output folder: under its own name, for a glob with the sub-folders that the glob matched."""

    path: Path
    place: Path


@dataclass
class Found:
    """What some names stand for; `notes` say which files of the folders were skipped."""

    sources: list[Source] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def paths(self) -> list[Path]:
        return [source.path for source in self.sources]


class Inputs:
    """Files that a run reads, and that it therefore never writes over."""

    def __init__(self) -> None:
        self._paths: set[Path] = set()
        self._places: dict[tuple[int, int], Path] = {}

    def add(self, path: Path) -> None:
        whole = path.resolve()
        self._paths.add(whole)
        if there := _status_or_none(whole):
            self._places[there.st_dev, there.st_ino] = whole

    def __contains__(self, path: Path) -> bool:
        """Whether `path` is one of them by whatever name: another spelling, a link, another case on a disk that knows none."""
        if path.resolve() in self._paths:
            return True
        there = _status_or_none(path)
        known = self._places.get((there.st_dev, there.st_ino)) if there else None
        return known is not None and known.exists() and known.samefile(path)


def home(value: "str | os.PathLike[str]", what: str = "the name of a file") -> Path:
    """`value` as a path, with ~ and ~user replaced. Raises BadInput for an empty name and for a user that does not exist."""
    text = os.fspath(value)
    if not text:
        raise BadInput(f"{what} is empty", code="file.missing", hint="is a variable of your shell not set?")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise BadInput(f"{text}: there is no user {text.partition('/')[0][1:]!r} on this machine", code="file.missing") from None


def status(path: Path) -> os.stat_result | None:
    """What is at `path`, links followed; None where there is nothing. Raises BadInput where that cannot be found out."""
    try:
        return path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except ValueError as error:  # a NUL character
        raise BadInput(f"{str(path)!r} is no name of a file: {error}", code="file.unreadable") from None
    except OSError as error:
        raise _unreachable(path, error) from None


def read(path: Path) -> bytes:
    """All of a regular file. Raises BadInput."""
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            kind = os.fstat(file.fileno()).st_mode
            if not stat.S_ISREG(kind):
                raise _no_file(path, kind)
            return file.read()
    except FileNotFoundError:
        raise missing(path) from None
    except ValueError as error:  # a NUL character
        raise BadInput(f"{str(path)!r} is no name of a file: {error}", code="file.unreadable") from None
    except OSError as error:
        raise _unreachable(path, error) from None


def head(path: Path, count: int = HEAD) -> bytes:
    """The first bytes of a regular file; none where it cannot be read, which is said by whoever reads all of it."""
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            return file.read(count) if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else b""
    except (OSError, ValueError):
        return b""


def is_film_file(path: "str | os.PathLike[str]") -> bool:
    """Whether a file is a film of a format that is read."""
    return video.is_film(head(Path(path)))


def missing(path: Path) -> BadInput:
    """The error for a file that is not there."""
    try:
        target = f": {path} is a link to {os.readlink(path)}, which is not there"
    except OSError:
        target = near_file(path)
    return BadInput(f"there is no file {path}{target}", code="file.missing")


def near_file(path: Path) -> str:
    """The question whether a file or folder beside `path` was meant, which is not there; or that its folder is not there either."""
    try:
        there = {item.stem: item for item in sorted(path.parent.iterdir())}  # by stems: a common ending makes no two names alike
        close = get_close_matches(path.stem, there, n=1, cutoff=NEAR)
    except (OSError, ValueError):
        return f"; there is no folder {path.parent} either" if not os.path.isdir(path.parent) else ""
    return f"; did you mean {there[close[0]]}?" if close else ""


def expand(patterns: Sequence[str], *, films: bool = False) -> Found:
    """Files, folders and globs -> the pictures that they name, each once, in order; of folders, with `films`, the films too.

    A folder is not searched below its first level; what is skipped in it is said in the notes. Raises BadInput for what names nothing.
    """
    found = Found()
    seen: set[str] = set()

    def add(sources: Iterable[Source]) -> None:
        for source in sources:
            if (key := os.path.abspath(source.path)) not in seen:
                seen.add(key)
                found.sources.append(source)

    for pattern in patterns:
        path = home(pattern, "the name of a picture")
        there = _status_or_none(path) if glob.has_magic(pattern) else status(path)
        if there is None and glob.has_magic(pattern):
            add(_matches(str(path)))
        elif there is None:
            raise missing(path)
        elif stat.S_ISDIR(there.st_mode):
            add(_inside(path, films, found.notes))
        elif not stat.S_ISREG(there.st_mode):
            raise _no_file(path, there.st_mode)
        else:
            add([Source(path, Path(path.name))])
    return found


def _matches(pattern: str) -> list[Source]:
    """What a glob matches. Raises BadInput where that is no file."""
    parts = Path(pattern).parts
    fixed = Path(*parts[: next(number for number, part in enumerate(parts) if glob.has_magic(part))])
    matches = [Path(match) for match in sorted(glob.glob(pattern, recursive=True))]
    files = [match for match in matches if match.is_file()]
    if not files:
        if (there := status(fixed)) is not None and stat.S_ISDIR(there.st_mode):
            _listing(fixed)  # glob is silent about a folder that it may not enter
        others = f"; it matches {len(matches)} folders or other things that are no files" if matches else near_file(Path(pattern))
        raise BadInput(f"there is no file {pattern}{others}", code="file.missing", hint="name a folder itself to have its pictures" if matches else None)
    return [Source(file, file.relative_to(fixed)) for file in files]


def _inside(folder: Path, films: bool, notes: list[str]) -> list[Source]:
    """The pictures of a folder. Raises BadInput where there are none."""
    items = [item for item in _listing(folder) if not item.name.startswith(".")]
    taken, skipped, folders = [], list[str](), 0
    for item in items:
        there = _status_or_none(item)
        if there is not None and stat.S_ISDIR(there.st_mode):
            folders += 1
        elif why := _skipped(item, there, films):
            skipped.append(f"{item.name} ({why})")
        else:
            taken.append(Source(item, Path(item.name)))
    said = [f"{_listed(skipped)}"] if skipped else []
    said += [f"{_counted(folders, 'folder')} inside it: {glob.escape(str(folder))}/**/* names their files too"] if folders else []
    if not taken:
        raise BadInput(f"the folder {folder} holds no pictures" + (f"; skipped: {'; '.join(said)}" if said else ""), code="file.missing")
    if said:
        notes.append(f"of the folder {folder} were skipped: {'; '.join(said)}")
    return taken


def _listing(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise _unreachable(folder, error) from None


def _skipped(item: Path, there: os.stat_result | None, films: bool) -> str:
    """Why a file of a folder is skipped; empty where it is taken."""
    if there is None:
        return "a link to nothing" if item.is_symlink() else "not readable"
    if not stat.S_ISREG(there.st_mode):
        return _kind_of(there.st_mode)
    named = item.name.lower().endswith(PICTURE_ENDINGS)
    begin = head(item)
    if video.is_film(begin):
        return "" if films else "a film"
    if named or (films and item.name.lower().endswith(video.ENDINGS)):
        return ""  # it says that it is one: if it cannot be read, that is an error and not a file beside the matter
    return "" if _is_picture(item, begin) else images.looks_like(begin) if begin else "empty"


def _is_picture(path: Path, begin: bytes) -> bool:
    """Whether a file whose name says nothing begins as a picture of a format that is read."""
    from PIL import Image

    Image.init()
    if not any((accept := Image.OPEN[name][1]) is None or accept(begin[:16]) is True for name in images.FORMATS):
        return False
    try:
        with Image.open(path, formats=images.FORMATS):
            return True
    except Exception:  # a parser fed with a stranger's bytes may raise anything; the file is named as skipped
        return False


def _listed(skipped: list[str]) -> str:
    more = f" and {len(skipped) - NAMED} more" if len(skipped) > NAMED else ""
    return f"{_counted(len(skipped), 'file')}: {', '.join(skipped[:NAMED])}{more}"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _status_or_none(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except (OSError, ValueError):
        return None


def _kind_of(mode: int) -> str:
    kinds = {stat.S_ISDIR: "a folder", stat.S_ISFIFO: "a named pipe", stat.S_ISSOCK: "a socket", stat.S_ISCHR: "a device", stat.S_ISBLK: "a device"}
    return next((name for test, name in kinds.items() if test(mode)), "no regular file")


def _no_file(path: Path, mode: int) -> BadInput:
    return BadInput(f"{path} is {_kind_of(mode)}, and a file is wanted", code="file.unreadable", hint="save what it gives to a file first")


def _without_waiting(path: str, flags: int) -> int:
    """Open without waiting for the other end of a pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _unreachable(path: Path, error: OSError) -> BadInput:
    if error.errno == errno.ENAMETOOLONG:
        name = max(path.parts, key=lambda part: len(os.fsencode(part)), default="")
        said = f"the name {name[:40]}… is too long: {len(os.fsencode(name))} bytes, and most disks take at most 255"
        return BadInput(said, code="file.unreadable", hint="shorten the name")
    if error.errno == errno.ELOOP:
        return BadInput(f"{path} is a link that leads back to itself", code="file.unreadable")
    return BadInput(f"{path} cannot be reached: {error.strerror}", code="file.unreadable")

"""Where results go: every result of a run has a name of its own, and none is the name of a file that the run reads."""

import contextlib
import os
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from huafang import methods, sources
from huafang.assets import check_writable
from huafang.errors import BadInput
from huafang.params import Params
from huafang.sources import Inputs, Source


class Targets:
    """The names of one run's results: `paths`, one for each source, and further names as they are asked for.

    `notes` say which results are numbered since another has the name that they would have.
    """

    def __init__(self, method: str, named: Sequence[Source | None], output: str | None, title: str) -> None:
        """Raises BadInput where `output` does not fit. `title` is the name of a result that comes from no file."""
        from huafang.api import check_ending

        self.notes: list[str] = []
        self._new = output is None
        self._params_class = methods.METHODS[method]
        self._inputs = Inputs()
        for source in named:
            if source:
                self._inputs.add(source.path)
        self._made = False
        home = sources.home(output, "the name given with -o") if output is not None else Path()
        there = sources.status(home)
        if output is not None and not _means_folder(output, home):
            if len(named) > 1:
                raise BadInput(f"{len(named)} pictures cannot all be written to {home}; name a folder with -o", code="output.one")
            check_ending(home, self._params_class, film=_is_film(named[0], self._params_class))
            if there is not None and not home.is_file():
                raise BadInput(f"{home} is no regular file, and only such are written", code="output.one")
            self.paths = [home]
        elif there is not None and not home.is_dir():
            raise BadInput(f"{home} is a file, not a folder", code="output.one")
        else:
            self.paths = self._distributed([self._wanted(method, source, home, title) for source in named], named)
        self._taken = {_key(path) for path in self.paths}

    def further(self, path: Path) -> Path:
        """The name of a result beside a source's first one: `path`; or numbered, and new, where another has that name or where it is read by the run."""
        from huafang.api import numbered

        place = path
        if self._is_taken(path) or (self._new and os.path.lexists(path)):
            plain = path.with_stem(re.sub(r"-\d+$", "", path.stem))
            place = numbered(plain, lambda one: one == plain or self._is_taken(one) or os.path.lexists(one))
        self._taken.add(_key(place))
        return place

    def _is_taken(self, path: Path) -> bool:
        return _key(path) in self._taken or path in self._inputs

    def folder_for(self, path: Path, *, dry_run: bool) -> list[str]:
        """See that `path` can be written; what there is to say of it, once a run. Raises Unavailable, DiskFull."""
        notes = output_folder(path.parent, dry_run=dry_run)
        first, self._made = not self._made, True
        return notes if first else []

    def _wanted(self, method: str, source: Source | None, home: Path, title: str) -> Path:
        from huafang.api import ending, with_suffix

        end = ending(self._params_class, film=_is_film(source, self._params_class))
        if source is None:
            return with_suffix(home / f"{title}{end}", end, whole=True)
        if self._new:
            return with_suffix(home / source.path.name, f"-{method}{end}", whole=True)
        return with_suffix(home / source.place, end, whole=True)

    def _distributed(self, wanted: list[Path], named: Sequence[Source | None]) -> list[Path]:
        """The first source that wants a name has it; another one's is numbered, passing over all names that any source wants."""
        from huafang.api import numbered

        exists: Callable[[Path], bool] = (lambda path: os.path.lexists(path)) if self._new else (lambda path: False)
        everyone, owners, chosen = {_key(path) for path in wanted}, dict[str, Source | None](), list[Path]()
        for path, source in zip(wanted, named, strict=True):
            first = _key(path) not in owners
            place = path if first and not exists(path) else numbered(path, lambda one: _key(one) in owners or _key(one) in everyone or exists(one))
            if not first and source:
                owner = owners[_key(path)]
                self.notes.append(f"the result of {source.path} is called {place}, since {path} is that of {owner.path if owner else 'another'}")
            owners.setdefault(_key(path), source)
            owners[_key(place)] = source
            chosen.append(place)
        return chosen


def _means_folder(output: str, home: Path) -> bool:
    """Whether -o names a folder: it ends in a slash, is one, or has no ending."""
    return output.endswith(("/", "\\")) or home.is_dir() or not home.suffix


def _is_film(source: Source | None, params_class: type[Params]) -> bool:
    """Whether a file is a film, and the method takes films."""
    return source is not None and methods.films(params_class) and sources.is_film_file(source.path)


def _key(path: Path) -> str:
    """The same for two names that some disk takes for one: macOS and Windows know no case, and macOS no difference in how an accent is written."""
    return unicodedata.normalize("NFC", os.path.abspath(path)).casefold()


def spare(inputs: Iterable[Path] | Inputs, targets: Iterable[Path]) -> None:
    """Refuse to write over a file that was read. Raises BadInput."""
    if not isinstance(inputs, Inputs):
        paths, inputs = inputs, Inputs()
        for path in paths:
            inputs.add(path)
    for target in targets:
        if target in inputs:
            raise BadInput(f"{target} is one of the files given; it would be written over", code="output.input", hint="name another file or folder with -o")


def output_folder(folder: Path, *, dry_run: bool = False) -> list[str]:
    """See that `folder` can be written to; what there is to say of it. Raises Unavailable, DiskFull.

    One that is not there is made, as users expect of -o out/, but not in silence, since a slip of the pen makes one too. A dry run makes none.
    """
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    check_writable(there if dry_run else folder)
    return [] if there == folder else [f"the folder {folder} was not there; it {'would be' if dry_run else 'is'} made"]


@contextlib.contextmanager
def no_empty_folders(targets: Iterable[Path]) -> Iterator[None]:
    """Folders that are made on the way, and into which nothing came, are gone in the end."""
    missing = {folder for target in targets for folder in target.absolute().parents if not folder.exists()}
    try:
        yield
    finally:
        for folder in sorted(missing, key=lambda one: len(one.parts), reverse=True):
            with contextlib.suppress(OSError):  # it is not empty
                folder.rmdir()

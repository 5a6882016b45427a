"""Putting a finished file or folder in its place without ever replacing another: atomic, also against another process that does the same. No torch."""

import contextlib
import os
from pathlib import Path

from huafang.errors import BadInput


def move_new(draft: Path, place: Path) -> None:
    """Rename `draft`, which is whole, to `place`, where nothing is yet; on failure `draft` stays.

    Raises BadInput (`weights.exists`) where something is there, OSError where the folder cannot be written.
    """
    try:
        if draft.is_dir() or os.name == "nt":  # a rename refuses a folder that is not empty, and on Windows whatever is there
            if os.path.lexists(place):
                raise FileExistsError
            os.rename(draft, place)
        else:
            _link(draft, place)
    except OSError as error:
        if isinstance(error, FileExistsError | NotADirectoryError) or os.path.lexists(place):
            raise exists(place) from None
        raise


def exists(place: Path) -> BadInput:
    """The refusal to write over what is there."""
    return BadInput(f"{place} is there already", code="weights.exists", hint="move it away first, or choose another name")


def free_name(place: Path) -> Path:
    """`place`, or the first numbered name beside it (`name-2.safetensors`) that is not taken."""
    number, free = 1, place
    while os.path.lexists(free):
        number += 1
        free = place.with_name(f"{place.name.removesuffix(place.suffix)}-{number}{place.suffix}")
    return free


def _link(draft: Path, place: Path) -> None:
    """A hard link fails where there is a file; a file system without links gets an empty file first, which nobody else can make then."""
    try:
        os.link(draft, place)
    except FileExistsError:
        raise
    except OSError:
        os.close(os.open(place, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        try:
            os.replace(draft, place)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(place)
            raise
    else:
        os.unlink(draft)

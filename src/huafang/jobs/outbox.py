"""Results that a lane has finished and the dispatcher has not yet booked: a file for each attempt, `JOB-ATTEMPT.json`, written whole.

A disk can damage any of them. One that cannot be read is moved to `outbox/damaged`, so that it stops nothing and can still be looked at.
"""

import contextlib
import logging
import os
import re
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

log = logging.getLogger(__name__)

LARGEST = 64 * 1024 * 1024
"""Bytes; a result names files and holds none."""


def _writable(text: str) -> str:
    """No database takes a NUL or half a surrogate pair."""
    text.encode()
    if "\0" in text:
        raise ValueError("holds a NUL character")
    return text


Text = Annotated[str, AfterValidator(_writable)]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class Output(_Strict):
    asset: str = Field(pattern="^[0-9a-f]{64}$")
    name: Text = Field(min_length=1)
    media_type: Text = Field(min_length=1)
    width: int | None = Field(ge=0)
    height: int | None = Field(ge=0)
    examples: list[Annotated[str, Field(pattern="^[0-9a-f]{64}$")]] = []
    """Of a dataset, the pictures in it."""


class Said(_Strict):
    """A note in both languages."""

    en: Text
    zh: Text


class Posted(_Strict):
    """What a lane posts."""

    outputs: list[Output]
    figures: dict[Text, FiniteFloat]
    notes: list[Said | Text]
    seconds: FiniteFloat = Field(ge=0)


class DamagedResult(Exception):
    """A posted result cannot be read; it has been moved aside."""


def assets_of(output: Mapping[str, Any]) -> list[str]:
    """The stored files that an output names: its own, and the pictures of a dataset."""
    return [output["asset"], *output.get("examples", ())]


class Outbox:
    """The folder of posted results."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def place(self, job: str, attempt: int) -> Path:
        return self.folder / f"{job}-{attempt}.json"

    def read(self, job: str, attempt: int) -> dict[str, Any] | None:
        """What the attempt posted; None if it posted nothing. Raises DamagedResult, which says why, after moving the file aside."""
        place = self.place(job, attempt)
        if not os.path.lexists(place):
            return None
        try:
            return self._parsed(place)
        except (OSError, ValueError, RecursionError) as error:
            why = _in_short(error)
            self._move_aside(place, why)
            raise DamagedResult(why) from error

    def clear(self) -> list[str]:
        """Remove the results of attempts that no longer count; give the files that they name. What cannot be read is moved aside."""
        assets: list[str] = []
        for place in self._listed():
            try:
                assets += [asset for output in self._parsed(place)["outputs"] for asset in assets_of(output)]
                place.unlink()
            except (OSError, ValueError, RecursionError) as error:
                self._move_aside(place, _in_short(error))
        return assets

    def remove(self, job: str, attempt: int) -> None:
        """Forget a result that is booked."""
        with contextlib.suppress(OSError):  # at the worst it is found again at the next start, and removed then
            self.place(job, attempt).unlink(missing_ok=True)

    def _listed(self) -> list[Path]:
        with contextlib.suppress(OSError):
            return sorted(self.folder.glob("*.json"))
        return []

    def _parsed(self, place: Path) -> dict[str, Any]:
        found = place.lstat()
        if not stat.S_ISREG(found.st_mode):
            raise ValueError("it is no regular file")
        if found.st_size > LARGEST:
            raise ValueError(f"it has {found.st_size:,} bytes, and a result at most {LARGEST:,}")
        return Posted.model_validate_json(place.read_bytes()).model_dump(mode="json", exclude_defaults=True)

    def _move_aside(self, place: Path, why: str) -> None:
        target = self.folder / "damaged" / f"{place.stem}-{secrets.token_hex(4)}{place.suffix}"
        try:
            target.parent.mkdir(exist_ok=True)
            os.replace(place, target)
        except OSError as error:
            log.warning("the result %s cannot be read (%s), and cannot be moved aside: %s", ascii(str(place)), why, error)
        else:
            log.warning("the result %s cannot be read (%s); it was moved to %s", ascii(place.name), why, ascii(str(target)))  # a name may hold any bytes


def _in_short(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        return f"{where}: {first['msg']}" if where else first["msg"]
    return re.sub(r"\s+", " ", str(error))[:200] or type(error).__name__

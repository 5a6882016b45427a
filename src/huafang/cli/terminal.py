"""What is printed: safe on any terminal, in any encoding. File names may hold escape sequences, which are shown and not obeyed."""

import json
import sys
import unicodedata
from pathlib import Path
from typing import Any

import click

_KEPT = ("\n", "\t")


def prepare() -> None:
    """A character that the terminal or pipe has no code for is printed as an escape, `\\u753b`, and not as a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def plain(text: str, kept: tuple[str, ...] = _KEPT) -> str:
    """`text` with control characters, and those that turn the direction of writing, as escapes."""
    return "".join(c if c in kept or not _is_control(c) else c.encode("unicode_escape").decode() for c in text)


def _is_control(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cs") or character in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f"


def say(text: str, *, fg: str | None = None) -> None:
    """A line on stderr."""
    click.secho(plain(text), fg=fg, err=True)


def note(text: str) -> None:
    say(f"note: {text}", fg="yellow")


def out(text: str) -> None:
    """Text on stdout."""
    click.echo(plain(text))


def out_path(path: "str | Path") -> None:
    """A path on stdout, on one line whatever is in it. `--json` gives it exactly."""
    click.echo(plain(str(path), kept=()))


def out_json(data: Any, *, indent: int | None = None) -> None:
    """An object on stdout; in an encoding that has not every character, with JSON's own escapes."""
    whole = (sys.stdout.encoding or "").lower().replace("-", "") in ("utf8", "utf16", "utf32")
    click.echo(json.dumps(data, ensure_ascii=not whole or _has_surrogates(data), indent=indent))


def _has_surrogates(data: Any) -> bool:
    """Names that are no UTF-8 are held with half surrogate pairs, which JSON can only escape."""
    try:
        json.dumps(data, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False

"""From a method's fields to click's options. A flag left out is left out of the params too, so that each default stands in one place."""

import os
import stat
from typing import Any

import click

from huafang import methods
from huafang.errors import BadInput, meant
from huafang.params import FieldSpec

EMPTY = "it is empty; is a variable of your shell not set?"


class Name(click.ParamType[str]):
    """The name of a file, or of something else, which cannot be empty: an empty one is a variable of the shell that is not set."""

    name = "path"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not value:
            self.fail(EMPTY, param, ctx)
        return str(value)


class Folder(Name):
    """A folder, ~ replaced; one that `exists` already, or that may be made."""

    def __init__(self, *, exists: bool = False) -> None:
        self._exists = exists

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        from huafang import sources

        try:
            path = sources.home(super().convert(value, param, ctx))
            there = sources.status(path)
        except BadInput as error:
            self.fail(error.message, param, ctx)
        if there is None and self._exists:
            self.fail(f"there is no folder {path}{sources.near_file(path)}", param, ctx)
        if there is not None and not stat.S_ISDIR(there.st_mode):
            self.fail(f"{path} is a file, and a folder is wanted", param, ctx)
        if there is not None and self._exists and not os.access(path, os.R_OK | os.X_OK):
            self.fail(f"{path} cannot be read: this account may not enter it", param, ctx)
        return path


class FilePath(Name):
    """The path of a file, ~ replaced."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        from huafang import sources

        try:
            return sources.home(super().convert(value, param, ctx))
        except BadInput as error:
            self.fail(error.message, param, ctx)


class FieldValue(click.ParamType[Any]):
    """The value of a field of a method, as its kind reads it. The range is the params' own to check."""

    def __init__(self, method: str, spec: FieldSpec) -> None:
        self.name = spec.type.type_name
        self._method, self._spec = method, spec

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        if not value and self._spec.type.never_empty:
            self.fail(EMPTY, param, ctx)
        try:
            return self._spec.type.parse(self._spec, value)
        except ValueError as error:
            self.fail(str(error), param, ctx)

    def get_missing_message(self, param: click.Parameter, ctx: click.Context | None) -> str | None:
        return f"{self._method} needs a model of its own: {methods.weights_wanted(self._method, self._spec)}" if self._spec.kind == "weights" else None


class Choice(click.Choice[str]):
    """One of a few words, in their own spelling; another is told which of them is nearest."""

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:
        return super().get_invalid_choice_message(value, ctx).removesuffix(".") + meant(str(value), map(str, self.choices))


def option(spec: FieldSpec, method: str) -> click.Option:
    """The flag of one field of a method."""
    flag = spec.type.flag(spec.name)
    common: dict[str, Any] = {"required": True, "help": _help(spec)} if spec.required else {"default": None, "help": _help(spec)}
    kind = spec.type
    if kind.switch:
        return click.Option([f"{flag}/--no-{flag[2:]}", spec.name], **common)
    if kind.repeated and not spec.required:
        common["default"] = ()
    value = Choice(spec.choices) if spec.choices else FieldValue(method, spec)
    return click.Option([flag, spec.name], type=value, multiple=kind.repeated, metavar=kind.metavar, **common)


def _help(spec: FieldSpec) -> str:
    """The field's docstring, its range and its default."""
    notes = [limits] if (limits := spec.type.limits(spec)) else []
    if not spec.required and spec.default not in (None, (), [], ""):
        default = spec.default
        shown = (
            ",".join(f"{one:g}" for one in default)
            if isinstance(default, tuple | list)
            else ("yes" if default is True else "no" if default is False else default)
        )
        notes.append(f"default: {shown}")
    return spec.help + (f"  [{'; '.join(notes)}]" if notes else "")


def given(values: dict[str, Any]) -> dict[str, Any]:
    """What the user really said."""
    return {name: value for name, value in values.items() if value is not None and value != ()}

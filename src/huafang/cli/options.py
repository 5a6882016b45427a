"""From a room's fields to click's options. A flag left out is left out of the params too, so that each default stands in one place."""

import stat
from typing import Any

import click

from huafang import methods
from huafang.errors import BadInput, meant, nearest
from huafang.params import FieldSpec


class Number(click.ParamType[float]):
    """A number for a field of a method; what is none is told what the field takes. The range is the params' own to check."""

    def __init__(self, spec: FieldSpec) -> None:
        self.name = "integer" if spec.kind == "int" else "float"
        self._spec = spec

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            return int(value) if self._spec.kind == "int" else float(value)
        except ValueError:
            self.fail(f"must be {self._spec.wanted} (came: {value!r})", param, ctx)


class NumberList(click.ParamType[tuple[float, ...]]):
    """Numbers with commas between: 8,4,2."""

    name = "numbers"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, ...]:
        if isinstance(value, tuple):
            return value
        try:
            return tuple(float(part) for part in str(value).split(","))
        except ValueError:
            self.fail(f"{value!r} is no list of numbers with commas between, like 8,4,2", param, ctx)


class MethodName(click.ParamType[str]):
    """One of the methods that restyle a photo, in either spelling."""

    name = "method"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        plain = str(value).replace("-", "_")
        if plain not in methods.restylers():
            self.fail(f"{value!r} restyles no photo" + nearest(plain, methods.restylers()), param, ctx)
        return plain


class Name(click.ParamType[str]):
    """The name of a file, or of something else, which cannot be empty: an empty one is a variable of the shell that is not set."""

    name = "path"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not value:
            self.fail("it is empty; is a variable of your shell not set?", param, ctx)
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
        return path


class FilePath(Name):
    """The path of a file, ~ replaced."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        from huafang import sources

        try:
            return sources.home(super().convert(value, param, ctx))
        except BadInput as error:
            self.fail(error.message, param, ctx)


class ModelName(Name):
    """A model by name, or a file, for a field of a method."""

    name = "model"

    def __init__(self, method: str, spec: FieldSpec) -> None:
        self._method, self._spec = method, spec

    def get_missing_message(self, param: click.Parameter, ctx: click.Context | None) -> str:
        return f"{self._method} needs a model of its own: {methods.weights_wanted(self._method, self._spec)}"


class Choice(click.Choice[str]):
    """One of a few words, in their own spelling; another is told which of them is nearest."""

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:
        return super().get_invalid_choice_message(value, ctx).removesuffix(".") + meant(str(value), map(str, self.choices))


def option(spec: FieldSpec, method: str) -> click.Option:
    """The flag of one field of a method."""
    flag = f"--{spec.name.replace('_', '-')}"
    common: dict[str, Any] = {"required": True, "help": _help(spec)} if spec.required else {"default": None, "help": _help(spec)}
    if spec.kind == "bool":
        return click.Option([f"{flag}/--no-{flag[2:]}"], **common)
    if spec.kind in ("images", "masks"):
        return click.Option([flag], type=Name(), multiple=True, metavar="PICTURE", **(common if spec.required else common | {"default": ()}))
    if spec.kind == "methods":
        return click.Option([flag], type=MethodName(), multiple=True, metavar="METHOD", **(common if spec.required else common | {"default": ()}))
    types: dict[str, Any] = {"numbers": NumberList(), "image": Name(), "weights": ModelName(method, spec)}
    types |= dict.fromkeys(("int", "float"), Number(spec))
    kind = Choice(spec.choices) if spec.kind == "choice" else types.get(spec.kind, click.STRING)
    names = {"image": "PICTURE", "weights": "MODEL", "numbers": "N,N,…"}
    return click.Option([flag], type=kind, metavar=names.get(spec.kind), **common)


def _help(spec: FieldSpec) -> str:
    """The field's docstring, its range and its default."""
    notes = []
    if spec.kind in ("int", "float") and spec.bounds:
        notes.append(spec.bounds)
    if spec.kind in ("images", "masks", "methods") and spec.max_items != 1:
        notes.append("repeat for several")
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

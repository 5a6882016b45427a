"""Kinds of fields. A field of a method is of one kind: how the command line reads it, what the docs say of it, which pictures and models it names.

Adding a kind: one class and its entry in KINDS here, one entry in `web/src/fields/kinds.ts` and a control in `web/src/form/Control.tsx`.
"""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Protocol

from huafang.errors import meant

YES, NO = ("yes", "true", "on", "1"), ("no", "false", "off", "0")


class Field(Protocol):
    """A field as its kind sees it: `params.FieldSpec`."""

    @property
    def choices(self) -> tuple[str, ...]: ...
    @property
    def bounds(self) -> str: ...
    @property
    def wanted(self) -> str: ...
    @property
    def film(self) -> bool: ...
    @property
    def minimum(self) -> float | None: ...
    @property
    def maximum(self) -> float | None: ...
    @property
    def above(self) -> float | None: ...
    @property
    def below(self) -> float | None: ...
    @property
    def min_items(self) -> int | None: ...
    @property
    def max_items(self) -> int | None: ...


class Inputs(Protocol):
    """Takes in files for a run in this process: see `api.Bench`."""

    def picture(self, value: Any, /, *, film: bool = False) -> str: ...
    def pictures(self, value: Any, /) -> Iterable[str]: ...
    def dataset(self, value: Any, /) -> Iterable[str]: ...
    def model(self, value: Any, /) -> str: ...


class FieldKind:
    """Base of the kinds: a line of text."""

    name: ClassVar[str]
    json_type: ClassVar[str | None] = None
    """The JSON Schema type of fields that are of this kind when they name none."""
    type_name: ClassVar[str] = "text"
    metavar: ClassVar[str | None] = None
    """What stands for the value in the command's help; None for the type's name, or the list of choices."""
    repeated: ClassVar[bool] = False
    """Whether the value is a list, for which the flag is repeated."""
    switch: ClassVar[bool] = False
    """Whether the flag has no value: --x and --no-x."""
    never_empty: ClassVar[bool] = False
    """Whether the value names something, so that an empty one is a variable of the shell that is not set."""
    holds_pictures: ClassVar[bool] = False
    assignable: ClassVar[bool] = True
    """Whether a line `METHOD.FIELD=VALUE` of a comparison can set it."""
    searchable: ClassVar[bool] = False
    """Whether a search of the gallery finds a picture by this value."""

    def flag(self, field_name: str) -> str:
        """The flag of the command line."""
        return f"--{field_name.replace('_', '-')}"

    def parse(self, field: Field, text: str) -> Any:
        """A value of the field from text; of a list, one of its items if `repeated`. Raises ValueError, which says what is wanted and what came."""
        return text

    def limits(self, field: Field) -> str:
        """What the help says of the allowed values, or ""."""
        return "repeat for several" if self.repeated and field.max_items != 1 else ""

    def allowed(self, field: Field) -> str:
        """What the table of parameters in the docs says of the allowed values."""
        return self.name.replace("_", " ")

    def pictures(self, value: Any) -> Sequence[str]:
        """Ids of the pictures that a value names."""
        return ()

    def models(self, value: Any) -> Sequence[str]:
        """Names of the models that a value names."""
        return ()

    def resolve(self, field: Field, value: Any, inputs: Inputs) -> Any:
        """The value of the params for one that a Python program gives, where files are paths, arrays and other objects."""
        return value


class Text(FieldKind):
    name = "text"
    json_type = "string"
    searchable = True


class LongText(FieldKind):
    name = "long_text"
    searchable = True


class Float(FieldKind):
    name = "float"
    json_type = "number"
    type_name = "float"

    def parse(self, field: Field, text: str) -> Any:
        try:
            return self.number(text)
        except ValueError:
            raise ValueError(f"must be {field.wanted} (came: {text[:40]!r})") from None

    def number(self, text: str) -> float:
        """Raises ValueError."""
        return float(text)

    def limits(self, field: Field) -> str:
        return field.bounds

    def allowed(self, field: Field) -> str:
        low = f"{field.minimum:g}" if field.minimum is not None else f"> {field.above:g}" if field.above is not None else ""
        high = f"{field.maximum:g}" if field.maximum is not None else f"< {field.below:g}" if field.below is not None else ""
        return f"{low} … {high}" if low or high else self.name


class Int(Float):
    name = "int"
    json_type = "integer"
    type_name = "integer"

    def number(self, text: str) -> float:
        return int(text)


class Bool(FieldKind):
    name = "bool"
    json_type = "boolean"
    switch = True

    def parse(self, field: Field, text: str) -> Any:
        if text.lower() not in YES + NO:
            raise ValueError(f"must be yes or no (came: {text[:40]!r})")
        return text.lower() in YES


class Choice(FieldKind):
    name = "choice"
    searchable = True

    def parse(self, field: Field, text: str) -> Any:
        if text not in field.choices:
            raise ValueError(f"must be one of {', '.join(field.choices)} (came: {text[:40]!r})" + meant(text, field.choices))
        return text

    def allowed(self, field: Field) -> str:
        return ", ".join(f"`{choice}`" for choice in field.choices)


class Numbers(FieldKind):
    name = "numbers"
    type_name = "numbers"
    metavar = "N,N,…"

    def parse(self, field: Field, text: str) -> Any:
        try:
            return tuple(float(one) for one in text.split(",") if one.strip())
        except ValueError:
            raise ValueError(f"must be numbers with commas between, like 8,4,2 (came: {text[:40]!r})") from None

    def allowed(self, field: Field) -> str:
        bounds = Float().allowed(field)
        return self.name if bounds == Float.name else bounds

    def resolve(self, field: Field, value: Any, inputs: Inputs) -> Any:
        return tuple(float(one) for one in (value if isinstance(value, Sequence) else [value]))


class Image(FieldKind):
    name = "image"
    metavar = "PICTURE"
    never_empty = True
    holds_pictures = True
    assignable = False

    def allowed(self, field: Field) -> str:
        return "image or film" if field.film else self.name

    def pictures(self, value: Any) -> Sequence[str]:
        return (value,) if value else ()

    def resolve(self, field: Field, value: Any, inputs: Inputs) -> Any:
        return inputs.picture(value, film=field.film)


class Images(Image):
    name = "images"
    repeated = True

    def allowed(self, field: Field) -> str:
        return f"{field.min_items or 0} to {field.max_items} pictures"

    def pictures(self, value: Any) -> Sequence[str]:
        return tuple(value or ())

    def resolve(self, field: Field, value: Any, inputs: Inputs) -> Any:
        return tuple(inputs.pictures(value))


class Masks(Images):
    name = "masks"


class Dataset(Images):
    """Many pictures to learn from: on the command line a folder, and captions in it; else pictures, and datasets of pictures with captions."""

    name = "dataset"

    def resolve(self, field: Field, value: Any, inputs: Inputs) -> Any:
        return tuple(inputs.dataset(value))


class Weights(FieldKind):
    name = "weights"
    metavar = "MODEL"
    never_empty = True
    searchable = True

    def models(self, value: Any) -> Sequence[str]:
        return (value,) if value else ()

    def resolve(self, field: Field, value: Any, inputs: Inputs) -> Any:
        return inputs.model(value) if value != "" else value


class Loras(FieldKind):
    """LoRA files, each with its strengths: {"name", "weight", "text_weight"}; NAME:0.8 or NAME:0.8:0.5 as text."""

    name = "loras"
    metavar = "MODEL[:WEIGHT]"
    never_empty = True
    repeated = True
    assignable = False

    def flag(self, field_name: str) -> str:
        return super().flag(field_name).removesuffix("s")

    def parse(self, field: Field, text: str) -> Any:
        name, *numbers = text.rsplit(":", 2) if _is_number(text.rpartition(":")[2]) else [text]
        if len(numbers) == 2 and not _is_number(numbers[0]):
            name, numbers = f"{name}:{numbers[0]}", numbers[1:]
        return {"name": name} | dict(zip(("weight", "text_weight"), map(float, numbers), strict=False))

    def allowed(self, field: Field) -> str:
        return f"{field.min_items or 0} to {field.max_items} LoRAs"

    def models(self, value: Any) -> Sequence[str]:
        return [one.name for one in value or ()]

    def resolve(self, field: Field, value: Any, inputs: Inputs) -> Any:
        many = value if isinstance(value, list | tuple) else [value]
        parsed = [one if isinstance(one, Mapping) else self.parse(field, os.fspath(one)) for one in many]
        return tuple({**one, "name": inputs.model(one["name"])} for one in parsed)


class Style(FieldKind):
    """A style preset, by name (`diffusion/styles.py`)."""

    name = "style"
    metavar = "STYLE"
    never_empty = True

    def allowed(self, field: Field) -> str:
        return "a style"


class Methods(FieldKind):
    """Other methods, by name."""

    name = "methods"
    metavar = "METHOD"
    never_empty = True
    repeated = True
    assignable = False

    def parse(self, field: Field, text: str) -> Any:
        return text.replace("-", "_")

    def resolve(self, field: Field, value: Any, inputs: Inputs) -> Any:
        return (value,) if isinstance(value, str) else tuple(value)


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)", text.strip()) is not None


KINDS: dict[str, FieldKind] = {
    kind.name: kind() for kind in (Text, LongText, Int, Float, Bool, Choice, Numbers, Image, Images, Masks, Dataset, Weights, Loras, Style, Methods)
}
"""Name -> kind. The command line, the HTTP schema, the web form and the docs know kinds and never a method."""
BY_JSON_TYPE = {kind.json_type: kind.name for kind in KINDS.values() if kind.json_type}

"""The rooms. A new method is one folder beside this file and one line in ROOMS.

A room's folder holds `__init__.py` (its params: the door, no torch), `run.py` (its `run(params, ctx)`), `labels.toml` (its names in English and
Chinese) and `example.webp` (a picture it made). No room knows another.
"""

import tomllib
from functools import cache, reduce
from importlib import import_module
from importlib.resources import files
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from huafang.errors import BadInput, NotFound, nearest
from huafang.methods.colour_transfer import ColourTransfer
from huafang.methods.gatys import Gatys
from huafang.methods.image_filters import ImageFilters
from huafang.methods.pull_weights import PullWeights
from huafang.methods.stroke_rendering import StrokeRendering
from huafang.methods.text_to_image import TextToImage
from huafang.params import Params

if TYPE_CHECKING:
    from huafang.context import Context, Result

ROOMS: dict[str, type[Params]] = {
    "stroke_rendering": StrokeRendering,
    "image_filters": ImageFilters,
    "gatys": Gatys,
    "colour_transfer": ColourTransfer,
    "text_to_image": TextToImage,
    "pull_weights": PullWeights,
}

AnyParams = Annotated[reduce(or_, ROOMS.values()), Field(discriminator="method")]  # type: ignore[arg-type]  # a union made from the table


@cache
def _adapter() -> "TypeAdapter[Params]":
    return TypeAdapter(AnyParams)


def room(name: str) -> type[Params]:
    """The params class of the method `name` (`stroke-rendering` is `stroke_rendering`). Raises NotFound."""
    plain = name.replace("-", "_")
    if plain not in ROOMS:
        raise NotFound(f"there is no method {name!r}" + nearest(plain, ROOMS), code="method.unknown")
    return ROOMS[plain]


def parse(params: dict[str, Any] | str | bytes) -> Params:
    """JSON, or its object, -> params. Raises BadInput that names each field that is wrong."""
    try:
        return _adapter().validate_json(params) if isinstance(params, str | bytes) else _adapter().validate_python(params)
    except ValidationError as error:
        raise BadInput(explain(error), code="params.bad") from None


def build(name: str, values: dict[str, Any]) -> Params:
    """Params of the method `name` from plain values. Raises NotFound, BadInput."""
    kind = room(name)
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise BadInput(explain(error, kind), code="params.bad") from None


def explain(error: ValidationError, kind: type[Params] | None = None) -> str:
    """A pydantic error in sentences: where, what came, what is allowed, what is nearest."""
    said = []
    for fault in error.errors(include_url=False):
        place = [str(part) for part in fault["loc"] if str(part) not in ROOMS]
        where = ".".join(place) or "params"
        owner = kind or next((ROOMS[str(part)] for part in fault["loc"] if str(part) in ROOMS), None)
        if fault["type"] == "extra_forbidden" and owner:
            said.append(f"{where}: {owner.model_fields['method'].default} has no such setting" + nearest(where, set(owner.model_fields) - {"method"}))
        elif fault["type"] in ("union_tag_invalid", "union_tag_not_found"):
            came = fault["input"].get("method") if isinstance(fault["input"], dict) else None
            said.append(f"method: {came!r} is no method" + nearest(str(came), ROOMS))
        else:
            came = "" if fault["type"] == "missing" else f" (came: {_short(fault['input'])})"
            said.append(f"{where}: {fault['msg'].removeprefix('Value error, ')}{came}")
    return "; ".join(said)


def _short(value: object) -> str:
    text = ascii(value) if isinstance(value, str) and not value.isprintable() else repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


def run(params: Params, ctx: "Context") -> "Result":
    """Run a room. Its heavy code is loaded only now, in the process that paints."""
    name: str = params.method  # type: ignore[attr-defined]  # every room has it; the base has none to have no default of its own
    module = import_module(f"huafang.methods.{name}.run")
    result: Result = module.run(params, ctx)
    return result


@cache
def labels(name: str) -> dict[str, Any]:
    """A room's words: {"en": …, "zh": …}, each {title, summary, fields: {name: {label, hint?}}, choices: {field: {value: label}}}."""
    return tomllib.loads(files(f"huafang.methods.{name}").joinpath("labels.toml").read_text("utf-8"))

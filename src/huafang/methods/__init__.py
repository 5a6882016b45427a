"""The methods. A new method is one folder beside this file and one line in METHODS.

A method's folder holds `__init__.py` (its params: the door, no torch), `run.py` (its `run(params, ctx)`), `labels.toml` (its names in English and
Chinese) and `example.webp` (a picture it made). No method knows another.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache, reduce
from importlib import import_module
from importlib.resources import files
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from huafang import datasets
from huafang.assets import Assets
from huafang.errors import BadInput, NotFound, UnknownWeights, meant, nearest
from huafang.methods.adain import AdaIn
from huafang.methods.animegan import AnimeGan
from huafang.methods.cap_vstnet import CapVstNet
from huafang.methods.cartoongan import CartoonGan
from huafang.methods.clipstyler import ClipStyler
from huafang.methods.cnnmrf import CnnMrf
from huafang.methods.colour_transfer import ColourTransfer
from huafang.methods.compare import Compare
from huafang.methods.cyclegan import CycleGan
from huafang.methods.fast_style import FastStyle
from huafang.methods.gatys import Gatys
from huafang.methods.image_analogies import ImageAnalogies
from huafang.methods.image_filters import ImageFilters
from huafang.methods.image_to_image import ImageToImage
from huafang.methods.inpaint import Inpaint
from huafang.methods.micro_ast import MicroAst
from huafang.methods.multi_style import MultiStyle
from huafang.methods.outpaint import Outpaint
from huafang.methods.pull_weights import PullWeights
from huafang.methods.stargan import StarGan
from huafang.methods.stroke_rendering import StrokeRendering
from huafang.methods.text_to_image import TextToImage
from huafang.methods.texture_transfer import TextureTransfer
from huafang.methods.train_animegan import TrainAnimeGan
from huafang.methods.train_arbitrary_style import TrainArbitraryStyle
from huafang.methods.train_fast_style import TrainFastStyle
from huafang.methods.train_mini import TrainMini
from huafang.models import catalogue
from huafang.models.store import ModelStore
from huafang.notes import Note
from huafang.params import FORMS, FieldSpec, Params, fields
from huafang.video import is_film

if TYPE_CHECKING:
    from huafang.context import Context, Result

METHODS: dict[str, type[Params]] = {
    "stroke_rendering": StrokeRendering,
    "image_filters": ImageFilters,
    "multi_style": MultiStyle,
    "gatys": Gatys,
    "fast_style": FastStyle,
    "animegan": AnimeGan,
    "micro_ast": MicroAst,
    "adain": AdaIn,
    "cap_vstnet": CapVstNet,
    "cyclegan": CycleGan,
    "cartoongan": CartoonGan,
    "stargan": StarGan,
    "cnnmrf": CnnMrf,
    "clipstyler": ClipStyler,
    "texture_transfer": TextureTransfer,
    "image_analogies": ImageAnalogies,
    "colour_transfer": ColourTransfer,
    "text_to_image": TextToImage,
    "image_to_image": ImageToImage,
    "inpaint": Inpaint,
    "outpaint": Outpaint,
    "compare": Compare,
    "train_mini": TrainMini,
    "train_fast_style": TrainFastStyle,
    "train_arbitrary_style": TrainArbitraryStyle,
    "train_animegan": TrainAnimeGan,
    "pull_weights": PullWeights,
}

NO_SUCH_NUMBER = ("greater_than", "less_than", "int_", "float_", "finite_number")
"""How pydantic's names begin for the faults of what is no number, or one out of its range."""
SAID = {
    "int_parsing": "must be a whole number",
    "float_parsing": "must be a number",
    "bool_parsing": "must be true or false",
    "string_type": "must be a text",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "extra_forbidden": "there is no such field",
    "model_attributes_type": "must be a JSON object",
    "dict_type": "must be a JSON object",
    "model_type": "must be a JSON object",
}
"""How pydantic's names of faults begin, and what is said of them."""
PAINTERS = [name for name, kind in METHODS.items() if kind.lane == "compute"]
"""Methods that make something, as a message lists them: downloads have their own doors."""

if TYPE_CHECKING:
    AnyParams = Params
else:
    AnyParams = Annotated[reduce(or_, METHODS.values()), Field(discriminator="method")]
    """Any method's params, told apart by `method`."""


FILM_FIGURES = {
    "en": {"frames": "Frames", "warping_error": "Warping error", "warping_error_of_film": "Warping error of the film itself"},
    "zh": {"frames": "帧数", "warping_error": "时序误差", "warping_error_of_film": "原视频的时序误差"},
}
"""What any method that takes films reports of one (`filming.py`)."""


@cache
def _adapter() -> "TypeAdapter[Params]":
    return TypeAdapter(AnyParams)


def params_class(name: str, fitting: Sequence[str] = PAINTERS) -> type[Params]:
    """The params class of the method `name` (`stroke-rendering` is `stroke_rendering`). Raises NotFound, which lists those `fitting` where it was asked for."""
    plain = name.replace("-", "_")
    if plain not in METHODS:
        raise NotFound(f"there is no method {name!r}" + nearest(plain, fitting), code="method.unknown")
    return METHODS[plain]


def parse(params: dict[str, Any] | str | bytes) -> Params:
    """JSON, or its object, -> params. Raises BadInput that names each field that is wrong."""
    try:
        return _adapter().validate_json(params) if isinstance(params, str | bytes) else _adapter().validate_python(params)
    except ValidationError as error:
        raise BadInput(explain(error.errors(include_url=False)), code="params.bad") from None


def build(name: str, values: dict[str, Any]) -> Params:
    """Params of the method `name` from plain values. Raises NotFound, BadInput."""
    kind = params_class(name)
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise BadInput(explain(error.errors(include_url=False), kind), code="params.bad") from None


def explain(errors: Sequence[Any], kind: type[Params] | None = None) -> str:
    """pydantic's errors in sentences: where, what came, what is allowed, what is nearest."""
    return "; ".join(_sentence(fault, kind) for fault in errors if not _follows(fault))


def _follows(fault: Mapping[str, Any]) -> bool:
    """Whether a list is called too short only because its validation stopped at a wrong item, which has a fault of its own."""
    return fault["type"] == "too_short" and isinstance(fault["input"], list | tuple) and len(fault["input"]) >= fault["ctx"]["min_length"]


def _sentence(fault: Mapping[str, Any], kind: type[Params] | None) -> str:
    parts = [str(part) for part in fault["loc"]]
    owner = kind or next((METHODS[part] for part in parts if part in METHODS), None)
    where = _cut(".".join(part for part in parts if part not in METHODS and part not in ("body", "params", "query", "path", "header")) or "params")
    if fault["type"] == "extra_forbidden" and owner:
        return f"{where}: {owner.model_fields['method'].default} has no such setting" + nearest(where, set(owner.model_fields) - {"method"})
    if fault["type"] in ("union_tag_invalid", "union_tag_not_found"):
        came = fault["input"].get("method") if isinstance(fault["input"], dict) else None
        return f"method: {_short(came)} is no method" + nearest(str(came)[:100], PAINTERS)
    if fault["type"] == "json_invalid":
        return f"this is no JSON: {fault.get('ctx', {}).get('error', fault['msg'])}"
    if fault["type"] in ("too_short", "too_long"):
        least, bound = ("at least", "min_length") if fault["type"] == "too_short" else ("at most", "max_length")
        return f"{where}: {least} {fault['ctx'][bound]} wanted, {fault['ctx']['actual_length']} came"
    if fault["type"] in ("string_too_short", "string_too_long"):
        least, bound = ("at least", "min_length") if fault["type"] == "string_too_short" else ("at most", "max_length")
        return f"{where}: {least} {fault['ctx'][bound]:,} characters wanted, {len(fault['input']):,} came"
    spec = next((one for one in fields(owner) if one.name == where.partition(".")[0]), None) if owner else None
    told = fault["type"] == "missing" or isinstance(fault["input"], dict) or "(came: " in fault["msg"]
    came = "" if told else f" (came: {_short(fault['input'])})"
    form = FORMS.get(fault["ctx"]["pattern"], "is of a form that is not taken") if fault["type"] == "string_pattern_mismatch" else None
    if spec and spec.kind in ("int", "float", "numbers") and fault["type"].startswith(NO_SUCH_NUMBER):
        form = f"must be {spec.wanted}"
    form = form or next((words for kind, words in SAID.items() if fault["type"].startswith(kind)), None)
    if "Expected UploadFile" in fault["msg"]:
        form = "a file is wanted, and a text came"
    said = form or fault["msg"].removeprefix("Value error, ").replace("Input should be", "must be").replace("Field required", "is missing")
    if fault["type"] == "literal_error" and isinstance(fault["input"], str):
        came += meant(fault["input"], re.findall("'([^']*)'", fault["ctx"]["expected"]))
    if fault["type"] == "missing" and owner and spec and spec.kind == "weights":
        came = f"; {weights_wanted(owner.model_fields['method'].default, spec)}"
    return f"{where}: {said}{came}"


def _short(value: object) -> str:
    return _cut(ascii(value) if isinstance(value, str) and not value.isprintable() else repr(value))


def _cut(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "…"


def run(params: Params, ctx: "Context") -> "Result":
    """Run a method. Its heavy code is loaded only now, in the process that paints."""
    name: str = params.method  # type: ignore[attr-defined]  # every method has it; the base has none to have no default of its own
    module = import_module(f"huafang.methods.{name}.run")
    _check_precision(params, ctx)
    if made := params.models_made():
        from huafang import locks

        with locks.held(ctx.weights.root, made):
            result: Result = module.run(params, ctx)
    elif films(type(params)) and ctx.film(getattr(params, params.subject)):
        from huafang import filming

        result = filming.restyle(params, ctx, module.run)
    else:
        result = module.run(params, ctx)
    return replace(result, notes=[*ctx.messages, *result.notes, *_flattened(params, ctx)])


def _check_precision(params: Params, ctx: "Context") -> None:
    """Say before a run that its dtype is emulated on this device, and how much slower that is."""
    if getattr(params, "precision", None) != "bfloat16":
        return
    from huafang.ops.dtypes import bfloat16_is_native

    if not bfloat16_is_native(ctx.device):
        en = f"{ctx.device} has no bfloat16 arithmetic and emulates it, about five times slower: precision float32 is the quick one here"
        ctx.message(Note(en, f"{ctx.device} 不支持 bfloat16 运算，只能模拟，慢约五倍：这里选 float32 更快。"))


def _flattened(params: Params, ctx: "Context") -> list[Note]:
    """What is said of given pictures that are transparent: no method paints with holes, and `images.decode` lays them on white."""
    name: str = params.method  # type: ignore[attr-defined]  # as above
    notes = []
    for spec in fields(type(params)):
        if any(ctx.transparent(asset) for asset in spec.type.pictures(getattr(params, spec.name))):
            en, zh = (labels(name)[language]["fields"][spec.name]["label"] for language in ("en", "zh"))
            notes.append(Note(f"{en}: what is transparent was laid on white", f"{zh}：透明部分以白色为底。"))
    return notes


def films(kind: type[Params]) -> bool:
    """Whether a method's subject may be a film."""
    return any(spec.film for spec in fields(kind) if spec.name == kind.subject)


def restylers() -> list[str]:
    """Methods that make a picture from one photo, in the order of the table: what a field of kind "methods" may name."""
    return [name for name, kind in METHODS.items() if kind.lane == "compute" and kind.restyles and _takes_a_photo(kind)]


def _takes_a_photo(kind: type[Params]) -> bool:
    kinds = {spec.name: spec.kind for spec in fields(kind)}
    return kinds.get("content") == "image" and "methods" not in kinds.values()


def weights_wanted(name: str, spec: FieldSpec) -> Note:
    """What to do about an empty field of kind "weights" of the method `name`: pull what can be pulled for it, or else get what is published elsewhere."""
    known = [entry.name for entry in catalogue.entries().values() if entry.holds == spec.holds]
    if known:
        first, *more = known
        en, zh = (f" (or {', '.join(more)})", f"（或 {'、'.join(more)}）") if more else ("", "")
        return Note(f"get one with: huafang models pull {first}{en}", f"下载一个：huafang models pull {first}{zh}")
    words = _words(name)
    en, zh = (words[language]["fields"][spec.name].get("source") for language in ("en", "zh"))
    if en is None:
        return Note("see: huafang models list", "见：huafang models list")
    return Note(f"none can be pulled. {en}", f"目录里没有可下载的。{zh}")


def no_film(what: str) -> BadInput:
    """The refusal of a film, `what` being its name, or its field's."""
    hint = f"methods that restyle films are {', '.join(name for name, kind in METHODS.items() if films(kind))}"
    return BadInput(f"{what}: this is a film, and a picture is wanted here", code="image.unreadable", hint=hint)


def check_films(params: Params, assets: Assets) -> None:
    """Raises BadInput where a film, or a dataset, was given for a field that takes pictures alone."""
    for spec in fields(type(params)):
        if not spec.film and any(is_film(assets.head(asset)) for asset in spec.type.pictures(getattr(params, spec.name))):
            raise no_film(spec.name)
        if spec.kind != "dataset" and any(datasets.is_dataset(assets.head(asset)) for asset in spec.type.pictures(getattr(params, spec.name))):
            raise BadInput(f"{spec.name}: this is a dataset, and a picture is wanted here", code="image.unreadable")


def used_pictures(params: Params, assets: Assets) -> list[str]:
    """The stored files that a run of `params` reads: pictures, datasets, and the pictures in these. Raises NotFound, BadInput."""
    given: list[str] = []
    for spec in fields(type(params)):
        ids = spec.type.pictures(getattr(params, spec.name))
        given += ids
        if spec.kind == "dataset":
            given += [example.asset for asset in ids if datasets.is_dataset(assets.head(asset)) for example in datasets.read(asset, assets)]
    if missing := [asset for asset in given if not assets.exists(asset)]:
        raise NotFound(
            f"no asset {missing[0][:12]}…: a picture of the dataset is no longer stored here", code="asset.missing", hint="upload its pictures again"
        )
    return list(dict.fromkeys(given))


def check_models(params: Params, weights: ModelStore) -> None:
    """Look for the models that `params` cannot be run without: those they name, and those that a choice needs; and see that a model they make has a free name.

    Of a Stable Diffusion model the configs, the vocabulary and the headers of its weights are read too, which takes a moment; no tensor is.
    Raises MissingWeights, UnknownWeights; BadInput for a model that cannot be used; BadInput and Conflict for a name that is taken.
    """
    from huafang.diffusion.model import inspect

    for name in (made := params.models_made()):
        weights.check_new(name, run=made[0])
    for model, holds in params.models_named():
        weights.path(model, holds)
    for spec in fields(type(params)) if params.lane == "compute" else ():
        value = getattr(params, spec.name)
        for model in spec.type.models(value):
            place = weights.path(model, spec.holds)
            if spec.holds == "diffusion":
                inspect.check(place)
        for model in [model for choice, model in spec.needs.items() if choice == value]:
            weights.path(model)


def check_downloads(params: Params) -> None:
    """Raises UnknownWeights where `params` would download anything but a model of the catalogue: whoever asks over HTTP chooses among those alone."""
    for spec in fields(type(params)) if params.lane == "network" else ():
        for name in spec.type.models(getattr(params, spec.name)):
            if name in catalogue.entries():
                continue
            hint = "models that are not in the catalogue are pulled on the command line: huafang models pull OWNER/NAME"
            raise UnknownWeights(f"there is no model {_short(name)} to pull" + nearest(str(name), catalogue.entries()), hint=hint)


def default_method(*, styled: bool, film: bool = False) -> str:
    """The method of `stylize` when none is named: brush strokes for a picture; for a film, whose frames must agree, a network or a filter."""
    if not film:
        return "stroke_rendering"
    return "micro_ast" if styled else "image_filters"


@cache
def _words(name: str) -> dict[str, Any]:
    return tomllib.loads(files(f"huafang.methods.{name}").joinpath("labels.toml").read_text("utf-8"))


def summary(name: str) -> str:
    """What a method does, in a line of English: all that a list of methods needs, at a tenth of the time that `labels` takes."""
    return str(_words(name)["en"]["summary"])


@cache
def labels(name: str) -> dict[str, Any]:
    """A method's words: {"en": …, "zh": …}, each {title, summary, fields: {name: {label, hint?}}, choices: {field: {value: label}}, figures: {name: label}}.

    A figure's name may end in `_N` for any number, which stands for {n} in its label; an empty label keeps a figure from those who look at pictures.
    """
    words = _words(name)
    for language, names in FILM_FIGURES.items() if films(METHODS[name]) else ():
        words[language].setdefault("figures", {}).update(names)
    return words

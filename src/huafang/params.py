"""What a method asks for: one frozen, flat, typed class per method. No torch here.

A field has a *kind* (`kinds.py`). The command line, the HTTP schema, the web form and the docs table are made from kinds and never know a method.
`FieldSpec` is what they read; `fields(Method)` derives it, so every default and limit is written once.
"""

import secrets
from functools import cache
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.fields import FieldInfo

from huafang.kinds import BY_JSON_TYPE, KINDS, FieldKind

KindName = Annotated[str, Field(json_schema_extra={"enum": list(KINDS)})]
Family = Literal["paint", "filter", "style", "colour", "generate", "compare", "train", "tool"]
Group = Literal["basic", "advanced"]
Lane = Literal["compute", "network"]
Product = Literal["picture", "film", "weights", "dataset", "model_folder", "figures"]
SEED_LIMIT = 2**32
"""Seeds are 0 to 2³² - 1: what every tool of the field reads, and what JavaScript keeps exactly."""


class When(BaseModel):
    """A field counts while another one, `field`, is at one of `values`."""

    model_config = ConfigDict(frozen=True)

    field: str
    values: tuple[str, ...]


class FieldHints(BaseModel):
    """What a field's type cannot say. The words are those of `ui`."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    kind: KindName
    """Which control to draw, and how the value is read."""
    group: Group = "basic"
    """"advanced" folds the field away."""
    step: float | None = None
    """Step of a slider."""
    unit: str | None = None
    """Unit that is shown behind the number."""
    needs: dict[str, str] = Field({}, exclude=True)
    """Choice -> the weights that it needs: `{"vgg19": "vgg19"}`."""
    best: str | None = Field(None, exclude=True)
    """The choice of best quality."""
    holds: str | None = None
    """For kind "weights": which models fit (their `holds`)."""
    when: When | None = None
    """Where the field counts only for some choices of another one. A form hides it while it does not count."""
    film: bool = False
    """For kind "image": it may be a film, each frame of which is then restyled."""
    over: str | None = None
    """For kind "masks": the field whose picture they are painted over; where that holds several, each mask lies over its own."""
    per: str | None = None
    """For kind "masks": the field for each of whose pictures there is one."""


def ui(**hints: Any) -> dict[str, Any]:
    """What the doors need to know of a field beyond its type: values of `FieldHints`, by name. Raises TypeError for another name."""
    if unknown := hints.keys() - FieldHints.model_fields.keys():
        raise TypeError(f"no hints of a field: {', '.join(sorted(unknown))}")
    return hints


def clean(text: str) -> str:
    """Refuse what no file, database or picture can hold; leave every other character as it came."""
    if "\x00" in text:
        raise ValueError("holds a NUL character, which no text may hold")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"holds half a surrogate pair at character {error.start}, which is no text") from None
    return text


def _seed(value: object) -> object:
    """-1 is the field's word for "any": drawn here, at the door, so that what runs is always a number that can be run again."""
    return secrets.randbelow(SEED_LIMIT) if type(value) is int and value == -1 else value


def _plain(name: str) -> str:
    if not name.isascii() or not name.replace("-", "").replace("_", "").isalnum():
        raise ValueError("must be of letters, digits, - and _ alone: it becomes the name of a file or folder")
    return name


PICTURE = r"^[0-9a-f]{64}$"
MODEL = r"^[\w][\w.\-]*([/:][\w][\w.\-]*)*$"
METHOD = r"^[a-z][a-z0-9_]{0,60}$"
JOB = r"^[0-9a-f]{24}$"
STYLE_NAME = r"^[a-z0-9][a-z0-9_-]{0,39}$"
FORMS = {
    PICTURE: "must be the id of an uploaded picture: 64 of the characters 0-9 and a-f, as POST /api/assets gives it",
    MODEL: "must be the name of a model, as GET /api/models and `huafang models list` give it: letters, digits, _ . - and single / or : between them",
    METHOD: "must be the name of a method, as GET /api/methods and `huafang methods` give it: small letters, digits and _",
    STYLE_NAME: "must be the name of a style, as GET /api/styles and `huafang styles list` give it: small letters, digits, _ and -, 40 at most",
    JOB: "must be the id of a job: 24 of the characters 0-9 and a-f",
}
"""The forms of names and ids, and what is said of one that is of another form."""

Text = Annotated[str, Field(max_length=1_000, json_schema_extra=ui(kind="text")), AfterValidator(clean)]
NewName = Annotated[Text, Field(min_length=1, max_length=60), AfterValidator(_plain)]
"""The name of a model that is made."""
LongText = Annotated[str, Field(max_length=10_000, json_schema_extra=ui(kind="long_text")), AfterValidator(clean)]
ImageId = Annotated[str, Field(pattern=PICTURE, json_schema_extra=ui(kind="image"))]
"""A picture: the sha256 of its stored bytes (`assets.py`). Never a path."""
FilmId = Annotated[str, Field(pattern=PICTURE, json_schema_extra=ui(kind="image", film=True))]
"""A picture or a film."""
ImageIds = Annotated[tuple[ImageId, ...], Field(strict=False, fail_fast=True, max_length=16, json_schema_extra=ui(kind="images"))]
Dataset = Annotated[tuple[ImageId, ...], Field(strict=False, fail_fast=True, max_length=5_000, json_schema_extra=ui(kind="dataset"))]
"""Many pictures to learn from: a folder on the command line, an upload of several on the page. An id may be that of a dataset, of many with captions
(`Context.dataset`).
"""
MaskIds = Annotated[tuple[ImageId, ...], Field(strict=False, fail_fast=True, max_length=16, json_schema_extra=ui(kind="masks", over="content", per="style"))]
"""Black and white pictures, painted on the page over another picture or given as files: one for each style picture, or none."""
Numbers = Annotated[tuple[float, ...], Field(strict=False, fail_fast=True, max_length=16, json_schema_extra=ui(kind="numbers"))]
WeightsId = Annotated[str, Field(pattern=MODEL, max_length=200, json_schema_extra=ui(kind="weights"))]
"""A model by its name in the store (`models/store.py`). Never a path."""


class LoraUse(BaseModel):
    """A LoRA with how strongly it acts."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True)

    name: Annotated[str, Field(pattern=MODEL, max_length=200)]
    """A model by its name in the weights store."""
    weight: float = Field(1.0, ge=-4, le=4)
    """How strongly it acts: 0 not at all, 1 as it was trained, below 0 the other way."""
    text_weight: float | None = Field(None, ge=-4, le=4)
    """The same for its part in the text encoder; empty: as `weight`."""


Loras = Annotated[tuple[LoraUse, ...], Field(strict=False, fail_fast=True, max_length=8, json_schema_extra=ui(kind="loras", holds="lora"))]
"""LoRA files that are put into the model, each with its strength."""
MethodNames = Annotated[
    tuple[Annotated[str, Field(pattern=METHOD)], ...], Field(strict=False, fail_fast=True, max_length=24, json_schema_extra=ui(kind="methods"))
]
"""Other methods by name; which ones there are, only the table of methods knows (`methods.restylers`)."""


class Params(BaseModel):
    """Base of every method's params: frozen, flat, unknown keys refused, numbers strict and finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True, defer_build=True)

    family: ClassVar[Family]
    paper: ClassVar[tuple[str, str] | None] = None
    """Citation and address of the paper."""
    subject: ClassVar[str] = "content"
    """The field that the command line takes as its argument, and over which it runs folders."""
    leading: ClassVar[tuple[str, ...]] = ()
    """Fields that stand before all others, in this order; for settings that a base class would put last."""
    restyles: ClassVar[bool] = True
    """Whether the whole photo is restyled, so that a comparison may hold it beside others."""
    makes: ClassVar[Product] = "picture"
    """What a run is for: its pictures (films, where it was given one); or what its pictures, if it makes any, only show."""
    lane: ClassVar[Lane] = "compute"
    """What the job spends its time on: downloads do not wait for the painter."""

    def models_named(self) -> tuple[tuple[str, str], ...]:
        """Models that a text of these params names, each with what it must hold: `<lora:name:0.8>` in a prompt."""
        return ()

    def models_made(self) -> tuple[str, ...]:
        """Names of the models that a run of these params makes, the run's own first: they must be free (`ModelStore.check_new`)."""
        return ()

    seed: Annotated[int, BeforeValidator(_seed)] = Field(0, ge=0, lt=SEED_LIMIT, json_schema_extra=ui(group="advanced"))
    """Same seed, same settings, same machine: the same pixels. -1 draws a new one."""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: object) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        for name, info in cls.model_fields.items():
            if name != "method" and not info.description:
                raise TypeError(f"{cls.__name__}.{name} needs a docstring under it: it is the flag's help and the form's hint")


class OnePass(Params):
    """Base of methods that send a photo or a film through a trained network."""

    content: FilmId
    """Photo to restyle."""
    size: int = Field(1024, ge=64, le=20_000, json_schema_extra=ui(step=64, unit="px"))
    """Longest side of the result; a smaller photo is not enlarged. Strokes keep their size in pixels, so a smaller picture is painted more broadly."""
    strength: float = Field(1.0, ge=0, le=1, json_schema_extra=ui(step=0.05))
    """How far to go: 0 leaves the photo as it is, 1 goes all the way."""
    keep_colours: Literal["no", "luminance", "histogram"] = "no"
    """Keep the photo's colours: by taking luminance alone from the result, or by giving the result the photo's mean and spread of colours."""
    precision: Literal["float32", "bfloat16"] = Field("float32", json_schema_extra=ui(group="advanced"))
    """Numeric precision. bfloat16 is up to twice as fast on processors that have it, and slower on others; pictures differ by 45 dB or more."""


class StyleMix(Params):
    """Base of methods that mix several style pictures: a share of each and a mask for each, or none. It has no fields of its own."""

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        style, shares = (getattr(self, name, ()) for name in ("style", "style_weights"))
        for name in ("style_weights", "masks", "style_masks"):
            given = getattr(self, name, ())
            if given and len(given) != len(style):
                raise ValueError(f"{name}: {len(given)} came for {len(style)} style pictures; give one for each, or none")
        if any(weight < 0 for weight in shares) or (shares and sum(shares) <= 0):
            raise ValueError("style_weights: none may be negative, and one at least must be above 0")
        return self

    def shares(self) -> list[float]:
        """The share of each style picture; they sum to 1."""
        given = getattr(self, "style_weights", ()) or (1.0,) * len(getattr(self, "style", ()))
        return [weight / sum(given) for weight in given]


class AnyStyle(OnePass, StyleMix):
    """Base of methods whose network paints after any pictures that it is shown."""

    keep_colours: Literal["no", "luminance", "histogram"] = "no"
    """Keep the photo's colours: by taking luminance alone from the result, or by giving the style pictures its colours first."""
    style: Annotated[ImageIds, Field(min_length=1, max_length=8)]
    """Pictures whose style is taken; several are mixed."""
    style_weights: Numbers = ()
    """Share of each style picture, in the order of the pictures; equal when left out."""
    masks: MaskIds = ()
    """One black and white picture per style picture, laid over the photo: that style acts where its mask is white. All over when left out."""
    style_scale: float = Field(1.0, ge=0.2, le=3, json_schema_extra=ui(step=0.1))
    """Size of the style picture beside the photo: larger gives larger strokes."""


class FieldFacts(FieldHints):
    """What every door shows of a field. `minimum` and `maximum` are inclusive; `above` and `below` say that the end itself is out."""

    name: str
    required: bool
    nullable: bool = False
    default: Any = None
    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    below: float | None = None
    min_items: int | None = None
    max_items: int | None = None
    max_length: int | None = None


class FieldSpec(FieldFacts):
    """One field as the doors see it."""

    help: str
    choices: tuple[str, ...] = ()

    @property
    def type(self) -> FieldKind:
        """What its kind says."""
        return KINDS[self.kind]

    @property
    def pictures(self) -> bool:
        """Whether it holds a picture, or several."""
        return self.type.holds_pictures

    @property
    def bounds(self) -> str:
        """Both ends of what a number may be: "0 to 1"; empty where there is none."""
        low = _figure(self.minimum) if self.minimum is not None else f"above {_figure(self.above)}" if self.above is not None else ""
        high = _figure(self.maximum) if self.maximum is not None else f"below {_figure(self.below)}" if self.below is not None else ""
        return f"{low} to {high}" if low and high else f"from {low}" if low else f"to {high}" if high else ""

    @property
    def wanted(self) -> str:
        """What a number may be, as a message says it: "a whole number, 1 to 5000"."""
        return ("a whole number" if self.kind == "int" else "a number") + (f", {self.bounds}" if self.bounds else "")


def _figure(value: float) -> str:
    return f"{value:g}" if abs(value) < 1e6 else str(int(value))


@cache
def fields(params_class: type[Params]) -> tuple[FieldSpec, ...]:
    """The fields of `params_class`: those of `leading`, those that must be given, then the others in the order of the class; `method` left out, `seed` last.

    Raises TypeError for a field whose kind is outside the closed set.
    """
    schema = params_class.model_json_schema()
    specs = [_spec(params_class, name, entry, name in schema.get("required", ())) for name, entry in schema["properties"].items() if name != "method"]
    first = {name: place for place, name in enumerate(params_class.leading)}
    return tuple(sorted(specs, key=lambda spec: (spec.name == "seed", first.get(spec.name, len(first)), not spec.required)))


def _spec(params_class: type[Params], name: str, entry: dict[str, Any], required: bool) -> FieldSpec:
    options = [option for option in entry.get("anyOf", ()) if option.get("type") != "null"]
    body = {**(options[0] if options else {}), **{key: value for key, value in entry.items() if key != "anyOf"}}
    items, text = body.get("items", {}), body.get("type") == "string"
    hints = {name: body[name] for name in FieldHints.model_fields if name in body and name not in ("kind", "when")}
    when = next(({"field": field, "values": choices} for field, choices in body.get("when", {}).items()), None)
    info: FieldInfo = params_class.model_fields[name]
    return FieldSpec(
        **hints,
        name=name,
        kind=_kind(params_class, name, body),
        required=required,
        nullable=len(options) < len(entry.get("anyOf", ())),
        default=None if required else body.get("default"),
        help=" ".join((info.description or "").split()),
        when=When.model_validate(when) if when else None,
        minimum=body.get("minimum", items.get("minimum")),
        maximum=body.get("maximum", items.get("maximum")),
        above=body.get("exclusiveMinimum", items.get("exclusiveMinimum")),
        below=body.get("exclusiveMaximum", items.get("exclusiveMaximum")),
        min_items=body.get("minItems"),
        max_items=body.get("maxItems"),
        max_length=body.get("maxLength") if text else None,
        choices=tuple(body.get("enum", ())) or ((body["const"],) if "const" in body else ()),
    )


def _kind(params_class: type[Params], name: str, body: dict[str, Any]) -> str:
    kind = body.get("kind") or ("choice" if "enum" in body or "const" in body else BY_JSON_TYPE.get(body.get("type", "")))
    if kind not in KINDS:
        raise TypeError(f"{params_class.__name__}.{name} is of no kind that the doors know; the kinds are {', '.join(KINDS)}")
    return str(kind)


def picture_ids(params: Params) -> list[str]:
    """The asset ids that `params` speaks of, in the order of its fields."""
    return [asset for spec in fields(type(params)) for asset in spec.type.pictures(getattr(params, spec.name))]

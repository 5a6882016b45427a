"""What each method is run with: its defaults, the pictures and words that its fields ask for, and the settings that were given for it."""

from typing import Any

from pydantic import ValidationError

from huafang import methods
from huafang.errors import BadInput, MissingWeights, nearest
from huafang.methods.compare import Compare
from huafang.models import catalogue
from huafang.models.store import ModelStore
from huafang.notes import Note
from huafang.params import FieldSpec, Params, fields

YES, NO = ("yes", "true", "on", "1"), ("no", "false", "off", "0")
FILLED = ("content", "style", "prompt", "seed")
"""Fields that are the same for all methods of a comparison."""


def checked_names(names: tuple[str, ...]) -> tuple[str, ...]:
    """`names`, each a method that restyles a photo, and each once. Raises ValueError."""
    for name in names:
        if name not in methods.restylers():
            raise ValueError(f"{name!r} restyles no photo" + nearest(name, methods.restylers()))
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice} is named twice; each method is compared once")
    return names


def check_settings(text: str, names: tuple[str, ...]) -> None:
    """Raises ValueError for a line that no method of `names` can take."""
    for name, field, given in assignments(text):
        if name not in names:
            raise ValueError(f"{name}.{field}: {name} is not among the methods that are compared" + nearest(name, names))
        spec = next((spec for spec in fields(methods.METHODS[name]) if spec.name == field), None)
        if spec is None or field in FILLED or not spec.type.assignable:
            allowed = [spec.name for spec in fields(methods.METHODS[name]) if spec.name not in FILLED and spec.type.assignable]
            raise ValueError(f"{name}.{field}: {name} has no such setting to change" + nearest(field, allowed))
        _check_value(name, field, value_of(spec, given))


def assignments(text: str) -> list[tuple[str, str, str]]:
    """`gatys.steps = 60`, a line each, -> (method, field, value). Raises ValueError for a line of another form."""
    found = []
    for line in filter(None, map(str.strip, text.splitlines())):
        target, equals, value = line.partition("=")
        name, dot, field = target.strip().partition(".")
        if not (equals and dot and name and field):
            raise ValueError(f"{line[:60]!r} is no setting; write METHOD.FIELD=VALUE, as in gatys.steps=60")
        found.append((name.replace("-", "_"), field.replace("-", "_"), value.strip()))
    return found


def value_of(spec: FieldSpec, text: str) -> Any:
    """`text` as a value of the field's kind. Raises ValueError."""
    if spec.nullable and text in ("", "auto", "none"):
        return None
    try:
        return spec.type.parse(spec, text)
    except ValueError as error:
        raise ValueError(f"{spec.name}: {error}") from None


def params(p: Compare, name: str, weights: ModelStore) -> Params:
    """The params with which the method `name` is run. Raises BadInput, MissingWeights: then the method's row says so."""
    specs = {spec.name: spec for spec in fields(methods.METHODS[name])}
    values: dict[str, Any] = {"content": p.content, "seed": p.seed}
    if "style" in specs and specs["style"].pictures:
        values["style"] = p.style if specs["style"].kind == "images" else p.style[0]
    if "prompt" in specs:
        if specs["prompt"].required and not p.prompt:
            raise BadInput(f"{name} wants words, and none were given", code="compare.words", hint="give them in the field prompt")
        values["prompt"] = p.prompt
    values |= {field: value_of(specs[field], given) for owner, field, given in assignments(p.settings) if owner == name}
    for spec in specs.values():
        if spec.kind == "weights" and spec.required and spec.name not in values:
            values[spec.name] = _at_hand(name, spec, weights)
    built = methods.build(name, values)
    methods.check_models(built, weights)
    return built


def _at_hand(name: str, spec: FieldSpec, weights: ModelStore) -> str:
    """The first model on this machine that fits a field which must have one. Raises MissingWeights."""
    fitting = [model.name for model in weights.models() if model.path is not None and model.holds == spec.holds]
    if not fitting:
        hint = methods.weights_wanted(name, spec)
        if not any(entry.holds == spec.holds for entry in catalogue.entries().values()):
            settings = [f"{name}.{one.name}=MODEL" for one in fields(methods.METHODS[name]) if one.kind == "weights"]
            hint = Note(f"{hint} Then set {' and '.join(settings)}.", f"{hint.zh}然后设置 {' 和 '.join(settings)}。")
        raise MissingWeights(f"{name} needs trained weights, and this machine has none for it", hint=hint)
    return fitting[0]


def _check_value(name: str, field: str, value: Any) -> None:
    """Raises ValueError when the method refuses the value, whatever its other fields hold."""
    blank = {"content": "0" * 64, "style": ("0" * 64,), "prompt": ""}
    kind = methods.METHODS[name]
    try:
        kind.model_validate({key: value for key, value in blank.items() if key in kind.model_fields} | {field: value})
    except ValidationError as error:
        own = [fault for fault in error.errors(include_url=False) if fault["loc"][:1] == (field,)]
        if own:
            raise ValueError(f"{name}." + methods.explain(own, kind)) from None

"""Styles: presets of a prompt template, LoRAs, a model and settings, as data that a user can add and share. No torch here.

The built-in ones stand in `styles.toml`; the user's own are files `NAME.json` in the folder `styles` of the data folder, each with its preview `NAME.webp`
beside it. A style is *applied* before a run: what it brings becomes ordinary settings, so that a stored recipe needs no style to be drawn again.
"""

import json
import re
import tomllib
from collections.abc import Container
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from huafang.assets import write_whole
from huafang.diffusion.default_model import CHINESE, ENGLISH, is_chinese
from huafang.diffusion.params import DrawingParams, Sampler
from huafang.errors import BadInput, Conflict, Forbidden, MissingWeights, NotFound, Unavailable, nearest
from huafang.models.tensorfile import open_regular
from huafang.notes import Note
from huafang.params import STYLE_NAME, LoraUse

MOST_BYTES = 200_000
"""Bytes of a style file, at most."""
MOST_PREVIEW = 2_000_000
SLOT = "{prompt}"


class StyleText(BaseModel):
    """A text in both languages."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    en: str = Field("", max_length=500)
    zh: str = Field("", max_length=500)


class StyleSettings(BaseModel):
    """Settings that a style brings; empty ones are left to the user."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    steps: int | None = Field(None, ge=1, le=150)
    guidance: float | None = Field(None, ge=1, le=30)
    sampler: Sampler | None = None
    clip_skip: int | None = Field(None, ge=1, le=12)
    width: int | None = Field(None, ge=64, le=2048, multiple_of=8)
    height: int | None = Field(None, ge=64, le=2048, multiple_of=8)


class Style(BaseModel):
    """A style as it is stored. `prompt` and `negative_prompt` are templates with `{prompt}` for the user's words; embeddings and triggers stand in them."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: Annotated[str, Field(pattern=STYLE_NAME)]
    title: StyleText
    about: StyleText = StyleText()
    prompt: str = Field(SLOT, max_length=4000)
    prompt_zh: str | None = Field(None, max_length=4000)
    negative_prompt: str = Field("", max_length=4000)
    model: Annotated[str, Field(max_length=200)] | None = None
    loras: tuple[LoraUse, ...] = Field((), max_length=8)
    settings: StyleSettings = StyleSettings()
    source: StyleText = StyleText()
    """Where its weights come from, or how they are trained."""
    licence: StyleText = StyleText()
    author: str = Field("", max_length=200)

    @field_validator("prompt", "prompt_zh")
    @classmethod
    def _one_slot(cls, text: str | None) -> str | None:
        if text is not None and text.count(SLOT) != 1:
            raise ValueError(f"must hold {SLOT} once, for the words of the user")
        return text

    def words(self, prompt: str) -> str:
        """The user's `prompt` in the template of its language."""
        template = self.prompt_zh if self.prompt_zh and is_chinese(prompt) else self.prompt
        return template.replace(SLOT, prompt.strip())


@cache
def built_in() -> dict[str, Style]:
    """The styles that come with Huafang, by name."""
    text = files("huafang.diffusion").joinpath("styles.toml").read_text("utf-8")
    return {name: Style.model_validate({"name": name, **body}) for name, body in tomllib.loads(text).items()}


def all_styles(folder: Path) -> dict[str, Style]:
    """Every style by name: the built-in ones, then those of `folder` in alphabetical order. Files that are no styles are passed over."""
    found = dict(built_in())
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else ():
        try:
            own = read(path)
        except BadInput:
            continue
        if own.name == path.stem and own.name not in found:
            found[own.name] = own
    return found


def style(name: str, folder: Path) -> Style:
    """Raises NotFound, which names the nearest; BadInput for a file of the user's that is damaged."""
    if name in built_in():
        return built_in()[name]
    if re.fullmatch(STYLE_NAME, name) and (path := folder / f"{name}.json").is_file():
        return read(path)
    raise NotFound(f"there is no style {name[:60]!r}" + nearest(name, all_styles(folder)), code="style.unknown", hint="see: huafang styles list")


def read(path: Path) -> Style:
    """The style in the file `path`. Raises BadInput."""
    try:
        with open_regular(path) as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror or error}", code="style.bad") from None
    return parsed(data, path.name)


def parsed(data: bytes, name: str) -> Style:
    """The style in the bytes of a file called `name`. Raises BadInput, which says what is wrong where."""
    if len(data) > MOST_BYTES:
        raise BadInput(f"{name} is larger than {MOST_BYTES:,} bytes, and no style", code="style.bad")
    try:
        return Style.model_validate(json.loads(data))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise BadInput(f"{name} is no style: {where}: {first['msg'].removeprefix('Value error, ')}", code="style.bad") from None
    except (ValueError, RecursionError):
        raise BadInput(f"{name} is no style: it is no JSON", code="style.bad", hint="huafang styles export NAME shows the form") from None


def add(new: Style, folder: Path, preview: bytes | None = None) -> Path:
    """Store a style of the user's; gives its file. Raises Conflict where its name is taken, Unavailable, DiskFull."""
    place = folder / f"{new.name}.json"
    if new.name in built_in() or place.exists():
        raise Conflict(f"there is a style {new.name!r} already", code="style.exists", hint="give it another name, or remove the other one first")
    picture = folder / f"{new.name}.webp"
    if preview is not None:
        write_whole(picture, preview)
    try:
        write_whole(place, written(new))
    except Unavailable:
        picture.unlink(missing_ok=True)
        raise
    return place


def written(one: Style) -> bytes:
    """The file of a style."""
    return json.dumps(one.model_dump(mode="json", exclude_defaults=True), ensure_ascii=False, indent=2).encode() + b"\n"


def remove(name: str, folder: Path) -> None:
    """Remove a style of the user's. Raises NotFound; Forbidden for a built-in one; Unavailable."""
    if name in built_in():
        raise Forbidden(f"the style {name!r} comes with Huafang and is not removed", code="style.builtin")
    place = folder / f"{name}.json"
    if not re.fullmatch(STYLE_NAME, name) or not place.is_file():
        style(name, folder)  # says that there is none
    try:
        place.unlink()
        place.with_suffix(".webp").unlink(missing_ok=True)
    except OSError as error:
        raise Unavailable(f"{name!r} cannot be removed: {error.strerror or error}", code="disk.unwritable") from error


def preview(name: str, folder: Path) -> bytes | None:
    """The style's small picture (WebP), where it has one."""
    inside = files("huafang.diffusion").joinpath("style_previews", f"{name}.webp")
    if name in built_in():
        return inside.read_bytes() if inside.is_file() else None
    try:
        with open_regular(folder / f"{name}.webp") as file:
            data: bytes = file.read(MOST_PREVIEW)
            return data
    except OSError:
        return None


def applied(p: DrawingParams, folder: Path, models: Container[str]) -> tuple[DrawingParams, list[Note]]:
    """`p` with its style turned into ordinary settings, and what the user should know. Settings that were given win over the style's.

    Raises NotFound for an unknown style; MissingWeights where a LoRA of it is not among `models`; BadInput where `p` and the style do not go together.
    """
    if p.style_preset is None:
        return p, []
    found = style(p.style_preset, folder)
    title = Note(found.title.en or found.name, found.title.zh or found.name)
    if lacking := missing(found, models):
        raise MissingWeights(
            f"the style {title} needs the LoRA {', '.join(lacking)}, which is not on this machine", hint=str(found.source.en) or "add it on the Models page"
        )
    named = {one.name for one in p.loras}
    settings = {name: value for name, value in found.settings.model_dump(exclude_none=True).items() if name in type(p).model_fields}
    values = p.model_dump() | {name: value for name, value in settings.items() if name not in p.model_fields_set}
    values |= {
        "style_preset": None,
        "prompt": found.words(p.prompt),
        "negative_prompt": p.negative_prompt or found.negative_prompt,
        "model": found.model if found.model and p.model in (None, ENGLISH, CHINESE) else p.model,
        "loras": (*values["loras"], *(one.model_dump() for one in found.loras if one.name not in named)),
    }
    try:
        made = type(p).model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise BadInput(f"style_preset: with the style {title}, {where}: {first['msg'].removeprefix('Value error, ')}", code="params.bad") from None
    return made, [Note(f"style {title}: the prompt is {made.prompt}", f"风格“{title.zh}”：提示词为 {made.prompt}")]


def missing(one: Style, models: Container[str]) -> list[str]:
    """LoRAs of a style that are not among `models`, by name."""
    return [use.name for use in one.loras if use.name not in models]

"""`/api/styles`: styles for the methods that draw, the built-in ones and the user's own."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from huafang.diffusion import styles
from huafang.errors import NotFound
from huafang.server.schemas import StyleInfo, StyleList, Words
from huafang.server.studio import Studio, studio_of

router = APIRouter(prefix="/api/styles", tags=["styles"])
House = Annotated[Studio, Depends(studio_of)]


@router.get("")
def list_styles(studio: House) -> StyleList:
    """All styles: those that work at once first."""
    models = studio.weights.places()
    found = [_view(studio, one, styles.missing(one, models)) for one in styles.all_styles(studio.places.styles).values()]
    return StyleList(styles=sorted(found, key=lambda one: bool(one.missing)))


@router.post("", status_code=201)
def add_style(studio: House, style: styles.Style) -> StyleInfo:
    """Store a style of one's own. 409 where its name is taken."""
    styles.add(style, studio.places.styles)
    return _view(studio, style, styles.missing(style, studio.weights.places()))


@router.delete("/{name}", status_code=204)
def remove_style(studio: House, name: str) -> None:
    """Remove a style of one's own."""
    styles.remove(name, studio.places.styles)


@router.get("/{name}/preview", response_class=Response, responses={200: {"content": {"image/webp": {}}}})
def get_style_preview(studio: House, name: str) -> Response:
    """A small picture in the style."""
    picture = styles.preview(styles.style(name, studio.places.styles).name, studio.places.styles)
    if picture is None:
        raise NotFound(f"the style {name} has no preview")
    return Response(picture, media_type="image/webp", headers={"cache-control": "public, max-age=3600"})


def _view(studio: Studio, one: styles.Style, missing: list[str]) -> StyleInfo:
    return StyleInfo(
        name=one.name,
        title=Words(en=one.title.en or one.name, zh=one.title.zh or one.title.en or one.name),
        about=Words(en=one.about.en, zh=one.about.zh or one.about.en),
        source=Words(en=one.source.en, zh=one.source.zh or one.source.en),
        prompt=one.prompt,
        prompt_zh=one.prompt_zh,
        negative_prompt=one.negative_prompt,
        model=one.model,
        loras=[use.name for use in one.loras],
        settings=one.settings.model_dump(exclude_none=True),
        missing=missing,
        own=one.name not in styles.built_in(),
        preview=f"/api/styles/{one.name}/preview" if styles.preview(one.name, studio.places.styles) is not None else None,
    )

"""Paint a photo anew, stroke by stroke, from broad to fine."""

from dataclasses import fields as parts
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field, model_validator

from huafang.methods.stroke_rendering.looks import LOOKS, Look
from huafang.params import ImageId, Params, ui

Radii = Annotated[
    tuple[Annotated[float, Field(ge=0.5, le=200)], ...],
    Field(strict=False, min_length=1, max_length=8, json_schema_extra=ui(kind="numbers")),
]


class StrokeRendering(Params):
    """A look, and as many of its numbers overruled as you like: a number left empty is the look's own."""

    family = "paint"
    paper = ("Hertzmann, Painterly Rendering with Curved Brush Strokes of Multiple Sizes, SIGGRAPH 1998", "https://doi.org/10.1145/280814.280951")

    method: Literal["stroke_rendering"] = "stroke_rendering"
    content: ImageId
    """Photo that is painted."""
    look: Literal["impressionist", "expressionist", "colourist_wash", "pointillist", "swirling"] = "impressionist"
    """Manner of painting. It sets every number of the strokes that is left empty."""
    size: int | None = Field(None, ge=64, le=20_000, json_schema_extra=ui(step=64, unit="px"))
    """Longest side of the result; a smaller photo is not enlarged. Empty: as large as the photo."""
    radii: Radii | None = Field(None, json_schema_extra=ui(unit="px"))
    """Brush radii, one layer each, painted from broad to fine; in pixels of a picture whose longer side is 640. Empty: the look's own."""
    impasto: float | None = Field(None, ge=0, le=1, json_schema_extra=ui(step=0.05))
    """Thickness of the paint in a light from the upper left: 0 is flat. Empty: the look's own."""
    threshold: float | None = Field(None, ge=0, le=20_000, json_schema_extra=ui(step=10))
    """How far (T, mean squared difference on 8-bit values) a spot may be from the photo before it is painted over: larger is looser. Empty: the look's own."""
    opacity: float | None = Field(None, gt=0, le=1, json_schema_extra=ui(step=0.05))
    """How much of what lies under it a stroke hides (alpha). Empty: the look's own."""
    min_length: int | None = Field(None, ge=0, le=64, json_schema_extra=ui(group="advanced"))
    """Fewest steps of a stroke, each one brush radius long, before it may stop. Empty: the look's own."""
    max_length: int | None = Field(None, ge=0, le=64, json_schema_extra=ui(group="advanced"))
    """Most steps of a stroke, each one brush radius long; 0 paints dabs. Empty: the look's own."""
    curvature_filter: float | None = Field(None, ge=0, le=1, json_schema_extra=ui(group="advanced", step=0.05))
    """How freely strokes turn (f_c): 1 follows the picture, less holds them straighter. Empty: the look's own."""
    blur_factor: float | None = Field(None, ge=0, le=4, json_schema_extra=ui(group="advanced", step=0.05))
    """Blur of each layer's reference (f_sigma), in brush radii: more blur, less noise. Empty: the look's own."""
    grid_size: float | None = Field(None, ge=0.25, le=4, json_schema_extra=ui(group="advanced", step=0.05))
    """Distance of the strokes' starts (f_g), in brush radii: less is denser. Empty: the look's own."""
    jitter_hue: float | None = Field(None, ge=0, le=1, json_schema_extra=ui(group="advanced", step=0.05))
    """Chance in each stroke's hue (j_h): width of the random range, in turns of the circle. Empty: the look's own."""
    jitter_saturation: float | None = Field(None, ge=0, le=1, json_schema_extra=ui(group="advanced", step=0.05))
    """Chance in each stroke's saturation (j_s): width of the random factor's range. Empty: the look's own."""
    jitter_value: float | None = Field(None, ge=0, le=1, json_schema_extra=ui(group="advanced", step=0.05))
    """Chance in each stroke's brightness (j_v): width of the random factor's range. Empty: the look's own."""
    jitter_red: float | None = Field(None, ge=0, le=1, json_schema_extra=ui(group="advanced", step=0.05))
    """Chance in each stroke's red (j_r): width of the random range. Empty: the look's own."""
    jitter_green: float | None = Field(None, ge=0, le=1, json_schema_extra=ui(group="advanced", step=0.05))
    """Chance in each stroke's green (j_g): width of the random range. Empty: the look's own."""
    jitter_blue: float | None = Field(None, ge=0, le=1, json_schema_extra=ui(group="advanced", step=0.05))
    """Chance in each stroke's blue (j_b): width of the random range. Empty: the look's own."""

    @property
    def settings(self) -> Look:
        """The look with the given numbers in it, radii from broad to fine."""
        given = {part.name: getattr(self, part.name) for part in parts(Look) if getattr(self, part.name) is not None}
        chosen = replace(LOOKS[self.look], **given)
        return replace(chosen, radii=tuple(sorted(set(chosen.radii), reverse=True)))

    @model_validator(mode="after")
    def _lengths(self) -> "StrokeRendering":
        chosen = self.settings
        if chosen.min_length > chosen.max_length:
            raise ValueError(f"a stroke's min_length ({chosen.min_length}) is over its max_length ({chosen.max_length}) with the look {self.look}: set both")
        return self

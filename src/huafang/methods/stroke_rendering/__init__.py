"""Paint a photo anew, stroke by stroke, from broad to fine."""

from dataclasses import fields as parts
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field, model_validator

from huafang.methods.stroke_rendering.looks import LOOKS, Look
from huafang.params import ImageId, ImageIds, Params, ui

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
    style: Annotated[ImageIds, Field(max_length=8)] = ()
    """Painting whose colours and brushwork are taken; of several, their mean. Empty: the photo's own colours."""
    look: Literal["auto", "impressionist", "expressionist", "colourist_wash", "pointillist", "swirling"] = "auto"
    """Manner of painting: it sets every number of the strokes that is left empty. auto measures them in the style picture; without one it is impressionist."""
    keep_colours: bool = False
    """Keep the photo's colours, and take brushwork alone from the style picture."""
    style_scale: float = Field(1.0, ge=0.2, le=3, json_schema_extra=ui(step=0.1))
    """Size of the style picture beside the photo: larger gives larger strokes."""
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
        """The numbers of the look, those that were set by hand in their place."""
        return self.overridden(LOOKS["impressionist" if self.look == "auto" else self.look])

    def overridden(self, base: Look) -> Look:
        """`base` with the numbers that were set by hand, radii from broad to fine."""
        own = {part.name: getattr(self, part.name) for part in parts(Look) if getattr(self, part.name) is not None}
        chosen = replace(base, **own)
        return replace(chosen, radii=tuple(sorted(set(chosen.radii), reverse=True)), max_length=max(chosen.max_length, chosen.min_length))

    @model_validator(mode="after")
    def _lengths(self) -> "StrokeRendering":
        base = LOOKS["impressionist" if self.look == "auto" else self.look]
        shortest = base.min_length if self.min_length is None else self.min_length
        longest = base.max_length if self.max_length is None else self.max_length
        if shortest > longest:
            raise ValueError(f"a stroke's min_length ({shortest}) is over its max_length ({longest}) with the look {self.look}: set both")
        return self

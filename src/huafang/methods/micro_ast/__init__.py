"""Any painting's style in one pass of a network of one megabyte, up to 4K and beyond (Wang et al. 2023)."""

from typing import Annotated, Literal

from pydantic import Field

from huafang.params import FilmId, ImageIds, Numbers, StyleMix, WeightsId, ui


class MicroAst(StyleMix):
    family = "style"
    paper = ("Wang et al., MicroAST: Towards Super-Fast Ultra-Resolution Arbitrary Style Transfer, AAAI 2023", "https://arxiv.org/abs/2211.15313")

    method: Literal["micro_ast"] = "micro_ast"
    content: FilmId
    """Photo whose layout is kept."""
    style: Annotated[ImageIds, Field(min_length=1, max_length=8)]
    """Pictures whose style is taken; several are mixed."""
    weights: WeightsId = Field("any-style", json_schema_extra=ui(holds="micro_ast"))
    """The trained network: the built-in one, one of your own training, or MicroAST's four parts in one file."""
    size: int = Field(1024, ge=64, le=20_000, json_schema_extra=ui(step=64, unit="px"))
    """Longest side of the result; a smaller photo is not enlarged. Strokes keep their size in pixels, so a smaller picture is painted more broadly."""
    strength: float = Field(1.0, ge=0, le=1, json_schema_extra=ui(step=0.05))
    """How far to go: 0 leaves the photo as it is, 1 goes all the way."""
    keep_colours: Literal["no", "luminance", "histogram"] = "no"
    """Keep the photo's colours: by taking luminance alone from the result, or by giving the style pictures its colours first."""
    style_weights: Numbers = ()
    """Share of each style picture, in the order of the pictures; equal when left out."""
    masks: ImageIds = ()
    """One black and white picture per style picture, laid over the photo: that style acts where its mask is white. All over when left out."""
    style_scale: float = Field(1.0, ge=0.2, le=3, json_schema_extra=ui(step=0.1))
    """Size of the style picture beside the photo: larger gives larger strokes."""

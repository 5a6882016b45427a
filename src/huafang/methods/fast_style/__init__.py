"""A painting's style in one pass of a small network, trained for that painting alone (Johnson et al. 2016, with instance norm)."""

from typing import Literal

from pydantic import Field

from huafang.params import FilmId, Params, WeightsId, ui


class FastStyle(Params):
    family = "style"
    paper = (
        "Johnson, Alahi & Fei-Fei, Perceptual Losses for Real-Time Style Transfer and Super-Resolution, ECCV 2016; "
        "Ulyanov et al., Instance Normalization, 2016",
        "https://arxiv.org/abs/1603.08155",
    )

    method: Literal["fast_style"] = "fast_style"
    content: FilmId
    """Photo to restyle."""
    weights: WeightsId = Field(json_schema_extra=ui(holds="fast_style"))
    """The trained style: a network of the layout of pytorch/examples or of rrmina."""
    size: int = Field(1024, ge=64, le=20_000, json_schema_extra=ui(step=64, unit="px"))
    """Longest side of the result; a smaller photo is not enlarged. Strokes keep their size in pixels, so a smaller picture is painted more broadly."""
    strength: float = Field(1.0, ge=0, le=1, json_schema_extra=ui(step=0.05))
    """How far to go: 0 leaves the photo as it is, 1 goes all the way."""
    keep_colours: Literal["no", "luminance", "histogram"] = "no"
    """Keep the photo's colours: by taking luminance alone from the result, or by giving the result the photo's mean and spread of colours."""

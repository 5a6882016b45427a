"""Give a photo the colours of another picture."""

from typing import Annotated, Literal

from pydantic import Field

from huafang.params import FilmId, ImageIds, Params, ui


class ColourTransfer(Params):
    family = "colour"
    paper = ("Reinhard et al., Color Transfer between Images, 2001; Pitié & Kokaram 2007; Bonneel et al. 2015", "https://doi.org/10.1109/38.946629")

    method: Literal["colour_transfer"] = "colour_transfer"
    content: FilmId
    """Photo that is recoloured."""
    style: Annotated[ImageIds, Field(min_length=1, max_length=1)]
    """Picture whose colours are taken."""
    transfer: Literal["reinhard", "linear", "sliced"] = "linear"
    """How colours are carried: each channel's mean and spread (reinhard), the whole covariance at once (linear), or the whole distribution (sliced)."""
    strength: float = Field(1.0, ge=0, le=1, json_schema_extra=ui(step=0.05))
    """How far to go: 0 leaves the photo as it is, 1 goes all the way."""
    iterations: int = Field(24, ge=1, le=100, json_schema_extra=ui(group="advanced", when={"transfer": ["sliced"]}))
    """Random rotations of colour space for the sliced transfer."""

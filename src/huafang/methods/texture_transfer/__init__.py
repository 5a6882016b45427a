"""Texture grown pixel by pixel (Efros & Leung 1999), quilted from patches, or a photo rebuilt of them (Efros & Freeman 2001)."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from huafang.params import ImageId, ImageIds, Params, ui


class TextureTransfer(Params):
    family = "style"
    paper = ("Efros & Freeman, Image Quilting for Texture Synthesis and Transfer, SIGGRAPH 2001", "https://doi.org/10.1145/383259.383296")

    method: Literal["texture_transfer"] = "texture_transfer"
    content: ImageId | None = None
    """Photo that a transfer rebuilds. For synthesis and quilting only its shape is taken; without it they make a square."""
    style: Annotated[ImageIds, Field(min_length=1, max_length=1)]
    """The texture."""
    mode: Literal["auto", "synthesis", "quilting", "transfer"] = "auto"
    """Grow texture pixel by pixel (synthesis), sew it together from blocks (quilting), or rebuild the photo of such blocks (transfer). auto: a transfer where
    there is a photo, a quilt where there is none."""
    size: int = Field(512, ge=64, le=2048, json_schema_extra=ui(step=64, unit="px"))
    """Longest side of the result. A photo that is smaller is not enlarged by a transfer."""
    style_scale: float = Field(1.0, ge=0.1, le=3, json_schema_extra=ui(step=0.1))
    """Size of the texture beside the result: smaller makes its grain finer. It is never enlarged."""
    block: int | None = Field(None, ge=5, le=128, json_schema_extra=ui(step=1, unit="px"))
    """Side of a block (in a transfer's first round), or of the window that is compared around each pixel (synthesis). Empty: 24 for
    a transfer, 36 for a quilt, 11 for a synthesis."""
    iterations: int = Field(3, ge=1, le=6, json_schema_extra=ui(when={"mode": ["auto", "transfer"]}))
    """Rounds of a transfer, each with blocks a third smaller that must also be like the round before."""
    alpha: float | None = Field(None, ge=0, le=1, json_schema_extra=ui(step=0.05, when={"mode": ["auto", "transfer"]}))
    """What counts in a transfer: 1 that blocks fit each other, 0 that they look like the photo. Empty: from 0.1 in the first round to 0.9 in the last."""
    keep_colours: Literal["no", "luminance", "histogram"] = Field("no", json_schema_extra=ui(when={"mode": ["auto", "transfer"]}))
    """Keep the photo's colours in a transfer: by taking luminance alone from the result, or by giving it the photo's colours."""
    overlap: float = Field(1 / 6, ge=0.05, le=0.5, json_schema_extra=ui(group="advanced", step=0.01, when={"mode": ["auto", "quilting", "transfer"]}))
    """Share of a block that lies over its neighbour, and in which the seam is cut."""
    tolerance: float = Field(0.1, ge=0, le=1, json_schema_extra=ui(group="advanced", step=0.01))
    """How much worse than the best a piece may fit and still be drawn: 0 always takes the best, more is livelier and less exact."""

    @model_validator(mode="after")
    def _something_to_rebuild(self) -> Self:
        if self.mode == "transfer" and self.content is None:
            raise ValueError("content: a transfer rebuilds a photo, and none came; without one there are the modes quilting and synthesis")
        return self

    @property
    def made(self) -> Literal["synthesis", "quilting", "transfer"]:
        """The mode, settled."""
        if self.mode == "auto":
            return "quilting" if self.content is None else "transfer"
        return self.mode

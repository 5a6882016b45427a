"""Draw what lies beyond a photo's edges after a prompt"""

from typing import Literal, Self

from pydantic import Field, model_validator

from huafang.diffusion.params import DrawingParams
from huafang.params import ImageId, ui


class Outpaint(DrawingParams):
    family = "generate"
    leading = ("content", "prompt", "left", "right", "top", "bottom")
    restyles = False
    paper = ("Avrahami, Fried & Lischinski, Blended Latent Diffusion, SIGGRAPH 2023", "https://arxiv.org/abs/2206.02779")

    method: Literal["outpaint"] = "outpaint"
    content: ImageId
    """The photo that is made larger. Its own pixels stay, but for the edge that fades into what is drawn."""
    left: int = Field(128, ge=0, le=2048, json_schema_extra=ui(step=8, unit="px"))
    """Pixels to add on the left."""
    right: int = Field(128, ge=0, le=2048, json_schema_extra=ui(step=8, unit="px"))
    """Pixels to add on the right."""
    top: int = Field(0, ge=0, le=2048, json_schema_extra=ui(step=8, unit="px"))
    """Pixels to add above."""
    bottom: int = Field(0, ge=0, le=2048, json_schema_extra=ui(step=8, unit="px"))
    """Pixels to add below."""
    strength: float = Field(0.9, ge=0.1, le=1, json_schema_extra=ui(step=0.05))
    """How far the drawing leaves the continued colours of the edge that it starts from: 1 starts from noise alone. So large a share of the steps is taken."""
    edge: float = Field(16, ge=0, le=200, json_schema_extra=ui(step=1, unit="px"))
    """Width over which the drawing fades into the photo. 0: a hard edge."""
    size: int | None = Field(None, ge=64, le=2048, json_schema_extra=ui(step=8, unit="px"))
    """Longest side at which the model draws; the result has the photo's size and what is added. Empty: as many pixels as the model was trained on."""

    @model_validator(mode="after")
    def _some_side(self) -> Self:
        if not (self.left or self.right or self.top or self.bottom):
            raise ValueError("nothing is added on any side: set left, right, top or bottom, in pixels")
        return self

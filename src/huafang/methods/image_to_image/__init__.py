"""Redraw a photo after a prompt with a Stable Diffusion model"""

from typing import Literal

from pydantic import Field

from huafang.diffusion.params import DrawingParams
from huafang.params import ImageId, ui


class ImageToImage(DrawingParams):
    family = "generate"
    leading = ("content", "prompt", "strength")
    paper = ("Meng et al., SDEdit: Guided Image Synthesis and Editing with Stochastic Differential Equations, ICLR 2022", "https://arxiv.org/abs/2108.01073")

    method: Literal["image_to_image"] = "image_to_image"
    content: ImageId
    """The photo, sketch or painting to start from. Its shape is kept."""
    strength: float = Field(0.6, ge=0, le=1, json_schema_extra=ui(step=0.05))
    """How much is drawn anew: 0 gives the photo back, 0.3 keeps its forms, 0.6 its layout, 1 forgets it. So large a share of the steps is taken."""
    size: int | None = Field(None, ge=64, le=2048, json_schema_extra=ui(step=8, unit="px"))
    """Longest side of the picture; both are rounded to multiples of 8. Empty: as many pixels as the model was trained on."""

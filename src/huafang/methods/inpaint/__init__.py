"""Draw a part of a photo anew after a prompt; the rest stays as it is"""

from typing import Annotated, Literal

from pydantic import Field

from huafang.diffusion.params import DrawingParams
from huafang.params import ImageId, MaskIds, ui


class Inpaint(DrawingParams):
    family = "generate"
    leading = ("content", "mask", "prompt")
    restyles = False
    paper = ("Avrahami, Fried & Lischinski, Blended Latent Diffusion, SIGGRAPH 2023", "https://arxiv.org/abs/2206.02779")

    method: Literal["inpaint"] = "inpaint"
    content: ImageId
    """The photo of which a part is drawn anew. Every pixel outside of the mask stays as it is."""
    mask: Annotated[MaskIds, Field(min_length=1, max_length=1, json_schema_extra=ui(over="content", per="content"))]
    """A black and white picture of the photo's shape: what is white is drawn anew. In the page it is painted over the photo."""
    strength: float = Field(0.8, ge=0, le=1, json_schema_extra=ui(step=0.05))
    """How much is drawn anew: 0.4 changes details, 0.8 what is there, 1 starts from noise alone. So large a share of the steps is taken."""
    fill: Literal["original", "surroundings", "noise"] = "original"
    """What the part is drawn from: the photo itself, the colours around it (takes things away), or noise alone, whatever the strength."""
    area: Literal["photo", "mask"] = "photo"
    """What the model sees: the whole photo, or only the mask and some pixels around it, which are drawn larger and so with more detail."""
    padding: int = Field(32, ge=0, le=1024, json_schema_extra=ui(step=8, unit="px", when={"area": ["mask"]}))
    """Pixels around the mask that the model sees too."""
    edge: float = Field(8, ge=0, le=200, json_schema_extra=ui(step=1, unit="px"))
    """Width over which the drawn part fades into the photo. 0: a hard edge."""
    size: int | None = Field(None, ge=64, le=2048, json_schema_extra=ui(step=8, unit="px"))
    """Longest side at which the model draws; the result has the photo's size. Empty: as many pixels as the model was trained on."""

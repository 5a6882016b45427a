"""Draw a prompt with a Stable Diffusion model"""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from huafang.diffusion.params import DrawingParams
from huafang.params import ui


def _eights(side: int | None) -> int | None:
    """A latent spans 8 × 8 pixels, so a picture is made of whole ones."""
    if side is not None and side % 8:
        raise ValueError(f"must be a multiple of 8; the nearest are {side // 8 * 8} and {side // 8 * 8 + 8}")
    return side


Side = Annotated[int | None, Field(ge=64, le=2048, json_schema_extra=ui(step=8, unit="px")), AfterValidator(_eights)]


class TextToImage(DrawingParams):
    family = "generate"
    subject = "prompt"
    paper = ("Rombach et al., High-Resolution Image Synthesis with Latent Diffusion Models, CVPR 2022", "https://arxiv.org/abs/2112.10752")

    method: Literal["text_to_image"] = "text_to_image"
    width: Side = None
    """Width of the picture, a multiple of 8; empty: the model's own size."""
    height: Side = None
    """Height of the picture, a multiple of 8; empty: the model's own size."""
    images: int = Field(1, ge=1, le=8)
    """How many pictures, with the seeds seed, seed + 1, …; each is the one its seed gives alone."""
    film: Literal["none", "gif", "mp4", "strip"] = "none"
    """Also keep the denoising, one frame a step: as an animation (gif, mp4), or as one wide picture (strip)."""
    lesson: bool = Field(False, json_schema_extra=ui(group="advanced"))
    """Also write a page to click through: the noise at each step, the picture that the model expects, and where it looks for each word."""

"""Any picture's style by a reversible network: every edge of the photo stays, colours and textures change; for photos, art and films (Wen et al. 2023)."""

from typing import Annotated, Literal

from pydantic import Field

from huafang.params import FilmId, ImageIds, Numbers, StyleMix, WeightsId, ui


class CapVstNet(StyleMix):
    family = "style"
    paper = ("Wen, Gao & Zou, CAP-VSTNet: Content Affinity Preserved Versatile Style Transfer, CVPR 2023", "https://arxiv.org/abs/2303.17867")

    method: Literal["cap_vstnet"] = "cap_vstnet"
    content: FilmId
    """Photo whose layout is kept."""
    style: Annotated[ImageIds, Field(min_length=1, max_length=8)]
    """Pictures whose style is taken; several are mixed."""
    weights: WeightsId = Field(json_schema_extra=ui(holds="cap_vstnet"))
    """The trained network: photo_image, photo_video, art_image or art_video of the authors, as .safetensors."""
    mode: Literal["photo", "art"] = "photo"
    """What the weights were trained for: photos of other light and weather, or paintings. The files' names say it."""
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
    style_masks: ImageIds = ()
    """One black and white picture per style picture, laid over it: only what is white there counts as its style. All of it when left out."""
    style_scale: float = Field(1.0, ge=0.2, le=3, json_schema_extra=ui(step=0.1))
    """Size of the style picture beside the photo: larger gives larger strokes."""

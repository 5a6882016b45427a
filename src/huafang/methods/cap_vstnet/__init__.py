"""Any picture's style by a reversible network: every edge of the photo stays, colours and textures change; for photos, art and films (Wen et al. 2023)."""

from typing import Literal

from pydantic import Field

from huafang.params import AnyStyle, MaskIds, WeightsId, ui


class CapVstNet(AnyStyle):
    family = "style"
    paper = ("Wen, Gao & Zou, CAP-VSTNet: Content Affinity Preserved Versatile Style Transfer, CVPR 2023", "https://arxiv.org/abs/2303.17867")

    method: Literal["cap_vstnet"] = "cap_vstnet"
    weights: WeightsId = Field(json_schema_extra=ui(holds="cap_vstnet"))
    """The trained network: photo_image, photo_video, art_image or art_video of the authors, as .safetensors."""
    mode: Literal["photo", "art"] = "photo"
    """What the weights were trained for: photos of other light and weather, or paintings. The files' names say it."""
    style_masks: MaskIds = Field((), json_schema_extra=ui(over="style"))
    """One black and white picture per style picture, laid over it: only what is white there counts as its style. All of it when left out."""

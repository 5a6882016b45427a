"""Any painting's style in one pass: a photo's features get the mean and spread of the painting's (Huang & Belongie 2017)."""

from typing import Literal

from pydantic import Field

from huafang.params import AnyStyle, WeightsId, ui


class AdaIn(AnyStyle):
    family = "style"
    paper = ("Huang & Belongie, Arbitrary Style Transfer in Real-time with Adaptive Instance Normalization, ICCV 2017", "https://arxiv.org/abs/1703.06868")

    method: Literal["adain"] = "adain"
    weights: WeightsId = Field(json_schema_extra=ui(holds="adain"))
    """The trained decoder, alone or with the encoder in one file."""
    encoder: WeightsId | None = Field(None, json_schema_extra=ui(holds="adain_encoder"))
    """The "normalised" VGG-19 that the decoder was trained with. Empty: it is in the file of the decoder."""

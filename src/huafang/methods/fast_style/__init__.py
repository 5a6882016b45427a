"""A painting's style in one pass of a small network, trained for that painting alone (Johnson et al. 2016, with instance norm)."""

from typing import Literal

from pydantic import Field

from huafang.params import OnePass, WeightsId, ui


class FastStyle(OnePass):
    family = "style"
    paper = (
        "Johnson, Alahi & Fei-Fei, Perceptual Losses for Real-Time Style Transfer and Super-Resolution, ECCV 2016; "
        "Ulyanov et al., Instance Normalization, 2016",
        "https://arxiv.org/abs/1603.08155",
    )

    method: Literal["fast_style"] = "fast_style"
    weights: WeightsId = Field(json_schema_extra=ui(holds="fast_style"))
    """The trained style: a network of the layout of pytorch/examples, of rrmina, or of jcjohnson."""

"""Turn a photo into a Monet, a Van Gogh or whatever a CycleGAN was trained for, in one pass (Zhu et al. 2017)."""

from typing import Literal

from pydantic import Field

from huafang.params import OnePass, WeightsId, ui


class CycleGan(OnePass):
    family = "style"
    paper = (
        "Zhu, Park, Isola & Efros, Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks, ICCV 2017",
        "https://arxiv.org/abs/1703.10593",
    )

    method: Literal["cyclegan"] = "cyclegan"
    weights: WeightsId = Field(json_schema_extra=ui(holds="cyclegan"))
    """The trained translation: a CycleGAN generator of nine residual blocks in the authors' layout (monet, vangogh, cezanne, ukiyoe, …)."""

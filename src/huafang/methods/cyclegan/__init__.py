"""Turn a photo into a Monet, a Van Gogh or whatever a CycleGAN was trained for, in one pass (Zhu et al. 2017)."""

from typing import Literal

from pydantic import Field

from huafang.params import FilmId, Params, WeightsId, ui


class CycleGan(Params):
    family = "style"
    paper = (
        "Zhu, Park, Isola & Efros, Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks, ICCV 2017",
        "https://arxiv.org/abs/1703.10593",
    )

    method: Literal["cyclegan"] = "cyclegan"
    content: FilmId
    """Photo to restyle."""
    weights: WeightsId = Field(json_schema_extra=ui(holds="cyclegan"))
    """The trained translation: a CycleGAN generator of nine residual blocks in the authors' layout (monet, vangogh, cezanne, ukiyoe, …)."""
    size: int = Field(1024, ge=64, le=20_000, json_schema_extra=ui(step=64, unit="px"))
    """Longest side of the result; a smaller photo is not enlarged. Strokes keep their size in pixels, so a smaller picture is painted more broadly."""
    strength: float = Field(1.0, ge=0, le=1, json_schema_extra=ui(step=0.05))
    """How far to go: 0 leaves the photo as it is, 1 goes all the way."""
    keep_colours: Literal["no", "luminance", "histogram"] = "no"
    """Keep the photo's colours: by taking luminance alone from the result, or by giving the result the photo's mean and spread of colours."""

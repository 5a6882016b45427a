"""Turn a photo into a cartoon in one pass of CartoonGAN's generator (Chen et al. 2018)."""

from typing import Literal

from pydantic import Field

from huafang.params import FilmId, Params, WeightsId, ui


class CartoonGan(Params):
    family = "style"
    paper = ("Chen, Lai & Liu, CartoonGAN: Generative Adversarial Networks for Photo Cartoonization, CVPR 2018", "https://doi.org/10.1109/CVPR.2018.00986")

    method: Literal["cartoongan"] = "cartoongan"
    content: FilmId
    """Photo to restyle."""
    weights: WeightsId = Field(json_schema_extra=ui(holds="cartoongan"))
    """The trained style: a CartoonGAN generator in the layout of its port to PyTorch (Hayao, Hosoda, Paprika, Shinkai)."""
    size: int = Field(1024, ge=64, le=20_000, json_schema_extra=ui(step=64, unit="px"))
    """Longest side of the result; a smaller photo is not enlarged. Strokes keep their size in pixels, so a smaller picture is painted more broadly."""
    strength: float = Field(1.0, ge=0, le=1, json_schema_extra=ui(step=0.05))
    """How far to go: 0 leaves the photo as it is, 1 goes all the way."""
    keep_colours: Literal["no", "luminance", "histogram"] = "no"
    """Keep the photo's colours: by taking luminance alone from the result, or by giving the result the photo's mean and spread of colours."""

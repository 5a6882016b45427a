"""Turn a photo into a cartoon in one pass of CartoonGAN's generator (Chen et al. 2018)."""

from typing import Literal

from pydantic import Field

from huafang.params import OnePass, WeightsId, ui


class CartoonGan(OnePass):
    family = "style"
    paper = ("Chen, Lai & Liu, CartoonGAN: Generative Adversarial Networks for Photo Cartoonization, CVPR 2018", "https://doi.org/10.1109/CVPR.2018.00986")

    method: Literal["cartoongan"] = "cartoongan"
    weights: WeightsId = Field(json_schema_extra=ui(holds="cartoongan"))
    """The trained style: a CartoonGAN generator in the layout of its port to PyTorch (Hayao, Hosoda, Paprika, Shinkai)."""

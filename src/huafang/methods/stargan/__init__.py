"""Change what a face is (hair, sex, age) with one network for many domains (Choi et al. 2018)."""

from typing import Literal

from pydantic import Field

from huafang.params import FilmId, Numbers, OnePass, WeightsId, ui


class StarGan(OnePass):
    family = "style"
    paper = (
        "Choi et al., StarGAN: Unified Generative Adversarial Networks for Multi-Domain Image-to-Image Translation, CVPR 2018",
        "https://arxiv.org/abs/1711.09020",
    )

    method: Literal["stargan"] = "stargan"
    content: FilmId
    """Photo of a face, which fills about half of it."""
    weights: WeightsId = Field(json_schema_extra=ui(holds="stargan"))
    """The trained network: a StarGAN generator in the authors' layout."""
    hair: Literal["black", "blond", "brown"] = "blond"
    """Hair of the result, for networks with CelebA's five labels."""
    male: bool = False
    """A man's face in the result, or else a woman's; for networks with CelebA's five labels."""
    young: bool = True
    """A young face in the result, or else an aged one; for networks with CelebA's five labels."""
    labels: Numbers = Field((), json_schema_extra=ui(group="advanced"))
    """Labels of the result as the network was trained with, in its order, 0 or 1 each; in place of hair, male and young, and needed for other networks."""
    size: int = Field(256, ge=64, le=20_000, json_schema_extra=ui(step=64, unit="px"))
    """Longest side of the result; a smaller photo is not enlarged. The published network was trained at 128."""

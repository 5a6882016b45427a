"""Turn a photo into a frame of an animated film, in one pass of AnimeGAN's generator (Chen et al. 2020)."""

from typing import Literal

from pydantic import Field

from huafang.params import FilmId, OnePass, WeightsId, ui


class AnimeGan(OnePass):
    family = "style"
    paper = ("Chen, Liu & Chen, AnimeGAN: A Novel Lightweight GAN for Photo Animation, ISICA 2019", "https://doi.org/10.1007/978-981-15-5577-0_18")

    method: Literal["animegan"] = "animegan"
    content: FilmId
    """Photo to turn into a drawing."""
    weights: WeightsId = Field(json_schema_extra=ui(holds="animegan"))
    """The trained style: AnimeGANv2's generator in the layout of bryandlee's PyTorch port (Hayao, face_paint, …), AnimeGANv3's, or train_animegan's."""
    upsampling: Literal["tf1", "align_corners", "half_pixel"] = "tf1"
    """How AnimeGANv2 enlarges: tf1 for weights converted from TensorFlow (Hayao, Paprika, Shinkai), align_corners for those trained in PyTorch (faces)."""
    tail: Literal["main", "support"] = Field("main", json_schema_extra=ui(group="advanced"))
    """Which of AnimeGANv3's two tails paints: main, or support, which is the rougher teacher of it. Other networks have but one."""
    size: int = Field(1024, ge=64, le=20_000, json_schema_extra=ui(step=64, unit="px"))
    """Longest side of the result; a smaller photo is not enlarged. Outlines keep their width in pixels, so a smaller picture is drawn more boldly."""

"""Optimise a photo's pixels until their texture is the painting's (Gatys et al. 2016)."""

from typing import Annotated, Literal

from pydantic import Field

from huafang.params import ImageId, ImageIds, MaskIds, Numbers, StyleMix, ui


class Gatys(StyleMix):
    family = "style"
    paper = ("Gatys, Ecker & Bethge, Image Style Transfer Using Convolutional Neural Networks, CVPR 2016", "https://arxiv.org/abs/1508.06576")

    method: Literal["gatys"] = "gatys"
    content: ImageId
    """Photo whose layout is kept."""
    style: Annotated[ImageIds, Field(min_length=1, max_length=8)]
    """Pictures whose texture is taken; several are mixed."""
    features: Literal["matching", "vgg19", "patches", "random"] = Field("matching", json_schema_extra=ui(needs={"vgg19": "vgg19"}, best="vgg19"))
    """How style is measured: nearest patches (matching), a trained network (vgg19, as in the paper), the distribution of patches, or random filters."""
    steps: int = Field(100, ge=1, le=5000)
    """Optimiser steps over all scales."""
    size: int = Field(512, ge=64, le=4096, json_schema_extra=ui(step=64, unit="px"))
    """Longest side of the result; a smaller photo is not enlarged."""
    content_weight: float = Field(1.0, ge=0, le=1000, json_schema_extra=ui(step=0.1))
    """How firmly the photo's layout is held: 1 is balanced, 0 lets it go."""
    style_weight: float = Field(1.0, ge=0, le=1000, json_schema_extra=ui(step=0.1))
    """How strongly the style acts: 1 is balanced, 0 leaves the photo."""
    style_scale: float = Field(1.0, ge=0.2, le=3, json_schema_extra=ui(step=0.1))
    """Size of the style picture beside the photo: larger gives larger strokes."""
    keep_colours: Literal["no", "luminance", "histogram"] = "no"
    """Keep the photo's colours: by painting in its luminance only, or by giving the style pictures its colours first."""
    style_weights: Numbers = ()
    """Share of each style picture, in the order of the pictures; equal when left out."""
    masks: MaskIds = ()
    """One black and white picture per style picture, laid over the photo: that style acts where its mask is white. All over when left out."""
    init: Literal["content", "noise"] = Field("content", json_schema_extra=ui(group="advanced"))
    """What the optimisation starts from: the photo, or noise."""
    tv_weight: float = Field(0.0, ge=0, le=100, json_schema_extra=ui(group="advanced", step=0.1))
    """Smoothness: how much differences between neighbouring pixels cost."""
    pooling: Literal["max", "avg"] = Field("max", json_schema_extra=ui(group="advanced"))
    """How vgg19 pools: as it was trained (max), or smoother, as the paper prefers (avg)."""

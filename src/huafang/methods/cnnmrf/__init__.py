"""A photo rebuilt of a painting's patches, as a network sees them (Li & Wand 2016)."""

from typing import Annotated, Literal

from pydantic import Field

from huafang.params import ImageId, ImageIds, Params, ui


class CnnMrf(Params):
    family = "style"
    paper = (
        "Li & Wand, Combining Markov Random Fields and Convolutional Neural Networks for Image Synthesis, CVPR 2016",
        "https://arxiv.org/abs/1601.04589",
    )

    method: Literal["cnnmrf"] = "cnnmrf"
    content: ImageId
    """Photo whose layout is kept."""
    style: Annotated[ImageIds, Field(min_length=1, max_length=4)]
    """Pictures whose patches are taken; of several, each patch of the photo takes the nearest of all."""
    features: Literal["vgg19", "squeezenet", "random"] = Field(
        "squeezenet", json_schema_extra=ui(needs={"vgg19": "vgg19", "squeezenet": "squeezenet1_1"}, best="vgg19")
    )
    """What patches are compared in: a trained network (vgg19, as in the paper, or the light squeezenet), or, as an experiment, random filters."""
    steps: int = Field(90, ge=1, le=5000)
    """Optimiser steps over all scales."""
    size: int = Field(384, ge=64, le=1024, json_schema_extra=ui(step=64, unit="px"))
    """Longest side of the result; a smaller photo is not enlarged."""
    content_weight: float = Field(1.0, ge=0, le=1000, json_schema_extra=ui(step=0.1))
    """How firmly the photo's layout is held: 1 is balanced, 0 lets it go."""
    style_weight: float = Field(1.0, ge=0, le=1000, json_schema_extra=ui(step=0.1))
    """How strongly patches are drawn to the painting's: 1 is balanced, 0 leaves the photo."""
    style_scale: float = Field(1.0, ge=0.2, le=3, json_schema_extra=ui(step=0.1))
    """Size of the style picture beside the photo: larger gives larger strokes. It is never enlarged."""
    keep_colours: Literal["no", "luminance", "histogram"] = "no"
    """Keep the photo's colours: by taking luminance alone from the result, or by giving the style pictures its colours first."""
    init: Literal["content", "noise"] = Field("content", json_schema_extra=ui(group="advanced"))
    """What the optimisation starts from: the photo, or noise."""
    tv_weight: float = Field(4.0, ge=0, le=100, json_schema_extra=ui(group="advanced", step=0.1))
    """Smoothness: how much differences between neighbouring pixels cost."""
    scales: int = Field(3, ge=1, le=5, json_schema_extra=ui(group="advanced"))
    """Resolutions, each twice the one before. A scale that would be smaller than 64 pixels is left out."""
    stride: int = Field(2, ge=1, le=3, json_schema_extra=ui(group="advanced"))
    """Distance of neighbouring patches: 1 takes all of them, and several times as long."""
    rematch: int = Field(3, ge=1, le=100, json_schema_extra=ui(group="advanced"))
    """Steps from one search for the nearest patches to the next; the paper searches at every step."""

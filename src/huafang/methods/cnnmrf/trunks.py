"""What patches are compared in: three givers of features, each with two maps for the style and one for the photo."""

import torch
from torch import Tensor

from huafang.context import Context
from huafang.methods.cnnmrf import CnnMrf
from huafang.methods.cnnmrf.patches import Trunk
from huafang.nets import feedforward, random_filters, squeezenet, vgg

VGG_STYLE, VGG_CONTENT = ("relu3_1", "relu4_1"), "relu4_2"
"""The paper's layers (section 4)."""
SQUEEZE_TAPS = 3
"""Its second and third tap have VGG's places: a quarter and an eighth of the picture's side."""
OCTAVES = [0, 1, 2]
"""Of the random filters. Of the answers at full size every second is taken; the photo is held at a quarter."""


def trunk(p: CnnMrf, ctx: Context, generator: torch.Generator) -> Trunk:
    """The giver of features that `p` asks for. Raises MissingWeights."""
    if p.features == "vgg19":
        return _vgg(feedforward.resident(ctx, "vgg19", "vgg19", vgg.load))
    if p.features == "squeezenet":
        return _squeezenet(feedforward.resident(ctx, "squeezenet", "squeezenet1_1", squeezenet.load))
    return _random(random_filters.RandomFilters(generator, torch.zeros(1, device=ctx.device)))


def _vgg(net: vgg.Vgg) -> Trunk:
    def found(pixels: Tensor) -> tuple[list[Tensor], Tensor]:
        maps = net(pixels, (*VGG_STYLE, VGG_CONTENT))
        return [maps[name] for name in VGG_STYLE], maps[VGG_CONTENT]

    return found


def _squeezenet(net: squeezenet.SqueezeNet) -> Trunk:
    def found(pixels: Tensor) -> tuple[list[Tensor], Tensor]:
        maps = net(pixels, SQUEEZE_TAPS)
        return maps[1:], maps[2]

    return found


def _random(filters: random_filters.RandomFilters) -> Trunk:
    def found(pixels: Tensor) -> tuple[list[Tensor], Tensor]:
        fine, half, quarter = filters.octaves(pixels, OCTAVES)
        return [fine[:, :, ::2, ::2], half], quarter

    return found

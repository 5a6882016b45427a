"""Gatys et al. 2016 from coarse to fine: each scale begins where the smaller one ended."""

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from huafang.context import Context, Result
from huafang.methods.gatys import Gatys
from huafang.methods.gatys.matching import Matching
from huafang.methods.gatys.patches import Patches
from huafang.methods.gatys.random_filters import RandomFilters
from huafang.methods.gatys.scene import LEAST_SIDE, Scene, Style, sides
from huafang.methods.gatys.trained import Trained
from huafang.nets import vgg
from huafang.ops import colour
from huafang.ops.descent import Descent, Loss
from huafang.ops.resize import not_enlarged, resized, shrunk, widened

SMALLEST = {"vgg19": 128, "random": 96, "patches": 64, "matching": 128}
"""Longest side of the first scale: smaller, and what the photo shows dissolves."""
MOVERS: dict[str, type[Patches] | type[Matching]] = {"patches": Patches, "matching": Matching}


def run(p: Gatys, ctx: Context) -> Result:
    photo = ctx.image(p.content)
    net = (
        ctx.resident.get(f"vgg19 {p.pooling} {ctx.device}", lambda: vgg.load(ctx.weights_path("vgg19"), p.pooling).to(ctx.device))
        if p.features == "vgg19"
        else None
    )
    generator = ctx.generator(p.seed)
    content, height, width = _shrunk(photo, p.size)
    scene = _scene(p, ctx, content)
    finish = partial(_finish, p, content, height, width)
    pixels: Tensor | None = None
    done = 0
    figures: dict[str, float] = {}
    for side, steps in sides(max(content.shape[2:]), SMALLEST[p.features], p.steps):
        here = scene.at(side, p.style_scale)
        pixels = _start(p, here, generator) if pixels is None else resized(pixels, *here.content.shape[2:])
        walk: Descent | Moves = Moves(p, here, generator) if p.features in MOVERS else Descent(p, _loss(p, here, net, generator), pixels)
        for step in range(steps):
            pixels, figures = walk.step(pixels, step / steps)
            done += 1
            ctx.step(done, p.steps, preview=partial(finish, pixels), side=float(side), **figures)
    assert pixels is not None, "there is at least one scale"
    return Result(images=[finish(pixels)], figures=figures, notes=not_enlarged(photo, p.size))


def _loss(p: Gatys, scene: Scene, net: vgg.Vgg | None, generator: torch.Generator) -> Loss:
    return RandomFilters(scene, generator) if net is None else Trained(scene, net)


class Moves:
    """Steps that patches themselves decide (`patches.py`, `matching.py`)."""

    def __init__(self, p: Gatys, scene: Scene, generator: torch.Generator) -> None:
        self._p, self._mover = p, MOVERS[p.features](scene, p.content_weight, p.style_weight, generator)

    def step(self, pixels: Tensor, part: float) -> tuple[Tensor, dict[str, float]]:
        content = style = 0.0
        rate = min(0.8, 0.05 * self._p.tv_weight)
        for _ in range(self._mover.iterations):
            pixels, content, style = self._mover.move(pixels, part)
            if rate:
                near = F.pad(pixels, (1, 1, 1, 1), mode="replicate")
                pixels = torch.lerp(pixels, (near[..., :-2, 1:-1] + near[..., 2:, 1:-1] + near[..., 1:-1, :-2] + near[..., 1:-1, 2:]) / 4, rate)
        return pixels, {"loss": self._p.content_weight * content + self._p.style_weight * style, "content": content, "style": style}


def _shrunk(photo: Tensor, size: int) -> tuple[Tensor, int, int]:
    """The photo as it is painted, widened if it is thin, and the height and width of the result in it."""
    small = shrunk(photo, size)
    return widened(small, LEAST_SIDE), small.shape[2], small.shape[3]


def _scene(p: Gatys, ctx: Context, content: Tensor) -> Scene:
    """The scene at full size, colours settled as `keep_colours` says (Gatys et al. 2017, "Preserving Color in Neural Artistic Style Transfer")."""
    pictures = [widened(ctx.image(style), LEAST_SIDE) for style in p.style]
    if p.keep_colours == "luminance":
        content = colour.luminance(content).expand(-1, 3, -1, -1)
        pictures = [_matched(colour.luminance(picture), content).expand(-1, 3, -1, -1) for picture in pictures]
    elif p.keep_colours == "histogram":
        pictures = [colour.monge_kantorovich(picture, content).clamp(0, 1) for picture in pictures]
    shares = p.shares()
    height, width = content.shape[2:]
    masks: list[Tensor | None] = [None] * len(pictures)
    if p.masks:
        masks = [resized(colour.luminance(ctx.image(mask)), height, width) for mask in p.masks]
    recoloured = _recoloured(content, pictures, shares, masks)
    return Scene(content, recoloured, [Style(*given) for given in zip(pictures, shares, masks, strict=True)])


def _recoloured(content: Tensor, pictures: list[Tensor], shares: list[float], masks: list[Tensor | None]) -> Tensor:
    """The photo in the colours of each style where that one acts."""
    carried = [colour.monge_kantorovich(content, picture).clamp(0, 1) for picture in pictures]
    if masks[0] is None:
        return sum((share * one for share, one in zip(shares, carried, strict=True)), torch.zeros_like(content))
    result = content
    for one, mask in zip(carried, masks, strict=True):
        assert mask is not None, "one mask for each, or none"
        result = torch.lerp(result, one, mask)
    return result


def _matched(luminance: Tensor, content: Tensor) -> Tensor:
    """Mean and deviation of the photo's luminance (the paper's equation 10)."""
    return ((luminance - luminance.mean()) * content.std() / luminance.std().clamp_min(1e-5) + content.mean()).clamp(0, 1)


def _start(p: Gatys, scene: Scene, generator: torch.Generator) -> Tensor:
    """A trained network finds the style's colours by itself; the others start from a photo that has them."""
    if p.init == "noise":
        return torch.rand(scene.content.shape, generator=generator).to(scene.content)
    return (scene.content if p.features == "vgg19" else scene.recoloured).clone()


def _finish(p: Gatys, content: Tensor, height: int, width: int, pixels: Tensor) -> Tensor:
    """The picture as it is shown: at the photo's own shape, in its own colours if they are kept."""
    if p.keep_colours == "luminance":
        pixels = colour.keep_chroma(pixels, resized(content, *pixels.shape[2:]))
    factor = max(pixels.shape[2:]) / max(content.shape[2:])
    return pixels.clamp(0, 1)[:, :, : max(1, round(height * factor)), : max(1, round(width * factor))].contiguous()

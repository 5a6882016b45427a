"""Kwon & Ye 2022: a network is trained on one photo until what it paints lies, seen by CLIP, in the direction of the words."""

from collections.abc import Callable
from functools import partial
from itertools import product

import torch
import torch.nn.functional as F
from torch import Tensor

from huafang.context import Context, Result
from huafang.methods.clipstyler import ClipStyler
from huafang.methods.clipstyler.losses import direction, pieces, rejected, variation
from huafang.methods.clipstyler.painter import MULTIPLE, Painter
from huafang.nets import clip, feedforward, squeezenet, vgg
from huafang.ops import colour
from huafang.ops.blend import settled
from huafang.ops.resize import widened

PATCH, WHOLE, CONTENT, ROUGH = 9000.0, 500.0, 150.0, 2e-3
"""The authors' weights of the pieces, of the whole picture, of the photo's layout and of roughness."""
RATE, HALVED = 5e-4, 100
"""Adam's step, and after how many steps it is halved."""
LEAST_SIDE = 32
KINDS = ("photo", "picture", "painting", "drawing", "sketch", "rendering", "print", "sculpture", "poster", "mosaic")
MANNERS = (
    "a {kind} of {}",
    "the {kind} of {}",
    "a good {kind} of {}",
    "a bad {kind} of {}",
    "a {kind} showing {}",
    "a close {kind} of {}",
    "my {kind} of the {}",
)

Structure = Callable[[Tensor], list[Tensor]]


def run(p: ClipStyler, ctx: Context) -> Result:
    photo, notes = feedforward.brought(ctx, p.content, p.size)
    judge = _judge(p, ctx)
    structure = _structure(p, ctx)
    wide = widened(photo, LEAST_SIDE, MULTIPLE)
    generator = ctx.generator(p.seed)
    painter = Painter(generator).to(ctx.device)
    walk = torch.optim.Adam(painter.parameters(), lr=RATE)
    slower = torch.optim.lr_scheduler.StepLR(walk, HALVED, 0.5)
    words, plain_words = (judge.words(phrased(text)).mean(0, keepdim=True) for text in (p.prompt, p.photo_prompt))
    with torch.no_grad():
        seen, held = judge.pictures(photo), structure(wide)
    units = [torch.ones(()) if p.features == "vgg19" else one.square().mean().clamp_min(1e-8) for one in held]
    side = min(p.crop_size, *photo.shape[2:])
    figures: dict[str, float] = {}
    shown = photo
    for step in range(1, p.steps + 1):
        painted = painter(wide)
        here = painted[:, :, : photo.shape[2], : photo.shape[3]]
        views = pieces(here, p.crops, side, judge.side, generator)
        patch = rejected(direction(judge.pictures(views), seen, words, plain_words), p.threshold)
        whole = direction(judge.pictures(here), seen, words, plain_words).mean()
        content = torch.stack([F.mse_loss(one, other) / unit for one, other, unit in zip(structure(painted), held, units, strict=True)]).sum()
        loss = p.style_weight * (PATCH * patch + WHOLE * whole) + p.content_weight * CONTENT * content + p.tv_weight * ROUGH * variation(here)
        walk.zero_grad()
        loss.backward()
        walk.step()
        slower.step()
        figures = {"loss": float(loss.detach()), "patch": float(patch.detach()), "direction": float(whole.detach()), "content": float(content.detach())}
        shown = here.detach() if step < p.steps else _painted(painter, wide, photo)
        ctx.step(step, p.steps, preview=partial(_finish, p, photo, shown), **figures)
    return Result(images=[_finish(p, photo, shown)], figures=figures, notes=notes)


def phrased(text: str) -> list[str]:
    """The text in many phrases, whose vectors are averaged: what is the same in all of them is the text's own (Radford et al. 2021, section 3.1.4)."""
    return [manner.format(text, kind=kind) for manner, kind in product(MANNERS, KINDS)]


def contrasted(picture: Tensor, contrast: float) -> Tensor:
    """(1, 3, H, W) with its distance from its mean grey times `contrast`, in [0, 1]."""
    grey = colour.luminance(picture).mean()
    return (grey + contrast * (picture - grey)).clamp(0, 1)


def _judge(p: ClipStyler, ctx: Context) -> clip.Clip:
    path = ctx.weights_path(p.clip)
    found = path.stat()

    def load() -> clip.Clip:
        judge = clip.load(path)
        judge.model.to(ctx.device)
        return judge

    return ctx.resident.get(f"clip {path} {found.st_mtime_ns} {found.st_size} {ctx.device}", load)


def _structure(p: ClipStyler, ctx: Context) -> Structure:
    """The maps in which the photo is held: VGG's relu4_2 and relu5_2; of SqueezeNet the third and the fifth tap."""
    if p.features == "vgg19":
        net = feedforward.resident(ctx, "vgg19", "vgg19", vgg.load)
        return lambda pixels: list(net(pixels, ("relu4_2", "relu5_2")).values())
    light = feedforward.resident(ctx, "squeezenet", "squeezenet1_1", squeezenet.load)
    return lambda pixels: [found for place, found in enumerate(light(pixels, 5)) if place in (2, 4)]


@torch.no_grad()
def _painted(painter: Painter, wide: Tensor, photo: Tensor) -> Tensor:
    painted: Tensor = painter(wide)[:, :, : photo.shape[2], : photo.shape[3]]
    return painted


def _finish(p: ClipStyler, photo: Tensor, painted: Tensor) -> Tensor:
    """The picture as it is shown: with its contrast, the photo's colours if they are kept, and the photo beneath by `strength`."""
    return settled(contrasted(painted, p.contrast).contiguous(), photo, p.strength, p.keep_colours)

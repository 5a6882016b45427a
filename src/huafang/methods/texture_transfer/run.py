"""The three modes of one method: what is brought to them, and how their steps are told."""

from functools import partial
from itertools import accumulate

import numpy as np
import torch
from torch import Tensor

from huafang.context import Context, Result
from huafang.errors import BadInput
from huafang.methods.texture_transfer import TextureTransfer
from huafang.methods.texture_transfer.growing import as_picture, grown
from huafang.methods.texture_transfer.quilting import Photo, Quilt, blocks
from huafang.notes import Note
from huafang.ops import colour
from huafang.ops.blend import settled
from huafang.ops.edges import gaussian_blur
from huafang.ops.jit import Array
from huafang.ops.resize import resized, shrunk

BLOCKS = {"synthesis": 11, "quilting": 36, "transfer": 24}
LEAST_BLOCK = 5
NARROWEST = 2
"""Pixels of a texture's shorter side: blocks of fewer cannot overlap."""
SHRINKS = 2 / 3
"""A round's blocks beside those of the round before (section 3 of the paper: reduced by a third)."""
BLUR = 1.0
"""Deviation in pixels of the blur of the luminance that a transfer compares (the paper: blurred image intensity)."""


def run(p: TextureTransfer, ctx: Context) -> Result:
    photo = None if p.content is None else ctx.image(p.content)
    height, width = _shape(p, photo)
    texture = shrunk(ctx.image(p.style[0]), p.style_scale * max(height, width))
    if p.made == "synthesis":
        return _synthesis(p, ctx, _array(texture), height, width)
    if p.made == "quilting":
        return _quilting(p, ctx, _array(texture), height, width)
    assert photo is not None, "the door asks for it"
    return _transfer(p, ctx, texture, resized(photo, height, width))


def _shape(p: TextureTransfer, photo: Tensor | None) -> tuple[int, int]:
    """Height and width of the result."""
    if photo is None:
        return p.size, p.size
    factor = p.size / max(photo.shape[2:])
    if p.made == "transfer":
        factor = min(1.0, factor)
    return max(1, round(photo.shape[2] * factor)), max(1, round(photo.shape[3] * factor))


def _synthesis(p: TextureTransfer, ctx: Context, texture: Array, height: int, width: int) -> Result:
    growth = grown(texture, height, width, p.block or BLOCKS[p.made], p.tolerance, ctx.generator(p.seed))
    for canvas, done in growth:
        ctx.step(done, height * width, preview=partial(as_picture, canvas))
    return Result(images=[as_picture(canvas)])


def _quilting(p: TextureTransfer, ctx: Context, texture: Array, height: int, width: int) -> Result:
    side, notes = _side(p, texture)
    quilt = Quilt(texture, height, width, side, _overlap(p, side))
    for done in quilt.sewn(p.tolerance, ctx.generator(p.seed)):
        ctx.step(done, quilt.blocks, preview=partial(as_picture, quilt.canvas))
    return Result(images=[as_picture(quilt.canvas)], notes=notes)


def _transfer(p: TextureTransfer, ctx: Context, texture: Tensor, photo: Tensor) -> Result:
    """Rounds of quilting: alpha grows, blocks shrink, and from the second on the last round's canvas is compared with too (section 3)."""
    generator = ctx.generator(p.seed)
    offered, wanted = correspondence(texture, photo)
    flat, height, width = _array(texture), photo.shape[2], photo.shape[3]
    side, notes = _side(p, flat)
    sides = [min(side, max(LEAST_BLOCK, round(side * SHRINKS**number))) for number in range(p.iterations)]
    ends = list(accumulate(blocks(height, width, one, _overlap(p, one)) for one in sides))
    canvas: Array | None = None
    for number, (one, begun) in enumerate(zip(sides, [0, *ends], strict=False)):
        rebuilt = Photo(wanted, offered, alpha(number, p.iterations) if p.alpha is None else p.alpha)
        quilt = Quilt(flat, height, width, one, _overlap(p, one), rebuilt, canvas)
        canvas = quilt.canvas
        for done in quilt.sewn(p.tolerance, generator):
            ctx.step(begun + done, ends[-1] + 1, preview=partial(as_picture, canvas), block=float(one))
    assert canvas is not None, "there is at least one round"
    picture = settled(as_picture(canvas).to(photo), photo, 1.0, p.keep_colours)
    ctx.step(ends[-1] + 1, ends[-1] + 1, preview=picture)
    return Result(images=[picture], notes=notes)


def alpha(number: int, rounds: int) -> float:
    """How much the fit of blocks counts in the round `number` of `rounds`: 0.8 (i - 1) / (N - 1) + 0.1 (section 3); of one round the middle."""
    return 0.5 if rounds == 1 else 0.8 * number / (rounds - 1) + 0.1


def correspondence(texture: Tensor, photo: Tensor) -> tuple[Array, Array]:
    """(h, w) of the texture and (H, W) of the photo: blurred luminance, the photo's in the texture's distribution, so that all its tones are used."""
    offered, wanted = (gaussian_blur(colour.luminance(picture), BLUR)[0, 0].cpu() for picture in (texture, photo))
    ranks = torch.empty(wanted.numel())
    ranks[wanted.flatten().argsort(stable=True)] = torch.linspace(0, 1, wanted.numel())
    # Pixels of one tone have one rank, or a flat sky would become a slope.
    _, tone = wanted.flatten().unique(return_inverse=True)
    count = torch.bincount(tone)
    middle = torch.zeros(len(count)).index_add_(0, tone, ranks) / count
    levels = offered.flatten().sort().values
    matched = levels[(middle[tone] * (len(levels) - 1)).round().long()]
    return offered.numpy(), matched.view_as(wanted).numpy()


def _side(p: TextureTransfer, texture: Array) -> tuple[int, list[Note]]:
    """The side of a block, and what the user should know of it."""
    side, least = p.block or BLOCKS[p.made], min(texture.shape[:2])
    size = f"{texture.shape[1]} × {texture.shape[0]}"
    if least < NARROWEST:
        raise BadInput(f"the texture is {size} pixels here, too narrow to cut blocks from: {NARROWEST} pixels a side are needed; give a less narrow picture")
    note = Note(
        f"the texture is {size} pixels here, so blocks have {least} a side, not {side}", f"纹理在这里只有 {size} 像素，所以块的边长是 {least}，不是 {side}。"
    )
    return min(side, least), [note] if side > least else []


def _overlap(p: TextureTransfer, side: int) -> int:
    return min(side - 1, max(1, round(side * p.overlap)))


def _array(picture: Tensor) -> Array:
    """(1, 3, h, w) -> (h, w, 3)"""
    array: Array = np.ascontiguousarray(picture[0].permute(1, 2, 0).cpu().numpy())
    return array

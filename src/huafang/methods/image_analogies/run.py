"""Hertzmann et al. 2001, section 3.2: CreateImageAnalogy, from the coarsest level of the pyramids to the finest."""

from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from huafang.context import Context, Result
from huafang.errors import BadInput
from huafang.methods.image_analogies import ImageAnalogies
from huafang.methods.image_analogies.neighbourhoods import Level, known, vectors, windows
from huafang.methods.image_analogies.painting import paint
from huafang.methods.image_analogies.tree import Ints, planted
from huafang.notes import Note
from huafang.ops import colour
from huafang.ops.edges import gaussian_blur
from huafang.ops.jit import Array
from huafang.ops.resize import shrunk

SMALLEST = 20
"""Pixels that the shortest side of any picture keeps on the coarsest level."""
UNFILTER = 0.004
"""Deviation of the blur that stands in for the unfiltered picture, as a share of its longest side."""
LEAVES = 24
"""Leaves of the tree that a search looks at."""
BAND = 8_000
"""Pixels painted between two steps, about."""


def run(p: ImageAnalogies, ctx: Context) -> Result:
    photo = shrunk(ctx.image(p.content), p.size)
    plain, filtered, notes = _pair(p, ctx, photo)
    count = _levels(p, photo, filtered)
    remap = _luminance_map(plain, photo) if p.match == "luminance" and p.match_luminance else _same
    a, a_filtered, b = (_pyramid(one, count) for one in (remap(_compared(p, plain)), remap(_compared(p, filtered)), _compared(p, photo)))
    copied = _pyramid(remap(colour.luminance(filtered)).expand(-1, 3, -1, -1) if p.keep_colours == "luminance" else filtered, count)
    photos, around = _pyramid(photo, count), windows(p.patch)

    bands = [_bands(*level.shape[2:]) for level in b]
    total, done = sum(map(len, bands)), 0
    pairs = [Level(_array(one), _array(other)) for one, other in zip(a, a_filtered, strict=True)]
    origin = _anywhere(photos[-1], pairs[-1].plain, ctx.generator(p.seed))
    coarser: Level | None = None
    coherent = np.zeros(1, np.int32)
    for level in reversed(range(count)):
        plain_b, pair = _array(b[level]), pairs[level]
        learnt = vectors(pair, pairs[level + 1] if coarser else None, around)
        tree = planted(learnt, report=partial(ctx.step, done, total))
        if coarser:
            origin = _finer(origin, pairs[level + 1].plain, pair.plain, plain_b)
        canvas = np.ascontiguousarray(pair.filtered.reshape(-1, pair.filtered.shape[2])[origin])
        coherent[0] = 0
        for first, last in bands[level]:
            ahead = known(plain_b, coarser, around, slice(first, last))
            search = LEAVES, 1 + p.kappa * 2.0**-level, coherent, first, last
            paint(learnt, ahead, pair.filtered, canvas, origin, around.causal, around.causal_weights, *tree, *search)
            done += 1
            figures = {"level": float(level + 1), "coherent": float(coherent[0] / (last * plain_b.shape[1]))}
            ctx.step(done, total, preview=partial(_picture, p, copied[level], photos[level], origin), **figures)
        coarser = Level(plain_b, canvas)
    return Result(images=[_picture(p, copied[0], photos[0], origin)], notes=notes, figures={"coherent": float(coherent[0] / origin.size)})


def _pair(p: ImageAnalogies, ctx: Context, photo: Tensor) -> tuple[Tensor, Tensor, list[Note]]:
    """A and A' beside the photo by `style_scale`, and what the user should know of A."""
    whole, side = ctx.image(p.style[0]), p.style_scale * max(photo.shape[2:])
    filtered = shrunk(whole, side)
    notes: list[Note] = []
    if p.source is None:
        plain = gaussian_blur(filtered, UNFILTER * max(filtered.shape[2:]))
        notes = [Note("no unfiltered picture was given: the style picture, blurred, stands in for it", "没有给出未处理的原图，用模糊后的风格图代替。")]
    else:
        given = ctx.image(p.source)
        if given.shape != whole.shape:
            sizes = [f"{picture.shape[3]} × {picture.shape[2]}" for picture in (given, whole)]
            raise BadInput(f"source: it is {sizes[0]} pixels and the style picture {sizes[1]}; a pair has one size, pixel over pixel", code="params.bad")
        plain = shrunk(given, side)
    if p.keep_colours == "histogram":
        recoloured = colour.monge_kantorovich_map(filtered, photo)
        plain, filtered = recoloured(plain).clamp(0, 1), recoloured(filtered).clamp(0, 1)
    return plain, filtered, notes


def _levels(p: ImageAnalogies, *pictures: Tensor) -> int:
    """Levels of the pyramids: those asked for, as far as the smallest picture has pixels for them."""
    shortest = min(min(picture.shape[2:]) for picture in pictures)
    count = 1
    while count < (p.levels or 8) and shortest >> count >= SMALLEST:
        count += 1
    return count


def _compared(p: ImageAnalogies, picture: Tensor) -> Tensor:
    return colour.luminance(picture) if p.match == "luminance" else picture


def _luminance_map(plain: Tensor, photo: Tensor) -> colour.Map:
    """Y -> σB / σA (Y - μA) + μB (section 3.4)."""
    theirs, ours = colour.luminance(plain), colour.luminance(photo)
    gain = ours.std() / theirs.std().clamp_min(1e-5)
    return lambda luminance: (luminance - theirs.mean()) * gain + ours.mean()


def _same(picture: Tensor) -> Tensor:
    return picture


def _pyramid(picture: Tensor, count: int) -> list[Tensor]:
    """`count` levels, each with half the pixels a side of the one before, the finest first."""
    levels = [picture]
    while len(levels) < count:
        half = [-(-side // 2) for side in levels[-1].shape[2:]]
        levels.append(F.interpolate(levels[-1], half, mode="bilinear", antialias=True, align_corners=False))
    return levels


def _bands(height: int, width: int) -> list[tuple[int, int]]:
    rows = max(1, BAND // width)
    return [(first, min(first + rows, height)) for first in range(0, height, rows)]


def _anywhere(photo: Tensor, style: Array, generator: torch.Generator) -> Ints:
    """(H, W) random places of the style picture: what stands on the coarsest level where nothing is painted yet."""
    places: Ints = torch.randint(style.shape[0] * style.shape[1], tuple(photo.shape[2:]), generator=generator, dtype=torch.int32).numpy()
    return places


def _finer(origin: Ints, coarse: Array, style: Array, photo: Array) -> Ints:
    """The places of a coarser level one level down, for each of a pixel's four."""
    (h, w), (height, width) = style.shape[:2], photo.shape[:2]
    y, x = np.indices((height, width))
    row, column = np.divmod(origin[y // 2, x // 2], coarse.shape[1])
    places: Ints = (np.minimum(2 * row + y % 2, h - 1) * w + np.minimum(2 * column + x % 2, w - 1)).astype(np.int32)
    return places


def _picture(p: ImageAnalogies, copied: Tensor, photo: Tensor, origin: Ints) -> Tensor:
    """The copied pixels at their places; with the photo's colours, if luminance alone is painted (section 3.4)."""
    picture = copied[0].flatten(1)[:, torch.from_numpy(origin.astype(np.int64)).to(copied.device)][None]
    return (colour.keep_chroma(picture, photo) if p.keep_colours == "luminance" else picture).clamp(0, 1)


def _array(picture: Tensor) -> Array:
    """(1, channels, h, w) -> (h, w, channels)"""
    array: Array = np.ascontiguousarray(picture[0].permute(1, 2, 0).cpu().numpy())
    return array

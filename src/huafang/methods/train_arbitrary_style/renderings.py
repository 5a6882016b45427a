"""Pictures that the studio paints for a run: drawn scenes as further photos, and photos and scenes under its own strokes and filters as further paintings."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from huafang import images, methods
from huafang.assets import write_whole
from huafang.context import Context, Easel
from huafang.ops import resize
from huafang.scenes import scene

SIDE = 448
"""Photos are painted at this many pixels along their longest side."""
SCENE = 320
STROKES = ("impressionist", "expressionist", "colourist_wash", "pointillist", "swirling")
LOOKS: tuple[tuple[str, dict[str, Any]], ...] = (
    *(("stroke_rendering", {"look": look}) for look in STROKES),
    ("image_filters", {"filter": "oil", "radius": 12.0, "relief": 0.7}),
    ("image_filters", {"filter": "watercolour", "radius": 12.0, "darkening": 0.8}),
    ("image_filters", {"filter": "ink"}),
    ("image_filters", {"filter": "pencil"}),
    ("image_filters", {"filter": "cartoon", "levels": 6}),
    ("image_filters", {"filter": "halftone", "dot_size": 9.0}),
    ("stroke_rendering", {"look": "impressionist", "radii": [12.0, 6.0], "impasto": 0.9}),
    ("stroke_rendering", {"look": "swirling", "radii": [8.0, 4.0], "impasto": 0.6}),
)


def scenes(count: int, seed: int) -> list[Tensor]:
    """`count` drawn scenes, (1, 3, SCENE, SCENE) in [0, 1]."""
    drawn = (scene.scene(seed, number, SCENE).pixels for number in range(count))
    return [torch.from_numpy(pixels).permute(2, 0, 1)[None].contiguous() for pixels in drawn]


def painted(ctx: Context, home: Path, sources: Sequence[Tensor], count: int, seed: int, total: int) -> Iterator[Tensor]:
    """`count` pictures, each of one of the `sources`, (3, H, W) uint8, in one of the looks: (1, 3, H, W) in [0, 1]. They are kept in `home` and painted once.

    Raises Cancelled.
    """
    home.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        place = home / f"{number:05d}.png"
        if not place.is_file():
            ctx.step(0, total, pictures_to_paint=count - number)
            write_whole(place, images.encode(_paint(ctx, sources, number, seed)))
        yield images.decode(place.read_bytes())


def _paint(ctx: Context, sources: Sequence[Tensor], number: int, seed: int) -> Tensor:
    method, settings = LOOKS[number % len(LOOKS)]
    order = torch.randperm(len(sources), generator=torch.Generator().manual_seed(seed)).tolist()
    source = sources[order[(7 * (number // len(LOOKS)) + number) % len(sources)]]
    params = methods.build(method, {"content": "0" * 64, "seed": (seed + number) % 2**32, **settings})
    easel = Easel(ctx.assets, ctx.weights, resize.shrunk(source[None].float() / 255, SIDE))
    return methods.run(params, easel).images[0].cpu()

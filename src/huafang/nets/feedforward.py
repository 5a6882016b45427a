"""What the methods of one network and one pass share: the photo in, bands through the network, colours and strength, the picture out."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from huafang.context import Context, Result
from huafang.kernels import tiled
from huafang.notes import Note
from huafang.ops import resize
from huafang.ops.blend import KeepColours, settled
from huafang.params import OnePass

N = TypeVar("N", bound=nn.Module)


def resident(ctx: Context, kind: str, name: str, load: Callable[[Path], N]) -> N:
    """The network of the weights `name`, kept between jobs for as long as its file stays the same. Raises MissingWeights, and what `load` does."""
    path = ctx.weights_path(name)
    found = path.stat()
    return ctx.resident.get(f"{kind} {path} {found.st_mtime_ns} {found.st_size} {ctx.device}", lambda: load(path).to(ctx.device))


def restyle(ctx: Context, net: nn.Module, p: OnePass, *, least: int = 1, multiple: int = 1) -> Result:
    """The photo of `p` through `net`, which takes and gives sRGB in [0, 1].

    The photo's border is repeated to the right and below where the network wants `least` pixels or a `multiple` of them; what the network adds there is cut
    off again, so that the result has the photo's shape.
    """
    photo, notes = brought(ctx, p.content, p.size)
    steps = Steps(ctx)
    styled = tiled.run(net, resize.widened(photo, least, multiple), report=steps.band, dtype=getattr(torch, p.precision))
    return Result(images=[steps.finish(styled, photo, p.strength, p.keep_colours)], notes=notes)


def brought(ctx: Context, content: str, size: int) -> tuple[Tensor, list[Note]]:
    """The photo with its longest side at `size`, and what the user should know of that."""
    photo = ctx.image(content)
    longest = max(photo.shape[2:])
    small = resize.shrunk(photo, size)
    even = 2 if ctx.filming else 1  # a film's odd side gets one line more when it is written
    here = " × ".join(f"{side + side % even}" for side in (small.shape[3], small.shape[2]))
    own = f"{photo.shape[3]} × {photo.shape[2]}"
    note = Note(f"the photo is painted at {here}; its own size is {own}", f"照片按 {here} 作画；它原来的大小是 {own}。")
    return small, [note] if longest > size else []


class Steps:
    """Progress of a run: a step for each band, and the last for what comes after the network."""

    def __init__(self, ctx: Context) -> None:
        self._ctx, self._total = ctx, 1

    def band(self, done: int, total: int, *, run: int = 0, runs: int = 1) -> None:
        """`done` of `total` bands of one of several runs of the same length are behind us. Raises Cancelled."""
        self._total = runs * total + 1
        self._ctx.step(run * total + done, self._total)

    def finish(self, styled: Tensor, photo: Tensor, strength: float, keep_colours: KeepColours) -> Tensor:
        """The network's result cut to the photo's shape, settled (`ops/blend.py`), and shown."""
        height, width = photo.shape[2:]
        pixels = settled(styled[:, :, :height, :width].contiguous(), photo, strength, keep_colours)
        self._ctx.step(self._total, self._total, preview=pixels)
        return pixels

"""Outpainting: the photo on a larger canvas, whose empty part `diffusion/repaint.py` draws."""

import time

import torch
import torch.nn.functional as F

from huafang.context import Context, Result
from huafang.diffusion import generate
from huafang.diffusion.repaint import filled_from_surroundings, repaint
from huafang.diffusion.sizes import fitted
from huafang.errors import TooLarge
from huafang.methods.outpaint import Outpaint
from huafang.notes import Note

LARGEST = 8192
"""Longest side of a result, in pixels."""
COARSE = 0.5
"""Scale of the drawing beside the photo from which on it is remarked on."""


def run(p: Outpaint, ctx: Context) -> Result:
    photo = ctx.image(p.content)
    sides = (p.left, p.right, p.top, p.bottom)
    height, width = photo.shape[2] + p.top + p.bottom, photo.shape[3] + p.left + p.right
    if max(height, width) > LARGEST:
        raise TooLarge(f"the result would have {width} × {height} pixels; at most {LARGEST} a side are drawn: add less, or take a smaller photo")
    empty = F.pad(torch.zeros_like(photo[:, :1]), sides, value=1.0)
    # the canvas starts as the photo with its edge colours carried on, which the model then draws over
    canvas = filled_from_surroundings(F.pad(photo, sides), empty)
    mask = _overlapping(empty, p.edge)
    taken = max(1, min(int(p.steps * p.strength), p.steps))
    with generate.ready(p, ctx, steps=taken) as drawer:
        notes, resolved = list(drawer.notes), [drawer.resolved] if drawer.resolved else []
        wide, _ = fitted(width, height, p.size, own=drawer.model.size, block=max(8, drawer.model.scale))
        if wide < COARSE * width:
            en = f"what is new was drawn at {wide / width:.2g} times the photo's scale, so it is softer than the photo; set size for more detail"
            notes.append(Note(en, f"新增部分按照片 {wide / width:.2g} 倍的比例绘制，会比照片模糊；可增大“尺寸”以获得更多细节。"))
        started = time.perf_counter()
        pixels, _ = repaint(p, ctx, drawer, canvas, mask, seed=p.seed, longest=p.size, taken=taken, base=canvas, edge=p.edge, total=taken)
    figures = {"width": width, "height": height, "steps_taken": taken, "seconds_per_step": (time.perf_counter() - started) / taken}
    return Result(images=[pixels], figures=figures, notes=notes, resolved=resolved)


def _overlapping(empty: torch.Tensor, edge: float) -> torch.Tensor:
    """`empty` (1, 1, H, W) grown by the `edge` into the photo, at most so far that half of it stays: else the photo's border would show through."""
    reach = min(round(edge), int((1 - empty).amax(2).sum()) // 4, int((1 - empty).amax(3).sum()) // 4)
    return F.max_pool2d(empty, 2 * reach + 1, stride=1, padding=reach) if reach > 0 else empty

"""Inpainting: the mask and what the model sees of the photo are prepared here, `diffusion/repaint.py` draws."""

import time

from torch import Tensor

from huafang.context import Context, Result
from huafang.diffusion import generate
from huafang.diffusion.repaint import VISIBLE, around, filled_from_surroundings, repaint, softened
from huafang.errors import BadInput
from huafang.methods.inpaint import Inpaint
from huafang.notes import Note
from huafang.ops import colour
from huafang.ops.resize import resized

OTHER_SHAPE = 1.05
"""Factor by which a mask's proportions may differ from the photo's."""


def run(p: Inpaint, ctx: Context) -> Result:
    photo = ctx.image(p.content)
    mask = _mask(p, ctx, photo)
    taken = p.steps if p.fill == "noise" else min(int(p.steps * p.strength), p.steps)
    with generate.ready(p, ctx, steps=taken) as drawer:
        notes, resolved = list(drawer.notes), [drawer.resolved] if drawer.resolved else []
        if not taken:
            few = f"{p.strength:g} of {p.steps} steps is not one whole step, so the photo came back as it was; take more steps or a higher strength"
            notes.append(Note(few, f"{p.steps} 步的 {p.strength:g} 不足一步，所以照片原样返回；请增加步数或提高强度。"))
            return Result(images=[photo], figures={"steps_taken": 0}, notes=notes, resolved=resolved)
        if not drawer.model.inpainting and taken == p.steps:
            en = "at full strength a model that was not trained to inpaint hardly sees what is around the mask: 0.8 fits better, or take an inpainting model"
            notes.append(Note(en, "强度为 1 时，非重绘专用模型几乎不看遮罩周围的内容：0.8 更自然，或换用重绘（inpainting）模型。"))
        base = {"original": photo, "noise": None}.get(p.fill)
        if p.fill == "surroundings":
            base = filled_from_surroundings(photo, softened(mask, p.edge))
        box = around(softened(mask, p.edge) > VISIBLE, p.padding) if p.area == "mask" else None
        started = time.perf_counter()
        pixels, (width, height) = repaint(p, ctx, drawer, photo, mask, seed=p.seed, longest=p.size, taken=taken, base=base, box=box, edge=p.edge, total=taken)
    figures = {"drawn_width": width, "drawn_height": height, "steps_taken": taken, "seconds_per_step": (time.perf_counter() - started) / taken}
    return Result(images=[pixels], figures=figures, notes=notes, resolved=resolved)


def _mask(p: Inpaint, ctx: Context, photo: Tensor) -> Tensor:
    """(1, 1, H, W) in [0, 1], of the photo's size. Raises BadInput for a mask of other proportions, and for one without white."""
    (name,) = p.mask
    mask = colour.luminance(ctx.image(name))
    (height, width), (high, wide) = photo.shape[2:], mask.shape[2:]
    if not 1 / OTHER_SHAPE < (wide / high) / (width / height) < OTHER_SHAPE:
        raise BadInput(f"the mask has {wide} × {high} pixels and the photo {width} × {height}: it must have the photo's proportions", code="params.bad")
    mask = resized(mask, height, width)
    if float(mask.max()) < 0.5:
        raise BadInput("the mask is black all over, so there is nothing to draw", code="params.bad", hint="paint white what is to be drawn anew")
    return mask

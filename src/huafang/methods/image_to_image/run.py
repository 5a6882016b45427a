"""SDEdit (Meng et al., ICLR 2022) in a latent diffusion model: the photo's latents go under noise, and the last of the steps take it away again."""

import math
import time

import torch.nn.functional as F

from huafang.context import Context, Result
from huafang.diffusion import drawing, latents, sampling
from huafang.diffusion.drawing import Ready
from huafang.methods.image_to_image import ImageToImage
from huafang.notes import Note

LONGEST_SIDE = 2048
BENT = 1.1
"""A side that changes by this factor against the other shows, and is said."""


def run(p: ImageToImage, ctx: Context) -> Result:
    with drawing.ready(p, ctx) as drawer:
        return _draw(p, ctx, drawer)


def _draw(p: ImageToImage, ctx: Context, drawer: Ready) -> Result:
    model, notes = drawer.model, list(drawer.notes)
    photo = ctx.image(p.content)
    height, width = photo.shape[2:]
    wide, high = fitted(width, height, p.size, own=model.size, block=max(8, model.scale))
    if not 1 / BENT < (wide / high) / (width / height) < BENT:
        notes.append(Note(f"the photo is so long and narrow that {wide} × {high} pixels bend its shape", f"照片太狭长，{wide} × {high} 像素会让它变形。"))
    small = F.interpolate(photo, (high, wide), mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)
    taken = min(int(p.steps * p.strength), p.steps)
    if not taken and p.strength:
        few = f"{p.strength:g} of {p.steps} steps is not one whole step, so the photo came back as it was; take more steps or a higher strength"
        notes.append(Note(few, f"{p.steps} 步的 {p.strength:g} 不足一步，所以照片原样返回；请增加步数或提高强度。"))
    generator = ctx.generator(p.seed)
    started = time.perf_counter()
    # at full strength nothing of the photo is left to start from: the picture is the one the prompt alone gives
    over = latents.encode(model, small, generator) if taken < p.steps else None
    start = sampling.noise(model, wide, high, generator)
    pixels = drawing.picture(p, ctx, drawer, start, generator, over=over, last=taken)
    figures = {"width": wide, "height": high, "steps_taken": taken, "seconds_per_step": (time.perf_counter() - started) / max(taken, 1)}
    return Result(images=[pixels], figures=figures, notes=notes)


def fitted(width: int, height: int, longest: int | None, *, own: int, block: int) -> tuple[int, int]:
    """The (width, height) that is drawn for a photo: its shape, sides in whole blocks.

    The longer side is `longest`; None: the area is `own`², with no side above 2048.
    """
    factor = min(math.sqrt(own * own / (width * height)), LONGEST_SIDE / max(width, height)) if longest is None else longest / max(width, height)
    return _blocks(width * factor, block), _blocks(height * factor, block)


def _blocks(side: float, block: int) -> int:
    return max(1, round(side / block)) * block

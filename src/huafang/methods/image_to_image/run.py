"""SDEdit (Meng et al., ICLR 2022) in a latent diffusion model: the photo's latents go under noise, and the last of the steps take it away again."""

import time

import torch.nn.functional as F

from huafang.context import Context, Result
from huafang.diffusion import default_model, generate, latents
from huafang.diffusion.generate import Ready
from huafang.diffusion.sizes import fitted
from huafang.methods.image_to_image import ImageToImage
from huafang.notes import Note

SHRUNK = 2
"""Factor of the area from which on a smaller picture is remarked on."""
BENT = 1.1
"""A side that changes by this factor against the other shows, and is said."""


def run(p: ImageToImage, ctx: Context) -> Result:
    with generate.ready(p, ctx, steps=_taken(p)) as drawer:
        return _draw(p, ctx, drawer)


def _taken(p: ImageToImage) -> int:
    """Steps of those from pure noise that are taken."""
    return min(int(p.steps * p.strength), p.steps)


def _draw(p: ImageToImage, ctx: Context, drawer: Ready) -> Result:
    model, notes = drawer.model, list(drawer.notes)
    photo = ctx.image(p.content)
    height, width = photo.shape[2:]
    wide, high = fitted(width, height, p.size, own=model.size, block=max(8, model.scale))
    if not 1 / BENT < (wide / high) / (width / height) < BENT:
        notes.append(Note(f"the photo is so long and narrow that {wide} × {high} pixels bend its shape", f"照片太狭长，{wide} × {high} 像素会让它变形。"))
    if p.size is None and wide * high * SHRUNK < width * height:
        built_in = "; it suits sketches of simple scenes rather than photos" if p.model in (default_model.ENGLISH, default_model.CHINESE) else ""
        zh = "；它适合简单场景的草图，不太适合照片" if built_in else ""
        en = f"the photo of {width} × {height} pixels was drawn at {wide} × {high}, the size that {p.model} was trained on{built_in}. Set size for another one"
        notes.append(Note(en, f"照片为 {width} × {height} 像素，按 {p.model} 训练时的尺寸画成 {wide} × {high}{zh}。可用“尺寸”另行指定。"))
    small = F.interpolate(photo, (high, wide), mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)
    taken = _taken(p)
    if not taken and p.strength:
        few = f"{p.strength:g} of {p.steps} steps is not one whole step, so the photo came back as it was; take more steps or a higher strength"
        notes.append(Note(few, f"{p.steps} 步的 {p.strength:g} 不足一步，所以照片原样返回；请增加步数或提高强度。"))
    generator = ctx.generator(p.seed)
    started = time.perf_counter()
    # at full strength nothing of the photo is left to start from: the picture is the one the prompt alone gives
    over = latents.encode(model, small, generator) if taken < p.steps else None
    start = model.start_noise(wide, high, generator)
    pixels = generate.picture(p, ctx, drawer, start, generator, over=over, last=taken)
    figures = {"width": wide, "height": high, "steps_taken": taken, "seconds_per_step": (time.perf_counter() - started) / max(taken, 1)}
    return Result(images=[pixels], figures=figures, notes=notes, resolved=[drawer.resolved] if drawer.resolved else [])

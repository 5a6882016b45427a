"""Latent diffusion (Rombach et al., CVPR 2022) with classifier-free guidance: `diffusion/` draws, this method keeps the count."""

import time
from contextlib import nullcontext
from dataclasses import replace

import torch

from huafang.context import Context, File, Result
from huafang.diffusion import generate, latents
from huafang.diffusion.generate import Ready
from huafang.diffusion.model.load import Model
from huafang.diffusion.sampling.loop import StepState
from huafang.errors import BadInput
from huafang.methods.text_to_image import TextToImage, film, lesson
from huafang.notes import Note
from huafang.params import SEED_LIMIT


def run(p: TextToImage, ctx: Context) -> Result:
    seeds = [(p.seed + number) % SEED_LIMIT for number in range(p.images)]
    groups = [[number] for number in range(p.images)] if p.by_chance else [list(range(p.images))]  # chance decides each picture's prompt anew
    found = Result(figures={})
    started = time.perf_counter()
    for group in groups:
        with generate.ready(p, ctx, seed=seeds[group[0]]) as drawer:
            for number in group:
                _draw(p, ctx, drawer, number, seeds[number], found)
    found.figures["seconds_per_step"] = (time.perf_counter() - started) / (p.images * p.steps)
    return replace(found, notes=[*dict.fromkeys(found.notes), *_wrapped(p)])


def _draw(p: TextToImage, ctx: Context, drawer: Ready, number: int, seed: int, found: Result) -> None:
    """Draw picture `number` and add all that there is of it to `found`."""
    size = width, height = p.width or drawer.model.size, p.height or drawer.model.size
    _check_size(drawer.model, width, height)
    generator = ctx.generator(seed)
    frames: list[torch.Tensor] = []
    with lesson.recording(drawer, p.steps, size) if p.lesson else nullcontext() as record:

        def on_step(state: StepState) -> None:
            if p.film != "none":
                frames.append(latents.preview(drawer.model, state.expected()).cpu())
            if record is not None:
                record.record(state)

        pixels = generate.picture(
            p,
            ctx,
            drawer,
            drawer.model.start_noise(width, height, generator),
            generator,
            before=number * p.steps,
            total=p.images * p.steps,
            on_step=on_step,
        )
    found.images.append(pixels)
    found.files.extend(_film(p, frames, size, number))
    if record is not None:
        found.files.append(record.page(pixels, drawer.prompt, _numbered(p, "lesson", number)))
    found.figures.update({"width": width, "height": height, f"seed_{number + 1}": seed})
    found.notes.extend(drawer.notes)
    if drawer.resolved:
        found.resolved.append(drawer.resolved)


def _wrapped(p: TextToImage) -> list[Note]:
    """What is said where the seeds of several pictures reach the end of their range."""
    if p.seed + p.images <= SEED_LIMIT:
        return []
    en = f"seeds end at {SEED_LIMIT - 1}: those of the pictures behind it are 0 and on, as each picture's own settings say"
    return [Note(en, f"种子最大为 {SEED_LIMIT - 1}，其后的画面从 0 接着取，各图的种子见其设置。")]


def _film(p: TextToImage, frames: list[torch.Tensor], size: tuple[int, int], number: int) -> list[File]:
    if p.film == "none":
        return []
    return [film.make(p.film, frames, size, _numbered(p, "denoising", number))]


def _numbered(p: TextToImage, name: str, number: int) -> str:
    return name if p.images == 1 else f"{name}-{number + 1}"


def _check_size(model: Model, width: int, height: int) -> None:
    for name, side in (("width", width), ("height", height)):
        if side % model.scale:
            low = side // model.scale * model.scale
            raise BadInput(f"{name}: this model draws in blocks of {model.scale} pixels; the nearest to {side} are {low} and {low + model.scale}")

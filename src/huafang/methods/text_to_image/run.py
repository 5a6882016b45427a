"""Latent diffusion (Rombach et al., CVPR 2022) with classifier-free guidance: `diffusion/` draws, this room keeps the count."""

import time
from collections.abc import Callable
from dataclasses import replace

import torch

from huafang.context import Context, File, Result
from huafang.diffusion import latents, loading, prompts, samplers, sampling, text
from huafang.diffusion.loading import Model
from huafang.errors import BadInput, JobFailed, OutOfMemory
from huafang.methods.text_to_image import TextToImage, film
from huafang.params import SEED_LIMIT

OUT_OF_MEMORY = "take a smaller width and height, or a smaller model"


def run(p: TextToImage, ctx: Context) -> Result:
    path = ctx.weights_path(p.model)
    try:
        model = ctx.resident.get(loading.key(path, ctx.device), lambda: loading.load(path, ctx.device))
        return _draw(p, ctx, model)
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise OutOfMemory(f"{p.model} does not fit into the memory of {ctx.device} at this size", hint=OUT_OF_MEMORY) from error
    except RuntimeError as error:
        if "DefaultCPUAllocator" in str(error):  # how torch says it on the CPU
            raise OutOfMemory(f"{p.model} does not fit into memory at this size", hint=OUT_OF_MEMORY) from error
        raise


def _draw(p: TextToImage, ctx: Context, model: Model) -> Result:
    notes = [*model.notes, *prompts.remarks(p.prompt), *prompts.remarks(p.negative_prompt)]
    if p.prediction != "auto":
        model = replace(model, scheduler={**model.scheduler, "prediction_type": p.prediction})
    if samplers.zero_snr_lost(p.sampler, model.scheduler):
        notes.append(f"this model was trained down to pure noise, where {p.sampler} cannot start: very dark and very light pictures may come out grey")
    width, height = p.width or model.size, p.height or model.size
    _check_size(model, width, height)
    said = text.encode(model, p.prompt, p.negative_prompt, guided=p.guidance > 1, clip_skip=p.clip_skip)
    if said.chunks > 1:
        notes.append(f"the prompt was read in {said.chunks} chunks of up to {prompts.CHUNK} tokens")
    if p.negative_prompt and not said.guided:
        notes.append("guidance is 1, so the negative prompt had no effect")
    made, files = [], []
    figures: dict[str, float] = {"width": width, "height": height}
    started = time.perf_counter()
    for number in range(p.images):
        seed = (p.seed + number) % SEED_LIMIT
        frames, pixels = _one(p, ctx, model, said, (width, height), seed, number)
        made.append(pixels)
        files += _film(p, frames, (width, height), number)
        figures[f"seed_{number + 1}"] = seed
    figures["seconds_per_step"] = (time.perf_counter() - started) / (p.images * p.steps)
    return Result(images=made, files=files, figures=figures, notes=notes)


def _one(
    p: TextToImage, ctx: Context, model: Model, said: text.Conditioning, size: tuple[int, int], seed: int, number: int
) -> tuple[list[torch.Tensor], torch.Tensor]:
    """Picture `number` (from 0): the frames of its film, (1, 3, h, w) each, and its pixels (1, 3, H, W)."""
    generator = ctx.generator(seed)
    frames: list[torch.Tensor] = []
    before, total = number * p.steps, p.images * p.steps
    clock = time.perf_counter()

    def heard(done: int, expected: Callable[[], torch.Tensor]) -> None:
        if p.film != "none":
            frames.append(latents.preview(model, expected()).cpu())
        if done < p.steps:  # the last step is told with the finished picture
            seconds = (time.perf_counter() - clock) / done
            ctx.step(before + done, total, preview=lambda: latents.preview(model, expected()).cpu(), seconds_per_step=seconds)

    drawn = sampling.sample(
        model,
        said,
        sampling.noise(model, *size, generator),
        sampler=p.sampler,
        steps=p.steps,
        guidance=p.guidance,
        generator=generator,
        heard=heard,
    )
    pixels = latents.decode(model, drawn)
    if not bool(torch.isfinite(pixels).all()):
        raise JobFailed("the model's numbers ran over and no picture came out", hint="try another sampler, fewer steps or lower guidance")
    pixels = pixels.cpu()
    ctx.step(before + p.steps, total, preview=pixels, seconds_per_step=(time.perf_counter() - clock) / p.steps)
    return frames, pixels


def _film(p: TextToImage, frames: list[torch.Tensor], size: tuple[int, int], number: int) -> list[File]:
    if p.film == "none":
        return []
    return [film.make(p.film, frames, size, "denoising" if p.images == 1 else f"denoising-{number + 1}")]


def _check_size(model: Model, width: int, height: int) -> None:
    for name, side in (("width", width), ("height", height)):
        if side % model.scale:
            low = side // model.scale * model.scale
            raise BadInput(f"{name}: this model draws in blocks of {model.scale} pixels; the nearest to {side} are {low} and {low + model.scale}")

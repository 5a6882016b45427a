"""What the rooms that draw share: a model made ready for a prompt, one picture drawn with its steps told, and words for when memory runs out."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace

import torch

from huafang.context import Context
from huafang.diffusion import default_model, latents
from huafang.diffusion.adapters import Active, embedding, injected, lora
from huafang.diffusion.adapters.embedding import Vectors
from huafang.diffusion.conditioning import Conditioning
from huafang.diffusion.model import load
from huafang.diffusion.model.load import Model
from huafang.diffusion.params import DrawingParams, check, check_negative
from huafang.diffusion.prompt import dynamic, embedding_files, grammar, schedule, vocabulary
from huafang.diffusion.prompt.encode import encode
from huafang.diffusion.sampling import loop, schedulers
from huafang.errors import BadInput, OutOfMemory, is_out_of_memory
from huafang.notes import Note
from huafang.ops.threads import one_torch_thread

SMALL = 1 << 16
"""Numbers in the UNet's first map. Those of the built-in model have 20,000, Stable Diffusion's 1.3 million."""
OUT_OF_MEMORY = "take a smaller picture, or a smaller model"


TEXT_RAN_OVER = "its weights are damaged: get the model again; or take away weights of words"
RAN_OVER = "try another sampler, fewer steps or lower guidance"


@dataclass(frozen=True)
class Ready:
    """A model that has read its prompt. `notes` is what the user should know; a method adds its own."""

    model: Model
    conditioning: Conditioning
    adapters: Active
    notes: list[Note] = field(default_factory=list)
    resolved: dict[str, str] = field(default_factory=dict)
    """The prompts as chance decided them, by field; empty where there was nothing to decide."""
    prompt: str = ""
    embeddings: Mapping[str, Vectors] = field(default_factory=dict)
    """The prompt that was read, and the textual inversions that it may name."""


@contextmanager
def ready(p: DrawingParams, ctx: Context, *, seed: int | None = None, steps: int | None = None) -> Iterator[Ready]:
    """The model of `p`, in memory, its prompts encoded for `steps` steps (those of `p` where none are given).

    Wildcards and choices are decided by `seed`, that of `p` where none is given. Raises MissingWeights, BadInput; OutOfMemory whatever inside runs out of it.
    """
    if p.style_preset is not None:
        raise BadInput("style_preset: a style is applied before a run (styles.applied), and this one was not", code="params.bad")
    name = p.model or default_model.built_in(p.prompt)
    path = ctx.weights_path(name)
    drawn = _resolved(p, ctx, p.seed if seed is None else seed)
    try:
        model = ctx.resident.get(load.key(path, ctx.device), lambda: load.load(path, ctx.device))
        uses = _loras(drawn, ctx)
        with injected(model, [lora.Loras(uses)]) as active:
            words = _words(drawn, ctx, uses)
            found = _read(drawn, name, model, active, p.steps if steps is None else steps, embedding.fitted(model, words))
            found.notes.extend([*_near(drawn, ctx, words), *_idle(uses, p.steps if steps is None else steps)])
            resolved = {} if drawn is p else {"prompt": drawn.prompt, "negative_prompt": drawn.negative_prompt}
            yield replace(found, resolved=resolved, notes=[*_chance(p, drawn), *found.notes])
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        where = "memory" if ctx.device == "cpu" else f"the memory of {ctx.device}"
        raise OutOfMemory(f"{name} does not fit into {where} at this size", hint=OUT_OF_MEMORY) from None  # its frames hold tensors


def _resolved(p: DrawingParams, ctx: Context, seed: int) -> DrawingParams:
    """`p` with its wildcards and choices decided; `p` itself where there are none. Raises BadInput for what then cannot be read."""
    if not p.by_chance:
        return p
    wildcards = dynamic.Wildcards(ctx.wildcards)
    decided: dict[str, str] = {}
    for name in ("prompt", "negative_prompt"):
        try:
            decided[name] = dynamic.resolve(getattr(p, name), seed, wildcards.lines, stream="" if name == "prompt" else name)
            check(decided[name], p.steps)
            if name == "negative_prompt":
                check_negative(decided[name])
        except ValueError as error:
            raise BadInput(f"{name}: {error}", code="params.bad") from None
    return p.model_copy(update=decided)


def _chance(p: DrawingParams, drawn: DrawingParams) -> list[Note]:
    """The prompts that were drawn, where chance decided them."""
    shown = [(getattr(p, name), getattr(drawn, name), name) for name in ("prompt", "negative_prompt")]
    titles = {"prompt": ("drawn", "实际提示词"), "negative_prompt": ("kept out", "实际反向提示词")}
    return [Note(f"{titles[name][0]}: {now}", f"{titles[name][1]}：{now}") for template, now, name in shown if now != template]


def _loras(p: DrawingParams, ctx: Context) -> list[lora.Use]:
    """The LoRAs of the settings, then those that the prompt names."""
    given = [(one.name, one.weight, one.text_weight, None, None, None) for one in p.loras]
    named = [(one.name, one.weight, one.text_weight, one.blocks, one.start, one.stop) for one in grammar.loras(p.prompt)]
    return [
        lora.Use(name, ctx.weights_path(name, "lora"), weight, weight if text is None else text, blocks, start, stop)
        for name, weight, text, blocks, start, stop in (*given, *named)
    ]


def _idle(uses: Sequence[lora.Use], steps: int) -> list[Note]:
    """What is said of LoRAs whose steps never come."""
    idle = [use.name for use in uses if steps and not any(use.acts(step, steps) for step in range(steps))]
    return [
        Note(f"{name} acts in none of the {steps} steps: see its start and stop", f"{name} 在全部 {steps} 步中都不起作用：请检查 start 与 stop。")
        for name in idle
    ]


def _words(p: DrawingParams, ctx: Context, uses: Sequence[lora.Use]) -> dict[str, embedding_files.Found]:
    """The textual inversions that the prompts name, of the user's files and of the LoRAs that are used."""
    found = embedding_files.named(_said(p), ctx.weights.places())
    for use in uses:
        for word, tensors in embedding_files.words_of(use.path, use.name, bundled=True).items():
            if (finder := embedding_files.pattern([word])) and finder.search(_said(p)):
                found[word.lower()] = embedding_files.Found(word, use.path, tuple(tensors))
    return found


def _said(p: DrawingParams) -> str:
    return grammar.words(f"{p.prompt}\n{p.negative_prompt}")


def _used(embeddings: Iterable[Vectors]) -> list[Note]:
    each = {one.word: len(one) for one in sorted(embeddings, key=lambda one: one.word)}
    if not each:
        return []
    en = ", ".join(f"{word} ({count} vector{'s' if count > 1 else ''})" for word, count in each.items())
    return [Note(f"embeddings used: {en}", f"使用的嵌入：{'、'.join(f'{word}（{count} 个向量）' for word, count in each.items())}。")]


def _near(p: DrawingParams, ctx: Context, words: Mapping[str, embedding_files.Found]) -> list[Note]:
    """What is said of names that may mean an embedding and are read as plain words."""
    places = ctx.weights.places()
    near = dict(embedding_files.near(_said(p), places, words))
    said = []
    for word, name in near.items():
        en = f"{word} was read as plain words; did you mean the embedding {name}?"
        said.append(Note(en, f"{word} 已按普通文字读入；是不是想用嵌入 {name}？"))
    missing = sorted(embedding_files.asked(_said(p)) - words.keys() - near.keys())
    return said + [Note(f"there is no embedding {word}: it was read as plain words", f"没有名为 {word} 的嵌入：已按普通文字读入。") for word in missing]


def _read(p: DrawingParams, name: str, model: Model, adapters: Active, steps: int, embeddings: Mapping[str, Vectors]) -> Ready:
    words = grammar.words(p.prompt)
    finder = embedding_files.pattern(embeddings)
    plain = finder.sub("", words) if finder else words
    notes = [
        *adapters.notes,
        *default_model.notes(name, p.prompt),
        *_used(embeddings.values()),
        *vocabulary.notes(model, name, plain),
        *model.notes,
        *grammar.remarks(p.prompt),
        *grammar.remarks(p.negative_prompt),
        *schedule.remarks(p.prompt),
        *schedule.remarks(p.negative_prompt, negative=True),
    ]
    if not words.strip():  # legitimate, and seldom meant
        notes.insert(0, Note("the prompt is empty: the model drew whatever came to it", "提示词是空的：模型随意作画。"))
    if p.prediction != "auto":
        model = replace(model, scheduler={**model.scheduler, "prediction_type": p.prediction})
    if schedulers.zero_snr_lost(p.sampler, model.scheduler):
        grey = f"this model was trained down to pure noise, where {p.sampler} cannot start: very dark and very light pictures may come out grey"
        notes.append(Note(grey, f"这个模型训练到了纯噪声，而 {p.sampler} 无法从那里开始：很暗或很亮的画面可能发灰。"))
    said = encode(model, p.prompt, p.negative_prompt, guided=p.guidance > 1, clip_skip=p.clip_skip, steps=max(steps, 1), words=embeddings)
    for states in said.tensors():
        latents.check_finite(states, "text encoder", "the reading of the prompt", TEXT_RAN_OVER)
    if said.chunks > 1:
        parts, tokens = said.chunks, model.encoders[0].chunk
        notes.append(Note(f"the prompt was read in {parts} chunks of up to {tokens} tokens", f"提示词分 {parts} 段读入，每段最多 {tokens} 个词元。"))
    if p.negative_prompt and not said.guided:
        notes.append(Note("guidance is 1, so the negative prompt had no effect", "引导强度为 1，所以反向提示词不起作用。"))
    return Ready(model, said, adapters, notes, prompt=p.prompt, embeddings=embeddings)


def picture(
    p: DrawingParams,
    ctx: Context,
    drawer: Ready,
    start: torch.Tensor,
    generator: torch.Generator,
    *,
    over: torch.Tensor | None = None,
    last: int | None = None,
    fixed: loop.Fixed | None = None,
    before: int = 0,
    total: int | None = None,
    on_step: loop.Callback | None = None,
) -> torch.Tensor:
    """Draw one picture from the noise `start`; its pixels (1, 3, H, W) in [0, 1], on the CPU.

    `over`, `last` and `fixed` are those of `loop.sample`: a photo's latents, how many of the steps are taken, what is not drawn. Steps are reported to
    `ctx` as `before` + 1, … of `total`. `on_step` is called after each of them. Raises JobFailed when the numbers overflow.
    """
    model, steps = drawer.model, p.steps if last is None else last
    total = total or max(steps, 1)
    clock = time.perf_counter()

    def callback(state: loop.StepState) -> None:
        if on_step:
            on_step(state)
        if state.done < steps:  # the last step is reported with the finished picture
            seconds = (time.perf_counter() - clock) / state.done
            ctx.step(before + state.done, total, preview=lambda: latents.preview(model, state.expected()).cpu(), seconds_per_step=seconds)

    with one_torch_thread() if _small(model, start) else nullcontext():
        drawn = loop.sample(
            model,
            _complete(drawer, start, generator),
            start,
            sampler=p.sampler,
            steps=p.steps,
            guidance=p.guidance,
            generator=generator,
            over=over,
            last=last,
            fixed=fixed,
            callback=callback,
            at_step=drawer.adapters.at_step,
        )
    latents.check_finite(drawn, "sampler", f"{p.sampler}, at the last step", RAN_OVER)
    pixels = latents.decode(model, drawn)
    latents.check_finite(pixels, "VAE", "its decoder", latents.VAE_RAN_OVER)
    pixels = pixels.cpu()
    ctx.step(before + max(steps, 1), total, preview=pixels, seconds_per_step=(time.perf_counter() - clock) / max(steps, 1))
    return pixels


def _complete(drawer: Ready, start: torch.Tensor, generator: torch.Generator) -> Conditioning:
    """The conditioning; for an inpainting model that is asked for a whole picture, with a mask that is white all over."""
    if not drawer.model.inpainting or drawer.conditioning.channels is not None:
        return drawer.conditioning
    grey = torch.full((1, 3, start.shape[2] * drawer.model.scale, start.shape[3] * drawer.model.scale), 0.5)
    return drawer.conditioning.with_channels(torch.cat([torch.ones_like(start[:, :1]), latents.encode(drawer.model, grey, generator)], dim=1))


def _small(model: Model, latents: torch.Tensor) -> bool:
    """Whether the steps are so small, on a CPU, that threads cost more than they bring: on a busy machine they wait for each other, three times as long."""
    return model.device.type == "cpu" and model.unet.config.block_out_channels[0] * latents.shape[2] * latents.shape[3] <= SMALL

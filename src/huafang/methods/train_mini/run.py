"""Draw scenes, learn to turn them into latents, learn to draw latents from words, sharpen the decoder, judge the outcome. Every stage resumes."""

import copy
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from huafang.context import MODEL_FOLDER, Context, File, Result
from huafang.diffusion.model import load
from huafang.errors import BadInput, check_memory
from huafang.methods.train_mini import TrainMini, media, trial
from huafang.models import tensorfile
from huafang.nets import squeezenet
from huafang.notes import Note
from huafang.places import Places
from huafang.scenes.things import stickers
from huafang.scenes.things import things as all_things
from huafang.train import loop, runs
from huafang.train.mini import denoise, folder, tokenizers, vae
from huafang.train.mini.data import SHELF, Pictures, captions

CAPTIONS, CAPTIONS_OF_THINGS = 20_000, 60_000
"""Captions that the tokenizers learn from, at most."""
MERGES_OF_THINGS = 3_000
SHEET = (
    "a castle in the air at sunset",
    "a small house in a field of sunflowers",
    "a red boat on the sea at night",
    "a lighthouse by the sea at dawn",
    "雪地里的一座蓝色房子",
    "沙漠中的仙人掌",
    "夜晚山上的塔",
    "花园里的一只猫",
)
"""Prompts of the sheets that show how far the denoiser is."""
SHEET_OF_THINGS = (
    "a lion",
    "a camel in the desert at sunset, flat sticker",
    "a hamburger, 3D icon",
    "a cat to the left of a dog",
    "一只狮子",
    "雪地里的一只企鹅",
    "一个苹果，扁平贴纸",
    "海上的一艘轮船",
)


@dataclass(frozen=True)
class Run:
    """The parts of a training run on disk."""

    home: Path

    @property
    def tokenizers(self) -> Path:
        return self.home / "tokenizers"

    @property
    def started(self) -> Path:
        """The VAE of the model to begin with, where it goes on learning."""
        return self.home / "start-vae.safetensors"

    @property
    def latents(self) -> Path:
        return self.home / "latents.safetensors"

    @property
    def settled(self) -> Path:
        """The VAE after the first stage, its latents brought to the usual spread."""
        return self.home / "vae.safetensors"


def run(p: TrainMini, ctx: Context) -> Result:
    """Raises Cancelled, after saving; BadInput for a run of this name with other settings and for a reserved name, Conflict for one that is taken."""
    for name in p.models_made():
        ctx.weights.check_new(name, run=p.name)
    store = ctx.weights.root.resolve()
    here = Run(runs.home(ctx, p.name))
    pictured = _things(p, store)
    start = _start(p, ctx, here)
    drawn = max(p.scenes, p.vae_scenes)
    pictures = Pictures(runs.shared(ctx), p.seed, p.size, media.paint, min(SHELF, drawn), pictured)
    total = p.vae_steps + p.steps + p.decoder_steps
    pictures.draw(drawn, ctx, workers=p.workers or os.cpu_count() or 1, total=total)
    readers = _tokenizers(p, here, start, pictured)
    coder = _vae(p, ctx, here, pictures, total)
    latents = _latents(p, ctx, here, coder, pictures, total)
    nets = _denoiser(p, ctx, here, coder, latents, readers, start, total, pictured)
    sharper = _decoder(p, ctx, here, coder, pictures, total)
    made = folder.write(store, p.name, nets, sharper, here.tokenizers, whole=True, ours=lambda place: ctx.weights.is_made_by(place, p.name))
    for title in (made, f"{made}-zh"):
        ctx.weights.note_made(p.name, store / title)
    model = trial.model(nets, sharper, readers["clip"], "clip", p.size, ctx.device)
    sheet = trial.sheet([(model, prompt) for prompt in SHEET[:4]], seed=p.seed)
    ctx.step(total, total, preview=sheet)
    return Result(
        images=[sheet],
        files=[File(title, MODEL_FOLDER, store / title) for title in (made, f"{made}-zh")],
        figures={"parameters": sum(one.numel() for one in nets.parameters()) + sum(one.numel() for one in sharper.parameters())},
        notes=[
            *([] if made == p.name else [_renamed(p.name, made)]),
            Note(f"the models {made} and {made}-zh are ready: choose them by these names", f"模型 {made} 和 {made}-zh 已就绪，按名字选用即可。"),
            Note(f"logs and samples are in {here.home}", f"日志和样张在 {here.home}"),
        ],
    )


def _renamed(name: str, made: str) -> Note:
    en = f"another model has been called {name} or {name}-zh since the run began, so these are called {made} and {made}-zh"
    return Note(en, f"训练期间出现了另一个名为 {name} 或 {name}-zh 的模型，所以这两个模型叫 {made} 和 {made}-zh。")


@dataclass(frozen=True)
class Start:
    """The model to begin with: `unet`, `clip` and `bert`, and the folders of its two tokenizers."""

    nets: Mapping[str, nn.Module]
    tokenizers: Mapping[str, Path]


def _things(p: TrainMini, store: Path) -> Path | None:
    """The folder of the pictures of things, where they are wanted. Raises BadInput where they are not there."""
    if not p.things:
        return None
    pictures = Places(store.parent).things
    stickers.load(pictures)
    return pictures


def _start(p: TrainMini, ctx: Context, here: Run) -> Start | None:
    """The networks of the model to begin with; its VAE is put where this run looks for its own. Raises MissingWeights, BadInput."""
    if not p.start:
        return None
    folders = {"clip": ctx.weights_path(p.start)}
    if not folders["clip"].is_dir():
        raise BadInput(f"start: {p.start} is no diffusers folder, such as mini and what this method makes", code="weights.wrong_kind")
    folders["bert"] = ctx.weights_path(f"{p.start}-zh")
    models = {name: load.load(place, ctx.device) for name, place in folders.items()}
    where = here.started if p.things else here.settled
    if not where.is_file():
        where.parent.mkdir(parents=True, exist_ok=True)
        _keep(where, models["clip"].vae.state_dict())
    nets = {"unet": models["clip"].unet, **{name: model.encoders[0].model for name, model in models.items()}}
    return Start(nets, {name: place / "tokenizer" for name, place in folders.items()})


def _tokenizers(p: TrainMini, here: Run, start: Start | None, pictured: Path | None) -> dict[str, Any]:
    """From disk, from the model to begin with, or learnt; with things, those of the model to begin with are grown."""
    from transformers import BertTokenizer, CLIPTokenizer

    if start and not pictured:
        for name, place in start.tokenizers.items():
            shutil.copytree(place, here.tokenizers / name, dirs_exist_ok=True)
    if not (here.tokenizers / "bert" / "vocab.txt").is_file():
        most = CAPTIONS_OF_THINGS if pictured else CAPTIONS
        pairs = [captions(p.seed, number, 0, pictured, training=None) for number in range(min(most, max(2000, p.scenes)))]
        names = [(thing.plural(name), "") for thing in all_things().values() for name in thing.english] if pictured else []
        names += [(name, "") for thing in all_things().values() for name in thing.english] if pictured else []
        names += [("", name + "".join(measures)) for thing in all_things().values() for name, measures in thing.chinese] if pictured else []
        pairs += 3 * names  # each word often enough to become one piece
        known = tokenizers.read_merges(start.tokenizers["clip"]) if start else []
        letters = tokenizers.vocabulary(start.tokenizers["bert"]) if start else {}
        tokenizers.write_clip(here.tokenizers / "clip", [pair[0] for pair in pairs], MERGES_OF_THINGS if pictured else tokenizers.MERGES, known)
        tokenizers.write_bert(here.tokenizers / "bert", [pair[1] for pair in pairs], letters)
    return {"clip": CLIPTokenizer.from_pretrained(here.tokenizers / "clip"), "bert": BertTokenizer.from_pretrained(here.tokenizers / "bert")}


def _vae(p: TrainMini, ctx: Context, here: Run, pictures: Pictures, total: int) -> nn.Module:
    """Trained, with its latents settled; from disk where that was done."""
    torch.manual_seed(p.seed)
    coder = vae.network(tuple(int(one) for one in p.vae_channels), p.size).to(ctx.device)
    if not here.settled.is_file():
        if here.started.is_file():
            _load_vae(p, coder, here.started)
        task = vae.VaeTask(
            coder,
            pictures,
            count=p.vae_scenes,
            steps=p.vae_steps,
            batch=p.vae_batch,
            rate=p.vae_rate,
            device=ctx.device,
            loss_net=squeezenet.load(ctx.weights_path(p.loss_network)) if p.loss_network else None,
        )
        loop.train(task, here.home / "vae", loop.Plan(p.vae_steps, p.sample_every, p.sample_every, 0, total), ctx)
        count = min(2000, p.vae_scenes)
        means = denoise.encode_all(coder, pictures, count, ctx.device, lambda done: ctx.step(p.vae_steps, total, latents=done))
        vae.settle(coder, means.to(ctx.device))
        _keep(here.settled, coder.state_dict())
    _load_vae(p, coder, here.settled)
    return coder.eval()  # type: ignore[no-any-return]  # diffusers' networks say no types


def _load_vae(p: TrainMini, coder: nn.Module, path: Path) -> None:
    try:
        coder.load_state_dict(tensorfile.load(path))
    except RuntimeError as error:
        check_memory(error)
        raise BadInput(f"the VAE of the run {p.name} has other sizes; set vae_channels to its own", code="weights.wrong_kind") from error


def _latents(p: TrainMini, ctx: Context, here: Run, coder: nn.Module, pictures: Pictures, total: int) -> Tensor:
    """(scenes, 4, h, w), scaled as the denoiser sees them: about 1 in standard deviation."""
    if here.latents.is_file() and len(kept := tensorfile.load(here.latents)["latents"]) >= p.scenes:
        return kept[: p.scenes]
    found = denoise.encode_all(coder, pictures, p.scenes, ctx.device, lambda done: ctx.step(p.vae_steps, total, latents=done)) * vae.SCALING
    _keep(here.latents, {"latents": found.half()})
    return found.half()


def _denoiser(
    p: TrainMini,
    ctx: Context,
    here: Run,
    coder: nn.Module,
    latents: Tensor,
    readers: Mapping[str, Any],
    start: Start | None,
    total: int,
    pictured: Path | None,
) -> nn.ModuleDict:
    torch.manual_seed(p.seed + 1)
    shape = denoise.Shape(tuple(int(one) for one in p.channels), p.width, p.layers)
    nets = denoise.networks(shape, latents.shape[-1], len(readers["clip"]), len(readers["bert"]))
    for name, known in start.nets.items() if start else ():
        state = known.state_dict()
        if start and name in start.tokenizers:
            state = _grown(state, nets[name].state_dict(), start.tokenizers[name], here.tokenizers / name)
        try:
            nets[name].load_state_dict(state)
        except RuntimeError as error:
            check_memory(error)
            raise BadInput(f"start: {p.start} has a {name} of other sizes; set channels, width and layers to its own", code="weights.wrong_kind") from error

    def draw(average: nn.ModuleDict) -> Tensor:
        models = [trial.model(average, coder, readers[name], name, p.size, ctx.device) for name in ("clip", "bert")]
        return trial.sheet([(models[not prompt.isascii()], prompt) for prompt in (SHEET + SHEET_OF_THINGS if pictured else SHEET)], seed=p.seed)

    task = denoise.DenoiseTask(nets, latents, readers, seed=p.seed, steps=p.steps, batch=p.batch, rate=p.rate, device=ctx.device, draw=draw, things=pictured)
    loop.train(task, here.home / "denoiser", loop.Plan(p.steps, p.sample_every, p.sample_every, p.vae_steps, total), ctx)
    return task.ema.module


def _grown(state: Mapping[str, Tensor], fresh: Mapping[str, Tensor], old: Path, new: Path) -> dict[str, Tensor]:
    """A text encoder's weights for a larger vocabulary: words that are known keep their embeddings."""
    grown = dict(state)
    for key, tensor in state.items():
        if key.endswith(("token_embedding.weight", "word_embeddings.weight")) and tensor.shape[1] == fresh[key].shape[1]:
            grown[key] = tokenizers.carried(tensor.to(fresh[key].device), tokenizers.vocabulary(old), tokenizers.vocabulary(new), fresh[key])
    return grown


def _decoder(p: TrainMini, ctx: Context, here: Run, coder: nn.Module, pictures: Pictures, total: int) -> nn.Module:
    """The VAE with a decoder that went on learning."""
    if not p.decoder_steps:
        return coder
    sharper = copy.deepcopy(coder)
    task = vae.VaeTask(
        sharper,
        pictures,
        count=max(p.scenes, p.vae_scenes),
        steps=p.decoder_steps,
        batch=p.vae_batch,
        rate=p.vae_rate / 2,
        device=ctx.device,
        loss_net=squeezenet.load(ctx.weights_path(p.loss_network)) if p.loss_network else None,
        frozen_encoder=True,
    )
    loop.train(task, here.home / "decoder", loop.Plan(p.decoder_steps, p.sample_every, p.sample_every, p.vae_steps + p.steps, total), ctx)
    return sharper.eval()


def _keep(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write under another name first, so that a file that is there is whole."""
    draft = path.with_suffix(".draft")
    save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, draft)
    draft.replace(path)

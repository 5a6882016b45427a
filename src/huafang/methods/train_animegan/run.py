"""Chen, Liu & Chen 2020, trained: see `train/style/animation.py` for what a step is, `nets/animegan.py` and `nets/anime_reference.py` for the networks."""

import hashlib
from dataclasses import replace

from torch import nn

from huafang.context import Context, File, Result
from huafang.methods.train_animegan import TrainAnimeGan
from huafang.methods.train_animegan.recipes import Recipe
from huafang.nets import anime_discriminator, anime_reference, animegan, checkpoint
from huafang.train import journal, loop, runs
from huafang.train.style import animation, losses, weights
from huafang.train.style.album import Album, kept, middles
from huafang.train.style.animation import AnimationTask, Balance, Pace

SAMPLES = 3
UPSAMPLING: animegan.Upsampling = "tf1"
"""How the paper's network enlarges, here as in TensorFlow, where it comes from: what the method `animegan` takes by itself."""


def run(p: TrainAnimeGan, ctx: Context) -> Result:
    """Raises Cancelled, after saving; BadInput for a run of this name with other settings, Conflict for a name that is taken, MissingWeights."""
    told = p.settings
    ctx.weights.check_new(p.name)
    looks = animation.looks(p.features, ctx.weights_path(losses.WEIGHTS[p.features]), ctx.device)
    home = runs.home(ctx, p.name)
    photos, drawings = (Album([kept(ctx.image(one.asset), told.size) for one in ctx.dataset(ids)], told.size) for ids in (p.dataset, p.paintings))
    steps = told.epochs * p.epoch
    task = AnimationTask(
        _generator(p, ctx),
        anime_discriminator.fresh(p.seed, spectral=p.recipe == "paper"),
        photos,
        drawings,
        looks,
        middles(photos.pictures[:SAMPLES], told.size),
        seed=p.seed,
        steps=steps,
        batch=told.batch,
        pace=Pace(told.rate, told.discriminator_rate, told.init_rate, told.init_epochs * p.epoch),
        device=ctx.device,
        balance=_balance(p, told),
        facts={"recipe": p.recipe, "pictures": _mark(p), "features": p.features, "start": p.start},
    )
    log = journal.Journal(home, p.epoch, told.epochs)
    loop.train(task, home, loop.Plan(steps, p.sample_every, p.sample_every), ctx, logged=log.logged)
    log.logged(steps)
    files = [weights.write(ctx, p.name, task.net.state_dict()), File(journal.NAME, "text/plain", log.text.encode())]
    sheet = task.sample()
    ctx.step(steps, steps, preview=sheet)
    return Result(
        images=[sheet],
        files=files,
        figures={"parameters": sum(one.numel() for one in task.net.parameters()), "photos": len(photos.pictures), "drawings": len(drawings.pictures)},
        notes=weights.ready(p.name, files[0], home, "huafang animegan PHOTO --weights {name}"),
    )


def _generator(p: TrainAnimeGan, ctx: Context) -> nn.Module:
    """The recipe's network, new or `start`. Raises BadInput for a start of another layout."""
    if p.start:
        state = checkpoint.read(ctx.weights_path(p.start))
        return animegan.build(state, p.start, UPSAMPLING) if p.recipe == "paper" else anime_reference.build(state, p.start)
    return animation.fresh(animegan.Generator(UPSAMPLING) if p.recipe == "paper" else anime_reference.Generator(), p.seed)


def _balance(p: TrainAnimeGan, told: Recipe) -> Balance:
    """AnimeGANv2's discriminator is told four sorts of pictures, weighed as for its style Hayao; the reference recipe's, two."""
    chosen = Balance(adversarial=told.adversarial_weight, style=told.style_weight, colour=told.colour_weight)
    return replace(chosen, roughness=0.1, real=1.2, painted=1.2, grey=1.2, soft=0.8) if p.recipe == "paper" else chosen


def _mark(p: TrainAnimeGan) -> str:
    """What the pictures of a run are known by."""
    return hashlib.sha256(" ".join([*p.dataset, "|", *p.paintings]).encode()).hexdigest()[:16]

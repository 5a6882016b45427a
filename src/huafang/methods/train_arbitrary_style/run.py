"""Wang et al. 2023, trained: see `train/style/arbitrary.py` for what a step is, `nets/micro_ast.py` for the network."""

import hashlib
from pathlib import Path

from torch import Tensor

from huafang.context import Context, Result
from huafang.methods.train_arbitrary_style import TrainArbitraryStyle, renderings
from huafang.nets import micro_ast
from huafang.train import loop, runs
from huafang.train.style import flatness, losses, weights
from huafang.train.style.album import Album, kept, middles
from huafang.train.style.arbitrary import ArbitraryTask, Balance

SHEET = 160
"""Pictures of the sample sheets are squares of so many pixels."""


def run(p: TrainArbitraryStyle, ctx: Context) -> Result:
    """Raises Cancelled, after saving; BadInput for a run of this name with other settings, Conflict for a name that is taken, MissingWeights."""
    ctx.weights.check_new(p.name)
    looks = losses.load(p.features, ctx.weights_path(losses.WEIGHTS[p.features]), ctx.device)
    home = runs.home(ctx, p.name)
    photos, paintings = _pictures(p, ctx, home)
    task = ArbitraryTask(
        Album(photos, p.size),
        Album(paintings, p.size),
        looks,
        (middles(photos[:3], SHEET), middles(paintings[:5], SHEET)),
        seed=p.seed,
        steps=p.steps,
        batch=p.batch,
        rate=p.rate,
        device=ctx.device,
        balance=Balance(style=p.style_weight, texture=p.style_weight, contrast=p.contrast_weight),
        start=micro_ast.load(ctx.weights_path(p.start)) if p.start else None,
        facts={"pictures": _mark(p), "features": p.features, "start": p.start},
    )
    loop.train(task, home, loop.Plan(p.steps, p.sample_every, p.sample_every), ctx)
    file = weights.write(ctx, p.name, task.ema.module.state_dict())
    painted = task.painted()
    sheet = task.sheet(painted)
    ctx.step(p.steps, p.steps, preview=sheet)
    return Result(
        images=[sheet],
        files=[file],
        figures={"parameters": sum(one.numel() for one in task.net.parameters()), "photos": len(photos), "paintings": len(paintings)},
        notes=[
            *weights.ready(p.name, file, home, "huafang micro-ast PHOTO --style PAINTING --weights {name}"),
            *flatness.notes(painted, *task.samples, steps=p.steps, usual=TrainArbitraryStyle.model_fields["steps"].default),
        ],
    )


def _pictures(p: TrainArbitraryStyle, ctx: Context, home: Path) -> tuple[list[Tensor], list[Tensor]]:
    """The photos and scenes, and the paintings and what the studio painted, as albums keep them. A painting comes so often that paintings are half of all."""
    photos, paintings = ([kept(ctx.image(one.asset), p.size) for one in ctx.dataset(ids)] for ids in (p.dataset, p.paintings))
    photos += [kept(one, p.size) for one in renderings.scenes(max(4, p.renderings // 10), p.seed)]
    own = [kept(one, p.size) for one in renderings.painted(ctx, home / "renderings", photos, p.renderings, p.seed, p.steps)]
    return photos, paintings * max(1, len(own) // max(1, len(paintings))) + own


def _mark(p: TrainArbitraryStyle) -> str:
    """What the pictures of a run are known by."""
    return hashlib.sha256(" ".join([*p.dataset, "|", *p.paintings, "|", str(p.renderings)]).encode()).hexdigest()[:16]

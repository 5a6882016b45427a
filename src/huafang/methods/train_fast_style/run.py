"""Johnson et al. 2016, trained: see `train/style/painting.py` for what a step is, `nets/transformer_net.py` for the network."""

import hashlib

from huafang.context import Context, Result
from huafang.errors import BadInput
from huafang.methods.train_fast_style import TrainFastStyle
from huafang.nets import checkpoint, transformer_net
from huafang.nets.transformer_net import TransformerNet
from huafang.ops import resize
from huafang.train import loop, runs
from huafang.train.style import album, flatness, losses, weights
from huafang.train.style.painting import Balance, PaintingTask

SAMPLES = 3


def run(p: TrainFastStyle, ctx: Context) -> Result:
    """Raises Cancelled, after saving; BadInput for a run of this name with other settings, Conflict for a name that is taken, MissingWeights."""
    ctx.weights.check_new(p.name)
    looks = losses.load(p.features, ctx.weights_path(losses.WEIGHTS[p.features]), ctx.device)
    home = runs.home(ctx, p.name)
    photos = album.Album([album.kept(ctx.image(one.asset), p.size) for one in ctx.dataset(p.dataset)], p.size)
    painting = resize.widened(resize.shrunk(ctx.image(p.style), p.style_size), 64)
    task = PaintingTask(
        photos,
        painting,
        looks,
        album.middles(photos.pictures[:SAMPLES], p.size),
        seed=p.seed,
        steps=p.steps,
        batch=p.batch,
        rate=p.rate,
        device=ctx.device,
        balance=Balance(style=p.style_weight),
        start=_start(p, ctx),
        facts={"style": p.style, "style_size": p.style_size, "photos": _mark(p), "features": p.features, "start": p.start},
    )
    loop.train(task, home, loop.Plan(p.steps, p.sample_every, p.sample_every), ctx)
    file = weights.write(ctx, p.name, task.net.state_dict())
    painted = task.painted()
    sheet = task.sheet(painted)
    ctx.step(p.steps, p.steps, preview=sheet)
    return Result(
        images=[sheet],
        files=[file],
        figures={"parameters": sum(one.numel() for one in task.net.parameters()), "photos": len(photos.pictures)},
        notes=[
            *weights.ready(p.name, file, home, "huafang fast-style PHOTO --weights {name}"),
            *flatness.notes(painted, task.samples, painting, steps=p.steps, usual=TrainFastStyle.model_fields["steps"].default),
        ],
    )


def _start(p: TrainFastStyle, ctx: Context) -> TransformerNet | None:
    """The network to begin with. Raises BadInput for one of another layout."""
    if not p.start:
        return None
    state = checkpoint.read(ctx.weights_path(p.start))
    if transformer_net.layout(state, p.start) != "examples":
        raise BadInput(f"start: {p.start} has the layout of rrmina, and one of pytorch/examples is wanted", code="weights.wrong_kind")
    return transformer_net.build(state, p.start)


def _mark(p: TrainFastStyle) -> str:
    """What the photos of a run are known by."""
    return hashlib.sha256(" ".join(p.dataset).encode()).hexdigest()[:16]

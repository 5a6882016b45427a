"""Where a training lies while it is not done: log, samples and checkpoints, in a folder of its own name below `ctx.work`."""

import contextlib
from pathlib import Path

from huafang.context import Context

FOLDER = "training"
SHARED = ".scenes"
"""Pictures that several trainings share; no training can have this name."""


def home(ctx: Context, name: str) -> Path:
    """The folder of the training `name`. One that an earlier version began, in `.training` of the models folder, stays and goes on where it is."""
    earlier = ctx.weights.root.resolve() / ".training" / name
    return earlier if ctx.work is None or _is_run(earlier) else ctx.work / FOLDER / name


def shared(ctx: Context) -> Path:
    """The folder of the pictures that trainings share; one of an earlier version is used on."""
    earlier = ctx.weights.root.resolve() / ".training" / "scenes"
    return earlier if ctx.work is None or _is_run(earlier) else ctx.work / FOLDER / SHARED


def _is_run(folder: Path) -> bool:
    """Whether a training left anything in `folder` but the note of what it made, which the store of models keeps there."""
    with contextlib.suppress(OSError):
        return any(item.name != "made.json" for item in folder.iterdir())
    return False

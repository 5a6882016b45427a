"""The one training loop: steps, a log, sample pictures, checkpoints, and an exact way back into a run that was stopped.

A task says what a step is; the loop says when to log, to save and to show. All randomness of step n comes from (seed, n), so a run that is resumed at n
sees what it would have seen.
"""

import hashlib
import json
import math
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from huafang import images
from huafang.assets import write_whole
from huafang.context import Context
from huafang.errors import BadInput, Cancelled, Diverged
from huafang.notes import Note
from huafang.train import checkpoints

LOG = "log.jsonl"


class Task(Protocol):
    """What is trained. `facts` are the settings that a resumed run must share."""

    @property
    def modules(self) -> Mapping[str, nn.Module]: ...
    @property
    def optimizers(self) -> Mapping[str, torch.optim.Optimizer]: ...
    @property
    def facts(self) -> Mapping[str, Any]: ...

    def step(self, number: int) -> dict[str, float]:
        """Step `number` (from 0); gives its figures, or none where it came to nothing."""

    def sample(self) -> Tensor:
        """A sheet of pictures, (1, 3, H, W) in [0, 1], of what has been learned so far."""


@runtime_checkable
class Validated(Protocol):
    """A task that can be judged by pictures it does not learn from: the best checkpoint is kept beside the newest."""

    def validate(self) -> float:
        """The loss on them; lower is better."""


@dataclass(frozen=True)
class Plan:
    """How long, and how often what. `before` of `total` steps belong to earlier stages of the same job: progress counts them."""

    steps: int
    save_every: int = 200
    sample_every: int = 200
    before: int = 0
    total: int = 0


def train(task: Task, folder: Path, plan: Plan, ctx: Context, *, logged: Callable[[int], None] = lambda done: None) -> int:
    """Train `task` to `plan.steps`, from the last checkpoint in `folder` if there is one; gives the steps done in this sitting.

    `log.jsonl` gets a line per step, and `logged` hears of each; `samples/` gets a sheet every `sample_every` steps. A task that is `Validated` is validated
    before each checkpoint that is due, and the best one is kept beside the newest. A cancel is heard when the step in
    progress is done, and what was learnt is saved before it is obeyed.
    Raises Cancelled, Diverged, BadInput where the run in `folder` was one of other settings.
    """
    first = _resume(task, folder)
    if first:
        ctx.message(Note(f"goes on from step {first} of {plan.steps}, where it was stopped", f"从上次停下的第 {first} 步（共 {plan.steps} 步）继续训练。"))
    _cut(folder / LOG, first)
    smooth: dict[str, float] = {}
    clock, saved = time.monotonic(), first
    try:
        for done in range(first + 1, plan.steps + 1):
            ctx.unsaved = True
            figures, due = _stepped(task, done), done % plan.save_every == 0 or done == plan.steps
            validation = _validated(task, done) if due and isinstance(task, Validated) else None
            if validation is not None:
                figures["validation"] = validation
            _log(folder, done, figures)
            logged(done)
            smooth |= {key: smooth.get(key, value) * 0.95 + value * 0.05 if key != "validation" else value for key, value in figures.items()}
            sheet = _sampled(task, folder, done) if done % plan.sample_every == 0 or done == plan.steps else None
            if due:
                save(task, folder, done, ctx, validation)
                saved = done
            try:
                ctx.step(plan.before + done, plan.total or plan.steps, preview=sheet, seconds_per_step=(time.monotonic() - clock) / (done - first), **smooth)
            except BaseException as stopped:
                if saved < done:
                    save(task, folder, done, ctx)
                if isinstance(stopped, Cancelled):
                    ctx.message(_saved(done, plan.steps))
                raise
    finally:
        ctx.unsaved = False
    return max(0, plan.steps - first)


def _stepped(task: Task, done: int) -> dict[str, float]:
    """Figures of the step that makes it `done`. Raises Diverged where one of them is NaN or infinite."""
    return _finite(task.step(done - 1), done)


def _validated(task: Validated, done: int) -> float:
    """The loss on pictures that are not learnt from. Raises Diverged."""
    return _finite({"validation": task.validate()}, done)["validation"]


def _finite(figures: dict[str, float], done: int) -> dict[str, float]:
    if bad := [name for name, value in figures.items() if not math.isfinite(value)]:
        raise Diverged(f"training broke down at step {done}: {bad[0]} is no number any more", hint="resume with a smaller learning rate")
    return figures


def _log(folder: Path, done: int, figures: Mapping[str, float]) -> None:
    with (folder / LOG).open("a", encoding="utf-8") as file:
        file.write(json.dumps({"step": done, "time": round(time.time(), 1), **{key: round(value, 6) for key, value in figures.items()}}) + "\n")


def _sampled(task: Task, folder: Path, done: int) -> Tensor:
    sheet = task.sample()
    write_whole(folder / "samples" / f"{done:08d}.png", images.encode(sheet))
    return sheet


def _saved(done: int, steps: int) -> Note:
    """What a cancelled training says."""
    return Note(
        f"step {done} of {steps} is saved; to go on from there, start the training again with the same name and settings",
        f"已保存到第 {done} 步（共 {steps} 步）；用相同的名称和设置再次开始训练，即可从这里继续。",
    )


def save(task: Task, folder: Path, done: int, ctx: Context | None = None, validation: float | None = None) -> None:
    """Write the checkpoint of `done` steps, with its validation loss where that is known; `ctx` says meanwhile that this goes on."""
    if ctx:
        ctx.saving = True
    try:
        checkpoints.save(folder, done, task.modules, task.optimizers, {"facts": dict(task.facts)}, validation=validation)
    finally:
        if ctx:
            ctx.saving = False


def generator(seed: int, number: int, what: str = "") -> torch.Generator:
    """The randomness of step `number`, apart for each use `what`."""
    mark = hashlib.sha256(f"{seed}:{number}:{what}".encode()).digest()
    return torch.Generator("cpu").manual_seed(int.from_bytes(mark[:7], "big"))


def rate(number: int, steps: int, *, warmup: int = 100, cooldown: float = 0.25) -> float:
    """Share of the learning rate at step `number`: up over `warmup` steps, level, and straight down to 2 % over the last `cooldown` of the run.

    A level rate is what lets a run be prolonged: only the end is lowered.
    """
    up = min(1.0, (number + 1) / warmup)
    left = (steps - number) / max(1.0, steps * cooldown)
    return up * max(0.02, min(1.0, left))


def set_rate(optimizer: torch.optim.Optimizer, value: float) -> None:
    """`value` for each group, times its own `share` where it has one."""
    for group in optimizer.param_groups:
        group["lr"] = value * group.get("share", 1.0)


def _resume(task: Task, folder: Path) -> int:
    place = checkpoints.newest(folder)
    if place is None:
        return 0
    was, wanted = checkpoints.facts(place)["facts"], json.loads(json.dumps(dict(task.facts)))
    differing = sorted(key for key in {*was, *wanted} if was.get(key) != wanted.get(key))
    if differing:
        key = differing[0]
        before, now = was.get(key), wanted.get(key)
        hidden = any(re.fullmatch(r"[0-9a-f]{16,}", str(one)) for one in (before, now))  # fingerprints of pictures say nothing to anyone
        said = f"with another {key}" if hidden else f"with {key} = {before!r}, and now {now!r} is asked for"
        raise BadInput(
            f"the training {folder.name} was begun {said}", code="train.other_settings", hint="take another name for the new training, or the old settings"
        )
    return checkpoints.load(place, task.modules, task.optimizers)


def _cut(log: Path, done: int) -> None:
    """Drop the lines of steps that were taken after the last checkpoint: they are taken again."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.is_file():
        lines = [line for line in log.read_text("utf-8").splitlines() if line.startswith("{") and json.loads(line)["step"] <= done]
        write_whole(log, "".join(line + "\n" for line in lines).encode())

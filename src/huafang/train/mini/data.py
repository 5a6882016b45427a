"""Scenes as tensors, drawn once and kept on disk. Scene n of a seed is the same everywhere, so a data set is a seed and a range of numbers."""

import multiprocessing
import os
import random
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from huafang.context import Context
from huafang.scenes import scene, words
from huafang.scenes.facts import Facts, Medium
from huafang.scenes.things import drawing, sampling, stickers
from huafang.scenes.things import words as thing_words
from huafang.scenes.things.sampling import ThingFacts

Painter = Callable[[NDArray[np.float32], Medium, int], NDArray[np.float32]]
"""(H, W, 3) in [0, 1], a medium and a seed -> the same scene in that medium. It must be a function of a module: other processes import it."""
UNSEEN = 1_000_000_000
"""Numbers from here on are never trained on: judging draws from them."""
SCENES = 0.22
"""Share of the scenes in a set with things."""
THINGS_VERSION = 1
"""Raised when the same number gives another picture of things: a set that was drawn before is then drawn anew."""
SHELF = 500
"""Pictures in one file, usually."""


def facts(seed: int, number: int) -> Facts:
    """What is in scene `number`, without drawing it."""
    return scene.facts(seed, number)


def thing_facts(seed: int, number: int, things: Path) -> ThingFacts | None:
    """What is in picture `number` of a set with things, None where it is one of the scenes. `things` is the folder of their pictures."""
    rng = _thing_dice(seed, number)
    return None if rng.random() < SCENES else sampling.sample(rng, stickers.load(things), training=number < UNSEEN)


def picture(seed: int, number: int, size: int, painter: Painter, things: Path | None = None) -> NDArray[np.uint8]:
    """Picture `number` in its medium: (3, size, size). With the folder `things` it is a scene, or a picture of things."""
    known = thing_facts(seed, number, things) if things else None
    if known is None or things is None:
        drawn = scene.scene(seed, number, size)
        pixels, medium = drawn.pixels, drawn.facts.medium
    else:
        pixels = drawing.draw(known, random.Random(f"{seed}:{number}:drawing"), size, stickers.load(things))  # noqa: S311  # no secret
        medium = known.scene.medium if known.scene else "plain"
    if medium != "plain":
        pixels = painter(pixels, medium, number)
    return (pixels * 255 + 0.5).clip(0, 255).astype(np.uint8).transpose(2, 0, 1)


def captions(seed: int, number: int, telling: int, things: Path | None = None, *, training: bool | None = True) -> tuple[str, str]:
    """English and Chinese words for picture `number`; each `telling` chooses others. Of things, those wordings that `training` lets through: True leaves
    out a twentieth, False takes that alone, None takes all."""
    rng = random.Random(f"{seed}:{number}:{telling}")  # noqa: S311  # no secret
    known = thing_facts(seed, number, things) if things else None
    return words.captions(facts(seed, number), rng) if known is None else thing_words.captions(known, rng, training=training)


def _thing_dice(seed: int, number: int) -> random.Random:
    return random.Random(f"things:{seed}:{number}")  # noqa: S311  # no secret


@dataclass(frozen=True)
class Pictures:
    """The first scenes of `seed` at `size` pixels, kept in `folder` in files of `shelf` pictures."""

    folder: Path
    seed: int
    size: int
    painter: Painter
    shelf: int = SHELF
    things: Path | None = None
    """Folder of the pictures of things, where the set has some."""
    _open: dict[int, NDArray[np.uint8]] = field(default_factory=dict)

    def place(self, shelf: int) -> Path:
        mark = f"-things{THINGS_VERSION}" if self.things else ""
        return self.folder / f"{self.seed}-{self.size}-{self.shelf}{mark}" / f"{shelf:05d}.npy"

    def draw(self, count: int, ctx: Context, *, workers: int, total: int) -> None:
        """Draw the first `count` scenes, in `workers` processes, where they are not there yet. `total` steps come after it. Raises Cancelled."""
        wanted = [shelf for shelf in range(-(-count // self.shelf)) if not self.place(shelf).is_file()]
        if workers == 1 or len(wanted) < 2 or multiprocessing.current_process().daemon:  # a lane may have no children
            for place, shelf in enumerate(wanted):
                left = len(wanted) - place
                draw_shelf(self, shelf, lambda left=left: ctx.step(0, total, shelves_to_draw=left))  # type: ignore[misc]  # mypy knows no default of a lambda
            return
        with ProcessPoolExecutor(min(workers, len(wanted)), mp_context=multiprocessing.get_context("spawn"), initializer=_one_thread) as pool:
            waiting = {pool.submit(draw_shelf, self, shelf) for shelf in wanted}
            try:
                while waiting:
                    done, waiting = wait(waiting, timeout=1.0, return_when=FIRST_COMPLETED)
                    for task in done:
                        task.result()
                    ctx.step(0, total, shelves_to_draw=len(waiting))
            except BaseException:
                for process in list((pool._processes or {}).values()):  # as `kill_workers` of Python 3.14 does: a cancel does not wait for a file
                    process.kill()
                raise

    def batch(self, numbers: Sequence[int]) -> Tensor:
        """(B, 3, size, size) float32 in [0, 1]."""
        rows = [self._shelf(number // self.shelf)[number % self.shelf] for number in numbers]
        return torch.from_numpy(np.stack(rows)).float().div_(255)

    def _shelf(self, shelf: int) -> NDArray[np.uint8]:
        if shelf not in self._open:
            self._open[shelf] = np.load(self.place(shelf), mmap_mode="r", allow_pickle=False)
        return self._open[shelf]


def _one_thread() -> None:
    torch.set_num_threads(1)


def draw_shelf(pictures: Pictures, shelf: int, tell: Callable[[], None] = lambda: None) -> None:
    """Draw one file's pictures; written under another name first. `tell` is called before each of them."""
    place = pictures.place(shelf)
    place.parent.mkdir(parents=True, exist_ok=True)
    first = shelf * pictures.shelf
    drawn = []
    for number in range(first, first + pictures.shelf):
        tell()
        drawn.append(picture(pictures.seed, number, pictures.size, pictures.painter, pictures.things))
    draft = place.with_suffix(f".{os.getpid()}.draft")
    with draft.open("wb") as file:
        np.save(file, np.stack(drawn), allow_pickle=False)
    draft.replace(place)


def chosen(count: int, batch: int, step: int, seed: int) -> list[int]:
    """The numbers of batch `step`: each epoch goes once through `count` scenes in an order of its own."""
    per_epoch = max(1, count // batch)
    epoch, place = divmod(step, per_epoch)
    order = np.random.default_rng([seed, epoch]).permutation(count)
    return [int(number) for number in order[place * batch : (place + 1) * batch]]

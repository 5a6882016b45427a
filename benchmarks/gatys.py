"""How long until the loss of plain Gatys is reached?

    python benchmarks/gatys.py [--size 512] [--evaluations 24] [--steps 26] [--name gatys]

The peer does what PyTorch's neural style tutorial does: five convolutions for style (conv1_1 ... conv3_1) and conv2_2 for content, Gram matrices over their
number of entries, mean squared errors, torch's L-BFGS as it comes, from the photo, on one scale, in float32, the pixels clamped before each evaluation. A
second peer leaves that clamp to the end. A third is the first with what our walk asks of the C library, to keep freed memory rather than give it back to the
system, which is worth as much to it; every run has a process of its own, so that the others go without. Ours minimises the same loss with what the method has:
`Trained` (channels last, bfloat16 where the CPU has it) and `Descent`, on one scale too.

Both have the same He-normal VGG-19, not the trained one, which cannot be downloaded everywhere: an evaluation costs the same, a descent need not be as long.
The style weight is chosen so that style : content ends where the tutorial's own printed run stands (0.27 after 150 evaluations, 0.11 after 300). Two pairs
of pictures: as they are, where the loss wants colours beyond black and white; and at 0.4 of their contrast, where it does not, so that clamping plays no part.

All are judged outside the timing by the peer's own loss, float32, at full size, of pixels in [0, 1]. A peer's row is its best loss so far, and the time when
it had it, or where it stopped; ours is the first step as low, the median of a run before the peer's and one after.
"""

import argparse
import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # a thread that waits for a busy core must not count as work

import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context

import torch
import torch.nn.functional as F
from _harness import write
from skimage import data
from torch import Tensor, nn

from huafang.methods.gatys import Gatys
from huafang.methods.gatys.scene import Scene, Style, resized
from huafang.methods.gatys.trained import Trained
from huafang.nets import trunk, vgg
from huafang.ops.descent import Descent
from huafang.ops.threads import keep_memory

STYLE_LAYERS, CONTENT_LAYER = ("conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1"), "conv2_2"
PLACES = {0: "conv1_1", 2: "conv1_2", 5: "conv2_1", 7: "conv2_2", 10: "conv3_1"}
PAIRS = {"as they are": (0.0, 1.0, 1e4), "low contrast": (0.3, 0.4, 1e5)}
"""Least value, contrast, style weight."""
SHOWN = (5, 10, 16, 24, 40, 80, 150, 300)

Point = tuple[int, float, float, float]
"""Evaluations, wall seconds, processor seconds of all threads, loss."""


def picture(name: str, size: int, least: float, contrast: float) -> Tensor:
    pixels = torch.from_numpy(getattr(data, name)().astype("float32") / 255).permute(2, 0, 1)[None].contiguous()
    factor = size / max(pixels.shape[2:])
    return least + contrast * resized(pixels, round(pixels.shape[2] * factor), round(pixels.shape[3] * factor))


class Clock:
    """Seconds since it was made, less those spent in `judging`."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def read(self) -> tuple[float, float]:
        return time.perf_counter() - self._wall, time.process_time() - self._cpu

    def judging(self, judge: Callable[[Tensor], float], pixels: Tensor) -> float:
        wall, cpu = time.perf_counter(), time.process_time()
        with torch.no_grad():
            loss = judge(pixels.detach().clamp(0, 1))
        self._wall, self._cpu = self._wall + time.perf_counter() - wall, self._cpu + time.process_time() - cpu
        return loss


class Plain:
    """The tutorial's loss, from torch's own layers."""

    def __init__(self, layers: nn.Sequential, content: Tensor, style: Tensor, style_weight: float) -> None:
        self.layers, self.style_weight = layers, style_weight
        with torch.no_grad():
            self.content = self.features(content)[CONTENT_LAYER]
            self.grams = {name: self.gram(found) for name, found in self.features(style).items()}

    def features(self, pixels: Tensor) -> dict[str, Tensor]:
        found, here = {}, (pixels - torch.tensor(trunk.MEAN).view(1, 3, 1, 1)) / torch.tensor(trunk.STD).view(1, 3, 1, 1)
        for place, layer in enumerate(self.layers):
            here = layer(here)
            if place in PLACES:
                found[PLACES[place]] = here
        return found

    @staticmethod
    def gram(found: Tensor) -> Tensor:
        flat = found[0].flatten(1)
        return flat @ flat.T / flat.numel()

    def loss(self, pixels: Tensor) -> Tensor:
        found = self.features(pixels)
        style = sum(F.mse_loss(self.gram(found[name]), self.grams[name]) for name in STYLE_LAYERS)
        return self.style_weight * style + F.mse_loss(found[CONTENT_LAYER], self.content)

    def judge(self, pixels: Tensor) -> float:
        return float(self.loss(pixels))

    def run(self, content: Tensor, evaluations: int, *, clamped: bool) -> list[Point]:
        pixels, trail = content.clone().requires_grad_(), list[Point]()
        clock = Clock()
        walk = torch.optim.LBFGS([pixels])

        def closure() -> Tensor:
            if clamped:
                with torch.no_grad():
                    pixels.clamp_(0, 1)
            walk.zero_grad()
            total = self.loss(pixels)
            total.backward()
            count, now = len(trail) + 1, clock.read()
            trail.append((count, *now, float(total.detach()) if clamped else clock.judging(self.judge, pixels)))
            return total

        while len(trail) < evaluations:
            walk.step(closure)
        return trail[:evaluations]


def ours(net: vgg.Vgg, content: Tensor, style: Tensor, style_weight: float, steps: int, judge: Callable[[Tensor], float]) -> list[Point]:
    """The method's loss and walk, on one scale. A point after each step."""
    clock, trail = Clock(), list[Point]()
    loss = Trained(Scene(content, content, [Style(style, 1.0, None)]), net, style_layers=STYLE_LAYERS, content_layer=CONTENT_LAYER, style_weight=style_weight)
    walk, pixels = Descent(Gatys(content="0" * 64, style=("0" * 64,)), loss, content), content
    for step in range(steps):
        pixels, _ = walk.step(pixels, step / steps)
        now = clock.read()
        trail.append((step + 1, *now, clock.judging(judge, pixels)))
    return trail


def best(trail: list[Point], evaluations: int) -> Point:
    return min(trail[:evaluations], key=lambda point: (point[3], point[0]))


def row(pair: str, what: str, peer: Point, runs: list[list[Point]]) -> dict[str, float | str]:
    """A peer's point beside the first of ours that is as low, the median of several runs."""
    reached = [next((point for point in trail if point[3] <= peer[3]), None) for trail in runs]
    count, wall, cpu, loss = ("not reached",) * 4 if None in reached else [statistics.median(values) for values in zip(*reached, strict=True)]
    told = {"pictures": pair, "peer": what, "peer evaluations": peer[0], "peer loss": peer[3], "peer s": peer[1], "peer cpu s": peer[2]}
    told |= {"our steps": count, "our loss": loss, "our s": wall, "our cpu s": cpu}
    return (
        told | {"times faster": peer[1] / wall, "times less cpu": peer[2] / cpu} if None not in reached else told | {"times faster": "", "times less cpu": ""}
    )


@dataclass(frozen=True)
class Run:
    """One way down, in a process of its own."""

    pair: str
    size: int
    count: int
    """Evaluations, or steps of ours."""
    peer: bool
    clamped: bool = True
    kept: bool = False
    """Whether the C library keeps memory, as ours tells it to."""

    def trail(self) -> list[Point]:
        least, contrast, style_weight = PAIRS[self.pair]
        content, style = (picture(name, self.size, least, contrast) for name in ("astronaut", "coffee"))
        plain = Plain(nn.Sequential(*list(vgg.he(torch.Generator().manual_seed(0)).features)[:11]), content, style, style_weight)
        if self.peer:
            if self.kept:
                keep_memory()
            plain.run(content, 1, clamped=True)  # warm up
            return plain.run(content, self.count, clamped=self.clamped)
        net = vgg.he(torch.Generator().manual_seed(0)).to(memory_format=torch.channels_last)
        ours(net, content, style, style_weight, 1, lambda _: 0.0)
        return ours(net, content, style, style_weight, self.count, plain.judge)


def alone(run: Run) -> list[Point]:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        trail = process.submit(run.trail).result()
    print(run, [(count, round(wall, 1), round(cpu, 1), round(loss, 4)) for count, wall, cpu, loss in trail], flush=True)
    return trail


def main() -> None:
    args = argparse.ArgumentParser()
    args.add_argument("--size", type=int, default=512)
    args.add_argument("--evaluations", type=int, default=24)
    args.add_argument("--steps", type=int, default=26)
    args.add_argument("--name", default="gatys")
    given = args.parse_args()
    rows = []
    for pair, (_, contrast, _) in PAIRS.items():
        mine, peer = Run(pair, given.size, given.steps, peer=False), Run(pair, given.size, given.evaluations, peer=True)
        peers = {"tutorial": peer}
        if contrast == 1:
            peers["tutorial, clamped at the end"] = replace(peer, count=min(12, given.evaluations), clamped=False)
        peers["tutorial, memory kept"] = replace(peer, kept=True)
        runs = [alone(mine)]
        trails = {what: alone(one) for what, one in peers.items()}
        runs.append(alone(mine))
        for what, trail in trails.items():
            points = dict.fromkeys(best(trail, count) for count in SHOWN if count <= len(trail))
            rows += [row(pair, f"{what}, best so far", point, runs) for point in points]
            rows.append(row(pair, f"{what}, where it stops", trail[-1], runs))
    question = (
        f"Seconds until plain Gatys' loss is reached at {given.size} px, {torch.get_num_threads()} threads, VGG-19 with He weights. Peer: PyTorch's tutorial."
    )
    write(given.name, question, rows)


if __name__ == "__main__":
    main()

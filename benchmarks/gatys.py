"""How long until the loss of plain Gatys is reached?

    python -m benchmarks.gatys [--size 512] [--iterations 30] [--repeats 3]

The peer is Gatys et al. as tutorials write it: one scale, float32, contiguous memory, L-BFGS from the photo, every layer's statistics by one pass forward and
one back; the plain network is built here from torch's own layers. Ours is the room's path: from coarse to fine, channels last, bfloat16 where the CPU has it.
Both are given the same He-normal VGG-19 (the trained one cannot be downloaded everywhere, and costs the same time), the same photo and painting, the same
number of threads, and take turns in one run. Both pictures are judged, outside the timing, by one loss: the peer's own, in float32 at full size.
"""

import argparse
import statistics
import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from skimage import data
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks._harness import write
from huafang.methods.gatys import Gatys
from huafang.methods.gatys.run import SMALLEST, Descent
from huafang.methods.gatys.scene import Scene, Style, resized, sides
from huafang.methods.gatys.trained import CONTENT_LAYER, STYLE_LAYERS, STYLE_WEIGHT, Trained, halves_are_fast
from huafang.nets import vgg

Clock = tuple[float, float]
"""Seconds on the wall and of all cores together: the second is the fairer one while others use the machine."""
PLACES = {1: "relu1_1", 6: "relu2_1", 11: "relu3_1", 20: "relu4_1", 22: "relu4_2", 29: "relu5_1"}


def picture(name: str, size: int) -> Tensor:
    pixels = torch.from_numpy(getattr(data, name)().astype("float32") / 255).permute(2, 0, 1)[None].contiguous()
    factor = size / max(pixels.shape[2:])
    return resized(pixels, round(pixels.shape[2] * factor), round(pixels.shape[3] * factor))


def clock() -> Clock:
    return time.perf_counter(), time.process_time()


def since(began: Clock) -> Clock:
    now = clock()
    return now[0] - began[0], now[1] - began[1]


class Plain:
    """Gatys as the tutorials have it. `loss` is the one by which both are judged."""

    def __init__(self, layers: nn.Sequential, content: Tensor, style: Tensor) -> None:
        self.layers = layers
        with torch.no_grad():
            self.content = self.features(content)[CONTENT_LAYER]
            self.grams = {name: self.gram(found) for name, found in self.features(style).items() if name in STYLE_LAYERS}

    def features(self, pixels: Tensor) -> dict[str, Tensor]:
        found, here = {}, (pixels - torch.tensor(vgg.MEAN).view(1, 3, 1, 1)) / torch.tensor(vgg.STD).view(1, 3, 1, 1)
        for place, layer in enumerate(self.layers):
            here = layer(here)
            if place in PLACES:
                found[PLACES[place]] = here
        return found

    @staticmethod
    def gram(found: Tensor) -> Tensor:
        flat = found[0].flatten(1)
        return flat @ flat.T / flat.shape[1]

    def loss(self, pixels: Tensor) -> Tensor:
        found = self.features(pixels)
        style = sum(STYLE_WEIGHT / found[name].shape[1] ** 2 * F.mse_loss(self.gram(found[name]), self.grams[name]) for name in STYLE_LAYERS)
        return style + F.mse_loss(found[CONTENT_LAYER], self.content)

    def run(self, content: Tensor, iterations: int) -> tuple[Tensor, Clock]:
        pixels = content.clone().requires_grad_()
        began = clock()
        walk = torch.optim.LBFGS([pixels], max_iter=1, tolerance_grad=0, tolerance_change=0)

        def closure() -> Tensor:
            walk.zero_grad()
            total = self.loss(pixels)
            total.backward()
            return total

        for _ in range(iterations):
            walk.step(closure)
            with torch.no_grad():
                pixels.clamp_(0, 1)
        return pixels.detach(), since(began)


def ours(net: vgg.Vgg19, content: Tensor, style: Tensor, plan: list[tuple[int, int]], fast: bool | None = None) -> list[tuple[Clock, Tensor]]:
    """The room's loop. Gives the picture after each step of the last scale with the seconds until then."""
    p = Gatys(content="0" * 64, style=("0" * 64,))
    trail: list[tuple[Clock, Tensor]] = []
    began = clock()
    scene = Scene(content, content, [Style(style, 1.0, None)])
    pixels: Tensor | None = None
    for side, steps in plan:
        here = scene.at(side, 1.0)
        pixels = here.content.clone() if pixels is None else resized(pixels, *here.content.shape[2:])
        walk = Descent(p, Trained(here, net, fast=fast), pixels)
        for step in range(steps):
            pixels, _ = walk.step(pixels, step / steps)
            if side == plan[-1][0]:
                trail.append((since(began), pixels.clone()))
    return trail


def main() -> None:
    args = argparse.ArgumentParser()
    args.add_argument("--size", type=int, default=512)
    args.add_argument("--iterations", type=int, default=30)
    args.add_argument("--steps", type=int, default=40)
    args.add_argument("--repeats", type=int, default=3)
    args.add_argument("--seed", type=int, default=0)
    args.add_argument("--name", default="gatys")
    given = args.parse_args()
    net = vgg.he(torch.Generator().manual_seed(given.seed))
    layers = nn.Sequential(*list(vgg.he(torch.Generator().manual_seed(given.seed)).features)[:30])
    content, style = picture("astronaut", given.size), picture("coffee", given.size)
    plain = Plain(layers, content, style)
    plan = sides(given.size, SMALLEST["vgg19"], given.steps)

    def judged(pixels: Tensor) -> float:
        with torch.no_grad():
            return float(plain.loss(pixels))

    ours(net, content, style, [(64, 1)])  # warm up torch's kernels
    rows: list[dict[str, float | None]] = []
    for _ in range(given.repeats):
        painted, peer = plain.run(content, given.iterations)
        trail = ours(net, content, style, plan)
        goal, losses = judged(painted), [judged(pixels) for _, pixels in trail]
        reached = next((place for place, loss in enumerate(losses) if loss <= goal), None)
        wall, cpu = trail[reached][0] if reached is not None else (None, None)
        rows.append(
            {"peer_s": peer[0], "peer_cpu_s": peer[1], "peer_loss": goal, "ours_to_peer_loss_s": wall, "ours_to_peer_loss_cpu_s": cpu}
            | {"ours_all_steps_s": trail[-1][0][0], "ours_all_steps_cpu_s": trail[-1][0][1], "ours_final_loss": losses[-1]}
        )
        print(rows[-1], flush=True)
    exact = judged(ours(net, content, style, plan, fast=False)[-1][1])
    summary: dict[str, object] = {
        "size": list(content.shape[2:]),
        "peer_iterations": given.iterations,
        "our_scales_and_steps": plan,
        "bfloat16": halves_are_fast(content.device),
        "threads": torch.get_num_threads(),
        "loss_at_start": judged(content),
        "final_loss_bfloat16_over_float32": losses[-1] / exact,
        "weights": "VGG-19, He-normal, not trained",
    }
    for unit in ("s", "cpu_s"):
        ratios = [row[f"peer_{unit}"] / row[f"ours_to_peer_loss_{unit}"] for row in rows if row[f"ours_to_peer_loss_{unit}"]]
        summary[f"speedup_{unit}"] = (
            {"median": statistics.median(ratios), "least": min(ratios), "most": max(ratios)} if len(ratios) == len(rows) else "not reached"
        )
    write(given.name, "wall time until the loss of plain single-scale Gatys is reached, by one float32 loss at full size", [summary, *rows], seed=given.seed)
    print(summary)


if __name__ == "__main__":
    main()

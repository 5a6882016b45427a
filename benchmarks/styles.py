"""Does a network run quicker, and in less memory, as the methods run it than as plain PyTorch runs it? The same pixels, or nearly, beside each figure.

Peer: the network's own `forward`, eager and in float32, which is what its authors' code does. Ours: `tiled.run` in float32 and in bfloat16. Each runs in a
process of its own, so that its peak memory is its own, and in `PROCESSES` of them by turns, of which the middle one is taken. Beside the seconds on the clock
stand those of the processor, of all threads together, which another program on the machine changes little.

`python benchmarks/styles.py [WEIGHTS]` takes the trained networks in a folder (fast_style_candy, animeganv2_hayao, microast), the developers' shared one where
none is named. A network whose weights are not there has random ones: its results are not pictures in [0, 1], and its PSNR is of their range.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from _harness import alone, by_turns, decibels, write
from skimage import data
from torch import Tensor, nn

from huafang.kernels import tiled
from huafang.nets import adain, animegan, micro_ast, transformer_net
from huafang.ops.resize import resized

SHARED = Path(__file__).resolve().parents[2] / "shared" / "weights"
REPEATS = {512: 5, 1024: 3}
"""Side of the photo -> how often each is run."""
TRAINED = {"fast_style": "fast_style_candy", "animegan": "animeganv2_hayao", "micro_ast": "microast", "adain": "adain"}


def picture(side: int) -> Tensor:
    return resized(torch.from_numpy(data.astronaut()).permute(2, 0, 1)[None] / 255, side, side)


def trained(name: str, folder: Path) -> Path | None:
    place = folder / f"{TRAINED[name]}.safetensors"
    return place if place.is_file() else None


def he(make: Callable[[], nn.Module]) -> nn.Module:
    """Random weights under which a picture does not die out."""
    torch.manual_seed(0)
    net = make()
    for one in net.modules():
        if isinstance(one, nn.Conv2d):
            nn.init.kaiming_normal_(one.weight, nonlinearity="relu")
    return net.eval().requires_grad_(False)


def network(name: str, folder: Path, photo: Tensor) -> nn.Module:
    place = trained(name, folder)
    if name == "fast_style":
        return transformer_net.load(place) if place else he(transformer_net.TransformerNet)
    if name == "animegan":
        return animegan.load(place, "tf1") if place else he(animegan.Generator)
    painting = torch.from_numpy(data.coffee()).permute(2, 0, 1)[None] / 255
    if name == "micro_ast":
        painter = micro_ast.load(place) if place else he(micro_ast.MicroAST)
        return painter.painting(photo, painter.style(painting), 1.0)
    net = adain.load(place) if place else he(adain.AdaINNet)
    return net.painting(photo, net.style(painting), 1.0)


def work(name: str, folder: Path, side: int, form: str) -> Callable[[], Tensor]:
    photo = picture(side)
    with torch.no_grad():
        net = network(name, folder, photo)
    forms: dict[str, Callable[[], Tensor]] = {
        "eager": lambda: net(photo),
        "float32": lambda: tiled.run(net, photo),
        "bfloat16": lambda: tiled.run(net, photo, dtype=torch.bfloat16),
    }
    return forms[form]


def main(folder: Path) -> None:
    rows = []
    for name in TRAINED:
        for side in REPEATS:

            def arguments(form: str, name: str = name, side: int = side) -> list[str]:
                return [str(folder), name, str(side), form]

            rows.append(row(name, side, *by_turns(arguments), real=trained(name, folder) is not None))
            print(rows[-1], flush=True)
    write("styles", "Seconds and memory of a network over a photo: as the rooms run it, beside plain eager PyTorch in float32.", rows)


def row(name: str, side: int, found: dict[str, dict[str, float]], pixels: dict[str, npt.NDArray[np.float32]], *, real: bool) -> dict[str, object]:
    eager, plain, rough = found["eager"], pixels["eager"], pixels["bfloat16"]
    reach = float(plain.max() - plain.min())
    told: dict[str, object] = {"network": f"{name}, {side} × {side}", "weights": "trained" if real else "random"}
    for form, run in found.items():
        told |= {f"{form}_s": run["seconds"], f"{form}_least_s": run["least"], f"{form}_most_s": run["most"]}
        told |= {f"{form}_processor_s": run["processor"], f"{form}_mb": run["peak_mb"]}
        if form != "eager":
            told[f"{form}_times_faster"] = eager["seconds"] / run["seconds"]
            told[f"{form}_times_less_processor"] = eager["processor"] / run["processor"]
    rough_db = decibels(rough.clip(0, 1), plain.clip(0, 1)) if real else decibels(rough, plain, reach)
    return told | {"float32_apart_of_range": float(np.abs(pixels["float32"] - plain).max() / reach), "bfloat16_psnr_db": rough_db}


if __name__ == "__main__":
    if len(sys.argv) == 6:
        alone(work(sys.argv[2], Path(sys.argv[1]), int(sys.argv[3]), sys.argv[4]), REPEATS[int(sys.argv[3])], Path(sys.argv[5]))
    else:
        main(Path(sys.argv[1]) if len(sys.argv) > 1 else SHARED)

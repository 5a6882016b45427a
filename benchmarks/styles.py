"""Does a network run quicker, and in less memory, as the rooms run it than as plain PyTorch runs it? The same pixels, or nearly, beside each figure.

Peer: the network's own `forward`, eager and in float32, which is what its authors' code does. Ours: `bands.run` in float32 and in bfloat16. Each runs in a
process of its own, so that its peak memory is its own, and in `PROCESSES` of them by turns, of which the middle one is taken. Beside the seconds on the clock
stand those of the processor, of all threads together, which another program on the machine changes little.

`python benchmarks/styles.py [WEIGHTS]` takes the trained networks in a folder (fast_style_candy, animeganv2_hayao, microast), the developers' shared one where
none is named. A network whose weights are not there has random ones, and then no PSNR: what noise does in bfloat16 says nothing.
"""

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from _harness import among, write
from skimage import data
from torch import Tensor, nn

from huafang.nets import adain, animegan, bands, micro_ast, transformer_net
from huafang.ops.resize import resized

SHARED = Path(__file__).resolve().parents[2] / "shared" / "weights"
REPEATS = {512: 5, 1024: 3}
"""Side of the photo -> how often each is run."""
TRAINED = {"fast_style": "fast_style_candy", "animegan": "animeganv2_hayao", "micro_ast": "microast", "adain": "adain"}
FORMS = ("eager", "float32", "bfloat16")
PROCESSES = 3


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


def alone(name: str, folder: Path, side: int, form: str, out: Path) -> None:
    """One network in one form, in this process; what it found goes to `out`, the figures to stdout."""
    photo = picture(side)
    with torch.no_grad():
        net = network(name, folder, photo)
        forms: dict[str, Callable[[], Tensor]] = {
            "eager": lambda: net(photo),
            "float32": lambda: bands.run(net, photo),
            "bfloat16": lambda: bands.run(net, photo, dtype=torch.bfloat16),
        }
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        result, seconds, processor = forms[form](), [], []
        for _ in range(REPEATS[side]):
            started, begun = time.perf_counter(), time.process_time()
            forms[form]()
            seconds.append(time.perf_counter() - started)
            processor.append(time.process_time() - begun)
    np.save(out, result.numpy())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(json.dumps({"seconds": statistics.median(seconds), "processor": statistics.median(processor), "peak_mb": peak / 1024}))


def main(folder: Path) -> None:
    rows = []
    with tempfile.TemporaryDirectory() as kept:
        for name in TRAINED:
            for side in REPEATS:
                found: dict[str, list[dict[str, float]]] = {form: [] for form in FORMS}
                pixels = {}
                for form in FORMS * PROCESSES:
                    out = Path(kept) / f"{form}.npy"
                    said = subprocess.run([sys.executable, __file__, str(folder), name, str(side), form, str(out)], capture_output=True, text=True, check=True)
                    found[form].append(json.loads(said.stdout.splitlines()[-1]))
                    pixels[form] = np.load(out)
                medians = {form: among(runs) for form, runs in found.items()}
                rows.append(row(name, side, medians, pixels, real=trained(name, folder) is not None))
                print(rows[-1], flush=True)
    write("styles", "Seconds and memory of a network over a photo: as the rooms run it, beside plain eager PyTorch in float32.", rows)


def row(name: str, side: int, found: dict[str, dict[str, float]], pixels: dict[str, np.ndarray], *, real: bool) -> dict[str, object]:
    eager = found["eager"]
    apart = np.abs(pixels["float32"] - pixels["eager"]).max() / (pixels["eager"].max() - pixels["eager"].min())
    rough = np.square(pixels["bfloat16"].clip(0, 1) - pixels["eager"].clip(0, 1)).mean()
    told: dict[str, object] = {"network": f"{name}, {side} × {side}", "weights": "trained" if real else "random"}
    for form, run in found.items():
        told |= {f"{form}_s": run["seconds"], f"{form}_least_s": run["least"], f"{form}_most_s": run["most"]}
        told |= {f"{form}_processor_s": run["processor"], f"{form}_mb": run["peak_mb"]}
        if form != "eager":
            told[f"{form}_times_faster"] = eager["seconds"] / run["seconds"]
            told[f"{form}_times_less_processor"] = eager["processor"] / run["processor"]
    return told | {"float32_apart_of_range": float(apart), "bfloat16_psnr_db": float(-10 * np.log10(rough)) if real else ""}


if __name__ == "__main__":
    if len(sys.argv) == 6:
        alone(sys.argv[2], Path(sys.argv[1]), int(sys.argv[3]), sys.argv[4], Path(sys.argv[5]))
    else:
        main(Path(sys.argv[1]) if len(sys.argv) > 1 else SHARED)

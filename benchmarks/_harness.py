"""What every benchmark writes down beside its figures."""

import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

RESULTS = Path(__file__).parent / "results"


def timed(work: Callable[[], object], repeats: int = 5, warm: int = 1) -> list[float]:
    """Seconds of each of `repeats` runs after `warm` that do not count."""
    for _ in range(warm):
        work()
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return seconds


def spread(seconds: list[float]) -> dict[str, float]:
    """Median and half the distance between the quartiles."""
    ordered = sorted(seconds)
    quarter = len(ordered) // 4
    return {"median_s": statistics.median(ordered), "spread_s": (ordered[-1 - quarter] - ordered[quarter]) / 2}


FORMS = ("eager", "float32", "bfloat16")
"""Plain PyTorch, and ours."""
PROCESSES = 3


def alone(work: Callable[[], Tensor], repeats: int, out: Path) -> None:
    """A form, in this process: its picture goes to `out`, and its figures to stdout."""
    seconds, processor = [], []
    with torch.no_grad():
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        result = work()
        for _ in range(repeats):
            started, begun = time.perf_counter(), time.process_time()
            work()
            seconds.append(time.perf_counter() - started)
            processor.append(time.process_time() - begun)
    np.save(out, result.numpy())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(json.dumps({"seconds": statistics.median(seconds), "processor": statistics.median(processor), "peak_mb": peak / 1024}))


def by_turns(arguments: Callable[[str], list[str]]) -> tuple[dict[str, dict[str, float]], dict[str, npt.NDArray[np.float32]]]:
    """Each form's figures and picture. The script that was started is started anew for each, with the `arguments` of the form and the place for its picture
    behind them: in `PROCESSES` processes by turns, of which the middle one is taken.
    """
    found: dict[str, list[dict[str, float]]] = {form: [] for form in FORMS}
    pixels = {}
    with tempfile.TemporaryDirectory() as kept:
        for form in FORMS * PROCESSES:
            out = Path(kept) / f"{form}.npy"
            said = subprocess.run([sys.executable, sys.argv[0], *arguments(form), str(out)], capture_output=True, text=True, check=True)
            found[form].append(json.loads(said.stdout.splitlines()[-1]))
            pixels[form] = np.load(out)
    return {form: _among(runs) for form, runs in found.items()}, pixels


def decibels(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32], most: float = 1.0) -> float:
    """PSNR, of a range of `most`."""
    return float(-10 * np.log10(np.square(one - other).mean() / most**2))


def _among(runs: list[dict[str, float]]) -> dict[str, float]:
    """Of the figures of several processes that did the same, the median of each, and the least and the most of the seconds: plain PyTorch takes up to half as
    long again in one process as in the next, by where its memory happens to lie.
    """
    medians = {name: statistics.median(one[name] for one in runs) for name in runs[0]}
    return medians | {"least": min(one["seconds"] for one in runs), "most": max(one["seconds"] for one in runs)}


def machine() -> dict[str, Any]:
    """The machine in a few words."""
    cpu = next((line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), platform.processor())
    return {"cpu": cpu, "cores": os.cpu_count(), "system": platform.system(), "python": platform.python_version(), "load": round(os.getloadavg()[0], 2)}


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


def commit() -> str:
    """The commit measured, with a + when the tree has changes that are not in it."""
    root = Path(__file__).parents[1]
    said = subprocess.run(["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=False).stdout.strip()
    dirty = subprocess.run(["git", "status", "--porcelain", "--untracked-files=no"], cwd=root, capture_output=True, text=True, check=False).stdout.strip()
    return said + ("+" if dirty else "")


def write(name: str, question: str, rows: list[dict[str, Any]], *, seed: int = 0) -> None:
    """Results as JSON in benchmarks/results, and on the screen."""
    RESULTS.mkdir(exist_ok=True)
    body = {"question": question, "seed": seed, "commit": commit(), "machine": machine(), "rows": rows}
    (RESULTS / f"{name}.json").write_text(json.dumps(body, indent=2, ensure_ascii=False) + "\n")
    for row in rows:
        print("  ".join(f"{key}={value:.4g}" if isinstance(value, float) else f"{key}={value}" for key, value in row.items()))

"""What every benchmark writes down beside its figures."""

import json
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

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


def among(runs: list[dict[str, float]]) -> dict[str, float]:
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

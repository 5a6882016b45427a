"""How fast are brush strokes? Ours against the obvious NumPy and OpenCV program, on one photo of a megapixel, in one run.

The peer is Hertzmann 1998 as one writes it down: per layer a blurred reference, a difference image, the worst pixel of each cell, then stroke by stroke in
Python a walk along the gradient's normal and `cv2.polylines` with anti-aliasing. Same layers, radii, threshold, lengths, opacity 1 and spline. It paints flat
strokes: no bristles, no tapered ends, no relief, no gap filling. Ours does all of that, so it is compared at more work, not less.

    python benchmarks/strokes.py [--repeats 5] [--out benchmarks/results/strokes.json]
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import time
from pathlib import Path

import cv2
import numba
import numpy as np
import skimage.data
import torch
from PIL import Image

from huafang.context import Context
from huafang.methods.stroke_rendering import StrokeRendering, run

SEED = 0
SIDE = (1220, 813)


class Given(Context):
    """A context that holds one picture and counts the steps."""

    def __init__(self, pixels: torch.Tensor) -> None:
        super().__init__(None, None)  # type: ignore[arg-type]  # no store is asked
        self.pixels = pixels

    def image(self, asset: str) -> torch.Tensor:
        return self.pixels


def spline(points: np.ndarray) -> np.ndarray:
    """Uniform cubic B-spline with tripled ends, two samples per span."""
    p = np.concatenate([points[:1], points[:1], points, points[-1:], points[-1:]])
    t = np.array([0, 0.5])[:, None, None]
    a, b, c, d = p[:-3], p[1:-2], p[2:-1], p[3:]
    curve = ((1 - t) ** 3 * a + (3 * t**3 - 6 * t**2 + 4) * b + (-3 * t**3 + 3 * t**2 + 3 * t + 1) * c + t**3 * d) / 6
    return np.concatenate([curve.transpose(1, 0, 2).reshape(-1, 2), points[-1:]])


def peer(photo: np.ndarray, settings, rng: np.random.Generator) -> tuple[np.ndarray, int]:
    """(H, W, 3) uint8 -> the painting and its number of strokes."""
    height, width, _ = photo.shape
    canvas, count = np.zeros_like(photo), 0
    for number, radius in enumerate(r * max(photo.shape) / run.UNIT_SIDE for r in settings.radii):
        reference = cv2.GaussianBlur(photo, (0, 0), settings.blur_factor * radius).astype(np.float32)
        luminance = reference @ np.array([0.30, 0.59, 0.11], np.float32)
        gx, gy = cv2.Sobel(luminance, cv2.CV_32F, 1, 0), cv2.Sobel(luminance, cv2.CV_32F, 0, 1)
        before = canvas.astype(np.float32)
        difference = ((before - reference) ** 2).sum(2) if number else np.full((height, width), np.inf, np.float32)
        step = round(settings.grid_size * radius)
        begin = []
        for y in range(0, height, step):
            for x in range(0, width, step):
                cell = difference[y : y + step, x : x + step]
                if cell.mean() > settings.threshold:
                    dy, dx = divmod(int(cell.argmax()), cell.shape[1])
                    begin.append((x + dx, y + dy))
        for x0, y0 in (begin[i] for i in rng.permutation(len(begin))):
            colour = reference[y0, x0]
            x, y, lx, ly = float(x0), float(y0), 0.0, 0.0
            points = [(x, y)]
            for i in range(1, settings.max_length + 1):
                px, py = int(x), int(y)
                if i > settings.min_length and difference[py, px] < ((reference[py, px] - colour) ** 2).sum():
                    break
                dx, dy = -float(gy[py, px]), float(gx[py, px])
                size = (dx * dx + dy * dy) ** 0.5
                if size == 0:
                    break
                dx, dy = dx / size, dy / size
                if lx * dx + ly * dy < 0:
                    dx, dy = -dx, -dy
                f = settings.curvature_filter
                dx, dy = f * dx + (1 - f) * lx, f * dy + (1 - f) * ly
                size = (dx * dx + dy * dy) ** 0.5 or 1.0
                lx, ly = dx / size, dy / size
                x, y = x + radius * lx, y + radius * ly
                if not (0 <= x < width and 0 <= y < height):
                    break
                points.append((x, y))
            tint = tuple(map(float, colour))
            if len(points) == 1:
                cv2.circle(canvas, (x0, y0), round(radius), tint, -1, cv2.LINE_AA)
            else:
                curve = (spline(np.array(points)) * 16).round().astype(np.int32)
                cv2.polylines(canvas, [curve], False, tint, max(round(2 * radius), 1), cv2.LINE_AA, 4)
        count += len(begin)
    return canvas, count


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--repeats", type=int, default=5)
    options.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "strokes.json")
    asked = options.parse_args()
    photo = np.asarray(Image.fromarray(skimage.data.coffee()).resize(SIDE, Image.Resampling.LANCZOS))
    pixels = torch.from_numpy(photo.astype(np.float32) / 255).permute(2, 0, 1)[None]
    params = StrokeRendering(content="0" * 64, seed=SEED)
    warm = time.perf_counter()
    run.run(params, Given(pixels))
    first = time.perf_counter() - warm
    ours, theirs, cpu, cpu_peer, counts = [], [], [], [], {}
    for _ in range(asked.repeats):  # turn and turn about, so that a busy machine is busy for both
        start, start_cpu = time.perf_counter(), time.process_time()
        result = run.run(params, Given(pixels))
        ours.append(time.perf_counter() - start)
        cpu.append(time.process_time() - start_cpu)
        start, start_cpu = time.perf_counter(), time.process_time()
        other, counts["peer"] = peer(photo, params.settings, np.random.default_rng(SEED))
        theirs.append(time.perf_counter() - start)
        cpu_peer.append(time.process_time() - start_cpu)
    counts["ours"] = int(sum(value for name, value in result.figures.items() if name.startswith("strokes_")))
    errors = {
        "ours": float((result.images[0] - pixels).square().mean().sqrt()),
        "peer": float(np.sqrt((((other.astype(np.float32) - photo) / 255) ** 2).mean())),
    }
    report = {
        "question": "seconds to paint one megapixel, look impressionist",
        "photo": "skimage.data.coffee",
        "size": list(SIDE),
        "seed": SEED,
        "ours": summary(ours) | {"first_run": round(first, 3), "cpu_median": round(statistics.median(cpu), 3)},
        "peer (NumPy, OpenCV)": summary(theirs) | {"cpu_median": round(statistics.median(cpu_peer), 3)},
        "strokes": counts,
        "rms_error_to_photo": {name: round(value, 4) for name, value in errors.items()},
        "commit": subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip(),
        "machine": {
            "cpu": cpu_name(),
            "cores": os.cpu_count(),
            "load_average": [round(value, 2) for value in os.getloadavg()],
            "python": platform.python_version(),
            "numpy": np.__version__,
            "numba": numba.__version__,
            "opencv": cv2.__version__,
        },
    }
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(json.dumps(report, indent=2) + "\n")
    print(json.dumps(report, indent=2))


def summary(seconds: list[float]) -> dict[str, object]:
    return {
        "median": round(statistics.median(seconds), 3),
        "min": round(min(seconds), 3),
        "max": round(max(seconds), 3),
        "runs": [round(value, 3) for value in seconds],
    }


def cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    names = [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")] if info.exists() else []
    return names[0] if names else platform.processor()


if __name__ == "__main__":
    main()

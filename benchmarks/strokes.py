"""How fast are brush strokes? Ours against the obvious NumPy and OpenCV program, on one photo of a megapixel, in one run.

The peer is Hertzmann 1998 as one writes it down: per layer a blurred reference, a difference image, the worst pixel of each cell, then stroke by stroke in
Python a walk along the gradient's normal and `cv2.polylines` with anti-aliasing. Same layers, radii, threshold, lengths, opacity 1 and spline. It paints flat
strokes: no bristles, no tapered ends, no relief, no gap filling. Ours does all of that, so it is compared at more work, not less.

    python benchmarks/strokes.py
"""

import statistics

import cv2
import numpy as np
import skimage.data
import torch
from _harness import spread, timed, write
from PIL import Image

from huafang.context import Context
from huafang.methods.stroke_rendering import StrokeRendering, run

SEED = 0
REPEATS = 3
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
    photo = np.asarray(Image.fromarray(skimage.data.coffee()).resize(SIDE, Image.Resampling.LANCZOS))
    pixels = torch.from_numpy(photo.astype(np.float32) / 255).permute(2, 0, 1)[None]
    params = StrokeRendering(content="0" * 64, seed=SEED)
    first = timed(lambda: run.run(params, Given(pixels)), 1, 0)[0]
    print(f"first run, with compiled loops read or made: {first:.2f} s", flush=True)
    ours, theirs = [], []
    for _ in range(REPEATS):  # turn and turn about, so that a busy machine is busy for both
        ours += timed(lambda: run.run(params, Given(pixels)), 1, 0)
        theirs += timed(lambda: peer(photo, params.settings, np.random.default_rng(SEED)), 1, 0)
        print(f"ours {ours[-1]:.2f} s, peer {theirs[-1]:.2f} s", flush=True)
    result = run.run(params, Given(pixels))
    other, count = peer(photo, params.settings, np.random.default_rng(SEED))
    compared = statistics.median(theirs)
    row = {
        "what": "look impressionist",
        **spread(ours),
        "peer": "Hertzmann 1998 in NumPy and cv2.polylines: no bristles, no relief, no gap filling",
        "peer_median_s": compared,
        "times_faster": compared / statistics.median(ours),
        "first_run_s": first,
        "strokes": int(sum(value for name, value in result.figures.items() if name.startswith("strokes_"))),
        "peer_strokes": count,
        "rms_error": float((result.images[0] - pixels).square().mean().sqrt()),
        "peer_rms_error": float(np.sqrt((((other.astype(np.float32) - photo) / 255) ** 2).mean())),
    }
    write("strokes", "Seconds to paint a photo of 1 megapixel (1220 × 813) in brush strokes.", [row], seed=SEED)


if __name__ == "__main__":
    main()

"""How fast are the filters and colour transfers on a 1-megapixel photo, beside the obvious NumPy or OpenCV way to the same end?

`python -m benchmarks.filters` (extra `bench`). Peers are plain and some do less: what each leaves out stands in its row.
"""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import skimage.data

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks._harness import spread, timed, write
from huafang import images, methods
from huafang.assets import Assets
from huafang.context import Context
from huafang.weights import Weights

Photo = np.ndarray


def kuwahara(photo: Photo) -> Photo:
    """Four square sectors by box filters (Kuwahara 1976)."""
    best, least = np.zeros_like(photo), np.full(photo.shape[:2], np.inf, np.float32)
    for anchor in ((0, 0), (6, 0), (0, 6), (6, 6)):
        mean = cv2.boxFilter(photo, -1, (7, 7), anchor=anchor)
        spread = (cv2.boxFilter(photo * photo, -1, (7, 7), anchor=anchor) - mean * mean).sum(2)
        better = spread < least
        best[better], least = mean[better], np.minimum(least, spread)
    return best


def xdog(photo: Photo, epsilon: float = 0.5, phi: float = 20) -> Photo:
    grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)
    drawn = 21 * cv2.GaussianBlur(grey, (0, 0), 1.0) - 20 * cv2.GaussianBlur(grey, (0, 0), 1.6)
    return np.where(drawn >= epsilon, 1, 1 + np.tanh(phi * (drawn - epsilon)))


def cartoon(photo: Photo) -> Photo:
    lab = cv2.cvtColor(photo, cv2.COLOR_RGB2Lab)
    for _ in range(4):
        lab = cv2.bilateralFilter(lab, 15, 5, 3)
    place = lab[..., 0] / 100 * 8
    middle = np.floor(place) + 0.5
    lab[..., 0] = (middle + 0.5 * np.tanh(4 * (place - middle))) / 8 * 100
    return cv2.cvtColor(lab, cv2.COLOR_Lab2RGB) * xdog(photo, 0.3, 8)[..., None]


def halftone(photo: Photo) -> Photo:
    y, x = np.mgrid[: photo.shape[0], : photo.shape[1]].astype(np.float32)
    out = np.ones_like(photo)
    black = 1 - photo.max(2)
    tones = [*np.moveaxis(1 - photo - black[..., None], 2, 0), black]
    for tone, angle, ink in zip(tones, np.radians([15, 75, 0, 45]), ((0, 1, 1), (1, 0, 1), (1, 1, 0), (0, 0, 0)), strict=True):
        u, v = (np.cos(angle) * x + np.sin(angle) * y) / 6, (np.cos(angle) * y - np.sin(angle) * x) / 6
        dots = tone > (2 + np.cos(2 * np.pi * u) + np.cos(2 * np.pi * v)) / 4
        out[dots] *= np.float32(ink)
    return out


def reinhard(photo: Photo, style: Photo) -> Photo:
    a, b = cv2.cvtColor(photo, cv2.COLOR_RGB2Lab), cv2.cvtColor(style, cv2.COLOR_RGB2Lab)
    return cv2.cvtColor((a - a.mean((0, 1))) * (b.std((0, 1)) / a.std((0, 1))) + b.mean((0, 1)), cv2.COLOR_Lab2RGB)


def linear(photo: Photo, style: Photo) -> Photo:
    def power(matrix: Photo, exponent: float) -> Photo:
        values, vectors = np.linalg.eigh(matrix)
        return (vectors * values**exponent) @ vectors.T

    a, b = photo.reshape(-1, 3), style.reshape(-1, 3)
    source, target = np.cov(a.T), np.cov(b.T)
    root, inverse = power(source, 0.5), power(source, -0.5)
    return ((a - a.mean(0)) @ (inverse @ power(root @ target @ root, 0.5) @ inverse) + b.mean(0)).reshape(photo.shape)


def sliced(photo: Photo, style: Photo) -> Photo:
    random = np.random.default_rng(0)
    a, b = photo.reshape(-1, 3).copy(), style.reshape(-1, 3)
    levels = np.linspace(0, 1, 256)
    for _ in range(24):
        basis = np.linalg.qr(random.normal(size=(3, 3)))[0].astype(np.float32)
        turned, aim = a @ basis, b @ basis
        for axis in range(3):
            turned[:, axis] = np.interp(turned[:, axis], np.quantile(turned[:, axis], levels), np.quantile(aim[:, axis], levels))
        a = turned @ basis.T
    return a.reshape(photo.shape)


def main() -> None:
    photo = cv2.resize(skimage.data.coffee(), (1224, 816), interpolation=cv2.INTER_CUBIC)
    style = cv2.resize(skimage.data.astronaut(), (1000, 1000))
    floats, other = photo.astype(np.float32) / 255, style.astype(np.float32) / 255
    peers: dict[str, tuple[Callable[[], object], str]] = {
        "oil": (lambda: kuwahara(floats), "OpenCV box filters, 4 square sectors: no anisotropy, no soft weights"),
        "ink": (lambda: xdog(floats), "OpenCV gaussians + NumPy tanh: no flow"),
        "pencil": (lambda: cv2.pencilSketch(photo), "cv2.pencilSketch: another algorithm"),
        "cartoon": (lambda: cartoon(floats), "cv2.bilateralFilter x4 + NumPy: no flow"),
        "watercolour": (lambda: cv2.stylization(photo), "cv2.stylization: another algorithm, no paper or pigment"),
        "halftone": (lambda: halftone(floats), "NumPy cosine screens: no anti-aliasing, tone not kept"),
        "reinhard": (lambda: reinhard(floats, other), "OpenCV CIELAB"),
        "linear": (lambda: linear(floats, other), "NumPy"),
        "sliced": (lambda: sliced(floats, other), "NumPy quantile and interp on all pixels"),
    }
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        assets = Assets(Path(folder) / "assets")
        content, colours = (assets.put(images.ingest(cv2.imencode(".png", p[..., ::-1])[1].tobytes()).data) for p in (photo, style))
        for name, (peer, said) in peers.items():
            given = {"transfer": name, "style": [colours]} if name in ("reinhard", "linear", "sliced") else {"filter": name}
            params = methods.build("colour_transfer" if "style" in given else "image_filters", {"content": content, **given})
            ours = timed(lambda params=params: methods.run(params, Context(assets, Weights(Path(folder) / "models"))), repeats=3)
            theirs = timed(peer, repeats=3)
            rows.append({"what": name, **spread(ours), **{f"peer_{key}": value for key, value in spread(theirs).items()}, "peer": said})
    write("filters", "Seconds for a 1-megapixel photo, decoding the stored PNG included in ours and not in the peer's", rows)


if __name__ == "__main__":
    main()

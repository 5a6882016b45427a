"""How fast are the filters and colour transfers on a 1-megapixel photo, beside the obvious NumPy or OpenCV way to the same end?

`python benchmarks/filters.py` (extra `bench`). Both start from decoded pixels. Peers are plain and some do less: what each leaves out stands in its row.
"""

import statistics
from collections.abc import Callable

import cv2
import numpy as np
import skimage.data
import torch
from _harness import spread, timed, write

from huafang import methods
from huafang.context import Context

CONTENT, STYLE = "0" * 64, "1" * 64
REPEATS = 5
RADIUS = 9
"""Of the peer's oil, in pixels: the method's default."""

Photo = np.ndarray


class Given(Context):
    """A context that holds its pictures decoded."""

    def __init__(self, **pictures: torch.Tensor) -> None:
        super().__init__(None, None)  # type: ignore[arg-type]  # no store is asked
        self.pictures = pictures

    def image(self, asset: str) -> torch.Tensor:
        return self.pictures[asset]

    def film(self, asset: str) -> bool:
        return False

    def transparent(self, asset: str) -> bool:
        return False


def flow(photo: Photo) -> Photo:
    """(H, W, 2): unit tangents (x, y) of the smoothed structure tensor."""
    gx, gy = cv2.Sobel(photo, cv2.CV_32F, 1, 0), cv2.Sobel(photo, cv2.CV_32F, 0, 1)
    e, f, g = (cv2.GaussianBlur(product.sum(2), (0, 0), 2.0) for product in (gx * gx, gx * gy, gy * gy))
    angle = 0.5 * np.arctan2(2 * f, e - g)
    return np.dstack([-np.sin(angle), np.cos(angle)])


def along(plane: Photo, tangents: Photo, sigma: float) -> Photo:
    """Line integral convolution: both ways step by step with cv2.remap."""
    y, x = np.mgrid[: plane.shape[0], : plane.shape[1]].astype(np.float32)
    steps = range(1, int(np.ceil(2.5 * sigma)) + 1)
    total, weights = plane.copy(), 1.0
    for sign in (1, -1):
        at_x, at_y, direction = x.copy(), y.copy(), sign * tangents
        for t in steps:
            at_x, at_y = at_x + direction[..., 0], at_y + direction[..., 1]
            weight = np.exp(-0.5 * (t / sigma) ** 2)
            total += weight * cv2.remap(plane, at_x, at_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            weights += weight
            onward = cv2.remap(tangents, at_x, at_y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
            direction = onward * np.where((onward * direction).sum(2, keepdims=True) < 0, np.float32(-1), np.float32(1))
    return total / np.float32(weights)


def xdog(grey: Photo, tangents: Photo, epsilon: float, phi: float) -> Photo:
    """Flow-based XDoG, sigma 1, p 20: difference of gaussians across the edge by cv2.remap, then along it."""
    y, x = np.mgrid[: grey.shape[0], : grey.shape[1]].astype(np.float32)
    at = np.arange(-5, 6)
    narrow, wide = np.exp(-0.5 * at**2), np.exp(-0.5 * (at / 1.6) ** 2)
    across = np.zeros_like(grey)
    for t, weight in zip(at, 21 * narrow / narrow.sum() - 20 * wide / wide.sum(), strict=True):
        places = (x + np.float32(t) * tangents[..., 1], y - np.float32(t) * tangents[..., 0])
        across += np.float32(weight) * cv2.remap(grey, *places, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    drawn = along(across, tangents, 3.0)
    return np.where(drawn >= epsilon, 1, 1 + np.tanh(phi * (drawn - epsilon))).astype(np.float32)


def ink(photo: Photo) -> Photo:
    tangents = flow(photo)
    return along(xdog(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), tangents, 0.5, 20), tangents, 1.0)


def octaves(shape: tuple[int, int], size: float, count: int, seed: int) -> Photo:
    """Noise around 0: small random planes enlarged by cv2.resize."""
    random, total = np.random.default_rng(seed), np.zeros(shape, np.float32)
    for octave in range(count):
        coarse = random.random([max(2, int(side * 2**octave / size)) for side in shape], np.float32) - 0.5
        total += cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_CUBIC) * np.float32(0.5**octave)
    return total


def pencil(photo: Photo) -> Photo:
    """XDoG outlines over two layers of turned streaks where it is dark, on grain."""
    grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)
    left, dark = xdog(grey, flow(photo), 0.92, 2), 1 - cv2.GaussianBlur(grey, (0, 0), 2.0)
    tooth = 1 + octaves(grey.shape, 2.2, 2, 0)
    height, width = grey.shape
    for seed, (angle, gain, lift) in enumerate(((50, 1.1, 0.18), (-20, 2.4, -1.1))):
        streaks = cv2.resize(np.random.default_rng(seed).random((2 * width, width // 30), np.float32), (2 * width, 2 * width))
        turn = cv2.getRotationMatrix2D((width, width), angle, 1)
        pressure = cv2.warpAffine(streaks, turn, (2 * width, 2 * width))[width - height // 2 :][:height, width // 2 :][:, :width]
        left = left * (1 - np.clip(0.6 * tooth * np.clip(gain * dark + lift - 0.7 * pressure, 0, 1), 0, 1))
    return left


def watercolour(photo: Photo) -> Photo:
    """Wobble by cv2.remap, Kuwahara washes, pigment by noise and at borders."""
    shape = photo.shape[:2]
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    washes = cv2.remap(photo, x + 3 * octaves(shape, 14, 2, 0), y + 3 * octaves(shape, 14, 2, 1), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    washes = oil(washes, RADIUS * 3 // 2)
    border = np.maximum(cv2.GaussianBlur(washes, (0, 0), 2.5) - washes, 0).sum(2)
    density = 1.2 * octaves(shape, 160, 4, 2) + 0.3 * octaves(shape, 5, 2, 3) + 0.5 * octaves(shape, 4.5, 3, 4) + 2.5 * border
    colour = 1 - 0.86 * np.maximum(1 - washes, 0) ** 1.5
    return np.clip(colour - (colour - colour * colour) * density[..., None], 0, 1)


def cartoon(photo: Photo) -> Photo:
    lab = cv2.cvtColor(photo, cv2.COLOR_RGB2Lab)
    for _ in range(4):
        lab = cv2.bilateralFilter(lab, 15, 5, RADIUS / 2)
    place = lab[..., 0] / 100 * 8
    middle = np.floor(place) + 0.5
    lab[..., 0] = (middle + 0.5 * np.tanh(4 * (place - middle))) / 8 * 100
    return cv2.cvtColor(lab, cv2.COLOR_Lab2RGB) * xdog(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), flow(photo), 0.3, 8)[..., None]


def halftone(photo: Photo, times: int = 4) -> Photo:
    """Cosine screens at 4 times the resolution, reduced by cv2.resize."""
    large = cv2.resize(photo, None, fx=times, fy=times)
    y, x = np.mgrid[: large.shape[0], : large.shape[1]].astype(np.float32)
    out = np.ones_like(large)
    black = 1 - large.max(2)
    tones = [*np.moveaxis(1 - large - black[..., None], 2, 0), black]
    for tone, angle, spared in zip(tones, np.radians([15, 75, 0, 45]).astype(np.float32), ((0, 1, 1), (1, 0, 1), (1, 1, 0), (0, 0, 0)), strict=True):
        turn = np.float32(2 * np.pi / 6 / times)
        u, v = turn * (np.cos(angle) * x + np.sin(angle) * y), turn * (np.cos(angle) * y - np.sin(angle) * x)
        out[tone > (2 + np.cos(u) + np.cos(v)) / 4] *= np.float32(spared)
    return cv2.resize(out, photo.shape[1::-1], interpolation=cv2.INTER_AREA)


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


def oil(photo: Photo, radius: int = RADIUS) -> Photo:
    """The generalised Kuwahara filter with 8 sectors (Papari et al. 2007): a filter2D per sector, isotropic."""
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1] / radius
    window = np.exp(-3.125 * (x * x + y * y)) * (x * x + y * y <= 1)
    turn = np.arctan2(y, x)
    square = (photo * photo).sum(2)
    total, trusts = np.zeros_like(photo), np.zeros(photo.shape[:2], np.float32)
    for k in range(8):
        away = np.abs((turn - k * np.pi / 4 + np.pi) % (2 * np.pi) - np.pi)
        sector = window * ((away <= np.pi / 8) | (x * x + y * y == 0))
        sector = cv2.GaussianBlur(sector, (0, 0), 0.2 * radius)
        sector = (sector / sector.sum()).astype(np.float32)
        mean = cv2.filter2D(photo, -1, sector)
        deviation = np.sqrt(np.maximum(cv2.filter2D(square, -1, sector) - (mean * mean).sum(2), 0)) * 255
        trust = 1 / (1 + deviation**8)
        total += trust[..., None] * mean
        trusts += trust
    return total / trusts[..., None]


def main() -> None:
    photo = cv2.resize(skimage.data.coffee(), (1224, 816), interpolation=cv2.INTER_CUBIC)
    style = cv2.resize(skimage.data.astronaut(), (1000, 1000))
    floats, other = photo.astype(np.float32) / 255, style.astype(np.float32) / 255
    held = {name: torch.from_numpy(pixels).permute(2, 0, 1)[None].contiguous() for name, pixels in ((CONTENT, floats), (STYLE, other))}
    peers: dict[str, tuple[Callable[[], object], str]] = {
        "oil": (lambda: oil(floats), "8 sectors by cv2.filter2D: isotropic, no relief"),
        "ink": (lambda: ink(floats), "flow-based XDoG by cv2.remap"),
        "pencil": (lambda: pencil(floats), "flow-based XDoG by cv2.remap, hatching by cv2.warpAffine"),
        "cartoon": (lambda: cartoon(floats), "cv2.bilateralFilter four times, flow-based XDoG by cv2.remap"),
        "watercolour": (lambda: watercolour(floats), "cv2.remap, cv2.filter2D per sector (isotropic), noise by cv2.resize"),
        "halftone": (lambda: halftone(floats), "NumPy at 4 times the resolution: mean ink is not mean tone"),
        "reinhard": (lambda: reinhard(floats, other), "OpenCV CIELAB and NumPy"),
        "linear": (lambda: linear(floats, other), "NumPy"),
        "sliced": (lambda: sliced(floats, other), "NumPy quantile and interp on all pixels"),
    }
    rows = []
    for name, (peer, said) in peers.items():
        transfer = name in ("reinhard", "linear", "sliced")
        given = {"transfer": name, "style": [STYLE]} if transfer else {"filter": name}
        params = methods.build("colour_transfer" if transfer else "image_filters", {"content": CONTENT, **given})
        ours = timed(lambda params=params: methods.run(params, Given(**held)), REPEATS)
        # A peer that takes many times as long need not be run as often.
        first = timed(peer, 1, 1)
        theirs = first + (timed(peer, REPEATS - 1, 0) if first[0] < 3 else [])
        compared = statistics.median(theirs)
        rows.append({"what": name, **spread(ours), "peer": said, "peer_median_s": compared, "times_faster": compared / statistics.median(ours)})
        print(f"{name}: {statistics.median(ours):.3f} s, peer {compared:.3f} s", flush=True)
    write("filters", "Seconds for a filter or colour transfer on a photo of 1 megapixel (1224 × 816), decoded.", rows)


if __name__ == "__main__":
    main()

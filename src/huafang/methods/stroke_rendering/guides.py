"""What the painter looks at: a blurred reference and a field of directions, per layer.

Arrays here are NumPy, (h, w, 3) colours in [0, 1] or (h, w), float32, at guide resolution: the photo's own up to `GUIDE_SIDE`, no more beyond, for a
brush that scales with the picture sees nothing finer.
"""

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d, zoom

Array = npt.NDArray[np.float32]
Real = npt.NDArray[np.floating]

GUIDE_SIDE = 2048
NOISE = 0.012
"""Luminance slope per pixel at scale 1 under which a gradient says nothing of direction: three steps of 8 bits."""
LUMA = np.array([0.30, 0.59, 0.11], np.float32)
"""Hertzmann 1998, section 2.2."""


def blur(picture: Array, sigma: float) -> Array:
    """Gaussian blur over the two leading axes, edges repeated; by a smaller picture where sigma is large."""
    if sigma < 0.2:
        return picture
    shrink = int(sigma // 6)
    if shrink > 1 and min(picture.shape[:2]) >= 4 * shrink:
        return enlarge(blur(_reduced(picture, shrink), sigma / shrink), picture.shape[0], picture.shape[1])
    once = gaussian_filter1d(picture, sigma, axis=0, mode="nearest", truncate=3.0)
    return np.asarray(gaussian_filter1d(once, sigma, axis=1, mode="nearest", truncate=3.0), np.float32)


def directions(reference: Array, radius: float, scale: float, *, swirl: Array | None, fallback: float) -> Array:
    """Unit tangents (h, w, 2) as (x, y): normal to the luminance gradient.

    With `swirl` (h, w, 2) the directions are those of the structure tensor smoothed over some brush widths, and where that has neither energy nor
    coherence, those of `swirl`. Without it they are the gradient's own (Hertzmann 1998), and where the gradient is noise, those of the tensor
    smoothed over a wide neighbourhood; where even that is empty, the angle `fallback`.
    """
    luminance = reference @ LUMA
    gy, gx = _slopes(luminance)
    # The double angle, in which a direction and its opposite are one (Bigün & Granlund 1987)
    even, odd, energy = gx * gx - gy * gy, 2 * gx * gy, gx * gx + gy * gy
    noise = np.float32((NOISE / scale) ** 2)
    if swirl is not None:
        sigma = max(1.6 * radius, 3 * scale)
        near_even, near_odd, near_energy = (blur(part, sigma) for part in (even, odd, energy))
        strength = np.hypot(near_even, near_odd)
        coherence = strength / (near_energy + 1e-12)
        trust = np.clip(coherence * 1.6 - 0.3, 0, 1) * near_energy / (near_energy + 0.5 * noise)
        # `even`, `odd` are of the gradient; the tangent's double angle is the opposite
        other = 2 * np.arctan2(swirl[..., 1], swirl[..., 0])
        along_even = -trust * near_even / (strength + 1e-12) + (1 - trust) * np.cos(other)
        along_odd = -trust * near_odd / (strength + 1e-12) + (1 - trust) * np.sin(other)
        return _signed(along_odd, along_even, swirl[..., 0], swirl[..., 1])
    far_even, far_odd = blur(even, 24 * scale), blur(odd, 24 * scale)
    far_strength = np.hypot(far_even, far_odd)
    far_trust = far_strength / (far_strength + 0.02 * noise)
    rest_even = -far_trust * far_even / (far_strength + 1e-12) + (1 - far_trust) * np.float32(np.cos(2 * fallback))
    rest_odd = -far_trust * far_odd / (far_strength + 1e-12) + (1 - far_trust) * np.float32(np.sin(2 * fallback))
    trust = energy / (energy + 0.3 * noise)
    along_even = -trust * even / (energy + 1e-12) + (1 - trust) * rest_even
    along_odd = -trust * odd / (energy + 1e-12) + (1 - trust) * rest_odd
    return _signed(along_odd, along_even, -gy, gx)


def swirls(height: int, width: int, rng: np.random.Generator) -> Array:
    """A field (h, w, 2) of unit tangents that runs round and round: along the level lines of a smooth random hill country.

    About six eddies lie along the longer side, whatever the size.
    """
    pitch = max(height, width) / 7
    rows, columns = int(np.ceil(height / pitch)) + 4, int(np.ceil(width / pitch)) + 4
    hills = rng.standard_normal((rows, columns)).astype(np.float32)
    y = (np.arange(height, dtype=np.float32)[:, None] / pitch) + 1.5
    x = (np.arange(width, dtype=np.float32)[None] / pitch) + 1.5
    by, bx = _bspline(y - np.floor(y)), _bspline(x - np.floor(x))
    dy, dx = _bspline_slope(y - np.floor(y)), _bspline_slope(x - np.floor(x))
    iy, ix = np.floor(y).astype(int), np.floor(x).astype(int)
    slope_x = np.zeros((height, width), np.float32)
    slope_y = np.zeros((height, width), np.float32)
    for a in range(4):
        for b in range(4):
            value = hills[np.minimum(iy + a - 1, rows - 1), np.minimum(ix + b - 1, columns - 1)]
            slope_x += value * by[a] * dx[b]
            slope_y += value * dy[a] * bx[b]
    size = np.hypot(slope_x, slope_y) + 1e-9
    return np.stack([-slope_y / size, slope_x / size], -1)


def enlarge(picture: Array, height: int, width: int) -> Array:
    """(h, w[, C]) -> (height, width[, C]), linear."""
    factors = (height / picture.shape[0], width / picture.shape[1]) + (1,) * (picture.ndim - 2)
    return np.asarray(zoom(picture, factors, order=1, mode="nearest", grid_mode=True), np.float32)


def _reduced(picture: Array, by: int) -> Array:
    """Mean over blocks of `by` × `by`; the rest at the far edges is filled by repetition."""
    h, w = picture.shape[:2]
    pad = ((0, -h % by), (0, -w % by)) + ((0, 0),) * (picture.ndim - 2)
    padded = np.pad(picture, pad, mode="edge")
    blocks = padded.reshape(padded.shape[0] // by, by, padded.shape[1] // by, by, *picture.shape[2:])
    return np.asarray(blocks.mean(axis=(1, 3)), np.float32)


def _slopes(luminance: Array) -> tuple[Array, Array]:
    """Sobel derivatives per pixel, as (d/dy, d/dx)."""
    padded = np.pad(luminance, 1, mode="edge")
    across = padded[:, 2:] - padded[:, :-2]
    down = padded[2:] - padded[:-2]
    gx = (across[:-2] + 2 * across[1:-1] + across[2:]) / 8
    gy = (down[:, :-2] + 2 * down[:, 1:-1] + down[:, 2:]) / 8
    return gy, gx


def _signed(odd: Real, even: Real, towards_x: Array, towards_y: Array) -> Array:
    """Unit vectors of half the angle of (`even`, `odd`) (h, w), turned round where they point against the given vectors."""
    angle = 0.5 * np.arctan2(odd, even)
    x, y = np.cos(angle), np.sin(angle)
    sign = np.where(x * towards_x + y * towards_y < 0, np.float32(-1), np.float32(1))
    return np.stack([x * sign, y * sign], -1).astype(np.float32)


def _bspline(t: Array) -> tuple[Real, ...]:
    return (1 - t) ** 3 / 6, (3 * t**3 - 6 * t**2 + 4) / 6, (-3 * t**3 + 3 * t**2 + 3 * t + 1) / 6, t**3 / 6


def _bspline_slope(t: Array) -> tuple[Real, ...]:
    return -((1 - t) ** 2) / 2, (3 * t**2 - 4 * t) / 2, (-3 * t**2 + 2 * t + 1) / 2, t**2 / 2

"""What a painting tells of its maker's hand: palette, brush size, stroke length, curvature, relief, and the directions that strokes take.

Width and length come from the autocorrelation of the painting's detail across and along its local orientation (structure tensor, Bigün & Granlund 1987).
Of parallel strokes of width w the autocorrelation across first falls to zero at w / 2: one brush radius.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.ndimage import map_coordinates
from scipy.spatial import cKDTree

from huafang.methods.stroke_rendering import guides
from huafang.methods.stroke_rendering.guides import Array
from huafang.methods.stroke_rendering.looks import Look
from huafang.ops import colour, resize

SIDE = 960
"""Pixels of the longer side on which a painting is measured."""
UNIT_SIDE = 640
"""Lengths are measured in pixels of a picture whose longer side is so long, as radii are."""
SAMPLES = 20_000
LAGS = np.arange(0, 20.5, 0.5)
"""Distances at which the autocorrelation is measured: a stroke can be found up to 40 units wide and long."""
RADIUS = (1.5, 6.0)
"""Finest brush radius, least and most. A photo's own detail would ask for less, a blurred one for more."""
OVERLAP = 0.7
"""Brush radius over half the visible width: strokes cover one another's edges."""
PALETTE = 6000
"""Colours in a palette."""
CHROMA = 1.6
"""Weight of I and Q beside luminance when the nearest colour of a palette is sought: hue counts more than lightness."""
MIXED = 0.85
"""Share of the palette's colour in a stroke; the rest is the colour that the photo asks for."""


@dataclass(frozen=True)
class Palette:
    """Colours of a painting at brush size, (N, 3) RGB, and how far neighbouring strokes lie apart there, (3,) in YIQ."""

    colours: Array
    variation: Array
    tree: cKDTree

    def picked(self, wanted: Array, rng: np.random.Generator) -> Array:
        """(N, 3) RGB -> as many colours of the palette, near the wanted ones and as varied as neighbouring strokes of the painting."""
        aim = _yiq(wanted) + rng.standard_normal(wanted.shape, dtype=np.float32) * self.variation
        _, nearest = self.tree.query(aim * _WEIGHTS)
        return np.ascontiguousarray((1 - MIXED) * wanted + MIXED * self.colours[nearest], np.float32)


@dataclass(frozen=True)
class Brushwork:
    """`look` holds the measured numbers; `orientation` (h, w, 2) the double angle of the painting's strokes, (cos 2θ, sin 2θ)."""

    look: Look
    orientation: Array
    palette: Palette

    def directions(self, height: int, width: int, _: np.random.Generator) -> Array:
        """Unit tangents (height, width, 2) as (x, y): those of the painting, stretched over the picture."""
        doubled = guides.enlarge(self.orientation, height, width)
        angle = 0.5 * np.arctan2(doubled[..., 1], doubled[..., 0])
        return np.stack([np.cos(angle), np.sin(angle)], -1).astype(np.float32)


def measure(paintings: Sequence[torch.Tensor], style_scale: float, rng: np.random.Generator) -> Brushwork:
    """The brushwork of one or several paintings, (1, 3, H, W) in [0, 1]: palettes are pooled, numbers averaged, directions are those of the first."""
    pixels = [np.ascontiguousarray(resize.shrunk(one, SIDE)[0].permute(1, 2, 0).cpu().numpy()) for one in paintings]
    looks = [_look(one, rng) for one in pixels]
    mean = {name: float(np.mean([found[name] for found in looks])) for name in looks[0]}
    radius = mean["radius"] * style_scale
    length = max(mean["length"] * style_scale / radius, 2.0)
    look = Look(
        radii=(4 * radius, 2 * radius, radius),
        threshold=140,
        curvature_filter=mean["curvature"],
        blur_factor=0.5,
        min_length=int(np.clip(round(length / 2), 2, 10)),
        max_length=int(np.clip(round(2 * length), 6, 30)),
        opacity=1.0,
        grid_size=1.0,
        impasto=mean["impasto"],
    )
    return Brushwork(look, _orientation(pixels[0]), _palette(pixels, rng))


def _look(pixels: Array, rng: np.random.Generator) -> dict[str, float]:
    """Radius and length of strokes in units, how freely they turn (f_c), and the paint's thickness."""
    luminance = pixels @ guides.LUMA
    unit = max(luminance.shape) / UNIT_SIDE
    detail = guides.blur(luminance, 0.6 * unit) - guides.blur(luminance, 8 * unit)
    even, odd, energy = _tensor(luminance, 0.7 * unit, 3 * unit)
    coherence = np.hypot(even, odd) / (energy + 1e-9)
    weight = (coherence * energy / (energy + 1e-4)).ravel()
    if float(weight.sum()) < 1e-3 * weight.size or float(detail.std()) < 1e-3:
        return {"radius": RADIUS[1] / 2, "length": 12.0, "curvature": 1.0, "impasto": 0.0}  # no stroke to be seen: a flat picture
    chosen = rng.choice(weight.size, SAMPLES, p=weight / weight.sum())
    y, x = np.divmod(chosen, luminance.shape[1])
    across = 0.5 * np.arctan2(odd, even).ravel()[chosen]  # of the gradient
    sines, cosines = np.sin(across), np.cos(across)
    half_width = _falls_to(0.0, _correlation(detail, y, x, sines, cosines, unit))
    length = _falls_to(0.3, _correlation(detail, y, x, cosines, -sines, unit))
    step = 4 * unit
    later = _at(np.arctan2(odd, even), y + cosines * step, x - sines * step, order=0)
    turn = float(np.median(np.abs(np.angle(np.exp(1j * (later - 2 * across)))) / 2 / 4))  # radians per unit
    relief = float(np.median(np.sqrt(np.maximum(guides.blur(detail * detail, 6 * unit), 0))))
    return {
        "radius": float(np.clip(OVERLAP * half_width, *RADIUS)),
        "length": length,
        "curvature": float(np.clip(0.3 + 20 * turn, 0.3, 1.0)),
        "impasto": float(np.clip(8 * relief, 0.0, 0.7)),
    }


def _orientation(pixels: Array) -> Array:
    """Double angle of the tangents, (h, w, 2): fine structure where there is some, otherwise that of ever wider neighbourhoods."""
    luminance = pixels @ guides.LUMA
    unit = max(luminance.shape) / UNIT_SIDE
    found: Array | None = None
    for sigma in (40, 12, 4):
        even, odd, energy = _tensor(luminance, unit, sigma * unit)
        strength = np.hypot(even, odd)
        unit_vectors = -np.stack([even, odd], -1) / (strength[..., None] + 1e-12)  # the tangent's double angle is opposite to the gradient's
        trust = (strength / (strength + 0.3 * np.median(energy) + 1e-9))[..., None]
        found = np.asarray(unit_vectors if found is None else (1 - trust) * found + trust * unit_vectors, np.float32)
    assert found is not None
    return found


def _palette(paintings: Sequence[Array], rng: np.random.Generator) -> Palette:
    """Each painting gives as many colours as the others."""
    colours, variations = [], []
    for pixels in paintings:
        unit = max(pixels.shape) / UNIT_SIDE
        strokes = guides.blur(pixels, 1.2 * unit)
        apart = _yiq(strokes) - _yiq(guides.blur(pixels, 5 * unit))
        variations.append(np.median(np.abs(apart.reshape(-1, 3)), axis=0) * 1.4826)  # a robust standard deviation: outlines are no variation of strokes
        colours.append(strokes.reshape(-1, 3)[rng.integers(0, strokes[..., 0].size, PALETTE // len(paintings))])
    pooled = np.ascontiguousarray(np.concatenate(colours), np.float32)
    return Palette(pooled, np.mean(variations, axis=0).astype(np.float32), cKDTree(_yiq(pooled) * _WEIGHTS))


_YIQ = colour.YIQ.numpy()
_WEIGHTS = np.array([1.0, CHROMA, CHROMA], np.float32)


def _yiq(colours: Array) -> Array:
    return np.asarray(colours @ _YIQ.T, np.float32)


def _tensor(luminance: Array, inner: float, outer: float) -> tuple[Array, Array, Array]:
    """The structure tensor in double angles: (cos 2θ, sin 2θ) of the gradient times its energy, and the energy, smoothed over `outer`."""
    down, right = np.gradient(guides.blur(luminance, inner))
    parts = (right * right - down * down, 2 * right * down, right * right + down * down)
    even, odd, energy = (guides.blur(np.asarray(part, np.float32), outer) for part in parts)
    return even, odd, energy


def _correlation(detail: Array, y: Array, x: Array, down: Array, right: Array, unit: float) -> Array:
    """Autocorrelation of `detail` at `LAGS` units from the samples, both ways along (`down`, `right`): 1 at 0."""
    here = _at(detail, y, x)
    both = [_at(detail, y + way * down * lag * unit, x + way * right * lag * unit) for lag in LAGS for way in (1, -1)]
    products = np.array([float((here * other).mean()) for other in both]).reshape(len(LAGS), 2).mean(1)
    return np.asarray(products / products[0])


def _falls_to(level: float, correlation: Array) -> float:
    """The first distance at which the autocorrelation is at `level` or below; the longest where it never is."""
    below = np.flatnonzero(correlation <= level)
    return float(LAGS[below[0]] if len(below) else LAGS[-1])


def _at(picture: Array, y: guides.Real, x: guides.Real, order: int = 1) -> Array:
    return np.asarray(map_coordinates(picture, [y, x], order=order, mode="reflect"), np.float32)

"""The stage that a place is painted on, and the parts that places share: ridges, firs, bushes, waves, paths."""

import math
import random
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from huafang.scenes.canvas import Canvas, Colour, Linear, arc, hexed, mix
from huafang.scenes.facts import Facts
from huafang.scenes.light import Light
from huafang.scenes.sky import Lamp


@dataclass(frozen=True)
class Ground:
    """`foot`: from where to where subjects stand, far to near; `water`: where boats float, None on dry land; `scale` multiplies their size."""

    horizon: float
    foot: tuple[float, float]
    water: tuple[float, float] | None = None
    scale: float = 1.0


@dataclass(frozen=True)
class Stage:
    """All that a place is painted with; `x` is the middle of its subjects, `lamp` where the sun or moon is."""

    canvas: Canvas
    facts: Facts
    light: Light
    rng: random.Random
    horizon: float
    x: float
    lamp: Lamp

    def soil(self, colour: Colour, far: float = 0.0) -> Colour:
        """`colour` of the ground or a plant in this light, dusted with snow while it snows."""
        return self.light(mix(colour, (0.93, 0.96, 1.0), 0.35) if self.facts.weather == "snow" else colour, far)

    def bloom(self, colour: Colour, far: float = 0.0) -> Colour:
        """`colour` of a flower: by night it glows a little, else it would be lost."""
        return mix(self.light(colour, far), colour, 0.28 if self.light.dark else 0.0)

    def slope(self, colour: Colour, top: float, low: float = 1.0, far: float = 0.12) -> Linear:
        """Ground of `colour`: paler at its far edge, deeper near."""
        return Linear(self.soil(mix(colour, (1, 1, 0.85), 0.12), far), self.soil(mix(colour, (0.05, 0.1, 0.2), 0.22)), (0, top), (0, low))

    @property
    def floating(self) -> bool:
        """Whether the subject wants water under it."""
        return self.facts.subject in ("boat", "bridge")


def ridge(base: float, height: float, waves: float, rng: random.Random, low: float = 1.0) -> NDArray[np.float64]:
    """Rolling land about `base`, `height` up and down, with some `waves` across the square."""
    x = np.linspace(-0.02, 1.02, 28)
    y = np.full_like(x, base)
    for octave, share in ((1, 0.7), (2.3, 0.3)):
        y += height * share * np.sin(x * math.tau * waves * octave * rng.uniform(0.85, 1.15) + rng.uniform(0, math.tau))
    return np.concatenate([np.stack([x, y], axis=1), [(1.02, low), (-0.02, low)]])


def lens(x: float, y: float, half: float, thick: float) -> NDArray[np.float64]:
    """A flat pointed ripple."""
    t = np.linspace(-1, 1, 7)
    upper = np.stack([x + half * t, y - thick * (1 - t * t)], axis=1)
    lower = np.stack([x + half * t[::-1], y + thick * 0.7 * (1 - t * t)], axis=1)
    return np.concatenate([upper, lower])


def fir(stage: Stage, x: float, y: float, s: float, colour: Colour, far: float = 0.0, snowy: bool = False) -> None:
    """A fir `s` high of three tiers, one side in the light."""
    canvas, light = stage.canvas, stage.light
    trunk = light(hexed("#5a4030"), far)
    canvas.box(x - 0.035 * s, y - 0.14 * s, x + 0.035 * s, y, trunk)
    side = -1 if light.from_left else 1
    dark, pale = stage.soil(mix(colour, (0.05, 0.08, 0.2), 0.25), far), stage.soil(mix(colour, (1, 1, 0.8), 0.1), far)
    white, blue = light(hexed("#f6faff"), far), light(hexed("#b9cbe4"), far)
    canvas.fill(_tiers(x, y, s, (-1, 1)), dark)
    canvas.fill(_tiers(x, y, s, (side, 0)), pale)
    if snowy:
        for low, top, wide in ((0.1, 0.52, 0.3), (0.34, 0.76, 0.24), (0.58, 1.0, 0.17)):
            mid = low + (top - low) * 0.42
            reach = wide * 0.58
            canvas.fill(
                [
                    (x, y - top * s),
                    (x + reach * s, y - mid * s),
                    (x + reach * 0.4 * s, y - (mid + 0.04) * s),
                    (x, y - (mid - 0.06) * s),
                    (x - reach * 0.4 * s, y - (mid + 0.04) * s),
                    (x - reach * s, y - mid * s),
                ],
                Linear(white, blue, (x + side * 0.2 * s, y), (x - side * 0.2 * s, y)),
            )


def _tiers(x: float, y: float, s: float, sides: tuple[int, int]) -> list[tuple[float, float]]:
    """The outline of a fir from `sides[0]` to `sides[1]` of its trunk (-1, 0, 1)."""
    profile = [(0.3, 0.1), (0.13, 0.36), (0.24, 0.34), (0.09, 0.6), (0.17, 0.58), (0.0, 1.0)]
    first, last = sides
    up = [(x + first * wide * s, y - high * s) for wide, high in profile]
    down = [(x + last * wide * s, y - high * s) for wide, high in reversed(profile)]
    return up + down


def bush(stage: Stage, x: float, y: float, s: float, colour: Colour, far: float = 0.0) -> None:
    """A round bush or a distant leafy tree, `s` across, lying on `y`."""
    paint = Linear(stage.soil(mix(colour, (1, 1, 0.7), 0.18), far), stage.soil(mix(colour, (0.05, 0.08, 0.2), 0.3), far), (0, y - 0.55 * s), (0, y))
    parts = [arc(x + dx * s, y, rx * s, ry * s, 180, 360.1, corners=12) for dx, rx, ry in ((-0.27, 0.24, 0.36), (0.02, 0.3, 0.55), (0.29, 0.22, 0.32))]
    stage.canvas.fill(np.concatenate(parts), paint)


def path(
    stage: Stage, top: float, x_top: float, x_low: float, narrow: float, wide: float, paint: Linear | Colour, bend: float = 0.08, low: float = 1.0
) -> None:
    """A winding path or stream from (x_top, top), `narrow`, to (x_low, low), `wide`."""
    t = np.linspace(0, 1, 14)
    middle = x_top + (x_low - x_top) * t**1.5 + bend * np.sin(t * math.pi * 1.6) * t
    half = (narrow + (wide - narrow) * t**1.6) / 2
    y = top + (low - top) * t
    left, right = np.stack([middle - half, y], axis=1), np.stack([middle + half, y], axis=1)
    stage.canvas.fill(np.concatenate([left, right[::-1]]), paint)


def water_colours(stage: Stage) -> tuple[Colour, Colour]:
    """Water at the far edge and near: it takes the sky's colour."""
    far, near = {
        "day": ("#8fcfe6", "#1f74b4"),
        "dawn": ("#f0cdd2", "#8a93c4"),
        "sunset": ("#f79a52", "#6b3470"),
        "night": ("#2c4488", "#0a1338"),
    }[stage.facts.time]
    grey = {"clear": 0.0, "cloudy": 0.08, "snow": 0.2, "rain": 0.35, "fog": 0.3}[stage.facts.weather]
    a, b = hexed(far), hexed(near)
    level_a, level_b = sum(a) / 3, sum(b) / 3
    return mix(a, (level_a, level_a, level_a), grey), mix(b, (level_b, level_b, level_b), grey)

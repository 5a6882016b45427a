"""The sky of an hour and a weather, and what falls from it. The four hours never share a palette: blue, pink, orange over violet, navy."""

import math
import random
from dataclasses import dataclass

import numpy as np

from huafang.scenes.canvas import Canvas, Colour, Linear, Points, Radial, arc, hexed, mix
from huafang.scenes.facts import Facts, Time, Weather
from huafang.scenes.light import Light

_GRADIENTS: dict[Time, list[tuple[str, str, str]]] = {
    "day": [("#3c8cd8", "#86c3ee", "#dcf1f8"), ("#2f7fcf", "#6db4ea", "#c4e6f6"), ("#4aa3dd", "#98d2ee", "#eef7ee")],
    "dawn": [("#b7b2de", "#efc9d8", "#fde6cd"), ("#c3b9e2", "#f6cdd4", "#fff0d6"), ("#a9b6df", "#e9c4da", "#fbd9c6")],
    "sunset": [("#54296e", "#d24a56", "#fca640"), ("#6a2c6c", "#e2574a", "#ffbe52"), ("#452a72", "#c23f68", "#fb8c3e")],
    "night": [("#070c2c", "#121f52", "#26397a"), ("#060a22", "#0f1b45", "#20326a"), ("#0a1034", "#182660", "#304487")],
}
"""Overhead, half way down, at the horizon."""

_OVERCAST: dict[Time, tuple[str, str]] = {
    "day": ("#8fa3b3", "#c3d0d8"),
    "dawn": ("#b9adc4", "#ecd2d2"),
    "sunset": ("#6d4763", "#dd7d55"),
    "night": ("#10162f", "#232d4f"),
}
_COVER: dict[Weather, float] = {"clear": 0.0, "cloudy": 0.22, "rain": 0.85, "snow": 0.5, "fog": 0.75}

CLOUDS: dict[Time, tuple[str, str]] = {
    "day": ("#ffffff", "#d5e4f0"),
    "dawn": ("#fffaf2", "#d7a3c6"),
    "sunset": ("#ffc08a", "#a4476c"),
    "night": ("#4a5a92", "#222e60"),
}
"""The top and the base of a cloud."""

_FOG: dict[Time, str] = {"day": "#dfe7eb", "dawn": "#f3dfe0", "sunset": "#efc0aa", "night": "#55628c"}

SUN: dict[Time, Colour] = {"day": hexed("#fff3b8"), "dawn": hexed("#fff6dc"), "sunset": hexed("#ffd873"), "night": hexed("#f7f0cf")}
"""The sun's colour, the moon's at night, and that of their path on water."""


@dataclass(frozen=True)
class Lamp:
    """Where the sun or the moon stands; None in its place where neither is seen."""

    x: float
    y: float
    radius: float


def lamp(facts: Facts, x: float, skyline: float, rng: random.Random) -> Lamp:
    """On the side that the subject at `x` leaves free; dawn and sunset are low, above or half behind the `skyline`."""
    away = 0.24 if x > 0.58 or (x > 0.42 and rng.random() < 0.5) else 0.76
    lamp_x = away + rng.uniform(-0.07, 0.07)
    low = {
        "day": rng.uniform(0.13, 0.2),
        "night": rng.uniform(0.14, 0.22),
        "dawn": skyline - rng.uniform(0.07, 0.12),
        "sunset": skyline - rng.uniform(0.03, 0.1),
    }
    radius = {"day": 0.07, "night": 0.075, "dawn": 0.075, "sunset": 0.12}[facts.time]
    return Lamp(lamp_x, min(low[facts.time], 0.62), radius)


def paint_sky(canvas: Canvas, facts: Facts, light: Light, horizon: float, at: Lamp, rng: random.Random) -> None:
    """The whole square: the gradient ends at the `horizon`; stars keep clear of the moon at `at`."""
    top, middle, low = (hexed(tone) for tone in rng.choice(_GRADIENTS[facts.time]))
    cover = _COVER[facts.weather]
    heavy, pale = (hexed(tone) for tone in _OVERCAST[facts.time])
    top, middle, low = mix(top, heavy, cover), mix(middle, mix(heavy, pale, 0.5), cover), mix(low, pale, cover)
    canvas.cover(low)
    half = horizon * 0.55
    # The upper half lies over the lower, which begins with the same colour, so that no seam shows.
    canvas.box(0, 0, 1, horizon, Linear(middle, low, (0, half), (0, horizon)))
    canvas.box(0, 0, 1, half, Linear(top, middle, (0, 0), (0, half)))
    if facts.stars:
        _stars(canvas, facts, at, horizon, rng)
    if facts.time in ("dawn", "sunset"):
        canvas.glow(at.x, min(at.y, horizon), 0.6, SUN[facts.time], 0.5 * (1 - cover))
    if facts.moon:
        _moon(canvas, at, rng)
    elif facts.sun:
        _sun(canvas, facts, at)
    _clouds(canvas, facts, at, horizon, rng)


def paint_weather(canvas: Canvas, facts: Facts, light: Light, rng: random.Random) -> None:
    """Over everything: streaks of rain, flakes of snow, bands of fog."""
    if facts.weather == "rain":
        lean = rng.uniform(0.12, 0.3) * rng.choice((-1, 1))
        colour = mix(light.veil, (0.93, 0.96, 1.0), 0.45 if light.dark else 0.75)
        for x, y in _spread(46, rng):
            length, wide = rng.uniform(0.07, 0.12), rng.uniform(0.005, 0.0068)
            dx = lean * length
            canvas.fill([(x - wide, y), (x + wide, y), (x + dx + wide, y + length), (x + dx - wide, y + length)], colour, 0.55)
    elif facts.weather == "snow":
        white = mix((1.0, 1.0, 1.0), light.veil, 0.12)
        for x, y in _spread(44, rng):
            near = rng.random()
            dot(canvas, x, y, 0.0095 + 0.0095 * near, white, 0.75 + 0.2 * near)
    elif facts.weather == "fog":
        _fog(canvas, facts, 0.3, rng)


def paint_mist(canvas: Canvas, facts: Facts, rng: random.Random) -> None:
    """Fog behind the subject, thicker than what `paint_weather` lays before it, so that the subject stays to be seen."""
    if facts.weather == "fog":
        _fog(canvas, facts, 0.72, rng)


def _spread(count: int, rng: random.Random) -> list[tuple[float, float]]:
    """Points strewn evenly over the square (the R2 sequence of M. Roberts, jittered), so that no part is bare."""
    first_x, first_y = rng.random(), rng.random()
    return [
        ((first_x + k * 0.7548777 + rng.uniform(-0.03, 0.03)) % 1.0, (first_y + k * 0.5698403 + rng.uniform(-0.03, 0.03)) % 1.06 - 0.06) for k in range(count)
    ]


_ROUND = arc(0, 0, 1, 1, corners=10)


def dot(canvas: Canvas, x: float, y: float, radius: float, colour: Colour, alpha: float = 1.0) -> None:
    """A small disc, of few corners."""
    canvas.fill(_ROUND * radius + (x, y), colour, alpha)


def cloud(x: float, base: float, width: float, rng: random.Random) -> Points:
    """The outline of a cloud `width` across, which lies flat on `base`: half discs side by side, the middle ones higher."""
    tops = rng.randint(3, 4)
    parts = []
    for k in range(tops):
        share = (k + 0.5) / tops
        radius = width * (0.16 + 0.13 * math.sin(math.pi * share)) * rng.uniform(0.85, 1.15)
        parts.append(arc(x + (share - 0.5) * width * 0.78, base, radius, radius * 0.95, 180, 360.1, corners=14))
    return np.concatenate(parts)


def paint_cloud(canvas: Canvas, x: float, base: float, width: float, light: Light, rng: random.Random, heavy: float = 0.0, alpha: float = 1.0) -> None:
    """A cloud in the colours of the hour; `heavy` 1 is a rain cloud."""
    top, low = (hexed(tone) for tone in CLOUDS[light.time])
    dark = hexed(_OVERCAST[light.time][0])
    top, low = mix(top, mix(dark, top, 0.35), heavy), mix(low, mix(dark, (0.1, 0.1, 0.15), 0.15), heavy)
    canvas.fill(cloud(x, base, width, rng), Linear(top, low, (0, base - width * 0.3), (0, base)), alpha)


def _clouds(canvas: Canvas, facts: Facts, at: Lamp, horizon: float, rng: random.Random) -> None:
    light = Light(facts.time, (1, 1, 1), (0, 0, 0), 0)
    top = horizon * 0.85
    if facts.weather == "rain":
        for k in range(6):
            paint_cloud(canvas, (k + 0.5) / 6 + rng.uniform(-0.06, 0.06), rng.uniform(0.1, 0.2) * (1 + k % 2 * 0.5), rng.uniform(0.36, 0.5), light, rng, 0.85)
        canvas.box(0, 0, 1, 0.06, mix(hexed(_OVERCAST[facts.time][0]), (0.1, 0.1, 0.15), 0.05))
    elif facts.weather in ("cloudy", "snow"):
        heavy = 0.0 if facts.weather == "cloudy" else 0.3
        for k in range(5):
            x, y = (k * 0.382 + rng.uniform(0.0, 0.25)) % 1.05, min(top, 0.13 + 0.085 * k + rng.uniform(-0.02, 0.03))
            if (facts.sun or facts.moon) and abs(x - at.x) < 0.24 and abs(y - 0.05 - at.y) < 0.15:
                x = (x + 0.45) % 1.0
            paint_cloud(canvas, x, y, rng.uniform(0.3, 0.44), light, rng, heavy)
    elif facts.weather == "clear" and not facts.stars:
        for _ in range(rng.choice((0, 1, 2))):
            x, y = rng.uniform(0.05, 0.95), rng.uniform(0.14, max(0.2, top * 0.75))
            if abs(x - at.x) > 0.24:
                paint_cloud(canvas, x, y, rng.uniform(0.2, 0.3), light, rng)


def _sun(canvas: Canvas, facts: Facts, at: Lamp) -> None:
    colour = SUN[facts.time]
    if facts.time == "sunset":
        canvas.glow(at.x, at.y, at.radius * 2.6, hexed("#ffdf80"), 0.75)
        canvas.ellipse(at.x, at.y, at.radius, None, Linear(hexed("#fff0a0"), hexed("#ff7a35"), (0, at.y - at.radius), (0, at.y + at.radius)))
    else:
        canvas.glow(at.x, at.y, at.radius * 3.2, colour, 0.8)
        inner = hexed("#ffe066") if facts.time == "day" else hexed("#fffbe8")
        canvas.ellipse(at.x, at.y, at.radius, None, Radial(mix(inner, (1, 1, 1), 0.35), inner, (at.x, at.y), at.radius))


def _moon(canvas: Canvas, at: Lamp, rng: random.Random) -> None:
    pale = SUN["night"]
    canvas.glow(at.x, at.y, at.radius * 3.6, hexed("#9fb0e8"), 0.6)
    r = at.radius
    if rng.random() < 0.5:
        canvas.ellipse(at.x, at.y, r, None, pale)
        for dx, dy, size in ((-0.3, -0.2, 0.28), (0.35, 0.25, 0.22), (0.1, -0.5, 0.15)):
            canvas.ellipse(at.x + dx * r, at.y + dy * r, size * r, None, hexed("#dcd3ae"))
        return
    r *= 1.15
    outer = arc(0, 0, r, r, 60, 300.1, corners=28)
    turn = np.radians(np.linspace(180, 0, 20))
    inner = np.stack([0.5 * r - 0.8 * r * np.sin(turn), 0.866 * r * np.cos(turn)], axis=1)
    lean = math.radians(rng.uniform(-35, 35) + (180 if rng.random() < 0.5 else 0))
    points = np.concatenate([outer, inner]) @ np.array([[math.cos(lean), math.sin(lean)], [-math.sin(lean), math.cos(lean)]])
    canvas.fill(points + np.array([at.x, at.y]), pale)


def _stars(canvas: Canvas, facts: Facts, at: Lamp, horizon: float, rng: random.Random) -> None:
    colour = hexed("#fff6d2")
    for k in range(20):
        x, y = (0.03 + k * 0.6180339 + rng.uniform(-0.03, 0.03)) % 1.0, rng.uniform(0.04, max(0.3, horizon - 0.06))
        if facts.moon and math.hypot(x - at.x, y - at.y) < at.radius * 2:
            continue
        if k % 5 == 0:
            r = rng.uniform(0.02, 0.028)
            s = r * 0.26
            canvas.fill([(x, y - r), (x + s, y - s), (x + r, y), (x + s, y + s), (x, y + r), (x - s, y + s), (x - r, y), (x - s, y - s)], colour)
        else:
            dot(canvas, x, y, rng.uniform(0.006, 0.0095), colour, 0.95)


def _fog(canvas: Canvas, facts: Facts, thick: float, rng: random.Random) -> None:
    """Three soft bands lying over the land; the alpha of a row is the sum of their bells."""
    rows = (np.arange(canvas.size) + 0.5) / canvas.size
    share = 0.16 + np.zeros(canvas.size)
    for middle, width, most in ((0.38, 0.07, 0.35), (0.6, 0.09, 0.42), (0.88, 0.1, 0.42)):
        share += most * np.exp(-(((rows - middle - rng.uniform(-0.04, 0.04)) / width) ** 2))
    colour = np.array(hexed(_FOG[facts.time]))
    canvas.pixels += ((colour - canvas.pixels) * (np.minimum(share, 0.62) * thick)[:, None, None]).astype(np.float32)

"""Wide places: mountains, desert, snow, and the open sky."""

import math

import numpy as np

from huafang.scenes.canvas import Colour, Linear, arc, hexed, mix
from huafang.scenes.places.parts import Ground, Stage, bush, fir, path, ridge
from huafang.scenes.sky import CLOUDS, paint_cloud


def mountains(stage: Stage) -> Ground:
    """Peaks with snow caps over a pale range, foothills and an alpine meadow."""
    canvas, rng, h = stage.canvas, stage.rng, stage.horizon
    rock = hexed(rng.choice(("#6a7ba3", "#5f7795", "#76739c")))
    for k in range(4):
        _peak(stage, (k + 0.5) / 4 + rng.uniform(-0.06, 0.06), h, rng.uniform(0.2, 0.27), rng.uniform(0.2, 0.26), 0.5)
    first = rng.uniform(0.12, 0.3)
    for k in range(3):
        _peak(stage, first + k * 0.32 + rng.uniform(-0.04, 0.04), h + 0.02, (0.34, 0.42, 0.31)[k] * rng.uniform(0.85, 1.05), rng.uniform(0.24, 0.3), 0.1, rock)
    canvas.fill(ridge(h - 0.015, 0.025, 1.0, rng), stage.slope(hexed("#4f7f62"), h - 0.04, 0.8, 0.2))
    for k in range(7):
        x = (k * 0.381 + rng.uniform(0, 0.1)) % 1.0
        if abs(x - stage.x) > 0.12:
            fir(stage, x, h + 0.06 + rng.uniform(0, 0.03), rng.uniform(0.1, 0.17), hexed("#2f6a50"), 0.1)
    canvas.fill(ridge(h + 0.07, 0.015, 0.6, rng), stage.slope(hexed("#86b45a"), h + 0.05))
    if rng.random() < 0.4:
        path(stage, h + 0.08, stage.x, rng.uniform(0.2, 0.8), 0.02, 0.2, stage.slope(hexed("#dccfa6"), h), 0.08)
    return Ground(h, (h + 0.18, h + 0.28), scale=0.9)


def _peak(stage: Stage, x: float, foot: float, high: float, half: float, far: float, rock: tuple[float, float, float] = (0.45, 0.52, 0.68)) -> None:
    """A triangle with a bright and a shaded side; the upper third is snow with a jagged edge."""
    light, canvas = stage.light, stage.canvas
    top = foot - high
    side = -1 if light.from_left else 1
    lit, dull = light(mix(rock, (1, 1, 1), 0.22), far), light(mix(rock, (0.1, 0.1, 0.28), 0.25), far)
    canvas.fill([(x - half, foot + 0.02), (x, top), (x + half, foot + 0.02)], dull)
    canvas.fill(
        [
            (x + side * half, foot + 0.02),
            (x, top),
            (x - side * half * 0.16, foot - high * 0.55),
            (x + side * half * 0.05, foot - high * 0.3),
            (x - side * half * 0.2, foot + 0.02),
        ],
        lit,
    )
    c = 0.36
    snow, blue = light(hexed("#ffffff"), far * 0.6), light(hexed("#bccdec"), far * 0.6)
    w, d = half * c, high * c
    canvas.fill(
        [
            (x - w, top + d),
            (x, top),
            (x + w, top + d),
            (x + w * 0.55, top + d * 0.82),
            (x + w * 0.25, top + d * 1.2),
            (x - w * 0.1, top + d * 0.85),
            (x - w * 0.5, top + d * 1.15),
        ],
        blue,
    )
    canvas.fill(
        [(x + side * w, top + d), (x, top), (x - side * w * 0.16, top + d * 0.9), (x + side * w * 0.15, top + d * 0.85), (x + side * w * 0.45, top + d * 1.15)],
        snow,
    )


def desert(stage: Stage) -> Ground:
    """Dunes with a sharp crest between light and shade; mesas far away."""
    canvas, rng, h, light = stage.canvas, stage.rng, stage.horizon, stage.light
    sand = hexed(rng.choice(("#eec07a", "#e8b56c", "#f0c88a")))
    if light.dark:
        sand = mix(sand, hexed("#e69aa6"), 0.7)  # the blue of night would turn yellow sand to grey
    if rng.random() < 0.7:
        for k in range(2):
            _mesa(stage, (0.2 + k * 0.5 + rng.uniform(-0.1, 0.1)) % 1.0, h + 0.03, rng.uniform(0.1, 0.16), rng.uniform(0.1, 0.15))
    canvas.fill(ridge(h + 0.01, 0.02, 0.8, rng), stage.slope(sand, h, 0.8, 0.3))
    for base, high, x in ((h + 0.08, 0.13, rng.uniform(0.1, 0.9)), (h + 0.15, 0.1, rng.uniform(0.0, 1.0))):
        _dune(stage, x, base, high, mix(sand, hexed("#d9924e"), 0.25))
    canvas.fill(ridge(h + 0.14, 0.02, 0.55, rng), stage.slope(mix(sand, hexed("#ffdf9e"), 0.35), h + 0.12, 1.0, 0.0))
    shade = light.shadow(sand)
    low = 0.93
    t = np.linspace(-0.02, 1.02, 18)
    bend = low + 0.03 * np.sin(t * 5 + rng.uniform(0, 6))
    canvas.fill(np.concatenate([np.stack([t, bend], axis=1), [(1.02, 1.02), (-0.02, 1.02)]]), shade, 0.6)
    return Ground(h, (h + 0.22, h + 0.29))


def _dune(stage: Stage, x: float, base: float, high: float, sand: tuple[float, float, float]) -> None:
    """A dune about the crest at `x`: an S runs down from the crest between its two sides."""
    t = np.linspace(-1, 1, 25)
    top = base - high * (0.5 + 0.5 * np.cos(np.clip(np.abs(t), 0, 1) * math.pi)) ** 1.2
    outline = np.concatenate([np.stack([x + t * 0.62, top], axis=1), [(2, base), (2, 1.02), (-1, 1.02), (-1, base)]])
    lit, dull = stage.soil(mix(sand, (1, 0.97, 0.8), 0.25), 0.1), stage.soil(mix(sand, (0.4, 0.15, 0.25), 0.32), 0.1)
    side = -1 if stage.light.from_left else 1
    stage.canvas.fill(outline, lit)
    keep = t * -side >= 0
    edge = np.stack([x + t[keep] * 0.62, top[keep]], axis=1)
    if side > 0:
        edge = edge[::-1]
    s = np.linspace(1, 0, 10)
    inner = np.stack([x + 0.035 * side * np.sin(s * math.tau) + side * 0.1 * s, base - high + (high + 0.05) * s], axis=1)
    stage.canvas.fill(np.concatenate([edge, [(x - side * 0.62, base + 0.05)], inner]), dull)


def _mesa(stage: Stage, x: float, foot: float, half: float, high: float) -> None:
    rock = hexed("#c9774f")
    lit, dull = stage.light(mix(rock, (1, 0.9, 0.75), 0.3), 0.3), stage.light(mix(rock, (0.3, 0.1, 0.25), 0.3), 0.3)
    side = -1 if stage.light.from_left else 1
    stage.canvas.fill([(x - half, foot), (x - half * 0.7, foot - high), (x + half * 0.7, foot - high), (x + half, foot)], lit)
    stage.canvas.fill(
        [(x - side * half, foot), (x - side * half * 0.7, foot - high), (x - side * half * 0.2, foot - high), (x - side * half * 0.35, foot)], dull
    )


def snow(stage: Stage) -> Ground:
    """White drifts with blue hollows, snowy firs, pale hills."""
    canvas, rng, h, light = stage.canvas, stage.rng, stage.horizon, stage.light
    white, blue = hexed("#f8fbff"), hexed("#a9c3e6")

    def drift(colour: Colour, far: float = 0.0) -> Colour:
        """Snow keeps some of its own white in the red of the evening, and its hollows turn violet."""
        own = mix(colour, hexed("#c9a0dc"), 1.1 - colour[0])
        return mix(light(colour, far), own, 0.5) if stage.facts.time == "sunset" else light(colour, far)

    canvas.fill(ridge(h - 0.06, 0.04, 0.9, rng), Linear(drift(hexed("#dbe7f5"), 0.25), drift(blue, 0.3), (0, h - 0.1), (0, h + 0.1)))
    for k in range(6):
        x = (k * 0.381 + rng.uniform(0, 0.1)) % 1.0
        fir(stage, x, h + 0.02, rng.uniform(0.12, 0.2), hexed("#41786e"), 0.25, snowy=True)
    canvas.fill(ridge(h + 0.02, 0.015, 0.7, rng), Linear(drift(white, 0.05), drift(blue), (0, h), (0, h + 0.3)))
    for side in (-1, 1):
        x = 0.5 + side * rng.uniform(0.36, 0.46)
        if abs(x - stage.x) > 0.2:
            fir(stage, x, h + 0.13, rng.uniform(0.32, 0.42), hexed("#2f6a5c"), snowy=True)
    canvas.fill(ridge(h + 0.12, 0.02, 0.6, rng), Linear(drift(white), drift(mix(white, blue, 0.6)), (0, h + 0.1), (0, h + 0.4)))
    canvas.fill(ridge(h + 0.34, 0.03, 0.6, rng), Linear(drift(white), drift(mix(white, blue, 0.8)), (0, h + 0.31), (0, 1)))
    return Ground(h, (h + 0.2, h + 0.26))


def sky(stage: Stage) -> Ground:
    """High in the air: the subject stands on a cloud, a castle or a house on a floating island; more clouds float below."""
    canvas, rng, light = stage.canvas, stage.rng, stage.light
    heavy = {"rain": 0.6, "snow": 0.2, "fog": 0.15}.get(stage.facts.weather, 0.0)
    for k in range(3):
        paint_cloud(canvas, (k * 0.42 + rng.uniform(-0.1, 0.15)) % 1.1, 0.52 + 0.1 * k, rng.uniform(0.2, 0.3), light, rng, heavy, 0.75)
    for k in range(5):
        paint_cloud(canvas, k / 4 + rng.uniform(-0.05, 0.05), 0.99, rng.uniform(0.36, 0.46), light, rng, heavy)
    canvas.box(0, 0.985, 1, 1, mix(hexed(CLOUDS[light.time][1]), hexed("#8d98a6"), heavy * 0.5))
    if stage.facts.subject == "none":
        for x, base, width in ((0.22, 0.66, 0.52), (0.74, 0.8, 0.66)):
            paint_cloud(canvas, x + rng.uniform(-0.08, 0.08), base + rng.uniform(-0.04, 0.04), width, light, rng, heavy)
    y = 0.72
    if stage.facts.subject not in ("balloon", "bird", "none"):
        if stage.facts.subject in ("castle", "house", "tree", "tower", "pagoda", "windmill", "lighthouse") and rng.random() < 0.65:
            _island(stage, stage.x, y)
        else:
            wide = 0.62 + 0.1 * (stage.facts.count - 1)
            paint_cloud(canvas, stage.x, y + 0.085, wide, light, rng, heavy)
            top, low = (mix(hexed(tone), hexed("#8d98a6"), heavy * 0.5) for tone in CLOUDS[light.time])
            canvas.ellipse(stage.x, y + 0.03, wide * 0.43, 0.042, Linear(top, mix(top, low, 0.7), (0, y - 0.01), (0, y + 0.08)))
    return Ground(0.95, (y - 0.005, y + 0.005), scale=0.95)


def _island(stage: Stage, x: float, y: float) -> None:
    """A floating rock with a green top."""
    light, canvas = stage.light, stage.canvas
    rock = hexed("#9a7b66")
    half = 0.29 + 0.04 * (stage.facts.count - 1)
    body = [
        (x - half, y + 0.02),
        (x + half, y + 0.02),
        (x + half * 0.72, y + 0.09),
        (x + half * 0.4, y + 0.13),
        (x + half * 0.12, y + 0.23),
        (x - half * 0.2, y + 0.15),
        (x - half * 0.62, y + 0.11),
    ]
    first, last = light.bright(rock), light.shadow(mix(rock, (0.2, 0.1, 0.3), 0.25))
    if not light.from_left:
        first, last = last, first
    canvas.fill(body, Linear(first, last, (x - half, y), (x + half, y + 0.1)))
    canvas.ellipse(x, y + 0.02, half, 0.042, stage.slope(hexed("#7cba4c"), y - 0.02, y + 0.1))
    canvas.fill(arc(x, y + 0.012, half * 0.9, 0.028), stage.soil(hexed("#9ccd5c")))
    for side in (-1, 1):
        bush(stage, x + side * half * 0.82, y + 0.02, 0.1, hexed("#4f9447"))

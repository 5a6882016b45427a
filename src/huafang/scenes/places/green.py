"""Places that grow: field, sunflowers, garden, hill, forest."""

import math

import numpy as np
from numpy.typing import NDArray

from huafang.scenes.canvas import Colour, Linear, Radial, arc, hexed, mix
from huafang.scenes.places.parts import Ground, Stage, bush, fir, path, ridge
from huafang.scenes.sky import dot

_GREENS = ("#7fb84a", "#8cbf4f", "#6fae52", "#96c04a", "#5fa85a")
_PETALS = ("#e23d3d", "#f7c52b", "#f27fa5", "#8b55c6", "#fafafa", "#f28a2e")


def field(stage: Stage) -> Ground:
    """A rolling meadow, with a path, a fence or flowers."""
    canvas, rng, h = stage.canvas, stage.rng, stage.horizon
    green = hexed(rng.choice(_GREENS))
    canvas.fill(ridge(h - 0.05, 0.035, 0.8, rng), stage.soil(mix(green, hexed("#5f93a8"), 0.6), 0.3))
    canvas.fill(ridge(h - 0.01, 0.025, 0.9, rng), stage.soil(mix(green, hexed("#3f8a72"), 0.5), 0.15))
    for k in range(4):
        bush(stage, (k * 0.29 + rng.uniform(0, 0.16)) % 1.0, h + 0.015, rng.uniform(0.09, 0.15), hexed("#4a8a4a"), 0.15)
    canvas.fill(ridge(h + 0.02, 0.012, 0.7, rng), stage.slope(green, h, 0.75))
    canvas.fill(ridge(h + 0.16, 0.03, 0.5, rng), stage.slope(mix(green, hexed("#b9d65a"), 0.45), h + 0.13, 1.0, 0.05))
    extra = rng.choice(("path", "fence", "flowers", "flowers"))
    if extra == "path":
        path(stage, h + 0.15, stage.x, 0.5 + rng.uniform(-0.25, 0.25), 0.03, 0.28, stage.slope(hexed("#e6cf98"), h + 0.1), rng.uniform(-0.08, 0.08))
    elif extra == "fence":
        fence(stage, h + 0.12)
    else:
        _scatter(stage, h + 0.22, rng.choice(_PETALS), 26)
    return Ground(h, (h + 0.2, h + 0.3))


def fence(stage: Stage, y: float) -> None:
    """A white fence right across, behind the subject."""
    wood = stage.light(hexed("#f4ead8"))
    for rail in (0.035, 0.065):
        stage.canvas.box(0, y - rail, 1, y - rail + 0.012, wood)
    for k in range(9):
        x = (k + 0.5) / 9
        stage.canvas.fill([(x - 0.009, y), (x - 0.009, y - 0.075), (x, y - 0.09), (x + 0.009, y - 0.075), (x + 0.009, y)], wood)


def _scatter(stage: Stage, top: float, petal: str, count: int) -> None:
    """Flowers as bold dots, larger when near, clear of the subject's foot."""
    colour = stage.bloom(hexed(petal))
    core = stage.light(hexed("#f6b31e" if petal != "#f7c52b" else "#d9772a"))
    for k in range(count):
        x, near = (k * 0.6180339 + stage.rng.uniform(-0.03, 0.03)) % 1.0, stage.rng.random() ** 0.8
        y = top + (0.98 - top) * near
        if abs(x - stage.x) < 0.16 and y < top + 0.14:
            continue
        r = 0.009 + 0.013 * near
        dot(stage.canvas, x, y, r, colour)
        if near > 0.45:
            dot(stage.canvas, x, y, r * 0.4, core)


def sunflowers(stage: Stage) -> Ground:
    """Rows of sunflowers to the horizon; the nearest are as big as a head."""
    canvas, rng, h = stage.canvas, stage.rng, stage.horizon
    canvas.fill(ridge(h - 0.03, 0.025, 0.9, rng), stage.soil(hexed("#6f9f7a"), 0.35))
    canvas.box(0, h, 1, 1, stage.slope(hexed("#4f8f3a"), h))
    rows = ((0.03, 0.016), (0.075, 0.024), (0.135, 0.034), (0.21, 0.047), (0.47, 0.078))
    for index, (down, r) in enumerate(rows):
        y = h + down
        leaf = stage.soil(mix(hexed("#7da83c"), hexed("#356f2c"), index / 4), 0.1 - 0.02 * index)
        canvas.fill(ridge(y + r * 0.2, r * 0.22, 0.35 / r / 2, rng, y + r * 2.4), leaf)
        step = r * 2.15
        shift = rng.uniform(0, step)
        for k in range(int(1 / step) + 2):
            x = k * step - shift + rng.uniform(-0.1, 0.1) * r
            if index != 3 or abs(x - stage.x) > 0.1:
                sunflower(stage, x, y - r * 0.4 + rng.uniform(-0.25, 0.25) * r, r, 0.12 - 0.03 * index)
    return Ground(h, (h + 0.24, h + 0.3))


def _star(count: int) -> NDArray[np.float64]:
    angles = np.arange(2 * count) * math.pi / count
    radius = np.where(np.arange(2 * count) % 2 == 0, 1.0, 0.72)
    return np.stack([radius * np.cos(angles), radius * np.sin(angles)], axis=1)


_STAR, _SMALL_STAR = _star(11), _star(8)


def sunflower(stage: Stage, x: float, y: float, r: float, far: float) -> None:
    """A head of radius `r`: a star of petals about a brown disc."""
    petal, disc = stage.bloom(hexed("#fbc21c"), max(far, 0)), stage.light(hexed("#6a3a14"), max(far, 0))
    stage.canvas.fill((_STAR if r > 0.03 else _SMALL_STAR) * r + (x, y), petal)
    dot(stage.canvas, x, y, r * 0.44, disc)
    if r > 0.04:
        dot(stage.canvas, x, y, r * 0.24, stage.light(hexed("#8f5420"), max(far, 0)))


def garden(stage: Stage) -> Ground:
    """Clipped hedges, a lawn with a path down the middle, beds of bold flowers on both sides."""
    canvas, rng, h = stage.canvas, stage.rng, stage.horizon
    for k in range(5):
        bush(stage, (k + 0.5) / 5 + rng.uniform(-0.05, 0.05), h - 0.02, rng.uniform(0.22, 0.3), hexed("#5d9a5a"), 0.25)
    hedge = hexed("#2f7a3e")
    canvas.box(
        0, h - 0.07, 1, h + 0.03, Linear(stage.soil(mix(hedge, (1, 1, 0.7), 0.2)), stage.soil(mix(hedge, (0, 0, 0.1), 0.3)), (0, h - 0.07), (0, h + 0.03))
    )
    for x in (0.08, 0.36, 0.64, 0.92):
        canvas.ellipse(x, h - 0.075, 0.045, None, Radial(stage.soil(mix(hedge, (1, 1, 0.7), 0.25)), stage.soil(hedge), (x - 0.015, h - 0.09), 0.05))
    canvas.box(0, h + 0.03, 1, 1, stage.slope(hexed("#8fc653"), h + 0.03))
    lawn = stage.soil(hexed("#9ed062"), 0.05)
    for k in range(0, 4, 2):
        top = h + 0.05 + 0.03 * k * (1 + k)
        canvas.box(0, top, 1, top + 0.03 + 0.02 * k, lawn, 0.6)
    path(stage, h + 0.03, stage.x, stage.x, 0.05, 0.34, stage.slope(hexed("#ecd9ae"), h), 0.0)
    petals = rng.sample(_PETALS, 3)
    for row, (y, r, wide) in enumerate(((h + 0.1, 0.014, 0.11), (h + 0.2, 0.021, 0.17), (h + 0.34, 0.03, 0.22))):
        bed = stage.soil(hexed("#2f6b35"))
        inner = 0.06 + (y - h) * 0.36
        for side in (-1, 1):
            for patch in range(2):
                middle = stage.x + side * (inner + wide + patch * 2.25 * wide)
                if -wide < middle < 1 + wide:
                    canvas.ellipse(middle, y, wide, r * 1.9, bed)
                    _bed(stage, middle, y, wide, r, petals[(row + patch) % 3])
    return Ground(h, (h + 0.17, h + 0.24))


def _bed(stage: Stage, x: float, y: float, wide: float, r: float, petal: str) -> None:
    colour = stage.bloom(hexed(petal))
    for line, up in enumerate((-0.8, 0.6)):
        for k in range(5 - line):
            dot(stage.canvas, x + (k - (4 - line) / 2) * wide * 0.36, y + up * r, r * 0.82, colour)


def hill(stage: Stage) -> Ground:
    """One big green hill, whose top carries the subject."""
    canvas, rng, h = stage.canvas, stage.rng, stage.horizon
    top, x = h - 0.16, stage.x
    green = hexed(rng.choice(_GREENS))
    canvas.fill(ridge(h + 0.02, 0.03, 0.8, rng), stage.soil(hexed("#7fa9a6"), 0.4))
    canvas.fill(ridge(h + 0.07, 0.02, 1.1, rng), stage.soil(hexed("#6a9f7c"), 0.25))
    canvas.fill(ridge(h + 0.17, 0.01, 0.8, rng), stage.slope(mix(green, hexed("#4f8f5f"), 0.5), h + 0.1))
    lit, deep = mix(green, (1, 1, 0.7), 0.22), mix(green, (0.03, 0.1, 0.2), 0.35)
    if not stage.light.from_left:
        lit, deep = deep, lit
    t = np.linspace(-1, 1, 30)
    crown = np.stack([x + t * 0.66, top + 0.5 * (1 - np.cos(np.abs(t) ** 1.6 * math.pi / 1.25)) * 0.55], axis=1)
    canvas.fill(np.concatenate([crown, [(x + 0.7, 1.02), (x - 0.7, 1.02)]]), Linear(stage.soil(lit), stage.soil(deep), (x - 0.45, top), (x + 0.45, top + 0.25)))
    if rng.random() < 0.6:
        path(stage, top + 0.012, x, x + rng.uniform(-0.15, 0.15), 0.02, 0.17, stage.soil(hexed("#eadba8")), rng.choice((-0.13, 0.13)))
    for side in (-1, 1):
        bush(stage, x + side * rng.uniform(0.33, 0.42), top + 0.31, rng.uniform(0.12, 0.18), hexed("#3f8a48"))
    return Ground(h, (top + 0.012, top + 0.02), scale=0.86)


def forest(stage: Stage) -> Ground:
    """Firs and trunks behind one another, paler with distance, about a clearing where the light falls."""
    canvas, rng, h = stage.canvas, stage.rng, stage.horizon
    deep = hexed(rng.choice(("#1f5a3f", "#2a6340", "#205c4c")))
    for far, size, gap in ((0.62, 0.34, 0.0), (0.36, 0.46, 0.13)):
        colour = mix(deep, hexed("#4f8a6a"), far)
        canvas.fill(ridge(h - 0.06, 0.02, 2.0, rng), stage.soil(colour, far))
        for k in range(8):
            x = (k + 0.5) / 8 + rng.uniform(-0.04, 0.04)
            off = min(abs(x - 0.5) * 2, 1)
            if off >= gap:
                fir(stage, x, h + 0.02, size * (0.72 + 0.5 * off) * rng.uniform(0.9, 1.1), colour, far)
    canvas.box(0, h, 1, 1, stage.slope(mix(deep, hexed("#6f9a4a"), 0.55), h))
    glade: Colour = stage.soil(hexed("#a9c765"))
    canvas.ellipse(stage.x, h + 0.2, 0.36, 0.1, glade, 0.55)
    canvas.ellipse(stage.x, h + 0.2, 0.24, 0.06, glade, 0.6)
    trunk = hexed("#5c4031")
    for hand, near in ((-1.0, 0.0), (1, 0.02), (-1, 0.13), (1, 0.11)):
        x = 0.5 + hand * (0.46 - near) + rng.uniform(-0.015, 0.015)
        if abs(x - stage.x) > 0.2:
            fir(stage, x, h + 0.26 - near * 1.2, 0.9 - near * 2.2, deep)
    for k in range(2):
        side = 0.02 if k == 0 else 0.98
        canvas.fill(
            [(side - 0.055, 1), (side - 0.035, 0), (side + 0.035, 0), (side + 0.055, 1)],
            Linear(stage.light.bright(trunk), stage.light.shadow(trunk), (side - 0.04, 0), (side + 0.04, 0)),
        )
        canvas.fill(arc(side, 1.0, 0.14, 0.09, 180, 360.1, corners=14), stage.soil(mix(deep, (0, 0, 0.1), 0.2)))
    return Ground(h, (h + 0.2, h + 0.26), scale=0.9)

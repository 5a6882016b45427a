"""Places with water: the sea and the lake, and the stream under a bridge anywhere else."""

import numpy as np

from huafang.scenes.canvas import Linear, arc, hexed, mix
from huafang.scenes.places.parts import Ground, Stage, bush, fir, lens, path, ridge, water_colours
from huafang.scenes.sky import SUN


def sea(stage: Stage) -> Ground:
    """Bands of waves to a straight horizon; a beach or a headland where the subject needs land."""
    canvas, rng, h, light = stage.canvas, stage.rng, stage.horizon, stage.light
    far, near = water_colours(stage)
    canvas.box(0, h, 1, 1, Linear(far, near, (0, h), (0, 1)))
    if rng.random() < 0.4:
        x = rng.uniform(0.1, 0.9)
        canvas.fill(arc(x, h, rng.uniform(0.14, 0.24), 0.035, 180, 360.1, corners=14), light(hexed("#7d9fae"), 0.35))
    crest, deep = mix(far, (1, 1, 1), 0.3), mix(near, (0, 0.02, 0.15), 0.25)
    for k in range(24):
        down = ((k + 0.5) / 24) ** 1.4
        y = h + 0.02 + (0.97 - h) * down
        x = (k * 0.6180339 + rng.uniform(-0.08, 0.08)) % 1.0
        canvas.fill(lens(x, y, 0.05 + 0.13 * down, 0.004 + 0.008 * down), crest if k % 2 else deep, 0.6)
    _glitter(stage, h)
    if stage.floating or stage.facts.subject in ("none", "balloon", "bird"):
        return Ground(h, (h + 0.17, h + 0.27), (h + 0.15, h + 0.26))
    if stage.facts.subject in ("lighthouse", "castle", "house", "tower", "tree", "windmill") and rng.random() < 0.55:
        return _headland(stage)
    top = h + 0.2
    t = np.linspace(-0.02, 1.02, 24)
    tilt, phase = rng.uniform(-0.05, 0.05), rng.uniform(0, 6)
    for up, colour in ((0.028, mix(far, (1, 1, 1), 0.7)), (0.012, light(hexed("#cfae78"))), (0.0, None)):
        y = top - up + tilt * (t - 0.5) + 0.014 * np.sin(t * 7 + phase)
        canvas.fill(np.concatenate([np.stack([t, y], axis=1), [(1.02, 1.02), (-0.02, 1.02)]]), colour or stage.slope(hexed("#f2dca4"), top))
    return Ground(h, (top + 0.07, top + 0.14))


def _glitter(stage: Stage, h: float) -> None:
    """The path of the sun or the moon on the water."""
    if not (stage.facts.sun or stage.facts.moon):
        return
    colour = SUN[stage.facts.time]
    for k in range(9):
        down = (k + 0.5) / 9
        x = stage.lamp.x + stage.rng.uniform(-0.025, 0.025)
        stage.canvas.fill(lens(x, h + 0.012 + 0.3 * down, 0.03 + 0.06 * down, 0.005 + 0.005 * down), colour, 0.8 - 0.45 * down)


def _headland(stage: Stage) -> Ground:
    """A green cliff that runs out from the nearer edge of the picture under the subject."""
    canvas, light, rng, x = stage.canvas, stage.light, stage.rng, stage.x
    top = stage.horizon + 0.1
    side = -1 if x < 0.5 or (x < 0.56 and rng.random() < 0.5) else 1
    tip = x - side * 0.26
    edge = 0.5 + side * 0.53
    rock = hexed("#8d7668")
    cliff = [
        (edge, top - 0.02),
        (tip + side * 0.05, top),
        (tip, top + 0.05),
        (tip - side * 0.02, top + 0.13),
        (tip - side * 0.07, top + 0.24),
        (tip - side * 0.05, 1.02),
        (edge, 1.02),
    ]
    foam = [(px - side * 0.03, py) for px, py in cliff[3:6]]
    canvas.fill([*foam, (edge, 1.02), (edge, top + 0.1)], mix(water_colours(stage)[0], (1, 1, 1), 0.7), 0.8)
    canvas.fill(cliff, Linear(light.bright(rock), light.shadow(rock), (0, top), (0, 1)))
    canvas.fill(
        [
            (tip, top + 0.05),
            (tip - side * 0.02, top + 0.13),
            (tip + side * 0.09, top + 0.22),
            (tip + side * 0.06, 1.02),
            (tip + side * 0.22, 1.02),
            (tip + side * 0.2, top + 0.08),
        ],
        light.shadow(rock),
        0.5,
    )
    grass = [
        (edge, top - 0.03),
        (tip + side * 0.06, top - 0.012),
        (tip - side * 0.005, top + 0.05),
        (tip + side * 0.08, top + 0.085),
        (tip + side * 0.2, top + 0.065),
        (tip + side * 0.34, top + 0.1),
        (edge, top + 0.09),
    ]
    canvas.fill(grass, stage.slope(hexed("#7fb254"), top - 0.03, top + 0.14))
    return Ground(stage.horizon, (top + 0.025, top + 0.03), scale=0.95)


def lake(stage: Stage) -> Ground:
    """Still water which mirrors the hills and the sky; reeds, and a green bank where the subject needs land."""
    canvas, rng, h = stage.canvas, stage.rng, stage.horizon
    green = hexed(rng.choice(("#5f9a6a", "#6a9f5a", "#4f8f74")))
    canvas.fill(ridge(h - 0.13, 0.05, 0.9, rng), stage.soil(mix(green, hexed("#6f8fb5"), 0.6), 0.35))
    canvas.fill(ridge(h - 0.06, 0.03, 1.1, rng), stage.slope(mix(green, hexed("#4f7f72"), 0.4), h - 0.1, h, 0.2))
    for k in range(7):
        x = (k * 0.381 + rng.uniform(0, 0.1)) % 1.0
        if k % 2:
            fir(stage, x, h, rng.uniform(0.09, 0.15), hexed("#2f6a50"), 0.15)
        else:
            bush(stage, x, h, rng.uniform(0.09, 0.16), hexed("#4f8f4f"), 0.15)
    mirror(stage, h)
    for k in range(7):
        down = (k + 0.5) / 7
        canvas.fill(
            lens((k * 0.6180339 + rng.uniform(0, 0.1)) % 1.0, h + 0.03 + 0.36 * down, 0.1 + 0.08 * down, 0.004 + 0.004 * down),
            mix(water_colours(stage)[0], (1, 1, 1), 0.35),
            0.5,
        )
    if stage.floating or stage.facts.subject in ("none", "balloon", "bird"):
        _reeds(stage, 0.1 if stage.x > 0.4 else 0.88, 1.02)
        return Ground(h, (h + 0.17, h + 0.26), (h + 0.15, h + 0.24))
    top = h + 0.2
    canvas.fill(ridge(top, 0.016, 0.6, rng), stage.soil(hexed("#5b7a3f")))
    canvas.fill(ridge(top + 0.015, 0.014, 0.6, rng), stage.slope(hexed("#86b858"), top))
    _reeds(stage, 0.1 if stage.x > 0.5 else 0.9, top + 0.08)
    return Ground(h, (top + 0.08, top + 0.14))


def mirror(stage: Stage, waterline: float) -> None:
    """What is above the `waterline` upside down below it, ever more drowned in the water's own colour."""
    size = stage.canvas.size
    pixels = stage.canvas.pixels
    far, near = water_colours(stage)
    stage.canvas.box(0, waterline, 1, 1, mix(far, near, 0.5))
    first = round(waterline * size)
    rows = (np.arange(first, size) + 0.5) / size
    share = np.clip((rows - waterline) / (1 - waterline), 0, 1)[:, None, None]
    source = np.clip((2 * waterline - rows) * size - 0.5, 0, size - 2)
    low = source.astype(np.int64)
    part = (source - low)[:, None, None]
    upside = pixels[low] * (1 - part) + pixels[low + 1] * part
    own = np.array(far) + (np.array(near) - np.array(far)) * share
    pixels[first:] = upside * (0.72 - 0.45 * share) + own * (0.28 + 0.45 * share)
    stage.canvas.box(0, waterline - 0.006, 1, waterline + 0.004, mix(far, (1, 1, 1), 0.3), 0.6)


def _reeds(stage: Stage, x: float, y: float) -> None:
    green, brown = stage.soil(hexed("#4f7f3a")), stage.light(hexed("#6f4526"))
    for k in range(6):
        foot = x + (k - 2.5) * 0.028
        high, lean = stage.rng.uniform(0.16, 0.28), stage.rng.uniform(-0.03, 0.03)
        stage.canvas.fill([(foot - 0.009, y), (foot + lean, y - high), (foot + 0.009, y)], green)
        if k % 2:
            stage.canvas.ellipse(foot + lean * 0.8, y - high * 0.84, 0.011, 0.032, brown)


def stream(stage: Stage, top: float, low: float) -> None:
    """Running water under a bridge at the subject's place, from far to near."""
    far, near = water_colours(stage)
    banks = stage.soil(hexed("#b59a6a"))
    path(stage, top, stage.x, stage.x, 0.06, 0.56, banks, 0.03, low)
    path(stage, top, stage.x, stage.x, 0.04, 0.48, Linear(far, near, (0, top), (0, low)), 0.03, low)
    for k in range(5):
        down = (k + 1) / 6
        stage.canvas.fill(
            lens(stage.x + stage.rng.uniform(-0.05, 0.05) * down, top + (low - top) * down, 0.02 + 0.09 * down, 0.005 + 0.004 * down),
            mix(far, (1, 1, 1), 0.4),
            0.7,
        )

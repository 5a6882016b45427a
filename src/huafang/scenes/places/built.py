"""Places made by people: the city and the room."""

from huafang.scenes.canvas import Linear, hexed, mix
from huafang.scenes.facts import Time
from huafang.scenes.places.parts import Ground, Stage

_WALLS = ("#c98f6c", "#8f9bb0", "#d8bf94", "#a9786a", "#7f93a8", "#b8a9a0")


def city(stage: Stage) -> Ground:
    """Two layers of skyline with windows, a pavement and a street."""
    canvas, rng, h, light = stage.canvas, stage.rng, stage.horizon, stage.light
    x = -0.03
    while x < 1:
        wide, high = rng.uniform(0.1, 0.16), rng.uniform(0.24, 0.44)
        _block(stage, x, wide, h - high, 0.45, hexed("#8c9ab5"), rng.choice(("flat", "flat", "spire", "step")), False)
        x += wide + rng.uniform(-0.01, 0.015)
    x = -rng.uniform(0, 0.08)
    while x < 1:
        wide = rng.uniform(0.15, 0.22)
        free = abs(x + wide / 2 - stage.x) < 0.2
        high = rng.uniform(0.1, 0.17) if free else rng.uniform(0.2, 0.36)
        _block(stage, x, wide, h + 0.06 - high, 0.08, hexed(rng.choice(_WALLS)), "flat", True)
        x += wide + 0.004
    pave = hexed("#cfc6b8")
    canvas.box(0, h + 0.06, 1, 0.88, Linear(light(mix(pave, (0.3, 0.3, 0.35), 0.2)), light(pave), (0, h + 0.06), (0, 0.88)))
    canvas.box(0, 0.875, 1, 0.89, light(hexed("#f0ebe0")))
    canvas.box(0, 0.89, 1, 1, Linear(light(hexed("#6d6f7a")), light(hexed("#4f515c")), (0, 0.89), (0, 1)))
    for k in range(4):
        canvas.box(0.06 + k * 0.26, 0.94, 0.18 + k * 0.26, 0.955, light(hexed("#f2e6b8")))
    return Ground(h, (0.8, 0.86))


def _block(stage: Stage, x: float, wide: float, top: float, far: float, wall: tuple[float, float, float], roof: str, near: bool) -> None:
    """A building from `top` down to the street; windows in a bold grid, lit in the dark."""
    canvas, light, rng = stage.canvas, stage.light, stage.rng
    low = stage.horizon + 0.06
    bright, dull = light(mix(wall, (1, 1, 1), 0.12), far), light(mix(wall, (0.1, 0.1, 0.25), 0.2), far)
    if not light.from_left:
        bright, dull = dull, bright
    canvas.box(x, top, x + wide, low, Linear(bright, dull, (x, 0), (x + wide, 0)))
    if roof == "spire":
        canvas.fill([(x + wide * 0.2, top), (x + wide / 2, top - 0.08), (x + wide * 0.8, top)], dull)
    elif roof == "step":
        canvas.box(x + wide * 0.25, top - 0.04, x + wide * 0.75, top, bright)
    elif near:
        canvas.box(x - 0.004, top - 0.014, x + wide + 0.004, top + 0.008, light(mix(wall, (0.15, 0.1, 0.2), 0.4)))
    glass = light(hexed("#5d7490"), far * 0.6) if near else light(hexed("#a9bcd6"), far)
    columns, step = (3, 0.075) if near else (2, 0.07)
    w, tall = wide * 0.17, 0.036
    rows = int((low - top - 0.03) / step)
    for row in range(rows):
        for column in range(columns):
            left, y = x + wide * (column + 0.5) / columns - w / 2, top + 0.032 + row * step
            lit = rng.random() < (0.62 if stage.facts.time == "night" else 0.3 if stage.facts.time == "sunset" else 0.0)
            canvas.box(left, y, left + w, y + tall, ((1.0, 0.84, 0.42) if near else (0.93, 0.74, 0.42)) if lit else glass)


_ROOM: dict[Time, tuple[tuple[str, str], ...]] = {
    "day": (("#f0e4cc", "#cdb994"), ("#cfe0d8", "#94b3aa"), ("#d5dfee", "#9db2cf")),
    "dawn": (("#f7dde0", "#d9b3c6"), ("#efe0ee", "#c3acd0")),
    "sunset": (("#f6b06a", "#a84f3f"), ("#f2a05c", "#8f3f4a")),
    "night": (("#34427a", "#121a3c"), ("#2f3f66", "#0f1733")),
}
"""The wall in the light and away from it."""

_SHINE: dict[Time, str] = {"day": "#fffbe8", "dawn": "#fff3e4", "sunset": "#ffdf8e", "night": "#8fa4e0"}


def room(stage: Stage) -> Ground:
    """A plain wall in the light of the hour, a table or floor for what is not a portrait."""
    canvas, rng = stage.canvas, stage.rng
    lit, dull = (hexed(tone) for tone in rng.choice(_ROOM[stage.facts.time]))
    side = 0.0 if stage.light.from_left else 1.0
    canvas.cover(Linear(lit, dull, (side, 0.0), (1 - side, 1.0)))
    canvas.glow(0.25 + 0.5 * side, 0.25, 0.7, hexed(_SHINE[stage.facts.time]), 0.5)
    if stage.facts.subject not in ("woman", "man"):
        wood = hexed(rng.choice(("#a8754a", "#8f5f42", "#b98a5a", "#c9a07a")))
        top = 0.74
        first, last = stage.light.bright(wood), stage.light.shadow(wood)
        canvas.box(0, top, 1, 1, Linear(first, last, (side, top), (1 - side, 1.0)))
        canvas.box(0, top, 1, top + 0.012, stage.light.bright(mix(wood, (1, 0.95, 0.85), 0.3)))
        canvas.box(0, 0.95, 1, 1, stage.light.shadow(mix(wood, (0, 0, 0), 0.25)))
    for corner in (0.0, 1.0):
        canvas.glow(corner, 1.0, 0.75, mix(dull, (0, 0, 0.05), 0.5), 0.35)
        canvas.glow(1 - side, corner, 0.7, mix(dull, (0, 0, 0.05), 0.5), 0.25)
    return Ground(0.74, (0.86, 0.9), scale=1.15)

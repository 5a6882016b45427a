"""One scene: the sky, a place, who stands in it, the weather. Scene `number` of a seed is the same on any machine and at any size."""

import random
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from huafang.scenes import sampling, sky, subjects
from huafang.scenes.canvas import Canvas, Colour, Linear, arc, hexed, mix
from huafang.scenes.facts import Facts, Side, Subject
from huafang.scenes.light import Light
from huafang.scenes.light import light as light_of
from huafang.scenes.places import Ground, Stage, choose_horizon, paint_place

_SIDES: dict[Side, tuple[float, float]] = {"left": (0.24, 0.34), "middle": (0.45, 0.55), "right": (0.66, 0.76)}

_HEIGHTS: dict[Subject, float] = {
    "house": 0.32,
    "castle": 0.46,
    "tree": 0.42,
    "boat": 0.4,
    "lighthouse": 0.5,
    "windmill": 0.46,
    "cactus": 0.38,
    "bridge": 0.3,
    "tower": 0.52,
    "pagoda": 0.48,
    "balloon": 0.4,
    "person": 0.4,
    "cat": 0.33,
    "bird": 0.27,
    "flower": 0.42,
}
"""How high a subject is in a picture, in units of the square."""

_REACH: dict[Subject, float] = {"bridge": 0.95, "castle": 0.6, "house": 0.55, "windmill": 0.45, "boat": 0.54, "bird": 0.6, "cat": 0.45}
"""From its middle to its side, in parts of its height; 0.35 where not given. It keeps the subject within the picture."""

_TOPS: dict[Subject, float] = {"windmill": 1.22, "pagoda": 1.12, "bird": 1.15, "castle": 1.12}
"""What rises above its height, in parts of it; 1.05 where not given."""

_PORTRAITS = ("woman", "man")

LAND_BY_NIGHT: Colour = (0.47, 0.54, 0.80)
"""The tint of the land by night: brighter than true, that its forms stay to be told apart."""
MOONLIGHT = hexed("#7f96d8")
"""At night it stands behind the subject, which would be lost in the dark."""


@dataclass
class Scene:
    """`pixels` are (size, size, 3) float32 in [0, 1], sRGB."""

    facts: Facts
    pixels: NDArray[np.float32]


@dataclass(frozen=True)
class Spot:
    """The foot of a subject and its height, in units of the square."""

    x: float
    y: float
    s: float


def scene(seed: int, number: int, size: int) -> Scene:
    """Scene `number` of the endless set `seed`."""
    rng = _dice(seed, number)
    told = sampling.sample(rng)
    return Scene(told, draw(told, rng, size))


def facts(seed: int, number: int) -> Facts:
    """What is in scene `number`, without drawing it."""
    return sampling.sample(_dice(seed, number))


def _dice(seed: int, number: int) -> random.Random:
    return random.Random(f"{seed}:{number}")  # noqa: S311  # a picture, no secret


@dataclass(frozen=True)
class View:
    """A place that is painted and waits for its subject; `x` is where the subject stands."""

    facts: Facts
    canvas: Canvas
    ground: Ground
    light: Light
    x: float


def draw(facts: Facts, rng: random.Random, size: int) -> NDArray[np.float32]:
    """The scene of `facts` as (size, size, 3) float32 in [0, 1]; the same draws from `rng` at every size."""
    view = backdrop(facts, rng, size)
    if facts.subject != "none":
        look, aloft = _look(facts, view.light, rng)
        for spot in spots(facts, view.ground, view.x, aloft, rng):
            _place(view.canvas, facts, spot, view.ground, view.light, aloft, random.Random(look))  # noqa: S311  # as above
    return finished(view, rng)


def backdrop(facts: Facts, rng: random.Random, size: int) -> View:
    """The place of `facts` with room for their subject, without the subject and what falls before it."""
    canvas = Canvas(size)
    x = rng.uniform(*_SIDES[facts.side])
    horizon, skyline = choose_horizon(facts, rng)
    lamp = sky.lamp(facts, x, skyline, rng)
    light = light_of(facts.time, facts.weather, lamp.x < 0.5)
    if facts.place != "room":
        sky.paint_sky(canvas, facts, light, horizon, lamp, rng)
    land = replace(light, tint=LAND_BY_NIGHT, share=light.share * 0.8) if light.dark else light
    ground = paint_place(Stage(canvas, facts, land, rng, horizon, x, lamp))
    if facts.place != "room":
        sky.paint_mist(canvas, facts, rng)
    return View(facts, canvas, ground, light, x)


def finished(view: View, rng: random.Random) -> NDArray[np.float32]:
    """The pixels, with rain, snow or fog before everything."""
    if view.facts.place != "room":
        sky.paint_weather(view.canvas, view.facts, view.light, rng)
    np.clip(view.canvas.pixels, 0.0, 1.0, out=view.canvas.pixels)
    return view.canvas.pixels


def _look(facts: Facts, light: Light, rng: random.Random) -> tuple[int, bool]:
    """The seed of the subject's own randomness, and whether it is up in the air; a bird that perches wants ground to stand on."""
    look = rng.getrandbits(32)
    if facts.subject != "bird":
        return look, facts.subject == "balloon"
    land = facts.place not in ("sea", "lake", "sky")
    while not (flying := flies(facts, look, light)) and not land:
        look = rng.getrandbits(32)
    return look, flying


def flies(facts: Facts, look: int, light: Light) -> bool:
    """Whether the bird that `subjects.draw` makes of this randomness is in flight: tried out on a small canvas, it leaves the ground untouched."""
    trial = Canvas(32)
    trial.cover((1, 0, 1))
    bare = trial.pixels.copy()
    subjects.draw(trial, facts.subject, 0.5, 0.9, 0.8, facts.colour, light, random.Random(look))  # noqa: S311  # as above
    return bool(np.array_equal(trial.pixels[27:], bare[27:]))


def spots(facts: Facts, ground: Ground, x: float, aloft: bool, rng: random.Random) -> list[Spot]:
    """Where the subjects stand, the far ones first: one at `x`, more of them side by side."""
    if facts.subject in _PORTRAITS:
        return [Spot(x, 1.0, 0.75)]
    reach = _REACH.get(facts.subject, 0.35)
    low, high = ground.foot
    if facts.subject == "boat" and ground.water:
        low, high = ground.water
    if aloft:
        low, high = (0.5, 0.62) if facts.subject == "balloon" else (0.36, 0.5)
    scale = ground.scale * {None: rng.uniform(0.92, 1.12), True: rng.uniform(1.3, 1.45), False: rng.uniform(0.58, 0.68)}[facts.large]
    s = _HEIGHTS[facts.subject] * scale * {1: 1.08, 2: 0.8, 3: 0.64}[facts.count]
    if facts.count == 1:
        y = rng.uniform(low, high)
        s = min(s, (y - 0.03) / _TOPS.get(facts.subject, 1.05))
        aside = min(0.5, reach * s + 0.01)
        return [Spot(min(max(x, aside), 1 - aside), y, s)]
    step = 0.38 if facts.count == 2 else 0.31
    s = min(s, step / (2 * reach))
    middle = 0.5 + (x - 0.5) * (0.5 if facts.count == 2 else 0.15)
    found = []
    for k in range(facts.count):
        near = rng.random()
        far = 1 - near
        at = middle + (k - (facts.count - 1) / 2) * step + rng.uniform(-0.02, 0.02)
        found.append(Spot(at, low * far + high * near, s * (0.88 + 0.24 * near)))
    return sorted(found, key=lambda spot: spot.y)


def _place(canvas: Canvas, facts: Facts, spot: Spot, ground: Ground, light: Light, aloft: bool, rng: random.Random) -> None:
    """The subject with its soft shadow on the ground, or its reflection in the water."""
    afloat = facts.subject in ("boat", "bridge") and ground.water is not None
    grounded = facts.subject not in _PORTRAITS and not aloft and facts.subject != "bridge"
    if light.dark:
        canvas.glow(spot.x, spot.y - spot.s * 0.5, spot.s * 0.95, MOONLIGHT, 0.3)
    if facts.subject == "bridge" and afloat:
        _banks(canvas, spot, light)
    before = canvas.pixels.copy() if afloat else None
    if grounded and not afloat:
        _shadow(canvas, spot, facts.subject, light)
    subjects.draw(canvas, facts.subject, spot.x, spot.y, spot.s, facts.colour, light, rng)
    if before is not None:
        reflect(canvas, before, spot.y)


_WIDTHS: dict[Subject, float] = {
    "castle": 0.42,
    "house": 0.46,
    "tree": 0.2,
    "cat": 0.3,
    "flower": 0.16,
    "person": 0.18,
    "lighthouse": 0.16,
    "tower": 0.17,
    "cactus": 0.2,
}
"""Half the width of a subject's shadow in parts of its height."""


def _shadow(canvas: Canvas, spot: Spot, subject: Subject, light: Light) -> None:
    """Darkness where the subject touches the ground, longer on the side away from the light."""
    half = _WIDTHS.get(subject, 0.25) * spot.s
    x = spot.x + (0.22 if light.from_left else -0.22) * half
    dark = mix(light((0.1, 0.12, 0.2)), (0.05, 0.05, 0.12), 0.5)
    for grow, alpha in ((1.18, 0.12), (1.0, 0.16)):
        canvas.fill(arc(x, spot.y, half * grow, half * grow * 0.2 + 0.006, corners=24), dark, alpha)


def _banks(canvas: Canvas, spot: Spot, light: Light) -> None:
    """Two green islets on which the ends of a bridge over open water rest."""
    green = hexed("#7aa955")
    for side in (-1, 1):
        x = spot.x + side * 1.12 * spot.s
        canvas.fill(
            arc(x, spot.y + 0.004, 0.1, 0.05, 180, 360.1, corners=16), Linear(light.bright(green), light.shadow(green), (0, spot.y - 0.05), (0, spot.y))
        )


def reflect(canvas: Canvas, before: NDArray[np.float32], waterline: float) -> None:
    """What the subject changed above the `waterline` upside down below it, fading."""
    size = canvas.size
    pixels = canvas.pixels
    first = min(round(waterline * size), size - 1)
    rows = (np.arange(first, size) + 0.5) / size
    source = np.clip((2 * waterline - rows) * size - 0.5, 0, size - 2)
    low = source.astype(np.int64)
    part = (source - low)[:, None, None].astype(np.float32)

    def upside(picture: NDArray[np.float32]) -> NDArray[np.float32]:
        return picture[low] * (1 - part) + picture[low + 1] * part

    there = np.minimum(np.abs(upside(pixels) - upside(before)).sum(axis=2, keepdims=True) * 6, 1)
    untouched = 1 - np.minimum(np.abs(pixels[first:] - before[first:]).sum(axis=2, keepdims=True) * 6, 1)
    fade = np.clip(1 - (rows - waterline) / 0.28, 0, 1)[:, None, None]
    pixels[first:] += ((upside(pixels) - pixels[first:]) * there * untouched * fade * 0.55).astype(np.float32)

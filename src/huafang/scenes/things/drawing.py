"""Pictures of things drawn: stickers on plain ground, and things in the places of the scenes, in the light of the hour."""

import random
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from huafang.scenes import scene as scenes
from huafang.scenes.canvas import Canvas, Colour, Linear, arc, hexed, mix
from huafang.scenes.facts import Facts
from huafang.scenes.light import Light
from huafang.scenes.scene import MOONLIGHT, View, reflect
from huafang.scenes.subjects.pen import PAINT, WARM, Pen
from huafang.scenes.things import Thing
from huafang.scenes.things.sampling import Shown, ThingFacts
from huafang.scenes.things.stickers import Sticker, Stickers

EXTENTS = {1: 0.22, 2: 0.30, 3: 0.40, 4: 0.48, 5: 0.58}
"""How large a thing of each size is in a scene: the larger of its height and 0.8 of its width, in units of the square."""
INDOORS = {1: 0.34, 2: 0.44, 3: 0.5, 4: 0.56, 5: 0.6}
WIDEST = 0.8
GRASSY = ("field", "garden", "hill", "forest", "mountains", "lake")
SHINING = {"1f525": 0.9, "1f56f": 0.7, "1f3ee": 0.6, "1f4a1": 0.7, "1f383": 0.6, "1fa94": 0.6, "1f526": 0.3, "1f384": 0.35, "1f3e0": 0.2}
"""Things that give light by night, and how strongly."""
SUNK = {"boats": 0.05, "birds": 0.08, "sea animals": 0.16, "people": 0.22, "fantasy": 0.2}
"""How much of a thing that floats is under water, in parts of its height."""
SOFT = ("#fdf3e3", "#e8f4fb", "#f3ecfa", "#eef7e8", "#fdeaea", "#fff8d8", "#e6f6f2", "#f0f0f3")


def draw(facts: ThingFacts, rng: random.Random, size: int, stickers: Stickers) -> NDArray[np.float32]:
    """(size, size, 3) float32 in [0, 1]; the same draws from `rng` at every size."""
    if facts.scene is None:
        return _on_plain_ground(facts, rng, size, stickers)
    view = scenes.backdrop(facts.scene, rng, size)
    for one, x, foot, height in _spots(facts, view, rng, stickers):
        _stand(view, facts.scene, one, stickers.get(one.style, one.code), x, foot, height, random.Random(rng.getrandbits(32)))  # noqa: S311  # a picture
    return scenes.finished(view, rng)


def _on_plain_ground(facts: ThingFacts, rng: random.Random, size: int, stickers: Stickers) -> NDArray[np.float32]:
    canvas = Canvas(size)
    if facts.ground == "soft":
        first, second = (hexed(tone) for tone in rng.sample(SOFT, 2))
        canvas.cover(Linear(first, second, (0, 0), (rng.uniform(0, 1), 1)))
    elif facts.ground == "white":
        canvas.cover((1.0, 1.0, 1.0))
    else:
        canvas.cover(mix(PAINT[facts.ground], (1, 1, 1), 0.0 if facts.ground in ("black", "grey") else rng.uniform(0.25, 0.5)))
    shadow = rng.random() < 0.3
    if facts.kind == "pair":
        places = [(0.26, one) for one in facts.things[:1]] + [(0.74, one) for one in facts.things[1:]]
        most = rng.uniform(0.38, 0.46)
    else:
        count = facts.count
        places = [((k + 0.5) / count if count > 1 else 0.5, facts.things[0]) for k in range(count)]
        most = {1: rng.uniform(0.62, 0.86), 2: rng.uniform(0.38, 0.44), 3: rng.uniform(0.27, 0.31)}[count]
    for x, one in places:
        sticker = stickers.get(one.style, one.code)
        height = most / max(1.0, sticker.aspect)
        x, foot = x + rng.uniform(-0.02, 0.02), 0.5 + height / 2 + rng.uniform(-0.03, 0.03)
        if shadow:
            half = min(0.45, height * sticker.aspect * 0.4)
            canvas.fill(arc(x, foot, half, half * 0.16 + 0.008, corners=28), (0.1, 0.1, 0.16), 0.14)
        _paste(canvas, sticker.placed(x, foot, height, size))
    np.clip(canvas.pixels, 0.0, 1.0, out=canvas.pixels)
    return canvas.pixels


def _spots(facts: ThingFacts, view: View, rng: random.Random, stickers: Stickers) -> list[tuple[Shown, float, float, float]]:
    """(thing, x, foot, height) of all that stand in a scene, the far ones first."""
    scene, found = view.facts, []
    several = len(facts.things) > 1 or facts.count > 1
    grow = {None: rng.uniform(0.92, 1.1), True: rng.uniform(1.22, 1.36), False: rng.uniform(0.6, 0.7)}[facts.large]
    many = facts.count if len(facts.things) == 1 else 2
    grow *= {1: 1.0, 2: 0.78, 3: 0.62}[many] * (1.0 if scene.place == "room" else view.ground.scale)
    row = list(facts.things) if len(facts.things) > 1 else [facts.things[0]] * facts.count
    step = {1: 0.0, 2: 0.46, 3: 0.31}[many]
    middle = view.x if many == 1 else 0.5 + (view.x - 0.5) * 0.3
    sizes = [one.thing.size for one in row]
    for k, one in enumerate(row):
        sticker = stickers.get(one.style, one.code)
        aspect = 0.85 if one.thing.body else sticker.aspect
        apart = sum(sizes) / len(sizes)
        extent = (INDOORS if scene.place == "room" else EXTENTS)[round((one.thing.size + apart) / 2)] * grow
        width = min(WIDEST, extent / 0.8, step * 0.98 if several else WIDEST)
        height = min(extent, width / aspect)
        foot = _foot(scene, view, one.thing, rng)
        height = min(height, foot - 0.04)
        half = min(0.49, height * aspect / 2 + 0.01)
        x = middle + (k - (many - 1) / 2) * step + rng.uniform(-0.015, 0.015)
        found.append((one, min(max(x, half), 1 - half), foot, height))
    return found if len(facts.things) > 1 else sorted(found, key=lambda spot: spot[2])


def _foot(scene: Facts, view: View, thing: Thing, rng: random.Random) -> float:
    low, high = view.ground.foot
    if scene.subject == "boat" and view.ground.water:
        low, high = view.ground.water
        return rng.uniform(low, high) + 0.04
    if scene.subject == "bird":
        return rng.uniform(0.4, 0.56) if scene.place != "room" else rng.uniform(low, high)
    foot = rng.uniform(low, high)
    if thing.size <= 2 and high - low > 0.03 and scene.place != "room":
        foot = rng.uniform(high, min(0.94, high + 0.06))  # small things are seen from near
    return foot


def _stand(view: View, scene: Facts, one: Shown, sticker: Sticker, x: float, foot: float, height: float, rng: random.Random) -> None:
    """One thing with its shadow or its reflection, lit by the hour, its feet in the grass, the snow or the water."""
    canvas, size = view.canvas, view.canvas.size
    pen = Pen(canvas, x, foot, height, view.light, indoors=scene.place == "room")
    if view.light.dark:
        canvas.glow(x, foot - height * 0.5, height * 0.95, WARM if one.code in SHINING else MOONLIGHT, 0.3 + 0.4 * SHINING.get(one.code, 0))
    if scene.subject == "boat":
        below = SUNK.get(one.thing.section, 0.1) * height
        before = canvas.pixels.copy()
        drawn = sticker.placed(x, foot + below, height, size)
        _paste(canvas, _lit(drawn, pen.light), above=foot)
        wide = sticker.aspect * height * 0.5
        reflect(canvas, before, foot)
        foam = mix(view.light.bright(hexed("#d7eaf2")), (1, 1, 1), 0.2)
        for k in range(5):
            at = x + (k - 2) * wide * 0.42 + rng.uniform(-0.02, 0.02)
            canvas.fill(arc(at, foot + rng.uniform(-0.004, 0.008), wide * 0.26, 0.006, corners=16), foam, 0.55)
        return
    aloft = scene.subject == "bird" and scene.place != "room"
    if one.thing.body:
        _shadow(canvas, x, foot, height * 0.27, view.light)
        _body(pen, one)
        _paste(canvas, _lit(sticker.placed(x, foot - height * 0.32, height * 0.68, size), pen.light))
    else:
        drawn = sticker.placed(x, foot, height, size)
        if not aloft and drawn is not None:
            left, right = _soles(sticker, x, height)
            _shadow(canvas, (left + right) / 2, foot, (right - left) / 2, view.light)
        _paste(canvas, _lit(drawn, pen.light))
    if not aloft and scene.place in GRASSY and one.thing.habitat not in ("town", "road"):
        _grass(view, x, foot, height * (0.85 if one.thing.body else sticker.aspect) * 0.5, rng)
    if not aloft and scene.place in ("snow", "desert"):
        _drift(view, x, foot, height * (0.6 if one.thing.body else sticker.aspect) * 0.5)


def _lit(drawn: tuple[NDArray[np.float32], int, int] | None, light: Light) -> tuple[NDArray[np.float32], int, int] | None:
    """In the light of the hour: what `Light` does to a colour, for premultiplied pixels."""
    if drawn is None:
        return None
    pixels, top, left = drawn
    out = pixels.copy()
    share = min(1.0, light.share)
    out[..., :3] = pixels[..., :3] * np.asarray(light.tint, np.float32) * (1 - share) + np.asarray(light.veil, np.float32) * share * pixels[..., 3:]
    return out, top, left


def _paste(canvas: Canvas, drawn: tuple[NDArray[np.float32], int, int] | None, above: float = 2.0) -> None:
    """Over what is there; only rows `above` a height."""
    if drawn is None:
        return
    pixels, top, left = drawn
    rows = int(np.clip(round(above * canvas.size) - top, 0, pixels.shape[0]))
    pixels = pixels[:rows]
    region = canvas.pixels[top : top + rows, left : left + pixels.shape[1]]
    region *= 1 - pixels[..., 3:]
    region += pixels[..., :3]


def _soles(sticker: Sticker, x: float, height: float) -> tuple[float, float]:
    """Where the lowest tenth of a picture begins and ends on the ground."""
    left, top, right, bottom = sticker.box
    low = sticker.pixels[bottom - max(2, (bottom - top) // 10) : bottom, left:right, 3] > 96
    columns = np.flatnonzero(low.any(axis=0))
    unit = height / (bottom - top)
    start = x - (right - left) * unit / 2
    return start + float(columns[0]) * unit, start + float(columns[-1] + 1) * unit


def _shadow(canvas: Canvas, x: float, foot: float, half: float, light: Light) -> None:
    half = max(half, 0.03) * 1.08
    x += (0.14 if light.from_left else -0.14) * half
    dark = mix(light((0.1, 0.12, 0.2)), (0.05, 0.05, 0.12), 0.5)
    for grow, alpha in ((1.2, 0.13), (1.0, 0.2)):
        canvas.fill(arc(x, foot, half * grow, half * grow * 0.16 + 0.008, corners=24), dark, alpha)


def _ground_colour(view: View, x: float, y: float) -> Colour:
    size = view.canvas.size
    row, column = min(size - 1, int(y * size)), min(size - 1, max(0, int(x * size)))
    red, green, blue = view.canvas.pixels[row, column]
    return float(red), float(green), float(blue)


def _grass(view: View, x: float, foot: float, half: float, rng: random.Random) -> None:
    """Blades before the feet, in the colour of the ground beside them."""
    soil = _ground_colour(view, x - half - 0.04, foot + 0.02)
    for k in range(9):
        at = x + (k - 4) / 4 * half * 1.05 + rng.uniform(-0.015, 0.015)
        high, lean = rng.uniform(0.018, 0.034), rng.uniform(-0.012, 0.012)
        y = foot + rng.uniform(0.004, 0.014)
        tone = mix(soil, (0.05, 0.16, 0.05), rng.uniform(0.1, 0.3))
        view.canvas.fill([(at - 0.008, y), (at + lean, y - high), (at + 0.008, y)], tone)


def _drift(view: View, x: float, foot: float, half: float) -> None:
    """The feet sink a little into snow or sand."""
    soil = _ground_colour(view, min(0.97, x + half + 0.05), foot + 0.015)
    view.canvas.fill(arc(x, foot + 0.012, half * 0.95, 0.02, corners=28), soil, 0.9)


_COATS: dict[str, tuple[str, str, str]] = {
    "lion": ("#f2b13c", "#fad890", "#e09a2c"),
    "fox": ("#f07d2c", "#fff4e6", "#5b3a2e"),
    "wolf": ("#8f9ba6", "#dbe2e8", "#7a8691"),
    "bear": ("#9c6238", "#cb9d6d", "#8a5430"),
    "polar bear": ("#f1f5f8", "#ffffff", "#e0e7ee"),
    "koala": ("#9fabb6", "#e3e8ed", "#8b97a3"),
    "panda": ("#fafafa", "#ffffff", "#2d2d33"),
    "frog": ("#6fbf4b", "#dcf2a8", "#58a53a"),
    "hamster": ("#f2b979", "#fff4e4", "#e5a25f"),
}
"""Coat, belly and limbs of the animals whose pictures are heads."""


def _body(pen: Pen, one: Shown) -> None:
    """A sitting body below the head."""
    coat, belly, limbs = (hexed(tone) for tone in _COATS[one.thing.english[0]])
    plain = one.style in ("flat", "twemoji", "emojitwo")

    def paint(colour: Colour, u: float, v: float, radius: float) -> object:
        return pen.light(colour) if plain else pen.ball(colour, u, v, radius)

    if one.thing.english[0] in ("lion", "fox", "wolf"):
        thick = 0.045 if one.thing.english[0] == "lion" else 0.1
        pen.bow([(0.2, 0.08), (0.34, 0.12), (0.38, 0.26), (0.34, 0.36)], thick, pen.light(coat))
        pen.oval(0.335, 0.38, 0.06, 0.06, pen.light(hexed("#8a4b1e") if one.thing.english[0] == "lion" else belly))
    pen.oval(0, 0.22, 0.25, 0.23, paint(coat, 0, 0.22, 0.25))  # type: ignore[arg-type]
    pen.oval(0, 0.2, 0.15, 0.17, pen.light(belly))
    for side in (-1, 1):
        pen.oval(side * 0.2, 0.05, 0.1, 0.055, paint(limbs, side * 0.2, 0.05, 0.1))  # type: ignore[arg-type]
        pen.oval(side * 0.1, 0.15, 0.055, 0.15, paint(limbs, side * 0.1, 0.15, 0.14))  # type: ignore[arg-type]
        pen.oval(side * 0.1, 0.03, 0.07, 0.035, paint(limbs, side * 0.1, 0.03, 0.07))  # type: ignore[arg-type]


__all__ = ["draw", "replace"]

"""Person, cat, bird."""

import random

from huafang.scenes.canvas import Canvas, Colour, hexed, mix
from huafang.scenes.facts import ColourName
from huafang.scenes.light import Light
from huafang.scenes.subjects.pen import Pen, apart, darker, named, paler

SKINS = [hexed("#f2cfae"), hexed("#e8b88f"), hexed("#c98d62"), hexed("#8f5b3d")]
HAIRS = [hexed("#2b2226"), hexed("#4a2f25"), hexed("#8a5a34"), hexed("#c99a56")]


def person(canvas: Canvas, x: float, y: float, s: float, colour: ColourName | None, light: Light, rng: random.Random) -> None:
    """A whole figure in a coat, standing or walking; the colour is that of the coat."""
    pen = Pen(canvas, x, y, s, light, rng.random() < 0.5)
    light = pen.light
    coat = named(colour, rng, ["#3f5d86", "#b34a3c", "#5f7d5a", "#c79a4c"])
    skin, hair = rng.choice(SKINS), rng.choice(HAIRS)
    trousers = hexed("#464b60") if apart(coat, hexed("#464b60")) > 0.35 else hexed("#8f8576")
    walking, hem = rng.random() < 0.5, rng.choice([0.24, 0.36])
    boots = hexed("#4a3329")
    for side in (-1, 1):
        foot = side * (0.13 if walking else 0.06)
        tone = light(trousers) if side == pen.sun else light.shadow(trousers)
        pen.stroke([(side * 0.05, 0.42), (foot, 0.045)], 0.095, tone)
        pen.stroke([(foot - 0.005, 0.025), (foot + 0.05, 0.022)], 0.05, light(boots))
    half = 0.19 if hem < 0.3 else 0.155
    back, front = darker(coat, 0.2), coat
    swing = 0.09 if walking else 0.02
    pen.stroke([(-0.11, 0.65), (-0.19 - swing * 0.3, 0.5), (-0.19 - swing, 0.39)], 0.085, light.shadow(back))
    pen.oval(-0.19 - swing, 0.365, 0.038, None, light(skin))
    pen.shape(
        [(-half, hem), (half, hem), (0.135, 0.52), (0.155, 0.64), (0.1, 0.71), (-0.1, 0.71), (-0.155, 0.64), (-0.135, 0.52)], pen.across(front, -half, half)
    )
    pen.stroke([(0.125, 0.65), (0.18 + swing * 0.3, 0.51), (0.18 + swing * 1.3, 0.4)], 0.085, light.bright(front) if pen.sun > 0 else light.shadow(back))
    pen.oval(0.18 + swing * 1.3, 0.375, 0.038, None, light(skin))
    scarves = (hexed("#c9473d"), hexed("#e3ad3f"), hexed("#37568a"), hexed("#4d8a5c"))
    scarf = max(rng.sample(scarves, 3), key=lambda c: min(apart(c, coat), apart(c, skin)))
    kind = rng.choice(["hat", "long", "short", "cap"])
    if kind == "long":
        pen.smooth([(-0.15, 0.64), (-0.165, 0.86), (-0.1, 0.98), (0.1, 0.98), (0.165, 0.86), (0.15, 0.64), (0, 0.62)], light.shadow(hair))
    pen.stroke([(-0.085, 0.705), (0.085, 0.705)], 0.07, light(scarf))
    pen.oval(0.005, 0.84, 0.125, 0.135, pen.across(skin, -0.13, 0.13, 0.7))
    if kind == "hat":
        straw = hexed("#e3c07a") if apart(coat, hexed("#e3c07a")) > 0.5 else hexed("#5a4136")
        pen.oval(0, 0.895, 0.235, 0.04, light(straw))
        pen.shape([(-0.125, 0.9), (0.125, 0.9), (0.1, 1.02), (-0.1, 1.02)], pen.across(straw, -0.12, 0.12))
        pen.box(-0.124, 0.9, 0.124, 0.93, light(darker(straw, 0.45)))
    elif kind == "cap":
        pen.smooth([(-0.138, 0.87), (-0.115, 0.96), (0, 1.0), (0.115, 0.96), (0.138, 0.87), (0, 0.89)], pen.across(scarf, -0.13, 0.13))
        pen.oval(0, 1.005, 0.038, None, light.bright(scarf))
    else:
        pen.smooth([(-0.142, 0.81), (-0.13, 0.94), (0, 1.0), (0.13, 0.94), (0.142, 0.81), (0.08, 0.9), (-0.06, 0.91)], light(hair))
    ink = light(hexed("#2c2026"))
    for u in (-0.042, 0.062):
        pen.oval(u, 0.835, 0.017, 0.021, ink)
    pen.stroke([(-0.02, 0.775), (0.01, 0.765), (0.04, 0.775)], 0.014, light(mix(skin, hexed("#8a2f33"), 0.6)))


def cat(canvas: Canvas, x: float, y: float, s: float, colour: ColourName | None, light: Light, rng: random.Random) -> None:
    """A cat that sits and looks at us, or stands with its tail up; the colour is that of its fur."""
    pen = Pen(canvas, x, y, s, light, rng.random() < 0.5)
    light = pen.light
    fur = named(colour, rng, ["#dd8a3c", "#8f8c8c", "#3a363b", "#f2ebdf"])
    if rng.random() < 0.6:
        _sitting(pen, fur, rng.random() < 0.6)
    else:
        _standing(pen, fur)


def _belly(fur: Colour) -> Colour:
    return paler(fur, 0.6) if apart(fur, (1, 1, 1)) > 0.35 else hexed("#fffaf2")


def _sitting(pen: Pen, fur: Colour, bib: bool) -> None:
    light = pen.light
    pen.bow([(0.2, 0.06), (0.36, 0.05), (0.45, 0.14), (0.44, 0.27), (0.38, 0.34)], 0.085, light.shadow(fur))
    pen.smooth([(-0.3, 0.1), (-0.24, 0.36), (-0.13, 0.56), (0.13, 0.56), (0.24, 0.36), (0.3, 0.1), (0.2, 0.0), (-0.2, 0.0)], pen.across(fur, -0.3, 0.3))
    if bib:
        pen.smooth([(-0.1, 0.5), (0.1, 0.5), (0.09, 0.3), (0, 0.2), (-0.09, 0.3)], light(_belly(fur)))
    for side in (-1, 1):
        pen.stroke([(side * 0.075, 0.3), (side * 0.08, 0.05)], 0.095, light.bright(fur) if side == pen.sun else light(fur))
        pen.oval(side * 0.085, 0.025, 0.072, 0.038, light(_belly(fur)) if bib else light(darker(fur, 0.1)))
    pen.stroke([(0, 0.05), (0, 0.27)], 0.016, light.shadow(darker(fur, 0.25)))
    _face(pen, fur, 0, 0.7, 0.235)


def _face(pen: Pen, fur: Colour, u: float, v: float, r: float) -> None:
    """A round head of half-width r with pointed ears, eyes, nose and a pale muzzle."""
    light = pen.light
    for side in (-1, 1):
        tone = light.bright(fur) if side == pen.sun else light.shadow(fur)
        pen.shape([(u + side * r * 0.98, v + r * 0.25), (u + side * r * 0.92, v + r * 1.32), (u + side * r * 0.18, v + r * 0.78)], tone)
        pen.shape([(u + side * r * 0.8, v + r * 0.5), (u + side * r * 0.8, v + r * 1.04), (u + side * r * 0.4, v + r * 0.74)], light(hexed("#d98d86")))
    pen.oval(u, v, r, r * 0.86, pen.across(fur, u - r, u + r))
    pale = light(_belly(fur))
    pen.oval(u - r * 0.2, v - r * 0.38, r * 0.27, r * 0.22, pale)
    pen.oval(u + r * 0.2, v - r * 0.38, r * 0.27, r * 0.22, pale)
    iris = hexed("#c9dd55") if apart(fur, hexed("#c9dd55")) > 0.35 else hexed("#5fae86")
    for side in (-1, 1):
        pen.oval(u + side * r * 0.42, v + r * 0.1, r * 0.21, r * 0.2, iris if light.dark else light(iris))
        pen.oval(u + side * r * 0.42, v + r * 0.1, r * 0.095, r * 0.18, light(hexed("#1d1a20")))
    pen.shape([(u - r * 0.11, v - r * 0.16), (u + r * 0.11, v - r * 0.16), (u, v - r * 0.3)], light(hexed("#c4626a")))


def _standing(pen: Pen, fur: Colour) -> None:
    light = pen.light
    pen.bow([(-0.42, 0.42), (-0.53, 0.56), (-0.53, 0.74), (-0.45, 0.86), (-0.4, 0.87)], 0.085, light(fur))
    for u in (-0.28, 0.24):
        pen.stroke([(u, 0.3), (u + 0.02, 0.04)], 0.1, light.shadow(darker(fur, 0.15)))
    body = [(-0.46, 0.4), (-0.38, 0.54), (-0.1, 0.54), (0.2, 0.56), (0.36, 0.5), (0.36, 0.3), (0.1, 0.24), (-0.25, 0.24), (-0.44, 0.28)]
    pen.smooth(body, pen.upright(light.shadow(fur), light.bright(fur), 0.24, 0.56))
    for u in (-0.38, 0.32):
        pen.stroke([(u, 0.33), (u - 0.01, 0.045)], 0.105, light(fur))
        pen.oval(u + 0.015, 0.03, 0.07, 0.036, light(_belly(fur)))
    _face(pen, fur, 0.36, 0.67, 0.21)


def bird(canvas: Canvas, x: float, y: float, s: float, colour: ColourName | None, light: Light, rng: random.Random) -> None:
    """A big bird in flight or on its feet; the colour is that of its plumage."""
    pen = Pen(canvas, x, y, s, light, rng.random() < 0.5)
    light = pen.light
    plume = named(colour, rng, ["#3f78b8", "#cf4a3a", "#f4f0e6", "#3f454f"])
    if rng.random() < 0.55:
        _flying(pen, plume)
    else:
        _perched(pen, plume)


def _head(pen: Pen, plume: Colour, u: float, v: float, r: float) -> None:
    beak = hexed("#f0a32e") if apart(plume, hexed("#f0a32e")) > 0.35 else hexed("#5b4634")
    pen.shape([(u + r * 0.7, v + r * 0.42), (u + r * 2.0, v - r * 0.05), (u + r * 0.7, v - r * 0.42)], pen.light(beak))
    pen.oval(u, v, r, None, pen.ball(plume, u, v, r))
    pen.oval(u + r * 0.32, v + r * 0.2, r * 0.27, None, pen.light((1, 1, 1)))
    pen.oval(u + r * 0.36, v + r * 0.2, r * 0.17, None, pen.light(hexed("#1f1b22")))


def _flying(pen: Pen, plume: Colour) -> None:
    light = pen.light
    tip = darker(plume, 0.35)
    pen.smooth([(0.12, 0.5), (0.2, 0.78), (0.36, 1.02), (0.42, 0.98), (0.34, 0.72), (0.3, 0.5)], light.shadow(tip))
    pen.shape([(-0.3, 0.47), (-0.72, 0.56), (-0.62, 0.44), (-0.7, 0.3), (-0.28, 0.36)], light.shadow(plume))
    pen.smooth(
        [(-0.42, 0.44), (-0.15, 0.54), (0.2, 0.57), (0.42, 0.52), (0.4, 0.38), (0.12, 0.27), (-0.2, 0.32)],
        pen.upright(light.shadow(_belly(plume)), light.bright(plume), 0.26, 0.5),
    )
    _head(pen, plume, 0.43, 0.49, 0.13)
    pen.smooth(
        [(-0.18, 0.46), (-0.3, 0.75), (-0.52, 1.0), (-0.4, 1.04), (-0.05, 0.88), (0.17, 0.66), (0.2, 0.47), (0.0, 0.42)],
        pen.upright(light(plume), light(tip), 0.5, 1.0),
    )
    pen.smooth([(-0.1, 0.47), (-0.15, 0.68), (-0.2, 0.8), (-0.02, 0.74), (0.12, 0.6), (0.14, 0.47)], light.bright(plume))


def _perched(pen: Pen, plume: Colour) -> None:
    light = pen.light
    for u in (-0.02, 0.1):
        pen.stroke([(u, 0.2), (u + 0.02, 0.015), (u + 0.1, 0.012)], 0.03, light(hexed("#b5743a")))
    pen.shape([(-0.2, 0.42), (-0.66, 0.16), (-0.58, 0.05), (-0.12, 0.22)], light.shadow(darker(plume, 0.25)))
    pen.smooth(
        [(-0.34, 0.36), (-0.18, 0.62), (0.06, 0.86), (0.3, 0.8), (0.35, 0.5), (0.22, 0.22), (-0.05, 0.15), (-0.26, 0.22)], pen.across(plume, -0.35, 0.35)
    )
    pen.smooth([(0.14, 0.62), (0.32, 0.62), (0.32, 0.42), (0.18, 0.24), (0.02, 0.2), (0.06, 0.42)], light(mix(_belly(plume), plume, 0.1)))
    _head(pen, plume, 0.16, 0.8, 0.19)
    pen.smooth([(0.08, 0.58), (-0.1, 0.6), (-0.26, 0.42), (-0.46, 0.2), (-0.2, 0.26), (0.04, 0.36)], light.shadow(darker(plume, 0.18)))

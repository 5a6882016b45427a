"""Woman and man: head and shoulders, looking at us."""

import random

from huafang.scenes.canvas import Canvas, Colour, hexed, mix
from huafang.scenes.facts import ColourName
from huafang.scenes.light import Light
from huafang.scenes.subjects.pen import Pen, apart, darker, named, paler

SKINS = [hexed("#f6d6b8"), hexed("#eec39c"), hexed("#dba679"), hexed("#a86f4a"), hexed("#7d4e36")]
HAIRS = [hexed("#26202a"), hexed("#33242a"), hexed("#5a3828"), hexed("#95602f"), hexed("#cfa05a"), hexed("#a5a3a6")]
EYE = 0.635
"""Where the eyes are, in heights of the portrait; the chin is at .41, the top of the skull at .9."""


def woman(canvas: Canvas, x: float, y: float, s: float, colour: ColourName | None, light: Light, rng: random.Random) -> None:
    """A portrait that stands on the picture's lower edge (y is not looked at); the colour is that of her scarf."""
    del y
    pen = Pen(canvas, x, 1.0, s, light, rng.random() < 0.5, indoors=True)
    light = pen.light
    skin, hair = rng.choice(SKINS), rng.choice(HAIRS)
    style = rng.choice(["long", "bob", "bun", "waves"])
    back = {
        "long": [(-0.27, 0.0), (-0.28, 0.4), (-0.26, 0.72), (-0.16, 0.93), (0.0, 0.985), (0.16, 0.93), (0.26, 0.72), (0.28, 0.4), (0.27, 0.0)],
        "bob": [(-0.24, 0.38), (-0.285, 0.48), (-0.26, 0.74), (-0.16, 0.93), (0.0, 0.985), (0.16, 0.93), (0.26, 0.74), (0.285, 0.48), (0.24, 0.38), (0, 0.36)],
        "bun": [(-0.2, 0.5), (-0.225, 0.66), (-0.2, 0.84), (-0.1, 0.93), (0.1, 0.93), (0.2, 0.84), (0.225, 0.66), (0.2, 0.5)],
        "waves": [
            (-0.3, 0.2),
            (-0.33, 0.34),
            (-0.27, 0.5),
            (-0.3, 0.68),
            (-0.2, 0.92),
            (0.0, 0.985),
            (0.2, 0.92),
            (0.3, 0.68),
            (0.27, 0.5),
            (0.33, 0.34),
            (0.3, 0.2),
            (0, 0.15),
        ],
    }[style]
    if style == "bun":
        pen.oval(0.0, 0.955, 0.1, 0.085, pen.ball(hair, 0, 0.95, 0.1))
    pen.smooth(back, pen.across(darker(hair, 0.2), -0.28, 0.28))
    scarf = named(colour, rng, ["#b84a4a", "#3f6f8f", "#d9a441", "#6f8a5f"])
    _bust(pen, skin, scarf, rng, 0.46)
    _head(pen, skin, 0.172, 0.115, 0.085)
    _features(pen, skin, darker(hair, 0.15), mix(skin, hexed("#b5303c"), 0.62), 0.014, lashes=True)
    parting = rng.choice([-0.05, 0.0, 0.06])
    for side in (-1, 1):
        tone = light.bright(hair) if side == pen.sun else light(hair)
        low = 0.5 if style in ("bun", "waves") else 0.42
        lock = [(parting, 0.855), (parting - side * 0.01, 0.955), (side * 0.13, 0.945), (side * 0.225, 0.8), (side * 0.235, 0.62), (side * 0.215, low)]
        pen.smooth([*lock, (side * 0.175, 0.6), (side * 0.155, 0.72), (side * 0.09, 0.8)], tone)
    if style == "bun" or rng.random() < 0.4:
        for side in (-1, 1):
            pen.oval(side * 0.188, 0.525, 0.018, 0.024, light.bright(hexed("#e8bf4f")))


def man(canvas: Canvas, x: float, y: float, s: float, colour: ColourName | None, light: Light, rng: random.Random) -> None:
    """A portrait that stands on the picture's lower edge (y is not looked at); the colour is that of his scarf."""
    del y
    pen = Pen(canvas, x, 1.0, s, light, rng.random() < 0.5, indoors=True)
    light = pen.light
    skin, hair = rng.choice(SKINS), rng.choice(HAIRS)
    scarf = named(colour, rng, ["#8f3f3c", "#3c5f86", "#c2903c", "#5d7a58"])
    _bust(pen, skin, scarf, rng, 0.58)
    for side in (-1, 1):
        pen.oval(side * 0.192, 0.62, 0.03, 0.05, light(skin) if side == pen.sun else light.shadow(skin))
    _head(pen, skin, 0.182, 0.15, 0.115)
    beard = rng.choice(["none", "none", "full", "moustache"])
    if beard == "full":
        jaw = [
            (-0.183, 0.61),
            (-0.178, 0.5),
            (-0.12, 0.405),
            (0, 0.37),
            (0.12, 0.405),
            (0.178, 0.5),
            (0.183, 0.61),
            (0.13, 0.535),
            (0.06, 0.55),
            (-0.06, 0.55),
            (-0.13, 0.535),
        ]
        pen.smooth(jaw, pen.across(hair, -0.18, 0.18))
    _features(pen, skin, darker(hair, 0.15), mix(skin, hexed("#8f3a38"), 0.5), 0.022, lashes=False)
    if beard == "moustache":
        pen.smooth([(-0.085, 0.492), (-0.04, 0.535), (0, 0.525), (0.04, 0.535), (0.085, 0.492), (0, 0.51)], light(hair))
    cut = rng.choice(["parted", "crop", "curls", "cap"])
    if cut == "parted":
        pen.smooth(
            [
                (-0.2, 0.66),
                (-0.215, 0.8),
                (-0.14, 0.94),
                (0.02, 0.985),
                (0.17, 0.93),
                (0.215, 0.79),
                (0.2, 0.66),
                (0.165, 0.79),
                (0.02, 0.83),
                (-0.12, 0.79),
                (-0.172, 0.76),
            ],
            pen.across(hair, -0.2, 0.2),
        )
    elif cut == "crop":
        pen.smooth(
            [(-0.178, 0.66), (-0.2, 0.82), (-0.12, 0.93), (0, 0.95), (0.12, 0.93), (0.2, 0.82), (0.178, 0.66), (0.165, 0.8), (0, 0.815), (-0.165, 0.8)],
            pen.across(hair, -0.2, 0.2),
        )
    elif cut == "curls":
        for u, v in ((-0.185, 0.76), (0.185, 0.76), (-0.15, 0.85), (0.15, 0.85), (-0.08, 0.91), (0.08, 0.91), (0.0, 0.87), (0.0, 0.93)):
            pen.oval(u, v, 0.075, 0.07, pen.ball(hair, u, v, 0.07))
    else:
        wool = hexed(rng.choice(["#3d4a5f", "#6b5a4a", "#59606a"]))
        pen.smooth([(-0.205, 0.77), (-0.2, 0.89), (-0.1, 0.98), (0.1, 0.98), (0.2, 0.89), (0.205, 0.77)], pen.across(wool, -0.2, 0.2))
        pen.stroke([(-0.19, 0.775), (0.0, 0.765), (0.19, 0.775)], 0.075, light(darker(wool, 0.2)))


def _bust(pen: Pen, skin: Colour, scarf: Colour, rng: random.Random, wide: float) -> None:
    """Shoulders in a coat, neck, and the scarf around it with one end that hangs down."""
    light = pen.light
    coats = [hexed("#2f3f5c"), hexed("#7a6a5c"), hexed("#454a50"), hexed("#c9b89c"), hexed("#5e4a55")]
    coat = max(rng.sample(coats, 2), key=lambda c: apart(c, scarf))
    pen.shape([(-0.085, 0.25), (0.085, 0.25), (0.08, 0.5), (-0.08, 0.5)], light.shadow(skin))
    shoulders = [
        (-wide, -0.03),
        (-wide * 0.97, 0.1),
        (-wide * 0.8, 0.2),
        (-0.2, 0.29),
        (0, 0.3),
        (0.2, 0.29),
        (wide * 0.8, 0.2),
        (wide * 0.97, 0.1),
        (wide, -0.03),
    ]
    pen.smooth([(-wide, -0.2), *shoulders, (wide, -0.2)], pen.across(coat, -wide, wide))
    pen.shape([(-0.02, 0.3), (0.14, -0.02), (0.12, -0.02), (-0.02, 0.2)], light.shadow(darker(coat, 0.2)))
    end = rng.choice([-1, 1])
    pen.shape([(end * 0.03, 0.26), (end * 0.2, 0.24), (end * 0.22, -0.02), (end * 0.05, -0.02)], pen.across(darker(scarf, 0.08), -0.05, 0.3))
    loop = [(-0.2, 0.345), (-0.12, 0.4), (0, 0.385), (0.12, 0.4), (0.2, 0.345), (0.225, 0.26), (0.12, 0.18), (0, 0.165), (-0.12, 0.18), (-0.225, 0.26)]
    pen.smooth(loop, pen.across(scarf, -0.22, 0.22))
    pen.stroke([(-0.17, 0.3), (-0.06, 0.25), (0.08, 0.245), (0.18, 0.29)], 0.018, light.shadow(darker(scarf, 0.15)))


def _head(pen: Pen, skin: Colour, half: float, jaw: float, chin: float) -> None:
    """The face from the front; a soft shadow lies on the side away from the light and under the chin's edge."""
    light = pen.light
    face = [
        (-half * 0.98, 0.7),
        (-half * 0.96, 0.58),
        (-jaw, 0.475),
        (-chin * 0.6, 0.418),
        (0, 0.405),
        (chin * 0.6, 0.418),
        (jaw, 0.475),
        (half * 0.96, 0.58),
        (half * 0.98, 0.7),
        (half * 0.8, 0.85),
        (0, 0.91),
        (-half * 0.8, 0.85),
    ]
    pen.smooth(face, light.bright(paler(skin, 0.05)))
    away = -pen.sun
    side = [
        (away * half * 0.98, 0.7),
        (away * half * 0.96, 0.58),
        (away * jaw, 0.475),
        (away * chin * 0.6, 0.418),
        (0, 0.405),
        (away * jaw * 0.62, 0.5),
        (away * half * 0.66, 0.6),
        (away * half * 0.78, 0.72),
        (away * half * 0.86, 0.82),
        (away * half * 0.95, 0.76),
    ]
    pen.smooth(side, light(mix(skin, hexed("#a5563c"), 0.22)))


def _features(pen: Pen, skin: Colour, brow: Colour, lips: Colour, thick: float, lashes: bool) -> None:
    light = pen.light
    dusk = light(mix(skin, hexed("#7a3a2c"), 0.42))
    ink = light(hexed("#2a2028"))
    for side in (-1, 1):
        u = side * 0.078
        pen.oval(side * 0.1, 0.555, 0.045, 0.033, light(mix(skin, hexed("#e0605a"), 0.35)), 0.5)
        pen.shape(
            [
                (u - 0.04, EYE - 0.002),
                (u - 0.018, EYE + 0.021),
                (u + 0.018, EYE + 0.021),
                (u + 0.04, EYE - 0.002),
                (u + 0.016, EYE - 0.019),
                (u - 0.016, EYE - 0.019),
            ],
            light(hexed("#fbf4ea")),
        )
        pen.oval(u, EYE + 0.002, 0.02, 0.022, ink)
        pen.oval(u + pen.sun * 0.007, EYE + 0.011, 0.0065, None, light((1.0, 1.0, 1.0)))
        lid = [
            (u - side * 0.038, EYE + 0.002),
            (u - side * 0.014, EYE + 0.025),
            (u + side * 0.02, EYE + 0.024),
            (u + side * (0.05 if lashes else 0.042), EYE + 0.004),
        ]
        pen.stroke(lid, 0.014 if lashes else 0.011, ink)
        pen.stroke([(u - side * 0.042, EYE + 0.058), (u + side * 0.015, EYE + 0.074), (u + side * 0.055, EYE + 0.066)], thick, light(brow))
    pen.shape([(0.0, EYE + 0.02), (-pen.sun * 0.034, 0.542), (-pen.sun * 0.006, 0.53), (pen.sun * 0.012, 0.54)], dusk, 0.75)
    pen.stroke([(-0.022, 0.537), (0.0, 0.53), (0.022, 0.537)], 0.011, dusk)
    pen.smooth([(-0.06, 0.486), (-0.02, 0.492), (0, 0.488), (0.02, 0.492), (0.06, 0.486), (0.024, 0.458), (0, 0.454), (-0.024, 0.458)], light(lips))
    pen.stroke([(-0.06, 0.485), (-0.022, 0.474), (0.022, 0.474), (0.06, 0.485)], 0.009, light(darker(lips, 0.35)))

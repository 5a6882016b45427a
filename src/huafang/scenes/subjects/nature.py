"""Tree, cactus, flower."""

import math
import random

from huafang.scenes.canvas import Canvas, Colour, Point, hexed, mix
from huafang.scenes.facts import ColourName
from huafang.scenes.light import Light
from huafang.scenes.subjects.pen import Pen, darker, named, paler

WOOD, LEAF = hexed("#6b4a36"), hexed("#4a8f47")


def tree(canvas: Canvas, x: float, y: float, s: float, colour: ColourName | None, light: Light, rng: random.Random) -> None:
    """A fir, a round tree, one in blossom or a bare one; the colour is that of the crown."""
    pen = Pen(canvas, x, y, s, light, rng.random() < 0.5)
    light = pen.light
    kind = rng.choice(["round", "round", "fir", "fir", "blossom", "bare"])
    if colour in ("red", "orange", "yellow", "pink", "purple", "white") or (kind == "bare" and colour is not None):
        kind = "round" if colour != "green" else "fir"
    if kind == "bare":
        _branches(pen, rng)
        return
    natural = {"round": ["#4a9147", "#5b9a45", "#3f8552"], "fir": ["#2f7350", "#357a48"], "blossom": ["#f3a9c2", "#f7c3d2"]}[kind]
    crown = named(colour, rng, natural)
    if kind == "fir":
        _fir(pen, crown, rng.choice([3, 4]))
    else:
        _round(pen, crown, rng)


def _fir(pen: Pen, crown: Colour, tiers: int) -> None:
    pen.box(-0.045, 0, 0.045, 0.2, pen.across(WOOD, -0.05, 0.05))
    for k in range(tiers):
        foot = 0.13 + k * 0.72 / tiers
        top, half = min(1.0, foot + 1.3 / tiers if k < tiers - 1 else 1.0), 0.34 * (1 - 0.58 * k / (tiers - 1))
        tone = mix(darker(crown, 0.2), paler(crown, 0.12), k / (tiers - 1))
        pen.shape([(-half, foot), (-half * 0.5, foot - 0.03), (0, foot - 0.045), (half * 0.5, foot - 0.03), (half, foot), (0, top)], pen.light(tone))
        pen.shape(
            [(pen.sun * half, foot), (pen.sun * half * 0.5, foot - 0.03), (0, foot - 0.045), (pen.sun * half * 0.18, foot + 0.1), (0, top)],
            pen.light.bright(tone),
        )


def _round(pen: Pen, crown: Colour, rng: random.Random) -> None:
    fork, lean = rng.uniform(0.42, 0.5), rng.uniform(-0.03, 0.03)
    pen.shape([(-0.085, 0), (0.085, 0), (0.04 + lean, fork), (-0.04 + lean, fork)], pen.across(WOOD, -0.07, 0.07))
    pen.stroke([(lean, 0.35), (0.16, 0.55)], 0.035, pen.light(WOOD))
    wide = rng.uniform(0.92, 1.12)
    clouds = [(-0.22, 0.55, 0.2), (0.22, 0.54, 0.2), (0.0, 0.52, 0.19), (-0.14, 0.74, 0.2), (0.16, 0.73, 0.2), (0.01, 0.81, 0.19)]
    for u, v, r in clouds:
        pen.oval(u * wide + rng.uniform(-0.02, 0.02), v, r * wide, r, pen.light.shadow(crown))
    for u, v, r in clouds:
        pen.oval(u * wide + pen.sun * 0.035, v + 0.035, r * 0.84 * wide, r * 0.82, pen.light(crown))
    for u, v, r in clouds[3:]:
        pen.oval((u + pen.sun * 0.07) * wide, v + 0.06, r * 0.56, r * 0.5, pen.light.bright(paler(crown, 0.1)))


def _branches(pen: Pen, rng: random.Random) -> None:
    bark = hexed("#5b4438")
    pen.shape([(-0.075, 0), (0.075, 0), (0.03, 0.5), (-0.03, 0.5)], pen.across(bark, -0.06, 0.06))
    tone, lit = pen.light(bark), pen.light.bright(bark)
    for root, turn in ((0.42, -1), (0.36, 1), (0.5, 0)):
        tilt = turn * 0.3 + rng.uniform(-0.05, 0.05)
        tip: Point = (tilt, 0.86 if turn else 1.0)
        middle: Point = (tilt * 0.62, (root + tip[1]) / 2 - 0.02)
        pen.stroke([(0, root), middle, tip], 0.036, lit if turn == pen.sun else tone)
        for side in (-1, 1):
            pen.stroke([middle, (middle[0] + side * 0.13 + tilt * 0.2, middle[1] + 0.17)], 0.024, tone)


def cactus(canvas: Canvas, x: float, y: float, s: float, colour: ColourName | None, light: Light, rng: random.Random) -> None:
    """A saguaro with two arms and often a blossom; always green, `colour` is not looked at."""
    del colour
    pen = Pen(canvas, x, y, s, light, rng.random() < 0.5)
    light = pen.light
    green = hexed(rng.choice(["#4d8f55", "#3f8a63", "#5d9450"]))
    low, high = rng.uniform(0.3, 0.38), rng.uniform(0.42, 0.5)
    arms: list[list[Point]] = [
        [(0, low), (-0.2, low), (-0.27, low + 0.05), (-0.29, low + 0.12), (-0.29, low + rng.uniform(0.26, 0.34))],
        [(0, high), (0.18, high), (0.25, high + 0.05), (0.27, high + 0.12), (0.27, high + rng.uniform(0.2, 0.28))],
    ]
    trunk: list[Point] = [(0, 0.1), (0, 0.89)]
    pen.box(-0.105, 0, 0.105, 0.11, light.shadow(green))
    pen.box(pen.sun * 0.0273 - 0.0735, 0, pen.sun * 0.0273 + 0.0735, 0.11, light(green))
    for limb, width in ((arms[0], 0.135), (arms[1], 0.125), (trunk, 0.21)):
        pen.stroke(limb, width, light.shadow(green))
        pen.stroke([(u + pen.sun * width * 0.13, v) for u, v in limb], width * 0.7, light(green))
        pen.stroke([(u + pen.sun * width * 0.22, v) for u, v in limb], width * 0.24, light.bright(paler(green, 0.12)))
    blossom = light.bright(hexed(rng.choice(["#ef6f8f", "#f3b23f"])))
    if rng.random() < 0.75:
        for u, v in ((0.0, 0.985), (arms[0][-1][0], arms[0][-1][1] + 0.07)):
            for turn in (-0.035, 0, 0.035):
                pen.oval(u + turn, v - abs(turn) * 0.4, 0.028, 0.036, blossom)
    sand = light(hexed("#c79a66"))
    pen.smooth([(-0.26, -0.01), (-0.12, 0.03), (0.0, 0.045), (0.12, 0.03), (0.26, -0.01), (0, -0.02)], sand)


def flower(canvas: Canvas, x: float, y: float, s: float, colour: ColourName | None, light: Light, rng: random.Random) -> None:
    """One big tulip, daisy, rose or sunflower with stem and leaves; the colour is that of the petals."""
    pen = Pen(canvas, x, y, s, light, rng.random() < 0.5)
    light = pen.light
    kinds = ["tulip", "daisy", "rose"] + (["sunflower"] if colour in (None, "yellow", "orange") else [])
    kind = rng.choice(kinds)
    natural = {"tulip": ["#d8423f", "#e77f9d", "#f2b83c"], "daisy": ["#faf8f1"], "rose": ["#c9303c", "#ea8aa4"], "sunflower": ["#f5bd2a"]}[kind]
    petal = named(colour, rng, natural)
    bend = rng.uniform(0.02, 0.07)
    pen.stroke([(0, 0), (bend * 0.8, 0.2), (bend, 0.4), (0, 0.66)], 0.04, light(darker(LEAF, 0.15)))
    for side, foot in ((-1, 0.08), (1, 0.16)):
        tip = (bend + side * 0.3, foot + 0.27)
        pen.smooth(
            [(bend * 0.5, foot), (side * 0.14, foot + 0.05), tip, (side * 0.1, foot + 0.2)], light.bright(LEAF) if side == pen.sun else light.shadow(LEAF)
        )
    head = 0.7
    if kind == "tulip":
        _tulip(pen, petal)
    elif kind == "rose":
        _rose(pen, petal, head)
    elif kind == "daisy":
        _star(pen, petal, head, 9, 0.3, 0.1, hexed("#f0b52e") if colour not in ("yellow", "orange") else hexed("#7a4a2a"))
    else:
        _star(pen, petal, head, 14, 0.31, 0.165, hexed("#5d3a22"))


def _tulip(pen: Pen, petal: Colour) -> None:
    light = pen.light
    pen.smooth([(-0.12, 0.58), (-0.13, 0.85), (-0.02, 0.98), (0.13, 0.84), (0.12, 0.58)], light.shadow(darker(petal, 0.12)))
    for side in (-1, 1):
        tone = light(petal) if side == pen.sun else light.shadow(petal)
        pen.smooth([(0, 0.53), (side * 0.16, 0.57), (side * 0.25, 0.74), (side * 0.24, 1.0), (side * 0.1, 0.88), (side * -0.02, 0.7)], tone)
    pen.smooth([(0, 0.52), (0.11, 0.62), (0.11, 0.76), (0, 0.92), (-0.11, 0.76), (-0.11, 0.62)], pen.across(paler(petal, 0.1), -0.12, 0.12, 0.7))


def _star(pen: Pen, petal: Colour, head: float, petals: int, length: float, heart: float, core: Colour) -> None:
    wide = length * math.pi / petals * (0.95 if petals > 9 else 0.7)
    for layer, reach in ((0, 1.0), (1, 0.86)) if petals > 9 else ((1, 1.0),):
        for k in range(petals):
            turn = 2 * math.pi * (k + layer * 0.5) / petals
            c, d = math.cos(turn), math.sin(turn)
            facing = 0.5 + 0.5 * (c * pen.sun * 0.6 + d * 0.8)
            tone = mix(pen.light.shadow(petal), pen.light.bright(petal), facing if layer else facing * 0.55)
            along = [(0.0, 0.0), (0.6, wide), (0.88, wide * 0.75), (1.0, 0.0), (0.88, -wide * 0.75), (0.6, -wide)]
            pen.smooth([(a * length * reach * c - b * d, head + a * length * reach * d + b * c) for a, b in along], tone)
    pen.oval(0, head, heart, None, pen.ball(core, 0, head, heart))


def _rose(pen: Pen, petal: Colour, head: float) -> None:
    for k, (ring, count, size) in enumerate(((0.15, 6, 0.15), (0.09, 5, 0.12))):
        for j in range(count):
            turn = 2 * math.pi * (j + 0.5 * k) / count + 0.3
            c, d = math.cos(turn), math.sin(turn)
            tone = mix(darker(petal, 0.32), paler(petal, 0.18), 0.5 + 0.5 * (c * pen.sun * 0.6 + d * 0.75))
            pen.oval(ring * c, head + ring * d, size, size * 0.94, pen.light(tone))
    for reach, turn, tone in (
        (0.115, 0.4, darker(petal, 0.25)),
        (0.09, 2.6, paler(petal, 0.12)),
        (0.062, 4.6, darker(petal, 0.22)),
        (0.036, 1.2, paler(petal, 0.2)),
    ):
        c, d = math.cos(turn) * 0.02, math.sin(turn) * 0.02
        pen.oval(c, head + 0.02 + d, reach, reach * 0.88, pen.light(tone))

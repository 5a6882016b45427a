"""Boat, lighthouse, bridge, windmill, balloon: what stands by the water or moves with the wind."""

import math
import random

import numpy as np

from huafang.scenes.canvas import Canvas, Colour, Point, hexed
from huafang.scenes.facts import ColourName
from huafang.scenes.light import Light
from huafang.scenes.subjects.pen import PAINT, WARM, Pen, arch, darker, named, paler

CREAM = hexed("#f6efdf")


def boat(canvas: Canvas, x: float, y: float, s: float, colour: ColourName | None, light: Light, rng: random.Random) -> None:
    """A sailing boat or a junk on its water line; the colour is that of the sails."""
    pen = Pen(canvas, x, y, s, light, rng.random() < 0.5)
    light = pen.light
    sail = named(colour, rng, ["#fbf6ea", "#f6ead2", "#f3e3c8"])
    hull = hexed("#e9e4da" if colour in ("black", "brown") else rng.choice(["#7c4a30", "#8a5a3c", "#3f4a63"]))
    junk = rng.random() < 0.3
    pen.oval(0, -0.035, 0.46, 0.035, light.shadow(hull), 0.35)
    pen.stroke([(-0.02, 0.15), (-0.02, 1.0)], 0.026, light(hexed("#5d4234")))
    if junk:
        pen.shape([(0.03, 0.26), (0.4, 0.3), (0.43, 0.62), (0.26, 0.93), (0.03, 1.0), (-0.1, 0.96), (-0.12, 0.27)], pen.across(sail, -0.12, 0.42))
        for k in range(1, 4):
            pen.stroke([(-0.115, 0.27 + 0.17 * k), (0.425 - 0.03 * k, 0.31 + 0.19 * k)], 0.014, light.shadow(darker(sail, 0.25)))
        pen.shape([(-0.17, 0.24), (-0.48, 0.28), (-0.36, 0.6), (-0.18, 0.68)], pen.across(sail, -0.5, -0.1))
    else:
        belly = rng.uniform(0.02, 0.07)
        main = [(0.01, 0.98), (0.16 + belly, 0.7), (0.36 + belly / 2, 0.4), (0.46, 0.24), (0.24, 0.22), (0.01, 0.23)]
        pen.shape(main, pen.across(sail, 0, 0.46))
        pen.shape([(-0.05, 0.9), (-0.22 - belly, 0.55), (-0.44, 0.25), (-0.24, 0.22), (-0.05, 0.24)], pen.across(paler(sail, 0.18), -0.44, 0.2))
    rim, keel = 0.17, -0.01
    outline = [(-0.54, rim + 0.04), (-0.2, rim - 0.005), (0.2, rim - 0.01), (0.5, rim + 0.02), (0.44, 0.06), (0.37, keel), (-0.36, keel), (-0.45, 0.06)]
    pen.shape(outline, pen.upright(light.shadow(hull), light.bright(hull), keel, rim))
    pen.stroke([(-0.53, rim + 0.025), (-0.2, rim - 0.015), (0.2, rim - 0.02), (0.49, rim + 0.005)], 0.022, light.bright(CREAM))
    if light.dark:
        px, py = pen.at(-0.42, 0.27)
        canvas.glow(px, py, 0.16 * s, WARM, 0.8)
        pen.oval(-0.42, 0.27, 0.024, None, WARM)
    foam = light.bright(hexed("#d7eaf2"))
    pen.stroke([(-0.5, -0.012), (-0.3, -0.02), (0.0, -0.014), (0.3, -0.02), (0.46, -0.01)], 0.016, foam, 0.6)


def lighthouse(canvas: Canvas, x: float, y: float, s: float, colour: ColourName | None, light: Light, rng: random.Random) -> None:
    """A round tapering tower in bands with a lantern, which shines by night; the colour is that of the bands."""
    pen = Pen(canvas, x, y, s, light, rng.random() < 0.5)
    light = pen.light
    band = named(colour, rng, ["#cf3b34"])
    ground = hexed("#f7f2e8") if colour not in ("white", "yellow") else hexed("#5f7391")
    wide, slim, top, bands = rng.uniform(0.17, 0.2), rng.uniform(0.1, 0.12), 0.72, rng.choice([5, 5, 7])
    lamp = WARM if light.dark or light.time != "day" else light(hexed("#ffe9a8"))
    cx, cy = pen.at(0, 0.82)
    if light.dark:
        for turn in (-1, 1):
            pen.shape([(0, 0.83), (turn * 1.0, 0.99), (turn * 1.0, 0.7), (0, 0.81)], WARM, 0.22)
        canvas.glow(cx, cy, 0.4 * s, WARM, 0.6)
    rock = hexed("#7d7a7c")
    pen.smooth(
        [(-0.36, -0.01), (-0.26, 0.07), (-0.1, 0.1), (0.1, 0.09), (0.27, 0.06), (0.36, -0.01), (0, -0.03)],
        pen.upright(light.shadow(rock), light.bright(rock), 0, 0.1),
    )
    for k in range(bands):
        a, b = k / bands, (k + 1) / bands
        low, high = wide + (slim - wide) * a, wide + (slim - wide) * b
        v0, v1 = 0.05 + (top - 0.05) * a, 0.05 + (top - 0.05) * b + 0.004
        pen.shape([(-low, v0), (low, v0), (high, v1), (-high, v1)], pen.across(ground if k % 2 else band, -wide, wide))
    pen.shape(arch(0, 0.05, 0.048, 0.12), light(hexed("#4a3530")))
    pen.window(-0.028, 0.42, 0.028, 0.51, arched=True)
    iron = hexed("#3d4453")
    pen.box(-slim * 1.45, top, slim * 1.45, top + 0.035, pen.across(iron, -slim, slim))
    pen.box(-slim * 0.72, top + 0.035, slim * 0.72, 0.88, lamp)
    pen.stroke([(0, top + 0.04), (0, 0.87)], 0.016, light(iron))
    cap = iron if colour is not None and colour != "red" else hexed("#a83330")
    pen.smooth([(-slim * 1.0, 0.875), (slim * 1.0, 0.875), (slim * 0.55, 0.955), (0, 0.985), (-slim * 0.55, 0.955)], pen.across(cap, -slim, slim))
    pen.stroke([(0, 0.97), (0, 1.02)], 0.018, light(cap))


def bridge(canvas: Canvas, x: float, y: float, s: float, colour: ColourName | None, light: Light, rng: random.Random) -> None:
    """An arched bridge of stone, about 2.2 s across, with one, two or three arches; the colour is that of the whole."""
    pen = Pen(canvas, x, y, s, light)
    light = pen.light
    stone = named(colour, rng, ["#b8aa96", "#a99b8c", "#c4a98c"])
    spans = rng.choice([[(0.0, 0.62)], [(-0.62, 0.25), (0.0, 0.36), (0.62, 0.25)], [(-0.37, 0.32), (0.37, 0.32)]])
    rise = 0.36 if len(spans) == 1 else 0.3

    def deck(u: float) -> float:
        return 0.42 + rise * math.cos(u / 1.1 * math.pi / 2) ** 1.3 if abs(u) < 1.1 else 0.42

    us = np.linspace(-1.1, 1.1, 33)
    crown = [(float(u), deck(float(u)) + 0.0) for u in us]

    def opening(u: float, half: float, shift: float, lift: float) -> list[Point]:
        height = deck(u) - 0.17 + lift
        turn = np.linspace(0, np.pi, 17)
        return [(u + shift + half * float(np.cos(t)), height * float(np.sin(t))) for t in turn]

    outline = [*crown, (1.1, 0.0)]
    inner = [*crown, (1.1, 0.0)]
    for u, half in reversed(spans):
        outline += opening(u, half, 0, 0)
        inner += opening(u, half * 0.9, pen.sun * -half * 0.1, -0.015)
    pen.shape([*inner, (-1.1, 0.0)], light.shadow(darker(stone, 0.35)))
    pen.shape([*outline, (-1.1, 0.0)], pen.upright(light.shadow(stone), light.bright(stone), 0.0, 0.75))
    for u, half in spans:
        pen.stroke(opening(u, half * 1.07, 0, 0.035), 0.045, light.bright(paler(stone, 0.1)), 0.999)
    for k, (u, v) in enumerate(crown):
        if k % 4 == 0:
            pen.box(u - 0.035, v - 0.02, u + 0.035, v + 0.16, pen.across(stone, u - 0.035, u + 0.035))
    pen.stroke([(u, v + 0.125) for u, v in crown], 0.05, light.bright(stone), 0.999)
    pen.stroke(crown, 0.05, light.shadow(stone), 0.999)


def windmill(canvas: Canvas, x: float, y: float, s: float, colour: ColourName | None, light: Light, rng: random.Random) -> None:
    """A tapering mill with a round cap and four great sails; the colour is that of body and cap."""
    pen = Pen(canvas, x, y, s, light, rng.random() < 0.5)
    light = pen.light
    body = named(colour, rng, ["#efe4cd", "#d9b48c", "#e8e2d6"])
    cap = hexed("#8a4a38") if colour is None else darker(body, 0.35)
    wide, slim, hub = rng.uniform(0.23, 0.27), 0.14, 0.66
    pen.shape([(-wide, 0), (wide, 0), (slim, 0.62), (-slim, 0.62)], pen.across(body, -wide, wide))
    pen.box(-wide * 0.88, 0.2, wide * 0.88, 0.225, light.shadow(darker(body, 0.3)))
    pen.shape(arch(0, 0, 0.06, 0.11), light(hexed("#5a3d2e")))
    pen.window(-0.04, 0.33, 0.04, 0.44)
    pen.smooth([(-slim * 1.2, 0.61), (slim * 1.2, 0.61), (slim * 1.05, 0.72), (0.04, 0.79), (-0.04, 0.79), (-slim * 1.05, 0.72)], pen.across(cap, -slim, slim))
    wood, cloth = light(hexed("#5b4334")), light.bright(CREAM)
    if colour in ("white", "yellow") or colour is None:
        cloth = light(hexed("#c8765a" if colour is None else "#a5866a"))
    turn = rng.uniform(10, 80)
    for k in range(4):
        a = math.radians(turn + 90 * k)
        c, d = math.cos(a), math.sin(a)

        def along(r: float, off: float, c: float = c, d: float = d) -> Point:
            return r * c - off * d, hub + r * d + off * c

        pen.shape([along(0.12, 0.0), along(0.46, 0.0), along(0.46, 0.13), along(0.12, 0.11)], cloth)
        pen.stroke([along(0.29, 0.0), along(0.29, 0.12)], 0.014, wood)
        pen.stroke([(0, hub), along(0.47, 0)], 0.03, wood)
    pen.oval(0, hub, 0.04, None, wood)


def balloon(canvas: Canvas, x: float, y: float, s: float, colour: ColourName | None, light: Light, rng: random.Random) -> None:
    """A hot-air balloon; (x, y) is the bottom of its basket, the colour that of the stripes."""
    pen = Pen(canvas, x, y, s, light, rng.random() < 0.5)
    light = pen.light
    stripe: Colour = named(colour, rng, ["#d9483b", "#e88a3a", "#3f7fc0", "#d65a7e"])
    other = CREAM if colour not in ("white", "yellow", "grey") else {"white": PAINT["grey"], "yellow": hexed("#fff6d8"), "grey": CREAM}[colour]
    if colour is None and rng.random() < 0.5:
        other = hexed("#f3cf6a")
    below, above = np.linspace(0, np.pi / 2, 9), np.linspace(0, np.pi / 2, 9)[1:]
    vs = np.concatenate([0.24 + 0.42 * below / (np.pi / 2), 0.66 + 0.34 * np.sin(above)])
    rs = np.concatenate([0.1 + 0.285 * np.sin(below), 0.385 * np.cos(above)])
    rope = light(hexed("#5d4a40"))
    for u in (-0.055, 0.055):
        pen.stroke([(u, 0.1), (u * 1.6, 0.26)], 0.012, rope)
    gores = rng.choice([7, 9])
    edges = np.sin(np.linspace(-np.pi / 2, np.pi / 2, gores + 1))
    for k in range(gores):
        a, b = float(edges[k]), float(edges[k + 1])
        tone = stripe if k % 2 == 0 else other
        outline = [(a * r, v) for r, v in zip(rs, vs, strict=True)] + [(b * r, v) for r, v in zip(rs[::-1], vs[::-1], strict=True)]
        pen.shape(outline, pen.across(tone, -0.4, 0.4))
    pen.shape([(-0.1, 0.24), (0.1, 0.24), (0.15, 0.3), (-0.15, 0.3)], pen.across(darker(stripe, 0.25), -0.15, 0.15))
    if light.dark:
        px, py = pen.at(0, 0.22)
        canvas.glow(px, py, 0.35 * s, WARM, 0.75)
    pen.shape([(-0.085, 0.12), (0.085, 0.12), (0.07, 0), (-0.07, 0)], pen.across(hexed("#9a6a3e"), -0.08, 0.08))
    pen.box(-0.095, 0.105, 0.095, 0.135, light.shadow(hexed("#7a4f2c")))

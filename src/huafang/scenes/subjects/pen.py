"""A pen in a subject's own frame: what all subjects are drawn with, and the named colours."""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from huafang.scenes.canvas import Canvas, Colour, Linear, Paint, Point, Points, Radial, curve, hexed, mix
from huafang.scenes.facts import ColourName
from huafang.scenes.light import Light

Draw = Callable[[Canvas, float, float, float, ColourName | None, Light, random.Random], None]
"""canvas, x and y of the middle of the foot, the height s (all in units of the square), the colour asked for or None, the light, the randomness."""

PAINT: dict[ColourName, Colour] = {
    "red": hexed("#d2312d"),
    "orange": hexed("#f28a22"),
    "yellow": hexed("#f7d13a"),
    "green": hexed("#3f9a4c"),
    "blue": hexed("#2c68c8"),
    "purple": hexed("#7d42b4"),
    "pink": hexed("#f490b8"),
    "white": hexed("#faf8f1"),
    "black": hexed("#29282e"),
    "brown": hexed("#84502e"),
    "grey": hexed("#8d9299"),
}
"""The named colours in the light of day."""
WARM = hexed("#ffd873")
"""A lamp, or a window with one behind it: never tinted by the hour."""
MOONLIT = (0.80, 0.77, 0.92)
"""The tint of a subject by night: the moon is on it, else it and its colour would be lost against the sky."""
LAMPLIT = (0.88, 0.72, 0.62)
"""The tint of a face by night, beside a lamp."""
GLASS = hexed("#4b6580")
THIN = 0.008
"""The least width of a stroke, in units of the square: a pixel at 128."""


class Pen:
    """Coordinates (u, v) are in heights of the subject from its foot, u to the right (to the left where mirrored) and v upwards.
    The hour tints a subject less than the land, so that a blue house stays blue at sunset; `indoors` still less, and by night there is a lamp."""

    def __init__(self, canvas: Canvas, x: float, y: float, s: float, light: Light, mirrored: bool = False, indoors: bool = False) -> None:
        self.canvas, self.x, self.y, self.s = canvas, x, y, s
        if light.dark:
            self.light = replace(light, tint=LAMPLIT if indoors else MOONLIT, share=max(0.0, light.share - 0.12))
        else:
            self.light = replace(light, tint=mix(light.tint, (1.0, 1.0, 1.0), 0.5 if indoors else 0.3), share=light.share * (0.7 if indoors else 0.85))
        self.side = -1.0 if mirrored else 1.0
        self.sun = (-1.0 if light.from_left else 1.0) * self.side
        """-1 where the light comes from low u, 1 from high u."""

    def at(self, u: float, v: float) -> Point:
        return self.x + u * self.s * self.side, self.y - v * self.s

    def track(self, points: Points) -> NDArray[np.float64]:
        uv = np.asarray(points, np.float64)
        return np.stack([self.x + uv[:, 0] * self.s * self.side, self.y - uv[:, 1] * self.s], axis=1)

    def shape(self, points: Points, paint: Paint, alpha: float = 1.0) -> None:
        self.canvas.fill(self.track(points), paint, alpha)

    def smooth(self, points: Points, paint: Paint, alpha: float = 1.0) -> None:
        """The closed smooth outline through `points`."""
        self.canvas.fill(curve(self.track(points), 6), paint, alpha)

    def box(self, u0: float, v0: float, u1: float, v1: float, paint: Paint, alpha: float = 1.0) -> None:
        self.shape([(u0, v0), (u1, v0), (u1, v1), (u0, v1)], paint, alpha)

    def oval(self, u: float, v: float, ru: float, rv: float | None = None, paint: Paint = (0, 0, 0), alpha: float = 1.0) -> None:
        x, y = self.at(u, v)
        self.canvas.ellipse(x, y, ru * self.s, (ru if rv is None else rv) * self.s, paint, alpha)

    def stroke(self, points: Points, width: float, paint: Paint, alpha: float = 1.0) -> None:
        self.canvas.line(self.track(points), max(width * self.s, THIN), paint, alpha)

    def bow(self, points: Points, width: float, paint: Paint) -> None:
        """A stroke bent smoothly through `points`."""
        uv = np.asarray(points, np.float64)
        ends = np.concatenate([uv, uv[-1:], uv[:1]])
        self.stroke(curve(ends, 5)[: 5 * (len(uv) - 1) + 1], width, paint)

    def across(self, colour: Colour, u0: float, u1: float, depth: float = 1.0) -> Linear:
        """Bright on the side of the light, in shadow on the other, from u0 to u1; `depth` is how strong."""
        plain = self.light(colour)
        bright, dark = mix(plain, self.light.bright(colour), depth), mix(plain, self.light.shadow(colour), depth)
        ends = (bright, dark) if self.sun < 0 else (dark, bright)
        return Linear(*ends, self.at(u0, 0), self.at(u1, 0))

    def upright(self, bottom: Colour, top: Colour, v0: float, v1: float) -> Linear:
        """From `bottom` at v0 to `top` at v1; colours already lit."""
        return Linear(bottom, top, self.at(0, v0), self.at(0, v1))

    def ball(self, colour: Colour, u: float, v: float, radius: float) -> Radial:
        """A round thing, brightest towards the light."""
        return Radial(self.light.bright(colour), self.light.shadow(colour), self.at(u + self.sun * radius * 0.4, v + radius * 0.45), radius * 1.5)

    def window(self, u0: float, v0: float, u1: float, v1: float, arched: bool = False) -> None:
        """Glass by day, lamplight by night."""
        paint = WARM if self.light.dark else self.light(GLASS)
        if arched:
            middle, half = (u0 + u1) / 2, (u1 - u0) / 2
            self.shape(arch(middle, v0, half, v1 - half), paint)
        else:
            self.box(u0, v0, u1, v1, paint)
        if self.light.dark:
            x, y = self.at((u0 + u1) / 2, (v0 + v1) / 2)
            self.canvas.glow(x, y, (v1 - v0) * self.s * 1.6, WARM, 0.35)


def arch(u: float, foot: float, half: float, spring: float) -> list[Point]:
    """A doorway of half-width `half` from v = foot, whose round top begins at v = spring."""
    turn = np.linspace(0, np.pi, 11)
    return [(u + half, foot), *((u + half * float(np.cos(t)), spring + half * float(np.sin(t))) for t in turn), (u - half, foot)]


def named(colour: ColourName | None, rng: random.Random, natural: Sequence[str]) -> Colour:
    """The colour asked for, or one of the `natural` ones."""
    own = hexed(rng.choice(natural))
    return own if colour is None else PAINT[colour]


def darker(colour: Colour, share: float = 0.3) -> Colour:
    return mix(colour, (0.1, 0.09, 0.16), share)


def paler(colour: Colour, share: float = 0.3) -> Colour:
    return mix(colour, (1.0, 0.98, 0.94), share)


def apart(a: Colour, b: Colour) -> float:
    """How far two colours lie from each other, 0 to 1.7."""
    return float(np.linalg.norm(np.subtract(a, b)))

"""What a scene is about: one drawing for each subject, in the light of the hour.

Each drawing stands with the middle of its foot at (x, y) and is s high, in units of the square; which part of it takes the named colour
is said where it is drawn. Its proportions and kinds vary with `rng` and with nothing else.
"""

import random

from huafang.scenes.canvas import Canvas
from huafang.scenes.facts import ColourName, Subject
from huafang.scenes.light import Light
from huafang.scenes.subjects.beings import bird, cat, person
from huafang.scenes.subjects.buildings import castle, house, pagoda, tower
from huafang.scenes.subjects.nature import cactus, flower, tree
from huafang.scenes.subjects.pen import PAINT, Draw
from huafang.scenes.subjects.portraits import man, woman
from huafang.scenes.subjects.waterside import balloon, boat, bridge, lighthouse, windmill

__all__ = ["PAINT", "SUBJECTS", "Draw", "draw"]


def _none(canvas: Canvas, x: float, y: float, s: float, colour: ColourName | None, light: Light, rng: random.Random) -> None:
    """A landscape has no subject."""


SUBJECTS: dict[Subject, Draw] = {
    "house": house,
    "castle": castle,
    "tree": tree,
    "boat": boat,
    "lighthouse": lighthouse,
    "windmill": windmill,
    "cactus": cactus,
    "bridge": bridge,
    "tower": tower,
    "pagoda": pagoda,
    "balloon": balloon,
    "person": person,
    "cat": cat,
    "bird": bird,
    "flower": flower,
    "woman": woman,
    "man": man,
    "none": _none,
}


def draw(canvas: Canvas, subject: Subject, x: float, y: float, s: float, colour: ColourName | None, light: Light, rng: random.Random) -> None:
    SUBJECTS[subject](canvas, x, y, s, colour, light, rng)

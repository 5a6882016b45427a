"""The thirteen places of the scenes, a row each. Each is known at once at any hour, and leaves a calm spot for the subject."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from huafang.scenes.canvas import Canvas
from huafang.scenes.facts import Facts, Place
from huafang.scenes.light import Light
from huafang.scenes.places import built, green, water, wide
from huafang.scenes.places.parts import Ground, Stage
from huafang.scenes.sky import Lamp


@dataclass(frozen=True)
class Row:
    """`horizon` from where to where; `rise`: how far above it the place hides the sky."""

    paint: Callable[[Stage], Ground]
    horizon: tuple[float, float]
    rise: float = 0.03


PLACES: dict[Place, Row] = {
    "field": Row(green.field, (0.54, 0.62), 0.06),
    "sunflowers": Row(green.sunflowers, (0.46, 0.52), 0.04),
    "garden": Row(green.garden, (0.5, 0.56), 0.15),
    "hill": Row(green.hill, (0.72, 0.76), 0.2),
    "mountains": Row(wide.mountains, (0.58, 0.64), 0.27),
    "sea": Row(water.sea, (0.53, 0.6), -0.02),
    "lake": Row(water.lake, (0.53, 0.59), 0.13),
    "forest": Row(green.forest, (0.58, 0.63), 0.3),
    "desert": Row(wide.desert, (0.54, 0.61), 0.03),
    "snow": Row(wide.snow, (0.55, 0.62), 0.1),
    "city": Row(built.city, (0.62, 0.66), 0.3),
    "sky": Row(wide.sky, (0.95, 0.96), 0.4),
    "room": Row(built.room, (0.7, 0.74), 0.5),
}


def choose_horizon(facts: Facts, rng: random.Random) -> tuple[float, float]:
    """The horizon of this scene, and the skyline: the height above which the sky is free."""
    row = PLACES[facts.place]
    horizon = rng.uniform(*row.horizon)
    return horizon, horizon - row.rise


def paint_place(stage: Stage) -> Ground:
    """Paint the land over a sky that is there; a bridge on dry land gets its stream."""
    ground = PLACES[stage.facts.place].paint(stage)
    if stage.facts.subject == "bridge" and stage.facts.place not in ("sea", "lake", "sky", "room"):
        water.stream(stage, max(ground.horizon + 0.08, ground.foot[0] - 0.16), 1.02)
    return ground


__all__ = ["PLACES", "Canvas", "Ground", "Lamp", "Light", "Row", "Stage", "choose_horizon", "paint_place"]

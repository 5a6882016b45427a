"""What a scene is made of, in closed lists: the words that the built-in model knows."""

from dataclasses import dataclass
from typing import Literal

Time = Literal["day", "dawn", "sunset", "night"]
Weather = Literal["clear", "cloudy", "rain", "snow", "fog"]
Place = Literal["field", "sunflowers", "garden", "hill", "mountains", "sea", "lake", "forest", "desert", "snow", "city", "sky", "room"]
"""`sunflowers` is a field of them; in the `sky` the subject floats on a cloud; a `room` is the plain ground of a portrait or a still life."""
Subject = Literal[
    "house",
    "castle",
    "tree",
    "boat",
    "lighthouse",
    "windmill",
    "cactus",
    "bridge",
    "tower",
    "pagoda",
    "balloon",
    "person",
    "cat",
    "bird",
    "flower",
    "woman",
    "man",
    "none",
]
"""`woman` and `man` are portraits, head and shoulders; `none` is a landscape."""
ColourName = Literal["red", "orange", "yellow", "green", "blue", "purple", "pink", "white", "black", "brown", "grey"]
Side = Literal["left", "middle", "right"]
Medium = Literal["plain", "watercolour", "oil", "ink", "line", "pixel"]


@dataclass(frozen=True)
class Facts:
    """One scene. `colour` is the subject's (a house's walls, a portrait's scarf, a boat's sail), None where it has its natural one;
    `count` of the subject is 1 to 3; `large` is None for the usual size. `moon` and `stars` are of the night, `sun` of the day."""

    place: Place
    subject: Subject
    time: Time
    weather: Weather = "clear"
    colour: ColourName | None = None
    side: Side = "middle"
    count: int = 1
    large: bool | None = None
    moon: bool = False
    stars: bool = False
    sun: bool = False
    medium: Medium = "plain"

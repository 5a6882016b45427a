"""Which scenes there are, and how often: the joint distribution of the facts, as tables. Shares need not add up to one."""

import random
from collections.abc import Mapping
from typing import TypeVar, get_args

from huafang.scenes.facts import ColourName, Facts, Medium, Place, Side, Subject, Time, Weather

T = TypeVar("T")

ODD = 0.10
"""Share of scenes whose place and subject do not know of each other, so that "a cactus in the snow" is learnt too."""

SUBJECTS: dict[Subject, float] = {
    "none": 0.105,
    "house": 0.08,
    "castle": 0.08,
    "tree": 0.06,
    "boat": 0.06,
    "lighthouse": 0.055,
    "windmill": 0.05,
    "cactus": 0.045,
    "bridge": 0.045,
    "tower": 0.045,
    "pagoda": 0.05,
    "balloon": 0.05,
    "person": 0.05,
    "cat": 0.055,
    "bird": 0.045,
    "flower": 0.045,
    "woman": 0.05,
    "man": 0.03,
}

OUTDOORS: dict[Place, float] = {
    "field": 2,
    "sunflowers": 1.2,
    "garden": 1.2,
    "hill": 1.6,
    "mountains": 1.6,
    "sea": 1.6,
    "lake": 1.4,
    "forest": 1.4,
    "desert": 1.2,
    "snow": 1.6,
    "city": 1.4,
    "sky": 0.7,
}

PLACES: dict[Subject, dict[Place, float]] = {
    "none": OUTDOORS,
    "house": {"field": 3, "sunflowers": 3, "garden": 2, "hill": 2, "mountains": 2, "sea": 1.5, "lake": 2, "forest": 2, "snow": 3, "city": 1, "sky": 1},
    "castle": {"hill": 4, "mountains": 3, "sky": 4, "field": 1.5, "forest": 1.5, "lake": 2, "sea": 1.5, "snow": 1.5, "desert": 0.7, "garden": 0.5},
    "tree": {"field": 3, "sunflowers": 1, "garden": 2, "hill": 3, "mountains": 1.5, "lake": 2, "snow": 2.5, "city": 0.6, "sea": 0.6, "desert": 0.5, "sky": 0.5},
    "boat": {"sea": 5, "lake": 4, "sky": 1},
    "lighthouse": {"sea": 8, "hill": 1.2, "lake": 1.2, "snow": 0.7, "sky": 0.5, "city": 0.4},
    "windmill": {"field": 4, "sunflowers": 2.5, "hill": 2.5, "garden": 0.8, "lake": 1, "sea": 0.7, "snow": 1.2, "desert": 0.5, "sky": 0.4},
    "cactus": {"desert": 8, "garden": 0.8, "hill": 0.5, "mountains": 0.5, "city": 0.3},
    "bridge": {"lake": 3.5, "sea": 2, "city": 2, "forest": 2, "garden": 2, "mountains": 0.7, "snow": 0.7},
    "tower": {"hill": 2.5, "city": 2.5, "mountains": 1.5, "field": 1, "forest": 1.2, "sea": 1, "desert": 1, "snow": 1, "lake": 0.7, "sky": 0.7},
    "pagoda": {"mountains": 3, "hill": 2, "lake": 2.5, "garden": 2, "forest": 1.5, "city": 1.5, "snow": 1.5, "sky": 0.8, "field": 0.6},
    "balloon": OUTDOORS | {"sky": 3.0, "garden": 0.6},
    "person": OUTDOORS | {"city": 2.0, "sky": 0.3},
    "cat": OUTDOORS | {"garden": 3.0, "room": 3.0, "sky": 0.3, "desert": 0.5},
    "bird": OUTDOORS | {"sky": 2.0, "sea": 2.4},
    "flower": {"room": 3.5, "garden": 3, "field": 3, "hill": 1, "mountains": 0.7, "forest": 1, "lake": 0.8, "snow": 0.8, "desert": 0.6},
    "woman": {"room": 1},
    "man": {"room": 1},
}

INDOORS: frozenset[Subject] = frozenset({"woman", "man", "flower", "cat"})
"""All that a room can hold."""

PORTRAITS: frozenset[Subject] = frozenset({"woman", "man"})
PEOPLE: frozenset[Subject] = PORTRAITS | {"person"}
"""Of no size but their own."""

TIMES: dict[Time, float] = {"day": 0.32, "sunset": 0.25, "night": 0.25, "dawn": 0.18}
TIMES_INDOORS: dict[Time, float] = {"day": 0.60, "sunset": 0.14, "night": 0.14, "dawn": 0.12}

WEATHERS: dict[Weather, float] = {"clear": 0.66, "cloudy": 0.10, "rain": 0.08, "snow": 0.07, "fog": 0.09}
WEATHERS_OF: dict[Place, dict[Weather, float]] = {
    "desert": {"clear": 0.84, "cloudy": 0.08, "rain": 0.03, "fog": 0.05},
    "sunflowers": {"clear": 0.74, "cloudy": 0.10, "rain": 0.09, "fog": 0.07},
    "snow": {"clear": 0.60, "cloudy": 0.08, "snow": 0.22, "fog": 0.10},
    "city": {"clear": 0.56, "cloudy": 0.09, "rain": 0.18, "snow": 0.08, "fog": 0.09},
    "sky": {"clear": 0.85, "cloudy": 0.03, "rain": 0.06, "snow": 0.06},
    "room": {"clear": 1},
}

COLOURED = 0.45
COLOURS: dict[Subject, tuple[ColourName, ...]] = {
    "none": (),
    "house": ("red", "orange", "yellow", "green", "blue", "purple", "pink", "white", "brown", "grey"),
    "castle": ("red", "yellow", "blue", "purple", "pink", "white", "black", "brown", "grey"),
    "tree": ("red", "orange", "yellow", "green", "pink", "white"),
    "boat": ("red", "orange", "yellow", "green", "blue", "purple", "pink", "white", "black"),
    "lighthouse": ("red", "yellow", "green", "blue", "white", "black"),
    "windmill": ("red", "yellow", "green", "blue", "white", "brown", "grey"),
    "cactus": ("green",),
    "bridge": ("red", "blue", "white", "black", "brown", "grey"),
    "tower": ("red", "yellow", "blue", "white", "black", "brown", "grey"),
    "pagoda": ("red", "yellow", "green", "blue", "white", "black", "brown"),
    "balloon": ("red", "orange", "yellow", "green", "blue", "purple", "pink", "white"),
    "person": get_args(ColourName),
    "cat": ("orange", "white", "black", "brown", "grey"),
    "bird": ("red", "orange", "yellow", "green", "blue", "pink", "white", "black", "brown", "grey"),
    "flower": ("red", "orange", "yellow", "blue", "purple", "pink", "white"),
    "woman": get_args(ColourName),
    "man": get_args(ColourName),
}

SIDES: dict[Side, float] = {"left": 0.25, "middle": 0.50, "right": 0.25}
COUNTS: dict[int, float] = {1: 0.78, 2: 0.12, 3: 0.10}
COUNTED: frozenset[Subject] = frozenset({"house", "tree", "boat", "cactus", "balloon", "person", "cat", "bird", "flower"})
SIZES: dict[bool | None, float] = {None: 0.68, True: 0.14, False: 0.18}
MEDIA: dict[Medium, float] = {"plain": 0.75, "watercolour": 0.05, "oil": 0.05, "ink": 0.05, "line": 0.05, "pixel": 0.05}

SUN: dict[tuple[Time, Weather], float] = {
    ("day", "clear"): 0.6,
    ("day", "cloudy"): 0.25,
    ("dawn", "clear"): 0.7,
    ("dawn", "cloudy"): 0.3,
    ("sunset", "clear"): 0.75,
    ("sunset", "cloudy"): 0.3,
}
MOON: dict[tuple[Time, Weather], float] = {("night", "clear"): 0.6, ("night", "cloudy"): 0.35}
STARS: dict[tuple[Time, Weather], float] = {("night", "clear"): 0.75}
"""How often they are seen; never at any other time, in any other weather."""


def sample(rng: random.Random) -> Facts:
    """One scene's facts; all its randomness comes from `rng`."""
    place, subject = _place_and_subject(rng)
    room, landscape = place == "room", subject == "none"
    time = draw(TIMES_INDOORS if room else TIMES, rng)
    weather = draw(WEATHERS_OF.get(place, WEATHERS), rng)
    colour = rng.choice(COLOURS[subject]) if COLOURS[subject] and rng.random() < COLOURED else None
    count = draw(COUNTS, rng) if subject in COUNTED else 1
    return Facts(
        place,
        subject,
        time,
        weather,
        colour,
        side="middle" if landscape or subject in PORTRAITS or count == 3 else draw(SIDES, rng),
        count=count,
        large=None if landscape or subject in PEOPLE else draw(SIZES, rng),
        moon=not room and rng.random() < MOON.get((time, weather), 0),
        stars=not room and rng.random() < STARS.get((time, weather), 0),
        sun=not room and rng.random() < SUN.get((time, weather), 0),
        medium=draw(MEDIA, rng),
    )


def can_be(subject: Subject, place: Place) -> bool:
    """Whether `subject` can be drawn in `place` at all, however odd."""
    if place == "room" or subject in PORTRAITS:
        return place == "room" and subject in INDOORS
    if subject == "boat":
        return place in PLACES["boat"]
    return not (subject == "bridge" and place == "sky")


def draw(shares: Mapping[T, float], rng: random.Random) -> T:
    """A key of `shares`, as often as its share says."""
    return rng.choices(list(shares), list(shares.values()))[0]


def _place_and_subject(rng: random.Random) -> tuple[Place, Subject]:
    if rng.random() >= ODD:
        subject = draw(SUBJECTS, rng)
        return draw(PLACES[subject], rng), subject
    while True:
        place, subject = rng.choice(get_args(Place)), rng.choice(get_args(Subject))
        if can_be(subject, place):
            return place, subject

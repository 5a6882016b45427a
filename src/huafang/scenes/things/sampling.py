"""Which pictures of things there are, and how often: scenes, stickers on plain ground, two things side by side."""

import hashlib
import random
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, get_args

from huafang.scenes import sampling as scenes
from huafang.scenes.facts import ColourName, Facts, Medium, Place, Side, Subject
from huafang.scenes.things import AFLOAT, ALOFT, LAND, Thing, things
from huafang.scenes.things.stickers import Stickers, Style

Kind = Literal["sticker", "scene", "pair"]
KINDS: dict[Kind, float] = {"sticker": 0.46, "scene": 0.44, "pair": 0.10}
STYLES: dict[Style, float] = {"noto": 0.34, "3d": 0.22, "flat": 0.18, "gradient": 0.10, "line": 0.05, "twemoji": 0.05, "emojitwo": 0.03, "noto-v1": 0.03}
SCENE_STYLES: tuple[Style, ...] = ("noto", "3d", "flat", "gradient", "twemoji", "emojitwo", "noto-v1")
ODD = 0.10
"""Share of scenes with a thing in a place where it is not at home."""
COMMON_WEIGHT = 2.5
GROUNDS: dict[ColourName | Literal["soft"], float] = {
    "white": 0.55,
    "soft": 0.15,
    "red": 0.02,
    "orange": 0.02,
    "yellow": 0.04,
    "green": 0.04,
    "blue": 0.05,
    "purple": 0.03,
    "pink": 0.05,
    "black": 0.02,
    "brown": 0.01,
    "grey": 0.02,
}
"""The ground of stickers: a named colour, or a soft one that is not told."""
COUNTS: dict[int, float] = {1: 0.86, 2: 0.08, 3: 0.06}
SIZES: dict[bool | None, float] = {None: 0.80, True: 0.09, False: 0.11}
NARROW: tuple[Place, ...] = ("hill",)
"""Places with ground for one."""
MEDIA = 0.10
"""Share of scenes and pairs that are painted in a medium."""


@dataclass(frozen=True)
class Shown:
    """A picture of a thing."""

    code: str
    style: Style

    @property
    def thing(self) -> Thing:
        return things()[self.code]


@dataclass(frozen=True)
class ThingFacts:
    """One picture. `things` are one, or two from left to right. `scene` is the place they are in, its subject a stand-in that says how (a boat floats, a bird
    flies); None for stickers on `ground`."""

    kind: Kind
    things: tuple[Shown, ...]
    scene: Facts | None = None
    ground: ColourName | Literal["soft"] = "white"
    count: int = 1
    large: bool | None = None


def held_out(code: str, style: str) -> bool:
    """Whether the pair of thing and style is kept from training: a tenth of them."""
    return int.from_bytes(hashlib.sha256(f"{code}:{style}".encode()).digest()[:4], "big") % 10 == 0


def stand_in(thing: Thing, place: Place) -> Subject:
    """The subject of the scenes that stands, floats or flies as `thing` does in `place`."""
    if place == "room":
        return "flower"
    if thing.habitat in ALOFT:
        return "bird"
    if thing.habitat in AFLOAT:
        return "boat"
    return "house" if thing.habitat in ("town", "trees", "palms") else "person"


def can_be(thing: Thing, place: Place) -> bool:
    """Whether a scene of `thing` in `place` is drawn at all, however odd."""
    if thing.habitat in AFLOAT:
        return place in ("sea", "lake")
    if place == "room":
        return "room" in thing.places
    return thing.scenic and thing.habitat != "none"


@lru_cache(maxsize=4)
def _choices(stickers: Stickers, training: bool) -> dict[str, dict[Style, float]]:
    """The styles of each thing; in training without the pairs that are held out."""
    return {
        code: {style: share for style, share in STYLES.items() if (style, code) in stickers and not (training and held_out(code, style))} for code in things()
    }


def styles_of(stickers: Stickers, thing: Thing, kind: Kind, scenic: bool, *, training: bool) -> dict[Style, float]:
    found = _choices(stickers, training)[thing.code]
    if scenic:
        found = {style: share for style, share in found.items() if style in SCENE_STYLES and (thing.whole is None or style in thing.whole)}
    return found


@lru_cache(maxsize=4)
def _weights(scenic: bool) -> dict[str, float]:
    def weight(thing: Thing) -> float:
        return (COMMON_WEIGHT if thing.common else 1.0) * (1.4 if thing.section in ("mammals", "birds", "sea animals", "cold-blooded") else 1.0)

    return {code: weight(thing) for code, thing in things().items() if not scenic or thing.places}


def sample(rng: random.Random, stickers: Stickers, *, training: bool = True) -> ThingFacts:
    """One picture's facts; all its randomness comes from `rng`."""
    kind = scenes.draw(KINDS, rng)
    while True:
        found = {"sticker": _sticker, "scene": _scene, "pair": _pair}[kind](rng, stickers, training)
        if found:
            return found


def _sticker(rng: random.Random, stickers: Stickers, training: bool) -> ThingFacts | None:
    thing = things()[scenes.draw(_weights(False), rng)]
    styles = styles_of(stickers, thing, "sticker", False, training=training)
    if not styles:
        return None
    style = scenes.draw(styles, rng)
    ground = scenes.draw(GROUNDS, rng)
    if style == "line" and ground not in ("white", "soft", "yellow", "pink"):
        ground = "white"
    count = scenes.draw(COUNTS, rng) if thing.countable else 1
    return ThingFacts("sticker", (Shown(thing.code, style),), ground=ground, count=count)


def _scene(rng: random.Random, stickers: Stickers, training: bool) -> ThingFacts | None:
    thing = things()[scenes.draw(_weights(True), rng)]
    styles = styles_of(stickers, thing, "scene", True, training=training)
    if not styles:
        return None
    style = scenes.draw(styles, rng)
    place = scenes.draw(thing.places, rng)
    if rng.random() < ODD:
        odd = [place for place in (*get_args(Place),) if can_be(thing, place)]
        place = rng.choice(odd)
    counted = thing.countable and thing.habitat not in ("town",)
    count = scenes.draw(COUNTS, rng) if counted and place not in NARROW else 1
    side: Side = "middle" if count == 3 else scenes.draw(scenes.SIDES, rng)
    scene = surroundings(place, stand_in(thing, place), side, rng)
    return ThingFacts("scene", (Shown(thing.code, style),), scene=scene, count=count, large=None if thing.number == "mass" else scenes.draw(SIZES, rng))


def _pair(rng: random.Random, stickers: Stickers, training: bool) -> ThingFacts | None:
    outside = rng.random() < 0.45
    codes = _weights(outside)
    first, second = (things()[scenes.draw(codes, rng)] for _ in range(2))
    if first.code == second.code or set(first.english) & set(second.english):
        return None
    scene = None
    if outside:
        afloat = [thing.habitat in AFLOAT for thing in (first, second)]
        if any(thing.habitat in ALOFT for thing in (first, second)) or any(afloat) != all(afloat):
            return None
        shares = {place: share * second.places.get(place, 0) for place, share in first.places.items() if place not in NARROW}
        if not sum(shares.values()):
            return None
        place = scenes.draw(shares, rng)
        inside = stand_in(first, place)
        scene = surroundings(place, "person" if inside == "house" else inside, "middle", rng)
    both = [styles_of(stickers, thing, "pair", outside, training=training) for thing in (first, second)]
    styles = {style: share for style, share in both[0].items() if style in both[1]}
    if not styles:
        return None
    style = scenes.draw(styles, rng)
    ground = "white" if style == "line" else scenes.draw(GROUNDS, rng)
    return ThingFacts("pair", (Shown(first.code, style), Shown(second.code, style)), scene=scene, ground=ground)


def surroundings(place: Place, subject: Subject, side: Side, rng: random.Random) -> Facts:
    """The hour and the weather of a place, as in the scenes."""
    room = place == "room"
    time = scenes.draw(scenes.TIMES_INDOORS if room else scenes.TIMES, rng)
    weather = scenes.draw(scenes.WEATHERS_OF.get(place, scenes.WEATHERS), rng)
    media: dict[Medium, float] = {medium: share for medium, share in scenes.MEDIA.items() if medium != "plain"}
    return Facts(
        place,
        subject,
        time,
        weather,
        side=side,
        moon=not room and rng.random() < scenes.MOON.get((time, weather), 0),
        stars=not room and rng.random() < scenes.STARS.get((time, weather), 0),
        sun=not room and rng.random() < scenes.SUN.get((time, weather), 0),
        medium=scenes.draw(media, rng) if rng.random() < MEDIA else "plain",
    )


__all__ = ["LAND", "STYLES", "Shown", "ThingFacts", "can_be", "held_out", "sample", "stand_in", "surroundings"]

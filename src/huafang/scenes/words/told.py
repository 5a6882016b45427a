"""How much of a scene a caption tells."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from huafang.scenes.facts import ColourName, Facts, Medium, Place, Side, Subject, Time, Weather
from huafang.scenes.things import Thing

T = TypeVar("T")

PORTRAITS = ("woman", "man")


@dataclass(frozen=True)
class Told:
    """The facts that are told, None (or False) where they are left out. `subject` or `place` is always told; `clear` is that the weather is, told or not;
    `scarf` that a portrait wears a coloured one."""

    subject: Subject | None
    place: Place | None
    time: Time | None
    weather: Weather | None
    colour: ColourName | None
    side: Side | None
    count: int
    large: bool | None
    moon: bool
    stars: bool
    sun: bool
    medium: Medium
    clear: bool
    scarf: bool
    thing: Thing | None = None
    """What is seen in place of the subject, which then only says how it is in its place."""

    @property
    def kind(self) -> Literal["flies", "swims", "spans", "stands"]:
        """How it is in its place."""
        if self.subject in ("balloon", "bird"):
            return "flies"
        if self.subject == "boat":
            return "swims"
        return "spans" if self.subject == "bridge" else "stands"


def tell(facts: Facts, rng: random.Random) -> Told:
    """Some of `facts`: now and then only the subject or the place, often little else, mostly more."""

    def by(share: float) -> bool:
        return rng.random() < share

    rest = rng.choices((0.12, 0.55, 1.1), (0.08, 0.27, 0.65))[0]
    portrait = facts.subject in PORTRAITS
    room = facts.place == "room"
    subject = facts.subject != "none" and (portrait or by(0.96))
    place = not subject or by((0.15 if portrait else 0.5 if room else 0.87) * (rest if rest < 0.5 else 1))
    colour = subject and by(0.92)
    return Told(
        subject=facts.subject if subject else None,
        place=facts.place if place else None,
        time=facts.time if by((0.45 if room else 0.79) * rest) else None,
        weather=facts.weather if by((0.0 if room else 0.10 if facts.weather == "clear" else 0.85) * rest) else None,
        colour=facts.colour if colour else None,
        side=facts.side if subject and by((0.08 if facts.side == "middle" and facts.count == 1 else 0 if facts.side == "middle" else 0.67) * rest) else None,
        count=facts.count,
        large=facts.large if by(0.85) else None,
        moon=facts.moon and by(0.5 * rest),
        stars=facts.stars and by(0.45 * rest),
        sun=facts.sun and by(0.4 * rest),
        medium=facts.medium if by(0.87) else "plain",
        clear=facts.weather == "clear",
        scarf=portrait and facts.colour is not None,
    )


def one(words: Sequence[T], rng: random.Random) -> T:
    """One of `words`, the first ones the likelier: each has 0.72 of the share of the one before."""
    return rng.choices(words, [0.72**n for n in range(len(words))])[0]

"""Things that have pictures: names in two languages, sizes, and places where they are found.

`table.txt` holds them; `stickers` their pictures, `sampling` chooses scenes with them, `drawing` draws those, `words` tells them.
"""

import re
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

from huafang.scenes.facts import Place

LAND: dict[Place, float] = {
    "field": 2,
    "sunflowers": 0.7,
    "garden": 1.2,
    "hill": 1.6,
    "mountains": 1.4,
    "sea": 1,
    "lake": 1.2,
    "forest": 1.6,
    "desert": 1.2,
    "snow": 1.6,
    "city": 1.2,
    "sky": 0.5,
}
HABITATS: dict[str, dict[Place, float]] = {
    "wild": LAND | {"field": 3, "city": 0.4},
    "wood": LAND | {"forest": 4, "mountains": 2.4, "snow": 2, "city": 0.4},
    "farm": LAND | {"field": 4, "hill": 2.5, "garden": 1.6, "desert": 0.8},
    "pet": LAND | {"room": 3, "garden": 3},
    "sand": LAND | {"desert": 6, "hill": 1.2},
    "ice": LAND | {"snow": 8, "mountains": 1.8, "desert": 0.6},
    "wet": LAND | {"lake": 3, "garden": 2, "sea": 1.5},
    "shore": LAND | {"sea": 5, "lake": 2.5},
    "beach": LAND | {"sea": 6, "lake": 1.5},
    "garden": LAND | {"garden": 4, "field": 3, "forest": 2},
    "myth": LAND | {"mountains": 3, "sky": 3},
    "people": LAND | {"city": 2.5},
    "trees": LAND | {"field": 3, "hill": 3, "snow": 2.2},
    "palms": LAND | {"sea": 5, "desert": 3},
    "camp": LAND | {"forest": 2.5, "mountains": 2},
    "town": LAND | {"city": 2.4, "hill": 2.4, "field": 2},
    "road": LAND | {"city": 4, "sky": 0.3},
    "yard": LAND | {"city": 3, "garden": 2.5, "room": 1.5},
    "bloom": LAND | {"garden": 4, "field": 3, "room": 2},
    "vase": {"room": 6, "garden": 1.5, "field": 0.7, "snow": 0.4, "hill": 0.4},
    "table": {"room": 6, "garden": 1, "field": 0.8, "sea": 0.6, "snow": 0.5, "forest": 0.4, "desert": 0.3, "lake": 0.3, "sky": 0.3},
    "wear": {"room": 7, "garden": 0.5, "sea": 0.8, "snow": 0.6, "field": 0.4, "sky": 0.3},
    "toys": {"room": 4, "field": 2, "garden": 2, "sea": 1.4, "snow": 0.8, "hill": 0.6, "city": 0.5, "desert": 0.4, "lake": 0.4},
    "furniture": {"room": 8, "garden": 1, "field": 0.6, "snow": 0.5, "sea": 0.5, "forest": 0.4, "city": 0.5, "sky": 0.3},
    "swim": {"lake": 5, "sea": 4},
    "deep": {"sea": 7, "lake": 1.6},
    "fly": LAND | {"sky": 4, "garden": 2, "sea": 1.4},
    "air": LAND | {"sky": 4, "city": 2, "sea": 1.8, "mountains": 2},
    "none": {},
}
"""How often a thing of a habitat is in a place."""
AFLOAT = ("swim", "deep")
ALOFT = ("fly", "air")


@dataclass(frozen=True)
class Thing:
    """`english` and `chinese` are names, the usual one first, each Chinese one with its measure words (none: it is not counted). `number` is "one" for what
    can be counted, "mass", "plural" for what has no singular, or "name" for the only one of its kind. `body`: its picture is a head, and a scene draws the
    rest; `whole`: the styles whose pictures show it from head to foot, None for all."""

    code: str
    section: str
    english: tuple[str, ...]
    chinese: tuple[tuple[str, tuple[str, ...]], ...]
    number: str = "one"
    size: int = 3
    habitat: str = "none"
    scenic: bool = True
    body: bool = False
    common: bool = False
    whole: frozenset[str] | None = None
    plurals: dict[str, str] = field(default_factory=dict, hash=False)

    @property
    def places(self) -> dict[Place, float]:
        return HABITATS[self.habitat] if self.scenic else {}

    @property
    def countable(self) -> bool:
        """Whether several of it can be told in both languages."""
        return self.number == "one" and all(measures and not measures[0].endswith("!") for _, measures in self.chinese)

    def plural(self, name: str) -> str:
        return self.plurals.get(name) or plural(name)


_IRREGULAR = {
    "mouse": "mice",
    "goose": "geese",
    "wolf": "wolves",
    "leaf": "leaves",
    "foot": "feet",
    "tooth": "teeth",
    "person": "people",
    "man": "men",
    "woman": "women",
    "sheep": "sheep",
    "deer": "deer",
    "fish": "fish",
    "knife": "knives",
    "scarf": "scarves",
    "tomato": "tomatoes",
    "potato": "potatoes",
    "mango": "mangoes",
    "buffalo": "buffalo",
    "ox": "oxen",
    "elf": "elves",
}
_AFTER = re.compile(r" (of|with|in|on|and|seen|without|off|pouring|covering|doing|under|behind|taking|rowing|playing) ")


def plural(name: str) -> str:
    """The plural of an English name: "ice cream cones", "cups of tea"."""
    if found := _AFTER.search(name):
        return plural(name[: found.start()]) + name[found.start() :]
    for one, many in _IRREGULAR.items():
        if name == one or name.endswith((" " + one, "-" + one)):
            return name[: len(name) - len(one)] + many
    if re.search(r"(s|x|z|ch|sh)$", name):
        return name + "es"
    return name[:-1] + "ies" if re.search(r"[^aeiou]y$", name) else name + "s"


@cache
def things() -> dict[str, Thing]:
    """All things of the table, by code point."""
    found: dict[str, Thing] = {}
    section, measures, size, habitat = "", "", 3, "none"
    for number, line in enumerate(files(__package__).joinpath("table.txt").read_text("utf-8").splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        if line.startswith("["):
            section, measures, text, habitat = (part.strip() for part in line.strip("[]").split("|"))
            size = int(text)
            continue
        code, english, chinese, *rest = (part.strip() for part in line.split("|"))
        marks = rest[0].split() if rest else []
        values = dict(mark.split("=", 1) for mark in marks if "=" in mark)
        counted = tuple(word for word in values.get("q", measures).split(",") if word)
        names = english.split("/")
        if code in found or values.keys() - {"q", "s", "w", "pl", "o"} or values.get("w", habitat) not in HABITATS:
            raise ValueError(f"table.txt, line {number}: {line!r} repeats a code point or has an unknown attribute")
        irregular = values.get("pl", "").replace("_", " ")
        found[code] = Thing(
            code,
            section,
            tuple(names),
            tuple(_counted(name, counted) for name in chinese.split("/")),
            number="mass" if "m" in marks else "plural" if "p" in marks else "name" if "u" in marks else "one",
            size=int(values.get("s", size)),
            habitat=values.get("w", habitat),
            scenic="x" not in marks,
            body="b" in marks,
            common="c" in marks,
            whole=frozenset(values["o"].split(",")) if "o" in values else None,
            plurals={names[0]: irregular} if irregular else {},
        )
    return found


def _counted(name: str, measures: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """A Chinese name and the measure words before it; "name:" brings its own. "两杯!" is all that is said of how many they are, "!" that nothing is."""
    if ":" in name:
        name, own = name.split(":")
        measures = tuple(own.split(","))
    return name, tuple(word for word in measures if word and word != "!")

"""What things are called: English articles and plurals, Chinese measure words."""

import random

from huafang.scenes.facts import Place
from huafang.scenes.things import Thing
from huafang.scenes.words.told import Told, one

_BIG, _SMALL = ("big", "large", "huge"), ("small", "little", "tiny")
_DA, _XIAO = ("大大的", "巨大的", "大"), ("小小的", "小")
_THE = {"Statue of Liberty", "Kaaba", "Milky Way"}
_PROPER = {"Earth", "planet Earth"}
_CONSONANT_SOUND = ("unicorn", "UFO", "European", "one-piece", "used", "ukulele")
_VOWEL_SOUND = ("hourglass", "SUV", "X-ray", "LED")
ENGLISH_PLACES: dict[str, dict[Place, tuple[str, ...]]] = {
    "table": {"room": ("on a table", "on the table", "on a wooden table", "in a room")},
    "swimming": {
        "sea": ("in the sea", "in the ocean", "swimming in the sea", "in the water", "at sea"),
        "lake": ("in a lake", "on a lake", "swimming in a lake", "in the lake"),
    },
    "sailing": {"sea": ("on the sea", "at sea", "on the ocean", "sailing on the sea"), "lake": ("on a lake", "on the lake", "sailing on a lake")},
}
CHINESE_PLACES: dict[str, dict[Place, tuple[str, ...]]] = {
    "table": {"room": ("桌上", "桌子上", "木桌上", "室内")},
    "swimming": {"sea": ("海里", "大海里", "海中", "海面上"), "lake": ("湖里", "湖中", "湖面上", "湖水里")},
    "sailing": {"sea": ("海上", "大海上", "海面上"), "lake": ("湖上", "湖面上")},
}


def at_home(told: Told, words: dict[str, dict[Place, tuple[str, ...]]]) -> tuple[str, ...]:
    """How a thing is in its place, where that has words of its own; else nothing."""
    assert told.thing
    if told.place is None:
        return ()
    if told.place == "room":
        lies = told.thing.habitat in ("table", "wear", "toys", "vase", "bloom") or (told.thing.size <= 2 and told.thing.habitat not in ("furniture", "pet"))
        return words["table"]["room"] if lies else ()
    if told.kind != "swims":
        return ()
    return words["sailing" if told.thing.section == "boats" else "swimming"].get(told.place, ())


def article(text: str) -> str:
    """ "an apple", "a unicorn" """
    an = text.startswith(_VOWEL_SOUND) or (text[0].lower() in "aeiou" and not text.startswith(_CONSONANT_SOUND))
    return ("an " if an else "a ") + text


def thing_in_english(thing: Thing, rng: random.Random, *, count: int = 1, large: bool | None = None) -> str:
    """ "a small lion", "two lions", "bread", "the Statue of Liberty" """
    name = one(thing.english, rng)
    size = "" if large is None else one(_BIG if large else _SMALL, rng) + " "
    if name in _PROPER or (thing.number == "name" and name[0].isupper()):
        return "the " + name if name in _THE else name
    countable = thing.number in ("one", "name") or (thing.number == "mass" and _is_countable(name)) or (thing.number == "plural" and _is_countable(name))
    if count > 1 and countable:
        number = {2: "two", 3: "three"}[count]
        return " ".join([number, *([size.strip()] if size else []), thing.plural(name)])
    if not countable:
        return (size + name) if rng.random() < 0.85 or thing.number == "mass" else "some " + size + name
    text = size + name
    return text if rng.random() < 0.06 else "the " + text if rng.random() < 0.03 else article(text)


def _is_countable(name: str) -> bool:
    """Names such as "slice of pizza", "pair of gloves", that make a thing countable which is not."""
    first = name.split()[0]
    return (" of " in name and first in _PORTIONS) or name in _COUNTED


_PORTIONS = {"slice", "pair", "bunch", "loaf", "bar", "bowl", "cup", "glass", "mug", "bottle", "piece", "head", "wedge", "stack", "pile", "set", "pot", "pan"}
_PORTIONS |= {"carton", "bucket", "bag", "tumbler", "ball", "roll", "strip", "string", "sheet", "flash", "row", "wad"}
_COUNTED = {"chocolate bar", "pea pod", "cabbage", "ginger root", "Russian doll", "matryoshka", "iron chain", "flame", "campfire", "double helix"}


def thing_in_chinese(thing: Thing, rng: random.Random, *, count: int = 1, large: bool | None = None, counted: bool = True) -> str:
    """一只小狮子; without 一只 where not `counted`, and where nothing is counted so."""
    names = [named for named in thing.chinese if large is None or named[0][0] not in "大小"] or thing.chinese
    name, measures = one(names, rng)
    size = ""
    if large is not None:
        size = one(_DA if large else _XIAO, rng)
        if size in ("大", "小") and (len(name) > 2 or name[0] in "大小老古" or "的" in name):
            size = "巨大的" if size == "大" else "小小的"
    fixed = [word for word in measures if word.endswith("!")]
    if fixed:
        return (fixed[0].rstrip("!") if counted else "") + size + name
    if not measures:
        return size + name
    number = "一" if count == 1 else {2: "两", 3: "三"}[count]
    if count > 1 or counted:
        return number + one(measures, rng) + size + name
    return size + name

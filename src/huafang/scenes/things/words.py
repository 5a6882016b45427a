"""Captions of pictures of things, in English and in Chinese: true, various, and of the wordings that the scenes use."""

import hashlib
import random
import re
from dataclasses import replace

from huafang.scenes.facts import Facts
from huafang.scenes.things import Thing
from huafang.scenes.things.sampling import ThingFacts
from huafang.scenes.things.stickers import Style
from huafang.scenes.words import chinese_tables, english_tables, in_chinese, in_english
from huafang.scenes.words.chinese_tables import COLOURS as CHINESE_COLOURS
from huafang.scenes.words.names import article, thing_in_chinese, thing_in_english
from huafang.scenes.words.told import one, tell

ICONS: dict[Style, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "noto": (("cartoon emoji", "cartoon sticker", "emoji"), ("卡通贴纸", "卡通图标", "表情符号")),
    "3d": (("3D icon", "3D emoji", "3D render"), ("立体图标", "三维图标", "立体贴纸")),
    "flat": (("flat sticker", "flat icon", "flat emoji"), ("扁平贴纸", "扁平图标", "扁平风格图标")),
    "gradient": (("glossy icon", "gradient icon", "glossy sticker"), ("渐变图标", "渐变色图标", "渐变贴纸")),
    "line": (("line drawing", "black and white icon", "line icon"), ("线稿", "黑白图标", "线条图标")),
    "twemoji": (("simple emoji", "minimal icon", "simple icon"), ("简约图标", "简约贴纸", "极简图标")),
    "emojitwo": (("classic emoji", "classic sticker"), ("经典贴纸", "经典图标")),
    "noto-v1": (("retro emoji", "old-style emoji", "retro sticker"), ("复古图标", "复古贴纸", "老式图标")),
}
MANNERS: dict[Style, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "noto": (("cartoon style", "in cartoon style", "cartoon sticker"), ("卡通风格", "卡通风", "卡通贴纸")),
    "3d": (("3D style", "in 3D style", "3D icon", "3D render"), ("立体风格", "三维风格", "立体图标")),
    "flat": (("flat style", "in flat style", "flat sticker"), ("扁平风格", "扁平贴纸", "扁平风")),
    "gradient": (("glossy style", "in glossy style", "glossy icon"), ("渐变风格", "渐变色风格", "渐变图标")),
    "line": (("line drawing", "black and white"), ("线稿", "黑白线条风格")),
    "twemoji": (("minimal style", "in a minimal style", "simple icon"), ("简约风格", "极简风格", "简约图标")),
    "emojitwo": (("classic emoji style", "classic sticker"), ("经典图标风格", "经典贴纸")),
    "noto-v1": (("retro style", "in retro style", "retro sticker"), ("复古风格", "复古风", "复古贴纸")),
}
STYLE_TOLD: dict[Style, float] = {"noto": 0.3, "3d": 0.55, "flat": 0.5, "gradient": 0.6, "line": 0.92, "twemoji": 0.85, "emojitwo": 0.9, "noto-v1": 0.9}
"""How often the style is told: seldom where it is the usual one."""
GROUND_TOLD = {"white": 0.12, "soft": 0.0}
"""How often the ground of a sticker is told; else 0.8."""


def captions(facts: ThingFacts, rng: random.Random, *, training: bool | None = True) -> tuple[str, str]:
    """(English, Chinese), which tell and leave out the same. `training` leaves out the wordings that are held out, False takes only those, None any."""
    for _ in range(400):
        mark = rng.random()
        pair = _told(facts, mark)
        if training is None or any(held_out(frame) for frame in _frames(facts, pair)) != training:
            return pair
    return pair


def held_out(frame: str) -> bool:
    """Whether a wording, its names left out, is kept from training: one in twenty."""
    return int.from_bytes(hashlib.sha256(frame.lower().encode()).digest()[:4], "big") % 20 == 0


def _frames(facts: ThingFacts, pair: tuple[str, str]) -> list[str]:
    """The two captions with a star in place of each name."""
    frames = []
    for text, names in (
        (pair[0], [name for shown in facts.things for name in (*shown.thing.english, *map(shown.thing.plural, shown.thing.english))]),
        (pair[1], [name for shown in facts.things for name, _ in shown.thing.chinese]),
    ):
        for name in sorted(names, key=len, reverse=True):
            text = text.replace(name, "*")
        frames.append(text)
    return frames


def _told(facts: ThingFacts, mark: float) -> tuple[str, str]:
    make = {"sticker": _sticker, "scene": _scene, "pair": _pair}[facts.kind]
    dice = random.Random(f"{mark}")  # noqa: S311  # a caption, no secret
    said = {"style": dice.random() < STYLE_TOLD[facts.things[0].style], "ground": dice.random() < GROUND_TOLD.get(facts.ground, 0.8)}
    english, chinese = (make(facts, language, random.Random(f"{mark}"), said) for language in ("en", "zh"))  # noqa: S311  # as above
    return english, chinese


def _name(thing: Thing, language: str, rng: random.Random, *, count: int = 1, counted: bool = True) -> str:
    return thing_in_english(thing, rng, count=count) if language == "en" else thing_in_chinese(thing, rng, count=count, counted=counted)


def _sticker(facts: ThingFacts, language: str, rng: random.Random, said: dict[str, bool]) -> str:
    """ "a 3D icon of a lion", "lion, flat sticker", "a lion on a pink background" """
    thing, style, chance = facts.things[0].thing, facts.things[0].style, rng.random()
    if language == "en":
        name = thing_in_english(thing, rng, count=facts.count)
        icon = one(ICONS[style][0], rng)
        if not said["style"]:
            text = f"{one(('a picture of', 'an icon of', 'an emoji of', 'a sticker of'), rng)} {name}" if chance < 0.15 else name
            if chance > 0.85 and facts.count == 1:
                text = thing.english[0]
        elif chance < 0.45:
            text = f"{article(icon)} of {name}"
        elif chance < 0.9:
            text = f"{name}, {icon}"
        else:
            text = f"{icon}, {name}"
        if said["ground"]:
            text += one((f" on {article(facts.ground)} background", f", {facts.ground} background"), rng)
        return text[0].upper() + text[1:] if rng.random() < 0.1 else text
    name = thing_in_chinese(thing, rng, count=facts.count, counted=rng.random() < 0.7)
    icon = one(ICONS[style][1], rng)
    if not said["style"]:
        text = f"{name}的{one(('图片', '图标', '贴纸'), rng)}" if chance < 0.15 else name
    elif chance < 0.45:
        text = f"{name}的{icon}"
    elif chance < 0.9:
        text = f"{name}，{icon}"
    else:
        text = f"{icon}，{name}"
    if said["ground"]:
        ground = CHINESE_COLOURS[facts.ground][0] + "色"  # type: ignore[index]  # a soft ground is never told
        text = one((f"{text}，{ground}背景", f"{ground}背景上的{text}" if "，" not in text else f"{text}，{ground}背景"), rng)
    return text


def _scene(facts: ThingFacts, language: str, rng: random.Random, said: dict[str, bool]) -> str:
    """ "a small camel in the desert at sunset, flat sticker" """
    scene, shown = facts.scene, facts.things[0]
    assert scene
    told = replace(tell(scene, rng), subject=scene.subject, thing=shown.thing, count=facts.count, large=facts.large if rng.random() < 0.85 else None)
    write = in_english.in_words if language == "en" else in_chinese.in_words
    text = write(told, rng)
    if language == "en" and shown.thing.number == "plural":
        text = re.sub(rf"(?<=here )is (?=(?:some )?(?:\w+ )?(?:{'|'.join(map(re.escape, shown.thing.english))})\b)", "are", text)
    return _with_manner(text, shown.style, language, rng, said["style"] and scene.medium == "plain")


def _with_manner(text: str, style: Style, language: str, rng: random.Random, told: bool) -> str:
    if not told:
        return text
    manner = one(MANNERS[style][language == "zh"], rng)
    if language == "en":
        bare = text.rstrip(".")
        return f"{manner}, {bare}" if rng.random() < 0.1 and not manner.startswith("in ") else f"{bare}, {manner}"
    bare = text.rstrip("。")
    return f"{manner}，{bare}" if rng.random() < 0.1 else f"{bare}，{manner}"


def _pair(facts: ThingFacts, language: str, rng: random.Random, said: dict[str, bool]) -> str:
    """ "a cat to the left of a house", "a house with a cat on its left" """
    left, right = (shown.thing for shown in facts.things)
    order, chance, style, place = rng.random(), rng.random(), facts.things[0].style, rng.random()
    tail = _around(facts.scene, language, rng, place)
    if language == "en":
        first, second = _name(left, "en", rng), _name(right, "en", rng)
        if order < 0.12:
            text = f"{first} and {second}"
        elif order < 0.56:
            text = one((f"{first} to the left of {second}", f"{first} left of {second}", f"{first} on the left of {second}"), rng)
        elif order < 0.86:
            text = one((f"{second} to the right of {first}", f"{second} right of {first}", f"{second} on the right of {first}"), rng)
        else:
            text = f"{first} on the left, {second} on the right"
        text += ("" if tail.startswith(",") else " ") * bool(tail) + tail
        if facts.scene is None and said["ground"]:
            text += f", {facts.ground} background"
    else:
        first, second = _name(left, "zh", rng), _name(right, "zh", rng)
        if order < 0.12:
            text = f"{first}和{second}"
        elif order < 0.56:
            text = one((f"{first}在{second}的左边", f"{second}左边的{first}", f"{second}的左边有{first}"), rng)
        elif order < 0.86:
            text = one((f"{second}在{first}的右边", f"{first}右边的{second}", f"{first}的右边有{second}"), rng)
        else:
            text = f"左边是{first}，右边是{second}"
        text = (tail + "，" if tail and chance < 0.8 else "") + text + ("，" + tail if tail and chance >= 0.8 else "")
        if facts.scene is None and said["ground"]:
            text += f"，{CHINESE_COLOURS[facts.ground][0]}色背景"  # type: ignore[index]  # as above
    plain = facts.scene is None or facts.scene.medium == "plain"
    text = _with_manner(text, style, language, rng, said["style"] and plain)
    if facts.scene and not plain:
        names = (english_tables if language == "en" else chinese_tables).MEDIA[facts.scene.medium]
        text = f"{text}, {in_english.bare(one(names, rng))}" if language == "en" else f"{text}，{one(names, rng)}"
    return text


def _around(scene: Facts | None, language: str, rng: random.Random, chance: float) -> str:
    """Place and hour of a pair, or nothing."""
    if scene is None or chance < 0.15:
        return ""
    floats = scene.subject == "boat"
    if language == "en":
        where, times = one((english_tables.SWIMS if floats else english_tables.STANDS)[scene.place], rng), english_tables.TIMES
    else:
        where, times = one((chinese_tables.SWIMS if floats else chinese_tables.STANDS)[scene.place], rng), chinese_tables.TIMES
    hour = one(times[scene.time], rng) if chance > 0.45 else ""
    if language == "en":
        return where + (" " + hour if hour else "")
    return hour + where

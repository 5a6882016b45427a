"""Chinese captions."""

import random

from huafang.scenes.facts import Facts
from huafang.scenes.words.chinese_tables import (
    BIG,
    COLOURS,
    DAYS,
    FLIES,
    HEADS,
    HOURS,
    MEASURES,
    MEDIA,
    NOUNS,
    SEEN,
    SHORT,
    SIDES,
    SMALL,
    SPANS,
    STANDS,
    STYLES,
    SWIMS,
    TAILS,
    TALL,
    TALLS,
    TIMES,
    WEATHERS,
)
from huafang.scenes.words.names import CHINESE_PLACES, at_home, thing_in_chinese
from huafang.scenes.words.told import PORTRAITS, Told, one, tell


def chinese(facts: Facts, rng: random.Random) -> str:
    """A caption of `facts`, true in all that it says."""
    return in_words(tell(facts, rng), rng)


def in_words(told: Told, rng: random.Random) -> str:
    """A caption that says what is `told`."""
    form = rng.random()
    if form < 0.18:
        return _keywords(told, rng)
    if told.subject in PORTRAITS:
        text = _portrait(told, rng)
    elif told.place and told.time and form < 0.27 and not (told.thing and told.place in ("room", "sky")):
        text = _hour(told, rng)
    elif told.place and form < 0.36:
        text = _landscape(told, rng)
    elif form < 0.52:
        text = _sentence(told, rng)
    else:
        text = _plainly(told, rng)
    text = _medium(text, told, rng)
    return text + "。" if rng.random() < 0.06 else text


def _plainly(told: Told, rng: random.Random) -> str:
    """夕阳下空中的城堡；一座小房子在向日葵田里"""
    hours, tails = _sky(told, rng)
    where = _where(told, rng)
    if not told.subject:
        assert told.place
        return "的".join([*hours, one(HEADS[told.place], rng) + one(("", "风景"), rng)]) + _tail(tails, rng)
    front = one(("", "", "，"), rng).join(hours)
    if where and rng.random() < 0.3:
        comma = "，" if front and rng.random() < 0.5 else ""
        return f"{front}{comma}{_subject(told, rng, True)}在{where}" + _tail(tails, rng)
    snowing = front.endswith("下") and where.startswith("雪")  # 夕阳下雪地 reads as snowfall
    comma = "，" if front and where and (snowing or rng.random() < 0.25) else ""
    text = front + comma + where
    return text + ("的" if text and rng.random() < 0.9 else "") + _subject(told, rng, rng.random() < 0.55) + _tail(tails, rng)


def _sentence(told: Told, rng: random.Random) -> str:
    """黄昏时分，山上有一座城堡"""
    hours, tails = _sky(told, rng)
    where = _where(told, rng)
    text = "，".join(hours)
    if not told.subject:
        assert told.place
        return text + ("，" if text else "") + one(HEADS[told.place], rng) + _tail(tails, rng)
    text += "，" if text and (where.startswith("雪") or rng.random() < 0.7) else ""
    return f"{text}{where}有{_subject(told, rng, True)}" + _tail(tails, rng)


def _hour(told: Told, rng: random.Random) -> str:
    """东京城市的雨夜"""
    assert told.time
    assert told.place
    hour = DAYS[told.weather].get(told.time) if told.weather else None
    if hour is None:
        hour = one(HOURS[told.time], rng)
        if told.time == "night" and (told.stars or told.moon):
            hour = one(("星空", "星夜", "繁星之夜"), rng) if told.stars else one(("月夜", "月光之夜"), rng)
    joined = "，" if told.thing and ("的" in hour or told.time == "day") else "的"
    text = one(HEADS[told.place] if told.place == "city" or rng.random() < 0.6 else STANDS[told.place], rng) + joined + hour
    if told.subject:
        side = one(SIDES[told.side], rng) if told.side else ""
        text += one(("，有", "，", f"，{side}有"), rng) if not side else f"，{side}有"
        text += _subject(told, rng, rng.random() < 0.8)
    return text


def _landscape(told: Told, rng: random.Random) -> str:
    """有仙人掌和夕阳的沙漠风景"""
    assert told.place
    hours, tails = _sky(told, rng)
    things = [_subject(told, rng, rng.random() < 0.5)] if told.subject else []
    if told.time == "sunset" and rng.random() < 0.7:
        hours = [hour for hour in hours if hour not in TIMES["sunset"]]
        things.append(one(("夕阳", "晚霞", "落日"), rng))
        tails = [tail for tail in tails if tail != "有太阳"]  # it is the setting sun
    things += [tail.removeprefix("有") for tail in tails if tail in SEEN]
    side = "，" + one(SIDES[told.side], rng) + "是" + one(NOUNS[told.subject], rng) if told.side and told.subject and not told.thing else ""
    head = one(HEADS[told.place], rng) + one(("风景", "", "景色") if told.place != "room" else ("",), rng)
    listed = "、".join(things[:-1]) + "和" + things[-1] if len(things) > 1 else "".join(things)
    front = hours[0] + "，" if hours else ""
    weather = [tail for tail in tails if tail not in SEEN]
    if not listed:
        return front + head + _tail(weather, rng)
    if told.thing and told.side:
        return front + f"{head}，{one(SIDES[told.side], rng)}有{things[0]}" + _tail(["有" + thing for thing in things[1:]] + weather, rng)
    text = f"有{listed}的{head}" if rng.random() < 0.6 else f"{head}，有{listed}"
    return front + text + side + _tail(weather, rng)


def _portrait(told: Told, rng: random.Random) -> str:
    """戴蓝色围巾的年轻女子肖像"""
    hours, tails = _sky(told, rng)
    if told.place:
        hours.append(one(STANDS["room"], rng))
    subject = _subject(told, rng, rng.random() < 0.45)
    front = one(("", "，"), rng).join(hours)
    front += one(("的", "，"), rng) if front else ""
    after = one(("肖像", "的肖像", "肖像画", "的肖像画", "画像", ""), rng)
    side = f"，在{one(SIDES[told.side], rng)}" if told.side else ""
    return front + subject + after + side + _tail(tails, rng)


def _keywords(told: Told, rng: random.Random) -> str:
    """城堡，山上，夕阳，水彩画"""
    rest = []
    if told.place:
        kinds = {"swims": SWIMS, "spans": SPANS, "flies": FLIES}.get(told.kind, STANDS)
        rest.append(one(HEADS[told.place] if rng.random() < 0.5 else kinds.get(told.place, STANDS[told.place]), rng))
    if told.time:
        rest.append(one(TIMES[told.time] if rng.random() < 0.5 else HOURS[told.time], rng))
    if told.weather:
        rest.append(one(TAILS[told.weather], rng))
    rest += [word for word, there in (("太阳", told.sun), ("月亮", told.moon), ("星空" if rng.random() < 0.5 else "星星", told.stars)) if there]
    if told.side:
        rest.append(one(SIDES[told.side], rng))
    if rng.random() < 0.3:
        rng.shuffle(rest)
    if told.subject:
        subject = _subject(told, rng, told.count > 1 or rng.random() < 0.3)
        rest = [subject + one(("肖像", "，肖像", "肖像画"), rng) if told.subject in PORTRAITS and rng.random() < 0.7 else subject, *rest]
    if told.medium != "plain" or (not told.thing and rng.random() < 0.12):
        style = one((MEDIA if rng.random() < 0.6 else STYLES)[told.medium], rng)
        rest = [style, *rest] if rng.random() < 0.25 else [*rest, style]
    return one(("，", "，", "，", " ", ","), rng).join(rest)


def _subject(told: Told, rng: random.Random, counted: bool) -> str:
    """一座红色的小房子; without 一座 where not `counted`."""
    subject = told.subject
    assert subject is not None
    if told.thing:
        return thing_in_chinese(told.thing, rng, count=told.count, large=told.large, counted=counted)
    noun = one(NOUNS[subject], rng)
    size = ""
    if told.large is not None:
        if subject in SHORT and rng.random() < 0.5:
            noun = SHORT[subject][told.large]
        else:
            size = one((TALL if subject in TALLS else BIG) if told.large else SMALL, rng)
    colour = ""
    if told.colour:
        name = one(COLOURS[told.colour], rng)
        hue, chance = name + "色", rng.random()
        if subject in PORTRAITS or subject == "person":
            worn = "围巾" if subject in PORTRAITS else "外套"
            verb = one(("戴", "戴着", "围着") if subject in PORTRAITS else ("穿", "穿着", "身穿"), rng)
            colour = f"{verb}{hue}{one(('', '的'), rng)}{worn}的"
        elif subject == "boat" and chance < 0.3:
            colour = f"{one(('挂着', '带'), rng)}{hue}船帆的"
        elif name in ("红", "黄", "绿", "蓝", "白", "黑", "灰", "紫", "粉") and chance < 0.45 and not size and len(noun) <= 2:
            colour = name
        else:
            colour = hue + (one(("的", ""), rng) if len(noun) > 1 else "的")
    elif told.scarf and rng.random() < 0.3:
        colour = one(("戴围巾的", "戴着围巾的"), rng)
    if size in ("大", "小") and (len(noun) > 3 or noun[0] in "老古"):
        size = {"大": "巨大的", "小": "小小的"}[size]
    adjectives = size + colour if size.endswith("的") and rng.random() < 0.5 else colour + size
    if told.count == 1:
        number = "一" + one(MEASURES[subject], rng) if counted else ""
    else:
        many = {2: "两", 3: "三"}[told.count] if rng.random() < 0.94 else "几"
        number = many + one(MEASURES[subject], rng) if counted or rng.random() < 0.8 else ""
    return number + adjectives + noun


def _where(told: Told, rng: random.Random) -> str:
    """雪地里, 雪地左边, 画面左边, or nothing."""
    side = one(SIDES[told.side], rng) if told.side and told.subject else ""
    if not told.place:
        return one(("画面", "画面" if told.thing else "", "图画"), rng) + side if side else ""
    if side and told.thing:
        if told.side == "middle":
            return one(HEADS[told.place], rng) + side if told.place not in ("sky", "room") else side
    elif side and rng.random() < 0.4:
        return one(HEADS[told.place], rng) + one(("", "的"), rng) + side
    if told.kind == "flies" and told.place not in ("sky", "room") and (told.subject == "balloon" or rng.random() < 0.75):
        at = one(HEADS[told.place], rng) + one(("上空", "上方"), rng)
    else:
        kinds = {"swims": SWIMS, "spans": SPANS, "flies": FLIES}.get(told.kind, STANDS)
        own = at_home(told, CHINESE_PLACES) if told.thing else ()
        at = one(own or kinds.get(told.place, STANDS[told.place]), rng)
    return at + side if side else at


def _sky(told: Told, rng: random.Random) -> tuple[list[str], list[str]]:
    """(hours and weathers that go before 的, what is added at the end)."""
    hours, tails, time, weather = [], [], told.time, told.weather
    moon, stars, sun = told.moon, told.stars, told.sun
    if time and weather and time in DAYS[weather] and rng.random() < 0.5:
        hours.append(DAYS[weather][time])
        weather = None
    elif stars and rng.random() < 0.7:
        hours.append(one(("星空下", "繁星下", "星夜", "满天星空下"), rng))
        stars = False
    elif moon and rng.random() < 0.7:
        hours.append(one(("月光下", "月夜", "明月下"), rng))
        moon = False
    elif sun and told.clear and time == "day" and rng.random() < 0.6:
        hours.append(one(("阳光下", "晴天", "明媚的阳光下"), rng))
        sun = False
    elif time:
        hours.append(one(TIMES[time], rng))
    if weather:
        if not hours or (weather != "clear" and rng.random() < 0.5):
            hours.append(one(WEATHERS[weather], rng))
        else:
            tails.append(one(TAILS[weather], rng))
    tails += [word for word, there in zip(SEEN, (sun, moon, stars), strict=True) if there]
    return hours, tails


def _tail(tails: list[str], rng: random.Random) -> str:
    return "".join("，" + tail for tail in tails)


def _medium(text: str, told: Told, rng: random.Random) -> str:
    """水彩画，…；一幅…的水彩画；…，水彩风格"""
    if told.medium == "plain" and (told.thing or rng.random() > 0.1):
        return text
    name, style, chance = one(MEDIA[told.medium], rng), one(STYLES[told.medium], rng), rng.random()
    if chance < 0.25:
        return f"{name}{one(('，', '：'), rng)}{text}"
    if chance < 0.45:
        return f"{one(('一幅', '一张'), rng)}{name}，{text}"
    if chance < 0.6 and "，" not in text:
        return f"{text}的{name}"
    return f"{text}，{name if chance < 0.8 else style}"

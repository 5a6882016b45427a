"""English captions."""

import random

from huafang.scenes.facts import Facts
from huafang.scenes.words.english_tables import (
    ADJECTIVES,
    BARE_TIMES,
    BARE_WEATHERS,
    BIG,
    COLOURS,
    FLIES,
    FRONTS,
    HEADS,
    HOURS,
    MEDIA,
    NOUNS,
    PLURALS,
    PORTRAITS_IN,
    SIDES,
    SMALL,
    SPANS,
    STANDS,
    STYLES,
    SWIMS,
    TALL,
    TALLS,
    TIMES,
    WEATHERS,
)
from huafang.scenes.words.names import ENGLISH_PLACES, at_home, thing_in_english
from huafang.scenes.words.told import PORTRAITS, Told, one, tell


def english(facts: Facts, rng: random.Random) -> str:
    """A caption of `facts`, true in all that it says."""
    return in_words(tell(facts, rng), rng)


def in_words(told: Told, rng: random.Random) -> str:
    """A caption that says what is `told`."""
    form = rng.random()
    if form < 0.13:
        text = _keywords(told, rng)
    else:
        if told.subject in PORTRAITS:
            text, framed = _portrait(told, rng)
        elif told.place and told.time and form < 0.23 and told.place not in ("room", "sky"):
            text, framed = _hour(told, rng), False
        elif form < 0.36:
            text, framed = _with(told, rng), False
        else:
            text, framed = _plainly(told, rng), False
        text = text if framed else _medium(text, told, rng)
    if rng.random() < 0.2:
        text = text[0].upper() + text[1:] + ("." if rng.random() < 0.4 else "")
    return text


def _plainly(told: Told, rng: random.Random) -> str:
    """ "a small red house on the left of a snowy field at dusk, with fog"; "at dusk, a small red house..." """
    spot = _spot(told, rng)
    hours, things = _sky(told, rng)
    subject = _subject(told, rng) if told.subject else _head(told, rng)
    front = ""
    chance = rng.random()
    if hours and chance < 0.16:
        front = hours.pop(0) + one((", ", " "), rng)
    elif spot and chance < 0.24:
        front, spot = spot + one((", ", " there is "), rng), ""
    elif told.subject and chance < 0.28:
        front = "there is " if told.count == 1 else "there are "
    if "there is" in front and told.count > 1:
        front = front.replace("there is", "there are")
    parts = [part for part in (spot, *hours) if part]
    if len(parts) > 1 and rng.random() < 0.2:
        rng.shuffle(parts)
    text = front + " ".join([subject, *parts[:1]])
    for part in parts[1:]:
        text += (", " if rng.random() < 0.2 else " ") + part
    return text + _and(things, rng, ", with " if rng.random() < 0.3 else " with ")


def _with(told: Told, rng: random.Random) -> str:
    """ "a desert landscape with a cactus and sunset" """
    hours, things = _sky(told, rng)
    if told.time == "sunset" and rng.random() < 0.5:
        hours = [hour for hour in hours if hour not in TIMES["sunset"]]
        things.insert(0, one(("sunset", "a sunset", "evening glow"), rng))
    nouns = ([_subject(told, rng)] if told.subject else []) + things
    side = " " + one(SIDES[told.side], rng) if told.side and told.subject else ""
    head = _head(told, rng)
    if side:
        nouns[0] += side
    if hours and rng.random() < 0.4:
        head, hours = " ".join([head, hours[0]]), hours[1:]
    text = head + _and(nouns, rng, " with ")
    return " ".join([text, *hours])


def _hour(told: Told, rng: random.Random) -> str:
    """ "a rainy night in Tokyo city" """
    assert told.time
    assert told.place
    adjectives = list(ADJECTIVES[told.weather]) if told.weather else []
    if told.stars and not adjectives:
        adjectives = ["starry"]
    elif told.moon and not adjectives:
        adjectives = ["moonlit"]
    elif told.sun and told.clear and told.time == "day":
        adjectives = ["sunny"]
    hour = one(HOURS[told.time], rng)
    text = _article(f"{one(adjectives, rng)} {hour}" if adjectives else hour) + " " + one(STANDS[told.place], rng)
    if told.subject:
        side = " " + one(SIDES[told.side], rng) if told.side else ""
        text += one((" with ", ", "), rng) + _subject(told, rng) + side
    return text


def _portrait(told: Told, rng: random.Random) -> tuple[str, bool]:
    """ "a portrait of a young woman with a blue scarf", and whether the medium is said."""
    hours, things = _sky(told, rng)
    tail = [*([one(STANDS["room"], rng)] if told.place else []), *hours, *([one(SIDES[told.side], rng)] if told.side else [])]
    text = " ".join([_subject(told, rng), *tail]) + _and(things, rng, " with ")
    if rng.random() < 0.25:
        return text, False
    if told.medium != "plain" and rng.random() < 0.5:
        return f"{PORTRAITS_IN[told.medium]} portrait of {text}", True
    return one(("a portrait of ", "portrait of "), rng) + text, False


def _keywords(told: Told, rng: random.Random) -> str:
    """ "castle, hill, sunset, watercolour" """
    things = _things(told)
    places = [bare(one(HEADS[told.place], rng))] if told.place and told.place != "sky" else [one(STANDS["sky"], rng)] if told.place else []
    rest = places
    if told.time:
        rest = [*rest, one(BARE_TIMES[told.time], rng)]
    if told.weather:
        rest = [*rest, one(BARE_WEATHERS[told.weather], rng)]
    rest = [*rest, *(bare(thing) for thing in things)]
    if told.side:
        rest = [*rest, one(SIDES[told.side], rng)]
    if rng.random() < 0.3:
        rng.shuffle(rest)
    subject = _subject(told, rng) if told.subject else ""
    if told.subject in PORTRAITS and rng.random() < 0.6:
        rest = ["portrait", *rest]
    style = [one(STYLES[told.medium], rng)] if told.medium != "plain" or (not told.thing and rng.random() < 0.12) else []
    words = [bare(subject) if rng.random() < 0.7 else subject, *rest]
    words = [*style, *words] if rng.random() < 0.2 else [*words, *style]
    return ", ".join(word for word in words if word)


def _subject(told: Told, rng: random.Random) -> str:
    """ "a small red house", "two cats", "a person in a red coat"."""
    assert told.subject is not None
    if told.thing:
        return thing_in_english(told.thing, rng, count=told.count, large=told.large)
    noun, large, subject = one(NOUNS[told.subject], rng), told.large, told.subject
    words, after = [], ""
    if large is not None:
        words.append(one((TALL if subject in TALLS else BIG) if large else SMALL, rng))
    if told.colour:
        colour, chance = one(COLOURS.get(told.colour, (told.colour,)), rng), rng.random()
        if subject in PORTRAITS:
            worn = _article(f"{colour} scarf")
            after = one((f" with {worn}", f" wearing {worn}", f" in {worn}"), rng)
        elif subject == "person":
            worn = f"{colour} coats" if told.count > 1 else _article(f"{colour} coat")
            after = one((f" in {worn}", f" wearing {worn}", f" with {worn}", f" in {colour}"), rng)
        elif subject == "boat" and chance < 0.35:
            after = f" with {colour} sails" if told.count > 1 or chance < 0.12 else " with " + _article(f"{colour} sail")
        elif subject == "house" and chance < 0.12:
            after = f" with {colour} walls"
        else:
            words.append(colour)
    elif told.scarf and rng.random() < 0.3:
        after = " with a scarf"
    if told.colour in words and noun.startswith("old "):
        words, noun = [*words[:-1], "old", words[-1]], noun.removeprefix("old ")
    if told.count == 1:
        text = " ".join([*words, noun])
        return (text if rng.random() < 0.08 else "the " + text if rng.random() < 0.04 else _article(text)) + after
    number = {2: "two", 3: "three"}[told.count]
    plural = PLURALS.get(noun, noun + "s")
    return " ".join([*([number] if rng.random() < 0.92 else ["some"]), *words, plural]) + after


def _spot(told: Told, rng: random.Random) -> str:
    """ "on the left of a snowy field", "in a snowy field on the left", "on the left", or nothing."""
    if not told.subject:
        return ""
    side = one(SIDES[told.side], rng) if told.side else ""
    if told.place is None:
        return side
    swims, spans, flies = SWIMS.get(told.place), SPANS.get(told.place), FLIES[told.place]
    if told.thing and not side and (own := at_home(told, ENGLISH_PLACES)):
        return one(own, rng)
    at = {"flies": flies, "swims": swims or STANDS[told.place], "spans": spans or STANDS[told.place], "stands": STANDS[told.place]}[told.kind]
    if not side:
        return one(at, rng)
    chance = rng.random()
    if chance < 0.3:
        return f"{side} of {one(HEADS[told.place][:2], rng)}"
    return f"{side} {one(at, rng)}" if chance < 0.5 else f"{one(at, rng)} {side}"


def _head(told: Told, rng: random.Random) -> str:
    """The place as what the picture is of: "a snowy field"; "a landscape" where the place is not told."""
    if told.place:
        return one(HEADS[told.place], rng)
    return one(("a picture", "a scene") if told.thing else ("a landscape", "a scene", "a view"), rng)


def _sky(told: Told, rng: random.Random) -> tuple[list[str], list[str]]:
    """(adverbs of time and weather, things that are there too)."""
    hours, things, weather, time = [], [], told.weather, told.time
    moon, stars, sun = told.moon, told.stars, told.sun
    if time and weather and rng.random() < 0.4:
        hours.append("on " + _article(f"{one(ADJECTIVES[weather], rng)} {HOURS[time][0]}"))
        weather = None
    elif sun and told.clear and time == "day" and rng.random() < 0.6:
        hours.append(one(("on a sunny day", "in the sunshine", "in bright sunlight"), rng))
        sun = False
    elif stars and rng.random() < 0.6:
        hours.append(one(("under the stars", "under a starry sky", "on a starry night"), rng))
        stars = False
    elif moon and rng.random() < 0.6:
        hours.append(one(("in the moonlight", "under the moon", "on a moonlit night"), rng))
        moon = False
    elif time:
        hours.append(one(TIMES[time], rng))
    if weather:
        phrase = one(WEATHERS[weather], rng)
        if phrase.startswith("with "):
            things.append(phrase.removeprefix("with "))
        else:
            hours.append(phrase)
    if len(hours) > 1 and rng.random() < 0.3:
        hours.reverse()
    if sun:
        things.append(one(("the sun", "a bright sun", "sun"), rng))
    if moon:
        things.append(one(("the moon", "a moon", "a bright moon"), rng))
    if stars:
        things.append(one(("stars", "many stars"), rng))
    return hours, things


def _things(told: Told) -> list[str]:
    return [word for word, there in (("sun", told.sun), ("moon", told.moon), ("stars", told.stars)) if there]


def _medium(text: str, told: Told, rng: random.Random) -> str:
    """ "a watercolour painting of ..." or "..., watercolour"."""
    if told.medium == "plain" and (told.thing or rng.random() > 0.1):
        return text
    if not FRONTS.match(text) and rng.random() < 0.6:
        made = one(MEDIA[told.medium], rng)
        return f"{made if rng.random() < 0.7 else bare(made)} of {text}"
    style = one(STYLES[told.medium], rng)
    return f"{text} {style}" if style.startswith("in ") and rng.random() < 0.5 else f"{text}, {style}"


def _and(things: list[str], rng: random.Random, before: str) -> str:
    """ " with a cactus, the moon and stars"; nothing for nothing."""
    if not things:
        return ""
    if len(things) == 1:
        return before + things[0]
    return before + ", ".join(things[:-1]) + " and " + things[-1]


def _article(text: str) -> str:
    return ("an " if text[0] in "aeiou" else "a ") + text


def bare(text: str) -> str:
    """Without its article."""
    for article in ("a ", "an ", "the "):
        text = text.removeprefix(article)
    return text

"""Things with pictures: a sound table, scenes that stand where such things stand, captions that are true and clean. The pictures are made up here."""

import importlib.util
import random
import re
from collections import Counter
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from PIL import Image

from huafang.errors import BadInput
from huafang.scenes.facts import Facts, Place
from huafang.scenes.things import AFLOAT, ALOFT, Thing, drawing, plural, stickers, things, words
from huafang.scenes.things.sampling import KINDS, STYLES, Shown, ThingFacts, can_be, held_out, sample, surroundings
from huafang.scenes.words.names import article, thing_in_chinese, thing_in_english

SIDE = 48


@pytest.fixture(scope="module")
def pictures() -> stickers.Stickers:
    """Every thing in every style: a disc, a tall and a wide box."""
    array = np.zeros((3, SIDE, SIDE, 4), np.uint8)
    y, x = np.mgrid[:SIDE, :SIDE] - SIDE / 2 + 0.5
    array[0, np.hypot(x, y) < 15] = (220, 60, 40, 255)
    array[1, 8:40, 18:30] = (40, 90, 200, 255)
    array[2, 18:30, 8:40] = (30, 30, 30, 255)
    boxes = ((9, 9, 39, 39), (18, 8, 30, 40), (8, 18, 40, 30))
    rows = {(style, code): (number % 3, boxes[number % 3]) for number, code in enumerate(things()) for style in STYLES}
    return stickers.Stickers(array, rows)


@pytest.fixture(scope="module")
def sampled(pictures) -> list[tuple[ThingFacts, str, str]]:
    found = [sample(random.Random(f"5:{number}"), pictures) for number in range(6000)]
    return [(facts, *words.captions(facts, random.Random(number))) for number, facts in enumerate(found)]


def named(english: str) -> Thing:
    return next(thing for thing in things().values() if english in thing.english)


def test_the_table_is_large_and_sound():
    assert len(things()) >= 800
    assert sum(bool(thing.places) for thing in things().values()) >= 300
    for thing in things().values():
        assert all(name.strip() == name and name for name in (*thing.english, *(name for name, _ in thing.chinese))), thing
        assert all(re.fullmatch(r"[\x20-\x7eñ]+", name) for name in thing.english), thing
        assert 1 <= thing.size <= 5
        assert thing.whole is None or thing.whole <= set(STYLES)
        assert thing.number == "name" or all(measures or re.search("!|q=( |$)", line_of(thing)) for _, measures in thing.chinese), thing


def line_of(thing: Thing) -> str:
    text = Path(stickers.__file__).with_name("table.txt").read_text("utf-8")
    return next(line for line in text.splitlines() if line.startswith(thing.code + " |"))


def test_first_names_are_of_one_thing_each():
    for language in ("english", "chinese"):
        first = Counter(getattr(thing, language)[0] for thing in things().values())
        assert not [name for name, count in first.items() if count > 1]


@pytest.mark.parametrize(
    ("one", "many"),
    [
        ("lion", "lions"),
        ("wolf", "wolves"),
        ("mouse", "mice"),
        ("cup of tea", "cups of tea"),
        ("box", "boxes"),
        ("cherry", "cherries"),
        ("monkey", "monkeys"),
        ("kitchen knife", "kitchen knives"),
        ("police car", "police cars"),
        ("police officer", "police officers"),
        ("house with a garden", "houses with gardens"),
    ],
)
def test_plurals(one, many):
    thing = next((thing for thing in things().values() if one in thing.english), None)
    assert (thing.plural(one) if thing else plural(one)) == many


@pytest.mark.parametrize(
    ("name", "said"), [("apple", "an apple"), ("unicorn", "a unicorn"), ("UFO", "a UFO"), ("SUV", "an SUV"), ("hourglass", "an hourglass")]
)
def test_articles(name, said):
    assert article(name) == said


@pytest.mark.parametrize(
    ("english", "count", "ways"),
    [
        ("horse", 1, {"一匹马", "一匹骏马", "一匹马儿"}),
        ("elephant", 2, {"两头大象", "两头象"}),
        ("snake", 3, {"三条蛇"}),
        ("envelope", 1, {"一个信封", "一封信"}),
        ("Tokyo Tower", 1, {"一座东京塔", "一座红色铁塔"}),
        ("crossed swords", 1, {"一对交叉的双剑", "两把剑"}),
    ],
)
def test_measure_words(english, count, ways):
    assert {thing_in_chinese(named(english), random.Random(seed), count=count) for seed in range(60)} == ways


def test_mass_nouns_and_pairs_have_no_article_and_proper_names_their_own():
    def said(name: str) -> set[str]:
        return {thing_in_english(named(name), random.Random(seed)) for seed in range(200)}

    assert said("bacon") == {"bacon"}
    assert {"a loaf of bread", "bread"} <= said("bread") - {"a bread"}
    assert {"scissors", "some scissors", "a pair of scissors"} <= said("scissors")
    assert "a scissors" not in said("scissors")
    assert said("Statue of Liberty") == {"the Statue of Liberty"}
    assert "Tokyo Tower" in said("Tokyo Tower")


def test_sizes_do_not_say_twice_what_the_name_says():
    for seed in range(200):
        for english in ("fox", "violin", "elephant"):
            assert not re.search("小小提琴|小小狐狸|大的大象象", thing_in_chinese(named(english), random.Random(seed), large=False))


def test_things_are_where_such_things_are(sampled):
    for facts, _, _ in sampled:
        assert facts.count == 1 or facts.things[0].thing.countable, facts
        assert not any(held_out(shown.code, shown.style) for shown in facts.things)
        if facts.scene is None:
            continue
        for shown in facts.things:
            thing = shown.thing
            assert can_be(thing, facts.scene.place), facts
            assert (facts.scene.subject == "boat") == (thing.habitat in AFLOAT), facts
            assert (facts.scene.subject == "bird") <= (thing.habitat in ALOFT), facts
            assert thing.whole is None or shown.style in thing.whole
        assert facts.scene.subject != "boat" or facts.scene.place in ("sea", "lake")
    assert not can_be(named("elephant"), "room")
    assert not can_be(named("whale"), "desert")


def test_pictures_are_as_often_as_asked(sampled):
    kinds = Counter(facts.kind for facts, _, _ in sampled)
    for kind, share in KINDS.items():
        assert kinds[kind] / len(sampled) == pytest.approx(share, abs=0.03)
    styles = Counter(facts.things[0].style for facts, _, _ in sampled)
    assert set(styles) == set(STYLES)
    assert len({shown.code for facts, _, _ in sampled for shown in facts.things}) > 820


def test_a_tenth_of_the_pairs_is_held_out():
    pairs = [held_out(code, style) for code in things() for style in STYLES]
    assert 0.08 < np.mean(pairs) < 0.12


def test_captions_name_the_things_and_nothing_false(sampled):
    left_said = 0
    for facts, en, zh in sampled:
        for shown in facts.things:
            thing = shown.thing
            names = {*thing.english, *map(thing.plural, thing.english)}
            assert any(name.lower() in en.lower() for name in names), (facts, en)
            assert any(name in zh or name.lstrip("大小") in zh for name, _ in thing.chinese), (facts, zh)
        if facts.kind == "pair" and (found := re.search(r"(left|right)", en)):
            first, second = (any_place(en, shown.thing) for shown in facts.things)
            if " on the left, " not in en:
                assert (first < second) == (found[1] == "left"), (facts, en)
            left_said += 1
        if facts.count > 1:
            assert re.search("two|three", en.lower()), (facts, en)
            assert re.search("[两三]", zh), (facts, zh)
    assert left_said > 300


def any_place(text: str, thing: Thing) -> int:
    """Where the longest name of `thing` that a caption says begins."""
    found = [name for name in thing.english if name.lower() in text.lower()]
    return text.lower().index(max(found, key=len).lower())


def test_captions_are_clean(sampled):
    for facts, en, zh in sampled:
        for caption in (en, zh):
            assert caption.strip() == caption, facts
            assert not re.search(r"  |,,|, ,|，，|的的|有有|中中|\bNone\b| ,|^[,，的]|的，|[,，的]$|[!！]", caption), (facts, caption)
        assert not re.search(r"\b(a|an|the) (a|an|the)\b|\bwith with\b|\bof (in|on|at)\b|there is (two|three)", en), en
        assert not re.search(r"\ba (?!one-)[aio]", en), en
        assert len(en.split()) <= 36
        assert len(zh) <= 60


def test_a_twentieth_of_the_wordings_is_held_out_and_can_be_asked_for(pictures):
    facts = [sample(random.Random(f"8:{number}"), pictures) for number in range(400)]
    for number, known in enumerate(facts):
        frames = words._frames(known, words.captions(known, random.Random(number)))
        assert not any(words.held_out(frame) for frame in frames)
    unseen = ThingFacts("scene", (Shown(named("camel").code, "flat"),), surroundings("desert", "person", "left", random.Random(1)))
    frames = words._frames(unseen, words.captions(unseen, random.Random(2), training=False))
    assert any(words.held_out(frame) for frame in frames)


def test_a_thing_is_drawn_where_the_facts_say(pictures):
    for english, place in (("elephant", "desert"), ("whale", "sea"), ("airplane", "sky"), ("teapot", "room"), ("lion", "snow"), ("church", "hill")):
        centres = []
        for side in ("left", "right"):
            thing = named(english)
            base = surroundings(place, "person", side, random.Random(3))
            scene = Facts(place, stand_in_for(thing, place), "day", side=side)
            assert base.place == scene.place
            facts = ThingFacts("scene", (Shown(thing.code, "noto"),), scene)
            pixels = drawing.draw(facts, random.Random(4), 64, pictures)
            assert pixels.shape == (64, 64, 3)
            assert pixels.dtype == np.float32
            assert 0 <= pixels.min() <= pixels.max() <= 1
            empty = drawing.scenes.finished(drawing.scenes.backdrop(scene, random.Random(4), 64), random.Random(5))
            change = np.abs(pixels - empty).sum(axis=(0, 2))
            centres.append(float(change @ np.arange(64) / change.sum()))
        assert centres[0] < 32 < centres[1], english


def stand_in_for(thing: Thing, place: Place):
    from huafang.scenes.things.sampling import stand_in

    return stand_in(thing, place)


def test_the_hour_tints_a_thing(pictures):
    """The disc is red by day; at night it is darker and bluer."""
    code = next(code for code, (number, _) in ((code, pictures.rows["flat", code]) for code in things()) if number == 0 and things()[code].habitat == "wild")
    means = {}
    for time in ("day", "night"):
        facts = ThingFacts("scene", (Shown(code, "flat"),), Facts("field", "person", time))
        pixels = drawing.draw(facts, random.Random(4), 64, pictures)
        red = pixels[..., 0] - pixels[..., 2]
        means[time] = pixels[red >= np.quantile(red, 0.98)].mean(axis=0)
    assert means["night"].sum() < means["day"].sum()
    assert means["night"][2] / means["night"][0] > means["day"][2] / means["day"][0]


def test_what_floats_is_mirrored_in_the_water(pictures):
    thing = named("whale")
    facts = ThingFacts("scene", (Shown(thing.code, "noto"),), Facts("sea", "boat", "day"))
    assert facts.scene
    pixels = drawing.draw(facts, random.Random(4), 64, pictures)
    empty = drawing.scenes.finished(drawing.scenes.backdrop(facts.scene, random.Random(4), 64), random.Random(5))
    rows = np.flatnonzero(np.abs(pixels - empty).sum(axis=(1, 2)) > 0.5)
    assert rows[-1] > 0.8 * 64, "the reflection reaches down"


def test_a_picture_is_the_same_again_and_nearly_the_same_at_any_size(pictures):
    for number in range(12):
        facts = sample(random.Random(f"4:{number}"), pictures)
        small, again, big = (drawing.draw(facts, random.Random(number), size, pictures) for size in (64, 64, 128))
        assert np.array_equal(small, again)
        assert np.abs(big.reshape(64, 2, 64, 2, 3).mean(axis=(1, 3)) - small).mean() < 0.02


def test_resampling_keeps_premultiplied_colours_and_places(pictures):
    one = pictures.get("noto", next(iter(things())))
    drawn, top, left = one.placed(0.5, 0.75, 0.5, 64)
    assert np.all(drawn[..., :3] <= drawn[..., 3:] + 1 / 255)
    rows = np.flatnonzero((drawn[..., 3] > 0.5).any(axis=1)) + top
    columns = np.flatnonzero((drawn[..., 3] > 0.5).any(axis=0)) + left
    assert abs(rows[0] - 16) <= 1
    assert abs(rows[-1] - 47) <= 1
    assert abs((columns[0] + columns[-1]) / 2 - 31.5) <= 1
    assert one.placed(5.0, 0.5, 0.2, 64) is None


def test_pictures_that_are_not_there_say_what_to_do(tmp_path):
    with pytest.raises(BadInput, match="not there") as failed:
        stickers.load(tmp_path)
    assert "make emoji-data" in str(failed.value.hint)


def test_rendering_premultiplies_and_leaves_a_margin(tmp_path):
    spec = importlib.util.spec_from_file_location("emoji_data", Path(__file__).parents[2] / "tools" / "emoji_data.py")
    assert spec
    assert spec.loader
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    Image.new("RGBA", (256, 256), (200, 100, 50, 128)).save(tmp_path / "half.png")
    drawn = tool.render(tool.Source("3d", "p", "1f981", "lion", file=str(tmp_path / "half.png")), 64)
    assert drawn.shape == (64, 64, 4)
    assert not drawn[: stickers.MARGIN].any()
    assert np.abs(drawn[32, 32].astype(int) - (100, 50, 25, 128)).max() <= 1
    assert tool.box(drawn) == [8, 8, 56, 56]
    icons = {
        "width": 24,
        "height": 24,
        "icons": {"lion": {"body": "<path/>"}},
        "aliases": {"cat": {"parent": "lion"}, "turned": {"parent": "lion", "rotate": 1}},
    }
    assert 'viewBox="0 0 24 24"' in tool._svg(icons, "cat")
    assert tool._svg(icons, "turned") is None
    assert tool._svg(icons, "dog") is None


def test_every_place_takes_things():
    assert {place for thing in things().values() for place in thing.places} == set(get_args(Place))

"""The scenes that the built-in model learns from: whole, repeatable, the same at any size, and each hour its own."""

import itertools
import random
import subprocess
import sys
from typing import get_args

import numpy as np
import pytest

from huafang.scenes.facts import Facts, Place, Subject, Time, Weather
from huafang.scenes.places import PLACES, Ground
from huafang.scenes.scene import draw, scene, spots

TIMES: tuple[Time, ...] = get_args(Time)


def facts(place: Place, time: Time, weather: Weather = "clear", subject: Subject = "none") -> Facts:
    return Facts(place, subject, time, weather, moon=time == "night", stars=time == "night", sun=time != "night")


def test_every_place_has_its_row() -> None:
    assert set(PLACES) == set(get_args(Place))


@pytest.mark.parametrize("time", TIMES)
@pytest.mark.parametrize("place", get_args(Place))
def test_every_place_at_every_hour_is_a_whole_picture(place: Place, time: Time) -> None:
    for weather in get_args(Weather):
        pixels = draw(facts(place, time, weather), random.Random(5), 64)
        assert pixels.shape == (64, 64, 3)
        assert pixels.dtype == np.float32
        assert np.isfinite(pixels).all()
        assert pixels.min() >= 0
        assert pixels.max() <= 1
        assert pixels.std() > 0.02


@pytest.mark.parametrize("subject", get_args(Subject))
def test_a_subject_is_seen_where_the_facts_say(subject: Subject) -> None:
    if subject == "none":
        pytest.skip("a landscape has none")
    place: Place = "room" if subject in ("woman", "man") else "snow"
    left, right = (draw(Facts(place, subject, "day", side=side), random.Random(3), 64) for side in ("left", "right"))
    empty = [draw(Facts(place, "none", "day", side=side), random.Random(3), 64) for side in ("left", "right")]
    change = [np.abs(a - b).sum(axis=(0, 2)) @ np.arange(64) / np.abs(a - b).sum() for a, b in zip((left, right), empty, strict=True)]
    assert change[0] < 32 < change[1]


def test_a_scene_is_the_same_again_and_another_number_is_another_scene() -> None:
    first, again, other = scene(7, 3, 64), scene(7, 3, 64), scene(7, 4, 64)
    assert first.facts == again.facts
    assert np.array_equal(first.pixels, again.pixels)
    assert not np.array_equal(first.pixels, other.pixels)


@pytest.mark.parametrize("number", range(12))
def test_a_scene_is_the_same_at_any_size(number: int) -> None:
    small, big = scene(11, number, 128), scene(11, number, 256)
    assert small.facts == big.facts
    shrunk = big.pixels.reshape(128, 2, 128, 2, 3).mean(axis=(1, 3))
    assert np.abs(shrunk - small.pixels).mean() < 0.012


@pytest.mark.parametrize("place", get_args(Place))
def test_the_hours_are_apart_in_every_place(place: Place) -> None:
    """The mean colour of the upper third differs more between any two hours than within one of them."""
    means = {time: np.array([draw(facts(place, time), random.Random(k), 32)[:10].mean(axis=(0, 1)) for k in range(6)]) for time in TIMES}
    centres = {time: colours.mean(axis=0) for time, colours in means.items()}
    for time, colours in means.items():
        for colour in colours:
            assert min(TIMES, key=lambda other: float(np.linalg.norm(colour - centres[other]))) == time


@pytest.mark.parametrize("weather", ["rain", "snow", "fog"])
def test_weather_is_seen(weather: Weather) -> None:
    for time in TIMES:
        clear, other = (draw(facts("field", time, w), random.Random(2), 64) for w in ("clear", weather))
        assert np.abs(clear - other).mean() > 0.02


def test_three_stand_apart_and_the_far_ones_come_first() -> None:
    ground = Ground(0.5, (0.7, 0.85))
    for seed in range(20):
        found = spots(Facts("field", "cat", "day", count=3), ground, 0.5, False, random.Random(seed))
        assert [spot.y for spot in found] == sorted(spot.y for spot in found)
        across = sorted(spot.x for spot in found)
        assert min(b - a for a, b in itertools.pairwise(across)) > 0.2
        assert all(0.7 <= spot.y <= 0.85 for spot in found)


def test_a_bird_over_the_sea_is_in_flight() -> None:
    """It is high above the water: the lower half of the picture is that of the empty sea, but for where a wing hangs down."""
    for seed in range(12):
        bird = draw(Facts("sea", "bird", "day", colour="red"), random.Random(seed), 64)
        empty = draw(Facts("sea", "none", "day"), random.Random(seed), 64)
        assert np.abs(bird - empty)[40:].max() == 0
        assert np.abs(bird - empty)[:40].max() > 0.2


def test_drawing_takes_no_path_through_torch() -> None:
    code = "import sys; from huafang.scenes.scene import scene; scene(1, 1, 32); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

"""The subjects of scenes: each is drawn where it was asked to be, in its colour, the same each time."""

import random

import numpy as np
import pytest
from numpy.typing import NDArray

from huafang.scenes.canvas import Canvas, Linear, hexed
from huafang.scenes.facts import ColourName, Subject, Time
from huafang.scenes.light import light
from huafang.scenes.subjects import PAINT, SUBJECTS, draw
from huafang.scenes.subjects.pen import Pen

TIMES: list[Time] = ["day", "dawn", "sunset", "night"]
DRAWN = [subject for subject in SUBJECTS if subject != "none"]
SKIES = {"day": "#a8d0ee", "dawn": "#dcc3d4", "sunset": "#d9825c", "night": "#182450"}
SIZE = 128


def empty(time: Time) -> Canvas:
    canvas = Canvas(SIZE)
    sky = hexed(SKIES[time])
    canvas.cover(Linear(sky, tuple(0.9 * c for c in sky)))
    return canvas


def drawn(
    subject: Subject, time: Time = "day", colour: ColourName | None = None, seed: int = 1, s: float = 0.35, x: float = 0.5, y: float = 0.7
) -> NDArray[np.float32]:
    canvas = empty(time)
    draw(canvas, subject, x, y, s, colour, light(time, "clear", seed % 2 == 0), random.Random(seed))
    return canvas.pixels


def changed(pixels: NDArray[np.float32], time: Time) -> NDArray[np.bool_]:
    return np.abs(pixels - empty(time).pixels).max(axis=2) > 0.03


@pytest.mark.parametrize("time", TIMES)
@pytest.mark.parametrize("subject", DRAWN)
def test_a_subject_is_seen_inside_its_box_in_every_colour_and_light(subject: Subject, time: Time) -> None:
    portrait = subject in ("woman", "man")
    s = 0.75 if portrait else 0.35
    foot = 1.0 if portrait else 0.7
    for seed, colour in enumerate([None, *PAINT]):
        pixels = drawn(subject, time, colour, seed, s)
        assert ((pixels >= 0) & (pixels <= 1)).all()
        rows, columns = np.nonzero(changed(pixels, time))
        assert len(rows) > 0.008 * SIZE * SIZE, (colour, seed)
        far = np.maximum(np.abs((columns + 0.5) / SIZE - 0.5), np.abs((rows + 0.5) / SIZE - (foot - s / 2)))
        assert np.mean(far < 1.3 * s) > 0.99, (colour, seed)


@pytest.mark.parametrize("subject", DRAWN)
def test_the_same_randomness_draws_the_same_and_another_varies(subject: Subject) -> None:
    first = drawn(subject, "sunset", "red", 3)
    assert np.array_equal(first, drawn(subject, "sunset", "red", 3))
    assert any(not np.array_equal(first, drawn(subject, "sunset", "red", seed)) for seed in (5, 7, 9))


@pytest.mark.parametrize("subject", [s for s in DRAWN if s not in ("woman", "man")])
def test_a_subject_grows_with_its_height_and_stands_on_its_foot(subject: Subject) -> None:
    """Twice the height is about four times the area, and the lowest changed row is at the foot; a bird may fly above it."""
    small, large = (changed(drawn(subject, s=s, y=0.9), "day") for s in (0.2, 0.4))
    assert 3.2 < large.sum() / small.sum() < 4.8
    lowest = (np.nonzero(large)[0].max() + 1) / SIZE
    assert (0.76 if subject == "bird" else 0.89) < lowest < 0.93
    middle = (np.nonzero(large)[1].mean() + 0.5) / SIZE
    assert abs(middle - 0.5) < 0.06


@pytest.mark.parametrize("subject", ["house", "tree", "bridge", "bird", "cat", "balloon", "tower", "windmill", "boat", "pagoda", "flower"])
def test_the_named_colour_is_the_one_most_seen(subject: Subject) -> None:
    """Of the saturated pixels that the subject changed, more are nearest in hue to its colour than to any other of the four."""
    asked: list[ColourName] = ["red", "yellow", "green", "blue"]
    for seed, colour in enumerate(asked):
        pixels = drawn(subject, "day", colour, seed)
        own = pixels[changed(pixels, "day")]
        own = own[(own.max(axis=1) - own.min(axis=1)) > 0.2]
        opponent = _hues(own)
        nearest = np.argmax(opponent @ _hues(np.array([PAINT[name] for name in asked], np.float32)).T, axis=1)
        if subject == "flower":  # the leaves are green whatever the petals are
            nearest = nearest[nearest != asked.index("green")] if colour != "green" else nearest
        assert np.bincount(nearest, minlength=4).argmax() == asked.index(colour), (colour, seed)


def test_the_mean_of_a_bridge_and_of_a_bird_is_nearest_to_their_colour() -> None:
    for subject in ("bridge", "bird"):
        for colour in ("red", "yellow", "blue", "green", "purple"):
            pixels = drawn(subject, "day", colour, 4)
            mean = pixels[changed(pixels, "day")].mean(axis=0)
            distances = {
                name: float(np.linalg.norm(_hues(mean[None]) - _hues(np.array([PAINT[name]], np.float32))))
                for name in ("red", "yellow", "blue", "green", "purple")
            }
            assert min(distances, key=distances.__getitem__) == colour, subject


def test_named_colours_lie_apart_in_every_light() -> None:
    for time in TIMES:
        pen = Pen(Canvas(8), 0.5, 0.5, 0.3, light(time, "clear", True))
        lit = [np.array(pen.light(colour)) for colour in PAINT.values()]
        gaps = [float(np.linalg.norm(a - b)) for k, a in enumerate(lit) for b in lit[:k]]
        assert min(gaps) > 0.15, time


def test_none_draws_nothing() -> None:
    assert np.array_equal(drawn("none"), empty("day").pixels)


def test_windows_are_lit_by_night_only() -> None:
    for subject in ("house", "castle", "pagoda", "tower"):
        night, day = drawn(subject, "night", seed=2), drawn(subject, "day", seed=2)

        def lamps(pixels: NDArray[np.float32]) -> int:
            return int(((pixels[..., 0] > 0.9) & (pixels[..., 1] > 0.7) & (pixels[..., 2] < 0.6)).sum())

        assert lamps(night) > 3 > lamps(day), subject


def _hues(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Unit vectors of hue: what is left of a colour without its grey."""
    rest = pixels - pixels.mean(axis=1, keepdims=True)
    return rest / np.maximum(np.linalg.norm(rest, axis=1, keepdims=True), 1e-6)

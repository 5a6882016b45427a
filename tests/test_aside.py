"""Work ahead and behind: order, errors, leaving early, an interrupt."""

import contextlib
import threading
import time

import pytest

from huafang.aside import ahead, behind


def nothing() -> None:
    pass


def test_items_come_in_order_and_no_more_are_made_than_may_wait():
    made = []

    def source():
        for number in range(10):
            made.append(number)
            yield number

    with contextlib.closing(ahead(source(), nothing, 2)) as coming:
        assert next(coming) == 0
        time.sleep(0.3)
        assert len(made) <= 4, "one given, two waiting, one at hand"
        assert list(coming) == list(range(1, 10))


def test_what_the_source_or_the_ear_raises_is_raised():
    def source():
        yield 1
        raise ValueError("no more")

    coming = ahead(source(), nothing, 1)
    assert next(coming) == 1
    with pytest.raises(ValueError, match="no more"):
        next(coming)

    def stop():
        raise KeyError("stop")

    never = threading.Event()
    with pytest.raises(KeyError, match="stop"):
        next(ahead((never.wait(5) for _ in range(1)), stop, 1))


def test_all_is_taken_in_order_by_the_end_and_put_may_wait():
    taken: list[int] = []

    def take(number: int) -> None:
        time.sleep(0.05)
        taken.append(number)

    with behind(take, 1) as put:
        put(0)
        put(1, wait=True)
        assert taken == [0, 1]
        put(2)
        put(3)
    assert taken == [0, 1, 2, 3]


def test_an_error_behind_is_raised_at_the_end_and_nothing_is_taken_after_it():
    taken = []

    def take(number: int) -> None:
        taken.append(number)
        raise ValueError(number)

    def all_of_them() -> None:
        with behind(take, 1) as put:
            put(0, wait=True)
            put(1)

    with pytest.raises(ValueError, match="0"):
        all_of_them()
    assert taken == [0]


@pytest.mark.parametrize(("error", "wanted"), [(ValueError, [0, 1]), (KeyboardInterrupt, [0])])
def test_an_error_in_front_lets_all_be_taken_and_an_interrupt_only_what_was_begun(error, wanted):
    taken: list[int] = []
    begun = threading.Event()

    def take(number: int) -> None:
        begun.set()
        time.sleep(0.2)
        taken.append(number)

    def interrupted() -> None:
        with behind(take, 1) as put:
            put(0)
            assert begun.wait(5)
            put(1)
            raise error

    with pytest.raises(error):
        interrupted()
    assert taken == wanted

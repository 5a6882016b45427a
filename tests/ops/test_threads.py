"""Links of a chain of bands: each in its turn as far as it reads, on one thread and on several, and what goes wrong is told."""

import threading
import time

import pytest
import torch

from huafang.ops.threads import Link, workers

HEIGHT, REACH = 24, 2


@pytest.fixture(params=[1, 2, 4])
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def bands(rows: int, height: int = HEIGHT) -> list[tuple[int, int]]:
    return [(first, min(height, first + rows)) for first in range(0, height, rows)]


def test_a_band_waits_for_what_is_near_it_and_for_no_more(threads):
    """Each link notes how far the one before it had come, in rows of the finest, when it began: all that is within reach. Bands and scales differ."""
    scales, sizes = [1, 1, 2, 2, 1], [5, 8, 3, 4, 7]
    done, lock = [torch.zeros(HEIGHT, dtype=torch.bool) for _ in scales], threading.Lock()
    made = []

    def link(number: int) -> Link:
        scale = scales[number]

        def begin():
            made.append(number)
            return work

        def work(first: int, last: int) -> None:
            beyond = REACH * max(scale, scales[number - 1]) if number else 0
            with lock:
                low, high = max(0, first * scale - beyond), min(HEIGHT, last * scale + beyond)
                assert number == 0 or bool(done[number - 1][low:high].all())
            time.sleep(0.001 * (1 + (first + number) % 3))  # so that bands end in another order than they began; nothing is timed
            with lock:
                done[number][first * scale : last * scale] = True

        return Link(begin, bands(sizes[number], HEIGHT // scale), scale)

    with workers(torch.device("cpu")) as each:
        count = sum(1 for _ in each.chained([link(number) for number in range(len(scales))], REACH))
    assert count == sum(len(bands(size, HEIGHT // scale)) for size, scale in zip(sizes, scales, strict=True))
    assert all(bool(one.all()) for one in done)
    assert sorted(made) == list(range(len(scales))), "each work is made once"


def test_a_later_link_is_begun_before_an_earlier_one_has_ended():
    begun, before = threading.Event(), torch.get_num_threads()

    def first(top: int, bottom: int) -> None:
        assert top < 8 or begun.wait(10), "the last band waits for the second link to begin"

    torch.set_num_threads(2)
    try:
        with workers(torch.device("cpu")) as each:
            links = [Link(lambda: first, bands(4)[:3]), Link(lambda: lambda top, bottom: begun.set(), bands(4)[:3])]
            assert len(list(each.chained(links, 0))) == 6
    finally:
        torch.set_num_threads(before)


def test_what_goes_wrong_ends_the_chain_and_is_told(threads):
    worked = []

    def work(first: int, last: int) -> None:
        worked.append(first)
        if first == 8:
            raise RuntimeError("at 8")

    with pytest.raises(RuntimeError, match="at 8"), workers(torch.device("cpu")) as each:
        list(each.chained([Link(lambda: work, bands(4)) for _ in range(50)], REACH))
    assert len(worked) < 100


def test_one_who_stops_listening_stops_the_work(threads):
    worked = []

    def listen() -> None:
        with workers(torch.device("cpu")) as each:
            # Each band takes a moment, so that there is something left to stop.
            for _ in each.chained([Link(lambda: lambda first, last: worked.append(time.sleep(0.002)), bands(4)) for _ in range(100)], REACH):
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        listen()
    assert len(worked) < 300


def test_workers_reckon_on_a_thread_each():
    """A thread of a pool would have as many of OpenMP's as there are cores, and all of them would wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with workers(torch.device("cpu")) as each:
            assert list(each(lambda first, last: torch.get_num_threads(), [(0, 1), (1, 2)])) == [1, 1]
    finally:
        torch.set_num_threads(before)
    assert torch.get_num_threads() == before


def test_threads_stay_for_the_next_run(threads):
    def ran() -> set[int]:
        with workers(torch.device("cpu")) as each:
            return set(each(lambda first, last: threading.get_ident(), bands(3)))

    ran()
    known = {one.ident for one in threading.enumerate()}
    assert ran() <= known


def test_no_band_is_worked_on_after_a_run_that_was_broken_off(threads):
    begun, ended = [], []

    def work(first: int, last: int) -> None:
        begun.append(first)
        time.sleep(0.01)  # so that bands are left, and some under way, when the first has ended; nothing is timed
        ended.append(first)

    def broken_off() -> None:
        with workers(torch.device("cpu")) as each:
            for _ in each(work, bands(1)):
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken_off()
    assert sorted(begun) == sorted(ended)
    assert len(begun) < HEIGHT
    before = len(begun)
    with workers(torch.device("cpu")) as each:
        assert list(each(lambda first, last: first, bands(3))) == [first for first, _ in bands(3)]
    assert len(begun) == before

"""The room of CycleGAN: any size and its controls, on a random network."""

import pytest

from tests.nets import feedforward_rooms
from tests.nets.test_cyclegan import random_state


def sample(bench) -> dict:
    return feedforward_rooms.values(bench, "cyclegan", random_state)


@pytest.mark.parametrize("promise", feedforward_rooms.PROMISES)
def test_the_room_keeps_its_promises(bench, promise):
    promise(bench, "cyclegan", sample(bench))

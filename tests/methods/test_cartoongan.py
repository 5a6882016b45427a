"""The room of CartoonGAN: any size and its controls, on a random network."""

import pytest

from tests.nets import feedforward_rooms
from tests.nets.test_cartoongan import random_state


def sample(bench) -> dict:
    return feedforward_rooms.values(bench, "cartoongan", random_state)


@pytest.mark.parametrize("promise", feedforward_rooms.PROMISES)
def test_the_room_keeps_its_promises(bench, promise):
    promise(bench, "cartoongan", sample(bench))

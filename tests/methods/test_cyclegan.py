"""The method of CycleGAN: any size and its controls, on a random network."""

import pytest

from tests.nets import feedforward_methods
from tests.nets.test_cyclegan import random_state


def sample(bench) -> dict:
    return feedforward_methods.values(bench, "cyclegan", random_state)


@pytest.mark.parametrize("promise", feedforward_methods.PROMISES)
def test_the_method_keeps_its_promises(bench, promise):
    promise(bench, "cyclegan", sample(bench))

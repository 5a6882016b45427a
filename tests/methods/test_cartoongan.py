"""The method of CartoonGAN: any size and its controls, on a random network."""

import pytest

from tests.nets import feedforward_methods
from tests.nets.test_cartoongan import random_state


def sample(bench) -> dict:
    return feedforward_methods.values(bench, "cartoongan", random_state)


@pytest.mark.parametrize("promise", feedforward_methods.PROMISES)
def test_the_method_keeps_its_promises(bench, promise):
    promise(bench, "cartoongan", sample(bench))

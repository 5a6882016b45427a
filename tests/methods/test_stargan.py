"""The method of StarGAN: any size, its labels and its controls, on a random network."""

import pytest
import torch

from huafang.errors import BadInput
from tests.nets import feedforward_methods
from tests.nets.test_stargan import random_state


def sample(bench) -> dict:
    return feedforward_methods.values(bench, "stargan", random_state)


def painted(bench, **changes) -> torch.Tensor:
    return feedforward_methods.painted(bench, "stargan", sample(bench) | changes)


@pytest.mark.parametrize("promise", feedforward_methods.PROMISES)
def test_the_method_keeps_its_promises(bench, promise):
    promise(bench, "stargan", sample(bench))


def test_labels_change_the_face_and_come_one_for_each(bench):
    blond = painted(bench)
    assert torch.equal(painted(bench, labels=[0, 1, 0, 0, 1]), blond), "the defaults, spelled"
    assert (painted(bench, male=True, hair="black") - blond).abs().mean() > 1e-3
    with pytest.raises(BadInput, match="labels: 2 came, and this network has 5"):
        painted(bench, labels=[0, 1])

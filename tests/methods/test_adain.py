"""The method of AdaIN: its controls, on a random network."""

import pytest
import torch

from tests.nets import arbitrary_methods
from tests.nets.test_adain import random_state


def sample(bench) -> dict:
    return arbitrary_methods.sample(bench, random_state())


@pytest.mark.parametrize(
    "promise",
    [
        arbitrary_methods.keeps_every_shape,
        arbitrary_methods.mixes_by_shares,
        arbitrary_methods.acts_under_masks_alone,
        arbitrary_methods.wants_a_share_and_a_mask_for_each_style,
        arbitrary_methods.reckons_in_bfloat16,
    ],
)
def test_the_method_keeps_its_promises(bench, promise):
    promise(bench, "adain", sample(bench))


def test_strength_goes_to_the_photo(bench):
    """A random decoder cannot give the photo back, so only the ends are asked of it."""
    photo = bench.context().image(bench.content)
    assert torch.allclose(arbitrary_methods.painted(bench, "adain", sample(bench) | {"strength": 0.0}), photo, atol=1e-6)
    assert (arbitrary_methods.painted(bench, "adain", sample(bench)) - photo).abs().mean() > 0.02

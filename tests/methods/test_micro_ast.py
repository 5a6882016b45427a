"""The method of MicroAST: its controls on a random network, and the published weights on a real photo."""

import pytest
import torch
from skimage import data

from tests.nets import arbitrary_methods
from tests.nets.test_micro_ast import random_state


def sample(bench) -> dict:
    return arbitrary_methods.sample(bench, random_state())


@pytest.mark.parametrize(
    "promise",
    [
        arbitrary_methods.keeps_every_shape,
        arbitrary_methods.goes_from_the_photo_to_the_style,
        arbitrary_methods.mixes_by_shares,
        arbitrary_methods.wants_a_share_and_a_mask_for_each_style,
        arbitrary_methods.reckons_in_bfloat16,
        arbitrary_methods.acts_under_masks_alone,
    ],
)
def test_the_method_keeps_its_promises(bench, promise):
    promise(bench, "micro_ast", sample(bench))


def test_real_weights_take_the_colours_of_the_painting_and_strength_is_even(bench, shared):
    """The photo is brown, the painting (one of MicroAST's kind: coloured noise in blocks) blue. On the way from one to the other nothing runs off."""
    name = bench.weights.add(shared / "weights" / "microast.safetensors")
    photo = torch.from_numpy(data.coffee()).permute(2, 0, 1)[None, :, :300, :400] / 255
    blue = torch.rand(1, 3, 24, 24, generator=torch.Generator().manual_seed(0)) * torch.tensor([0.3, 0.5, 1.0]).view(1, 3, 1, 1)
    values = {
        "content": bench.put(photo),
        "style": [bench.put(torch.nn.functional.interpolate(blue, scale_factor=8, mode="bicubic").clamp(0, 1))],
        "weights": name,
        "size": 200,
    }
    means = [arbitrary_methods.painted(bench, "micro_ast", values | {"strength": strength}).mean((0, 2, 3)) for strength in (0.0, 0.3, 0.6, 1.0)]
    assert means[0][0] > means[0][2] + 0.2, "red over blue"
    assert means[3][2] > means[3][0] + 0.1, "blue over red"
    redness = [float(mean[0] - mean[2]) for mean in means]
    assert redness == sorted(redness, reverse=True)
    kept = arbitrary_methods.painted(bench, "micro_ast", values | {"keep_colours": "histogram"}).mean((0, 2, 3))
    assert kept[0] > kept[2] + 0.1, "the photo's colours"

"""The method of CAP-VSTNet: its controls on a random network. What its transform promises holds for any weights, since the network is reversible."""

import pytest
import torch

from huafang import methods
from huafang.kernels import tiled
from tests.conftest import scene, weave
from tests.nets import arbitrary_methods
from tests.nets.test_rev_resnet import random_state


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
    ],
)
def test_the_method_keeps_its_promises(bench, promise):
    promise(bench, "cap_vstnet", sample(bench))


@pytest.mark.parametrize("mode", ["photo", "art"])
def test_the_photo_in_its_own_style_is_the_photo(bench, mode):
    """Whitened and coloured by the same statistics, features stay, and so does every pixel: nothing leaks."""
    own = arbitrary_methods.painted(bench, "cap_vstnet", sample(bench) | {"style": [bench.content], "mode": mode})
    assert torch.allclose(own, bench.context().image(bench.content), atol=2e-5)


def test_photo_and_art_differ(bench):
    photo, art = (arbitrary_methods.painted(bench, "cap_vstnet", sample(bench) | {"mode": mode}) for mode in ("photo", "art"))
    assert (photo - art).abs().mean() > 1e-3


@pytest.mark.parametrize("mode", ["photo", "art"])
def test_far_from_a_white_mask_the_photo_stays(bench, mode):
    """Features under black stay; a pixel sees features of 234 rows and columns around it, though far ones hardly."""
    photo = scene(48, 200)
    mask = torch.zeros_like(photo)
    mask[..., 160:] = 1
    values = sample(bench) | {"content": bench.put(photo), "masks": [bench.put(mask)], "size": 256, "mode": mode}
    change = (arbitrary_methods.painted(bench, "cap_vstnet", values) - photo).abs().mean((0, 1, 2))
    assert float(change[:120].max()) < 0.01 < float(change[170:].mean())


def test_a_region_takes_the_style_of_the_region_it_was_given(bench):
    """Left from the left half of a style picture, right from its right half: as if the halves were two pictures."""
    style = torch.cat([weave(40, 40), 1 - weave(40, 40)], 3)
    left, right = torch.zeros(2, 1, 3, 40, 80)
    left[..., :40], right[..., 40:] = 1, 1
    asset, masks = bench.put(style), [bench.put(left), bench.put(right)]
    values = sample(bench) | {"style": [asset, asset], "masks": masks, "style_masks": masks}
    result = arbitrary_methods.painted(bench, "cap_vstnet", values)
    swapped = arbitrary_methods.painted(bench, "cap_vstnet", values | {"style_masks": masks[::-1]})
    assert (result - swapped).abs().mean() > 0.01
    near = [(one[..., 40:].mean((0, 2, 3)) - style[..., 40:].mean((0, 2, 3))).abs().mean() for one in (result, swapped)]
    assert near[0] < near[1]


@pytest.mark.parametrize("mode", ["photo", "art"])
def test_bands_are_the_whole_with_styles_masks_and_odd_sides(bench, monkeypatch, mode):
    left = torch.zeros(1, 3, 50, 107)
    left[..., :50] = 1
    values = sample(bench) | {
        "content": bench.put(scene(107, 150)),
        "style": [bench.style, bench.content],
        "style_weights": [2.0, 1.0],
        "masks": [bench.put(left), bench.put(1 - left)],
        "size": 150,
        "strength": 0.6,
        "mode": mode,
    }
    whole = arbitrary_methods.painted(bench, "cap_vstnet", values)
    monkeypatch.setattr(tiled, "NUMBERS", {"cpu": 1})
    parts = arbitrary_methods.painted(bench, "cap_vstnet", values)
    assert whole.shape == (1, 3, 107, 150)
    assert (parts - whole).abs().max() < 2e-5


def test_black_masks_are_said_and_leave_the_photo(bench):
    black = bench.put(torch.zeros(1, 3, 20, 20))
    for name in ("masks", "style_masks"):
        result = methods.run(methods.build("cap_vstnet", sample(bench) | {name: [black]}), bench.context())
        assert any(f"{name}: number 1 is all but black" in note for note in result.notes)
        assert torch.allclose(result.images[0], bench.context().image(bench.content), atol=2e-5)

"""LPIPS equals the authors' package: three trunks with weights by rule under the real heads, and the real SqueezeNet."""

import re

import pytest
import torch
from safetensors.torch import save_file
from skimage import data

from huafang.errors import BadInput
from huafang.metrics import lpips
from tests.nets.fixtures import Fixture, apart

HEADS = {"alexnet": "alex", "vgg16": "vgg", "squeezenet": "squeeze"}


@pytest.mark.parametrize("trunk", HEADS)
def test_distances_are_the_authors(shared, tmp_path, trunk):
    known = Fixture(shared, "lpips")
    short = HEADS[trunk]
    named = {re.sub(r"^slice\d+\.", "features.", key): known.rule.tensor(key, shape) for key, shape in known.keys[short].items()}
    save_file(named, tmp_path / "trunk.safetensors")
    measure = lpips.load(trunk, tmp_path / "trunk.safetensors", shared / "weights" / f"lpips_v0.1_{short}_heads.safetensors")
    a, b = (known.rule.tensor(name, (2, 3, 64, 80), -1, 1) / 2 + 0.5 for name in ("a", "b"))
    assert apart(measure(a, b), known.want(short)) < 1e-5
    assert apart(measure.between(measure.features(a), measure.features(b)), measure(a, b)) == 0
    assert measure(a, a).tolist() == [0, 0]


def real(shared) -> lpips.Lpips:
    return lpips.load("squeezenet", shared / "weights" / "squeezenet1_1.safetensors", shared / "weights" / "lpips_v0.1_squeeze_heads.safetensors")


def test_the_real_squeezenet_sees_what_eyes_see(shared):
    """A shift by one pixel changes every pixel and is hardly seen; a blur of smaller error is."""
    measure = real(shared)
    photo = torch.from_numpy(data.chelsea())[:256, :256].permute(2, 0, 1)[None].float() / 255
    shifted = photo.roll(1, 3)
    blurred = torch.nn.functional.avg_pool2d(photo, 5, 1, 2, count_include_pad=False)
    assert (shifted - photo).square().mean() > 0.5 * (blurred - photo).square().mean()
    assert float(measure(photo, shifted)) < 0.2 * float(measure(photo, blurred))


@pytest.mark.parametrize(
    ("spoiled", "said"),
    [
        (torch.rand(1, 3, 64, 64) * 2 - 1.5, r"a measure takes sRGB in \[0, 1\]"),
        (torch.rand(1, 3, 64, 60), "differ in shape"),
        (torch.rand(1, 3, 31, 64), "needs 32 a side"),
    ],
)
def test_range_and_size_are_checked_at_the_door(shared, spoiled, said):
    with pytest.raises(BadInput, match=said):
        real(shared)(torch.full((1, 3, 64, 64), 0.5), spoiled)


def test_heads_of_another_trunk_are_refused(shared):
    with pytest.raises(BadInput, match="holds no LPIPS heads for squeezenet"):
        lpips.load("squeezenet", shared / "weights" / "squeezenet1_1.safetensors", shared / "weights" / "lpips_v0.1_alex_heads.safetensors")

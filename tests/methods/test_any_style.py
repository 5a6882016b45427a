"""The built-in network for any style: what it paints is what it painted when it was released, and it does what `stylize` wants of it.

`HUAFANG_GOLDEN=1 python -m pytest tests/methods/test_any_style.py -k golden` writes the golden picture anew, after the network was trained anew.
"""

import os
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from skimage import data
from torch import Tensor

from huafang import images, methods
from huafang.models import catalogue
from huafang.scenes import scene
from tests.conftest import Bench

GOLDEN = Path(__file__).parents[1] / "golden" / "any_style_coffee.png"
TOLERANCE = 0.004
"""Mean difference in [0, 1] between machines: half a level's rounding, and a network's."""


def coffee() -> Tensor:
    whole = torch.from_numpy(data.coffee()).permute(2, 0, 1)[None] / 255
    return F.interpolate(whole, (160, 240), mode="bilinear", antialias=True)


def painting(number: int) -> Tensor:
    return torch.from_numpy(scene.scene(7, number, 192).pixels).permute(2, 0, 1)[None].contiguous()


def cloth(red: float, green: float, blue: float) -> Tensor:
    """Coloured noise in blocks, around one hue."""
    noise = torch.rand(1, 3, 24, 24, generator=torch.Generator().manual_seed(0)) * torch.tensor([red, green, blue]).view(1, 3, 1, 1)
    return F.interpolate(noise, scale_factor=8, mode="bicubic").clamp(0, 1)


def stylized(bench: Bench, photo: Tensor, style: Tensor, **settings) -> Tensor:
    values = {"content": bench.put(photo), "style": [bench.put(style)], **settings}
    return methods.run(methods.build("micro_ast", values), bench.context()).images[0]


def test_golden_picture(bench):
    painted = stylized(bench, coffee(), painting(103))
    if os.environ.get("HUAFANG_GOLDEN"):
        GOLDEN.write_bytes(images.encode(painted))
    assert float((images.decode(GOLDEN.read_bytes()) - painted).abs().mean()) < TOLERANCE


def test_it_is_small_and_comes_with_the_package(bench):
    path = bench.weights.path("any-style")
    assert path.parent == catalogue.BUILT_IN
    assert path.stat().st_size <= 2_000_000
    (model,) = [one for one in bench.weights.models() if one.name == "any-style"]
    assert (model.holds, model.builtin) == ("micro_ast", True)
    assert bench.weights.verify("any-style").faults == ()


@pytest.mark.parametrize("hue", [(1.0, 0.4, 0.3), (0.3, 1.0, 0.4), (0.3, 0.4, 1.0)])
def test_a_photo_goes_over_to_the_hue_of_the_painting(bench, hue):
    """Coffee is brown: whatever the painting's hue, it becomes the strongest; halfway it is in between."""
    strongest = hue.index(1.0)
    others = [place for place in range(3) if place != strongest]
    shares = []
    for strength in (0.0, 0.5, 1.0):
        mean = stylized(bench, coffee(), cloth(*hue), strength=strength).mean((0, 2, 3))
        shares.append(float(mean[strongest] - mean[others].max()))
    assert shares[2] > 0.05
    if strongest != 0:
        assert shares == sorted(shares)


def test_the_photo_is_still_to_be_seen_in_it(bench):
    """Light and dark lie where they lay."""
    photo, painted = coffee(), stylized(bench, coffee(), painting(103))
    light, painted_light = (F.avg_pool2d(one.mean(1, keepdim=True), 8).flatten() for one in (photo, painted))
    assert float(torch.corrcoef(torch.stack([light, painted_light]))[0, 1]) > 0.6


def test_two_paintings_give_two_pictures(bench):
    one, other = (stylized(bench, coffee(), painting(number)) for number in (103, 110))
    assert float((one - other).abs().mean()) > 0.03

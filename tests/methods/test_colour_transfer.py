"""Colours carried as the papers say: checked against what the equations promise."""

import pytest
import torch

from huafang import methods
from huafang.ops import colour
from tests.conftest import scene, weave


def sample(bench) -> dict:
    return {"content": bench.content, "style": [bench.style], "transfer": "sliced"}


def statistics(picture: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    flat = picture[0].flatten(1).double()
    return flat.mean(1), torch.cov(flat)


def test_lab_turns_back():
    picture = scene(20, 30)
    assert torch.allclose(colour.from_lab(colour.to_lab(picture)), picture, atol=1e-4)


def test_reinhard_carries_mean_and_spread_of_each_channel():
    carried = colour.to_lab(colour.reinhard(scene(40, 50), weave(30, 30)).clamp(0, 1))
    wanted = colour.to_lab(weave(30, 30))
    assert torch.allclose(carried.mean((2, 3)), wanted.mean((2, 3)), atol=0.03)


def test_linear_map_carries_mean_and_covariance():
    mean, spread = statistics(colour.monge_kantorovich(scene(40, 50), weave(30, 30)))
    wanted_mean, wanted_spread = statistics(weave(30, 30))
    assert torch.allclose(mean, wanted_mean, atol=1e-4)
    assert torch.allclose(spread, wanted_spread, atol=1e-4)


def test_linear_map_of_a_picture_to_itself_is_the_identity():
    picture = scene(40, 50)
    assert torch.allclose(colour.monge_kantorovich(picture, picture), picture, atol=1e-4)


def test_sliced_transport_carries_the_whole_distribution():
    carried = colour.sliced_transport(scene(64, 64), weave(64, 64), torch.Generator().manual_seed(0), iterations=40)
    for axis in torch.eye(3):  # the marginals in RGB, none of which was matched directly
        have = (carried[0] * axis.view(3, 1, 1)).sum(0).flatten().sort().values
        want = (weave(64, 64)[0] * axis.view(3, 1, 1)).sum(0).flatten().sort().values
        before = (scene(64, 64)[0] * axis.view(3, 1, 1)).sum(0).flatten().sort().values
        assert (have - want).abs().mean() < 0.25 * (before - want).abs().mean()
        assert (have - want).abs().mean() < 0.02


@pytest.mark.parametrize("transfer", ["reinhard", "linear", "sliced"])
def test_strength_zero_is_the_photo_and_flat_pictures_survive(bench, transfer):
    params = {"content": bench.content, "style": [bench.style], "transfer": transfer, "strength": 0.0}
    out = methods.run(methods.build("colour_transfer", params), bench.context()).images[0]
    assert torch.allclose(out, bench.context().image(bench.content), atol=1e-5)
    flat = bench.put(torch.full((1, 3, 16, 20), 0.4))
    out = methods.run(methods.build("colour_transfer", params | {"content": flat, "strength": 1.0}), bench.context()).images[0]
    assert torch.isfinite(out).all()


def test_keep_chroma_changes_luminance_only():
    content, stylised = scene(20, 20), weave(20, 20)
    kept = colour.keep_chroma(stylised, content)
    assert torch.allclose(colour.luminance(kept), colour.luminance(stylised), atol=1e-5)
    assert torch.allclose(colour.mix(kept, colour.YIQ)[:, 1:], colour.mix(content, colour.YIQ)[:, 1:], atol=1e-5)


def logo(height: int = 48, width: int = 64) -> torch.Tensor:
    """White ground, a red disc, a black bar: three colours, most pixels alike."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
    picture = torch.ones(3, height, width)
    picture[:, x * x + y * y < 0.3] = torch.tensor([0.8, 0.1, 0.1])[:, None]
    picture[:, (y > 0.7) & (x.abs() < 0.5)] = 0.0
    return picture[None]


def few_colours() -> dict[str, torch.Tensor]:
    halves = torch.ones(1, 3, 48, 64)
    halves[..., 32:] = 0
    blocks = scene(6, 8).repeat_interleave(8, 2).repeat_interleave(8, 3)  # what JPEG leaves of a strongly compressed photo
    return {"logo": logo(), "mask": halves, "blocks": blocks, "flat": torch.full((1, 3, 48, 64), 0.7)}


@pytest.mark.parametrize("style", ["weave", "logo", "flat"])
@pytest.mark.parametrize("content", list(few_colours()))
@pytest.mark.parametrize("transfer", ["reinhard", "linear", "sliced"])
def test_pictures_of_few_colours_get_colours_of_the_style_alone(bench, transfer, content, style):
    """Within the convex hull of the style's colours plus 2 %, and as many colours as before."""
    shown = {"weave": weave(48, 64), **few_colours()}
    params = {"content": bench.put(shown[content]), "style": [bench.put(shown[style])], "transfer": transfer}
    out = methods.run(methods.build("colour_transfer", params), bench.context()).images[0]
    found, theirs = out[0].flatten(1).double(), bench.context().image(params["style"][0])[0].flatten(1).double()
    rng = torch.Generator().manual_seed(1)
    for direction in torch.nn.functional.normalize(torch.randn(400, 3, generator=rng, dtype=torch.float64), dim=1):
        along, wanted = direction @ found, direction @ theirs
        slack = 0.02 * (wanted.max() - wanted.min()) + 0.025  # the polytope has flat faces where the hull is round
        assert along.max() <= wanted.max() + slack
        assert along.min() >= wanted.min() - slack
    before, after = (torch.unique((one[0].flatten(1).T * 255).round(), dim=0).shape[0] for one in (bench.context().image(params["content"]), out))
    assert after <= before, "flat areas stay flat"


@pytest.mark.parametrize("style", list(few_colours()))
def test_a_gamut_of_few_colours_is_their_convex_hull(style):
    """Whatever comes, from all over the cube: within the hull's extent along any direction, plus 2 %."""
    theirs = few_colours()[style]
    everywhere = torch.rand(1, 3, 40, 40, generator=torch.Generator().manual_seed(2)) * 1.4 - 0.2
    found, hull = colour.Gamut.of(theirs).clip(everywhere)[0].flatten(1).double(), theirs[0].flatten(1).double()
    directions = torch.nn.functional.normalize(torch.randn(400, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64), dim=1)
    along, wanted = directions @ found, directions @ hull
    low, high = wanted.aminmax(dim=1)
    beyond = torch.maximum(along.amax(1) - high, low - along.amin(1)) - 0.02 * (high - low)
    assert beyond.max() < 0.02


def test_one_colour_goes_to_the_middle_of_the_styles(bench):
    """Sliced transport has no reason to take a flat picture to any end of the style's distribution."""
    flat = torch.full((1, 3, 48, 64), 0.4)
    out = colour.sliced_transport(flat, weave(48, 64), torch.Generator().manual_seed(0))
    middle = weave(48, 64).flatten(2).median(2).values
    assert (out.flatten(2).mean(2) - middle).abs().max() < 0.12

"""The walk of `gatys` and the two short cuts on its way back, held against torch's own."""

from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F

from huafang.methods.gatys import Gatys
from huafang.methods.gatys.scene import Scene, Style
from huafang.methods.gatys.trained import Trained, _Distance, _gram
from huafang.nets import vgg
from huafang.ops.descent import FIRST, LONGER, LONGEST, SLACK, Descent
from huafang.ops.gram import gram
from tests.conftest import scene, weave

P = Gatys(content="0" * 64, style=("0" * 64,))
TUTORIAL = ("conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1")


@pytest.fixture(scope="module")
def trained():
    content = scene(64, 80)
    whole = Scene(content, content, [Style(weave(64, 64), 1.0, None)])
    net = vgg.he(torch.Generator().manual_seed(0))
    return whole, lambda given: Trained(given, net, fast=False, style_layers=TUTORIAL, content_layer="conv2_2", style_weight=1e4)


def walked(loss, pixels, steps) -> tuple[torch.Tensor, list[float]]:
    walk, losses = Descent(P, loss, pixels), []
    for step in range(steps):
        pixels, figures = walk.step(pixels, step / steps)
        assert float(pixels.min()) >= 0
        assert float(pixels.max()) <= 1
        losses.append(figures["loss"])
    return pixels, losses


def test_the_loss_never_rises_by_more_than_the_slack(trained):
    whole, make = trained
    _, losses = walked(make(whole), whole.content, 20)
    assert losses[-1] < 0.15 * losses[0]
    assert all(later <= earlier * (1 + SLACK) for earlier, later in pairwise(losses))


def test_it_comes_lower_than_lbfgs_that_is_clamped_behind_its_back(trained):
    whole, make = trained
    loss, steps = make(whole), 25
    pixels = whole.content.clone().requires_grad_()
    plain = torch.optim.LBFGS([pixels])
    seen: list[float] = []

    def closure() -> torch.Tensor:
        with torch.no_grad():
            pixels.clamp_(0, 1)
        plain.zero_grad()
        total = sum(loss(pixels))
        total.backward()
        seen.append(float(total.detach()))
        return total

    while len(seen) < steps:
        plain.step(closure)
    assert walked(loss, whole.content, steps)[1][-1] < min(seen[:steps])


def test_no_move_is_thrown_far_where_the_optimum_seems_to_be():
    """Springs to a place far beyond white, whose curvature L-BFGS knows after one move: what it asks for next would be white everywhere."""
    pixels, before = torch.full((1, 3, 8, 8), 0.1), FIRST
    walk = Descent(P, lambda here: (F.mse_loss(here, torch.full_like(here, 30)), here.new_zeros(())), pixels)
    for _ in range(8):
        later, _ = walk.step(pixels, 0)
        moved = float((later - pixels).square().mean().sqrt())
        assert 0.9 * before < moved <= 1.001 * min(LONGEST, LONGER * before)
        pixels, before = later, moved


def test_bounds_are_kept_and_the_rest_goes_to_its_optimum():
    """A chain of springs to a target beyond white: the optimum has white pixels, and others that lean on them."""
    wanted = 0.7 + 0.5 * torch.sin(torch.arange(64.0)).expand(1, 3, 8, 64)

    def springs(pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return F.mse_loss(pixels, wanted), 20 * F.mse_loss(pixels[..., 1:], pixels[..., :-1])

    found, _ = walked(springs, torch.full((1, 3, 8, 64), 0.5), 150)
    exact = torch.full((1, 3, 8, 64), 0.5)
    for _ in range(5000):  # projected gradient, slow and sure
        here = exact.requires_grad_()
        (gradient,) = torch.autograd.grad(sum(springs(here)), here)
        exact = (here.detach() - 8 * gradient).clamp(0, 1)
    assert float((found - exact).abs().max()) < 1e-3


def test_a_move_that_raised_the_loss_is_taken_back():
    wanted = torch.full((1, 3, 8, 8), 0.5)
    walls = lambda pixels: (F.mse_loss(pixels, wanted), (1e4 * (pixels - wanted).abs() ** 1.2).mean())  # noqa: E731
    found, losses = walked(walls, wanted + 0.001, 40)
    assert losses[-1] < 0.05 * losses[0]
    assert float((found - wanted).abs().max()) < 0.001


def test_same_walk_same_pixels(trained):
    whole, make = trained
    assert torch.equal(walked(make(whole), whole.content, 4)[0], walked(make(whole), whole.content, 4)[0])


def test_the_short_cuts_are_exact_in_single_precision():
    features = torch.randn(1, 6, 5, 7, generator=torch.Generator().manual_seed(0)).contiguous(memory_format=torch.channels_last)
    wanted, target = torch.randn(1, 6, 5, 7), torch.randn(6, 6)
    for short, long in (
        (lambda x: (_gram(x) * target).sum(), lambda x: (gram(x)[0] * target).sum()),
        (lambda x: 3 * _Distance.apply(x, wanted), lambda x: 3 * F.mse_loss(x, wanted)),
    ):
        found = []
        for function in (short, long):
            here = features.clone().requires_grad_()
            value = function(here)
            found.append((value.detach(), torch.autograd.grad(value, here)[0]))
        assert torch.allclose(found[0][0], found[1][0], atol=1e-5)
        assert torch.allclose(found[0][1], found[1][1], atol=1e-5)


def test_other_layers_and_weights_can_be_asked_for(trained):
    whole, make = trained
    net = vgg.he(torch.Generator().manual_seed(0))
    pixels = torch.rand(1, 3, 64, 80, generator=torch.Generator().manual_seed(1))
    content, style = make(whole)(pixels)
    ours, theirs, photo = (net(picture, TUTORIAL) for picture in (pixels, whole.styles[0].picture, whole.content))
    flat = lambda found: found[0].flatten(1) @ found[0].flatten(1).T / found.numel()  # noqa: E731
    assert float(style) == pytest.approx(1e4 * sum(float(F.mse_loss(flat(ours[name]), flat(theirs[name]))) for name in TUTORIAL), rel=1e-3)
    assert float(content) == pytest.approx(float(F.mse_loss(ours["conv2_2"], photo["conv2_2"])), rel=1e-4)

"""Neural style from three kinds of features: what it promises, on pictures small enough to say so quickly."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from scipy.stats import wasserstein_distance

from huafang import methods
from huafang.errors import BadInput, MissingWeights
from huafang.methods.gatys import patches
from huafang.methods.gatys.matching import Matching
from huafang.methods.gatys.patches import Patches, quantiles, transport
from huafang.methods.gatys.random_filters import RandomFilters
from huafang.methods.gatys.scene import Scene, Style, sides
from huafang.methods.gatys.trained import CONTENT_LAYER, STYLE_LAYERS, STYLE_WEIGHT, Trained
from huafang.nets import vgg
from huafang.ops.gram import gram
from tests.conftest import scene, weave


def sample(bench) -> dict:
    return {"content": bench.content, "style": [bench.style], "steps": 6}


def paint(bench, **settings) -> torch.Tensor:
    return methods.run(methods.build("gatys", sample(bench) | settings), bench.context()).images[0]


def small_scene(content=None, style=None) -> Scene:
    content, style = scene(64, 80) if content is None else content, weave(64, 64) if style is None else style
    return Scene(content, content, [Style(style, 1.0, None)])


@pytest.fixture(scope="module")
def net():
    return vgg.he(torch.Generator().manual_seed(0))


def test_gram_is_the_papers_equation():
    features = torch.randn(1, 3, 4, 5)
    flat = features[0].flatten(1)
    wanted = torch.tensor([[sum(float(a * b) for a, b in zip(x, y, strict=True)) / 20 for y in flat] for x in flat])
    assert torch.allclose(gram(features)[0], wanted, atol=1e-5)
    half = torch.zeros(1, 1, 4, 5)
    half[..., :2] = 1
    assert torch.allclose(gram(features, half), gram(features[..., :2]), atol=1e-5)
    assert not gram(features, torch.zeros(1, 1, 4, 5)).any()


def test_the_trained_loss_is_the_papers_formula(net):
    here = small_scene()
    pixels = torch.rand(1, 3, 64, 80, generator=torch.Generator().manual_seed(1))
    content, style = Trained(here, net, fast=False)(pixels)
    ours, theirs, photo = (net(picture, (*STYLE_LAYERS, CONTENT_LAYER)) for picture in (pixels, here.styles[0].picture, here.content))
    wanted = 0.0
    for name in STYLE_LAYERS:
        a, b = (found[name][0].flatten(1).double() for found in (ours, theirs))
        wanted += float(((a @ a.T / a.shape[1] - b @ b.T / b.shape[1]) ** 2).mean()) / a.shape[0] ** 2
    assert float(style) == pytest.approx(wanted * STYLE_WEIGHT, rel=1e-4)
    assert float(content) == pytest.approx(float(F.mse_loss(ours[CONTENT_LAYER], photo[CONTENT_LAYER])), rel=1e-4)


def test_half_precision_gives_the_loss_and_the_direction_of_single(net):
    pixels = torch.rand(1, 3, 64, 80, generator=torch.Generator().manual_seed(1))
    found = []
    for fast in (False, True):
        here = pixels.clone().requires_grad_()
        total = sum(Trained(small_scene(), net, fast=fast)(here))
        total.backward()
        found.append((float(total.detach()), here.grad.flatten()))
    assert found[1][0] == pytest.approx(found[0][0], rel=0.03)
    assert float(F.cosine_similarity(found[0][1], found[1][1], dim=0)) > 0.99


@pytest.mark.parametrize("features", ["random", "vgg19"])
def test_descent_lowers_the_loss(bench, net, features):
    if features == "vgg19":
        bench.weights.root.mkdir()
        save_file(net.state_dict(), bench.weights.root / "vgg19.safetensors")
    bench_steps = 8
    methods.run(methods.build("gatys", sample(bench) | {"features": features, "steps": bench_steps}), bench.context())
    assert len(bench.steps) == bench_steps
    assert bench.steps[-1].figures["loss"] < 0.8 * bench.steps[0].figures["loss"]
    assert set(bench.steps[0].figures) == {"loss", "content", "style", "side"}


def test_random_filters_are_content_with_the_style_itself():
    style = weave(80, 80)
    here = Scene(style, style, [Style(style, 1.0, None)])
    loss = RandomFilters(here, torch.Generator().manual_seed(0))
    content, stylistic = loss(style)
    assert float(content) < 1e-9
    assert float(stylistic) < 1e-6
    assert float(loss(scene(80, 80))[1]) > 1


def test_transport_is_the_wasserstein_distance_and_its_gradient(monkeypatch):
    """It comes the nearer to what sorting gives, the more knots it has."""
    monkeypatch.setattr(patches, "KNOTS", 1 << 22)
    ours, theirs = torch.randn(2, 5, 40, generator=torch.Generator().manual_seed(0)).double()
    ranked = theirs.sort(1).values
    moves = transport(ours, ours.sort(1).values, ranked)
    for row in range(5):
        order = sorted(range(40), key=lambda place: float(ours[row, place]))
        wanted = [0.0] * 40
        for rank, place in enumerate(order):
            wanted[place] = sorted(theirs[row].tolist())[rank] - float(ours[row, place])
        assert torch.allclose(moves[row], ours.new_tensor(wanted), atol=1e-3)
        assert float(moves[row].abs().mean()) == pytest.approx(wasserstein_distance(ours[row], theirs[row]), rel=1e-4)
    here = ours.clone().requires_grad_()
    (here.sort(1).values - ranked).square().mean(1).sum().backward()
    assert torch.allclose(here.grad, -2 * moves / 40, atol=5e-5)


def test_transport_of_as_many_patches_as_the_method_ranks_is_that_of_sorting():
    ours, theirs = torch.randn(2, 3, patches.RANKED, generator=torch.Generator().manual_seed(0)) ** 3
    sample, ranked = ours.sort(1).values, theirs.sort(1).values
    exact = torch.empty_like(ours).scatter_(1, ours.argsort(1), ranked) - ours
    assert float((transport(ours, sample, ranked) - exact).abs().mean()) < 0.05 * float(exact.abs().mean())


def test_transport_takes_equal_values_to_one_place_and_moves_those_that_were_not_ranked_as_their_neighbours():
    sample = torch.cat([torch.zeros(50), torch.linspace(1, 2, 51)])[None]
    ranked = torch.linspace(0, 10, 101)[None]
    flat, between, beyond = (torch.full((1, 7), value) for value in (0.0, 1.51, 9.0))
    assert transport(flat, sample, ranked).unique().numel() == 1
    assert torch.allclose(between + transport(between, sample, ranked), torch.tensor(7.55), atol=0.03)
    assert torch.allclose(beyond + transport(beyond, sample, ranked), torch.tensor(10.0)), "beyond the last it goes where the last goes"
    assert torch.allclose(transport(torch.ones(2, 3), torch.ones(2, 1), torch.full((2, 1), 4.0)), torch.tensor(3.0)), "one patch alone"


def test_patches_leave_no_grid_where_the_photo_is_flat(monkeypatch):
    """Ranks are taken on a grid of patches, every third here; where one patch is as the next, one pixel must become as the next."""
    monkeypatch.setattr(patches, "RANKED", 900)
    flat = torch.full((1, 3, 90, 90), 0.5)
    one = patches.Patches(Scene(flat, flat, [Style(weave(90, 90), 1.0, None)]), 0.0, 1.0, torch.Generator().manual_seed(0))
    moved, _, _ = one.move(flat, 0.0)
    inside = (moved - flat)[..., 20:70, 20:70]
    assert float(inside.abs().mean()) > 1e-3
    assert float(inside.std((2, 3)).max()) < 1e-5


@pytest.mark.parametrize("count", [37, 500, 1999])
def test_unequal_numbers_are_compared_at_quantiles(count):
    few, many = torch.randn(count, generator=torch.Generator().manual_seed(0)), torch.randn(500, generator=torch.Generator().manual_seed(1)) + 3
    ranked = quantiles(many.sort().values[None], count)
    assert ranked.shape == (1, count)
    assert (ranked.diff(dim=1) >= 0).all()
    assert float(transport(few[None], few.sort().values[None], ranked).abs().mean()) == pytest.approx(wasserstein_distance(few, many), rel=0.01)
    if count == 500:
        assert torch.equal(ranked[0], many.sort().values)


def sliced_wasserstein(picture: torch.Tensor, other: torch.Tensor) -> float:
    """GPDM's own measure: patches of 7 × 7, random directions of norm 1, exact distances."""
    kernels = np.random.default_rng(0).standard_normal((48, 3 * 49))
    kernels /= np.linalg.norm(kernels, axis=1, keepdims=True)
    ours, theirs = (kernels @ F.unfold(given, 7)[0].numpy() for given in (picture, other))
    return float(np.mean([wasserstein_distance(a, b) for a, b in zip(ours, theirs, strict=True)]))


def test_the_distribution_of_patches_becomes_the_paintings():
    photo, style = (1 - weave(48, 40)).mT.contiguous(), weave(48, 48)
    pixels, worker = photo, Patches(small_scene(photo, style), 0.0, 1.0, torch.Generator().manual_seed(0))
    said = []
    for step in range(40):
        pixels, _, distance = worker.move(pixels, step / 40)
        said.append(distance)
    assert sliced_wasserstein(pixels, style) < 0.35 * sliced_wasserstein(photo, style)
    assert said[-1] < 0.2 * said[0]


def test_the_photo_holds_as_content_weight_says(bench):
    photo = small_scene().content
    far = []
    for weight in (0.0, 1.0, 30.0):
        pixels, worker = photo, Patches(small_scene(), weight, 1.0, torch.Generator().manual_seed(0))
        for step in range(4):
            pixels, content, _ = worker.move(pixels, step / 4)
        assert content == pytest.approx(float(F.mse_loss(pixels, photo)))
        far.append(content)
    assert far[0] > far[1] > 2 * far[2]


@pytest.mark.parametrize("features", ["patches", "matching"])
def test_patches_of_the_result_are_nearer_to_the_paintings(bench, features):
    def distance(picture: torch.Tensor) -> float:
        ours, theirs = (F.unfold(given, 7, stride=2)[0].T for given in (picture, bench.context().image(bench.style)))
        return float(torch.cdist(ours, theirs).min(1).values.mean())

    assert distance(paint(bench, steps=12, features=features)) < 0.6 * distance(bench.context().image(bench.content))


@pytest.mark.parametrize("mover", [Patches, Matching])
def test_a_picture_that_is_the_painting_is_left_alone(mover):
    style = weave(60, 60)
    moved, _, distance = mover(Scene(style, style, [Style(style, 1.0, None)]), 0.0, 1.0, torch.Generator().manual_seed(0)).move(style, 0.0)
    assert distance < 0.01
    assert float(F.mse_loss(moved, style)) < 0.002


def test_without_downloads_vgg_is_refused_and_says_how_to_get_it(bench):
    with pytest.raises(MissingWeights) as caught:
        paint(bench, features="vgg19")
    assert caught.value.hint == "get it with: huafang models pull vgg19"


@pytest.mark.parametrize("features", ["patches", "matching", "random"])
def test_a_style_acts_where_its_mask_is_white(bench, features):
    left, nowhere = torch.zeros(2, 1, 3, 48, 64)
    left[..., :32] = 1
    red, blue = (
        bench.put(torch.tensor(tone).view(1, 3, 1, 1) * (0.6 + 0.4 * weave(48, 48).mean(1, keepdim=True))) for tone in ([1.0, 0.1, 0.1], [0.1, 0.1, 1.0])
    )
    masks = [bench.put(left), bench.put(1 - left)]
    out = paint(bench, style=[red, blue], masks=masks, features=features, steps=6)
    warm = out[0, 0] - out[0, 2]
    assert float(warm[:, :28].mean()) > 0.2
    assert float(warm[:, 36:].mean()) < -0.2
    still = paint(bench, style=[red], masks=[bench.put(nowhere)], features=features, steps=4)
    assert float(F.mse_loss(still, bench.context().image(bench.content))) < 0.01, "a style that acts nowhere leaves the photo"


@pytest.mark.parametrize("features", ["patches", "matching", "random"])
def test_shares_mix_styles(bench, features):
    red, blue = (
        bench.put(torch.tensor(tone).view(1, 3, 1, 1) * (0.6 + 0.4 * weave(48, 48).mean(1, keepdim=True))) for tone in ([1.0, 0.1, 0.1], [0.1, 0.1, 1.0])
    )
    warmth = []
    for shares in ([1, 0], [0.5, 0.5], [0, 1]):
        out = paint(bench, style=[red, blue], style_weights=shares, features=features, steps=3)
        warmth.append(float((out[0, 0] - out[0, 2]).mean()))
    assert warmth[0] > warmth[1] > warmth[2]


def test_luminance_keeps_the_photos_colours(bench):
    from huafang.ops import colour

    out, photo = paint(bench, keep_colours="luminance"), bench.context().image(bench.content)
    inside = ((out > 0.01) & (out < 0.99)).all(1)[0]
    assert inside.float().mean() > 0.4
    assert torch.allclose(colour.mix(out, colour.YIQ)[0, 1:, inside], colour.mix(photo, colour.YIQ)[0, 1:, inside], atol=1e-3)
    assert not torch.allclose(out, photo, atol=0.02)


def test_histogram_brings_the_photos_colours_to_the_painting(bench):
    photo = bench.context().image(bench.content)
    means = [(paint(bench, keep_colours=kept).mean((2, 3)) - photo.mean((2, 3))).abs().sum() for kept in ("no", "histogram")]
    assert means[1] < 0.5 * means[0]


@pytest.mark.parametrize(("height", "width"), [(8, 8), (8, 200), (150, 9), (33, 47)])
@pytest.mark.parametrize("features", ["patches", "matching", "random"])
def test_pictures_of_any_size(bench, height, width, features):
    out = paint(bench, content=bench.put(scene(height, width)), style=[bench.put(weave(8, 90))], features=features, steps=3)
    assert out.shape == (1, 3, height, width)
    assert torch.isfinite(out).all()


def test_the_result_has_the_size_that_was_asked(bench):
    assert paint(bench, content=bench.put(scene(90, 180)), size=64, steps=2).shape == (1, 3, 32, 64)
    result = methods.run(methods.build("gatys", sample(bench) | {"size": 512}), bench.context())
    assert result.images[0].shape == (1, 3, 48, 64)
    assert "not enlarged" in result.notes[0]


def test_scales_share_all_steps():
    for steps in (1, 2, 5, 60, 501):
        plan = sides(512, 128, steps)
        assert sum(count for _, count in plan) == steps
        assert plan[-1][0] == 512
        assert all(count >= 1 for _, count in plan)
    assert [side for side, _ in sides(512, 128, 60)] == [128, 181, 256, 362, 512]
    assert sides(64, 128, 3) == [(64, 3)]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"style_weights": [1, 2]}, "2 came for 1 style pictures"),
        ({"style_weights": [-1]}, "negative"),
        ({"style_weights": [0]}, "above 0"),
        ({"style": []}, "style"),
        ({"steps": 0}, "steps"),
    ],
)
def test_what_does_not_fit_is_refused_at_the_door(bench, wrong, why):
    with pytest.raises(BadInput, match=why):
        methods.build("gatys", sample(bench) | wrong)


def test_one_mask_for_each_style(bench):
    with pytest.raises(BadInput, match="masks: 1 came for 2"):
        methods.build("gatys", sample(bench) | {"style": [bench.style, bench.style], "masks": [bench.content]})


def test_smoothness_smooths(bench):
    rough, smooth = (paint(bench, tv_weight=weight, steps=8) for weight in (0.0, 20.0))

    def variation(picture: torch.Tensor) -> float:
        return float((picture[..., 1:] - picture[..., :-1]).abs().mean())

    assert variation(smooth) < 0.9 * variation(rough)


def test_noise_is_another_start(bench):
    assert not torch.equal(paint(bench, init="noise", steps=2), paint(bench, steps=2))

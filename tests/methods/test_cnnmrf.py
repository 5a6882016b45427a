"""Patches of features: the paper's equations in plain loops, and what the method promises, on pictures small enough to say so quickly."""

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from huafang import methods
from huafang.context import Context
from huafang.errors import Cancelled, MissingWeights
from huafang.methods.cnnmrf.patches import BALANCE, Energy, book, nearest, patches
from huafang.methods.cnnmrf.run import scales
from huafang.methods.cnnmrf.trunks import VGG_CONTENT, VGG_STYLE, trunk
from huafang.nets import squeezenet, vgg
from huafang.ops import colour
from tests.conftest import scene, weave


def sample(bench) -> dict:
    return {"content": bench.content, "style": [bench.style], "steps": 6, "features": "random"}


def paint(bench, **settings) -> torch.Tensor:
    return methods.run(methods.build("cnnmrf", sample(bench) | settings), bench.context()).images[0]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def nets(bench):
    """Untrained networks under the names of the trained ones."""
    bench.weights.root.mkdir(exist_ok=True)
    torch.manual_seed(0)
    save_file(vgg.he(generator()).state_dict(), bench.weights.root / "vgg19.safetensors")
    save_file(squeezenet.SqueezeNet().state_dict(), bench.weights.root / "squeezenet1_1.safetensors")
    return bench


def two_maps(pixels: torch.Tensor) -> tuple[list[torch.Tensor], torch.Tensor]:
    """A trunk that can be followed by hand: the picture, its halves, its quarters."""
    half = F.avg_pool2d(pixels, 2)
    return [pixels, half], F.avg_pool2d(half, 2)


@pytest.mark.parametrize("stride", [1, 2])
def test_patches_are_three_by_three_places(stride):
    found = torch.randn(1, 4, 9, 8, generator=generator())
    rows = patches(found, stride)
    corners = [(y, x) for y in range(0, 7, stride) for x in range(0, 6, stride)]
    assert len(rows) == len(corners)
    for row, (y, x) in zip(rows, corners, strict=True):
        assert torch.equal(row, found[0, :, y : y + 3, x : x + 3].flatten())


def test_the_nearest_patch_is_that_of_a_brute_search():
    """Equation 3, with lengths that differ a thousandfold: correlation does not see them, a distance would."""
    ours = torch.randn(1, 3, 9, 11, generator=generator(1))
    theirs = [torch.randn(1, 3, 8, 7, generator=generator(2)), 1000 * torch.randn(1, 3, 6, 9, generator=generator(3))]
    rows, every = patches(ours, 1), torch.cat([patches(one, 1) for one in theirs])
    found = nearest(rows, book(theirs, 1))
    for row, place in zip(rows, found.tolist(), strict=True):
        scores = [float((row.double() @ other.double()) / (row.double().norm() * other.double().norm())) for other in every]
        assert scores[place] == pytest.approx(max(scores), abs=1e-6)
    assert set((found >= len(patches(theirs[0], 1))).tolist()) == {False, True}, "patches of both pictures are taken"


def test_the_energy_is_the_papers():
    pixels, photo = torch.rand(1, 3, 24, 20, generator=generator(1)), scene(24, 20)
    styles = [weave(16, 18), torch.rand(1, 3, 14, 15, generator=generator(2))]
    content, style = Energy(two_maps, photo, styles, 2, 1)(pixels)
    (fine, half), quarter = two_maps(pixels)
    wanted = two_maps(photo)[1]
    assert float(content) == pytest.approx(float(((quarter - wanted) ** 2).mean() / (wanted**2).mean()), rel=1e-5)
    total = 0.0
    for number, ours in enumerate((fine, half)):
        every = torch.cat([patches(two_maps(one)[0][number], 2) for one in styles])
        rows = patches(ours, 2)
        far = 0.0
        for row in rows:
            match = max(every, key=lambda other: float(row @ other / other.norm()))
            far += float(((row - match) ** 2).sum())
        total += far / rows.numel() / float((every**2).mean()) / 2
    assert float(style) == pytest.approx(BALANCE * total, rel=1e-4)


def test_a_picture_made_of_the_paintings_patches_has_no_energy():
    style = weave(32, 32)
    content, other = Energy(two_maps, style, [style], 1, 1)(style)
    assert float(content) == 0
    assert float(other) < 1e-10


def test_matches_are_kept_between_searches():
    style = torch.rand(1, 3, 16, 16, generator=generator())
    energy, fresh = Energy(two_maps, style, [style], 1, 3), Energy(two_maps, style, [style], 1, 1)
    first, second = torch.rand(2, 1, 3, 16, 16, generator=generator(1))
    assert float(energy(first)[1]) == float(fresh(first)[1])
    assert float(energy(second)[1]) > float(fresh(second)[1]), "the second call still pulls to the first one's patches"
    energy(first)
    assert float(energy(second)[1]) == float(fresh(second)[1]), "the fourth call searches anew"


def test_vggs_maps_are_the_papers_layers(nets):
    p = methods.build("cnnmrf", sample(nets) | {"features": "vgg19"})
    maps, held = trunk(p, nets.context(), generator())(scene(64, 64))
    net = vgg.load(nets.weights.path("vgg19"))
    found = net(scene(64, 64), (*VGG_STYLE, VGG_CONTENT))
    assert (VGG_STYLE, VGG_CONTENT) == (("relu3_1", "relu4_1"), "relu4_2")
    assert all(torch.equal(one, found[name]) for one, name in zip((*maps, held), (*VGG_STYLE, VGG_CONTENT), strict=True))


@pytest.mark.parametrize("features", ["vgg19", "squeezenet", "random"])
def test_every_trunk_goes_down(nets, features):
    result = methods.run(methods.build("cnnmrf", sample(nets) | {"features": features, "steps": 7, "rematch": 1}), nets.context())
    assert len(nets.steps) == 7
    assert set(nets.steps[0].figures) == {"loss", "content", "style", "side"}
    assert result.figures["loss"] < 0.9 * nets.steps[0].figures["loss"]


def test_patches_of_the_result_are_nearer_to_the_paintings(bench):
    def distance(picture: torch.Tensor) -> float:
        ours, theirs = (F.unfold(given, 5, stride=2)[0].T for given in (picture, bench.context().image(bench.style)))
        return float(torch.cdist(ours, theirs).min(1).values.mean())

    assert distance(paint(bench, steps=25, style_weight=5.0)) < 0.8 * distance(bench.context().image(bench.content))


def test_weights_pull_both_ways(bench):
    photo = bench.context().image(bench.content)
    far = [float(F.mse_loss(paint(bench, style_weight=weight, tv_weight=0.0), photo)) for weight in (0.0, 0.3, 10.0)]
    assert far[0] < 1e-9, "without a style the photo stays"
    assert far[0] < far[1] < far[2]


def test_luminance_keeps_the_photos_colours_and_histogram_brings_them_to_the_painting(bench):
    out, photo = paint(bench, keep_colours="luminance"), bench.context().image(bench.content)
    inside = ((out > 0.01) & (out < 0.99)).all(1)[0]
    assert inside.float().mean() > 0.4
    assert torch.allclose(colour.mix(out, colour.YIQ)[0, 1:, inside], colour.mix(photo, colour.YIQ)[0, 1:, inside], atol=1e-3)
    means = [(paint(bench, keep_colours=kept, style_weight=10.0).mean((2, 3)) - photo.mean((2, 3))).abs().sum() for kept in ("no", "histogram")]
    assert means[1] < means[0]


@pytest.mark.parametrize(("height", "width"), [(8, 8), (8, 130), (70, 9)])
@pytest.mark.parametrize("features", ["squeezenet", "random"])
def test_pictures_of_any_size(nets, height, width, features):
    out = paint(nets, content=nets.put(scene(height, width)), style=[nets.put(weave(width, height))], features=features, steps=3)
    assert out.shape == (1, 3, height, width)
    assert torch.isfinite(out).all()


def test_scales_double_and_share_all_steps():
    assert scales(256, 3, 90) == [(0.25, 30), (0.5, 30), (1.0, 30)]
    assert scales(256, 3, 2) == [(0.5, 1), (1.0, 1)]
    assert scales(100, 3, 8) == [(1.0, 8)]
    assert sum(steps for _, steps in scales(1024, 5, 17)) == 17


def test_noise_follows_the_seed(bench):
    first, again, other = (paint(bench, init="noise", seed=seed, steps=2) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.allclose(first, other, atol=0.01)


def test_every_step_hears_a_cancel(bench):
    def run(context: Context) -> None:
        methods.run(methods.build("cnnmrf", sample(bench)), context)

    with pytest.raises(Cancelled):
        run(bench.context(stop_after=4))
    assert len(bench.steps) == 4


@pytest.mark.parametrize(("features", "name"), [("vgg19", "vgg19"), ("squeezenet", "squeezenet1_1")])
def test_without_downloads_a_network_is_refused_and_says_how_to_get_it(bench, features, name):
    with pytest.raises(MissingWeights) as caught:
        paint(bench, features=features)
    assert caught.value.hint == f"get it with: huafang models pull {name}"

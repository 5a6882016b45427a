"""Learning style: what the losses say, what albums give, and that a tiny run learns."""

import pytest
import torch

from huafang.errors import Diverged
from huafang.kernels.layers import moments
from huafang.nets import micro_ast
from huafang.nets.micro_ast import MicroAST
from huafang.notes import Note
from huafang.ops.gram import gram
from huafang.train.style import album, arbitrary, flatness, losses
from huafang.train.style.album import Album, kept, retinted
from huafang.train.style.arbitrary import ArbitraryTask, Balance
from huafang.train.style.losses import Looks
from huafang.train.style.painting import Balance as PaintingBalance
from huafang.train.style.painting import PaintingTask
from tests.conftest import scene, weave
from tests.nets.fixtures import apart
from tests.nets.test_micro_ast import random_state
from tests.train.style_nets import put_squeezenet, takes_the_same_steps_from_a_file


@pytest.fixture
def looks(bench) -> Looks:
    put_squeezenet(bench)
    return losses.load("squeezenet", bench.weights.path("squeezenet1_1"), "cpu")


def test_moments_are_those_of_each_map_and_are_learnt_through():
    x = torch.randn(2, 3, 5, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).float().requires_grad_()
    mean, std = moments(x)
    assert apart(mean, x.mean((2, 3), keepdim=True)) < 1e-6
    assert apart(std, (x.flatten(2).var(2) + 1e-5).sqrt()[:, :, None, None]) < 1e-6
    (ours,) = torch.autograd.grad((std * torch.arange(3.0).view(1, 3, 1, 1)).sum(), x)
    (plain,) = torch.autograd.grad(((x.flatten(2).var(2) + 1e-5).sqrt() * torch.arange(3.0)).sum(), x)
    assert apart(ours, plain) < 1e-6


def test_the_network_in_training_is_the_one_that_paints():
    """Three pairs at once, spelled plainly, against the folded network of one pair."""
    net = MicroAST()
    net.load_state_dict(random_state())
    photos, paintings = (torch.rand(3, 3, 32, 40, generator=torch.Generator().manual_seed(seed)) for seed in (1, 2))
    with torch.no_grad():
        together = net.train()(photos, net.signals(paintings))
        for photo, painting, painted in zip(photos, paintings, together, strict=True):
            alone = net.eval().styled(net.style(painting[None]))(photo[None])
            assert apart(painted[None], alone) < 1e-4


def test_distances_are_nothing_for_the_same_and_about_one_for_others(looks):
    one, other = scene(64, 64), weave(64, 64)
    mine, theirs = looks.features(one), looks.features(other)
    scales = losses.scales([torch.cat(pair) for pair in zip(mine, theirs, strict=True)])
    assert float(losses.content_distance(mine, mine, scales, looks.content)) == 0
    assert 0.2 < float(losses.content_distance(mine, theirs, scales, looks.content)) < 10
    assert float(losses.style_distance(mine, mine, scales)) == 0
    assert 0.05 < float(losses.style_distance(mine, theirs, scales)) < 10
    assert float(losses.texture_distance(mine, mine)) == 0
    assert 0.2 < float(losses.texture_distance(mine, theirs)) <= 1
    assert float(losses.colour_distance(one, one)) == 0
    assert float(losses.colour_distance(one, other)) > 0.1


def test_style_is_blind_to_where_things_are_and_content_is_not(looks):
    """Two pieces of one kind of noise."""
    here, there = (looks.features(torch.rand(1, 3, 96, 96, generator=torch.Generator().manual_seed(seed))) for seed in (0, 1))
    scales = losses.scales(here)
    assert float(losses.style_distance(here, there, scales)) < 0.1 * float(losses.content_distance(here, there, scales, looks.content))
    assert float(losses.texture_distance(here, there)) < 0.1


def test_texture_tells_which_features_come_together():
    """Two channels of the same mean and deviation, alike or opposite: style sees no difference, texture all there is."""
    one = torch.randn(1, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    together, opposite = [torch.cat([one, one], 1)], [torch.cat([one, -one], 1) + 2 * one.mean() * torch.tensor([0.0, 1.0]).view(1, 2, 1, 1)]
    assert float(losses.style_distance(together, opposite, [torch.ones(())])) < 1e-6
    assert abs(float(losses.texture_distance(together, opposite)) - 1) < 1e-5


def test_flicker_is_nothing_for_what_moves_along_and_counts_a_lattice_and_grain(looks, monkeypatch):
    task, photos = tiny_task(looks), torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    told, dice = task.net.signals(photos), torch.Generator().manual_seed(0)

    class Through(torch.nn.Module):
        lattice = torch.zeros(64, 64)

        def forward(self, x, told):
            return x + self.lattice[: x.shape[2], : x.shape[3]]

    def found() -> float:
        return float(task._flicker(photos, task.net(photos, told), told, dice))

    task.net = Through()
    assert found() == pytest.approx(arbitrary.GRAIN**2, rel=0.05)
    monkeypatch.setattr(arbitrary, "GRAIN", 0.0)
    assert found() == 0
    task.net.lattice = 0.1 * (torch.arange(64)[:, None] + torch.arange(64)).remainder(2)  # of one pixel: it moves by an odd way, or does not
    assert {round(found(), 6) for _ in range(20)} == {0, 0.01}


def test_unrest_is_roughness_where_the_photo_is_flat():
    photo = torch.full((1, 3, 32, 64), 0.5)
    photo[..., 32:] = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    hatch = 0.5 + 0.1 * torch.arange(64).remainder(2).expand(1, 3, 32, 64)
    flat, busy = hatch.clone(), hatch.clone()
    flat[..., 28:], busy[..., :36] = 0.5, 0.5
    assert float(losses.unrest(photo, photo)) < 0.1 * float(losses.roughness(photo))
    assert float(losses.unrest(flat, photo)) > 50 * float(losses.unrest(busy, photo)) > 0


def test_contrast_falls_when_each_result_is_near_its_own_painting():
    paintings = torch.tensor([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0]])
    assert float(losses.contrast(paintings + 0.1, paintings)) < 0.1
    assert float(losses.contrast(paintings.roll(1, 0), paintings)) > 1


def test_roughness_counts_noise():
    assert float(losses.roughness(torch.full((1, 3, 8, 8), 0.5))) == 0
    assert float(losses.roughness(torch.rand(1, 3, 8, 8))) > 0.05


def test_pictures_are_called_flat_beside_what_they_should_look_like():
    photos, painting = scene(48, 64), weave(48, 64)

    def said(painted: torch.Tensor, painting: torch.Tensor = painting, steps: int = 10) -> list[Note]:
        return flatness.notes(painted, photos, painting, steps=steps, usual=2000)

    assert said(photos) == []
    assert said(0.5 + 0.4 * (painting - 0.5)) == [], "a soft picture is none that is flat"
    for flat in (0.02 * photos, torch.full_like(photos, 0.7)):
        assert "10 steps were too few" in said(flat)[0]
    pale = 0.9 + 0.1 * painting
    assert said(pale, pale) == [], "a painting of few contrasts is painted so"
    assert said(0 * photos, steps=3000)[0].endswith("--steps 6000"), "more than there were"


def test_an_album_cuts_squares_of_pictures_the_same_for_the_same_dice():
    pictures = Album([kept(scene(48, 64), 64), kept(weave(1200, 900), 64)], 64)
    assert [tuple(one.shape) for one in pictures.pictures] == [(3, 64, 86), (3, 768, 576)]
    crops = pictures.crops(6, torch.Generator().manual_seed(0), tinted=0.5)
    assert crops.shape == (6, 3, 64, 64)
    assert 0 <= float(crops.min()) < float(crops.max()) <= 1
    assert torch.equal(crops, pictures.crops(6, torch.Generator().manual_seed(0), tinted=0.5))
    assert not torch.equal(crops, pictures.crops(6, torch.Generator().manual_seed(1), tinted=0.5))
    assert album.LONGEST == 768


def test_another_tint_keeps_greys_grey_and_forms_in_place():
    grey = torch.rand(1, 1, 8, 8).expand(1, 3, 8, 8)
    turned = retinted(grey, angle=2.0, saturation=1.3, gamma=1.0, contrast=1.0)
    assert apart(turned, grey) < 1e-5
    picture = scene(32, 32)
    assert apart(retinted(picture, angle=0.0, saturation=1.0, gamma=1.0, contrast=1.0), picture) < 1e-5
    assert float((retinted(picture, angle=2.0, saturation=1.0, gamma=1.0, contrast=1.0) - picture).abs().mean()) > 0.05


def tiny_task(looks: Looks, **changes) -> ArbitraryTask:
    """One photo and two paintings of opposite colours, whole in each crop."""
    photos, paintings = Album([kept(scene(32, 32), 32)], 32), Album([kept(one, 32) for one in OPPOSITES], 32)
    settings = {
        "seed": 0,
        "steps": 1000,
        "batch": 4,
        "rate": 4e-3,
        "device": "cpu",
        "balance": Balance(style=3.0, texture=1.0, colour=1.0, unrest=10.0, flicker=10.0),
    } | changes
    return ArbitraryTask(photos, paintings, looks, (scene(32, 32), weave(32, 32)), **settings)


OPPOSITES = (weave(32, 32), weave(32, 32).flip(1))


def test_a_tiny_run_of_any_style_learns(looks):
    """The loss falls, and a photo that was never shown goes over to the colours of either painting."""
    task = tiny_task(looks)
    task.ema.decay = 0.9
    losses_told = [told["loss"] for number in range(60) if (told := task.step(number))]
    unseen, net = scene(32, 32).flip(3).roll(1, 1), task.ema.module
    with torch.no_grad():
        warm, cold = (net.styled(net.style(one))(unseen).mean((0, 2, 3)) for one in OPPOSITES)
    assert sum(losses_told[-10:]) < 0.75 * sum(losses_told[:10])
    assert float(warm[0] - warm[2]) > float(cold[0] - cold[2]) + 0.1, "red over blue after the warm painting, and less after the cold one"


def test_a_step_whose_gradient_is_blown_up_is_not_taken(looks, monkeypatch):
    task = tiny_task(looks)
    before = {key: value.clone() for key, value in task.net.state_dict().items()}
    for lost in (0.0, float("nan")):
        monkeypatch.setattr(arbitrary, "LOST", lost)
        assert task.step(0) == {}
        assert all(torch.equal(value, before[key]) for key, value in task.net.state_dict().items())
    monkeypatch.setattr("huafang.train.style.task.LOST_IN_A_ROW", 3)
    with pytest.raises(Diverged, match="no step of the last 3 could be taken"):
        task.step(1)
    monkeypatch.undo()
    assert task.step(0)["loss"] > 0


def test_steps_are_taken_whatever_the_weights_of_the_loss(looks):
    """A network that knows nothing yet has gradients of thousands under the default weights: only beside the loss do they tell whether they are blown up."""
    for batch in (1, 4):
        task = tiny_task(looks, batch=batch, rate=1e-3, balance=Balance())
        told = [task.step(number) for number in range(20)]
        assert all(told)
        assert max(one["norm"] for one in told) > 1e3


def test_no_step_is_taken_after_a_flat_photo_whose_rounding_is_blown_up(looks, bench):
    net = micro_ast.load(bench.weights.path("any-style"))
    before = {key: value.clone() for key, value in net.state_dict().items()}
    task = tiny_task(looks, start=net, balance=Balance(same=0.0))
    assert task.step(0)["norm"] > 0
    net.load_state_dict(before)
    task.photos = Album([torch.full((3, 32, 32), 90, dtype=torch.uint8)], 32)
    assert task.step(1) == {}
    assert all(torch.equal(value, before[key]) for key, value in task.net.state_dict().items())


def tiny_painting_task(looks: Looks) -> PaintingTask:
    album = Album([kept(scene(32, 40), 32)], 32)
    settings = {"seed": 0, "steps": 1000, "batch": 2, "rate": 2e-3, "device": "cpu", "balance": PaintingBalance(style=3.0)}
    return PaintingTask(album, weave(64, 64), looks, scene(32, 32), **settings)


@pytest.mark.parametrize("make", [tiny_task, tiny_painting_task], ids=["any style", "one painting"])
def test_a_run_taken_up_from_a_file_takes_the_same_steps(looks, tmp_path, make):
    takes_the_same_steps_from_a_file(lambda: make(looks), tmp_path)


def test_a_tiny_run_of_one_painting_learns(looks):
    """The loss falls, and a photo that was never shown comes nearer to the painting in texture and colours."""
    painting = weave(64, 64)
    task = PaintingTask(
        Album([kept(scene(32, 40), 32)], 32),
        painting,
        looks,
        scene(32, 32),
        seed=0,
        steps=1000,
        batch=2,
        rate=2e-3,
        device="cpu",
        balance=PaintingBalance(style=3.0),
    )
    unseen = scene(32, 32).flip(3).roll(1, 1)

    def apart_from_the_painting() -> tuple[float, float]:
        with torch.no_grad():
            painted = task.net(unseen * 255) / 255
        grams = losses.gram_distance(looks.features(painted), [gram(one) for one in looks.features(painting)])
        return float(grams), float((painted.mean((0, 2, 3)) - painting.mean((0, 2, 3))).abs().sum())

    before = apart_from_the_painting()
    told = [task.step(number)["loss"] for number in range(40)]
    after = apart_from_the_painting()
    assert sum(told[-8:]) < 0.7 * sum(told[:8])
    assert after[0] < 0.7 * before[0]
    assert after[1] < 0.7 * before[1]
    assert task.sample().shape == (1, 3, 64, 32)

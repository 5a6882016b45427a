"""Learning to draw: what the parts of the loss say, the log of epochs, and that tiny runs of both recipes' losses learn."""

import json

import pytest
import torch

from huafang.nets import anime_discriminator, anime_reference, vgg
from huafang.train import loop
from huafang.train.journal import Journal
from huafang.train.style import animation, losses
from huafang.train.style.album import Album, kept
from huafang.train.style.animation import AnimationTask, Balance, Pace
from huafang.train.style.losses import Looks
from tests.conftest import scene, weave
from tests.nets.fixtures import apart
from tests.train.style_nets import put_squeezenet, takes_the_same_steps_from_a_file


@pytest.fixture
def looks(bench) -> Looks:
    put_squeezenet(bench)
    return losses.load("squeezenet", bench.weights.path("squeezenet1_1"), "cpu")


def task(looks: Looks, balance: Balance, pace: Pace, photo: torch.Tensor, drawing: torch.Tensor) -> AnimationTask:
    return AnimationTask(
        animation.fresh(anime_reference.Generator(), 0),
        anime_discriminator.fresh(0, spectral=True),
        Album([kept(photo, 32)], 32),
        Album([kept(drawing, 32)], 32),
        looks,
        scene(32, 32),
        seed=0,
        steps=1000,
        batch=2,
        pace=pace,
        device="cpu",
        balance=balance,
    )


def unseen() -> torch.Tensor:
    return scene(32, 32).flip(3).roll(6, 3)


def painted(task: AnimationTask, photo: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return (task.net(photo * 2 - 1) + 1) / 2


def gaps(task: AnimationTask, looks: Looks, drawing: torch.Tensor) -> tuple[float, float]:
    """How far photos that were never shown are, painted, from themselves in content, and from the `drawing` in texture: means, since one alone goes up and down
    by a fifth from step to step.
    """
    places, textures = [], []
    theirs = looks.features(drawing)
    (place,) = looks.content
    for photo in (unseen(), unseen().flip(2), unseen().roll(9, 2), unseen().transpose(2, 3).contiguous()):
        mine, itself = looks.features(painted(task, photo)), looks.features(photo)
        places.append(float(animation.content_gap(mine[place], itself[place], task.scales[place])))
        textures += [float(animation.style_gap(mine[one], theirs[one])) for one in looks.style]
    return sum(places) / len(places), sum(textures) / len(textures)


def test_content_alone_comes_first_and_teaches_to_keep_the_photo(looks):
    """The discriminator is not touched meanwhile; a photo that was never shown comes nearer to itself."""
    drawing = weave(64, 64)
    learning = task(looks, Balance(style=1.0, grey=1.0, soft=1.0), Pace(1e-4, 1e-4, 2e-4, alone=60), scene(32, 40), drawing)
    before = [one.clone() for one in learning.discriminator.state_dict().values()]
    far, _ = gaps(learning, looks, drawing)
    told = [learning.step(number) for number in range(60)]
    near, _ = gaps(learning, looks, drawing)
    assert all(torch.equal(one, other) for one, other in zip(before, learning.discriminator.state_dict().values(), strict=True))
    assert {"generator", "content", "norm", "rate"} == set(told[0])
    assert told[0]["rate"] == pytest.approx(2e-4)
    again = [learning.step(number) for number in range(10)]  # the same crops: others are harder or easier
    assert sum(one["content"] for one in again) < 0.95 * sum(one["content"] for one in told[:10])
    assert near < 0.8 * far
    assert learning.step(60)["rate"] == pytest.approx(1e-4)


def test_the_discriminator_learns_to_tell_drawings_from_all_else(looks):
    """While the generator stands still: from a photo that was never shown, and from drawings in grey."""
    drawing = weave(64, 64)
    learning = task(looks, Balance(grey=1.0, soft=1.0), Pace(1e-12, 2e-4, 1e-12), scene(32, 40), drawing)
    told = [learning.step(number)["discriminator"] for number in range(25)]
    assert sum(told[-5:]) < 0.4 * sum(told[:5])
    with torch.no_grad():
        real, grey, photo = (float(learning._judgement(one).mean()) for one in (drawing.flip(2), drawing.mean(1, keepdim=True).expand(1, 3, 64, 64), unseen()))
    assert real > 0.5 > max(grey, photo)


def taught(told: dict[str, float]) -> float:
    """What the generator learns from pictures: the discriminator's part rises and falls as that one learns too."""
    return told["content"] + told["style"] + told["colour"]


def test_a_tiny_run_of_all_parts_learns(looks):
    """The loss falls, and a photo that was never shown comes nearer to the drawing's texture."""
    torch.manual_seed(0)  # spectral norms begin at random
    drawing = weave(64, 64)
    learning = task(looks, Balance(content=0.5, style=1.0, colour=1.0, grey=1.0, soft=1.0), Pace(3e-4, 1e-4, 3e-4), scene(32, 40), drawing)
    _, before = gaps(learning, looks, drawing)
    told = [taught(learning.step(number)) for number in range(100)]
    _, after = gaps(learning, looks, drawing)
    again = [taught(learning.step(number)) for number in range(8)]  # the same crops: others are harder or easier
    assert sum(again) < 0.8 * sum(told[:8])
    assert after < 0.7 * before  # 0.47 in float32, 0.49 in bfloat16
    assert learning.sample().shape == (1, 3, 64, 32)


def test_a_run_taken_up_from_a_file_takes_the_same_steps(looks, tmp_path):
    """Of both networks, in both stages."""
    takes_the_same_steps_from_a_file(lambda: task(looks, Balance(), Pace(1e-3, 1e-3, 1e-3, 2), scene(64, 64), weave(64, 64)), tmp_path)


def test_parts_of_weight_nothing_are_not_reckoned(looks):
    told = task(looks, Balance(), Pace(1e-4, 1e-4, 1e-4), scene(32, 40), weave(64, 64)).step(0)
    assert {"generator", "discriminator", "discriminator_rate", "content", "adversarial", "norm", "rate"} == set(told)
    more = task(looks, Balance(style=1.0, colour=1.0, roughness=1.0), Pace(1e-4, 1e-4, 1e-4), scene(32, 40), weave(64, 64)).step(0)
    assert {"style", "colour", "roughness"} == set(more) - set(told)


def test_gaps_are_nothing_for_the_same_and_about_one_for_others(looks):
    one, other = (looks.features(picture)[2] for picture in (scene(64, 64), weave(64, 64)))
    (variance,) = losses.scales([torch.cat([one, other])])
    assert float(animation.content_gap(one, one, variance)) == 0
    assert 0.2 < float(animation.content_gap(one, other, variance)) < 3
    assert float(animation.style_gap(one, one)) == 0
    assert 0.1 < float(animation.style_gap(one, other)) < 10
    assert float(animation.style_gap(torch.zeros_like(one), other)) == pytest.approx(1)


def test_the_colour_gap_sees_hues_and_light():
    """Red and green of one luminance differ in U and V alone, grey and lighter grey in Y alone."""
    grey, light = (torch.full((1, 3, 4, 4), value) for value in (0.4, 0.5))
    assert float(animation.colour_gap(grey, light)) == pytest.approx(0.1, abs=1e-6)
    red = torch.tensor([0.587, 0.0, 0.0]).view(1, 3, 1, 1)
    green = torch.tensor([0.0, 0.299, 0.0]).view(1, 3, 1, 1)
    u, v = 0.492 * (-0.299 * 0.587 + 0.587 * 0.299), 0.877 * 0.587
    assert float(animation.colour_gap(red, green)) == pytest.approx(0.5 * (u**2 + v**2), rel=0.01)


def test_a_vgg_is_read_at_the_last_convolution_of_block_four(monkeypatch):
    net = vgg.he(torch.Generator().manual_seed(0))
    monkeypatch.setattr(vgg, "load", lambda path, depth: net)
    found = animation.looks("vgg19", None, "cpu")
    (features,) = found.features(scene(64, 64))
    assert apart(features, net(scene(64, 64), ("conv4_4",))["conv4_4"]) < 1e-4
    assert features.shape == (1, 512, 8, 8)
    assert float(features.min()) < 0, "before its rectifier"


def test_the_log_of_epochs_is_made_from_the_log_of_steps(tmp_path):
    rows = [{"generator": 3.0, "rate": 2e-4}, {"generator": 1.0, "rate": 2e-4}]
    rows += [{"generator": 2.0, "rate": 2e-5, "discriminator": d, "discriminator_rate": 4e-5} for d in (0.25, 0.75, 1.0)]
    wanted = ["epoch 1/2  step 2  D -  G 2.0000  lr_D -  lr_G 2.0e-04", "epoch 2/2  step 4  D 0.5000  G 2.0000  lr_D 4.0e-05  lr_G 2.0e-05"]
    journal = Journal(tmp_path, 2, 2)
    for done, row in enumerate(rows, 1):
        with (tmp_path / loop.LOG).open("a") as log:
            log.write(json.dumps({"step": done, **row}) + "\n")
        journal.logged(done)
        if done == 3:
            journal = Journal(tmp_path, 2, 2)  # stopped, and taken up again in the middle of an epoch
    assert (tmp_path / "training_log.txt").read_text().splitlines() == wanted
    assert journal.text.splitlines() == wanted

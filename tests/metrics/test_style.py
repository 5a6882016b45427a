"""Distances of texture and colour: 0 where nothing differs, by hand where it can be counted, and ordered as the eye orders them."""

import math

import numpy as np
import pytest
import torch
from skimage import data

from huafang.errors import BadInput
from huafang.metrics import style
from huafang.nets import squeezenet
from tests.conftest import scene, weave


def features(seed: int, height: int, width: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.rand(2, channels, height // step, width // step, generator=generator) for channels, step in ((4, 1), (7, 2))]


def test_gram_distance_is_the_papers_equation_by_hand():
    a, b = features(0, 8, 12), features(1, 10, 6)
    wanted = []
    for x, y in zip(a, b, strict=True):
        (g, t) = (np.einsum("bchw,bdhw->bcd", one.numpy(), one.numpy()) / one.shape[2] / one.shape[3] for one in (x, y))
        wanted.append(np.sqrt(((g - t) ** 2).sum((1, 2))) / (np.sqrt((g**2).sum((1, 2))) + np.sqrt((t**2).sum((1, 2)))))
    assert style.gram_distance(a, b).numpy() == pytest.approx(np.mean(wanted, axis=0), rel=1e-5)


def test_statistics_distance_is_that_of_means_and_deviations():
    a, b = features(2, 8, 12), features(3, 10, 6)
    wanted = []
    for x, y in zip(a, b, strict=True):
        for have, want in ((x.mean((2, 3)), y.mean((2, 3))), (x.std((2, 3), correction=0), y.std((2, 3), correction=0))):
            size = np.linalg.norm(have.numpy(), axis=1) + np.linalg.norm(want.numpy(), axis=1)
            wanted.append(np.linalg.norm((have - want).numpy(), axis=1) / size)
    assert style.statistics_distance(a, b).numpy() == pytest.approx(np.mean(wanted, axis=0), rel=1e-5)


@pytest.mark.parametrize("distance", [style.gram_distance, style.statistics_distance])
def test_a_picture_is_at_no_distance_from_itself_and_at_one_from_nothing(distance):
    own = features(4, 8, 8)
    assert distance(own, own).tolist() == [0, 0]
    nothing = [torch.zeros_like(one) for one in own]
    assert distance(nothing, own).numpy() == pytest.approx(1)
    assert distance(nothing, nothing).tolist() == [0, 0]
    shuffled = [one.flatten(2)[:, :, torch.randperm(one[0, 0].numel())].view_as(one) for one in own]
    assert distance(shuffled, own).max() < 1e-5, "where things stand does not count"
    with pytest.raises(BadInput, match="not of the same layers"):
        distance(own[:1], own)


def test_colour_distance_is_hellingers_over_512_colours():
    a, b = scene(30, 40), weave(24, 18)
    shares = [np.histogramdd(one[0].flatten(1).T.numpy(), bins=8, range=[(0, 1)] * 3)[0] / one[0, 0].numel() for one in (a, b)]
    assert float(style.colour_distance(a, b)) == pytest.approx(math.sqrt(1 - np.sqrt(shares[0] * shares[1]).sum()), abs=1e-6)
    assert float(style.colour_distance(a, a.flip(3))) == pytest.approx(0, abs=1e-3)
    white, black = torch.ones(1, 3, 4, 4), torch.zeros(1, 3, 9, 5)
    assert float(style.colour_distance(white, black)) == 1
    with pytest.raises(BadInput, match="from 255 to 255"):
        style.colour_distance(white * 255, black)


@pytest.mark.parametrize("seen_by", ["squeezenet", "filters"])
def test_features_know_a_texture_from_another(request, seen_by):
    """Two pieces of one brick wall are nearer to each other than to a piece of grass or of gravel."""
    net = style.filtered if seen_by == "filters" else squeezenet.load(request.getfixturevalue("shared") / "weights" / "squeezenet1_1.safetensors")

    def seen(picture: np.ndarray) -> list[torch.Tensor]:
        return net(torch.from_numpy(picture)[None, None].expand(1, 3, -1, -1).float() / 255)

    brick, grass, gravel = (getattr(data, name)() for name in ("brick", "grass", "gravel"))
    left = seen(brick[:, :256])
    for distance in (style.gram_distance, style.statistics_distance):
        same = float(distance(seen(brick[:, 256:]), left))
        assert same < 0.5 * min(float(distance(seen(other[:, :256]), left)) for other in (grass, gravel))


def test_the_filter_bank_sees_strokes_and_no_flat_colour():
    flat = torch.tensor([0.2, 0.7, 0.4]).view(1, 3, 1, 1).expand(1, 3, 32, 40)
    assert max(float(one.abs().max()) for one in style.filtered(flat)) < 1e-6
    upright = ((torch.arange(160) // 4) % 2).float().expand(1, 3, 160, 160)
    turned = upright.transpose(2, 3).contiguous()
    assert float(style.gram_distance(style.filtered(turned), style.filtered(upright))) > 0.5, "the direction of strokes counts"
    assert float(style.gram_distance(style.filtered(upright.flip(3)), style.filtered(upright))) < 0.1, "their place does not"
    with pytest.raises(BadInput, match="needs 24 a side"):
        style.filtered(flat[..., :20])

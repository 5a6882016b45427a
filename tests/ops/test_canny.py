"""Canny's edges and what is softened along them."""

import torch

from huafang.ops.canny import canny, softened


def step(low: float, high: float) -> torch.Tensor:
    """Two flats, (1, 1, 32, 40), that meet between columns 19 and 20."""
    return torch.cat([torch.full((1, 1, 32, 20), low), torch.full((1, 1, 32, 20), high)], dim=3)


def test_the_edge_between_two_flats_is_a_line_of_one_pixel():
    found = canny(step(0.2, 0.8))
    assert found.sum() == 32
    assert found[0, 0, :, 19:21].any(1).all()


def test_an_edge_must_be_strong_and_weak_ones_must_hang_together_with_it():
    """Slopes of 4 · 255 · contrast: 0.15 is between the two thresholds, 0.25 above both, 0.05 below."""
    assert not canny(step(0.5, 0.55)).any()
    assert not canny(step(0.5, 0.65)).any()
    mixed = step(0.5, 0.65)
    mixed[:, :, :4, 20:] = 0.75
    assert canny(mixed)[0, 0, 4:, 18:22].any(1).all(), "the weak line hangs together with the strong one above it"


def test_diagonals_are_thin_too():
    y, x = torch.meshgrid(torch.arange(40), torch.arange(40), indexing="ij")
    for edge in (x + y < 40, x - y < 0):
        found = canny(edge.float()[None, None])
        assert 30 < int(found.sum()) <= 80
        assert int(found[0, 0].sum(1).max()) <= 2


def test_pictures_of_a_batch_do_not_touch_each_other():
    pair = torch.cat([step(0.2, 0.8), step(0.5, 0.65)])
    assert torch.equal(canny(pair)[1:], canny(pair[1:]))


def test_edges_go_soft_and_all_else_stays():
    picture = step(0.2, 0.8).expand(1, 3, 32, 40)
    soft = softened(picture)
    near = torch.zeros(40, dtype=torch.bool)
    near[17:22] = True
    assert torch.equal(soft[..., ~near], picture[..., ~near])
    assert float(soft[..., 19:21].diff(dim=3).abs().max()) < 0.6 * 0.6
    assert torch.allclose(soft.mean(), picture.mean(), atol=0.01)

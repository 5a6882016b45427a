"""The flow finds motions that are known, leaves out what it cannot know, and the warping error tells flicker from motion."""

import pytest
import torch

from huafang.ops import flow


@pytest.fixture(scope="module")
def picture() -> torch.Tensor:
    """Spots of several sizes, (1, 3, 96, 128)."""
    generator = torch.Generator().manual_seed(0)
    layers = [
        torch.nn.functional.interpolate(torch.rand(1, 3, 96 // s + 3, 128 // s + 3, generator=generator), (96, 128), mode="bicubic") for s in (4, 8, 16, 32)
    ]
    return (sum(layers) / len(layers)).clamp(0, 1)


def shifted(picture: torch.Tensor, dx: float, dy: float) -> torch.Tensor:
    """`picture` moved by (dx, dy)."""
    return flow.warped(picture, torch.tensor([-dx, -dy]).view(1, 2, 1, 1).expand(1, 2, *picture.shape[2:]))


@pytest.mark.parametrize("move", [(0.5, 0.25), (3.0, -2.0), (9.0, 6.0)])
def test_a_shift_is_found_to_a_fraction_of_a_pixel(picture, move):
    found = flow.flow(picture, shifted(picture, *move))[:, :, 16:-16, 16:-16]
    error = (found - torch.tensor(move).view(1, 2, 1, 1)).norm(dim=1)
    assert float(error.median()) < 0.15
    assert float(error.mean()) < 0.4


def test_a_turn_is_found(picture):
    y, x = torch.meshgrid(torch.arange(96) - 48.0, torch.arange(128) - 64.0, indexing="ij")
    turn = torch.stack([-0.06 * y, 0.06 * x])[None]
    found = flow.flow(flow.warped(picture, turn), picture)
    assert float((found - turn).norm(dim=1)[:, 12:-12, 12:-12].median()) < 0.2


def test_motion_alone_is_no_error_and_flicker_is(picture):
    other = shifted(picture, 3.0, 2.0)
    moved = flow.motion(picture, other)
    assert float(moved.seen.mean()) > 0.5
    still = flow.Motion(torch.zeros_like(moved.flow), torch.ones_like(moved.seen))
    steady, unmoved = flow.warping_error(picture, other, moved), flow.warping_error(picture, other, still)
    assert steady < 0.1 * unmoved, "the motion accounts for the change"
    flicker = flow.warping_error(picture, (other + 0.1).clamp(0, 1), moved)
    assert flicker == pytest.approx(0.01, rel=0.25), "a tenth brighter is 0.01 in mean square"


def test_what_is_covered_is_left_out(picture):
    """A grey block slides over the picture: where it goes, the picture can no longer be seen."""
    frames = []
    for left in (30, 42):
        frame = picture.clone()
        frame[:, :, 30:66, left : left + 36] = 0.5 + 0.2 * picture[:, :, 10:46, 20:56]
        frames.append(frame)
    seen = flow.motion(*frames).seen[0, 0]
    assert float(seen[36:60, 68:76].mean()) < 0.5 < float(seen[:20, :].mean())


def test_a_cut_says_nothing():
    generator = torch.Generator().manual_seed(1)
    one, other = torch.rand(2, 1, 3, 64, 64, generator=generator)
    moved = flow.motion(one, other)
    assert flow.warping_error(one, other, flow.Motion(moved.flow, torch.zeros_like(moved.seen))) is None

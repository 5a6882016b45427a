"""Texture synthesis, quilting and transfer: what the papers promise, on textures small enough to try every possibility."""

import itertools

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from huafang import images, methods
from huafang.cli import cli
from huafang.errors import BadInput, Cancelled
from huafang.methods.texture_transfer import matching
from huafang.methods.texture_transfer.growing import grown
from huafang.methods.texture_transfer.quilting import Photo, Quilt, covered
from huafang.methods.texture_transfer.run import alpha, correspondence
from tests.conftest import scene, weave


def sample(bench) -> dict:
    return {"content": bench.content, "style": [bench.style], "block": 9, "iterations": 2, "size": 64}


def paint(bench, **settings) -> torch.Tensor:
    return methods.run(methods.build("texture_transfer", sample(bench) | settings), bench.context()).images[0]


def checks(side: int, cell: int) -> np.ndarray:
    y, x = np.indices((side, side)) // cell
    colours = np.array([[0.9, 0.2, 0.1], [0.1, 0.3, 0.8]], np.float32)
    return colours[(y + x) % 2]


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def patches(picture: np.ndarray, side: int) -> set[bytes]:
    views = np.lib.stride_tricks.sliding_window_view(picture, (side, side), (0, 1))
    return {np.ascontiguousarray(one).tobytes() for one in views.reshape(-1, 3, side, side)}


@pytest.mark.parametrize(("n", "width"), [(1, 4), (5, 1), (6, 3), (5, 4)])
def test_the_seam_is_the_cheapest_of_all_paths(n, width):
    errors = np.random.default_rng(n * width).random((n, width)).astype(np.float32)
    paths = [path for path in itertools.product(range(width), repeat=n) if all(abs(a - b) <= 1 for a, b in itertools.pairwise(path))]
    best = min(paths, key=lambda path: sum(float(errors[row, column]) for row, column in enumerate(path)))
    assert tuple(matching.seam(errors)) == best


def test_a_block_covers_what_lies_beyond_its_seams():
    random = np.random.default_rng(1)
    block, under = random.random((2, 8, 8, 3)).astype(np.float32)
    aside, above = under.copy(), under.copy()
    aside[:, 2], above[1] = block[:, 2], block[1]  # a column, a row that fits without error: the seam runs there
    columns, rows = covered(block, aside, 3, beside=True, below=False), covered(block, above, 3, beside=False, below=True)
    assert np.array_equal(columns, np.broadcast_to(np.arange(8) >= 2, (8, 8)))
    assert np.array_equal(rows, np.broadcast_to(np.arange(8)[:, None] >= 1, (8, 8)))
    both = covered(block, under, 3, beside=True, below=True)
    assert np.array_equal(both, covered(block, under, 3, beside=True, below=False) & covered(block, under, 3, beside=False, below=True))
    assert covered(block, under, 3, beside=False, below=False).all()


def test_what_fits_is_what_a_search_of_everything_finds():
    random = np.random.default_rng(2)
    flat = random.random((400, 4)).astype(np.float32)
    offsets = np.array([0, 1, 21, -19], np.int32)
    places = np.arange(40, 360, dtype=np.int32)
    wanted, weights = random.random((4, 4)).astype(np.float32), random.random((4, 2)).astype(np.float32)
    every = np.array(
        [
            sum(
                w[0] * ((flat[at + o, :3] - want[:3]) ** 2).sum() + w[1] * (flat[at + o, 3] - want[3]) ** 2
                for o, want, w in zip(offsets, wanted, weights, strict=True)
            )
            for at in places
        ]
    )
    allowed = set(places[every <= every.min() * 1.8])
    assert len(allowed) > 2
    scratch = np.empty(len(places), np.int32), np.empty(len(places), np.float32)
    drawn = {matching.drawn(flat, places, 0, 1, offsets, wanted, weights, 0.8, chance, *scratch) for chance in np.linspace(0, 0.999, 60)}
    assert drawn == allowed
    assert matching.drawn(flat, places, 0, 1, offsets, wanted, weights, 0.0, 0.5, *scratch) == places[every.argmin()]


def test_a_checkerboard_grows_into_a_checkerboard():
    texture = checks(16, 2)
    steps = list(grown(texture, 40, 34, 7, 0.1, generator()))
    canvas, counts = steps[-1][0], [done for _, done in steps]
    assert counts == sorted(counts)
    assert counts[-1] == 40 * 34
    assert patches(canvas, 5) <= patches(texture, 5), "every neighbourhood is one of the texture's"


def test_grown_pixels_are_the_textures_own():
    texture = np.random.default_rng(3).random((9, 12, 3)).astype(np.float32)
    *_, (canvas, _) = grown(texture, 17, 13, 5, 0.1, generator())
    assert patches(canvas, 1) <= patches(texture, 1)


def test_one_block_of_a_quilt_is_a_piece_of_the_texture_and_an_exact_fit_goes_on_without_a_seam():
    texture = checks(24, 3)
    quilt = Quilt(texture, 50, 41, 9, 3)
    assert [*quilt.sewn(0.0, generator())][-1] == quilt.blocks
    assert quilt.canvas.shape == (50, 41, 3)
    assert patches(quilt.canvas, 6) <= patches(texture, 6)


def test_a_quilt_without_randomness_takes_the_block_of_least_difference():
    random = np.random.default_rng(4)
    texture = random.random((14, 15, 3)).astype(np.float32)
    quilt = Quilt(texture, 6, 10, 6, 2)
    steps = quilt.sewn(0.0, generator())
    next(steps)
    left = quilt.canvas[:, 4:6].copy()
    next(steps)
    far = {(y, x): float(((texture[y : y + 6, x : x + 2] - left) ** 2).sum()) for y in range(9) for x in range(10)}
    y, x = min(far, key=far.get)
    assert np.array_equal(quilt.canvas[:, 6:10], texture[y : y + 6, x + 2 : x + 6])


def test_a_transfer_minimises_the_papers_sum():
    """α (overlap + the round before) + (1 - α) correspondence, section 3."""
    random = np.random.default_rng(5)
    texture, before = random.random((12, 13, 3)).astype(np.float32), random.random((5, 8, 3)).astype(np.float32)
    offered, wanted = random.random((12, 13)).astype(np.float32), random.random((5, 8)).astype(np.float32)
    quilt = Quilt(texture, 5, 8, 5, 2, Photo(wanted, offered, 0.7), before)
    steps = quilt.sewn(0.0, generator())
    next(steps)
    under = quilt.canvas[:, 3:5].copy()
    next(steps)

    def error(y: int, x: int) -> float:
        block = texture[y : y + 5, x : x + 5]
        fit = ((block[:, :2] - under) ** 2).sum() / 3 + ((block - before[:, 3:]) ** 2).sum() / 3
        return float(0.7 * fit + 0.3 * ((offered[y : y + 5, x : x + 5] - wanted[:, 3:]) ** 2).sum())

    y, x = min(((y, x) for y in range(8) for x in range(9)), key=lambda place: error(*place))
    assert np.array_equal(quilt.canvas[:, 5:], texture[y : y + 5, x + 2 : x + 5])


def test_alpha_grows_as_in_the_paper():
    assert [alpha(number, 5) for number in range(5)] == pytest.approx([0.1, 0.3, 0.5, 0.7, 0.9])


def test_correspondence_uses_all_tones_of_the_texture():
    dark = 0.3 * scene(40, 60)
    offered, wanted = correspondence(weave(30, 30), dark)
    assert wanted.mean() == pytest.approx(offered.mean(), abs=0.02)
    assert wanted.std() == pytest.approx(offered.std(), rel=0.1)
    flat = correspondence(weave(30, 30), torch.full((1, 3, 9, 9), 0.4))[1]
    assert flat.min() == flat.max()


def test_a_photo_of_its_own_texture_comes_back(bench):
    out = paint(bench, style=[bench.content], alpha=0.1, tolerance=0.0, iterations=1, overlap=0.3)
    assert float((out - bench.context().image(bench.content)).abs().mean()) < 0.02


def test_a_transfer_is_like_the_photo_in_light_and_like_the_texture_in_colour(bench):
    out, photo = paint(bench, alpha=0.1, block=5), bench.context().image(bench.content)
    seen = torch.tensor(correspondence(out, photo)[0].ravel()), torch.tensor(correspondence(photo, photo)[0].ravel())
    assert float(torch.corrcoef(torch.stack(seen))[0, 1]) > 0.8
    colours = bench.context().image(bench.style)[0].flatten(1).T
    assert float(torch.cdist(out[0].flatten(1).T, colours, compute_mode="donot_use_mm_for_euclid_dist").min(1).values.max()) < 0.01


@pytest.mark.parametrize("mode", ["synthesis", "quilting", "transfer"])
@pytest.mark.parametrize(("height", "width"), [(8, 8), (8, 90), (33, 17)])
def test_photos_and_textures_of_any_size(bench, mode, height, width):
    out = paint(bench, mode=mode, content=bench.put(scene(height, width)), style=[bench.put(weave(width, height))], block=None)
    longest = max(height, width)
    scale = 64 / longest if mode != "transfer" or longest > 64 else 1
    assert out.shape == (1, 3, max(1, round(height * scale)), max(1, round(width * scale)))
    assert torch.isfinite(out).all()


@pytest.mark.parametrize("mode", ["synthesis", "quilting"])
def test_texture_alone_is_a_square_and_its_seed_matters(bench, mode):
    outs = [paint(bench, mode=mode, content=None, seed=seed) for seed in (0, 0, 1)]
    assert outs[0].shape == (1, 3, 64, 64)
    assert torch.equal(outs[0], outs[1])
    assert not torch.equal(outs[0], outs[2])


@pytest.mark.parametrize("mode", ["synthesis", "quilting", "transfer"])
def test_every_mode_hears_a_cancel(bench, mode):
    with pytest.raises(Cancelled):
        methods.run(methods.build("texture_transfer", sample(bench) | {"mode": mode}), bench.context(stop_after=2))
    assert len(bench.steps) == 2


def test_a_transfer_without_a_photo_is_refused_at_the_door(bench):
    with pytest.raises(BadInput, match="content: a transfer rebuilds a photo"):
        methods.build("texture_transfer", {"style": [bench.style], "mode": "transfer"})


def test_the_mode_is_settled_by_whether_there_is_a_photo(bench):
    assert torch.equal(paint(bench), paint(bench, mode="transfer"))
    assert torch.equal(paint(bench, content=None), paint(bench, content=None, mode="quilting"))


def test_a_small_texture_makes_small_blocks_and_says_so(bench):
    result = methods.run(methods.build("texture_transfer", sample(bench) | {"style": [bench.put(weave(10, 14))], "block": 30}), bench.context())
    assert result.notes == ["the texture is 14 × 10 pixels here, so blocks have 10 a side, not 30"]


def test_the_command_makes_texture_without_a_photo(bench, tmp_path):
    texture, out = tmp_path / "bricks.png", tmp_path / "wall.png"
    texture.write_bytes(bench.assets.read(bench.style))
    said = CliRunner().invoke(cli, ["texture-transfer", "--style", str(texture), "--size", "64", "-o", str(out)])
    assert said.exit_code == 0, said.output
    assert images.probe(out.read_bytes()) == (64, 64)


@pytest.mark.parametrize("made", ["synthesis", "quilting", "transfer"])
@pytest.mark.parametrize("size", [(1, 1), (8, 300), (300, 8), (16, 16), (2000, 8), (8, 2000)], ids=str)
def test_a_tiny_or_narrow_texture_is_painted_or_called_too_narrow(bench, size, made):
    settings = {"style": [bench.put(weave(*size))], "mode": made, "block": None}
    if size == (1, 1):
        with pytest.raises(BadInput, match="each side must have at least 8 pixels"):
            paint(bench, **settings)
    elif 2000 in size and made != "synthesis":  # one pixel narrow beside a picture of 64
        with pytest.raises(BadInput, match="too narrow to cut blocks from"):
            paint(bench, **settings)
    else:
        assert paint(bench, **settings).isfinite().all()

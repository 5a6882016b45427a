"""A : A' :: B : B': what the paper promises, and its search beside one that tries everything."""

import numpy as np
import pytest
import torch

from huafang import methods
from huafang.errors import BadInput, Cancelled
from huafang.methods.image_analogies.neighbourhoods import Level, known, vectors, windows
from huafang.methods.image_analogies.painting import paint
from huafang.methods.image_analogies.tree import nearest, planted
from huafang.ops import colour
from tests.conftest import scene, weave


def sample(bench) -> dict:
    return {"content": bench.content, "style": [bench.style]}


def run_method(bench, **settings) -> torch.Tensor:
    return methods.run(methods.build("image_analogies", sample(bench) | settings), bench.context()).images[0]


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random(shape).astype(np.float32)


@pytest.mark.parametrize("count", [1, 7, 12, 13, 500])
def test_the_tree_finds_the_nearest_when_it_may_look_everywhere(count):
    rows, queries = noise(count, 6), noise(40, 6, seed=1)
    tree = planted(rows, components=6, energy=2.0)
    leaves = 2**tree.depth
    scratch = np.empty(leaves * (tree.depth + 1) + 1, np.int32), np.empty(leaves * (tree.depth + 1) + 1, np.float32)
    for query in queries:
        found = tree.order[nearest(query @ tree.basis, tree.points, tree.axis, tree.at, tree.depth, leaves, *scratch)]
        far = ((rows - query) ** 2).sum(1)
        assert far[found] == pytest.approx(far.min(), rel=1e-4)


def test_few_leaves_are_nearly_as_good():
    rows = noise(4000, 4) @ noise(4, 30, seed=2)
    queries = noise(50, 4, seed=1) @ noise(4, 30, seed=2)
    tree = planted(rows)
    assert tree.basis.shape[1] <= 4, "components beyond the data's own are left out"
    scratch = np.empty(24 * (tree.depth + 1) + 1, np.int32), np.empty(24 * (tree.depth + 1) + 1, np.float32)
    found = [tree.order[nearest(query @ tree.basis, tree.points, tree.axis, tree.at, tree.depth, 24, *scratch)] for query in queries]
    far = ((rows[None] - queries[:, None]) ** 2).sum(2)
    assert np.mean(np.sqrt(far[np.arange(50), found] / far.min(1))) < 1.05


def test_distances_of_vectors_are_the_papers_weighted_sums():
    """Both levels weigh 1 over their whole window, a gaussian each; of the filtered picture only what is painted before the pixel counts."""
    around = windows(5)
    assert len(around.whole) == 25
    assert len(around.causal) == 12
    assert len(around.coarse) == 9
    assert (around.whole_weights**2).sum() == pytest.approx(1)
    assert (around.coarse_weights**2).sum() == pytest.approx(1)
    fine, coarse = Level(noise(12, 10, 1), noise(12, 10, 1, seed=1)), Level(noise(6, 5, 1, seed=2), noise(6, 5, 1, seed=3))
    found = vectors(fine, coarse, around)
    (y, x), (v, u) = (5, 4), (7, 6)
    total = 0.0
    for j in range(-2, 3):
        for i in range(-2, 3):
            weight = np.exp(-0.5 * (i * i + j * j) / 1.25**2)
            weight /= sum(np.exp(-0.5 * (a * a + b * b) / 1.25**2) for a in range(-2, 3) for b in range(-2, 3))
            total += weight * float(fine.plain[y + j, x + i, 0] - fine.plain[v + j, u + i, 0]) ** 2
            if j < 0 or (j == 0 and i < 0):
                total += weight * float(fine.filtered[y + j, x + i, 0] - fine.filtered[v + j, u + i, 0]) ** 2
    for j in range(-1, 2):
        for i in range(-1, 2):
            weight = np.exp(-0.5 * (i * i + j * j) / 0.75**2)
            weight /= sum(np.exp(-0.5 * (a * a + b * b) / 0.75**2) for a in range(-1, 2) for b in range(-1, 2))
            for picture in (coarse.plain, coarse.filtered):
                total += weight * float(picture[y // 2 + j, x // 2 + i, 0] - picture[v // 2 + j, u // 2 + i, 0]) ** 2
    assert float(((found[y * 10 + x] - found[v * 10 + u]) ** 2).sum()) == pytest.approx(total, rel=1e-4)


@pytest.mark.parametrize("kappa", [0.0, 1.5])
def test_a_level_is_painted_as_the_paper_says(kappa):
    """BestMatch of section 3.2, beside a plain program that tries every place."""
    pair, photo = Level(noise(9, 8, 1), noise(9, 8, 1, seed=1)), noise(7, 6, 1, seed=2)
    around, start = windows(3), np.random.default_rng(3).integers(0, 72, (7, 6)).astype(np.int32)
    learnt = vectors(pair, None, around)
    tree = planted(learnt, components=learnt.shape[1], energy=2.0)
    canvas, origin, coherent = pair.filtered.reshape(-1, 1)[start], start.copy(), np.zeros(1, np.int32)
    weights = around.causal, around.causal_weights
    paint(learnt, known(photo, None, around), pair.filtered, canvas, origin, *weights, *tree, 2**tree.depth, 1 + kappa, coherent, 0, 7)

    wanted, places, went_on = pair.filtered.reshape(-1, 1)[start], start.copy(), 0
    for y in range(7):
        for x in range(6):
            query = vectors(Level(photo, wanted), None, around)[y * 6 + x]
            far = ((learnt - query) ** 2).sum(1)
            shifted = []
            for j, i in around.causal:
                v, u = y + j, x + i
                if v >= 0 and 0 <= u < 6:
                    row, column = places[v, u] // 8 - j, places[v, u] % 8 - i
                    if 0 <= row < 9 and 0 <= column < 8:
                        shifted.append(row * 8 + column)
            best = int(far.argmin())
            along = min(shifted, key=lambda place: far[place], default=None)
            if along is not None and far[along] <= far[best] * (1 + kappa):
                best = along
                went_on += 1
            places[y, x], wanted[y, x] = best, pair.filtered[best // 8, best % 8]
    assert np.array_equal(origin, places)
    assert np.array_equal(canvas, wanted)
    assert coherent[0] == went_on


def test_a_pair_without_a_difference_gives_the_photo_back(bench):
    photo = bench.context().image(bench.content)
    for keep in ("no", "luminance"):
        out = run_method(bench, source=bench.content, style=[bench.content], keep_colours=keep, kappa=0.0)
        assert float((out - photo).abs().mean()) < 2e-3, keep


def test_an_analogy_is_learnt_from_the_pair(bench):
    """A' is A's negative: so is B' of B, a picture that the pair does not hold."""
    plain, photo = scene(64, 80), scene(48, 64).flip(3) * 0.9
    out = run_method(
        bench,
        content=bench.put(photo),
        source=bench.put(plain),
        style=[bench.put(1 - plain)],
        keep_colours="no",
        match="colour",
        match_luminance=False,
        kappa=0.5,
    )
    assert float((out - (1 - photo)).abs().mean()) < 0.05
    assert float((out - photo).abs().mean()) > 0.25


def test_texture_by_numbers(bench):
    """Labels of two colours: each area of the new plan is filled with the texture that stood under its label."""
    labels, plan = torch.zeros(1, 3, 48, 64), torch.zeros(1, 3, 40, 56)
    labels[:, 0, :, :32], labels[:, 2, :, 32:] = 1, 1
    plan[:, 2, :20], plan[:, 0, 20:] = 1, 1
    texture = torch.cat([weave(48, 32), weave(48, 32).flip(1)], 3)
    out = run_method(bench, content=bench.put(plan), source=bench.put(labels), style=[bench.put(texture)], match="colour", keep_colours="no", kappa=1.0)
    assert float((out[0, 0, 23:] - out[0, 2, 23:]).mean()) > 0.2, "warm below, under red"
    assert float((out[0, 0, :17] - out[0, 2, :17]).mean()) < -0.2, "cold above, under blue"
    assert float(out[0, :, 22:].std()) > 0.5 * float(texture[..., :32].std()), "and it is a texture, no flat colour"


def test_luminance_alone_is_painted_and_the_photo_keeps_its_colours(bench):
    out, photo = run_method(bench), bench.context().image(bench.content)
    inside = ((out > 0.01) & (out < 0.99)).all(1)[0]
    assert inside.float().mean() > 0.4
    assert torch.allclose(colour.mix(out, colour.YIQ)[0, 1:, inside], colour.mix(photo, colour.YIQ)[0, 1:, inside], atol=2e-3)
    assert not torch.allclose(out, photo, atol=0.05)


def test_pixels_are_copies_of_the_style_pictures(bench):
    colours = bench.context().image(bench.style)[0].flatten(1).T
    assert (
        float(torch.cdist(run_method(bench, keep_colours="no")[0].flatten(1).T, colours, compute_mode="donot_use_mm_for_euclid_dist").min(1).values.max())
        < 1e-4
    )


def test_histogram_brings_the_photos_colours_to_the_pair(bench):
    photo = bench.context().image(bench.content)
    means = [(run_method(bench, keep_colours=kept).mean((2, 3)) - photo.mean((2, 3))).abs().sum() for kept in ("no", "histogram")]
    assert means[1] < 0.5 * means[0]


def test_more_kappa_is_more_coherent(bench):
    shares = []
    for kappa in (0.0, 1.0, 25.0):
        shares.append(methods.run(methods.build("image_analogies", sample(bench) | {"kappa": kappa}), bench.context()).figures["coherent"])
    assert shares[0] < shares[1] < shares[2]


@pytest.mark.parametrize(("height", "width"), [(8, 8), (8, 120), (51, 19)])
@pytest.mark.parametrize("levels", [None, 1, 5])
def test_pictures_of_any_size(bench, height, width, levels):
    out = run_method(bench, content=bench.put(scene(height, width)), style=[bench.put(weave(width, height))], levels=levels)
    assert out.shape == (1, 3, height, width)
    assert torch.isfinite(out).all()


def test_a_large_photo_is_made_smaller(bench):
    assert run_method(bench, content=bench.put(scene(90, 180)), size=64).shape == (1, 3, 32, 64)


def test_a_missing_source_is_said(bench):
    result = methods.run(methods.build("image_analogies", sample(bench)), bench.context())
    assert "blurred" in result.notes[0]
    assert methods.run(methods.build("image_analogies", sample(bench) | {"source": bench.style}), bench.context()).notes == []


def test_a_cancel_is_heard_between_bands(bench):
    with pytest.raises(Cancelled):
        methods.run(methods.build("image_analogies", sample(bench) | {"content": bench.put(scene(120, 160))}), bench.context(stop_after=3))
    assert len(bench.steps) == 3


def test_a_pair_of_two_sizes_and_an_even_patch_are_refused(bench):
    with pytest.raises(BadInput, match=r"source: it is 64 × 48 pixels and the style picture 56 × 40"):
        run_method(bench, source=bench.content)
    with pytest.raises(BadInput, match="patch: must be odd; the nearest are 3 and 5"):
        methods.build("image_analogies", sample(bench) | {"patch": 4})

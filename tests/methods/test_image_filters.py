"""Filters held to what their papers promise: closed forms, brute force, invariants, and every odd size."""

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from huafang import methods
from huafang.context import Context
from huafang.errors import Cancelled
from huafang.methods.image_filters import cartoon, drawing, halftone, lines, wash
from huafang.methods.image_filters.kuwahara import ANGLES, ETA, STRETCHES, kuwahara, trusts, windows
from huafang.methods.image_filters.passes import Passes, Scene
from huafang.ops import edges
from tests.conftest import scene, weave

FILTERS = ["oil", "ink", "pencil", "cartoon", "watercolour", "halftone"]


def sample(bench) -> dict:
    return {"content": bench.content, "filter": "watercolour"}


def paint(bench, pixels: torch.Tensor, **settings: object) -> torch.Tensor:
    params = {"content": bench.put(pixels), **settings}
    return methods.run(methods.build("image_filters", params), bench.context()).images[0]


def uniform_flow(height: int, width: int, tangent: tuple[float, float], anisotropy: float = 0.0) -> np.ndarray:
    return np.broadcast_to(np.float32([*tangent, anisotropy])[:, None, None], (3, height, width)).copy()


def step_edge(height: int, width: int, low: float = 0.2, high: float = 0.8) -> np.ndarray:
    plane = np.full((height, width), low, np.float32)
    plane[:, width // 2 :] = high
    return plane


def normal_cdf(x: float) -> float:
    return 0.5 * (1 + math.erf(x / math.sqrt(2)))


def kuwahara_of(pixels: np.ndarray, flow: np.ndarray, radius: float = 6.3, stride: int = 1, sharpness: float = 8.0) -> np.ndarray:
    height, width = pixels.shape[1:]
    ready = windows(flow, width, radius, stride, 1.0)
    cells, out = np.empty((height + 2 * ready.reach, width + 2 * ready.reach, 4), np.float32), np.empty_like(pixels)
    wash.cell_means(pixels, cells, stride, 0, height)
    wash.repeat_outward(cells, ready.reach)
    kuwahara(cells, ready.chosen, ready.starts, ready.places, ready.shares, trusts(sharpness), out, 0, height)
    return out


# ---- flow


def test_the_tangent_runs_along_stripes():
    x = torch.arange(40).float()
    stripes = (0.5 + 0.5 * torch.sin(x)).expand(1, 3, 40, 40).contiguous()
    for picture, tangent in ((stripes, (0.0, 1.0)), (stripes.mT.contiguous(), (1.0, 0.0))):
        flow = edges.edge_flow(edges.structure_tensor(picture, 2.0))[0, :, 5:-5, 5:-5]
        assert torch.allclose(flow[0].abs(), torch.tensor(tangent[0]), atol=1e-3)
        assert torch.allclose(flow[1].abs(), torch.tensor(tangent[1]), atol=1e-3)
        assert (flow[2] > 0.99).all()


def test_a_flat_picture_has_no_direction():
    flow = edges.edge_flow(edges.structure_tensor(torch.full((1, 3, 9, 12), 0.4), 2.0))
    assert float(flow[:, 2].abs().max()) < 1e-5
    assert torch.isfinite(flow).all()


def test_gaussian_blur_of_a_step_is_the_normal_distribution():
    blurred = edges.gaussian_blur(torch.from_numpy(step_edge(5, 60, 0.0, 1.0))[None, None], 4.0)[0, 0, 2]
    wanted = torch.tensor([normal_cdf((x - 29.5) / 4.0) for x in range(60)])
    assert torch.allclose(blurred, wanted, atol=2e-3)


# ---- XDoG


@pytest.mark.parametrize("p", [0.0, 1.0, 20.0])
def test_difference_of_gaussians_of_a_step_is_the_difference_of_error_functions(p):
    sigma, low, high = 3.0, 0.2, 0.8
    plane, out = step_edge(8, 80, low, high), np.empty((8, 80), np.float32)
    lines.sum_across(plane, uniform_flow(8, 80, (0.0, 1.0)), out, lines.xdog_kernel(sigma, p, 1.0), 1.0, 0, 8)
    for x in range(20, 60):
        at = x - 39.5
        wanted = low + (high - low) * ((1 + p) * normal_cdf(at / sigma) - p * normal_cdf(at / (1.6 * sigma)))
        assert out[4, x] == pytest.approx(wanted, abs=0.004 * (1 + p))


def test_flat_areas_keep_their_luminance_whatever_p():
    for step in (1.0, 2.0):
        assert lines.xdog_kernel(2.0, 50.0, step).sum() == pytest.approx(1, abs=1e-4)
    flat, out = np.full((12, 12), 0.37, np.float32), np.empty((12, 12), np.float32)
    flow = edges.edge_flow(edges.structure_tensor(torch.rand(1, 3, 12, 12, generator=torch.Generator().manual_seed(0)), 1.0))[0].contiguous().numpy()
    lines.sum_across(flat, flow, out, lines.xdog_kernel(1.3, 20.0, 1.0), 1.0, 0, 12)
    assert np.allclose(out, 0.37, atol=1e-4)
    lines.sum_along(flat, flow, out, lines.gaussian(2.0, 1.0), 1.0, 0, 12)
    assert np.allclose(out, 0.37, atol=1e-5)


def test_threshold_meets_its_limits():
    u = np.linspace(-1, 2, 301, dtype=np.float32)
    for phi in (1.0, 10.0):
        kept = lines.threshold(u, 0.5, phi)
        assert (kept[u >= 0.5] == 1).all()
        assert np.allclose(kept[u < 0.5], 1 + np.tanh(phi * (u[u < 0.5] - 0.5)), atol=1e-6)
        assert (np.diff(kept) >= 0).all()
    binary = lines.threshold(u, 0.5, 1e6)
    assert set(np.unique(binary[np.abs(u - 0.5) > 1e-3])) == {0.0, 1.0}


def test_the_pass_thresholds_as_the_equation_does():
    u = np.linspace(-1, 2, 90, dtype=np.float32).reshape(9, 10)
    out = np.empty_like(u)
    drawing.soft_threshold(u, out, 0.4, 7.0, 0, 9)
    assert np.allclose(out, lines.threshold(u, 0.4, 7.0), atol=1e-6)


def test_smoothing_along_a_line_keeps_it_and_closes_its_gap():
    plane = np.ones((40, 21), np.float32)
    plane[:, 10] = 0
    plane[20, 10] = 1  # a gap in a vertical line
    out = np.empty_like(plane)
    lines.sum_along(plane, uniform_flow(40, 21, (0.0, 1.0)), out, lines.gaussian(3.0, 1.0), 1.0, 0, 40)
    assert out[20, 10] < 0.2
    assert np.allclose(out[:, [8, 12]], 1)


def test_ink_leaves_a_bright_flat_picture_white_and_a_dark_one_black(bench):
    assert paint(bench, torch.full((1, 3, 40, 50), 0.9), filter="ink").min() > 0.999
    assert paint(bench, torch.full((1, 3, 40, 50), 0.05), filter="ink").max() < 0.01


def test_ink_is_binary_for_a_steep_slope_and_draws_the_edge(bench):
    pixels = torch.from_numpy(step_edge(900, 900, 0.6, 0.9)).expand(1, 3, 900, 900).contiguous()
    drawn = paint(bench, pixels, filter="ink", phi=1000.0, epsilon=0.1, p=20.0)[0, 0]
    assert float(((drawn > 0.02) & (drawn < 0.98)).float().mean()) < 0.01
    assert drawn[450, 440:452].min() < 0.05  # the dark side of the edge
    assert drawn[:, 500:].min() > 0.99


# ---- Kuwahara


def test_kuwahara_leaves_a_constant_picture_and_keeps_within_its_range():
    flat = np.full((3, 20, 30), 0.3, np.float32)
    assert np.allclose(kuwahara_of(flat, uniform_flow(20, 30, (0.6, 0.8), 0.7)), 0.3, atol=1e-5)
    noise = np.random.default_rng(0).random((3, 30, 30), np.float32)
    out = kuwahara_of(noise, uniform_flow(30, 30, (0.6, 0.8), 0.7), stride=2)
    assert noise.min() <= out.min() < out.max() <= noise.max()
    assert out.std() < 0.6 * noise.std()


def test_kuwahara_keeps_an_edge_that_a_gaussian_blurs():
    edge = np.repeat(step_edge(40, 40)[None], 3, 0)
    kept = kuwahara_of(edge, uniform_flow(40, 40, (0.0, 1.0), 0.0))
    blurred = edges.gaussian_blur(torch.from_numpy(edge)[None], 0.4 * 6.3)[0].numpy()
    assert np.abs(kept - edge).max() < 0.05
    assert np.abs(blurred - edge).max() > 0.2


def test_kuwahara_smooths_along_stripes_not_across():
    x = np.arange(48)
    stripes = 0.5 + 0.3 * np.sin(2 * np.pi * x / 12)[None, :].repeat(48, 0)
    along = 0.15 * np.sin(2 * np.pi * x / 5)[:, None]
    pixels = np.repeat((stripes + along)[None], 3, 0).astype(np.float32)
    out = kuwahara_of(pixels, uniform_flow(48, 48, (0.0, 1.0), 1.0))[0, 14:-14, 14:-14]
    inner = pixels[0, 14:-14, 14:-14]
    left_along = (out - out.mean(0)).std() / (inner - inner.mean(0)).std()
    left_across = (out - out.mean(1, keepdims=True)).std() / (inner - inner.mean(1, keepdims=True)).std()
    assert left_along < 0.35
    assert left_across > 0.7


@pytest.mark.parametrize("name", ["oil", "cartoon", "ink"])
def test_filters_turn_and_flip_with_the_picture(bench, name):
    pixels = scene(96, 96)
    pixels = edges.gaussian_blur(pixels, 1.0)
    plain = paint(bench, pixels, filter=name, relief=0.0)  # random bristles stay where they are
    for turn in (lambda t: t.rot90(1, (2, 3)), lambda t: t.flip(3), lambda t: t.flip(2)):
        turned = paint(bench, turn(pixels).contiguous(), filter=name, relief=0.0)
        difference = (turn(plain) - turned).abs()
        assert float(difference.mean()) < 0.004
        assert float((difference > 0.1).float().mean()) < 0.01


def test_cell_means_share_every_pixel_evenly():
    noise = np.random.default_rng(1).random((3, 24, 24), np.float32)
    for stride in (1, 2, 3, 4):
        padded = np.empty((30, 30, 4), np.float32)
        wash.cell_means(noise, padded, stride, 0, 24)
        cells = padded[3:-3, 3:-3].transpose(2, 0, 1)
        # Inside, the cells on a lattice of `stride` tile the picture: the sum over a period of lattices is the sum of all pixels.
        assert cells[:3, 8:16, 8:16].mean() == pytest.approx(noise[:, 6:18, 6:18].mean(), abs=0.03)
        if stride == 2:
            kernel = np.outer([0.25, 0.5, 0.25], [0.25, 0.5, 0.25])
            assert cells[1, 10, 11] == pytest.approx(float((noise[1, 9:12, 10:13] * kernel).sum()), abs=1e-5)
            assert cells[3, 10, 11] == pytest.approx(float(((noise[:, 9:12, 10:13] ** 2).sum(0) * kernel).sum()), abs=1e-5)


def test_kuwahara_equals_the_papers_sum_by_brute_force():
    """One pixel at a time in float64, with exact angles that the tables hold, and a full account of every weight."""
    random = np.random.default_rng(4)
    pixels, radius, sharpness = random.random((3, 17, 17)), 4.3, 3.0
    for turn, level in ((0, 0), (9, 5), (40, 11)):
        angle, anisotropy = turn * math.pi / ANGLES, level / (STRETCHES - 1)
        out = kuwahara_of(pixels.astype(np.float32), uniform_flow(17, 17, (math.cos(angle), math.sin(angle)), anisotropy), radius, 1, sharpness)[:, 8, 8]
        j, i = np.mgrid[-8:9, -8:9]
        stretch = 1 + anisotropy
        u = (i * math.cos(angle) + j * math.sin(angle)) / (radius * stretch)
        v = (j * math.cos(angle) - i * math.sin(angle)) / (radius / stretch)
        turned = [(math.cos(k * math.pi / 4), math.sin(k * math.pi / 4)) for k in range(8)]
        parts = np.stack([np.maximum(0, c * u + s * v + 1 / 3 - ETA * (c * v - s * u) ** 2) ** 2 for c, s in turned])
        parts *= (u * u + v * v <= 1) * np.exp(-3.125 * (u * u + v * v)) / parts.sum(0).clip(1e-9)
        parts /= parts.sum((1, 2), keepdims=True)
        means = np.einsum("kyx,cyx->kc", parts, pixels)
        deviations = np.sqrt(np.einsum("kyx,cyx->k", parts, pixels**2) - (means**2).sum(1))
        trust = 1 / (1 + (255 * deviations) ** sharpness)
        assert out == pytest.approx((trust[:, None] * means).sum(0) / trust.sum(), abs=0.004)


def test_threads_do_not_change_a_pixel():
    pixels, drawn = scene(300, 900), []
    for threads in (1, 3):
        with ThreadPoolExecutor(threads) as pool:
            params = methods.build("image_filters", {"content": "0" * 64, "filter": "watercolour"})
            drawn.append(wash.watercolour(params, Scene(pixels), Passes(Context(None, None), pool, Scene(pixels), wash.WATERCOLOUR_PASSES)))
    assert (drawn[0] == drawn[1]).all()


def test_ridges_follow_the_edges_and_are_lit_from_the_upper_left():
    ridges, out = np.zeros((9, 9), np.float32), np.full((3, 9, 9), 0.5, np.float32)
    ridges[:, 4] = 0.2
    wash.light(ridges, np.ones((3, 3), np.float32), out, 1, 1.0, 0, 9)
    assert (out[:, :, 3] > 0.55).all()  # rises to the right: faces the light
    assert (out[:, :, 5] < 0.45).all()
    assert np.allclose(out[:, :, [0, 1, 7, 8]], 0.5)


def test_relief_roughens_oil_and_keeps_its_tone(bench):
    pixels = 0.2 + 0.5 * scene(120, 160)  # far enough from white that no light is cut off
    smooth, rough = (paint(bench, pixels, filter="oil", relief=relief) for relief in (0.0, 1.0))
    assert float((rough - smooth).abs().mean()) > 0.004
    assert torch.allclose(rough.mean((2, 3)), smooth.mean((2, 3)), atol=0.005)


def test_paint_lies_thin_on_flat_areas_and_on_white(bench):
    """At the default relief: a wall must not look like wood grain."""
    noise = 0.25 * torch.rand(1, 1, 120, 160, generator=torch.Generator().manual_seed(0)).expand(1, 3, 120, 160)
    deviation = {}
    for name, pixels in (("grey", torch.full((1, 3, 120, 160), 0.5)), ("white", torch.full((1, 3, 120, 160), 0.97)), ("busy", 0.375 + noise)):
        smooth, rough = (paint(bench, pixels, filter="oil", **relief) for relief in ({"relief": 0.0}, {}))
        deviation[name] = float((rough - smooth).std())
    assert deviation["white"] < deviation["grey"] < 0.012
    assert deviation["busy"] > 3 * deviation["grey"]


# ---- cartoon


def test_lab_is_the_standard_and_turns_back():
    pixels = weave(16, 20)[0].numpy()
    lab, back = np.empty_like(pixels), np.empty_like(pixels)
    cartoon.to_lab(np.ascontiguousarray(pixels), lab, 0, 16)
    reference = pytest.importorskip("skimage.color").rgb2lab(pixels.transpose(1, 2, 0)).transpose(2, 0, 1)
    assert np.allclose(lab, reference, atol=0.05)
    lab[1:] /= cartoon.SATURATION
    white = np.ones((16, 20), np.float32)
    cartoon.finish(lab, white, back, 24, 0.01, 0, 16)  # so gentle a step is the identity
    assert np.allclose(back, pixels, atol=2e-3)


def test_bilateral_equals_brute_force():
    lab = np.random.default_rng(2).random((3, 14, 17), np.float32) * 30
    sigma, range_sigma = 1.7, 9.0
    first, second = np.empty_like(lab), np.empty_like(lab)
    flow, kernel = uniform_flow(14, 17, (0.0, 1.0)), lines.gaussian(sigma, 1.0)
    cartoon.bilateral(lab, flow, first, kernel, 1, range_sigma, True, 0, 14)
    cartoon.bilateral(first, flow, second, kernel, 1, range_sigma, False, 0, 14)

    def brute(image: np.ndarray, axis: int) -> np.ndarray:
        out = np.empty_like(image)
        for y in range(14):
            for x in range(17):
                total, summed = 0.0, np.zeros(3)
                for t in range(-math.ceil(2.5 * sigma), math.ceil(2.5 * sigma) + 1):
                    py, px = (y, min(max(x + t, 0), 16)) if axis == 1 else (min(max(y + t, 0), 13), x)
                    distance = ((image[:, py, px] - image[:, y, x]) ** 2).sum()
                    weight = math.exp(-t * t / (2 * sigma**2)) * math.exp(-distance / (2 * range_sigma**2))
                    total, summed = total + weight, summed + weight * image[:, py, px]
                out[:, y, x] = summed / total
        return out

    assert np.allclose(first, brute(lab, 1), atol=2e-3)
    assert np.allclose(second, brute(brute(lab, 1), 0), atol=4e-3)


def test_bilateral_smooths_noise_and_keeps_an_edge():
    noise = np.random.default_rng(3).normal(0, 2, (3, 40, 40))
    lab = (np.repeat(step_edge(40, 40, 20, 80)[None], 3, 0) + noise).astype(np.float32)
    out, spare = np.empty_like(lab), np.empty_like(lab)
    flow, kernel = uniform_flow(40, 40, (0.0, 1.0)), lines.gaussian(3.0, 1.0)
    cartoon.bilateral(lab, flow, spare, kernel, 1, 8.0, True, 0, 40)
    cartoon.bilateral(spare, flow, out, kernel, 1, 8.0, False, 0, 40)
    assert out[0, :, 2:18].std() < 0.4 * lab[0, :, 2:18].std()
    assert (out[0, :, 20] - out[0, :, 19]).mean() > 58


def test_brightness_falls_on_its_levels():
    ramp = np.linspace(0, 1, 1001, dtype=np.float32)
    hard = cartoon.quantise(ramp, 5, 1e3)
    middles = np.abs((ramp * 5) % 1 - 0.5) > 0.02
    assert len(np.unique(hard[middles].round(3))) == 6  # 0, 1/5 … 1: tanh jumps at the middle of a step
    soft = cartoon.quantise(ramp, 5, 0.01)
    assert np.allclose(soft, ramp, atol=1e-3)
    for steepness in (0.5, 4.0, 20.0):
        stepped = cartoon.quantise(ramp, 5, steepness)
        assert (np.diff(stepped) >= -1e-6).all()
        assert stepped[[0, -1]] == pytest.approx([0, 1], abs=1e-5)
        assert np.abs(stepped - ramp).max() <= 0.1 + 1e-5


def test_the_last_pass_quantises_as_the_equation_does():
    lab = np.zeros((3, 4, 100), np.float32)
    lab[0] = np.linspace(0, 100, 100)
    out, again = np.empty_like(lab), np.empty_like(lab)
    cartoon.finish(lab, np.ones((4, 100), np.float32), out, 6, 4.0, 0, 4)
    cartoon.to_lab(out, again, 0, 4)
    assert np.allclose(again[0] / 100, cartoon.quantise(lab[0] / 100, 6, 4.0), atol=2e-3)


# ---- halftone


def test_thresholds_are_even_and_round():
    table = halftone.thresholds()
    assert np.allclose(np.sort(table.ravel()), (np.arange(table.size) + 0.5) / table.size)
    inked = table < 0.1
    v, u = np.nonzero(np.roll(inked, (halftone.TILE // 2, halftone.TILE // 2), (0, 1)))
    away = np.hypot(v - v.mean(), u - u.mean())
    assert away.max() == pytest.approx(math.sqrt(inked.sum() / math.pi), rel=0.08)  # one disc


@pytest.mark.parametrize("tone", [0.0, 0.03, 0.25, 0.5, 0.8, 1.0])
def test_mean_ink_is_mean_tone(tone):
    out, limits = np.empty((3, 256, 256), np.float32), halftone.thresholds()
    turn = np.float32([[math.cos(0.4), math.sin(0.4)]]) / np.float32(8)
    halftone.screen(np.full((1, 16, 16), tone, np.float32), limits, *halftone.extremes(limits, 13), turn, np.zeros((1, 3), np.float32), out, 0, 256)
    assert 1 - out.mean() == pytest.approx(tone, abs=0.004)


def test_four_inks_give_the_mean_colour(bench):
    for rgb in ((0.8, 0.5, 0.4), (0.4, 0.6, 0.5), (0.5, 0.5, 0.5)):
        pixels = torch.tensor(rgb).view(1, 3, 1, 1).expand(1, 3, 600, 600).contiguous()
        printed = paint(bench, pixels, filter="halftone", dot_size=8.0)
        assert torch.allclose(printed.mean((0, 2, 3)), torch.tensor(rgb), atol=0.03)


def test_a_newspaper_has_black_ink_only(bench):
    printed = paint(bench, scene(200, 300), filter="halftone", screen="black")
    assert float((printed[:, 0] - printed[:, 2]).abs().max()) < 0.02


def test_dots_turn_with_the_angle(bench):
    grey = torch.full((1, 3, 512, 512), 0.6)
    upright = paint(bench, grey, filter="halftone", screen="black", angle=0.0, dot_size=16.0)[0, 0]
    turned = paint(bench, grey, filter="halftone", screen="black", angle=90.0, dot_size=16.0)[0, 0]
    other = paint(bench, grey, filter="halftone", screen="black", angle=45.0, dot_size=16.0)[0, 0]
    assert float((upright - turned).abs().mean()) < 0.02
    assert float((upright - other).abs().mean()) > 0.1


# ---- all


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize(("height", "width"), [(8, 8), (8, 600), (600, 8), (37, 53)])
def test_every_shape_is_painted(bench, name, height, width):
    out = paint(bench, scene(height, width), filter=name)
    assert out.shape == (1, 3, height, width)
    assert torch.isfinite(out).all()
    assert 0 <= float(out.min()) <= float(out.max()) <= 1


@pytest.mark.parametrize("name", FILTERS)
def test_flat_grey_and_extreme_pictures_are_painted(bench, name):
    for value in (0.0, 0.5, 1.0):
        out = paint(bench, torch.full((1, 3, 30, 40), value), filter=name)
        assert torch.isfinite(out).all()
    grey = scene(30, 40).mean(1, keepdim=True).expand(-1, 3, -1, -1).contiguous()
    assert torch.isfinite(paint(bench, grey, filter=name, radius=20.0, sharpness=20.0, sigma=4.0, p=100.0)).all()
    assert torch.isfinite(paint(bench, grey, filter=name, radius=2.0, sharpness=1.0, sigma=0.4, p=0.0, eccentricity=0.25)).all()


@pytest.mark.parametrize("name", FILTERS)
def test_strength_mixes_with_the_photo(bench, name):
    pixels = scene(40, 50)
    photo = paint(bench, pixels, filter=name, strength=0.0)
    full, half = paint(bench, pixels, filter=name), paint(bench, pixels, filter=name, strength=0.5)
    assert torch.allclose(photo, pixels, atol=1 / 255)
    assert float((full - photo).abs().mean()) > 0.002
    assert torch.allclose(half, (full + photo) / 2, atol=1e-5)


@pytest.mark.parametrize("name", FILTERS)
def test_a_thumbnail_looks_like_its_original(bench, name):
    large = edges.gaussian_blur(scene(900, 1200), 3.0)
    small = torch.nn.functional.avg_pool2d(large, 4)
    one, other = (torch.nn.functional.adaptive_avg_pool2d(paint(bench, pixels, filter=name), (30, 40)) for pixels in (large, small))
    assert float((one - other).abs().mean()) < 0.03


@pytest.mark.parametrize("name", ["oil", "pencil", "watercolour"])
def test_the_seed_moves_the_paper(bench, name):
    one, other = (paint(bench, scene(60, 80), filter=name, seed=seed) for seed in (1, 2))
    assert float((one - other).abs().mean()) > 0.003


@pytest.mark.parametrize("name", FILTERS)
def test_a_large_picture_reports_often_and_stops_when_asked(bench, name):
    pixels = bench.put(scene(1500, 2000))
    params = methods.build("image_filters", {"content": pixels, "filter": name})
    with pytest.raises(Cancelled):
        methods.run(params, bench.context(stop_after=2))
    assert bench.steps[-1].total >= 8


def test_passes_cover_every_row_once(bench):
    pixels = Scene(scene(700, 900))
    with ThreadPoolExecutor(3) as pool:
        passes, seen = Passes(bench.context(), pool, pixels, 2), []
        for _ in range(2):
            passes.run(lambda first, last: seen.extend(range(first, last)))
    assert sorted(seen) == sorted([*range(700), *range(700)])
    passes.finish(pixels.picture)
    assert bench.steps[-1].done == bench.steps[-1].total

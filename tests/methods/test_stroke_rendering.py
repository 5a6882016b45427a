"""Brush strokes: what Hertzmann 1998 says must hold for every painting, checked on the strokes and on the canvas."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from huafang import methods
from huafang.context import Context, Step
from huafang.errors import BadInput, Cancelled
from huafang.methods.stroke_rendering import LOOKS, StrokeRendering, brush, brushwork, guides, run, strokes
from huafang.ops import resize
from tests.conftest import scene


def sample(bench) -> dict:
    return {"content": bench.content, "look": "swirling", "radii": [24, 12], "max_length": 6}


def params(**values) -> StrokeRendering:
    return StrokeRendering(content="0" * 64, **values)


def painting(photo: torch.Tensor, seed: int = 0, **values) -> run.Painting:
    p = params(**values)
    return run.Painting(photo, p.settings, np.random.default_rng(seed), lambda: None, field=guides.swirls if p.look == "swirling" else None)


def painted(bench, photo: torch.Tensor, **values) -> torch.Tensor:
    return methods.run(methods.build("stroke_rendering", {"content": bench.put(photo), **values}), bench.context()).images[0]


def all_layers(work: run.Painting):
    """Paint as `run` does, yielding after each layer its view and strokes."""
    before = None
    for radius in work.brushes():
        view = work.look_again(radius, before)
        layer = work.traced(view, work.starts(view))
        work.paint(layer)
        if before is None:
            work.close_gaps(view)
        before = radius
        yield view, layer


def stripes(height: int, width: int, degrees: float) -> torch.Tensor:
    """Soft stripes that run at `degrees` (y down), 12 pixels apart."""
    y, x = torch.meshgrid(torch.arange(height).float(), torch.arange(width).float(), indexing="ij")
    angle = np.deg2rad(degrees)
    wave = 0.5 + 0.45 * torch.sin((y * np.cos(angle) - x * np.sin(angle)) * 2 * np.pi / 12)
    return wave.expand(1, 3, height, width).contiguous()


def test_the_paper_s_looks_have_the_paper_s_numbers():
    one = LOOKS["expressionist"]
    assert (one.threshold, one.radii, one.curvature_filter, one.blur_factor, one.opacity, one.grid_size) == (50, (8, 4, 2), 0.25, 0.5, 0.7, 1)
    assert (one.min_length, one.max_length, one.jitter_value) == (10, 16, 0.5)
    assert LOOKS["pointillist"].max_length == 0


def test_a_number_left_empty_is_the_look_s_and_a_given_one_overrules_it():
    assert params(look="pointillist").settings == LOOKS["pointillist"]
    chosen = params(look="pointillist", opacity=0.3, radii=[2, 9, 5]).settings
    assert chosen.opacity == 0.3
    assert chosen.radii == (9, 5, 2)
    assert chosen.jitter_value == LOOKS["pointillist"].jitter_value
    with pytest.raises(BadInput, match=r"min_length \(4\) is over its max_length \(2\)"):
        methods.build("stroke_rendering", {"content": "0" * 64, "max_length": 2})


@pytest.mark.parametrize("look", ["impressionist", "swirling"])
def test_error_to_the_photo_falls_layer_by_layer(look):
    photo = scene(160, 220)
    work = painting(photo, look=look, radii=[16, 8, 4, 2])
    target = photo[0].permute(1, 2, 0).numpy()
    errors = [float(((work.canvas[..., :3] - target) ** 2).mean()) for _ in all_layers(work)]
    assert len(errors) == 4
    assert all(later < 0.95 * sooner for sooner, later in pairwise(errors)), errors


def test_only_radii_of_the_set_are_painted_and_they_scale_with_the_picture(bench):
    painted(bench, scene(64, 96), radii=[20, 40, 60])
    assert {round(step.figures["radius"], 4) for step in bench.steps if step.figures} == {3.0, 6.0, 9.0}  # × 96 / 640
    assert painting(scene(320, 640), radii=[8, 4]).brushes() == [8, 4]
    assert painting(scene(20, 30), radii=[8, 4]).brushes() == [run.FINEST]


@pytest.mark.parametrize("look", list(LOOKS))
def test_the_canvas_is_covered(look):
    work = painting(scene(120, 170), look=look)
    next(all_layers(work))
    assert work.canvas[..., 3].min() >= run.COVERED * work.look.opacity


def test_lengths_stay_within_their_limits_and_steps_are_one_radius():
    work = painting(scene(200, 260), min_length=3, max_length=7, curvature_filter=0.5)
    for view, layer in all_layers(work):
        steps = layer.counts - 1
        assert steps.max() <= 7
        for line, count in zip(layer.points, layer.counts, strict=True):
            end = line[count - 1]
            inside = (0 <= end[0] < 260) and (0 <= end[1] < 200)
            assert count - 1 >= 3 or not inside, "only the picture's edge ends a stroke early"
            assert np.allclose(np.hypot(*np.diff(line[:count], axis=0).T), layer.radius, rtol=1e-3)
        if not view.bare:
            assert steps.min() < 7, "a stroke stops where the canvas is nearer than its own colour"


def test_strokes_start_at_the_worst_pixel_of_each_cell_over_the_threshold():
    reference, canvas = np.zeros((20, 30, 3), np.float32), np.zeros((20, 30, 3), np.float32)
    reference[7, 13] = 1.0
    reference[6, 11] = 0.5
    found = strokes.starts(reference, canvas, False, np.zeros((0, 2), np.float32), 10, 100.0)
    assert found.tolist() == [[13, 7]]
    assert len(strokes.starts(reference, canvas, False, np.zeros((0, 2), np.float32), 10, 5000.0)) == 0


def test_the_spline_reaches_its_ends_and_stays_in_the_hull():
    points = np.array([[0, 0], [10, 0], [10, 10], [20, 10]], np.float32)
    line = np.empty((40, 2), np.float32)
    count = strokes.spline(points, 4, 3, line)
    assert np.allclose(line[0], points[0])
    assert np.allclose(line[count - 1], points[-1])
    assert line[:count].min() >= 0
    assert np.hypot(*np.diff(line[:count], axis=0).T).max() < 7


@pytest.mark.parametrize("look", ["swirling", "impressionist"])
@pytest.mark.parametrize("degrees", [0.0, 30.0, 90.0, 150.0])
def test_strokes_run_along_the_stripes(degrees, look):
    work = painting(stripes(200, 200, degrees), look=look)
    *_, (view, _) = all_layers(work)
    angle = np.deg2rad(degrees)
    inner = view.tangents[20:-20, 20:-20]
    along = np.abs(inner[..., 0] * np.cos(angle) + inner[..., 1] * np.sin(angle))
    assert np.median(along) > 0.98
    begin = np.array([[60, 60], [100, 90], [130, 120]], np.int32)
    points = work.traced(view, begin).points
    heading = points[:, 2] - points[:, 0]
    heading /= np.linalg.norm(heading, axis=1, keepdims=True)
    assert (np.abs(heading @ [np.cos(angle), np.sin(angle)]) > 0.9).all()


def test_where_nothing_leads_the_swirling_look_swirls():
    field = guides.swirls(200, 300, np.random.default_rng(1))
    assert np.allclose(np.linalg.norm(field, axis=-1), 1, atol=1e-3)
    view = painting(torch.full((1, 3, 200, 300), 0.5), look="swirling").look_again(4.0, None)
    heading = np.arctan2(view.tangents[..., 1], view.tangents[..., 0])
    assert np.histogram(heading, 8, (-np.pi, np.pi))[0].min() > 0.02 * heading.size, "every direction of the compass occurs"


def test_edges_of_strokes_are_anti_aliased_and_the_inside_has_bristles():
    canvas = np.zeros((256, 256, 5), np.float32)
    points = np.array([[[40, 40.3], [80, 60], [120, 90], [160, 130]]], np.float32)
    counts, lots, colour = np.array([4], np.int32), np.full((1, 4), 0.3, np.float32), np.array([[1.0, 0.5, 0.2]], np.float32)
    texture = brush.bristles(np.random.default_rng(0))
    boxes = brush.boxes(points, counts, 12.0, brush.TILE, 1, 1)
    brush.paint_tile(canvas, 0, 0, np.array([0], np.int32), boxes, points, counts, colour, lots, 12.0, 1.0, 1.0, texture)
    cover = canvas[..., 3]
    edge = (cover > 0.05) & (cover < 0.3)
    assert edge.sum() > 100, "a band of partly covered pixels along the rim"
    assert cover[cover > 0].size < 1.25 * 24 * np.hypot(120, 90) + np.pi * 144, "nothing beyond the brush"
    inside = canvas[70:110, 80:120][cover[70:110, 80:120] > 0.5]
    assert inside[:, 0].std() > 0.01, "hairs differ"
    assert canvas[..., 4].max() > 0, "paint has a height"


def test_tiles_leave_no_seam():
    photo = torch.nn.functional.interpolate(scene(60, 90), size=(300, 520), mode="bilinear")
    whole = painting(photo)
    first = next(all_layers(whole))[1]
    assert first.points[..., 0].max() > brush.TILE, "strokes in both tiles"
    column = whole.canvas[:, :, :3]
    jump = np.abs(np.diff(column, axis=1)).mean((0, 2))
    assert jump[brush.TILE - 1] < 3 * np.median(jump) + 1e-3


def test_impasto_is_light_on_the_same_paint(bench):
    flat, thick = (painted(bench, scene(80, 100), impasto=value) for value in (0.0, 1.0))
    assert not torch.equal(flat, thick)
    smooth = [gaussian_filter(one[0].mean(0).numpy(), 6) for one in (flat, thick)]
    assert np.abs(smooth[0] - smooth[1]).mean() < 0.03, "relief changes no broad tone"


@pytest.mark.parametrize("look", list(LOOKS))
@pytest.mark.parametrize("size", [(8, 8), (8, 700), (900, 9), (33, 47)])
def test_tiny_and_narrow_pictures_survive(bench, look, size):
    out = painted(bench, scene(*size), look=look)
    assert out.shape == (1, 3, *size)
    assert torch.isfinite(out).all()


@pytest.mark.parametrize("look", list(LOOKS))
def test_flat_and_grey_pictures_survive(bench, look):
    flat = painted(bench, torch.full((1, 3, 40, 50), 0.4), look=look, jitter_value=0.0, jitter_hue=0.0, jitter_saturation=0.0, impasto=0.0)
    assert abs(float(flat.mean()) - 0.4) < 0.05
    assert torch.isfinite(painted(bench, scene(40, 50).mean(1, keepdim=True).expand(1, 3, 40, 50).contiguous(), look=look)).all()


def test_a_picture_larger_than_its_guide_is_painted_at_its_own_size():
    photo = torch.nn.functional.interpolate(scene(20, 250), size=(200, 2500), mode="bilinear")
    work = painting(photo, radii=[3])
    assert work.photo.shape[1] == guides.GUIDE_SIDE
    next(all_layers(work))
    assert work.canvas[..., 3].min() > 0.4
    assert np.abs(work.canvas[..., :3] - photo[0].permute(1, 2, 0).numpy()).mean() < 0.05


def test_a_size_is_the_longest_side_and_left_out_it_is_the_photo_s(bench):
    photo = scene(90, 120)
    plain = painted(bench, photo)
    assert plain.shape[2:] == (90, 120)
    for size in (120, 500):
        assert torch.equal(painted(bench, photo, size=size), plain), "a smaller photo is not enlarged"
    small = painted(bench, photo, size=80)
    assert small.shape[2:] == (60, 80)
    assert (small - resize.shrunk(photo, 80)).abs().mean() < 0.08, "it is the photo that is painted, and none of it is cut off"
    params = methods.build("stroke_rendering", {"content": bench.put(photo), "size": 500})
    (note,) = methods.run(params, bench.context()).notes
    assert "120 pixels: it is not enlarged to 500" in note


def test_another_seed_is_another_picture(bench):
    one, same, other = (painted(bench, scene(60, 80), seed=seed) for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_a_larger_threshold_paints_fewer_strokes():
    def count(threshold: float) -> int:
        return sum(len(layer.points) for _, layer in all_layers(painting(scene(150, 200), threshold=threshold)))

    few, some, many = count(2000), count(200), count(20)
    assert few < some < many


def test_hsv_turns_back_and_jitter_zero_is_no_jitter():
    colours = np.random.default_rng(0).random((500, 3), dtype=np.float32)
    assert np.allclose(run.from_hsv(*run.to_hsv(colours)), colours, atol=1e-5)
    assert np.array_equal(run.jittered(colours, LOOKS["impressionist"], np.random.default_rng(0)), colours)
    assert not np.allclose(run.jittered(colours, LOOKS["pointillist"], np.random.default_rng(0)), colours, atol=0.05)


@pytest.mark.parametrize("look", list(LOOKS))
def test_white_and_black_paint_stay_clean_and_grey_keeps_its_jitter(look):
    def spread(tone: float) -> float:
        return float(run.jittered(np.full((2000, 3), tone, np.float32), LOOKS[look], np.random.default_rng(0)).std(0, dtype=np.float64).max())

    assert max(spread(1.0), spread(0.0)) < 1e-5
    assert spread(0.96) <= 0.2 * spread(0.5) + 1e-5
    assert (spread(0.5) > 0.01) == any(run.jitters(LOOKS[look])[2:])


def test_a_cancel_is_heard_while_the_canvas_is_made_ready(bench):
    """On a photo of 8 megapixels that takes seconds, before there is a first step to speak of."""
    asked = 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return asked == 2

    steps: list[Step] = []
    ctx = Context(bench.assets, bench.weights, report=steps.append, stop=stop)
    with pytest.raises(Cancelled):
        methods.run(methods.build("stroke_rendering", sample(bench)), ctx)
    assert not steps
    assert asked == 2


def blue_stripes(angle: float, width: float, *, size: int = 480) -> torch.Tensor:
    """A painting of parallel strokes of `width` pixels in two blues, running at `angle` (radians, 0 is along x)."""
    y, x = torch.meshgrid(torch.arange(size, dtype=torch.float32), torch.arange(size, dtype=torch.float32), indexing="ij")
    wave = torch.sin((-x * np.sin(angle) + y * np.cos(angle)) * np.pi / width) / 2 + 0.5
    dark, light = torch.tensor([0.05, 0.1, 0.4]), torch.tensor([0.4, 0.6, 0.9])
    return torch.lerp(dark.view(3, 1, 1), light.view(3, 1, 1), wave[None])[None]


def measured(painting: torch.Tensor, style_scale: float = 1.0) -> brushwork.Brushwork:
    return brushwork.measure([painting], style_scale, np.random.default_rng(0))


@pytest.mark.parametrize("width", [4.5, 7.5, 12.0])
def test_the_brush_is_as_wide_as_the_paintings_strokes(width):
    """Of parallel strokes the autocorrelation falls to zero at half their width; lengths count at a longer side of 640."""
    radius = measured(blue_stripes(0.5, width)).look.radii[-1]
    assert radius == pytest.approx(brushwork.OVERLAP * width / 2 * 640 / 480, rel=0.25)
    assert measured(blue_stripes(0.5, width), style_scale=2.0).look.radii[-1] == pytest.approx(2 * radius)


@pytest.mark.parametrize("angle", [0.0, 0.7, np.pi / 2, 2.4])
def test_strokes_run_as_the_paintings_do_where_the_photo_leads_nowhere(angle):
    hand = measured(blue_stripes(angle, 8.0))
    plain = torch.full((1, 3, 200, 300), 0.5)
    view = run.Painting(plain, hand.look, np.random.default_rng(1), lambda: None, field=hand.directions).look_again(4.0, None)
    along = np.abs(view.tangents @ np.array([np.cos(angle), np.sin(angle)], np.float32))
    assert np.median(along) > 0.99


def test_long_strokes_are_told_from_short_ones():
    long = blue_stripes(0.0, 8.0)
    short = torch.where((torch.arange(480) // 24 % 2 == 0).view(1, 1, 1, 480), long, long.roll(8, 2))
    assert measured(long).look.max_length > 1.5 * measured(short).look.max_length


def test_strokes_take_the_paintings_colours(bench):
    style = bench.put(blue_stripes(0.3, 8.0))
    photo = bench.put(scene(96, 128))
    painted = methods.run(methods.build("stroke_rendering", {"content": photo, "style": [style], "impasto": 0}), bench.context()).images[0]
    red, _, blue = painted[0].flatten(1)
    assert float((blue > red).float().mean()) > 0.99, "all strokes are blue"
    kept = methods.run(methods.build("stroke_rendering", {"content": photo, "style": [style], "keep_colours": True, "impasto": 0}), bench.context()).images[0]
    assert float((kept - scene(96, 128)).abs().mean()) < 0.5 * float((painted - scene(96, 128)).abs().mean())


def test_a_flat_style_picture_and_several_are_painted_after(bench):
    photo, flat, other = bench.put(scene(64, 80)), bench.put(torch.full((1, 3, 40, 30), 0.3)), bench.put(blue_stripes(0.0, 6.0, size=200))
    alone = methods.run(methods.build("stroke_rendering", {"content": photo, "style": [flat], "impasto": 0}), bench.context()).images[0]
    assert float((alone - 0.3).abs().max()) < 0.05
    both = methods.run(methods.build("stroke_rendering", {"content": photo, "style": [flat, other]}), bench.context()).images[0]
    assert both.shape == alone.shape
    assert not torch.equal(both, alone)


def test_numbers_set_by_hand_overrule_those_of_the_painting():
    params = StrokeRendering(content="0" * 64, radii=(9,), max_length=3, min_length=1)
    look = params.overridden(measured(blue_stripes(0.0, 8.0)).look)
    assert (look.radii, look.min_length, look.max_length) == ((9,), 1, 3)

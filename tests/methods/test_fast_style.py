"""The method of Johnson's network: any size, its controls, and the real candy and mosaic."""

import pytest
import torch
from safetensors.torch import save_file
from skimage import data

from huafang import methods
from huafang.errors import BadInput, MissingWeights
from huafang.ops import colour, resize
from tests.conftest import scene
from tests.nets.test_transformer_net import random_state


def sample(bench) -> dict:
    place = bench.weights.root / "random-style.safetensors"
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        save_file(random_state(), place)
    return {"content": bench.content, "weights": "random-style", "size": 64}


def painted(bench, **values) -> torch.Tensor:
    return methods.run(methods.build("fast_style", sample(bench) | values), bench.context()).images[0]


@pytest.mark.parametrize("size", [(8, 8), (9, 130), (131, 8), (65, 67)])
def test_the_result_has_the_photos_shape(bench, size):
    photo = bench.put(scene(*size))
    assert painted(bench, content=photo, size=512).shape[2:] == size


def test_a_larger_photo_is_painted_at_the_size_asked_for_and_says_so(bench):
    photo = bench.put(scene(90, 200))
    result = methods.run(methods.build("fast_style", sample(bench) | {"content": photo, "size": 100}), bench.context())
    assert result.images[0].shape[2:] == (45, 100)
    assert result.notes == ["the photo is painted at 100 × 45; its own size is 200 × 90"]


def test_strength_runs_from_the_photo_to_the_style(bench):
    photo = bench.context().image(bench.content)
    full = painted(bench)
    assert torch.allclose(painted(bench, strength=0.0), photo, atol=1e-6)
    assert torch.allclose(painted(bench, strength=0.25), photo + 0.25 * (full - photo), atol=1e-5)
    assert (full - photo).abs().mean() > 0.05


def test_colours_are_kept_in_two_ways(bench):
    photo = bench.context().image(bench.content)
    plain, luminance, histogram = (painted(bench, keep_colours=how) for how in ("no", "luminance", "histogram"))

    def chroma(picture: torch.Tensor) -> torch.Tensor:
        return colour.mix(picture, colour.YIQ)[:, 1:]

    wanted = colour.keep_chroma(plain, photo).clamp(0, 1)
    assert torch.allclose(luminance, wanted, atol=1e-5)
    assert (chroma(luminance) - chroma(photo)).abs().mean() < 0.5 * (chroma(plain) - chroma(photo)).abs().mean()
    assert (histogram.mean((2, 3)) - photo.mean((2, 3))).abs().max() < 0.5 * (plain.mean((2, 3)) - photo.mean((2, 3))).abs().max()


def test_wrong_and_missing_weights_are_refused(bench):
    with pytest.raises(MissingWeights):
        painted(bench, weights="candyy")
    save_file({"a.weight": torch.zeros(3)}, bench.weights.root / "other.safetensors")
    with pytest.raises(BadInput, match="allowed are the TransformerNet of pytorch/examples"):
        painted(bench, weights="other")


@pytest.mark.parametrize(("style", "mean", "saturation"), [("candy", (0.66, 0.51, 0.41), 0.32), ("mosaic", (0.68, 0.63, 0.60), 0.16)])
def test_real_weights_paint_in_their_own_palette(bench, shared, style, mean, saturation):
    """Whatever the photo, candy is saturated and warm, mosaic pale; both draw many more edges than the photo has (measured on three other photos)."""
    photo = torch.from_numpy(data.coffee()).permute(2, 0, 1)[None, :, :300] / 255
    name = bench.weights.add(shared / "weights" / f"fast_style_{style}.safetensors")
    result = painted(bench, content=bench.put(photo), weights=name, size=200)
    assert torch.allclose(result.mean((0, 2, 3)), torch.tensor(mean), atol=0.04)
    assert abs(float((result.amax(1) - result.amin(1)).mean()) - saturation) < 0.05
    assert result.diff(dim=3).abs().mean() > 1.5 * resize.shrunk(photo, 200).diff(dim=3).abs().mean()

"""The room of AnimeGANv2: any size and its controls on a random network, and Hayao on a real photo."""

import pytest
import torch
from safetensors.torch import save_file
from skimage import data

from huafang import methods
from huafang.nets import animegan
from huafang.ops import colour, resize
from tests.conftest import scene


def sample(bench) -> dict:
    place = bench.weights.root / "random-animegan.safetensors"
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(0)
        save_file(animegan.Generator().state_dict(), place)
    return {"content": bench.content, "weights": "random-animegan", "size": 64}


def painted(bench, **values) -> torch.Tensor:
    return methods.run(methods.build("animegan", sample(bench) | values), bench.context()).images[0]


@pytest.mark.parametrize("upsampling", ["tf1", "half_pixel", "align_corners"])
@pytest.mark.parametrize("size", [(8, 8), (9, 62), (63, 8), (33, 35)])
def test_the_result_has_the_photos_shape(bench, size, upsampling):
    assert painted(bench, content=bench.put(scene(*size)), upsampling=upsampling).shape[2:] == size


def test_strength_zero_is_the_photo_and_luminance_keeps_its_colours(bench):
    photo = bench.context().image(bench.content)
    assert torch.allclose(painted(bench, strength=0.0), photo, atol=1e-6)
    assert torch.allclose(painted(bench, keep_colours="luminance"), colour.keep_chroma(painted(bench), photo).clamp(0, 1), atol=1e-5)


def test_hayao_smooths_flats_and_enlargements_differ(bench, shared):
    """Fur and grain go, edges stay; enlarged as PyTorch does, the same weights give another picture."""
    photo = torch.from_numpy(data.chelsea()).permute(2, 0, 1)[None] / 255
    values = {"content": bench.put(photo), "weights": bench.weights.add(shared / "weights" / "animeganv2_hayao.safetensors"), "size": 256}
    small = resize.shrunk(photo, 256)
    results = {mode: painted(bench, upsampling=mode, **values) for mode in ("tf1", "align_corners")}

    def grain(picture: torch.Tensor) -> float:
        """Median difference of neighbours in luminance: what flats have, and edges, being few, do not touch."""
        return float(colour.luminance(picture).diff(dim=3).abs().median())

    assert grain(results["tf1"]) < grain(small)
    assert (results["tf1"] - results["align_corners"]).abs().mean() > 0.01
    assert (results["tf1"] - small).abs().mean() < 0.2, "it is still the photo"

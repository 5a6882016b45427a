"""The method of AnimeGAN: any size and its controls on a random network of each version, and Hayao on a real photo."""

import pytest
import torch
from safetensors.torch import save_file
from skimage import data

from huafang import methods
from huafang.nets import animegan
from huafang.ops import colour, resize
from tests.nets import feedforward_methods, test_animegan_v3


def random_state() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return animegan.Generator().state_dict()


def sample(bench) -> dict:
    return feedforward_methods.values(bench, "animegan", random_state)


def painted(bench, **changes) -> torch.Tensor:
    return feedforward_methods.painted(bench, "animegan", sample(bench) | changes)


@pytest.mark.parametrize("promise", feedforward_methods.PROMISES)
def test_the_method_keeps_its_promises(bench, promise):
    promise(bench, "animegan", sample(bench))


@pytest.mark.parametrize("upsampling", ["half_pixel", "align_corners"])
def test_either_enlargement_keeps_every_shape(bench, upsampling):
    feedforward_methods.keeps_every_shape(bench, "animegan", sample(bench) | {"upsampling": upsampling})


@pytest.fixture
def third(bench) -> dict:
    """Settings with a random AnimeGANv3 of both tails."""
    given = sample(bench) | {"weights": "third"}
    save_file(test_animegan_v3.random_state("main", "support"), bench.weights.root / "third.safetensors")
    return given


@pytest.mark.parametrize("tail", ["main", "support"])
def test_the_third_version_is_known_by_its_names(bench, third, tail):
    feedforward_methods.keeps_every_shape(bench, "animegan", third | {"tail": tail})
    result = methods.run(methods.build("animegan", third | {"tail": tail}), bench.context())
    assert result.notes == ["third is a generator of AnimeGANv3"]


def test_the_tails_of_the_third_version_paint_differently(bench, third):
    main, support = (feedforward_methods.painted(bench, "animegan", third | {"tail": tail}) for tail in ("main", "support"))
    assert (main - support).abs().mean() > 0.01


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

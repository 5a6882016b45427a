"""What every method for arbitrary styles must do, whatever its network: run by the tests of each with `sample(bench)` and the method's name."""

from collections.abc import Mapping

import pytest
import torch
from safetensors.torch import save_file

from huafang import methods
from huafang.errors import BadInput
from tests.conftest import scene, weave


def sample(bench, state: Mapping[str, torch.Tensor]) -> dict:
    """Values of a small picture by a network of the weights `state`."""
    place = bench.weights.root / "random.safetensors"
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        save_file(dict(state), place)
    return {"content": bench.content, "style": [bench.style], "weights": "random", "size": 64}


def painted(bench, name: str, values: dict) -> torch.Tensor:
    return methods.run(methods.build(name, values), bench.context()).images[0]


def keeps_every_shape(bench, name: str, values: dict) -> None:
    """Any photo and any style picture, thin ones too."""
    for size in ((8, 8), (9, 60), (61, 8), (33, 35)):
        photo, style = bench.put(scene(*size)), bench.put(weave(size[1], size[0]))
        assert painted(bench, name, values | {"content": photo, "style": [style]}).shape[2:] == size


def goes_from_the_photo_to_the_style(bench, name: str, values: dict) -> None:
    """Strength 0 is the photo; more goes farther from it."""
    photo = bench.context().image(values["content"])
    results = [painted(bench, name, values | {"strength": strength}) for strength in (0.0, 0.1, 0.5, 1.0)]
    assert torch.allclose(results[0], photo, atol=1e-6)
    distances = [float((one - photo).abs().mean()) for one in results]
    assert distances == sorted(distances)
    assert distances[1] < 0.6 * distances[3]


def mixes_by_shares(bench, name: str, values: dict) -> None:
    """A share of 1 is that style alone, equal shares are the default, and a mixture is neither."""
    other = bench.put(1 - weave(40, 40).flip(1))
    two = values | {"style": [*values["style"], other]}
    alone = painted(bench, name, values)
    assert torch.allclose(painted(bench, name, two | {"style_weights": [1.0, 0.0]}), alone, atol=1e-5)
    half = painted(bench, name, two)
    assert torch.allclose(painted(bench, name, two | {"style_weights": [3.0, 3.0]}), half, atol=1e-5)
    assert (half - alone).abs().mean() > 1e-3


def acts_under_masks_alone(bench, name: str, values: dict) -> None:
    """White is styled as without a mask, black stays the photo."""
    photo = bench.context().image(values["content"])
    mask = torch.zeros(1, 3, *photo.shape[2:])
    mask[..., photo.shape[3] // 2 :] = 1
    masked = painted(bench, name, values | {"masks": [bench.put(mask)]})
    alone, half = painted(bench, name, values), photo.shape[3] // 2
    assert torch.allclose(masked[..., :half], photo[..., :half], atol=1e-5)
    assert torch.allclose(masked[..., half:], alone[..., half:], atol=1e-5)


def wants_a_share_and_a_mask_for_each_style(bench, name: str, values: dict) -> None:
    params_class = type(methods.build(name, values))
    for field, given in (("style_weights", [1.0, 2.0]), ("masks", [bench.style] * 2), ("style_masks", [bench.style] * 2)):
        if field in params_class.model_fields:
            with pytest.raises(BadInput, match=f"{field}: 2 came for 1 style pictures"):
                methods.build(name, values | {field: given})


def reckons_in_bfloat16(bench, name: str, values: dict) -> None:
    """Nearly the same picture, and not quite."""
    exact, rough = (painted(bench, name, values | {"precision": precision}) for precision in ("float32", "bfloat16"))
    assert 0 < float((exact - rough).abs().mean()) < 0.02

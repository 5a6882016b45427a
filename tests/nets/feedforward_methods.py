"""What every method must do that paints photos with one trained network: run by the tests of each with `sample(bench)` and the method's name."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from huafang import methods
from huafang.errors import BadInput
from huafang.ops import colour
from tests.conftest import scene


def values(bench, name: str, random_state: Callable[[], dict[str, Tensor]]) -> dict[str, Any]:
    """Settings of the method `name` with a random network, which is among the models from then on."""
    place = bench.weights.root / f"random-{name}.safetensors"
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        save_file(random_state(), place)
    return {"content": bench.content, "weights": place.stem, "size": 64}


def painted(bench, name: str, given: dict[str, Any]) -> Tensor:
    return methods.run(methods.build(name, given), bench.context()).images[0]


def keeps_every_shape(bench, name: str, given: dict[str, Any]) -> None:
    """Thin photos and odd sides too."""
    for size in ((8, 8), (9, 62), (63, 8), (33, 35)):
        assert painted(bench, name, given | {"content": bench.put(scene(*size))}).shape[2:] == size


def goes_from_the_photo_and_keeps_its_colours(bench, name: str, given: dict[str, Any]) -> None:
    """Strength 0 is the photo; the luminance alone is taken where colours are kept."""
    photo, full = bench.context().image(bench.content), painted(bench, name, given)
    assert torch.allclose(painted(bench, name, given | {"strength": 0.0}), photo, atol=1e-6)
    assert (full - photo).abs().mean() > 0.02
    kept = painted(bench, name, given | {"keep_colours": "luminance"})
    assert torch.allclose(kept, colour.keep_chroma(full, photo).clamp(0, 1), atol=1e-5)


def refuses_another_network(bench, name: str, given: dict[str, Any]) -> None:
    save_file({"a.weight": torch.zeros(3)}, bench.weights.root / "other.safetensors")
    with pytest.raises(BadInput, match=r"holds 1 tensors \(a\.weight\) of a network that is not known here"):
        painted(bench, name, given | {"weights": "other"})


PROMISES = [keeps_every_shape, goes_from_the_photo_and_keeps_its_colours, refuses_another_network]

"""The room of StarGAN: any size, its labels and its controls, on a random network."""

import pytest
import torch
from safetensors.torch import save_file

from huafang import methods
from huafang.errors import BadInput
from huafang.ops import colour
from tests.conftest import scene
from tests.nets.test_stargan import random_state


def sample(bench) -> dict:
    place = bench.weights.root / "random-stargan.safetensors"
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        save_file(random_state(), place)
    return {"content": bench.content, "weights": "random-stargan", "size": 64}


def painted(bench, **values) -> torch.Tensor:
    return methods.run(methods.build("stargan", sample(bench) | values), bench.context()).images[0]


@pytest.mark.parametrize("size", [(8, 8), (9, 62), (63, 8), (33, 35)])
def test_the_result_has_the_photos_shape(bench, size):
    assert painted(bench, content=bench.put(scene(*size))).shape[2:] == size


def test_strength_zero_is_the_photo_and_luminance_keeps_its_colours(bench):
    photo = bench.context().image(bench.content)
    full = painted(bench)
    assert torch.allclose(painted(bench, strength=0.0), photo, atol=1e-6)
    assert (full - photo).abs().mean() > 0.02
    assert torch.allclose(painted(bench, keep_colours="luminance"), colour.keep_chroma(full, photo).clamp(0, 1), atol=1e-5)


def test_labels_change_the_face_and_come_one_for_each(bench):
    blond = painted(bench)
    assert torch.equal(painted(bench, labels=[0, 1, 0, 0, 1]), blond), "the defaults, spelled"
    assert (painted(bench, male=True, hair="black") - blond).abs().mean() > 1e-3
    with pytest.raises(BadInput, match="labels: 2 came, and this network has 5"):
        painted(bench, labels=[0, 1])


def test_weights_of_another_network_are_refused(bench):
    sample(bench)
    save_file({"a.weight": torch.zeros(3)}, bench.weights.root / "other.safetensors")
    with pytest.raises(BadInput, match=r"holds 1 tensors \(a\.weight\) of a network that is not known here"):
        painted(bench, weights="other")

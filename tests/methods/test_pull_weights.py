"""The download as a job: its steps, its speed, its cancel."""

import hashlib
import os

import pytest
import torch

from huafang import methods
from huafang.errors import BadInput, Cancelled
from huafang.models import catalogue
from huafang.models.catalogue import Entry, Source
from tests.models.pull.shop import Shop, shop  # noqa: F401  # a fixture
from tests.test_methods import check_figures


def sample(bench) -> dict:
    return {"name": "vgg19"}


@pytest.fixture
def entry(shop: Shop, tmp_path, monkeypatch):  # noqa: F811
    torch.save({f"features.{n}.weight": torch.randn(300, 300) for n in (0, 2)}, tmp_path / "vgg.pth")
    shop.files["/vgg.pth"] = (tmp_path / "vgg.pth").read_bytes()
    digest = hashlib.sha256(shop.files["/vgg.pth"]).hexdigest()
    found = Entry("vgg19", "VGG", "vgg", "BSD", 1, "…", (Source(f"{shop.url}/vgg.pth", sha256=digest),), layout="vgg19")
    monkeypatch.setattr(catalogue, "entries", lambda: {"vgg19": found})
    return found


def test_a_pull_reports_bytes_and_speed_and_ends_whole(bench, entry):
    result = methods.run(methods.build("pull_weights", sample(bench)), bench.context())
    assert bench.steps[-1].done == bench.steps[-1].total
    assert all(step.done < step.total for step in bench.steps[:-1])
    assert bench.steps[-2].figures["megabytes"] == pytest.approx(0.72, abs=0.05)
    assert bench.steps[-2].figures["megabytes_per_second"] >= 0
    assert result.figures["tensors"] == 2
    assert bench.weights.path("vgg19").is_file()
    check_figures("pull_weights", {*result.figures, *(figure for step in bench.steps for figure in step.figures)})


def test_a_cancelled_pull_keeps_what_came(bench, entry):
    with pytest.raises(Cancelled):
        methods.run(methods.build("pull_weights", sample(bench)), bench.context(stop_after=3))
    assert sorted(os.listdir(bench.weights.root)) == ["vgg19.safetensors.download.part", "vgg19.safetensors.download.part.json"]
    methods.run(methods.build("pull_weights", sample(bench)), bench.context())
    assert sorted(os.listdir(bench.weights.root)) == ["vgg19.safetensors", "vgg19.safetensors.json"]


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "https://example.org/x.safetensors", "a//b", "", "a\x00b", "C:\\x", "..", "a/../b"])
def test_a_name_is_never_a_path_or_an_address(bench, name):
    with pytest.raises(BadInput):
        methods.run(methods.build("pull_weights", {"name": name}), bench.context())
    assert not bench.weights.root.exists()

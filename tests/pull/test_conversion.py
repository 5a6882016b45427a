"""Pickles become safetensors without running anything of theirs."""

import os
from pathlib import Path

import pytest
import torch

from huafang import pull, weights
from huafang.errors import BadInput
from huafang.weights import Weights


class Mischief:
    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple[object, ...]:
        return (os.mkdir, (str(self.place),))


def test_bad_input_41_a_pickle_that_runs_code_is_refused_and_does_not_run(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    torch.save({"a": torch.ones(2), "evil": Mischief(marker)}, tmp_path / "evil.pt")
    with pytest.raises(BadInput, match=r"evil\.pt is not converted: it cannot be read without running its code") as caught:
        pull.convert(tmp_path / "evil.pt")
    assert caught.value.code == "weights.unsafe"
    assert not marker.exists()
    assert os.listdir(tmp_path) == ["evil.pt"]
    with pytest.raises(BadInput, match="may run code"):
        Weights(tmp_path).add(tmp_path / "evil.pt")


def test_only_one_file_of_the_house_unpickles() -> None:
    import re

    root = Path(weights.__file__).parent
    callers = [path.name for path in root.rglob("*.py") if re.search(r"torch\.load\(|pickle\.loads?\(|weights_only=False", path.read_text("utf-8"))]
    assert callers == ["unpickle.py"]


@pytest.mark.parametrize("wrap", [None, "state_dict", "params_ema"])
def test_a_users_own_checkpoint_is_converted_beside_itself(tmp_path: Path, wrap: str | None) -> None:
    tensors = {"a.weight": torch.randn(3, 4).T, "b.bias": torch.arange(5)}
    torch.save({wrap: tensors, "epoch": 3} if wrap else tensors, tmp_path / "mine.ckpt")
    out = pull.convert(tmp_path / "mine.ckpt")
    assert out == tmp_path / "mine.safetensors"
    loaded = weights.load(out)
    assert all(torch.equal(loaded[name], tensors[name]) for name in tensors)
    assert set(loaded) == set(tensors)
    with pytest.raises(BadInput, match="is there already"):
        pull.convert(tmp_path / "mine.ckpt")


@pytest.mark.parametrize(
    ("tensors", "why"),
    [
        ({"a": torch.tensor([1.0, float("nan")])}, "no numbers"),
        ({"a": torch.eye(3).to_sparse()}, "no dense tensor"),
        ({"../a": torch.ones(2)}, "name"),
        ([torch.ones(2)], "no table"),
    ],
)
def test_what_is_no_plain_table_of_numbers_is_not_converted(tmp_path: Path, tensors: object, why: str) -> None:
    torch.save(tensors, tmp_path / "odd.pth")
    with pytest.raises(BadInput, match=why):
        pull.convert(tmp_path / "odd.pth")
    assert os.listdir(tmp_path) == ["odd.pth"]


def test_a_conversion_is_bounded_in_memory(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(1).expand(1 << 34)}, tmp_path / "bomb.pth")  # 64 GB in a kilobyte
    assert (tmp_path / "bomb.pth").stat().st_size < 4000
    with pytest.raises(BadInput, match="bomb"):
        pull.convert(tmp_path / "bomb.pth", memory=1 << 30)
    assert os.listdir(tmp_path) == ["bomb.pth"]

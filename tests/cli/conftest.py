"""A desk to work at, and the command."""

from pathlib import Path

import pytest

from huafang import images
from huafang.cli import main
from tests.conftest import scene, weave


@pytest.fixture
def desk(tmp_path: Path, monkeypatch) -> Path:
    """A folder with a photo, a painting and a folder of photos, where the command runs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HUAFANG_HOME", str(tmp_path / "home"))
    (tmp_path / "photo.jpg").write_bytes(images.encode(scene(48, 64), "jpeg"))
    (tmp_path / "painting.png").write_bytes(images.encode(weave(40, 56)))
    (tmp_path / "photos").mkdir()
    for index in range(3):
        (tmp_path / "photos" / f"{index}.png").write_bytes(images.encode(scene(30 + index, 40)))
    return tmp_path


def huafang(*words: str) -> int:
    """Run a command in this process; its exit code."""
    with pytest.raises(SystemExit) as left:
        main(list(words))
    return int(left.value.code or 0)

"""The commands of the README and of the house's own issue, run as they are written, on small pictures."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from huafang import images
from tests import films, loras
from tests.conftest import scene, weave
from tests.diffusion import tiny

ROOT = Path(__file__).parents[2]
HUAFANG = Path(sys.executable).with_name("huafang")


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    (tmp_path / "photo.jpg").write_bytes(images.encode(scene(72, 96), "jpeg"))
    (tmp_path / "painting.jpg").write_bytes(images.encode(weave(64, 80), "jpeg"))
    (tmp_path / "clip.mp4").write_bytes(films.film(films.frames(3)))
    (tmp_path / "photos").mkdir()
    shutil.copy(tmp_path / "photo.jpg", tmp_path / "photos")
    shutil.copytree(tiny.folder("sd1"), tmp_path / "path/to/checkpoint")
    loras.write(tmp_path / "style.safetensors", tmp_path / "path/to/checkpoint/unet/diffusion_pytorch_model.safetensors")
    return tmp_path


def run(desk: Path, line: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    words = [str(HUAFANG), *shlex.split(line.partition("  #")[0])[1:]]
    done = subprocess.run(
        words, cwd=desk, capture_output=True, text=True, env={**os.environ, "HUAFANG_HOME": str(desk / "home"), "OMP_NUM_THREADS": "1"}, check=False
    )
    assert done.returncode == code, done.stderr
    return done


@pytest.mark.parametrize(
    ("line", "size"),
    [
        ("huafang stylize photo.jpg --method stroke_rendering -o out.png", (96, 72)),
        ("huafang stylize photo.jpg --style painting.jpg -o out.png", (96, 72)),
        ("huafang stylize photo.jpg --style painting.jpg --method gatys --steps 60 -o out.png", (96, 72)),
        ('huafang generate "a lighthouse" --model path/to/checkpoint -o out.png', (64, 64)),
        ('huafang generate "a lighthouse" --model path/to/checkpoint --lora style.safetensors:0.8 -o out.png', (64, 64)),
    ],
)
def test_pictures(desk, line, size):
    run(desk, line)
    with Image.open(desk / "out.png") as picture:
        assert picture.size == size


def test_a_comparison_and_the_same_again(desk):
    for name, picture in (("photo.jpg", scene(24, 32)), ("painting.jpg", weave(24, 24))):  # a hundred steps each time: on few pixels
        (desk / name).write_bytes(images.encode(picture, "jpeg"))
    run(desk, "huafang compare --photo photo.jpg --style painting.jpg --method gatys --method adain --method stroke_rendering -o report/")
    again = run(desk, "huafang compare --rerun report/ -o report2/  # the same figures again")
    assert "figures are those of the first report" in again.stderr
    first, second = (json.loads((desk / folder / "report.json").read_text()) for folder in ("report", "report2"))
    assert [row["name"] for row in first["rows"] if row["error"]] == ["adain"]
    assert first["rows"] == second["rows"]


def test_methods_json_and_help(desk):
    assert len(json.loads(run(desk, "huafang methods --json").stdout)["methods"]) >= 6
    assert "--style-weight" in run(desk, "huafang gatys --help").stdout


@pytest.mark.parametrize("readme", ["README.md", "README.zh-CN.md"])
def test_every_command_of_the_readme_is_understood(desk, readme):
    lines = re.findall(r"^huafang (?:stylize|generate|methods|models).*$", (ROOT / readme).read_text("utf-8"), re.MULTILINE)
    assert len(lines) >= 6
    for line in lines:
        run(desk, line.partition("  #")[0].rstrip() + (" --dry-run" if re.match("huafang (stylize|generate|models pull)", line) else ""))

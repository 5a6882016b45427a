"""Docs cannot drift: tables are the program's own, links lead somewhere, pictures are there and small."""

import re
import subprocess
import sys
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def test_generated_tables_are_what_the_program_says():
    said = subprocess.run([sys.executable, ROOT / "tools" / "docs.py", "--check"], capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_and_pictures_are_there(page):
    for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text("utf-8")):
        place = (page.parent / target).resolve()
        assert place.exists(), f"{page.name} points to {target}"
        if place.suffix in (".jpg", ".png", ".webp"):
            assert place.stat().st_size < 400_000, f"{target} is heavy"


def test_every_dependency_has_its_line():
    import tomllib

    listed = (ROOT / "docs" / "dependencies.md").read_text("utf-8").lower()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [*project["dependencies"], *chain(*project["optional-dependencies"].values())]
    for one in wanted:
        name = re.match(r"[\w\-]+", one)[0].lower()
        assert name in listed or {"opencv-python-headless": "opencv"}.get(name, name) in listed, f"docs/dependencies.md says nothing of {name}"


def test_both_readmes_speak_of_the_same_things():
    def marks(name: str) -> set[str]:
        found = re.findall(r"`huafang [a-z]+|\]\((?:docs/methods|docs/[a-z]+\.md|[A-Z]+\.md)[^)]*|^## ", (ROOT / name).read_text("utf-8"), re.MULTILINE)
        return set(found) - {"](README.md"}

    assert marks("README.md") == marks("README.zh-CN.md")

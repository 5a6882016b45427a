"""Docs cannot drift: tables are the program's own, links lead somewhere, pictures are there and small."""

import re
import shlex
import subprocess
import sys
from itertools import chain
from pathlib import Path

import click
import pytest

from huafang.cli import cli
from huafang.cli.paint import method_command
from huafang.methods import default_method

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


def test_the_architecture_page_lists_the_layers_that_are_enforced():
    import tomllib

    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    layers = [one.replace("huafang.", "") for one in next(one for one in contracts if one["type"] == "layers")["layers"]]
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    listed = re.search(r"^`cli` → .*?\.(?=\s)", page, re.MULTILINE | re.DOTALL)
    assert listed
    assert re.findall(r"`([^`]+)`", listed[0]) == layers


def test_every_dependency_is_pinned_in_the_lock_file():
    import tomllib

    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    pins = dict(line.split("==") for line in (ROOT / "requirements.lock").read_text("utf-8").split())
    pins = {canonicalize_name(name): version for name, version in pins.items()}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    for one in map(Requirement, [*project["dependencies"], *chain(*project["optional-dependencies"].values())]):
        assert canonicalize_name(one.name) in pins, f"{one.name} is not locked: run make lock"
        assert one.specifier.contains(pins[canonicalize_name(one.name)]), f"{one} against {pins[canonicalize_name(one.name)]}: run make lock"


def test_both_readmes_speak_of_the_same_things():
    def marks(name: str) -> set[str]:
        found = re.findall(r"`huafang [a-z]+|\]\((?:docs/methods|docs/[a-z]+\.md|[A-Z]+\.md)[^)]*|^## ", (ROOT / name).read_text("utf-8"), re.MULTILINE)
        return set(found) - {"](README.md"}

    assert marks("README.md") == marks("README.zh-CN.md")


def commands():
    """Every `huafang …` line of the pages, with the page it stands on."""
    for page in PAGES:
        for line in re.findall(r"^(?:\.venv/bin/)?huafang (.+)$", page.read_text("utf-8"), re.MULTILINE):
            yield pytest.param(shlex.split(line, comments=True), id=f"{page.name}: {line[:60]}")


@pytest.mark.parametrize("words", list(commands()))
def test_commands_on_the_pages_have_options_and_arguments_that_there_are(words):
    command, inside = cli, click.Context(cli)
    while isinstance(command, click.Group):
        name, command, words = command.resolve_command(inside, words)
        assert command is not None
        inside = click.Context(command, info_name=name, parent=inside)
    if command.name == "stylize":
        at = words.index("--method") if "--method" in words else None
        command = method_command(words[at + 1] if at is not None else default_method(styled="--style" in words), verb="stylize")
        words = words if at is None else words[:at] + words[at + 2 :]
    given, _, _ = command.make_parser(inside).parse_args(list(words))  # raises for an option that there is not
    missing = [one.name for one in command.params if isinstance(one, click.Argument) and one.required and given.get(one.name) in (None, ())]
    assert not missing

"""The house itself: its floors, its doors, its promises about files."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "huafang"
PYTHON = sorted(SOURCE.rglob("*.py"))


def test_floors_hold_and_nothing_goes_in_circles():
    """import-linter: imports go down only, and methods do not know each other."""
    said = subprocess.run([Path(sys.executable).with_name("lint-imports"), "--no-logo"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout


def test_the_architecture_page_tells_the_floors_of_the_contract():
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]["layers"]
    wanted = [floor.replace("huafang.", "") for floor in contract]
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    line = next(line for line in page.splitlines() if line.startswith("`cli` → "))
    assert line.partition(". Methods")[0].replace("`", "").split(" → ") == wanted


@pytest.mark.parametrize(
    "door", ["huafang", "huafang.cli", "huafang.methods", "huafang.server.app", "huafang.server.serve", "huafang.jobs.dispatcher", "huafang.worker"]
)
def test_doors_open_without_torch(door):
    code = f"import sys, {door}; found = {{'torch', 'diffusers', 'transformers', 'numba', 'torchvision', 'ray'}} & set(sys.modules); assert not found, found"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_method_stands_in_the_independence_contract():
    from huafang import methods

    contract = (ROOT / "pyproject.toml").read_text()
    for name in methods.METHODS:
        assert f'"huafang.methods.{name}"' in contract


@pytest.mark.parametrize(
    ("came", "found"),
    [("gatis", "gatys"), ("GATYS", "gatys"), ("stile", "style"), ("impres", "impressionist"), ("scale", None), ("noise", None), ("zzz", None), ("", None)],
)
def test_only_a_name_that_may_be_meant_is_offered(came, found):
    from huafang.errors import meant

    assert meant(came, ["gatys", "style", "impressionist", "vgg16", "vgg19", "none"]) == (f"; did you mean {found}?" if found else "")


def test_of_what_is_allowed_the_nearest_stands_first():
    from huafang.errors import nearest

    assert nearest("stile", ["vgg19", "style", "gatys"]) == "; allowed are style, gatys, vgg19; did you mean style?"
    assert nearest("zzz", ["vgg19", "style", "gatys"]) == "; allowed are gatys, style, vgg19"


def test_no_pickle_and_no_unsafe_load():
    """R1: weights are safetensors; torch.load is called in one place, in a process of its own, with weights_only=True."""
    loads = []
    for path in PYTHON:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = {alias.name for alias in node.names} | {getattr(node, "module", None)}
                assert not names & {"pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}, path
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load":
                loads.append((path.relative_to(SOURCE).as_posix(), ast.unparse(node)))
            if isinstance(node, ast.keyword) and node.arg in ("trust_remote_code", "custom_pipeline"):
                raise AssertionError(f"{path}: {node.arg}")
    assert all("weights_only=True" in call for _, call in loads), loads
    assert {path.rpartition("/")[0] for path, _ in loads} <= {"models/pull"}, loads


def test_nothing_imports_torchvision():
    for path in PYTHON:
        assert not re.search(r"^\s*(import|from) torchvision", path.read_text("utf-8"), re.MULTILINE), path


def test_the_web_side_is_asked_for_no_path_and_no_address():
    """R2, R3: no field of any method takes a path or a URL from outside; ids are matched by pattern."""
    from huafang import methods
    from huafang.params import fields

    for name, params_class in methods.METHODS.items():
        for spec in fields(params_class):
            assert not re.search(r"path|url|file|folder|dir", spec.name), f"{name}.{spec.name}"


@pytest.mark.parametrize("path", PYTHON, ids=lambda path: path.relative_to(SOURCE).as_posix())
def test_public_functions_and_classes_say_what_they_do(path):
    tree = ast.parse(path.read_text("utf-8"))
    assert ast.get_docstring(tree), f"{path} says nothing of itself"
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node) or node.bases, f"{path}: {node.name}"


def test_built_in_weights_stay_small():
    assert sum(path.stat().st_size for path in SOURCE.rglob("*.safetensors")) <= 40e6


def test_the_repository_names_no_registry_and_no_tracker():
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    registries = re.compile(r"registry\.npm" + r"js|files\.python" + r"hosted|pypi\.org/" + r"simple|npm" + r"mirror")
    for name in tracked:
        path = ROOT / name
        if path.suffix in (".py", ".toml", ".json", ".ts", ".tsx", ".md", ".yml", ".cfg", "") and path.is_file() and path.stat().st_size < 2_000_000:
            assert not registries.search(path.read_text("utf-8", "replace")), name

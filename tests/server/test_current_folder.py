"""`serve` and `work`, and every process that they start, import nothing from the folder in which they are started."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from huafang.jobs.rows import open_database
from huafang.jobs.store import ENDED, Draft, Store
from huafang.places import places
from tests.server.conftest import ROOT, multipart, picture, wait

NAMES = [
    *("socket", "pickle", "_pickle", "multiprocessing/__init__", "struct", "threading", "logging/__init__", "signal", "resource", "selectors", "tempfile"),
    *("torch/__init__", "numpy/__init__", "PIL/__init__", "huafang/__init__", "huafang/worker", "sqlalchemy/__init__", "json/__init__", "ctypes/__init__"),
    *("sitecustomize", "usercustomize", "av/__init__", "huggingface_hub/__init__", "safetensors/__init__", "scipy/__init__", "numba/__init__"),
]


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    """A folder of modules that say so when they are run."""
    folder = tmp_path / "trap"
    for name in NAMES:
        place = folder / f"{name}.py"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(f"open({str(tmp_path / 'sprung')!r}, 'a').write({name!r} + chr(10))\n")
    (folder / "nvidia-smi").write_text("#!/bin/sh\n")
    (folder / "nvidia-smi").chmod(0o755)
    return folder


def sprung(trap: Path) -> str:
    place = trap.parent / "sprung"
    return place.read_text() if place.exists() else ""


def start(trap: Path, entry: list[str], *arguments: str) -> subprocess.Popen[str]:
    """`entry` in the trap, on a machine that seems to have an accelerator."""
    environment = {
        **os.environ,
        "PYTHONUNBUFFERED": "1",
        "OMP_NUM_THREADS": "1",
        "PATH": f"{trap}:{os.environ['PATH']}",
        "HUAFANG_HOME": str(trap.parent / "home"),
    }
    for name in ("PYTHONPATH", "PYTHONSAFEPATH"):
        environment.pop(name, None)
    return subprocess.Popen([*entry, *arguments], cwd=trap, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


SCRIPT = [str(Path(sys.executable).with_name("huafang"))]


def test_the_trap_is_one(trap: Path):
    subprocess.run([sys.executable, "-c", "import socket, torch, huafang.worker"], cwd=trap, check=False, env={**os.environ, "PYTHONSAFEPATH": ""})
    assert {"socket", "torch/__init__", "huafang/__init__"} <= set(sprung(trap).split())


@pytest.mark.parametrize("entry", ["script", "module"])
def test_serve_runs_nothing_from_the_current_folder(trap: Path, entry: str):
    import json
    import urllib.request

    if entry == "module":  # what `python -m` itself imports is Python's own affair
        for name in ("huafang", "logging", "multiprocessing", "json", "ctypes"):
            (trap / name).rename(trap / f"not_{name}")
        for name in ("signal", "resource", "threading", "tempfile", "struct"):
            (trap / f"{name}.py").unlink()
    command = SCRIPT if entry == "script" else [sys.executable, "-m", "huafang"]
    server = start(trap, command, "serve", "--port", "0", "--device", "auto")
    try:
        assert server.stdout is not None
        line = server.stdout.readline()
        assert "Huafang is open" in line, server.communicate()
        address = line.split()[3]

        def ask(path: str, body: bytes | None = None, kind: str = "application/json") -> dict:
            request = urllib.request.Request(address + path, body, {"content-type": kind})
            with urllib.request.urlopen(request, timeout=120) as answer:
                return json.loads(answer.read())

        form, kind = multipart(picture())
        asset = ask("api/assets", form, kind)["id"]
        params = {"method": "colour_transfer", "content": asset, "style": [asset]}
        job = ask("api/jobs", json.dumps({"params": params}).encode())["id"]
        wait(lambda: ask(f"api/jobs/{job}")["state"] in ENDED, 200)
        assert ask(f"api/jobs/{job}")["state"] == "done"
    finally:
        server.send_signal(signal.SIGINT)
        said = server.communicate(timeout=60)[1]
    assert not sprung(trap)
    assert "Traceback" not in said


def test_work_runs_nothing_from_the_current_folder(trap: Path):
    home = places(trap.parent / "home")
    store = Store(open_database(home.database))
    job = store.add(Draft("colour_transfer", {"method": "colour_transfer", "content": "0" * 64, "style": ["0" * 64]}, [], "", "compute")).id
    worker = start(trap, SCRIPT, "work", "--device", "auto")
    try:
        wait(lambda: store.get(job).state == "failed", 200)
    finally:
        worker.send_signal(signal.SIGINT)
        worker.communicate(timeout=60)
        store.close()
    assert not sprung(trap)


@pytest.mark.parametrize(
    "arguments", [["models", "convert", "../net.pth"], ["image-filters", "../photo.png", "-o", "../out.png"], ["models", "list"], ["methods"]]
)
def test_other_commands_run_nothing_from_the_current_folder(trap: Path, arguments: list[str]):
    torch.save({"a.weight": torch.ones(2)}, trap.parent / "net.pth")
    (trap.parent / "photo.png").write_bytes(picture())
    running = start(trap, SCRIPT, *arguments)
    said = running.communicate(timeout=200)
    assert running.returncode == 0, said
    assert not sprung(trap)


def test_a_package_that_lies_in_the_current_folder_is_still_found(tmp_path: Path):
    """As developers run it: `cd src; python -m huafang`."""
    done = subprocess.run([sys.executable, "-m", "huafang", "--version"], cwd=ROOT / "src", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

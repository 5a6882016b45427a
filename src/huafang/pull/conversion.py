"""Pickled weights -> safetensors, in a process of its own (`unpickle.py`)."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from huafang import newfile, weights
from huafang.assets import draft
from huafang.errors import BadInput
from huafang.processes import child


def convert(path: Path, target: Path | None = None, *, layout: str = "any", memory: int | None = None, seconds: float = 600, over: bool = False) -> Path:
    """A `.pth`, `.pt`, `.ckpt`, `.bin`, style network as `.t7`, or AnimeGANv3 as `.onnx` -> a `.safetensors` beside it, or at `target`; gives its place.

    `over`: a file that is there is replaced.
    `memory` bounds the bytes the other process may take (default: four times the file and 4 GB). Raises BadInput (`weights.unsafe`, `weights.exists`).
    """
    out = target or path.with_suffix(".safetensors")
    if not path.is_file():
        raise BadInput(f"there is no file {path}", code="weights.unreadable")
    if out.is_dir() or (os.path.lexists(out) and not over):
        raise newfile.exists(out)
    bound = memory or 4 * path.stat().st_size + (4 << 30)
    with draft(out, move=os.replace if over else newfile.move_new) as writing:
        command = child("huafang.pull.unpickle", str(path.resolve()), str(writing), layout, str(bound), str(int(seconds)))
        try:
            ended = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 30, check=False)  # our own module, no shell
        except subprocess.TimeoutExpired:
            raise BadInput(f"{path.name} was not converted within {seconds:.0f} s", code="weights.unsafe") from None
        answer = _answer(ended.stdout)
        if "tensors" not in answer:
            last = (ended.stderr.strip().splitlines() or [f"its process ended with {ended.returncode}"])[-1]
            raise BadInput(
                f"{path.name} is not converted: {answer.get('error', last[:300])}", code="weights.unsafe", hint="look for a .safetensors of the same model"
            )
        weights.load(writing)
    return out


def _answer(text: str) -> dict[str, Any]:
    try:
        answer = json.loads(text.strip().splitlines()[-1])
    except (ValueError, IndexError):
        return {}
    return answer if isinstance(answer, dict) else {}

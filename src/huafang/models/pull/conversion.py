"""Pickled weights -> safetensors, in a process of its own (`unpickle.py`)."""

import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huafang import newfile
from huafang.assets import Scratch, check_writable, draft
from huafang.errors import BadInput, DiskFull, Unavailable
from huafang.models import filetypes, modelfile, tensorfile
from huafang.processes import child

MICRO_AST = re.compile(r"(content_encoder|style_encoder|modulator|decoder)((?:_iter_\d+)?\.(?:pth\.tar|pth|pt|tar))")
"""The four files that MicroAST's authors publish, which are one model."""
PARTS = ("content_encoder", "style_encoder", "modulator", "decoder")
ENDINGS = (".safetensors", ".pth.tar", ".pth", ".pt", ".ckpt", ".bin", ".t7", ".onnx", ".tar", ".pkl")


@dataclass(frozen=True)
class Converted:
    """A converted file, and what was done to it that its owner should know."""

    path: Path
    notes: tuple[str, ...] = ()


def convert(
    path: Path,
    target: Path | None = None,
    *,
    layout: str = "any",
    memory: int | None = None,
    seconds: float = 600,
    over: bool = False,
    part: str | None = None,
) -> Converted:
    """A `.pth`, `.pt`, `.ckpt`, `.bin`, style network as `.t7`, or AnimeGANv3 as `.onnx` -> a `.safetensors` beside it, or at `target`, whose folder is made.

    `over`: a file that is there is replaced. `part` is the table of tensors that is wanted of a file that holds several. `memory` bounds the bytes that the
    other process may take (default: four times the file and 4 GB). One of the four files of MicroAST's authors is joined with the other three.
    Raises BadInput (`weights.unreadable`, `weights.unsafe`, `weights.exists`), DiskFull, Unavailable.
    """
    files = _parts(path)
    out = target or (path.with_name("microast.safetensors") if len(files) > 1 else path.with_name(f"{_stem(path.name)}.safetensors"))
    if out.is_dir() or (os.path.lexists(out) and not over):
        raise newfile.exists(out)
    for file in files.values():
        _check_kind(file)
    notes = [] if out.parent.is_dir() else [f"the folder {out.parent} was not there; it is made"]
    check_writable(out.parent)
    try:
        with draft(out, move=os.replace if over else newfile.move_new) as writing:
            if len(files) == 1:
                notes += _one(path, writing, layout, memory, seconds, part)
            else:
                with Scratch() as scratch:
                    made = {prefix: Path(scratch, f"{number}.safetensors") for number, prefix in enumerate(files)}
                    for prefix, file in files.items():
                        notes += _one(file, made[prefix], layout, memory, seconds, part)
                    join(made, writing)
                notes.append(f"joined of {', '.join(file.name for file in files.values())}")
    except OSError as error:
        raise _disk_fault(out, error) from error
    return Converted(out, tuple(notes))


def join(files: dict[str, Path], out: Path) -> None:
    """Several files of tensors as one, at `out`, each with its prefix before the names of its tensors."""
    from safetensors.torch import save_file

    parts = [{prefix + key: value.clone() for key, value in modelfile.load(file).items()} for prefix, file in files.items()]
    whole = {key: value for part in parts for key, value in part.items()}
    assert len(whole) == sum(len(part) for part in parts), "prefixes keep the names of tensors apart"
    save_file(whole, out)


def _stem(name: str) -> str:
    """A file's name without the ending by which its kind is known."""
    ending = next((one for one in ENDINGS if name.lower().endswith(one)), Path(name).suffix)
    return name[: len(name) - len(ending)] if ending and len(name) > len(ending) else name


def _parts(path: Path) -> dict[str, Path]:
    """The files to convert, by the prefix of their tensors: `path` alone, or with those that make one model with it. Raises BadInput."""
    found = MICRO_AST.fullmatch(path.name)
    beside = {f"{part}.": path.with_name(f"{part}{found[2]}") for part in PARTS} if found else {}
    missing = [file.name for file in beside.values() if not file.is_file()]
    if not found or (found[1] == "decoder" and missing):  # many networks have a decoder
        return {"": path}
    if missing:
        raise BadInput(
            f"{path.name} is one of the four files of MicroAST, and {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not beside it",
            code="weights.incomplete",
            hint="lay all four into one folder; or get the model as one: huafang models pull microast",
        )
    return beside


def _check_kind(path: Path) -> None:
    """Raises BadInput for what is no file of weights, by its first bytes."""
    try:
        with tensorfile.open_regular(path) as file:
            head = file.read(512)
            size = os.fstat(file.fileno()).st_size
    except FileNotFoundError:
        raise BadInput(f"there is no file {path}", code="weights.unreadable") from None
    except (OSError, ValueError) as error:
        raise BadInput(f"{path.name} cannot be opened: {getattr(error, 'strerror', None) or error}", code="weights.unreadable") from error
    kind = filetypes.what_is(head)
    if head[8:9] == b"{" and 2 <= int.from_bytes(head[:8], "little") <= size:
        raise BadInput(
            f"{path.name} is not converted: it is a safetensors file already", code="weights.wrong_kind", hint="give it the ending .safetensors, and use it"
        )
    read = ("a zip archive", "a pickle", *(("an ONNX file",) if path.name.endswith(".onnx") else ()))
    if kind and not kind.startswith(read):
        raise BadInput(f"{path.name} is not converted: it is {kind} ({size:,} bytes)", code="weights.unreadable", hint=filetypes.advice(kind, path.name))


def _one(path: Path, writing: Path, layout: str, memory: int | None, seconds: float, part: str | None) -> list[str]:
    """Convert one file to `writing`, in a process of its own; what was done to it. Raises BadInput."""
    bound = memory or 4 * path.stat().st_size + (4 << 30)
    command = child("huafang.models.pull.unpickle", str(path.resolve()), str(writing), layout, str(bound), str(int(seconds)), part or "")
    try:
        ended = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", errors="replace", timeout=seconds + 30, check=False)  # our own module
    except subprocess.TimeoutExpired:
        raise BadInput(f"{path.name} was not converted within {seconds:.0f} s", code="weights.unsafe") from None
    answer = _answer(ended.stdout)
    if "tensors" not in answer:
        last = (ended.stderr.strip().splitlines() or [""])[-1]
        killed = f"its process was ended ({ended.returncode}), most likely since it took more than {bound / 1e9:.1f} GB of memory"
        why = answer.get("error") or ("it takes more memory than there is" if "MemoryError" in last else last[:300] or killed)
        raise BadInput(
            f"{path.name} is not converted: {why}",
            code=str(answer.get("code", "weights.unsafe")),
            hint=str(answer.get("hint", "look for a .safetensors of the same model")),
        )
    modelfile.load(writing)
    return [str(note)[:500] for note in answer.get("notes", [])]


def _answer(text: str) -> dict[str, Any]:
    try:
        answer = json.loads(text.strip().splitlines()[-1])
    except (ValueError, IndexError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _disk_fault(out: Path, error: OSError) -> Unavailable:
    if error.errno in (28, 122):
        return DiskFull(f"no room on the disk for {out}", hint="free some space and try again")
    return Unavailable(f"cannot write {out}: {error.strerror or error}", code="disk.unwritable", hint="check that the folder is yours to write")

"""Pickled weights, Torch 7's and ONNX's -> safetensors, in a process that is thrown away. The only file of the house that calls `torch.load`.

    python -m huafang.models.pull.unpickle SOURCE TARGET LAYOUT MEMORY SECONDS [PART]

It is started by `conversion.py` and answers with one line of JSON. `weights_only=True` keeps a pickle from naming code, but is no sandbox
(CVE-2025-32434, CVE-2026-24747): hence a process of its own with a limit on memory and time, tensors copied out one by one as plain dense numbers,
and a parent that believes only the file that is left, after it has checked it.
"""

import contextlib
import json
import re
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from huafang.errors import is_out_of_memory
from huafang.models.tensorfile import plain_names

VGG = re.compile(r"features\.\d+\.(weight|bias)|conv\d_\d\.(weight|bias)")
SQUEEZENET = re.compile(r"features\.\d+\.((squeeze|expand1x1|expand3x3)\.)?(weight|bias)")
LAYOUTS: dict[str, re.Pattern[str]] = {"vgg19": VGG, "squeezenet": SQUEEZENET, "any": re.compile(r"(?!.*(\.\.|__))[A-Za-z0-9_.\-]{1,400}")}
"""Names of tensors that are taken. A VGG's classifier, 500 MB, is left behind."""
NUMBERS = ("float16", "bfloat16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool")


WRAPPERS: tuple[str, ...] = ("ema_state_dict", "state_dict", "model_state_dict", "params_ema", "params", "model_ema", "model", "g_ema", "G_ema")
WRAPPERS += ("generator_state_dict", "G_state_dict", "generator", "gen", "G", "net_g", "netG", "net_G", "net", "network", "module", "ema", "weights")
"""Names of the table of tensors in a checkpoint, the one that is meant before others; an average (`ema`) is what is used, beside the last step's."""
_TRAINING = re.compile(r"optim|sched|scaler|lr_|grad|loss|discrim", re.IGNORECASE)
"""Names of tables that a training leaves in a checkpoint, and that are no network to paint with."""


def main(source: str, target: str, layout: str, memory: str, seconds: str, part: str = "") -> dict[str, object]:
    """The answer: {"tensors": n, "notes": [what was done, …]} or {"error": why}."""
    import torch
    from safetensors.torch import save_file

    _limit(int(memory), int(seconds))
    if source.endswith(".t7"):
        return _torch7(source, target)
    if source.endswith(".onnx"):
        return _onnx(source, target)
    if fault := _archive_fault(source):
        return fault
    try:
        found: Any = torch.load(source, map_location="cpu", weights_only=True)
    except Exception as error:  # a pickle from anywhere may raise anything
        return _fault(error, int(memory), source)
    taken: list[str] = []
    table = _table(found, part, taken)
    if isinstance(table, str):
        return {
            "error": table,
            "code": "weights.wrong_kind",
            "hint": "with --part NAME one of them is taken" if "--part" in table else "look for its weights alone",
        }
    kept: dict[str, torch.Tensor] = {}
    for name, value in table.items():
        if not isinstance(value, torch.Tensor) or not isinstance(name, str) or not LAYOUTS["any"].fullmatch(name):
            continue
        if value.layout is not torch.strided or str(value.dtype).removeprefix("torch.") not in NUMBERS or value.is_quantized:
            return {"error": f"{name} is no dense tensor of plain numbers"}
        plain = value.detach().contiguous().clone()
        if plain.is_floating_point() and not bool(torch.isfinite(plain).all()):
            return {"error": f"{name} holds values that are no numbers (NaN or infinity)"}
        kept[name] = plain
    names, stripped = plain_names(list(kept))
    kept = {name: tensor for name, tensor in zip(names, kept.values(), strict=True) if LAYOUTS[layout].fullmatch(name)}
    if not kept:
        return {"error": "none of its tensors has a name that is known here"}
    save_file(kept, target)
    notes = [f"the tensors are those of {'.'.join(taken)}"] if taken else []
    notes += [f"the prefix {stripped} was taken off the names of its tensors"] if stripped else []
    notes += _mixed(list(kept))
    return {"tensors": len(kept), "notes": notes}


def _table(found: Any, part: str, taken: list[str]) -> Any:
    """The table of tensors in what was read; a text that says why there is none. `taken` gets the names of the tables that it lies in."""
    import torch

    def tensors(value: Any) -> int:
        return sum(isinstance(one, torch.Tensor) for one in value.values()) if isinstance(value, Mapping) else 0

    for step in [one for one in part.split(".") if one]:
        if isinstance(found, Mapping) and step not in found and (below := _below(found, step)):
            found = below
            taken.append(f"{step}.*")
            continue
        if not isinstance(found, Mapping) or step not in found:
            names = [str(name) for name in found] if isinstance(found, Mapping) else []
            return f"it has no {step[:60]!r}; {_listed(names)}"
        found = found[step]
        taken.append(step)
    for _ in range(8):
        if not isinstance(found, Mapping):
            return f"it holds a {type(found).__name__}, and no table of tensors"
        if tensors(found):
            return found
        inner = {str(name): value for name, value in found.items() if isinstance(value, Mapping) and _deep(value, tensors)}
        plain = {name: value for name, value in inner.items() if not _TRAINING.search(name)} or inner
        name = next((one for one in WRAPPERS if one in plain), None) or (next(iter(plain)) if len(plain) == 1 else None)
        if name is None:
            told = ", ".join(f"{name[:60]} ({_count(value)} tensors)" for name, value in list(plain.items())[:12])
            named = _listed([str(one) for one in found])
            return f"it holds several tables of tensors: {told}; choose one with --part NAME" if inner else f"it holds no tensors; {named}"
        found = found[name]
        taken.append(name)
    return "its tables lie too deep"


def _below(table: Mapping[Any, Any], prefix: str) -> dict[str, Any]:
    """The entries whose names begin with `prefix` and a dot, without both."""
    return {name.removeprefix(f"{prefix}."): value for name, value in table.items() if isinstance(name, str) and name.startswith(f"{prefix}.")}


def _mixed(names: list[str]) -> list[str]:
    """What to say where the tensors of a wrapped network lie beside others, as a trainer's losses or a second network."""
    groups: dict[str, int] = {}
    for name in names:
        head = name.partition(".")[0]
        groups[head] = groups.get(head, 0) + 1
    if len(groups) < 2 or not groups.keys() & {*WRAPPERS} or any(name.startswith("model.diffusion_model.") for name in names):
        return []
    told = ", ".join(f"{name}. ({count})" for name, count in list(groups.items())[:6])
    return [f"the names of its tensors begin with {told}: if one of these is the network, convert again with --part NAME"]


def _count(value: Mapping[Any, Any], depth: int = 4) -> int:
    """Tensors in a table, and in the tables in it."""
    import torch

    inner = sum(_count(one, depth - 1) for one in value.values() if isinstance(one, Mapping)) if depth else 0
    return inner + sum(isinstance(one, torch.Tensor) for one in value.values())


def _deep(value: Mapping[Any, Any], tensors: Any, depth: int = 4) -> bool:
    return bool(tensors(value)) or (depth > 0 and any(isinstance(one, Mapping) and _deep(one, tensors, depth - 1) for one in value.values()))


def _listed(names: list[str]) -> str:
    shown = ", ".join(name[:60] for name in names[:12])
    return f"it has {shown}{' and more' if len(names) > 12 else ''}" if names else "it is empty"


def _archive_fault(source: str) -> dict[str, object] | None:
    """What is wrong with a zip archive that PyTorch could not read, or could not be meant to."""
    with Path(source).open("rb") as file:
        head = file.read(4)
    if not head.startswith(b"PK"):
        return None
    try:
        with zipfile.ZipFile(source) as archive:
            names = archive.namelist()
    except NotImplementedError:  # a version of the format that Python does not read
        return {"error": "it is a zip archive of a kind that is not read", "code": "weights.unreadable", "hint": "unpack it first"}
    except (zipfile.BadZipFile, OSError, ValueError):
        return {"error": "it was cut off while it was downloaded or copied: its end is missing", "code": "weights.unreadable", "hint": "get it again"}
    if not any(name.endswith("data.pkl") for name in names):
        inside = [name for name in names if name.endswith((".pth", ".pt", ".ckpt", ".safetensors", ".bin", ".t7", ".onnx"))]
        what = f"; in it are {', '.join(inside[:4])}" if inside else ""
        return {"error": f"it is a zip archive, and no checkpoint of PyTorch{what}", "code": "weights.unreadable", "hint": "unpack it first"}
    if any("/code/" in f"/{name}" and name.endswith(".py") for name in names):
        return {"error": "it is a program (TorchScript), and no table of tensors", "hint": "look for the checkpoint that it was made from, or a .safetensors"}
    return None


def _fault(error: Exception, memory: int, source: str) -> dict[str, object]:
    """What is wrong with a file that could not be read, in words."""
    said = " ".join(str(error).partition("Please file an issue")[0].split())
    if is_out_of_memory(error) or "alloc" in said.lower():
        return {"error": f"it takes more than {memory / 1e9:.1f} GB of memory: it is no plain checkpoint, or a bomb"}
    with Path(source).open("rb") as file:
        known = file.read(2).startswith((b"PK", b"\x80"))
    if not known:
        return {"error": "it is no checkpoint of PyTorch: neither a zip archive nor a pickle", "code": "weights.unreadable"}
    if "weights_only" in said or "Weights only" in said:  # torch's own advice here is to switch the protection off
        named = re.search(r"GLOBAL ([\w.]+)", said)
        what = f"it holds a whole object of a program ({named[1][:80]})" if named else "it is no checkpoint of plain tensors"
        hint = "where that program is, load it and save its tensors alone: torch.save(net.state_dict(), …)"
        return {"error": f"it cannot be read without running its code: {what}", "hint": hint}
    cut = ("EOF", "truncated", "central directory", "Ran out of input", "unexpected pos", "corrupted", "storage has wrong byte size")
    if isinstance(error, EOFError | IndexError) or any(mark in said for mark in cut):
        return {"error": "it was cut off while it was downloaded or copied", "code": "weights.unreadable", "hint": "get it again"}
    return {"error": f"it is no checkpoint of PyTorch ({type(error).__name__}{f': {said[:160]}' if said else ''})", "code": "weights.unreadable"}


def _torch7(source: str, target: str) -> dict[str, object]:
    """A style network of Torch 7: no pickle, and no code is run; it is read here for the limits' sake."""
    from safetensors.numpy import save_file

    from huafang.models.pull import torch7, torch7_style

    try:
        tensors, layers = torch7_style.translated(torch7.read(Path(source)))
    except torch7.Broken as error:
        return {"error": str(error)}
    except (KeyError, ValueError, TypeError, AttributeError, IndexError, RecursionError) as error:
        return {"error": f"it is no whole file of Torch 7: {' '.join(str(error).split())[:200]}"}
    save_file(tensors, target, metadata={"torch7.layers": json.dumps(layers)})
    return {"tensors": len(tensors)}


def _onnx(source: str, target: str) -> dict[str, object]:
    """AnimeGANv3's generator, which there is as ONNX alone: read here for the same sake."""
    from safetensors.numpy import save_file

    from huafang.models import onnx
    from huafang.models.pull import onnx_anime

    try:
        tensors = onnx_anime.translated(onnx.read(Path(source)))
    except onnx.Broken as error:
        return {"error": str(error)}
    save_file(tensors, target)
    return {"tensors": len(tensors)}


def _limit(memory: int, seconds: int) -> None:
    """Bytes of address space and seconds of CPU that this process may take from here on, where the system knows such limits."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() if Path("/proc/self/statm").exists() else 0
        resource.setrlimit(resource.RLIMIT_AS, (used + memory, used + memory))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:7])))

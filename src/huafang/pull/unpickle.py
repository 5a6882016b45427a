"""Pickled weights, Torch 7's and ONNX's -> safetensors, in a process that is thrown away. The only file of the house that calls `torch.load`.

    python -m huafang.pull.unpickle SOURCE TARGET LAYOUT MEMORY SECONDS

It is started by `conversion.py` and answers with one line of JSON. `weights_only=True` keeps a pickle from naming code, but is no sandbox
(CVE-2025-32434, CVE-2026-24747): hence a process of its own with a limit on memory and time, tensors copied out one by one as plain dense numbers,
and a parent that believes only the file that is left, after it has checked it.
"""

import contextlib
import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

VGG = re.compile(r"features\.\d+\.(weight|bias)|conv\d_\d\.(weight|bias)")
SQUEEZENET = re.compile(r"features\.\d+\.((squeeze|expand1x1|expand3x3)\.)?(weight|bias)")
LAYOUTS: dict[str, re.Pattern[str]] = {"vgg19": VGG, "squeezenet": SQUEEZENET, "any": re.compile(r"(?!.*(\.\.|__))[A-Za-z0-9_.\-]{1,400}")}
"""Names of tensors that are taken. A VGG's classifier, 500 MB, is left behind."""
NUMBERS = ("float16", "bfloat16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool")


def main(source: str, target: str, layout: str, memory: str, seconds: str) -> dict[str, object]:
    """The answer: {"tensors": n} or {"error": why}."""
    import torch
    from safetensors.torch import save_file

    _limit(int(memory), int(seconds))
    if source.endswith(".t7"):
        return _torch7(source, target)
    if source.endswith(".onnx"):
        return _onnx(source, target)
    try:
        found: Any = torch.load(source, map_location="cpu", weights_only=True)
    except Exception as error:  # a pickle from anywhere may raise anything
        said = " ".join(str(error).partition("Please file an issue")[0].split())
        if "weights_only" in said:  # torch's own advice here is to switch the protection off
            said = "it is no checkpoint of plain tensors"
        return {"error": f"it cannot be read without running its code: {said[:200]}"}
    for inner in ("state_dict", "model", "params_ema", "params"):
        if isinstance(found, Mapping) and isinstance(found.get(inner), Mapping):
            found = found[inner]
    if not isinstance(found, Mapping):
        return {"error": f"it holds a {type(found).__name__}, and no table of tensors"}
    kept: dict[str, torch.Tensor] = {}
    for name, value in found.items():
        if not isinstance(value, torch.Tensor) or not isinstance(name, str) or not LAYOUTS[layout].fullmatch(name):
            continue
        if value.layout is not torch.strided or str(value.dtype).removeprefix("torch.") not in NUMBERS or value.is_quantized:
            return {"error": f"{name} is no dense tensor of plain numbers"}
        plain = value.detach().contiguous().clone()
        if plain.is_floating_point() and not bool(torch.isfinite(plain).all()):
            return {"error": f"{name} holds values that are no numbers (NaN or infinity)"}
        kept[name] = plain
    if not kept:
        return {"error": "none of its tensors has a name that is known here"}
    save_file(kept, target)
    return {"tensors": len(kept)}


def _torch7(source: str, target: str) -> dict[str, object]:
    """A style network of Torch 7: no pickle, and no code is run; it is read here for the limits' sake."""
    from safetensors.numpy import save_file

    from huafang.pull import torch7, torch7_style

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

    from huafang.pull import onnx, onnx_anime

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
    print(json.dumps(main(*sys.argv[1:6])))

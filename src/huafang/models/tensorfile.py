"""Reading a `.safetensors` file that a stranger made. torch is loaded by `load` and `unfinite` only.

Nothing the file says of itself is believed: `header` checks count, names, types, shapes and offsets against the bytes that are there before any tensor
is made. The format is at https://huggingface.co/docs/safetensors; what is refused beyond it is listed at each check.
"""

import errno
import json
import math
import os
import re
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from huafang.errors import BadInput, MissingWeights
from huafang.models import filetypes

if TYPE_CHECKING:
    from torch import Tensor

DTYPES = {
    "BOOL": 8,
    "U8": 8,
    "I8": 8,
    "F8_E4M3": 8,
    "F8_E5M2": 8,
    "I16": 16,
    "U16": 16,
    "F16": 16,
    "BF16": 16,
    "I32": 32,
    "U32": 32,
    "F32": 32,
    "I64": 64,
    "U64": 64,
    "F64": 64,
    "F4": 4,
    "F6_E2M3": 6,
    "F6_E3M2": 6,
    "F8_E8M0": 8,
    "F8_E4M3FNUZ": 8,
    "F8_E5M2FNUZ": 8,
    "C64": 64,
}
"""Bits of one number, by the format's names for its types."""
PASSED = {"F4", "F6_E2M3", "F6_E3M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ", "C64"}
"""Types that no network here is made of: a tensor of one is passed over."""
MAX_HEADER = 50_000_000
MAX_TENSORS = 100_000
MAX_METADATA = 100_000
"""Characters of one metadata value that are read. Training tools write pictures and lists of tags there, of any length: a longer one is passed over."""
MAX_RANK = 8
NAME = re.compile(r"(?!.*(\.\.|__))[A-Za-z0-9_.\-]{1,400}")
"""A name is a path into a network's modules. A tensor of another name is passed over."""
HOSTILE = re.compile(r"\.\.[/\\]|(^|\.)__\w+__(\.|$)|\0")
"""Names by which readers were made to leave a folder or a network (CVE-2025-6107): a file that has one is refused."""

PREFIXES = (
    "module.",
    "_orig_mod.",
    "_fsdp_wrapped_module.",
    "model.",
    "net.",
    "network.",
    "generator.",
    "netG.",
    "G.",
    "state_dict.",
    "params_ema.",
    "params.",
)
"""What wrappers put before the names of a network's tensors: DataParallel, torch.compile, FSDP, Lightning, and trainers that keep a generator."""


def plain_names(names: list[str]) -> tuple[list[str], str]:
    """The names without the prefixes that all of them have, and the prefix that was taken off; "" where there is none.

    `model.0.weight` keeps its prefix: so a network's own layers are called. So do the parts of Stable Diffusion, and AnimeGANv3's `generator.base`.
    """
    stripped = ""
    while names:
        prefix = next((one for one in PREFIXES if all(name.startswith(one) and len(name) > len(one) for name in names)), None)
        if prefix is None:
            break
        rest = [name.removeprefix(prefix) for name in names]
        if prefix not in ("module.", "_orig_mod.", "_fsdp_wrapped_module.") and any(
            one[0].isdigit() or one.startswith(("diffusion_model.", "base.")) for one in rest
        ):
            break
        names, stripped = rest, stripped + prefix
    return names, stripped


def header(path: Path) -> dict[str, Any]:
    """Tensor names -> {"dtype", "shape", "data_offsets"}, checked whole; also of those that `load` passes over.

    Raises BadInput (`weights.unreadable`), MissingWeights when the file is gone.
    """
    with _opened(path) as file:
        return _checked(path, file)[0]


def metadata(path: Path, longest: int = MAX_METADATA) -> dict[str, str]:
    """What the file's maker wrote beside the tensors, but for values of `longest` characters and more. Raises as `header` does."""
    return read_header(path, longest)[1]


def read_header(path: Path, longest: int = MAX_HEADER) -> tuple[dict[str, Any], dict[str, str]]:
    """`header` and `metadata` of a file that is opened once; with values of any length. Raises as `header` does."""
    with _opened(path) as file:
        entries, said = _checked(path, file)
    return entries, {key: value for key, value in said.items() if len(value) < longest and len(key) <= 1_000}


def scalar(path: Path, entry: dict[str, Any]) -> float | None:
    """The number that a tensor of one floating point value holds, by its entry in the checked header; None of any other tensor, and of NaN and infinity."""
    code = {"F16": "<e", "F32": "<f", "F64": "<d", "BF16": "<f"}.get(entry["dtype"])
    start, stop = entry["data_offsets"]
    if code is None or stop - start != DTYPES[entry["dtype"]] // 8:
        return None
    with _opened(path) as file:
        file.seek(8 + int.from_bytes(file.read(8), "little") + start)
        data = file.read(stop - start)
    data = b"\0\0" + data if entry["dtype"] == "BF16" else data  # the upper half of a single
    value = struct.unpack(code, data)[0] if len(data) == struct.calcsize(code) else math.nan
    return float(value) if math.isfinite(value) else None


def load(path: Path, *, finite: bool = True, any_name: bool = False) -> "dict[str, Tensor]":
    """The tensors of `path` on the CPU. `finite` refuses NaN and infinity. Tensors of types that no network here has are passed over, and so are those of
    names that none has, unless `any_name` says that names are tokens, as an embedding's (`<cat-toy>`) are.

    Raises BadInput (`weights.unreadable`, `weights.not_finite`, `weights.changed`), MissingWeights when the file is gone.
    """
    from safetensors import SafetensorError, safe_open
    from safetensors.torch import load_file

    with _opened(path) as file:
        entries, _ = _checked(path, file)
        kept = [name for name, entry in entries.items() if (any_name or NAME.fullmatch(name)) and entry["dtype"] not in PASSED]
        if not kept:
            raise _refused(path, f"it holds no tensor of a network: {ascii(next(iter(entries)))[:80]} is no name of one")
        before = _identity(os.fstat(file.fileno()))
        tensors: dict[str, Tensor]
        try:
            if len(kept) == len(entries):
                tensors = load_file(path)
            else:
                with safe_open(path, "pt") as opened:
                    tensors = {name: opened.get_tensor(name) for name in kept}
            after = _identity(path.stat())
        except SafetensorError as error:
            raise _refused(path, str(error)) from error
        except OSError as error:
            raise _changed(path) from error
    if before != after:
        raise _changed(path)
    if finite and (bad := unfinite(tensors)):
        raise BadInput(
            f"{path.name} holds values that are no numbers (NaN or infinity), first in {bad[0]}",
            code="weights.not_finite",
            hint="the file is broken; get it again",
        )
    return tensors


def unfinite(tensors: "dict[str, Tensor]") -> list[str]:
    """Names of the tensors that hold a NaN or an infinity."""
    found = []
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and tensor.numel():
            low, high = (tensor if tensor.element_size() > 1 else tensor.float()).aminmax()  # a NaN is both; far quicker than isfinite
            if not (low.isfinite() and high.isfinite()):
                found.append(name)
    return found


def open_regular(path: Path) -> BinaryIO:
    """`path` for reading, when it is a regular file: a named pipe is never waited for. Raises OSError."""
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "it is no regular file", str(path))
    return os.fdopen(handle, "rb")


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        file = open_regular(path)
    except FileNotFoundError:
        raise MissingWeights(f"{path.name} is gone: it was listed, and was deleted or moved since", hint="see: huafang models list") from None
    except (OSError, ValueError) as error:  # a NUL in its name is a ValueError
        raise _refused(path, getattr(error, "strerror", None) or str(error)) from error
    with file:
        yield file


def _checked(path: Path, file: BinaryIO) -> tuple[dict[str, Any], dict[str, str]]:
    whole = os.fstat(file.fileno()).st_size
    head = file.read(512)
    size = int.from_bytes(head[:8], "little")
    if not 2 <= size <= min(MAX_HEADER, whole - 8) or head[8:9] != b"{":
        raise _not_safetensors(path, head, whole, size)
    file.seek(8)
    try:
        body = json.loads(file.read(size), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise _refused(path, str(error)) from error
    if not isinstance(body, dict):
        raise _refused(path, "its header is no object")
    said = body.pop("__metadata__", {})
    _check_metadata(path, said)
    if not body:
        raise _refused(path, "it holds no tensor")
    if len(body) > MAX_TENSORS:
        raise _refused(path, f"it claims {len(body):,} tensors")
    spans = sorted(_span(path, name, entry) for name, entry in body.items())
    end = 0
    for start, stop in spans:
        if start != end:
            raise _refused(path, "its tensors overlap or leave a hole")
        end = stop
    if end > whole - 8 - size:
        why = f"its tensors need {end:,} bytes, and {whole - 8 - size:,} are there: it was cut off while it was downloaded or copied"
        raise _refused(path, why, hint="get it again")
    if end != whole - 8 - size:
        raise _refused(path, f"its tensors need {end:,} bytes, and {whole - 8 - size:,} are there")
    return body, said


def _not_safetensors(path: Path, head: bytes, whole: int, size: int) -> BadInput:
    """The refusal of a file that does not begin as one of safetensors does: by what it is, where that is known."""
    kind = None if head[8:9] == b"{" else filetypes.what_is(head)
    if kind is None:
        why = f"its header claims {size:,} bytes of {whole:,}" if whole >= 8 else f"it has {whole} bytes"
        return _refused(path, f"{why}: it was cut off, or is of another kind", hint="get it again")
    said = f"{path.name} is no safetensors file that can be used: it is {kind} ({whole:,} bytes)"
    return BadInput(said, code="weights.unreadable", hint=filetypes.advice(kind, path.name))


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """JSON lets a name come twice and keeps the last; two readers may then see two files."""
    if len(found := dict(pairs)) < len(pairs):
        raise ValueError("a name comes twice in its header")
    return found


def _check_metadata(path: Path, said: object) -> None:
    if not isinstance(said, dict):
        raise _refused(path, f"its __metadata__ is {_json_type(said)}, and a table of texts is allowed")
    if (wrong := next((key for key, value in said.items() if not isinstance(value, str)), None)) is not None:
        hint = "a value that is no text is written as JSON in a text; save the file again with safetensors"
        raise _refused(path, f"its __metadata__ has {_json_type(said[wrong])} under {ascii(wrong)[:80]}, and only texts are allowed", hint=hint)


def _json_type(value: object) -> str:
    names = {dict: "a table", list: "a list", bool: "true or false", int: "a number", float: "a number", type(None): "null", str: "a text"}
    return names[type(value)]


def _span(path: Path, name: str, entry: object) -> tuple[int, int]:
    """First and last byte of one tensor, after all that its entry says was checked."""
    if HOSTILE.search(name):
        raise _refused(path, f"{ascii(name)[:80]} is no name of a tensor")
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise _refused(path, f"the entry of {ascii(name)[:100]} is not dtype, shape and data_offsets")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise _refused(path, f"{ascii(name)[:100]} is of the unknown type {str(dtype)[:20]!r}")
    if not _whole_numbers(shape) or len(shape) > MAX_RANK or not _whole_numbers(offsets) or len(offsets) != 2:
        raise _refused(path, f"{ascii(name)[:100]} has an impossible shape or place")
    numbers = 1
    for side in shape:
        numbers *= side
    if (offsets[1] - offsets[0]) * 8 != numbers * DTYPES[dtype]:
        raise _refused(path, f"{ascii(name)[:100]} has the shape {shape} and not its bytes")
    return offsets[0], offsets[1]


def _whole_numbers(values: object) -> bool:
    return isinstance(values, list) and all(type(value) is int and 0 <= value < 2**48 for value in values)


def _identity(found: os.stat_result) -> tuple[int, int, int]:
    return found.st_ino, found.st_size, found.st_mtime_ns


def _refused(path: Path, why: str, hint: str | None = None) -> BadInput:
    return BadInput(f"{path.name} is no safetensors file that can be used: {why[:300]}", code="weights.unreadable", hint=hint)


def _changed(path: Path) -> BadInput:
    return BadInput(f"{path.name} was replaced while it was read", code="weights.changed", hint="run it again, once nothing writes to that folder")

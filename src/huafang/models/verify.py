"""Reading all of a model: its headers, its sha256 where one is known, and every number. torch is loaded here."""

from dataclasses import dataclass
from pathlib import Path

from huafang.errors import HuafangError
from huafang.models import tensorfile
from huafang.models.modelfile import is_whole, known_sha256, sha256, tensor_files


@dataclass(frozen=True)
class Verdict:
    """What `verify` found. `faults` is empty when all is well."""

    name: str
    path: Path
    tensors: int
    bytes: int
    faults: tuple[str, ...] = ()


def verify(name: str, path: Path) -> Verdict:
    """Read all of `name`: its headers, its sha256 where one is known, and every number."""
    tensors, size, faults = 0, 0, []
    for file in tensor_files(path):
        try:
            wanted = known_sha256(file)
            if wanted and sha256(file) != wanted:
                faults.append(f"{file.name}: its sha256 is not {wanted[:12]}…, the one it was stored with")
            tensors += len(tensorfile.load(file))
            size += file.stat().st_size
        except HuafangError as error:
            faults.append(error.message)
        except OSError as error:
            faults.append(f"{file.name}: {error.strerror}")
    if path.is_dir() and not is_whole(path):
        faults.append(f"{name}: a part that its model_index.json names is not there")
    return Verdict(name, path, tensors, size, tuple(faults))

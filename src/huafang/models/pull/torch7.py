"""Torch 7's files (`.t7`), as Lua's `torch.save` wrote them: read as plain numbers and tables. No code is run, and functions in the file are passed over.

The format is that of torch7's `File.lua`, binary, little-endian, with 8-byte integers in tensors: a value is a tag of 4 bytes and what belongs to it;
tables and objects carry a number, and come again as that number alone.
"""

import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

NIL, NUMBER, STRING, TABLE, OBJECT, BOOLEAN, FUNCTION, FUNCTIONS = 0, 1, 2, 3, 4, 5, 6, (7, 8)
DEEPEST = 60
"""Tables within tables, beyond which a file is no network."""
TYPES = {
    "Double": np.float64,
    "Float": np.float32,
    "Half": np.float16,
    "Long": np.int64,
    "Int": np.int32,
    "Short": np.int16,
    "Char": np.int8,
    "Byte": np.uint8,
}
"""Torch's names for types of numbers; Cuda's tensors are written as floats."""


class Broken(ValueError):
    """The bytes are not what they say they are."""


@dataclass
class Thing:
    """An object of Lua's class `kind`, such as `nn.ReLU`, with its fields."""

    kind: str
    fields: dict[Any, Any] = field(default_factory=dict)


def read(path: Path) -> Any:
    """The one value in the file: numbers, strings, booleans, None, dicts, arrays and `Thing`s. Raises Broken."""
    reader = _Reader(path.read_bytes())
    found = reader.value(0)
    if reader.place != len(reader.data):
        raise Broken(f"{len(reader.data) - reader.place:,} bytes are left over")
    return found


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data, self.place = data, 0
        self.known: dict[int, Any] = {}

    def take(self, count: int) -> bytes:
        if not 0 <= count <= len(self.data) - self.place:
            raise Broken(f"{count:,} bytes are asked for at byte {self.place:,}, and {len(self.data) - self.place:,} are left")
        self.place += count
        return self.data[self.place - count : self.place]

    def whole(self) -> int:
        return int(struct.unpack("<i", self.take(4))[0])

    def longs(self, count: int) -> list[int]:
        return list(struct.unpack(f"<{count}q", self.take(8 * count)))

    def text(self) -> str:
        return self.take(self.whole()).decode("utf-8", "replace")

    def value(self, depth: int) -> Any:
        if depth > DEEPEST:
            raise Broken(f"its tables lie more than {DEEPEST} deep")
        tag = self.whole()
        if tag == NIL:
            return None
        if tag == NUMBER:
            return struct.unpack("<d", self.take(8))[0]
        if tag == STRING:
            return self.text()
        if tag == BOOLEAN:
            return self.whole() == 1
        if tag not in (TABLE, OBJECT, FUNCTION, *FUNCTIONS):
            raise Broken(f"the tag {tag} at byte {self.place - 4:,} is none of torch's")
        number = self.whole()
        if number in self.known:
            return self.known[number]
        if tag == TABLE:
            return self._table(self.known.setdefault(number, {}), depth)
        if tag == OBJECT:
            return self._object(number, depth)
        self.known[number] = None
        self.text()  # a function's code, which is not looked at
        return self.value(depth + 1) and None  # and what it closes over

    def _table(self, into: dict[Any, Any], depth: int) -> dict[Any, Any]:
        for _ in range(self.whole()):
            key, value = self.value(depth + 1), self.value(depth + 1)
            if isinstance(key, str | float | bool):
                into[int(key) if isinstance(key, float) and key.is_integer() else key] = value
        return into

    def _object(self, number: int, depth: int) -> Any:
        version = self.text()
        kind = self.text() if version.startswith("V ") else version
        sort = kind.removeprefix("torch.").removeprefix("Cuda")
        for ending, make in (("Tensor", self._tensor), ("Storage", self._storage)):
            if kind.startswith("torch.") and sort.endswith(ending):
                made = make(sort.removesuffix(ending) or "Float", depth)
                self.known[number] = made
                return made
        thing = self.known[number] = Thing(kind)
        held = self.value(depth + 1)
        thing.fields = held if isinstance(held, dict) else {}
        return thing

    def _storage(self, kind: str, depth: int) -> np.ndarray:
        if kind not in TYPES:
            raise Broken(f"it holds numbers of the type {kind[:40]!r}, which is not known")
        (count,) = self.longs(1)
        return np.frombuffer(self.take(count * np.dtype(TYPES[kind]).itemsize), TYPES[kind])

    def _tensor(self, kind: str, depth: int) -> np.ndarray:
        rank = self.whole()
        if not 0 <= rank <= 8:
            raise Broken(f"a tensor has {rank} dimensions")
        shape, strides, (start,) = self.longs(rank), self.longs(rank), self.longs(1)
        storage = self.value(depth + 1)
        if not rank or storage is None:
            return np.zeros(0, TYPES.get(kind, np.float32))
        if not isinstance(storage, np.ndarray) or min(*shape, *strides) < 0:
            raise Broken("a tensor lies over what is no storage")
        if not all(shape):
            return np.zeros(shape, storage.dtype)
        last = start - 1 + sum((length - 1) * stride for length, stride in zip(shape, strides, strict=True))
        if not 1 <= start <= last + 1 <= len(storage):
            raise Broken(f"a tensor of {shape} reaches behind the {len(storage):,} numbers of its storage")
        return np.lib.stride_tricks.as_strided(storage[start - 1 :], shape, [stride * storage.itemsize for stride in strides]).copy()

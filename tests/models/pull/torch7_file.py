"""Writes Torch 7's binary files, as Lua's `torch.save` does: for tests of what reads them."""

import struct
from typing import Any

import numpy as np

from huafang.models.pull.torch7 import Thing


def written(value: Any) -> bytes:
    return _Writer().value(value)


class _Writer:
    def __init__(self) -> None:
        self.count = 0

    def number(self) -> bytes:
        self.count += 1
        return struct.pack("<i", self.count)

    def value(self, value: Any) -> bytes:
        if value is None:
            return struct.pack("<i", 0)
        if isinstance(value, bool):
            return struct.pack("<ii", 5, value)
        if isinstance(value, int | float):
            return struct.pack("<id", 1, value)
        if isinstance(value, str):
            return struct.pack("<i", 2) + text(value)
        if isinstance(value, list):
            return self.value(dict(enumerate(value, 1)))
        if isinstance(value, dict):
            head = struct.pack("<i", 3) + self.number() + struct.pack("<i", len(value))
            return head + b"".join(self.value(key) + self.value(held) for key, held in value.items())
        if isinstance(value, np.ndarray):
            return self.tensor(value)
        assert isinstance(value, Thing)
        return struct.pack("<i", 4) + self.number() + text("V 1") + text(value.kind) + self.value(value.fields)

    def tensor(self, value: np.ndarray) -> bytes:
        head = struct.pack("<i", 4) + self.number() + text("V 1") + text("torch.FloatTensor") + struct.pack("<i", value.ndim)
        strides = [stride // value.itemsize for stride in value.strides]
        lain = struct.pack(f"<{2 * value.ndim + 1}q", *value.shape, *strides, 1)
        return head + lain + struct.pack("<i", 4) + self.number() + text("V 1") + text("torch.FloatStorage") + struct.pack("<q", value.size) + value.tobytes()


def text(said: str) -> bytes:
    data = said.encode()
    return struct.pack("<i", len(data)) + data

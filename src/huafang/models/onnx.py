"""ONNX files (`.onnx`): the tensors in them and their nodes in order, read by protobuf's wire format as plain numbers and names. Nothing is run.

Of onnx.proto these are read: ModelProto.graph (7); GraphProto.node (1) and .initializer (5); NodeProto.input (1), .output (2) and .op_type (4);
TensorProto.dims (1), .data_type (2), .float_data (4), .name (8) and .raw_data (9).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

TYPES = {1: np.float32, 6: np.int32, 7: np.int64, 10: np.float16, 11: np.float64}
"""TensorProto.DataType -> numbers; tensors of other types are passed over."""
VARINT, EIGHT, BYTES, FOUR = 0, 1, 2, 5


class Broken(ValueError):
    """The bytes are not what they say they are."""


@dataclass(frozen=True)
class Node:
    """One operation, such as Conv, by the names of what it takes and gives."""

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class Graph:
    """Nodes in the order in which they can be run, and the tensors written in the file, by name."""

    nodes: list[Node] = field(default_factory=list)
    tensors: dict[str, NDArray[Any]] = field(default_factory=dict)


def read(path: Path) -> Graph:
    """Raises Broken."""
    graph = Graph()
    for number, value in _fields(memoryview(path.read_bytes())):
        if number == 7:
            for inner, part in _fields(_bytes(value)):
                if inner == 1:
                    graph.nodes.append(_node(_bytes(part)))
                elif inner == 5:
                    name, tensor = _tensor(_bytes(part))
                    if tensor is not None:
                        graph.tensors[name] = tensor
    return graph


def _node(data: memoryview) -> Node:
    found: dict[int, list[str]] = {1: [], 2: [], 4: []}
    for number, value in _fields(data):
        if number in found:
            found[number].append(_text(value))
    return Node("".join(found[4]), tuple(found[1]), tuple(found[2]))


def _tensor(data: memoryview) -> tuple[str, NDArray[Any] | None]:
    name, kind, shape = "", 0, list[int]()
    raw, floats = b"", list[bytes]()
    for number, value in _fields(data):
        if number == 1:
            shape += [value] if isinstance(value, int) else list(_varints(value))
        elif number == 2 and isinstance(value, int):
            kind = value
        elif number == 4:
            floats.append(bytes(_bytes(value)))
        elif number == 8:
            name = _text(value)
        elif number == 9:
            raw = bytes(_bytes(value))
    if kind not in TYPES or not (raw or floats):
        return name, None
    numbers = np.frombuffer(raw, np.dtype(TYPES[kind]).newbyteorder("<")) if raw else np.frombuffer(b"".join(floats), "<f4")
    if any(side < 0 or side > 1 << 40 for side in shape) or numbers.size != int(np.prod(shape, dtype=object)):
        raise Broken(f"{name} has {numbers.size:,} numbers for the shape {shape}")
    return name, numbers.reshape(shape).astype(TYPES[kind])


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Number and value of each field of a message."""
    place = 0
    while place < len(data):
        tag, place = _varint(data, place)
        number, wire = tag >> 3, tag & 7
        if wire == VARINT:
            value, place = _varint(data, place)
            yield number, value
            continue
        if wire == BYTES:
            length, place = _varint(data, place)
        elif wire in (EIGHT, FOUR):
            length = 8 if wire == EIGHT else 4
        else:
            raise Broken(f"a field of the unknown kind {wire} at byte {place:,}")
        if length > len(data) - place:
            raise Broken(f"{length:,} bytes are asked for at byte {place:,}, and {len(data) - place:,} are left")
        yield number, data[place : place + length]
        place += length


def _varint(data: memoryview, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(data):
            raise Broken(f"the file ends within a number at byte {place:,}")
        byte = data[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place
    raise Broken(f"a number without an end at byte {place:,}")


def _varints(data: memoryview) -> Iterator[int]:
    place = 0
    while place < len(data):
        value, place = _varint(data, place)
        yield value


def _bytes(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise Broken("a number stands where a message belongs")
    return value


def _text(value: int | memoryview) -> str:
    return bytes(_bytes(value)).decode("utf-8", "replace")

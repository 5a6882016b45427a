"""Small ONNX files as an exporter writes them, for tests: protobuf's wire format, the other way round."""

import numpy as np


def number(value: int) -> bytes:
    out = b""
    while True:
        value, low = value >> 7, value & 127
        out += bytes([low | (128 if value else 0)])
        if not value:
            return out


def message(field: int, data: bytes | str) -> bytes:
    data = data.encode() if isinstance(data, str) else data
    return number(field << 3 | 2) + number(len(data)) + data


def tensor(name: str, values: np.ndarray, *, raw: bool = True) -> bytes:
    """As raw bytes, or as a packed list of floats; the shape packed too in the second."""
    values = np.ascontiguousarray(values, np.float32)
    if raw:
        shape = b"".join(number(1 << 3) + number(side) for side in values.shape)
        return shape + number(2 << 3) + number(1) + message(8, name) + message(9, values.tobytes())
    return message(1, b"".join(map(number, values.shape))) + number(2 << 3) + number(1) + message(4, values.tobytes()) + message(8, name)


def node(kind: str, inputs: list[str], outputs: list[str]) -> bytes:
    return b"".join(message(1, name) for name in inputs) + b"".join(message(2, name) for name in outputs) + message(4, kind)


def model(nodes: list[bytes], tensors: list[bytes]) -> bytes:
    """With a version before it and an opset behind, as there is."""
    graph = b"".join(message(1, one) for one in nodes) + message(2, "graph") + b"".join(message(5, one) for one in tensors)
    return number(1 << 3) + number(8) + message(2, "tf2onnx") + message(7, graph) + message(8, number(2 << 3) + number(15))

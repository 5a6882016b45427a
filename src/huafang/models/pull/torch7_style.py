"""A style network of jcjohnson/fast-neural-style, read from its `.t7` -> tensors, and layers in words (`nets/johnson.py` reads them)."""

from typing import Any

import numpy as np

from huafang.models.pull.torch7 import Broken, Thing

PASSED = ("TotalVariation", "Identity", "DeepDreamLoss", "ContentLoss", "StyleLoss")
"""They give what they get: losses of the training."""


def translated(found: Any) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Tensors by name, and {"layers": [[kind, …], …], "most": the constant behind tanh}. Raises Broken for a file of another network."""
    model = found.get("model") if isinstance(found, dict) else found
    if not isinstance(model, Thing) or _kind(model) != "Sequential":
        raise Broken("it holds no network of jcjohnson/fast-neural-style")
    settings = found.get("opt") if isinstance(found, dict) else None
    if isinstance(settings, dict) and settings.get("preprocessing", "vgg") != "vgg":
        raise Broken("it was trained with another preprocessing than VGG's, which is not known here")
    tensors: dict[str, np.ndarray] = {}
    layers = _layers(model, "", tensors)
    if not layers or layers[-1][0] != "most" or layers[-2] != ["tanh"]:
        raise Broken("its end is not tanh times a constant")
    return tensors, {"layers": layers[:-1], "most": layers[-1][1]}


def _kind(thing: Thing) -> str:
    return thing.kind.removeprefix("nn.").removeprefix("cudnn.")


def _children(thing: Thing) -> list[Thing]:
    held = thing.fields.get("modules", {})
    return [held[place] for place in sorted(held) if isinstance(held[place], Thing)]


def _layers(sequence: Thing, before: str, tensors: dict[str, np.ndarray]) -> list[list[Any]]:
    made: list[list[Any]] = []
    for place, thing in enumerate(_children(sequence), 1):
        name = f"{before}{place}"
        told = _layer(thing, name, tensors, made[-1] if made else None)
        if told:
            made.append(told)
    return made


def _layer(thing: Thing, name: str, tensors: dict[str, np.ndarray], last: list[Any] | None) -> list[Any] | None:
    """One layer in words; None for what needs no word of its own."""
    kind, held = _kind(thing), thing.fields
    if kind in PASSED:
        return None
    if kind in ("SpatialConvolution", "SpatialConvolutionMM", "SpatialFullConvolution"):
        return _convolution(kind, held, name, tensors)
    if kind == "InstanceNormalization":
        _keep(tensors, name, held["weight"], held["bias"])
        return ["norm", name, float(held.get("eps", 1e-5))]
    if kind == "SpatialBatchNormalization":
        _fold(held, last, tensors)
        return None
    if kind == "SpatialReflectionPadding":
        return ["mirror", _same(held, "pad_l", "pad_r", "pad_t", "pad_b")]
    if kind == "SpatialUpSamplingNearest" and held.get("scale_factor") == 2:
        return ["double"]
    if kind == "MulConstant":
        return ["most", float(held["constant_scalar"])]
    if kind in ("ReLU", "Tanh"):
        return [kind.lower()]
    if kind == "Sequential":
        return _residual(thing, name, tensors)
    raise Broken(f"its layer {name} is a {thing.kind[:60]}, which no style network of jcjohnson's has")


def _convolution(kind: str, held: dict[Any, Any], name: str, tensors: dict[str, np.ndarray]) -> list[Any]:
    size, stride, pad = _same(held, "kW", "kH"), _same(held, "dW", "dH"), _same(held, "padW", "padH")
    into, out = int(held["nInputPlane"]), int(held["nOutputPlane"])
    full = kind == "SpatialFullConvolution"
    weight = held["weight"].reshape((into, out, size, size) if full else (out, into, size, size))
    bias = held.get("bias")
    _keep(tensors, name, weight, np.zeros(out, np.float32) if bias is None else bias)
    return ["full", name, stride, pad, _same(held, "adjW", "adjH")] if full else ["conv", name, stride, pad]


def _residual(thing: Thing, name: str, tensors: dict[str, np.ndarray]) -> list[Any]:
    """Sequential(ConcatTable(block, shave or identity), CAddTable)."""
    table, *rest = _children(thing)
    if _kind(table) != "ConcatTable" or [_kind(one) for one in rest] != ["CAddTable"]:
        raise Broken(f"its layer {name} is no residual block")
    block, beside = _children(table)
    shave = int(beside.fields["size"]) if _kind(beside) == "ShaveImage" else 0
    return ["residual", shave, _layers(block, f"{name}.", tensors)]


def _keep(tensors: dict[str, np.ndarray], name: str, weight: np.ndarray, bias: np.ndarray) -> None:
    tensors[f"layers.{name}.weight"] = np.ascontiguousarray(weight, np.float32)
    tensors[f"layers.{name}.bias"] = np.ascontiguousarray(bias, np.float32)


def _fold(held: dict[Any, Any], last: list[Any] | None, tensors: dict[str, np.ndarray]) -> None:
    """A batch norm, with the statistics of training, into the convolution before it."""
    if last is None or last[0] not in ("conv", "full"):
        raise Broken("a batch norm stands behind what is no convolution")
    weight, bias = (f"layers.{last[1]}.{end}" for end in ("weight", "bias"))
    gain = held["weight"].astype(np.float64) / np.sqrt(held["running_var"].astype(np.float64) + float(held.get("eps", 1e-5)))
    along = (1, -1, 1, 1) if last[0] == "full" else (-1, 1, 1, 1)
    shift = held["bias"] + (tensors[bias] - held["running_mean"].astype(np.float64)) * gain
    tensors[weight], tensors[bias] = (tensors[weight] * gain.reshape(along)).astype(np.float32), shift.astype(np.float32)


def _same(held: dict[Any, Any], *names: str) -> int:
    """The whole number that all these fields have."""
    found = {int(held.get(name) or 0) for name in names}
    if len(found) > 1:
        raise Broken(f"its {', '.join(names)} differ")
    return found.pop()

"""A style network as jcjohnson's train.lua builds and saves it, narrow and random; and the same spelled plainly with PyTorch's functions."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from huafang.models.pull.torch7 import Thing

MEAN = torch.tensor([103.939, 116.779, 123.68]).view(1, 3, 1, 1)


def things(arch: str, *, instance: bool = True, most: float = 150.0, seed: int = 0) -> Thing:
    """`arch` in jcjohnson's words, with padding_type reflect-start (a mirrored border of 8 for each residual block: 40 in the published ones)."""
    dice = np.random.default_rng(seed)
    words = arch.split(",")
    made, width = [padding(8 * arch.count("R"))], 3
    for number, word in enumerate(words):
        if word[0] == "R":
            made.append(residual(int(word[1:]), dice, instance))
            continue
        if word[0] == "U":
            made.append(Thing("nn.SpatialUpSamplingNearest", {"scale_factor": 2.0}))
            continue
        if word[0] == "c":
            next_width, kernel, stride = int(word[5:]), int(word[1]), int(word[3])
            made.append(convolution(width, next_width, kernel, stride, kernel // 2, dice))
        else:
            next_width = int(word[1:])
            made.append(convolution(width, next_width, 3, 2, 1, dice, full=word[0] == "u"))
        width = next_width
        if number < len(words) - 1:
            made += [norm(width, dice, instance), Thing("nn.ReLU", {"inplace": True})]
    ends = [Thing("nn.Tanh"), Thing("nn.MulConstant", {"constant_scalar": most}), Thing("nn.TotalVariation", {"strength": 1e-6})]
    return Thing("nn.Sequential", {"modules": [*made, *ends], "train": False})


def padding(size: int) -> Thing:
    return Thing("nn.SpatialReflectionPadding", dict.fromkeys(("pad_l", "pad_r", "pad_t", "pad_b"), size))


def convolution(into: int, out: int, kernel: int, stride: int, pad: int, dice: np.random.Generator, *, full: bool = False) -> Thing:
    shape = (into, out, kernel, kernel) if full else (out, into, kernel, kernel)
    weight = dice.normal(0, (2 / (into * kernel * kernel)) ** 0.5, shape).astype(np.float32)
    sides = {"kW": kernel, "kH": kernel, "dW": stride, "dH": stride, "padW": pad, "padH": pad}
    held = {"nInputPlane": into, "nOutputPlane": out, **sides, "weight": weight, "bias": dice.normal(0, 0.1, out).astype(np.float32)}
    return Thing("nn.SpatialFullConvolution", held | {"adjW": 1, "adjH": 1}) if full else Thing("nn.SpatialConvolution", held)


def norm(width: int, dice: np.random.Generator, instance: bool) -> Thing:
    weight, bias, mean, variance = (dice.uniform(low, high, width).astype(np.float32) for low, high in ((0.5, 1.5), (-0.2, 0.2), (-1, 1), (0.5, 2)))
    if instance:
        return Thing("nn.InstanceNormalization", {"nOutput": width, "eps": 1e-5, "weight": weight, "bias": bias, "prev_N": -1})
    return Thing("nn.SpatialBatchNormalization", {"eps": 1e-5, "weight": weight, "bias": bias, "running_mean": mean, "running_var": variance})


def residual(width: int, dice: np.random.Generator, instance: bool) -> Thing:
    parts = [convolution(width, width, 3, 1, 0, dice), norm(width, dice, instance), Thing("nn.ReLU")]
    block = Thing("nn.Sequential", {"modules": [*parts, convolution(width, width, 3, 1, 0, dice), norm(width, dice, instance)]})
    table = Thing("nn.ConcatTable", {"modules": [block, Thing("nn.ShaveImage", {"size": 2})]})
    return Thing("nn.Sequential", {"modules": [table, Thing("nn.CAddTable")]})


def plainly(thing: Thing, x: Tensor) -> Tensor:
    """What Lua's `forward` gives, kind by kind."""
    held = {key: torch.from_numpy(value) if isinstance(value, np.ndarray) else value for key, value in thing.fields.items()}
    kind = thing.kind.removeprefix("nn.")
    if kind == "Sequential":
        for one in held["modules"]:
            x = plainly(one, x)
        return x
    if kind == "ConcatTable":
        one, other = (plainly(branch, x) for branch in held["modules"])
        return torch.cat([one, other])  # CAddTable adds the halves
    if kind == "CAddTable":
        return x[:1] + x[1:]
    return {
        "SpatialReflectionPadding": lambda: F.pad(x, (held["pad_l"],) * 4, mode="reflect"),
        "SpatialConvolution": lambda: F.conv2d(x, held["weight"], held["bias"], held["dW"], held["padW"]),
        "SpatialFullConvolution": lambda: F.conv_transpose2d(x, held["weight"], held["bias"], 2, 1, 1),
        "InstanceNormalization": lambda: F.instance_norm(x, None, None, held["weight"], held["bias"], eps=1e-5),
        "SpatialBatchNormalization": lambda: F.batch_norm(x, held["running_mean"], held["running_var"], held["weight"], held["bias"], eps=1e-5),
        "SpatialUpSamplingNearest": lambda: F.interpolate(x, scale_factor=2, mode="nearest"),
        "ShaveImage": lambda: x[:, :, 2:-2, 2:-2],
        "MulConstant": lambda: x * held["constant_scalar"],
        "ReLU": lambda: x.relu(),
        "Tanh": lambda: x.tanh(),
        "TotalVariation": lambda: x,
    }[kind]()


def painted(thing: Thing, photo: Tensor) -> Tensor:
    """`photo`, sRGB in [0, 1], as fast_neural_style.lua sends it through."""
    return ((plainly(thing, photo.flip(1) * 255 - MEAN) + MEAN) / 255).flip(1)

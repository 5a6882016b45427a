"""Johnson's own networks (jcjohnson/fast-neural-style, Lua), as `huafang models convert` leaves them of a `.t7`.

The paper's layers (`transformer_net.py`) in another dress: `-arch` and `-padding_type` choose widths and borders, so the file says layer by layer what it is.
In the published ones the picture is mirrored by 40 pixels once, convolutions of residual blocks have no border, and beside each block 2 pixels a side are cut
off (`ShaveImage`); the end is 150 · tanh. BGR with the Caffe mean subtracted, in and out. Batch norms (those of ECCV 2016) are in the convolutions before them.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from huafang import tensorfile
from huafang.errors import BadInput
from huafang.nets import checkpoint
from huafang.nets.layers import Ranged
from huafang.nets.maps import Gathered, Map, Plan, layer

MARK = "torch7.layers"
"""The metadata that holds the layers, as `pull/torch7_style.py` writes them: [kind, …] each."""
MEAN = (103.939, 116.779, 123.68)
"""Of VGG's training pictures in Caffe, BGR."""
MOST = 200
"""Layers, and pixels of a border, above which a file is none of these."""


class Shave(nn.Module):
    """Without `size` rows and columns at each side."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        return x[..., self.size : x.shape[2] - self.size, self.size : x.shape[3] - self.size]


@layer(Shave)
def _shaved(module: Shave, plan: Plan, source: Map) -> Map:
    size, width = module.size, source.width - 2 * module.size
    return Gathered(source, torch.arange(size, source.height - size), width, lambda band: band[..., size : size + width], plan.grain(source.channels))


class Residual(nn.Module):
    """block(x) + x, cut to the block's size."""

    def __init__(self, block: nn.Sequential, shave: int) -> None:
        super().__init__()
        self.block, self.shave = block, Shave(shave) if shave else None

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.block(x)
        return y + (self.shave(x) if self.shave else x)


def build(layers: list[Any], state: Mapping[str, Tensor], name: str) -> nn.Sequential:
    """The bare network. Raises BadInput where `layers` and `state` do not make one."""
    try:
        net = nn.Sequential(*(_made(one, state, name) for one in layers[:MOST]))
    except (KeyError, ValueError, TypeError, IndexError, AttributeError, RuntimeError) as error:
        raise BadInput(f"{name}: its list of layers is no network: {' '.join(str(error).split())[:200]}", code="weights.other_net") from error
    return net.eval().requires_grad_(False)


def _made(told: list[Any], state: Mapping[str, Tensor], name: str) -> nn.Module:
    kind, *rest = told
    numbers = [one for one in rest if type(one) is int]
    if any(not 0 <= one <= MOST for one in numbers):
        raise ValueError(f"{kind} {numbers}")
    if kind in ("conv", "full"):
        return _convolution(kind, state[f"layers.{rest[0]}.weight"], state[f"layers.{rest[0]}.bias"], *numbers)
    if kind == "norm":
        norm = nn.InstanceNorm2d(len(state[f"layers.{rest[0]}.weight"]), eps=float(rest[1]), affine=True)
        norm.load_state_dict({end: state[f"layers.{rest[0]}.{end}"] for end in ("weight", "bias")})
        return norm
    if kind == "residual":
        return Residual(build(rest[1], state, name), *numbers)
    if kind == "mirror":
        return nn.ReflectionPad2d(numbers[0])
    if kind == "double":
        return nn.Upsample(scale_factor=2, mode="nearest")
    return nn.ReLU() if kind == "relu" else {"tanh": nn.Tanh()}[kind]


def _convolution(kind: str, weight: Tensor, bias: Tensor, stride: int, pad: int, extra: int = 0) -> nn.Module:
    """Torch 7 lays the weights as PyTorch does: (out, in, k, k), and (in, out, k, k) where the stride enlarges (`full`)."""
    if kind == "full":
        net: nn.Module = nn.ConvTranspose2d(weight.shape[0], weight.shape[1], weight.shape[2], stride, pad, extra)
    else:
        net = nn.Conv2d(weight.shape[1], weight.shape[0], weight.shape[2], stride, pad)
    net.load_state_dict({"weight": weight, "bias": bias})
    return net


def told(path: Path) -> dict[str, Any] | None:
    """What the file says of itself: {"layers": …, "most": …}; None of a file of another kind."""
    text = tensorfile.metadata(path).get(MARK)
    try:
        found = json.loads(text) if text else None
    except ValueError:
        found = None
    return found if isinstance(found, dict) else None


def load(path: Path, said: Mapping[str, Any]) -> nn.Sequential:
    """The network of `path`, of which it says `said`, for (1, 3, H, W) sRGB in [0, 1], giving the same. Raises BadInput for another network."""
    net, most = build(said.get("layers", []), checkpoint.read(path), path.name), said.get("most", 0)
    if not isinstance(most, int | float) or not 0 < most <= 1000:
        raise BadInput(f"{path.name}: the range of its result is {most!r}, and a number of about 150 is meant", code="weights.other_net")
    into = Ranged(255.0, [-one for one in MEAN], reverse=True)
    back = Ranged(most / 255, [one / 255 for one in reversed(MEAN)], reverse=True)
    return nn.Sequential(into, net, back).eval().requires_grad_(False)

"""Johnson's own networks (jcjohnson/fast-neural-style, Lua), as `huafang models convert` leaves them of a `.t7`.

The paper's layers (`transformer_net.py`) in another dress: `-arch` and `-padding_type` choose widths and borders, so the file says layer by layer what it is.
In the published ones the picture is mirrored by 40 pixels once, convolutions of residual blocks have no border, and beside each block 2 pixels a side are cut
off (`ShaveImage`); the end is 150 · tanh. BGR with the Caffe mean subtracted, in and out. Batch norms (those of ECCV 2016) are in the convolutions before them.
"""

import json
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from huafang.errors import BadInput, check_memory
from huafang.kernels.layers import Ranged
from huafang.kernels.lazy import Gathered, Map, Plan, layer
from huafang.models import tensorfile
from huafang.nets import checkpoint

MARK = "torch7.layers"
"""The metadata that holds the layers, as `models/pull/torch7_style.py` writes them: [kind, …] each."""
MEAN = (103.939, 116.779, 123.68)
"""Of VGG's training pictures in Caffe, BGR."""
MOST = 200
"""Layers, and pixels of a mirrored border in all, above which a file is none of these. The published ones have 40 of each."""
MOST_CHANNELS, MOST_A_PIXEL, MOST_WORK = 1024, 128, 4_000_000
"""Channels of a map; numbers of a map, and multiplications of the whole network, for each pixel of the picture: published are 128, 32 and 200,000."""
LEAST, TRIED = 8, 1024
"""A picture's least side, and up to which side one is looked for that the borders fit into."""


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


def build(layers: object, state: Mapping[str, Tensor], name: str) -> nn.Sequential:
    """The bare network. Raises BadInput where `layers` and `state` do not make one, or one of no bounds."""
    try:
        sketch = _Sketch(state)
        sketch.add(layers)
        sketch.check_end()
        net = nn.Sequential(*(_made(one, state) for one in sketch.layers))
        net.least = sketch.least()  # type: ignore[assignment]  # a plain number beside the modules
    except (KeyError, ValueError, TypeError, IndexError, AttributeError, RuntimeError, OverflowError) as error:
        check_memory(error)
        said = f"there is no tensor {error}" if isinstance(error, KeyError) else " ".join(str(error).split())[:200]
        raise BadInput(f"{name}: its list of layers is no network: {said}", code="weights.other_net") from error
    return net.eval().requires_grad_(False)


class _Sketch:
    """The network in numbers, before any of it is made: that its layers fit each other, and what a picture costs.

    `channels` and `scale` are those of the map behind the last layer; the scale is its side beside the picture's.
    """

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        self.state, self.layers = state, list[list[Any]]()
        self.channels, self.scale = 3, Fraction(1)
        self._count, self._border, self._work = 0, Fraction(0), Fraction(0)
        self._used: set[str] = set()

    def add(self, layers: object, *, inside: bool = False) -> None:
        """The layers of the network, or `inside` a residual block. Raises ValueError."""
        if not isinstance(layers, list) or not all(isinstance(one, list) and one and isinstance(one[0], str) for one in layers):
            raise ValueError("it is no list of layers")
        for one in layers:
            self._count += 1
            if self._count > MOST:
                raise ValueError(f"it has more than {MOST} layers")
            self._add(one, inside)
            if self.scale > 1:
                raise ValueError(f"behind layer {self._count} its map is {float(self.scale):g} times as large as the picture")
            if self.channels > MOST_CHANNELS or self.channels * self.scale**2 > MOST_A_PIXEL:
                raise ValueError(f"behind layer {self._count} there are {self.channels} channels, more than {MOST_A_PIXEL} numbers for each pixel")
            if self._border > MOST:
                raise ValueError(f"it mirrors borders of {float(self._border):g} pixels in all; at most {MOST} are known")
            if self._work > MOST_WORK:
                raise ValueError(f"it multiplies {float(self._work):,.0f} times for each pixel; at most {MOST_WORK:,} are known")
            if not inside:
                self.layers.append(one)

    def _add(self, told: list[Any], inside: bool) -> None:
        kind, rest = told[0], told[1:]
        if kind in ("conv", "full"):
            self._add_convolution(kind, rest)
        elif kind == "norm":
            place, eps = rest
            self._use(place)
            for end in ("weight", "bias"):
                if self.state[f"layers.{place}.{end}"].shape != (self.channels,):
                    raise ValueError(f"its norm {place} is not of {self.channels} channels")
            if type(eps) not in (int, float) or not 0 < eps <= 1:
                raise ValueError(f"its norm {place} adds {eps!r} to the variance")
        elif kind == "residual":
            if inside:
                raise ValueError("a residual block lies in another")
            shave, block = rest
            _whole(shave, 0, MOST)
            before = self.channels, self.scale
            self.add(block, inside=True)
            if (self.channels, self.scale) != before:
                raise ValueError("a residual block gives another shape than it takes")
        elif kind == "mirror":
            (size,) = rest
            self._border += _whole(size, 0, MOST) / self.scale
        elif kind == "double":
            self.scale *= 2
        elif kind not in ("relu", "tanh"):
            raise ValueError(f"a layer is a {kind[:40]!r}")

    def _add_convolution(self, kind: str, rest: list[Any]) -> None:
        place, stride, pad, *extra = rest
        self._use(place)
        weight, bias = (self.state[f"layers.{place}.{end}"] for end in ("weight", "bias"))
        _whole(stride, 1, 4)
        _whole(pad, 0, MOST)
        if extra:
            _whole(extra[0], 0, stride - 1)
        if weight.ndim != 4 or weight.shape[2] != weight.shape[3] or not weight.numel():
            raise ValueError(f"its convolution {place} has the shape {tuple(weight.shape)}")
        takes, gives = weight.shape[:2] if kind == "full" else (weight.shape[1], weight.shape[0])
        if takes != self.channels or bias.shape != (gives,):
            raise ValueError(f"its convolution {place} takes {takes} channels, and {self.channels} come")
        larger = self.scale if kind == "conv" else self.scale * stride
        self._work += weight.numel() * (larger / stride) ** 2
        self.scale = self.scale / stride if kind == "conv" else larger
        self.channels = int(gives)

    def _use(self, place: object) -> None:
        """Each layer's tensors are its own: a short list of large ones would cost without end."""
        if not isinstance(place, str) or place in self._used:
            raise ValueError(f"two layers have the tensors {str(place)[:40]!r}")
        self._used.add(place)

    def check_end(self) -> None:
        if self.channels != 3 or self.scale != 1 or self.layers[-1:] != [["tanh"]]:
            raise ValueError("its end is no picture of the size that it takes")

    def least(self) -> int:
        """The least side of a picture that all borders fit into, and from which on the result is as large as the picture. Raises ValueError."""
        worked = 0
        for side in range(LEAST, TRIED + LEAST):
            worked = worked + 1 if self._fits(side) else 0
            if worked == LEAST:
                return side - LEAST + 1
        raise ValueError("its borders and blocks fit into no picture")

    def _fits(self, side: int) -> bool:
        try:
            return self._through(self.layers, side) >= side
        except ArithmeticError:
            return False

    def _through(self, layers: list[list[Any]], side: int) -> int:
        """A map's side behind `layers`. Raises ArithmeticError where one does not fit."""
        for kind, *rest in layers:
            if kind in ("conv", "full"):
                kernel, stride, pad, extra = self.state[f"layers.{rest[0]}.weight"].shape[2], rest[1], rest[2], rest[3] if len(rest) > 3 else 0
                if kind == "conv" and side + 2 * pad < kernel:
                    raise ArithmeticError
                side = (side + 2 * pad - kernel) // stride + 1 if kind == "conv" else (side - 1) * stride - 2 * pad + kernel + extra
            elif kind == "residual":
                inner = self._through(rest[1], side)
                if inner != side - 2 * rest[0]:
                    raise ArithmeticError
                side = inner
            elif kind == "mirror":
                if rest[0] >= side:
                    raise ArithmeticError
                side += 2 * rest[0]
            elif kind == "double":
                side *= 2
            if side < 1:
                raise ArithmeticError
        return side


def _whole(value: Any, low: int, high: int) -> int:
    if type(value) is not int or not low <= value <= high:
        raise ValueError(f"{str(value)[:40]} stands where a whole number from {low} to {high} belongs")
    return value


def _made(told: list[Any], state: Mapping[str, Tensor]) -> nn.Module:
    kind, *rest = told
    if kind in ("conv", "full"):
        return _convolution(kind, state[f"layers.{rest[0]}.weight"], state[f"layers.{rest[0]}.bias"], *rest[1:])
    if kind == "norm":
        norm = nn.InstanceNorm2d(len(state[f"layers.{rest[0]}.weight"]), eps=float(rest[1]), affine=True)
        norm.load_state_dict({end: state[f"layers.{rest[0]}.{end}"] for end in ("weight", "bias")})
        return norm
    if kind == "residual":
        return Residual(nn.Sequential(*(_made(one, state) for one in rest[1])), rest[0])
    if kind == "mirror":
        return nn.ReflectionPad2d(rest[0])
    if kind == "double":
        return nn.Upsample(scale_factor=2, mode="nearest")
    return nn.ReLU() if kind == "relu" else nn.Tanh()


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
    except (ValueError, RecursionError):
        found = None
    return found if isinstance(found, dict) else None


def load(path: Path, said: Mapping[str, Any]) -> nn.Sequential:
    """The network of `path`, of which it says `said`, for (1, 3, H, W) sRGB in [0, 1], giving the same. Raises BadInput for another network."""
    net, most = build(said.get("layers", []), checkpoint.read(path), path.name), said.get("most", 0)
    if type(most) not in (int, float) or not 0 < most <= 1000:
        raise BadInput(f"{path.name}: the range of its result is {most!r}, and a number of about 150 is meant", code="weights.other_net")
    into = Ranged(255.0, [-one for one in MEAN], reverse=True)
    back = Ranged(most / 255, [one / 255 for one in reversed(MEAN)], reverse=True)
    whole = nn.Sequential(into, net, back)
    whole.least = net.least
    return whole.eval().requires_grad_(False)

"""A residual of three 3 × 3 convolutions with few channels between, rectified but for the last, under mirrored borders: line by line, (H, C, W).

With 4 channels, three quarters of what PyTorch's kernels do is padding. On lines the lanes of a processor are the pixels of a row, so none is idle; and as each
row runs through all three convolutions while its neighbours are in the cache, nothing between them goes through the memory.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn

from huafang.ops.compiled import Array, rows

ZERO = np.float32(0)
PAIR = 2
"""Channels made at a time: the weights of two from one are as many as the registers hold."""


@dataclass(frozen=True)
class Taps:
    """A convolution's weights, (K / 2, C, 2, 9), and biases, (K,)."""

    weight: Array
    bias: Array

    @classmethod
    def of(cls, module: nn.Conv2d) -> "Taps":
        """Of a 3 × 3 convolution to an even number of channels."""
        weight = module.weight.detach()
        assert module.bias is not None, "the convolutions of our networks"
        pairs = weight.reshape(len(weight) // PAIR, PAIR, weight.shape[1], 9).transpose(1, 2).contiguous()
        return cls(pairs.numpy(), module.bias.detach().numpy())


def add(half: Tensor, other: Tensor, convolutions: tuple[Taps, Taps, Taps], sign: int, first: int, last: int) -> None:
    """half += sign · F(other) in the rows `first` to `last`, in place.

    Both are (1, C, H, W) float32 on the CPU, their memory being (H, C, W), with sides from 2.
    """
    one, two, three = convolutions
    taps = (one.weight, one.bias, two.weight, two.bias, three.weight, three.bias)
    _added(half[0].transpose(0, 1).numpy(), other[0].transpose(0, 1).numpy(), *taps, np.float32(sign), first, last)


@rows
def _added(
    half: Array,
    other: Array,
    weight1: Array,
    bias1: Array,
    weight2: Array,
    bias2: Array,
    weight3: Array,
    bias3: Array,
    sign: np.float32,
    first: int,
    last: int,
) -> None:
    """The convolutions follow each other at a row's distance. Of their inputs three rows are kept, row y in place y % 3."""
    height, channels, width = other.shape
    wide = np.empty((channels, 3, width + 2), np.float32)
    thin = np.empty((len(bias1), 3, width + 2), np.float32)
    thin2 = np.empty((len(bias2), 3, width + 2), np.float32)
    lines = np.empty((2, width), np.float32)
    known = max(0, first - 3)
    for y in range(first - 2, last + 2):
        if 0 <= y < height:
            while known < min(height, y + 2):
                for c in range(channels):
                    line = wide[c, known % 3]
                    for x in range(width):
                        line[x + 1] = other[known, c, x]
                    _mirrored(line)
                known += 1
            _rectified(wide, y, height, weight1, bias1, lines, thin)
        if max(0, first - 1) <= y - 1 < min(height, last + 1):
            _rectified(thin, y - 1, height, weight2, bias2, lines, thin2)
        if first <= y - 2:
            for pair in range(len(weight3)):
                _pair(thin2, y - 2, height, weight3[pair], bias3[2 * pair], bias3[2 * pair + 1], lines)
                for k in range(2):
                    line, made = half[y - 2, 2 * pair + k], lines[k]
                    for x in range(width):
                        line[x] += sign * made[x]


@rows
def _rectified(source: Array, y: int, height: int, weight: Array, bias: Array, lines: Array, out: Array) -> None:
    """Row y of a convolution, rectified, with a mirrored pixel at both ends."""
    for pair in range(len(weight)):
        _pair(source, y, height, weight[pair], bias[2 * pair], bias[2 * pair + 1], lines)
        for k in range(2):
            line, made = out[2 * pair + k, y % 3], lines[k]
            for x in range(len(made)):
                line[x + 1] = max(made[x], ZERO)
            _mirrored(line)


@rows
def _mirrored(line: npt.NDArray[np.float32]) -> None:
    line[0], line[-1] = line[2], line[-3]


@rows
def _pair(source: Array, y: int, height: int, weight: Array, bias: np.float32, bias2: np.float32, lines: Array) -> None:
    """Row y of two channels of a convolution, (2, W), from the three rows of (C, 3, W + 2) around it; `weight` is (C, 2, 9)."""
    one, two = lines[0], lines[1]
    above = y - 1 if y > 0 else y + 1
    below = y + 1 if y < height - 1 else y - 1
    for x in range(len(one)):
        one[x] = bias
        two[x] = bias2
    for c in range(len(source)):
        a, b, d = source[c, above % 3], source[c, y % 3], source[c, below % 3]
        p, q = weight[c, 0], weight[c, 1]
        p0, p1, p2, p3, p4, p5, p6, p7, p8 = p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7], p[8]
        q0, q1, q2, q3, q4, q5, q6, q7, q8 = q[0], q[1], q[2], q[3], q[4], q[5], q[6], q[7], q[8]
        for x in range(len(one)):
            a0, a1, a2, b0, b1, b2, d0, d1, d2 = a[x], a[x + 1], a[x + 2], b[x], b[x + 1], b[x + 2], d[x], d[x + 1], d[x + 2]
            one[x] += p0 * a0 + p1 * a1 + p2 * a2 + p3 * b0 + p4 * b1 + p5 * b2 + p6 * d0 + p7 * d1 + p8 * d2
            two[x] += q0 * a0 + q1 * a1 + q2 * a2 + q3 * b0 + q4 * b1 + q5 * b2 + q6 * d0 + q7 * d1 + q8 * d2

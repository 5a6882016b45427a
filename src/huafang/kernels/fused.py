"""What lies between two convolutions, in one pass over the memory: sums of channels; and norm, rectifier, mirrored border and rounding together.

Maps are (H, W, C) here: channels last, one picture. They are float32, or the bits of bfloat16 as uint16, which is the upper half of a float32's.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from huafang.ops.jit import leave, real, rows

Bits = npt.NDArray[np.float32] | npt.NDArray[np.uint16]


@rows
def sums(pixels: Bits, middle: npt.NDArray[np.float32], total: npt.NDArray[np.float64], squares: npt.NDArray[np.float64]) -> None:
    """Adds Σ (x - middle) and Σ (x - middle)² of each channel of (N, C) to `total` and `squares`: in float32 over 256 pixels, in float64 above."""
    count, channels = pixels.shape
    part, part2 = np.zeros(channels, np.float32), np.zeros(channels, np.float32)
    for first in range(0, count, 256):
        part[:] = 0
        part2[:] = 0
        for n in range(first, min(count, first + 256)):
            given = pixels[n]
            for c in range(channels):
                apart = real(given[c]) - middle[c]
                part[c] += apart
                part2[c] += apart * apart
        for c in range(channels):
            total[c] += part[c]
            squares[c] += part2[c]


@rows
def settled(
    source: Bits, places: npt.NDArray[np.int64], left: int, right: int, scale: npt.NDArray[np.float32], shift: npt.NDArray[np.float32], slope: float, out: Bits
) -> None:
    """out[., y, left + x] = rectified(source[places[y], x] · scale + shift), its columns mirrored at both ends, and zeros in the columns behind.

    `source` (H, W, C), `places` (H',); `out` (n, H', at least (left + W + right) / n, C), column x being out[x % n, :, x // n]. rectified(v) is v above 0 and
    slope · v below: slope 1 leaves it as it is.
    """
    width, channels, apart = source.shape[1], source.shape[2], out.shape[0]
    steep = np.float32(slope)
    for y in range(len(places)):
        row = places[y]
        part, place = left % apart, left // apart
        for x in range(width):
            given, made = source[row, x], out[part, y, place]
            for c in range(channels):
                v = real(given[c]) * scale[c] + shift[c]
                leave(made, c, max(v, np.float32(0)) + steep * min(v, np.float32(0)))
            part += 1
            if part == apart:
                part, place = 0, place + 1
        for x in range(left):
            column, other = left - 1 - x, left + 1 + x
            out[column % apart, y, column // apart] = out[other % apart, y, other // apart]
        for x in range(right):
            column, other = left + width + x, left + width - 2 - x
            out[column % apart, y, column // apart] = out[other % apart, y, other // apart]
        for column in range(left + width + right, apart * out.shape[2]):
            out[column % apart, y, column // apart] = 0


@rows
def added(half: npt.NDArray[np.float32], made: Bits, sign: float) -> None:
    """half += sign · made, of (N,) each."""
    factor = np.float32(sign)
    for k in range(len(half)):
        half[k] += factor * real(made[k])


@rows
def summed(one: Bits, other: Bits, out: Bits) -> None:
    """out = one + other, of (N,) each: torch is slow at adding two kinds."""
    for k in range(len(out)):
        leave(out, k, real(one[k]) + real(other[k]))


def filled(place: Tensor | None, height: int, width: int, channels: int, dtype: torch.dtype) -> tuple[Tensor, Any]:
    """A tensor (1, C, H, W) with channels last to be filled, `place` if that is one of this dtype and a new one if not; and as the array of its numbers."""
    if place is None or place.dtype != dtype:
        place = torch.empty(1, height, width, channels, dtype=dtype).permute(0, 3, 1, 2)
    return place, numbers(place.permute(0, 2, 3, 1)[0])


def numbers(tensor: Tensor) -> Any:
    """A CPU tensor, float32 or bfloat16, as the array that the passes take (`Bits`, of one kind or the other): the same memory."""
    return (tensor.view(torch.uint16) if tensor.dtype == torch.bfloat16 else tensor).numpy()

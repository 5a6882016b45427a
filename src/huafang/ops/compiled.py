"""Loops over pixels that tensors say badly (a window that differs from pixel to pixel), compiled by numba. Import it on the run side only."""

from collections.abc import Callable
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from numba import njit, types
from numba.extending import overload

Array = npt.NDArray[np.float32]
Real = float | np.float32
F = TypeVar("F", bound=Callable[..., object])

EXACT_ENOUGH = {"contract", "reassoc", "nsz", "arcp"}
"""The liberties of fast maths that keep NaN and infinity true. The order of a sum is settled when the loop is compiled, so runs repeat bit for bit."""


def rows(loop: F) -> F:
    """Compile a pass over the rows `first` to `last` of a picture, which lets other threads run meanwhile.

    A row is written by its own pass alone, so any number of threads, each with rows of its own, makes the same picture.
    """
    return njit(cache=True, nogil=True, fastmath=EXACT_ENOUGH)(loop)  # type: ignore[no-any-return]  # numba is untyped


def inline(function: F) -> F:
    """Compile a helper that passes call per pixel."""
    return njit(cache=True, fastmath=EXACT_ENOUGH)(function)  # type: ignore[no-any-return]  # as above


def within(loop: F) -> F:
    """Compile a pass that other passes call, into each of them.

    Left to itself, the compiler may keep one in a place of its own. Then the process that compiled it runs that one, and a later process, which has its callers
    from the cache, another one that came with them: both are right, and their last bits differ.
    """
    return njit(cache=True, nogil=True, fastmath=EXACT_ENOUGH, forceinline=True)(loop)  # type: ignore[no-any-return]  # numba is untyped


SIXTEEN, HALF, ONE = np.uint32(16), np.uint32(0x7FFF), np.uint32(1)


def real(number: Real | np.uint16) -> np.float32:
    """Within a pass: a number of a map, which is a float32 or the bits of a bfloat16, the upper half of a float32's. `_real` says how it is compiled."""
    raise NotImplementedError("passes alone have it")  # where Python itself would run it: a pass that is not compiled is a slip


@overload(real)
def _real(number):  # type: ignore[no-untyped-def]  # numba wants no types here
    if isinstance(number, types.Integer):
        return lambda number: np.uint32(np.uint32(number) << SIXTEEN).view(np.float32)
    return lambda number: np.float32(number)


def leave(row: Array | npt.NDArray[np.uint16], place: int, number: Real) -> None:
    """Within a pass: `number`, rounded to what the row is made of, at a place of it. `_leave` says how it is compiled."""
    raise NotImplementedError("passes alone have it")  # as above


@overload(leave)
def _leave(row, place, number):  # type: ignore[no-untyped-def]  # as above
    if isinstance(row.dtype, types.Integer):

        def rounded(row, place, number):  # type: ignore[no-untyped-def]
            bits = np.float32(number).view(np.uint32)
            row[place] = np.uint16(np.uint32(bits + HALF + ((bits >> SIXTEEN) & ONE)) >> SIXTEEN)  # halves to even

        return rounded

    def kept(row, place, number):  # type: ignore[no-untyped-def]
        row[place] = number

    return kept


def give(row: Array | npt.NDArray[np.uint16], place: int, number: Real, sign: Real | None) -> None:
    """Within a pass: `leave`; or, with a sign, `number` times that added to what is there, a float32. Told apart as it is compiled: `_give` says how."""
    raise NotImplementedError("passes alone have it")  # as above


@overload(give)
def _give(row, place, number, sign):  # type: ignore[no-untyped-def]  # as above
    if isinstance(sign, types.NoneType):
        return lambda row, place, number, sign: leave(row, place, number)

    def added(row, place, number, sign):  # type: ignore[no-untyped-def]  # as above
        row[place] += sign * number

    return added


@inline
def bilinear(plane: Array, y: Real, x: Real) -> Real:
    """`plane` (h, w) at a place between pixels; the border is repeated outward."""
    y = min(max(y, np.float32(0)), np.float32(plane.shape[0] - 1))
    x = min(max(x, np.float32(0)), np.float32(plane.shape[1] - 1))
    whole_y, whole_x = np.int32(y), np.int32(x)
    # Without a sign, numba has no index from the end to look out for.
    top, left = np.uint64(whole_y), np.uint64(whole_x)
    low, right = min(top + np.uint64(1), np.uint64(plane.shape[0] - 1)), min(left + np.uint64(1), np.uint64(plane.shape[1] - 1))
    fy, fx = y - np.float32(whole_y), x - np.float32(whole_x)
    above = plane[top, left] + fx * (plane[top, right] - plane[top, left])
    below = plane[low, left] + fx * (plane[low, right] - plane[low, left])
    value: Real = above + fy * (below - above)
    return value

"""Loops over pixels that tensors say badly (a window that differs from pixel to pixel), compiled by numba. Import it on the run side only.

Two rules hold for every compiled function of the package:

- It is made by a decorator of this module, which caches its machine code outside of the package (`compilation.cache_folder`).
- One that other compiled functions call is forced inline into them (`inline`). Otherwise the first run may give other last bits than later ones: in the
  process that compiles, a call goes to the function's own machine code; in one that loads its caller from the cache, to a copy that was optimised together
  with the caller, with other rounding where fast maths is allowed.
"""

import contextlib
import functools
import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from numba import njit, types
from numba.core import config, event
from numba.core.caching import NullCache
from numba.core.dispatcher import Dispatcher
from numba.extending import overload

from huafang import compilation

Array = npt.NDArray[np.float32]
Real = float | np.float32
F = TypeVar("F", bound=Callable[..., object])

EXACT_ENOUGH = {"contract", "reassoc", "nsz", "arcp"}
"""The liberties of fast maths that keep NaN and infinity true. The order of a sum is settled when the loop is compiled, so runs repeat bit for bit."""


class _Listener(event.Listener):  # type: ignore[misc]  # numba is untyped
    """Tells `compilation` when one of our functions is compiled; loading one from the cache is no such event."""

    def on_start(self, event: Any) -> None:
        if self._is_ours(event):
            compilation.clock.start()

    def on_end(self, event: Any) -> None:
        if self._is_ours(event):
            compilation.clock.end()

    @staticmethod
    def _is_ours(event: Any) -> bool:
        return str(event.data["dispatcher"].py_func.__module__).startswith("huafang.")


event.register("numba:compile", _Listener())


class _Cache:
    """numba's cache of one function, in which a damaged file counts as none, and a full disk is no reason to fail."""

    def __init__(self, cache: Any) -> None:
        self._cache = cache

    def load_overload(self, signature: Any, target: Any) -> Any:
        with contextlib.suppress(Exception):  # unpickling a file that is cut short or damaged may raise anything at all
            return self._cache.load_overload(signature, target)
        with contextlib.suppress(OSError):
            self._cache.flush()
        return None

    def save_overload(self, signature: Any, result: Any) -> None:
        with contextlib.suppress(Exception):  # as above, and the disk may be full: the code is in memory all the same
            self._cache.save_overload(signature, result)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cache, name)


def _compiled(function: F, **options: Any) -> F:
    """`function` compiled when it is called, its code cached outside of the package, or nowhere if no folder can be written."""
    made: Any = njit(**options)(function)
    folder = _cache_folder(function)
    if folder is not None and hasattr(made, "enable_caching"):  # NUMBA_DISABLE_JIT leaves it as it is
        before = config.CACHE_DIR
        config.CACHE_DIR = str(folder)  # read while caching is enabled, and for this function alone
        try:
            made.enable_caching()
        finally:
            config.CACHE_DIR = before
        is_ours = Path(made._cache.cache_path).is_relative_to(folder)  # numba can be told by its environment to choose another one
        made._cache = _Cache(made._cache) if is_ours else NullCache()
    return made  # type: ignore[no-any-return]  # as above


def _cache_folder(function: Callable[..., object]) -> Path | None:
    """Where the code of `function` is cached.

    numba compiles anew when the function's own file has changed. Code of other files that is inlined into it counts too: the folder is named for that.
    """
    home = compilation.cache_folder()
    if home is None:
        return None
    folder = home / _digest(sorted(_files_inlined(function) - {function.__code__.co_filename}))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder


def _files_inlined(function: Callable[..., object]) -> set[str]:
    """Files of this module and of the compiled functions that `function` names."""
    names = [function.__globals__.get(name) for name in function.__code__.co_names] + [cell.cell_contents for cell in function.__closure__ or ()]
    called = [one.py_func for one in names if isinstance(one, Dispatcher)]
    return {__file__, *(file for one in called for file in {one.__code__.co_filename, *_files_inlined(one)})}


def _digest(files: Iterable[str]) -> str:
    return hashlib.sha256("".join(map(_digest_of, files)).encode()).hexdigest()[:16]


@functools.cache
def _digest_of(file: str) -> str:
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()


def rows(loop: F) -> F:
    """Compile a pass over the rows `first` to `last` of a picture, which lets other threads run meanwhile. It is called from Python alone.

    A row is written by its own pass alone, so any number of threads, each with rows of its own, makes the same picture.
    """
    return _compiled(loop, nogil=True, fastmath=EXACT_ENOUGH)


def exact(loop: F) -> F:
    """As `rows`, without fast maths."""
    return _compiled(loop, nogil=True)


def inline(function: F) -> F:
    """Compile a function that compiled functions call, into each of them."""
    return _compiled(function, nogil=True, fastmath=EXACT_ENOUGH, forceinline=True)


def exact_inline(function: F) -> F:
    """As `inline`, without fast maths of its own."""
    return _compiled(function, nogil=True, forceinline=True)


INLINED = {"forceinline": True}
SIXTEEN, HALF, ONE = np.uint32(16), np.uint32(0x7FFF), np.uint32(1)


def real(number: Real | np.uint16) -> np.float32:
    """Within a pass: a number of a map, which is a float32 or the bits of a bfloat16, the upper half of a float32's. `_real` says how it is compiled."""
    raise NotImplementedError("passes alone have it")  # where Python itself would run it: a pass that is not compiled is a slip


@overload(real, jit_options=INLINED)
def _real(number):  # type: ignore[no-untyped-def]  # numba wants no types here
    if isinstance(number, types.Integer):
        return lambda number: np.uint32(np.uint32(number) << SIXTEEN).view(np.float32)
    return lambda number: np.float32(number)


def leave(row: Array | npt.NDArray[np.uint16], place: int, number: Real) -> None:
    """Within a pass: `number`, rounded to what the row is made of, at a place of it. `_leave` says how it is compiled."""
    raise NotImplementedError("passes alone have it")  # as above


@overload(leave, jit_options=INLINED)
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


@overload(give, jit_options=INLINED)
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

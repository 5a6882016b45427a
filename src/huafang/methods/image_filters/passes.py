"""What every filter works on and reports through: the picture, its small copy and flow, and passes over it in bands of rows."""

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from huafang.context import Context
from huafang.ops import edges

Array = npt.NDArray[np.float32]

BAND, BANDS = 50_000, 100
"""Each thread takes bands of BAND pixels at the least, and about BANDS of them make a large picture: a tenth of a second in the slowest pass."""
PREVIEW = 512
"""Longest side of a preview."""
FLOW_SIGMA = 2.0
"""Blur of the structure tensor, in pixels at 1 megapixel (Kyprianidis, Kang & Döllner 2009)."""


@dataclass(frozen=True)
class Scene:
    """A picture (1, 3, H, W) in [0, 1], and what the filters ask of it."""

    picture: Tensor

    @property
    def height(self) -> int:
        return self.picture.shape[2]

    @property
    def width(self) -> int:
        return self.picture.shape[3]

    @property
    def unit(self) -> float:
        """Pixels in one unit of length: 1 for a picture of one megapixel."""
        return math.sqrt(self.height * self.width / 1e6)

    @property
    def pixels(self) -> Array:
        """(3, H, W), the picture's own memory."""
        return self.picture[0].numpy()

    @cached_property
    def small(self) -> Tensor:
        """(1, 3, h, w) of at most one megapixel: enough for what is smooth anyway."""
        if self.unit <= 1:
            return self.picture
        return F.interpolate(self.picture, size=(max(1, round(self.height / self.unit)), max(1, round(self.width / self.unit))), mode="area")

    @property
    def small_unit(self) -> float:
        return min(1.0, self.unit)

    @cached_property
    def flow(self) -> Array:
        """(3, h, w): edge tangent and anisotropy of the small copy."""
        tensor = edges.structure_tensor(self.small, FLOW_SIGMA * self.small_unit)
        return edges.edge_flow(tensor)[0].contiguous().numpy()

    def empty(self, planes: int) -> Array:
        return np.empty((planes, self.height, self.width), np.float32)


class Passes:
    """Runs `count` passes over a scene on `pool` in bands of rows and reports after each band, so that a cancel is heard within one."""

    def __init__(self, ctx: Context, pool: ThreadPoolExecutor, scene: Scene, count: int) -> None:
        self._ctx = ctx
        self._pool = pool
        self._height = scene.height
        self._rows = max(1, max(BAND, scene.height * scene.width // BANDS) // scene.width)
        self._done = 0
        self.shown: Array = scene.pixels
        """What previews show: (3, H, W) in [0, 1], set by a filter as soon as it has something worth seeing."""
        self.total = count * -(-scene.height // self._rows) + 1

    def run(self, loop: Callable[..., None], *arguments: object) -> None:
        """Call `loop(*arguments, first, last)` for each band of rows. When it ends, with or without an error, no band is at work."""
        bands = [self._pool.submit(loop, *arguments, first, min(first + self._rows, self._height)) for first in range(0, self._height, self._rows)]
        try:
            for band in bands:
                band.result()
                self._done += 1
                self._ctx.step(self._done, self.total, preview=self._preview)
        finally:
            for band in bands:
                band.cancel()
            wait(bands)

    def finish(self, pixels: Tensor) -> None:
        assert self._done == self.total - 1, f"{self._done} bands were run, {self.total - 1} were announced"
        self._ctx.step(self.total, self.total, preview=pixels)

    def _preview(self) -> Tensor:
        every = -(-max(self.shown.shape[1:]) // PREVIEW)
        return torch.from_numpy(self.shown[:, ::every, ::every].copy())[None].clamp(0, 1)

"""Scenes in a medium, painted by the studio's own filters."""

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from huafang import methods
from huafang.assets import Assets
from huafang.context import Easel
from huafang.models.store import ModelStore
from huafang.places import places
from huafang.scenes.facts import Medium

SETTINGS: dict[Medium, tuple[str, dict[str, Any]]] = {
    "oil": ("stroke_rendering", {"look": "impressionist", "radii": [30.0, 14.0, 9.0], "impasto": 0.5}),
    "watercolour": ("image_filters", {"filter": "watercolour", "radius": 12.0, "darkening": 0.8}),
    "ink": ("image_filters", {"filter": "ink", "phi": 3.0, "sigma": 1.6}),
    "line": ("image_filters", {"filter": "ink", "epsilon": 0.0, "p": 40.0, "sigma": 1.8}),
}
"""The method and its settings that read as the medium at 128 pixels."""
TINTS: dict[Medium, float] = {"ink": 0.35, "line": 0.3}
"""How much of the scene's colours the paper takes on, so that the hour still shows."""
BLOCKS = 64
"""Pixel art has so many blocks a side, or somewhat more; fewer in a picture of less than 128 pixels."""


def paint(pixels: NDArray[np.float32], medium: Medium, seed: int) -> NDArray[np.float32]:
    """(H, W, 3) in [0, 1] -> the same scene in `medium`."""
    if medium == "pixel":
        return _pixels(pixels)
    picture = torch.from_numpy(pixels).permute(2, 0, 1)[None].contiguous()
    method, settings = SETTINGS[medium]
    params = methods.build(method, {"content": "0" * 64, "seed": seed % 2**32, **settings})
    here = places()
    painted = methods.run(params, Easel(Assets(here.assets), ModelStore(here.models), picture)).images[0]
    if medium in TINTS:
        painted = painted * (1 + (picture - 1) * TINTS[medium])
    whole: NDArray[np.float32] = painted[0].permute(1, 2, 0).contiguous().numpy()
    return whole


def _pixels(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Square blocks of one colour, and few colours."""
    side = 2 ** max(1, int(math.log2(pixels.shape[0] / BLOCKS)))  # it divides every size that is trained at
    count = pixels.shape[0] // side
    blocks = pixels.reshape(count, side, count, side, 3).mean(axis=(1, 3))
    few = np.round(blocks * 9) / 9
    return np.repeat(np.repeat(few, side, 0), side, 1).astype(np.float32)

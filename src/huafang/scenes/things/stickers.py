"""The pictures of things, rendered once by `tools/emoji_data.py` and read from a memory-mapped array."""

import json
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from huafang.errors import BadInput

Style = Literal["noto", "noto-v1", "flat", "gradient", "3d", "line", "twemoji", "emojitwo"]
STYLES: tuple[Style, ...] = get_args(Style)
MARGIN = 8
"""Transparent pixels around each rendered picture, so that it can be resampled at any position."""


@dataclass(frozen=True)
class Set:
    """A package of pictures. `trained`: whether its licence allows that a model trained on it is shipped under another licence."""

    style: str
    package: str
    version: str
    licence: str
    kind: Literal["iconify", "webp", "svg"] = "iconify"
    folder: str = ""
    trained: bool = True


SETS: tuple[Set, ...] = (
    Set("noto", "@iconify-json/noto", "1.2.9", "Apache-2.0"),
    Set("noto-v1", "@iconify-json/noto-v1", "1.2.5", "Apache-2.0"),
    Set("flat", "@iconify-json/fluent-emoji-flat", "1.2.6", "MIT"),
    Set("gradient", "@iconify-json/fluent-emoji", "1.2.7", "MIT"),
    Set("3d", "@lobehub/fluent-emoji-3d", "1.1.0", "MIT", "webp", "assets"),
    Set("line", "@iconify-json/fluent-emoji-high-contrast", "1.2.6", "MIT"),
    Set("twemoji", "@iconify-json/twemoji", "1.2.5", "CC-BY-4.0"),
    Set("emojitwo", "@iconify-json/emojione", "1.2.3", "CC-BY-4.0"),
    Set("openmoji", "openmoji", "17.0.0", "CC-BY-SA-4.0", "svg", "color/svg", trained=False),
    Set("openmoji-line", "openmoji", "17.0.0", "CC-BY-SA-4.0", "svg", "black/svg", trained=False),
)


@dataclass(frozen=True)
class Sticker:
    """`pixels` are (side, side, 4) uint8, premultiplied; `box` is left, top, right, bottom of what is seen, in pixels."""

    pixels: NDArray[np.uint8]
    box: tuple[int, int, int, int]

    @property
    def aspect(self) -> float:
        """Width over height of what is seen."""
        left, top, right, bottom = self.box
        return (right - left) / (bottom - top)

    def placed(self, x: float, foot: float, height: float, size: int) -> tuple[NDArray[np.float32], int, int] | None:
        """Resampled for a canvas of `size` pixels: what is seen stands with the middle of its lower edge at (x, foot) and is `height` high, all in units of
        the canvas. Gives (h, w, 4) premultiplied in [0, 1] with its top and left pixel, or None outside the canvas."""
        left, top, right, bottom = self.box
        scale = height * size / (bottom - top)  # canvas pixels of one picture pixel
        origin_x, origin_y = x * size - (left + right) / 2 * scale, foot * size - bottom * scale
        first_x, first_y = max(0, int(np.ceil(origin_x + 0.01))), max(0, int(np.ceil(origin_y + 0.01)))
        side = self.pixels.shape[0]
        last_x, last_y = min(size, int(origin_x + side * scale - 0.01)), min(size, int(origin_y + side * scale - 0.01))
        if last_x <= first_x or last_y <= first_y:
            return None
        window = ((first_x - origin_x) / scale, (first_y - origin_y) / scale, (last_x - origin_x) / scale, (last_y - origin_y) / scale)
        picture = Image.frombytes("RGBa", (side, side), self.pixels.tobytes())
        wide, high = last_x - first_x, last_y - first_y
        small = picture.resize((wide, high), Image.Resampling.BICUBIC if scale > 1 else Image.Resampling.HAMMING, box=window)
        drawn = np.frombuffer(small.tobytes(), np.uint8).reshape(high, wide, 4).astype(np.float32) / np.float32(255)
        return drawn, first_y, first_x


@dataclass(frozen=True, eq=False)
class Stickers:
    """All rendered pictures, by style and code point."""

    array: NDArray[np.uint8]
    rows: dict[tuple[str, str], tuple[int, tuple[int, int, int, int]]] = field(repr=False)

    def __contains__(self, key: tuple[str, str]) -> bool:
        return key in self.rows

    def get(self, style: str, code: str) -> Sticker:
        place, box = self.rows[style, code]
        return Sticker(self.array[place], box)


@lru_cache(maxsize=4)
def load(folder: Path, side: int = 160, title: str = "stickers") -> Stickers:
    """The pictures that `make emoji-data` has left in `folder`. Raises BadInput where it has not run."""
    place = folder / f"{title}-{side}.npy"
    if not place.is_file():
        raise BadInput(f"the pictures of things are not there: {place}", code="data.missing", hint="run `make emoji-data` in the source folder first")
    index = json.loads(place.with_suffix(".json").read_text("utf-8"))
    rows = {(row["style"], row["code"]): (number, tuple(row["box"])) for number, row in enumerate(index["rows"])}
    return Stickers(np.load(place, mmap_mode="r", allow_pickle=False), rows)

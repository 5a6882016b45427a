"""Colours that are told by numbers instead of an ICC profile, brought to sRGB: gamma and chromaticities (PNG), code points (PNG, AVIF, films). No torch here.

Code points are those of ITU-T H.273: 9 and 16 are BT.2020 with PQ. HDR (PQ, HLG) is brought into the range of a screen whose white is at 203 cd/m², where
ITU-R BT.2408 puts the white of a page.
"""

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

Point = tuple[float, float]
D65: Point = (0.3127, 0.3290)
SRGB: tuple[Point, ...] = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06), D65)
"""x and y of red, green, blue and white."""
ADOBE: tuple[Point, ...] = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06), D65)
PRIMARIES: dict[int, tuple[Point, ...]] = {
    1: SRGB,
    4: ((0.67, 0.33), (0.21, 0.71), (0.14, 0.08), (0.310, 0.316)),
    5: ((0.64, 0.33), (0.29, 0.60), (0.15, 0.06), D65),
    6: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), D65),
    7: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), D65),
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), D65),
    11: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), (0.314, 0.351)),
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), D65),
}
UNSAID = 2
LIKE_SRGB = (1, 6, 13, 14, 15)
"""Transfers that are shown as sRGB is: the curves of cameras for television are meant for screens of about its gamma."""
PQ, HLG = 16, 18
GAMMAS = {4: 2.2, 5: 2.8, 8: 1.0}
WHITE = 203.0
"""cd/m² of a page's white in HDR (ITU-R BT.2408)."""
PEAK = 1000.0
"""cd/m² of the screen for which HLG's system gamma is 1.2 (ITU-R BT.2100)."""
KNEE = 0.6
"""Up to this share of white HDR keeps its brightness; what is brighter is pressed together below white."""
BAND = 1 << 20
"""Pixels that are converted at a time."""


@dataclass(frozen=True)
class Encoding:
    """How the numbers of a picture stand for colours: `primaries` as SRGB; `transfer` is a code point, or `gamma` is given instead."""

    primaries: tuple[Point, ...] = SRGB
    transfer: int = 13
    gamma: float | None = None

    @property
    def hdr(self) -> bool:
        return self.gamma is None and self.transfer in (PQ, HLG)


def by_code_points(primaries: int, transfer: int) -> Encoding | None:
    """The encoding of two code points, of which "unspecified" is as sRGB's; None where one of them is not known."""
    colours = PRIMARIES.get(1 if primaries == UNSAID else primaries)
    if colours is None:
        return None
    if transfer in GAMMAS:
        return Encoding(colours, gamma=GAMMAS[transfer])
    if transfer in (UNSAID, *LIKE_SRGB):
        return Encoding(colours)
    return Encoding(colours, transfer) if transfer in (PQ, HLG) else None


def is_srgb(encoding: Encoding) -> bool:
    """Whether the colours are sRGB's, or so near that nobody sees it: a gamma of 2.2 is what is written for sRGB."""
    same = all(abs(a - b) < 0.005 for one, other in zip(encoding.primaries, SRGB, strict=True) for a, b in zip(one, other, strict=True))
    return same and (abs(encoding.gamma - 2.2) < 0.06 if encoding.gamma is not None else encoding.transfer in LIKE_SRGB)


def to_srgb(pixels: "Array", encoding: Encoding) -> "Array":
    """(H, W, 3) uint8 or uint16 in `encoding` -> (H, W, 3) uint8 in sRGB. What lies outside sRGB's gamut is clipped."""
    import numpy as np

    assert pixels.ndim == 3, f"{pixels.shape} is no picture"
    assert pixels.shape[2] == 3, f"{pixels.shape} is no picture"
    table = _linear(encoding, np.iinfo(pixels.dtype).max)
    turn = _matrix(encoding.primaries)
    shown = _shown()
    made: Array = np.empty(pixels.shape, np.uint8)
    rows = max(1, BAND // max(1, pixels.shape[1]))
    for first in range(0, pixels.shape[0], rows):
        linear = table[pixels[first : first + rows]]
        if encoding.hdr and encoding.transfer == HLG:
            scene = linear @ np.array([0.2627, 0.6780, 0.0593], np.float32)
            linear = linear * (PEAK / WHITE * np.maximum(scene, 1e-6) ** np.float32(0.2))[..., None]
        linear = np.maximum(linear @ turn.T, 0)
        if encoding.hdr:
            linear = linear * _pressed(linear.max(axis=2))[..., None]
        made[first : first + rows] = shown[(np.minimum(linear, 1) * 65535 + 0.5).astype(np.uint16)]
    return made


def _pressed(brightness: "Array") -> "Array":
    """By how much a pixel is darkened whose largest share of white is `brightness`."""
    import numpy as np

    over = np.maximum(brightness, KNEE) - KNEE
    pressed = KNEE + (1 - KNEE) * (1 - np.exp(-over / (1 - KNEE)))
    ratio: Array = np.where(brightness > KNEE, pressed / np.maximum(brightness, KNEE), 1).astype(np.float32)
    return ratio


@cache
def _linear(encoding: Encoding, largest: int) -> "Array":
    """What each number from 0 to `largest` stands for, as a share of white; of HLG as a share of the scene's peak."""
    import numpy as np

    value = np.arange(largest + 1, dtype=np.float64) / largest
    if encoding.gamma is not None:
        linear = value**encoding.gamma
    elif encoding.transfer == PQ:  # SMPTE ST 2084
        root = value ** (1 / 78.84375)
        linear = 10_000 / WHITE * (np.maximum(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)) ** (1 / 0.1593017578125)
    elif encoding.transfer == HLG:  # ITU-R BT.2100, inverse OETF
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        linear = np.where(value <= 0.5, value**2 / 3, (np.exp((value - c) / a) + b) / 12)
    else:
        linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    return linear.astype(np.float32)


@cache
def _shown() -> "Array":
    """sRGB's number for each of 65536 shares of white."""
    import numpy as np

    linear = np.arange(65536) / 65535
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    encoded_levels: Array = np.rint(encoded * 255).astype(np.uint8)
    return encoded_levels


@cache
def _matrix(primaries: tuple[Point, ...]) -> "Array":
    """Linear RGB of `primaries` -> linear sRGB, white onto white (Bradford)."""
    import numpy as np

    bradford = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
    cones = [bradford @ _xyz(points[3]) for points in (primaries, SRGB)]
    adapted = np.linalg.inv(bradford) @ np.diag(cones[1] / cones[0]) @ bradford
    found: Array = (np.linalg.inv(_to_xyz(SRGB)) @ adapted @ _to_xyz(primaries)).astype(np.float32)
    return found


def _to_xyz(primaries: tuple[Point, ...]) -> "Array":
    import numpy as np

    colours = np.stack([_xyz(point) for point in primaries[:3]], axis=1)
    whole: Array = colours * np.linalg.solve(colours, _xyz(primaries[3]))
    return whole


def _xyz(point: Point) -> "Array":
    import numpy as np

    x, y = point
    point_xyz: Array = np.array([x / y, 1.0, (1 - x - y) / y])
    return point_xyz

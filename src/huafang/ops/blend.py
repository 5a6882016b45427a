"""What every style method does last: the photo's colours kept, and the styled picture laid over the photo by its strength."""

from typing import Literal

import torch
from torch import Tensor

from huafang.errors import overflow
from huafang.ops import colour

KeepColours = Literal["no", "luminance", "histogram"]
PIECE = 1 << 20
"""Pixels that are settled at a time, so that a picture of 40 megapixels needs no second copy of itself."""


def settled(styled: Tensor, photo: Tensor, strength: float, keep_colours: KeepColours) -> Tensor:
    """`styled` and `photo`, (1, 3, H, W) of one size, -> the method's result in [0, 1], written over `styled`.

    `keep_colours` "luminance" takes luminance alone from `styled` (Gatys et al. 2017, "Preserving Color in Neural Artistic Style Transfer", section 3.2);
    "histogram" gives `styled` the photo's mean and covariance (Pitié & Kokaram 2007). `strength` 0 is the photo, 1 the styled picture.
    Raises JobFailed (`model.overflow`) where `styled` holds a NaN or an infinity.
    """
    assert styled.shape == photo.shape, f"{tuple(styled.shape)} was styled from {tuple(photo.shape)}"
    if not all(bool(end.isfinite()) for end in styled.aminmax()):
        raise overflow()
    carry = colour.monge_kantorovich_map(styled.clamp_(0, 1), photo) if keep_colours == "histogram" else None
    rows = max(1, PIECE // photo.shape[3])
    for first in range(0, photo.shape[2], rows):
        here, below = styled[:, :, first : first + rows], photo[:, :, first : first + rows]
        kept = colour.keep_chroma(here, below) if keep_colours == "luminance" else carry(here) if carry else here
        here.copy_(torch.lerp(below, kept.clamp(0, 1), strength))
    return styled

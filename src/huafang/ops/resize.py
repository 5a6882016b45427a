"""Making pictures smaller, and thin ones wide enough to be worked on. Pictures are (B, C, H, W) in [0, 1]."""

import torch.nn.functional as F
from torch import Tensor

from huafang.notes import Note


def resized(picture: Tensor, height: int, width: int) -> Tensor:
    """(B, C, h, w) in [0, 1] -> (B, C, height, width), bicubic, with the finer detail taken out first when it becomes smaller."""
    if picture.shape[2:] == (height, width):
        return picture
    return F.interpolate(picture, (height, width), mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)


def shrunk(picture: Tensor, size: float) -> Tensor:
    """`picture` with its longest side at `size`, its shape kept; a smaller picture stays as it is."""
    factor = min(1.0, size / max(picture.shape[2:]))
    height, width = (max(1, round(length * factor)) for length in picture.shape[2:])
    return resized(picture, height, width)


def not_enlarged(picture: Tensor, size: int) -> list[Note]:
    """What the user should know of a picture that `shrunk` leaves smaller than the `size` that was asked for."""
    longest = max(picture.shape[2:])
    note = Note(f"the photo's longest side has {longest} pixels: it is not enlarged to {size}", f"照片最长边是 {longest} 像素，不会放大到 {size}。")
    return [note] if longest < size else []


def widened(picture: Tensor, least: int, multiple: int = 1) -> Tensor:
    """`picture` with its border repeated to the right and below until each side has `least` pixels and is a `multiple`."""
    down, right = (max(least, -(-side // multiple) * multiple) - side for side in picture.shape[2:])
    return F.pad(picture, (0, right, 0, down), mode="replicate") if down or right else picture

"""What every measure asks of its pictures, looked at once, at its door."""

import torch
from torch import Tensor

from huafang.errors import BadInput


def picture(pixels: Tensor, name: str = "the picture", *, least: int = 1) -> None:
    """Raises BadInput unless `pixels` is (B, 3, H, W) of finite floats in [0, 1], with sides of at least `least`."""
    if pixels.ndim != 4 or pixels.shape[1] != 3:
        raise BadInput(f"{name} is {tuple(pixels.shape)}; a measure takes (B, 3, H, W)", code="metric.shape")
    if not pixels.is_floating_point():
        raise BadInput(f"{name} holds {str(pixels.dtype).removeprefix('torch.')}; a measure takes floats in [0, 1]: divide bytes by 255", code="metric.range")
    if min(pixels.shape[2:]) < least:
        raise BadInput(f"{name} has {pixels.shape[3]} × {pixels.shape[2]} pixels; this measure needs {least} a side", code="metric.size")
    low, high = (float(bound) for bound in torch.aminmax(pixels))
    if not (low >= 0 and high <= 1):  # so that NaN is refused too
        raise BadInput(f"{name} holds values from {low:g} to {high:g}; a measure takes sRGB in [0, 1]", code="metric.range")


def pair(a: Tensor, b: Tensor, *, least: int = 1) -> None:
    """Raises BadInput unless `a` and `b` are pictures of one shape."""
    picture(a, "the first picture", least=least)
    picture(b, "the second picture", least=least)
    if a.shape != b.shape:
        raise BadInput(f"the pictures differ in shape: {tuple(a.shape)} and {tuple(b.shape)}; bring them to one size first", code="metric.shape")

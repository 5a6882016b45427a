"""From photo to medium: the filters by name, and what they share: small pictures are worked on enlarged, and the result is mixed with the photo."""

import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from huafang.context import Context, Result
from huafang.methods.image_filters import ImageFilters, cartoon, drawing, halftone, wash
from huafang.methods.image_filters.passes import Passes, Scene
from huafang.ops.threads import one_torch_thread

Filter = Callable[[ImageFilters, Scene, Passes], npt.NDArray[np.float32]]

FILTERS: dict[str, tuple[Filter, int]] = {
    "oil": (wash.oil, wash.OIL_PASSES),
    "ink": (drawing.ink, drawing.INK_PASSES),
    "pencil": (drawing.pencil, drawing.PENCIL_PASSES),
    "cartoon": (cartoon.cartoon, cartoon.PASSES),
    "watercolour": (wash.watercolour, wash.WATERCOLOUR_PASSES),
    "halftone": (halftone.halftone, halftone.PASSES),
}
"""Each filter and how many passes it runs over the picture."""
SMALLEST_UNIT, MOST = 0.7, 4
"""A picture whose unit of length is below this many pixels is worked on enlarged, up to MOST times: a line thinner than a pixel has no shape."""


def run(p: ImageFilters, ctx: Context) -> Result:
    """Filters run on the CPU: their windows differ from pixel to pixel, which compiled loops say best. Raises Cancelled."""
    photo = ctx.image(p.content).cpu()
    times = min(MOST, math.ceil(SMALLEST_UNIT / Scene(photo).unit))
    scene = Scene(photo if times <= 1 else F.interpolate(photo, scale_factor=times, mode="bicubic").clamp(0, 1))
    paint, count = FILTERS[p.filter]
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool, one_torch_thread():
        passes = Passes(ctx, pool, scene, count)
        painted = torch.from_numpy(paint(p, scene, passes))[None]
    if times > 1:
        painted = F.avg_pool2d(painted, times)
    pixels = torch.lerp(photo, painted, p.strength).clamp_(0, 1)
    passes.finish(pixels)
    return Result(images=[pixels])

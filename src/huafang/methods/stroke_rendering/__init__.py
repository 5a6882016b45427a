"""Paint a photo anew, stroke by stroke, from broad to fine."""

from typing import Literal

from huafang.params import ImageId, Params


class StrokeRendering(Params):
    family = "paint"

    method: Literal["stroke_rendering"] = "stroke_rendering"
    content: ImageId
    """Photo to restyle."""

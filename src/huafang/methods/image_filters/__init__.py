"""Filters that read as a medium: oil, ink, pencil, cartoon, watercolour, halftone."""

from typing import Literal

from huafang.params import ImageId, Params


class ImageFilters(Params):
    family = "filter"

    method: Literal["image_filters"] = "image_filters"
    content: ImageId
    """Photo to restyle."""

"""Optimise a photo's pixels until their texture is the painting's (Gatys et al. 2016)."""

from typing import Literal

from huafang.params import ImageId, Params


class Gatys(Params):
    family = "style"

    method: Literal["gatys"] = "gatys"
    content: ImageId
    """Photo to restyle."""

"""Huafang (画坊): an AI creative image studio.

import huafang
huafang.stylize("photo.jpg", style="painting.jpg", method="gatys", steps=300).save("out.png")
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from huafang.api import Painting, generate, run, stylize

__all__ = ["Painting", "generate", "run", "stylize"]


def __getattr__(name: str) -> Any:
    """Load the API when it is first asked for, so that `import huafang.errors` costs nothing more."""
    if name in __all__:
        from huafang import api

        return getattr(api, name)
    raise AttributeError(f"module 'huafang' has no attribute {name!r}")

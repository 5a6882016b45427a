"""The size at which a photo is drawn anew."""

import math

LONGEST_SIDE = 2048


def fitted(width: int, height: int, longest: int | None, *, own: int, block: int) -> tuple[int, int]:
    """The (width, height) that is drawn for a photo: its shape, sides in whole blocks.

    The longer side is `longest`; None: the area is `own`², with no side above 2048.
    """
    factor = min(math.sqrt(own * own / (width * height)), LONGEST_SIDE / max(width, height)) if longest is None else longest / max(width, height)
    return _blocks(width * factor, block), _blocks(height * factor, block)


def _blocks(side: float, block: int) -> int:
    return max(1, round(side / block)) * block

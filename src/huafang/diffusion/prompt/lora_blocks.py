"""Block weights of LoRAs, as the LoRA Block Weight extension of AUTOMATIC1111's web UI writes them: `<lora:name:1:lbw=OUTALL>`, or numbers. No torch here.

BASE is the text encoders; IN00 …, MID and OUT00 … are the UNet's blocks, numbered as in the original layout of Stable Diffusion.
"""

import re
from collections.abc import Mapping
from typing import Literal

from huafang.errors import nearest

Format = Literal[12, 17, 20, 26]
LISTS: dict[int, tuple[str, ...]] = {
    12: ("BASE", "IN04", "IN05", "IN07", "IN08", "MID", *(f"OUT{block:02}" for block in range(6))),
    17: ("BASE", "IN01", "IN02", "IN04", "IN05", "IN07", "IN08", "MID", *(f"OUT{block:02}" for block in range(3, 12))),
    20: ("BASE", *(f"IN{block:02}" for block in range(9)), "MID", *(f"OUT{block:02}" for block in range(9))),
    26: ("BASE", *(f"IN{block:02}" for block in range(12)), "MID", *(f"OUT{block:02}" for block in range(12))),
}
"""How many numbers there are -> the blocks they are for: LoRA of XL; LoRA of SD 1; LoCon of XL; LoCon of SD 1. Blocks that are not listed weigh 0."""
BLOCKS = LISTS[26]
PRESETS: dict[str, tuple[str, ...]] = {
    "NONE": (),
    "ALL": BLOCKS,
    "INS": ("BASE", *(f"IN{block:02}" for block in range(5))),
    "IND": ("BASE", *(f"IN{block:02}" for block in range(5, 12))),
    "INALL": ("BASE", *(f"IN{block:02}" for block in range(12))),
    "MIDD": ("BASE", *(f"IN{block:02}" for block in range(5, 12)), "MID", *(f"OUT{block:02}" for block in range(7))),
    "OUTD": ("BASE", *(f"OUT{block:02}" for block in range(7))),
    "OUTS": ("BASE", *(f"OUT{block:02}" for block in range(7, 12))),
    "OUTALL": ("BASE", *(f"OUT{block:02}" for block in range(12))),
}
"""Name -> blocks that weigh 1; all others weigh 0. Of the 17 blocks of an SD 1 LoRA they are the extension's own presets."""
STRONGEST = 4.0
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)")

Weights = Mapping[str, float]


def parse(text: str) -> dict[str, float]:
    """Block -> weight, from a preset, a preset with a number behind it (ALL0.5), or 12, 17, 20 or 26 numbers. Raises ValueError."""
    text = text.strip()
    if "," not in text:
        match = re.fullmatch(r"([A-Z]+)(\d*\.?\d+)?", text)
        if not match or match[1] not in PRESETS:
            raise ValueError(f"there are no block weights {text[:60]!r}" + nearest(text.upper(), PRESETS) + "; or 12, 17, 20 or 26 numbers with commas")
        strength = float(match[2]) if match[2] else 1.0
        return _checked({block: strength if block in PRESETS[match[1]] else 0.0 for block in BLOCKS})
    numbers = [part.strip() for part in text.split(",")]
    if len(numbers) not in LISTS:
        raise ValueError(f"{len(numbers)} block weights came; allowed are 12 (LoRA of XL), 17 (LoRA), 20 (LoCon of XL) and 26 (LoCon)")
    if wrong := [number for number in numbers if not _NUMBER.fullmatch(number)]:
        raise ValueError(f"the block weight {wrong[0][:20]!r} is no number: random ones (R, U) and X are not read here")
    return _checked(dict.fromkeys(BLOCKS, 0.0) | dict(zip(LISTS[len(numbers)], map(float, numbers), strict=True)))


def _checked(weights: dict[str, float]) -> dict[str, float]:
    if any(abs(weight) > STRONGEST for weight in weights.values()):
        raise ValueError(f"block weights are {-STRONGEST:g} to {STRONGEST:g}")
    return weights


def block_of(name: str) -> str | None:
    """The block of a module of the UNet by its name in the original layout (`input_blocks.4.1.proj_in`); None for what lies in no block."""
    match = re.match(r"(input_blocks|middle_block|output_blocks)(?:\.(\d+))?", name)
    if not match:
        return None
    return "MID" if match[1] == "middle_block" else f"{'IN' if match[1] == 'input_blocks' else 'OUT'}{int(match[2]):02}"

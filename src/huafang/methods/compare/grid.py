"""The pictures side by side, as one picture: photo, style, and what each method made of them."""

import textwrap
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from huafang import images

CELL = 320
"""Longest side of a picture in the grid, in pixels."""
GAP, CAPTION = 12, 26
COLUMNS = 4
PAPER, INK, SOFT, MOUNT = "#f6f4ef", "#22201c", "#6d675c", "#e4e0d6"


@dataclass(frozen=True)
class Cell:
    """A picture (1, 3, H, W) under its name; or, where there is none, words."""

    name: str
    picture: Tensor | None = None
    said: str = ""


def drawn(cells: list[Cell], height: int, width: int) -> Tensor:
    """(1, 3, H, W) in [0, 1]: the cells in rows of four at most, each as large as a photo of (height, width) scaled to CELL."""
    factor = CELL / max(height, width)
    tall, wide = max(24, round(height * factor)), max(120, round(width * factor))
    columns = len(cells) if len(cells) <= COLUMNS else min((COLUMNS, COLUMNS - 1), key=lambda count: -len(cells) % count)  # the fewest empty places
    rows = -(-len(cells) // columns)
    sheet = Image.new("RGB", (GAP + columns * (wide + GAP), GAP + rows * (tall + CAPTION + GAP)), PAPER)
    pen = ImageDraw.Draw(sheet)
    for place, cell in enumerate(cells):
        left, top = GAP + place % columns * (wide + GAP), GAP + place // columns * (tall + CAPTION + GAP)
        if cell.picture is None:
            pen.rectangle((left, top, left + wide - 1, top + tall - 1), fill=MOUNT)
            _write(pen, cell.said, left + 10, top + 8, wide - 20, tall - 16)
        else:
            picture = images.to_pil(cell.picture)
            scale = min(wide / picture.width, tall / picture.height)
            size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
            fitted = picture.resize(size, Image.Resampling.LANCZOS if scale < 1 else Image.Resampling.BICUBIC)
            sheet.paste(fitted, (left + (wide - fitted.width) // 2, top + (tall - fitted.height) // 2))
        pen.text((left + wide // 2, top + tall + 5), cell.name, fill=INK, font=_font(15), anchor="ma")
    return torch.from_numpy(np.asarray(sheet, np.float32) / 255).permute(2, 0, 1)[None].contiguous()


def _write(pen: ImageDraw.ImageDraw, text: str, left: int, top: int, wide: int, tall: int) -> None:
    """`text` in lines that fit; what does not fit ends in an ellipsis."""
    font, line = _font(13), 17
    lines = textwrap.wrap(text, max(8, int(wide / 6.6))) or [""]
    most_lines = max(1, tall // line)
    if len(lines) > most_lines:
        lines = [*lines[: most_lines - 1], lines[most_lines - 1][:-1] + "…"]
    for number, said in enumerate(lines):
        pen.text((left, top + number * line), said, fill=SOFT, font=font)


def _font(size: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    """Pillow's own face, so that the picture is the same on every machine. It has Latin letters only: names and errors are in those."""
    return ImageFont.load_default(size)

"""The denoising as a film: one frame a step, what the model expects the picture to be at that step."""

import io
from typing import Literal

import torch
import torch.nn.functional as F

from huafang import images
from huafang.context import File

FRAMES_A_SECOND = 10
LONGEST_SIDE = 512
STRIP_FRAMES = 12
"""A strip shows every frame up to so many, and so many evenly chosen ones of a longer film."""
STRIP_HEIGHT = 256
GAP = 4

Kind = Literal["gif", "mp4", "strip"]


def make(kind: Kind, frames: list[torch.Tensor], size: tuple[int, int], name: str) -> File:
    """A film of `frames`, (1, 3, h, w) in [0, 1] each, of a picture of `size` (width, height) pixels."""
    if kind == "strip":
        return File(f"{name}.png", "image/png", images.encode(strip(frames, size)))
    large = [_scaled(frame, _film_size(size)) for frame in frames]
    if kind == "gif":
        return File(f"{name}.gif", "image/gif", _gif(large))
    return File(f"{name}.mp4", "video/mp4", _mp4(large))


def strip(frames: list[torch.Tensor], size: tuple[int, int]) -> torch.Tensor:
    """(1, 3, 256, W): frames side by side with white gaps, the first and the last among them."""
    count = min(len(frames), STRIP_FRAMES)
    chosen = [frames[round(place * (len(frames) - 1) / max(count - 1, 1))] for place in range(count)]
    width = max(1, round(STRIP_HEIGHT * size[0] / size[1]))
    gap = torch.ones(1, 3, STRIP_HEIGHT, GAP)
    row: list[torch.Tensor] = []
    for frame in chosen:
        row += [gap, _scaled(frame, (width, STRIP_HEIGHT))]
    return torch.cat(row[1:], dim=3)


def _film_size(size: tuple[int, int]) -> tuple[int, int]:
    """At most 512 a side, and even, as video wants it."""
    shrink = min(1.0, LONGEST_SIDE / max(size))
    return max(2, round(size[0] * shrink / 2) * 2), max(2, round(size[1] * shrink / 2) * 2)


def _scaled(frame: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    return F.interpolate(frame, size=(size[1], size[0]), mode="bicubic", align_corners=False, antialias=True).clamp(0, 1)


def _gif(frames: list[torch.Tensor]) -> bytes:
    """Plays over and over, its last frame held for two seconds."""
    pictures = [images.to_pil(frame) for frame in frames]
    beat = 1000 // FRAMES_A_SECOND
    out = io.BytesIO()
    pictures[0].save(out, "GIF", save_all=True, append_images=pictures[1:], duration=[beat] * (len(pictures) - 1) + [2000], loop=0)
    return out.getvalue()


def _mp4(frames: list[torch.Tensor]) -> bytes:
    """H.264 in yuv420p, which every browser plays."""
    import av

    height, width = frames[0].shape[2:]
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=FRAMES_A_SECOND, options={"crf": "18", "preset": "medium", "threads": "1"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_image(images.to_pil(frame))))
        container.mux(stream.encode())
    return out.getvalue()

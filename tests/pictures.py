"""Small picture files of every sort, and what comes of them."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from huafang import images
from huafang.errors import BadInput, TooLarge

FORMATS = ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"]


def pixels(height: int = 16, width: int = 24, channels: int = 3) -> np.ndarray:
    """Blocks of random colours, (H, W, C) uint8: even a lossy format keeps their places."""
    return np.kron(np.random.default_rng(3).integers(0, 256, (height // 8, width // 8, channels)), np.ones((8, 8, 1))).astype(np.uint8)


def saved(picture: Image.Image, format: str = "PNG", **options) -> bytes:
    out = io.BytesIO()
    picture.save(out, format, **options)
    return out.getvalue()


def small(format: str = "PNG", **options) -> bytes:
    return saved(Image.fromarray(pixels()), format, **options)


def opened(data: bytes) -> np.ndarray:
    """What is stored of `data`, as an array; nothing of the sender's is in it."""
    came = images.ingest(data)
    with Image.open(io.BytesIO(came.data)) as picture:
        assert picture.format == "PNG"
        assert picture.mode in ("RGB", "RGBA")
        assert picture.size == (came.width, came.height)
        assert not picture.info, "no profile, no EXIF, no text"
        assert not picture.getexif()
        return np.asarray(picture)


def refused(data: bytes, code: str = "image.unreadable") -> BadInput:
    with pytest.raises(BadInput) as caught:
        images.ingest(data)
    assert caught.value.code == code
    assert caught.value.message.isprintable()
    if code == "image.too_large":
        with pytest.raises(TooLarge):  # the header alone says so
            images.probe(data)
    return caught.value


def png(*chunks: tuple[bytes, bytes], width: int = 8, height: int = 8, depth: int = 8, kind: int = 2) -> bytes:
    """A PNG of these chunks after its header."""
    head = (b"IHDR", struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0))
    body = b"".join(struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in (head, *chunks))
    return b"\x89PNG\r\n\x1a\n" + body


BLANK = (b"IDAT", zlib.compress(bytes(8 * (1 + 24))))


END = (b"IEND", b"")

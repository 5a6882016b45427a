"""Bytes <-> pixels, in one place.

Inside the house a picture is a (1, 3, H, W) float32 tensor, sRGB, in [0, 1]. What comes from outside is *ingested* first: checked by its header,
decoded, turned upright, brought to sRGB, and written again as a plain PNG without any of the sender's metadata. Only such bytes are stored,
so nothing hidden in a file (a second file behind the picture, GPS, a script) ever leaves again.

torch is loaded by `decode` and `encode` only; `ingest` and `probe` need none.
"""

import io
import re
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from huafang import metadata as carried
from huafang.errors import BadInput, JobFailed, TooLarge
from huafang.notes import Note

if TYPE_CHECKING:
    import torch
    from PIL import Image

MAX_PIXELS = 40_000_000
MAX_SIDE = 20_000
MIN_SIDE = 8
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
"""Raster formats that are opened (JPEG opens MPO too). Pillow knows 40 more, some of which run programs (EPS) or unpack bombs (FITS): they stay shut."""
READABLE = "PNG, JPEG, WebP, AVIF, GIF, BMP, TIFF"

MAX_SCANS = 100
"""Of a JPEG: ten are usual, and a hundred of 40 megapixels take seconds."""
MAX_SEGMENTS = 5_000
"""Of a JPEG before its end: a large colour profile and the data of a camera are some hundred."""
_MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")
"""A marker of JPEG (ITU-T T.81, table B.1). In a scan's data 0xff is followed by 0, or is one of the markers d0 to d7, which cut it into intervals."""
_BARE = (0x01, 0xD8)
"""Markers that no length follows."""

Format = Literal["png", "jpeg", "webp"]
MEDIA_TYPES: dict[Format, str] = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}


@dataclass(frozen=True)
class Ingested:
    """A picture fit to be stored: PNG bytes, its size in pixels, and what was done that the sender may want to know."""

    data: bytes
    width: int
    height: int
    warnings: tuple[Note, ...] = ()
    text: dict[str, str] = field(default_factory=dict)
    """Text chunks of the sender's file, for reading its parameters back; never stored with the picture."""
    seconds: float | None = None
    """Of a film its length; `data` are then the bytes as they came (`server/decoder.py`)."""


def ingest(data: bytes, *, max_pixels: int = MAX_PIXELS) -> Ingested:
    """Check, decode and re-encode a picture from outside.

    Raises BadInput (`image.unreadable`, `image.not_finite`) or TooLarge (`image.too_large`); the header alone decides the size.
    """
    said: list[Note] = []
    picture = _open(data, max_pixels)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            picture.load()
            text = _text_of(picture)  # only now: reading EXIF loads a PNG, and a fault met there would go unseen
            upright = _upright(picture, said)
            plain = _to_srgb(upright, said)
            out = io.BytesIO()
            plain.save(out, "PNG", compress_level=1)
            if _has_more_frames(picture):
                said.append(Note("only the first of its frames was taken", "只取了它的第一帧。"))
    except BadInput:
        raise
    except Exception as error:  # a decoder fed with hostile bytes may raise anything at all
        raise _unreadable(data, error) from error
    return Ingested(out.getvalue(), plain.width, plain.height, tuple(said), text)


def probe(data: bytes, *, max_pixels: int = MAX_PIXELS) -> tuple[int, int]:
    """Width and height by the header alone. Raises as `ingest` does."""
    picture = _open(data, max_pixels)
    return picture.width, picture.height


def transparent(head: bytes) -> bool:
    """Whether a stored picture that begins with these bytes is transparent somewhere: `ingest` keeps an alpha channel only where it is not full."""
    return head[:8] == b"\x89PNG\r\n\x1a\n" and head[25:26] in (b"\x04", b"\x06")  # the colour types with alpha (PNG specification, 11.2.2)


def decode(data: bytes, *, background: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> "torch.Tensor":
    """Stored bytes -> (1, 3, H, W) float32 in [0, 1]. Transparency is laid on `background` (sRGB).

    Raises BadInput when the bytes are no picture.
    """
    import numpy as np
    import torch

    picture = _open(data, MAX_PIXELS)
    try:
        pixels = np.asarray(picture.convert("RGBA" if picture.mode == "RGBA" else "RGB"), dtype=np.float32) / 255
    except Exception as error:  # as above
        raise _unreadable(data, error) from error
    if pixels.shape[2] == 4:
        alpha = pixels[..., 3:]
        pixels = pixels[..., :3] * alpha + np.asarray(background, np.float32) * (1 - alpha)
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))[None]


def to_pil(pixels: "torch.Tensor") -> "Image.Image":
    """(1, 3, H, W) in [0, 1] -> an 8-bit RGB picture, rounded to nearest. Raises JobFailed (`model.overflow`) for a NaN or an infinity."""
    import torch
    from PIL import Image

    assert tuple(pixels.shape[:-2]) == (1, 3), f"a picture is (1, 3, H, W), this is {tuple(pixels.shape)}"
    if not bool(torch.isfinite(pixels).all()):  # a model of somebody else's may give anything
        raise JobFailed(
            "what came out is no picture: it holds values that are no numbers (NaN or infinity)",
            code="model.overflow",
            hint="take other settings; if a model of your own was used, its weights may be damaged",
        )
    whole = (pixels[0].detach().float().clamp(0, 1) * 255).round().to(torch.uint8)
    return Image.fromarray(whole.permute(1, 2, 0).cpu().contiguous().numpy(), "RGB")


def encode(pixels: "torch.Tensor", format: Format = "png", *, quality: int = 92, metadata: "dict[str, str] | None" = None) -> bytes:
    """(1, 3, H, W) in [0, 1] -> file bytes, with `metadata` in text chunks (PNG) or EXIF (JPEG, WebP)."""
    picture, out = to_pil(pixels), io.BytesIO()
    if format == "png":
        picture.save(out, "PNG", compress_level=4, pnginfo=carried.png_chunks(metadata or {}))
    else:
        exif = carried.exif(metadata or {})
        picture.save(out, format.upper(), quality=quality, exif=exif, **({"method": 4} if format == "webp" else {"subsampling": 0}))
    return out.getvalue()


def thumbnail(data: bytes, side: int) -> bytes:
    """Stored bytes -> a WebP whose longer side is at most `side`. Raises BadInput when the bytes are no picture."""
    from PIL import Image

    opened = _open(data, MAX_PIXELS)
    try:
        picture = opened.convert("RGBA" if data[:4] == b"\x89PNG" else "RGB")
    except Exception as error:  # as above
        raise _unreadable(data, error) from error
    if picture.mode == "RGBA":
        ground = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(ground, picture).convert("RGB")
    picture.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0)
    out = io.BytesIO()
    picture.save(out, "WEBP", quality=82, method=4)
    return out.getvalue()


def _open(data: bytes, max_pixels: int) -> "Image.Image":
    """Open lazily: the header is read, no pixel is."""
    from PIL import Image

    if not data:
        raise BadInput("the picture is empty (0 bytes)", code="image.unreadable")
    if data.startswith(b"\xff\xd8\xff"):
        _check_scans(data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            picture = Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError as error:
        count = re.search(r"\((\d+) pixels\)", str(error))
        size = f"has {int(count[1]) / 1e6:,.0f} megapixels" if count else "is far too large"
        hint = f"at most {max_pixels / 1e6:.0f} megapixels and {MAX_SIDE:,} pixels a side: scale it down first"
        raise TooLarge(f"the picture {size}", code="image.too_large", hint=hint) from error
    except Exception as error:  # a parser fed with hostile bytes may raise anything at all
        raise _unreadable(data, error) from error
    _check_size(picture.width, picture.height, max_pixels)
    return picture


def _has_more_frames(picture: "Image.Image") -> bool:
    """Whether an opened file holds more than one frame; it stands at the second then. They are not counted: a small file can hold millions."""
    try:
        picture.seek(1)
    except Exception:  # the end of the file, or whatever a decoder raises at a damaged second frame, which nobody wants
        return False
    return True


def _check_scans(data: bytes) -> None:
    """Refuse a JPEG that takes very long to decode for its size. Raises BadInput.

    Each scan of a progressive JPEG goes over the whole picture again, however few bytes it has; each segment is read by slow code.
    """
    place, scans = 2, 0
    for _ in range(MAX_SEGMENTS):
        found = _MARKER.search(data, place)
        if found is None or found[1] == b"\xd9":
            return
        scans += found[1] == b"\xda"
        if scans > MAX_SCANS:
            hint = "an ordinary progressive JPEG has about ten; save it again with an image program"
            raise BadInput(f"this JPEG goes over the picture in more than {MAX_SCANS} scans", code="image.unreadable", hint=hint)
        place = found.end() + (int.from_bytes(data[found.end() : found.end() + 2]) if found[1][0] not in _BARE else 0)
    raise BadInput(f"this JPEG has more than {MAX_SEGMENTS:,} segments", code="image.unreadable", hint="save it again with an image program")


def _check_size(width: int, height: int, max_pixels: int) -> None:
    if width * height > max_pixels or max(width, height) > MAX_SIDE:
        raise TooLarge(
            f"the picture is {width} × {height} ({width * height / 1e6:.1f} megapixels)",
            code="image.too_large",
            hint=f"at most {max_pixels / 1e6:.0f} megapixels and {MAX_SIDE:,} pixels a side: scale it down first",
        )
    if min(width, height) < MIN_SIDE:
        raise BadInput(f"the picture is {width} × {height}; each side must have at least {MIN_SIDE} pixels", code="image.too_small")


def _unreadable(data: bytes, error: BaseException) -> BadInput:
    what = looks_like(data)
    hint = f"readable are {READABLE}"
    if what == "a HEIC picture":
        hint += "; save it as JPEG first (on an iPhone: Settings, Camera, Formats, Most Compatible)"
    detail = " ".join(str(error).split()) if not isinstance(error, MemoryError) else "it does not fit in memory"
    if "cannot identify image file" in detail:
        detail = "its format is not known"
    return BadInput(f"this file cannot be read as a picture (it looks like {what}): {detail[:200]}", code="image.unreadable", hint=hint)


def looks_like(data: bytes) -> str:
    """What a file may be that could not be read, by its first bytes."""
    head = data[:32]
    if head[4:8] == b"ftyp" and head[8:12] in (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"):
        return "a HEIC picture"
    if head[4:12] in (b"ftypavif", b"ftypavis"):
        return "an AVIF, perhaps cut short or damaged"
    marks = {b"\x89PNG": "a PNG", b"\xff\xd8\xff": "a JPEG", b"GIF8": "a GIF", b"RIFF": "a WebP", b"BM": "a BMP", b"II*\x00": "a TIFF", b"MM\x00*": "a TIFF"}
    marks |= {b"%PDF": "a PDF", b"%!PS": "PostScript", b"PK\x03\x04": "a ZIP archive", b"<svg": "an SVG", b"<?xml": "XML or SVG", b"8BPS": "a Photoshop file"}
    for mark, name in marks.items():
        if head.lstrip().startswith(mark):
            return name + (", perhaps cut short or damaged" if name in ("a PNG", "a JPEG", "a GIF", "a WebP", "a BMP", "a TIFF") else "")
    return "text" if head.isascii() and head.strip() else "unknown bytes"


def _text_of(picture: "Image.Image") -> dict[str, str]:
    """The texts that `metadata.read` understands."""
    found = carried.known(picture.info)
    try:
        exif = picture.getexif()
        own, comment = exif.get(0x010E), exif.get_ifd(0x8769).get(0x9286)
    except Exception:  # EXIF of a stranger's file: nothing in it is needed
        own, comment = None, None
    if isinstance(own, str) and own.startswith("{") and len(own) < carried.LONGEST:
        found.setdefault(carried.OWN, own)
    if isinstance(comment, bytes) and comment.startswith(b"UNICODE\x00"):
        # either byte order is met; the settings' names are ASCII, so the right one has more of it
        ways = [comment[8 : 8 + carried.LONGEST].decode(order, "replace") for order in ("utf-16-be", "utf-16-le")]
        found[carried.USER_COMMENT] = max(ways, key=lambda words: sum(map(str.isascii, words)))
    return found


def _upright(picture: "Image.Image", said: list[Note]) -> "Image.Image":
    from PIL import ImageOps

    try:
        return ImageOps.exif_transpose(picture) or picture
    except Exception:  # garbage EXIF must not cost the picture
        said.append(Note("its EXIF data is broken, so its orientation is taken as it stands", "EXIF 数据已损坏，方向按原样处理。"))
        return picture


def _to_srgb(picture: "Image.Image", said: list[Note]) -> "Image.Image":
    """Any mode -> RGB or RGBA, 8 bit, sRGB."""
    from PIL import Image

    profile = picture.info.get("icc_profile")
    if picture.mode.startswith("I;16") or picture.mode in ("I", "F"):
        return _deep_grey(picture)
    grey = picture.convert("L") if picture.mode == "LA" else None  # a profile of grey fits grey alone
    if picture.mode in ("P", "PA", "LA", "RGBa") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
    alpha = picture.getchannel("A") if picture.mode == "RGBA" else None
    if alpha is not None and alpha.getextrema() == (255, 255):
        alpha = None
    flat = grey or (picture.convert("RGB") if picture.mode in ("RGBA", "1") else picture)
    out = _by_profile(flat, profile, said) if profile else None
    if out is None and flat.mode == "LAB":
        out = _from_lab(flat)
    if out is None:
        out = flat if flat.mode == "RGB" else flat.convert("RGB")
    if alpha is not None:
        out = out.copy()
        out.putalpha(alpha)
    clean = Image.new(out.mode, out.size)
    clean.paste(out)
    return clean


def _by_profile(picture: "Image.Image", profile: bytes, said: list[Note]) -> "Image.Image | None":
    from PIL import ImageCms

    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        said.append(Note("its colour profile is broken or does not fit, so it is read as sRGB", "颜色配置文件已损坏或不适用，按 sRGB 读取。"))
        return None


def _from_lab(picture: "Image.Image") -> "Image.Image | None":
    from PIL import ImageCms

    return ImageCms.profileToProfile(picture, ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), outputMode="RGB")


def _deep_grey(picture: "Image.Image") -> "Image.Image":
    """16-bit, 32-bit and floating grey -> 8-bit RGB by scaling (Pillow's own convert clips at 255)."""
    import numpy as np
    from PIL import Image

    values = np.asarray(picture, dtype=np.float64)
    if not np.isfinite(values).all():
        raise BadInput("the picture holds values that are no numbers (NaN or infinity)", code="image.not_finite")
    full = 65535 if picture.mode != "F" else 255 if values.max() > 1 else 1
    scaled = values * (255 / full)
    return Image.fromarray(np.clip(np.rint(scaled), 0, 255).astype(np.uint8), "L").convert("RGB")

"""Bytes <-> pixels, in one place.

Inside the house a picture is a (1, 3, H, W) float32 tensor, sRGB, in [0, 1]. What comes from outside is *ingested* first: checked by its header,
decoded, turned upright, brought to sRGB, and written again as a plain PNG without any of the sender's metadata. Only such bytes are stored,
so nothing hidden in a file (a second file behind the picture, GPS, a script) ever leaves again.

torch is loaded by `decode` and `encode` only; `ingest` and `probe` need none.
"""

import contextlib
import io
import re
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from huafang import colourspaces, headers
from huafang import metadata as carried
from huafang.errors import BadInput, HuafangError, JobFailed, OutOfMemory, TooLarge, is_out_of_memory
from huafang.notes import Note

if TYPE_CHECKING:
    import torch
    from PIL import Image

MAX_PIXELS = 40_000_000
"""Of a picture inside the house: some methods hold a dozen copies of it as floating-point numbers, 480 MB each at this size."""
MAX_JPEG_PIXELS = 220_000_000
"""Of a JPEG, which is read at a half, a quarter or an eighth of its size where it has more than MAX_PIXELS: phones take 48, 108 and 200 megapixels."""
MAX_SIDE = 20_000
MIN_SIDE = 8
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
"""Raster formats that are opened (JPEG opens MPO too). Pillow knows 40 more, some of which run programs (EPS) or unpack bombs (FITS): they stay shut."""
READABLE = "PNG, JPEG, WebP, AVIF, GIF, BMP, TIFF"

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


def ingest(data: bytes, *, max_pixels: int = MAX_PIXELS) -> Ingested:
    """Check, decode and re-encode a picture from outside. One that is cut short or damaged is read as far as it goes, and a note says so; a JPEG of more
    than `max_pixels` is scaled down while it is decoded.

    Raises BadInput (`image.unreadable`, `image.unsupported`, `image.not_finite`) or TooLarge (`image.too_large`); the header alone decides the size.
    """
    said: list[Note] = []
    picture = _open(data, max_pixels, said)
    try:
        with _PILLOW:  # nobody else makes it lenient meanwhile
            return _reencoded(data, picture, said)
    except BadInput:
        raise
    except Exception as error:  # a decoder fed with hostile bytes may raise anything at all
        partly = _read_in_part(data, max_pixels)
        if partly is None:
            raise _unreadable(data, error) from error
        return partly


def _reencoded(data: bytes, picture: "Image.Image", said: list[Note]) -> Ingested:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        picture.load()
        text = _text_of(picture)  # only now: reading EXIF loads a PNG, and a fault met there would go unseen
        upright = _upright(picture, said)
        plain = _to_srgb(upright, _colours(data, picture), said)
        out = io.BytesIO()
        plain.save(out, "PNG", compress_level=1)
        if not headers.serves_the_first(data) and _has_more_frames(picture):
            said.append(Note("only the first of its frames was taken", "只取了它的第一帧。"))
    return Ingested(out.getvalue(), plain.width, plain.height, tuple(said), text)


def _read_in_part(data: bytes, max_pixels: int) -> Ingested | None:
    """What can be read of a damaged picture; None where that is nothing."""
    from PIL import ImageFile

    said: list[Note] = []
    try:
        with _switched(ImageFile, LOAD_TRUNCATED_IMAGES=True):
            picture = _open(data, max_pixels, said)
            picture.load()
            share = _share_read(picture)
            if not share:
                return None
            return _reencoded(data, picture, [_cut_short(share), *said])
    except Exception:  # as above
        return None


def _share_read(picture: "Image.Image") -> float:
    """The share of rows that were decoded: those that were not are all of one colour. 0 where all of the picture is; 1 where rows come out of order."""
    import numpy as np

    pixels = np.asarray(picture.convert("RGB"))
    if picture.format == "BMP":  # from the bottom up
        pixels = pixels[::-1]
    decoded = np.flatnonzero((pixels != pixels[-1, -1]).any(axis=(1, 2)))
    if not len(decoded):
        return 0.0
    return 1.0 if picture.info.get("interlace") else float(decoded[-1] + 1) / len(pixels)


def _cut_short(share: float) -> Note:
    if share > 0.995:
        return Note("the file is cut short or damaged: it was read as far as it goes", "文件不完整或已损坏：已读取其中能读的部分。")
    en = f"the file is cut short or damaged: about {share:.0%} of the picture could be read, and the rest is blank"
    return Note(en, f"文件不完整或已损坏：只读出了约 {share:.0%} 的画面，其余部分为空白。")


_PILLOW = threading.RLock()
"""Held while Pillow decodes, and while its switches, which are the whole process's, are changed."""


@contextlib.contextmanager
def _switched(module: Any, **switches: Any) -> Iterator[None]:
    with _PILLOW:
        before = {name: getattr(module, name) for name in switches}
        try:
            for name, value in switches.items():
                setattr(module, name, value)
            yield
        finally:
            for name, value in before.items():
                setattr(module, name, value)


def probe(data: bytes, *, max_pixels: int = MAX_PIXELS) -> tuple[int, int]:
    """Width and height by the header alone, as `ingest` would store them but for a turn. Raises as `ingest` does."""
    picture = _open(data, max_pixels, [])
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

    picture = _open(data, MAX_PIXELS, [])
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

    opened = _open(data, MAX_PIXELS, [])
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


def _open(data: bytes, max_pixels: int, said: list[Note]) -> "Image.Image":
    """Open lazily: the header is read, no pixel is. A JPEG of too many pixels is set to be decoded at a smaller size."""
    if not data:
        raise BadInput("the picture is empty (0 bytes)", code="image.unreadable")
    if headers.is_jpeg(data):
        return _open_jpeg(data, max_pixels, said)
    try:
        picture = _opened(data)
    except Exception as error:  # a parser fed with hostile bytes may raise anything at all
        if too_large := _too_large(error, max_pixels):
            raise too_large from error
        picture = _opened_leniently(data, error)
    _check_size(picture.width, picture.height, max_pixels)
    return picture


def _open_jpeg(data: bytes, max_pixels: int, said: list[Note]) -> "Image.Image":
    from PIL import Image

    frame = headers.jpeg(data)
    if frame:
        _check_size(frame.width, frame.height, MAX_JPEG_PIXELS)
        if frame.unsupported:
            raise _unsupported(frame.unsupported)
    try:
        with _switched(Image, MAX_IMAGE_PIXELS=None):  # the size has been checked, with a limit of our own
            picture = _opened(data)
    except Exception as error:  # as above
        raise _unreadable(data, error) from error
    width, height = picture.size
    _check_size(width, height, MAX_JPEG_PIXELS)
    part = next(part for part in (1, 2, 4, 8) if width * height <= max_pixels * part * part)
    if part > 1:
        picture.draft(None, (width // part, height // part))
        size = f"{width * height / 1e6:.0f} megapixels"
        en = f"the photo has {size}, more than the {max_pixels / 1e6:.0f} that are worked with: it was read at {picture.width} × {picture.height}"
        said.append(
            Note(
                en, f"照片有 {width * height / 1e6:.0f} 百万像素，超过可处理的 {max_pixels / 1e6:.0f} 百万：已缩小为 {picture.width} × {picture.height} 读取。"
            )
        )
    return picture


def _opened(data: bytes) -> "Image.Image":
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Image.open(io.BytesIO(data), formats=FORMATS)


def _opened_leniently(data: bytes, strict: Exception) -> "Image.Image":
    """What could not be opened because of a text that is too long, or a broken chunk, of which nothing is needed."""
    from PIL import ImageFile

    try:
        with _switched(ImageFile, LOAD_TRUNCATED_IMAGES=True):
            return _opened(data)
    except Exception:  # as above
        raise _unreadable(data, strict) from strict


def _too_large(error: Exception, max_pixels: int) -> TooLarge | None:
    """Pillow's own refusal of a size in our words, if it is one."""
    from PIL import Image

    if not isinstance(error, Image.DecompressionBombError):
        return None
    count = re.search(r"\((\d+) pixels\)", str(error))
    size = f"has {int(count[1]) / 1e6:,.0f} megapixels" if count else "is far too large"
    return TooLarge(f"the picture {size}", code="image.too_large", hint=_limits(max_pixels))


def _has_more_frames(picture: "Image.Image") -> bool:
    """Whether an opened file holds more than one frame; it stands at the second then. They are not counted: a small file can hold millions."""
    try:
        picture.seek(1)
    except Exception:  # the end of the file, or whatever a decoder raises at a damaged second frame, which nobody wants
        return False
    return True


def _check_size(width: int, height: int, max_pixels: int) -> None:
    if width * height > max_pixels or max(width, height) > MAX_SIDE:
        raise TooLarge(
            f"the picture is {width} × {height} ({width * height / 1e6:.1f} megapixels)",
            code="image.too_large",
            hint=_limits(max_pixels),
        )
    if min(width, height) < MIN_SIDE:
        raise BadInput(f"the picture is {width} × {height}; each side must have at least {MIN_SIDE} pixels", code="image.too_small")


def _limits(max_pixels: int) -> str:
    return f"at most {max_pixels / 1e6:.0f} megapixels and {MAX_SIDE:,} pixels a side: scale it down first"


def _unreadable(data: bytes, error: BaseException) -> HuafangError:
    """What is said of a file that could not be opened or decoded: that memory ran out, that its kind is not read, or else that it may be damaged."""
    if is_out_of_memory(error):
        return OutOfMemory("there was not enough memory to read this picture", hint="scale it down first, or close other programs")
    what, read = headers.looks_like(data)
    if not read and what not in ("text", "unknown bytes"):
        return _unsupported(what)
    if odd := _odd_kind(data):
        return _unsupported(odd)
    detail = " ".join(str(error).split())
    if "cannot identify image file" in detail:
        detail = "its header is broken" if read else "its format is not known"
    said = f"this file cannot be read as a picture (it looks like {looks_like(data)}): {detail[:200]}"
    return BadInput(said, code="image.unreadable", hint=f"readable are {READABLE}")


def _unsupported(what: str) -> BadInput:
    hint = f"readable are {READABLE}"
    if what == "a HEIC picture":
        hint += "; save it as JPEG first (on an iPhone: Settings, Camera, Formats, Most Compatible)"
    why = what if what == "a film" else f"{what}, which is not supported"
    return BadInput(f"this file cannot be read as a picture: it is {why}", code="image.unsupported", hint=hint)


def _odd_kind(data: bytes) -> str | None:
    """What a valid TIFF or BMP is of which Pillow reads no such kind: its reason, which opening by the list of formats does not tell."""
    from PIL import Image

    kind = {b"II": "TIFF", b"MM": "TIFF", b"BM": "BMP"}.get(data[:2])
    if kind is None:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            Image.OPEN[kind][0](io.BytesIO(data), "")
    except Exception as error:  # as above
        reason = str(error)
        if reason == "unknown pixel mode":
            return "a TIFF whose pixels are laid out in a way of its own (as floating-point colours are)"
        if kind == "TIFF" and isinstance(error.__cause__, KeyError):
            return f"a TIFF of the compression {error.__cause__.args[0]}"
        if reason.startswith("Unsupported BMP"):
            return f"a BMP ({reason.removeprefix('Unsupported BMP ')})"
    return None


def looks_like(data: bytes) -> str:
    """What a file may be that could not be read, by its first bytes."""
    what, read = headers.looks_like(data)
    return what + (", perhaps cut short or damaged" if read else "")


def _text_of(picture: "Image.Image") -> dict[str, str]:
    """The texts that `metadata.read` understands: text chunks, and what EXIF and the comments of GIF and JPEG hold."""
    found = carried.known(picture.info)
    with contextlib.suppress(Exception):  # EXIF of a stranger's file: nothing in it is needed
        for name, text in _exif_texts(picture):
            if text and len(text) < carried.LONGEST:
                found.setdefault(name, text)
    comment = picture.info.get("comment")
    if isinstance(comment, bytes) and (b"Steps:" in comment or comment.startswith(b"{")):
        found.setdefault(carried.A1111, comment[: carried.LONGEST].decode("utf-8", "replace"))
    return carried.known(found)


def _exif_texts(picture: "Image.Image") -> Iterator[tuple[str, str]]:
    """Names that `metadata.read` knows, with the texts that EXIF holds for them. A comment is met in either of two directories; ComfyUI writes
    `prompt:{…}` and `workflow:{…}` into the camera's maker, model and further.
    """
    exif = picture.getexif()
    for directory in (exif.get_ifd(0x8769), exif):
        if 0x9286 in directory:
            yield carried.USER_COMMENT, headers.comment(directory[0x9286])
    for tag in (0x010E, *range(0x0110, 0x0100, -1)):
        value = exif.get(tag)
        text = value if isinstance(value, str) else value.decode("utf-8", "replace") if isinstance(value, bytes) else ""
        name, _, rest = text.strip("\0 ").partition(":")
        if tag == 0x010E and text.startswith("{"):
            yield carried.OWN, text
        elif rest.startswith("{") and name.lower() in ("prompt", "workflow"):
            yield name.lower(), rest


def _upright(picture: "Image.Image", said: list[Note]) -> "Image.Image":
    from PIL import ImageOps

    try:
        return ImageOps.exif_transpose(picture) or picture
    except Exception:  # garbage EXIF must not cost the picture
        said.append(Note("its EXIF data is broken, so its orientation is taken as it stands", "EXIF 数据已损坏，方向按原样处理。"))
        return picture


def _colours(data: bytes, picture: "Image.Image") -> headers.Colours | None:
    """How the file tells its colours beside a profile: in PNG and AVIF by themselves, in the photos of cameras by EXIF."""
    found = headers.colours(data)
    if found is None:
        with contextlib.suppress(Exception):  # EXIF of a stranger's file
            if picture.getexif().get_ifd(0xA005).get(1) in ("R03", b"R03\x00"):  # DCF's optional colour space is Adobe RGB
                return headers.Colours(colourspaces.Encoding(colourspaces.ADOBE, gamma=563 / 256))
    return found


def _to_srgb(picture: "Image.Image", told: headers.Colours | None, said: list[Note]) -> "Image.Image":
    """Any mode -> RGB or RGBA, 8 bit, sRGB."""
    from PIL import Image

    profile = None if told and told.over_profile else picture.info.get("icc_profile")
    if picture.mode.startswith("I;16") or picture.mode in ("I", "F"):
        return _deep_grey(picture, None if profile else told, said)
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
        if told and flat.mode in ("RGB", "L", "P", "1", "RGBX"):
            out = _by_numbers(out, told, said)
    if alpha is not None:
        out = out.copy()
        out.putalpha(alpha)
    clean = Image.new(out.mode, out.size)
    clean.paste(out)
    return clean


def _by_numbers(picture: "Image.Image", told: headers.Colours, said: list[Note]) -> "Image.Image":
    """An RGB picture whose colours are told by gamma and chromaticities or by code points."""
    import numpy as np
    from PIL import Image

    encoding = _meant(told, said)
    if encoding is None:
        return picture
    return Image.fromarray(colourspaces.to_srgb(np.asarray(picture), encoding))


def _meant(told: headers.Colours, said: list[Note]) -> colourspaces.Encoding | None:
    """The encoding to convert from; None where it is sRGB's own, or not known, which is said."""
    if told.encoding is None:
        points = " and ".join(map(str, told.code_points or ()))
        en = f"its colours are told by code points that are not known here ({points}), so it is read as sRGB"
        said.append(Note(en, f"它用未知的代码（{points}）描述颜色，按 sRGB 读取。"))
        return None
    if told.encoding.hdr:
        name = "PQ" if told.encoding.transfer == colourspaces.PQ else "HLG"
        en = f"it is an HDR picture ({name}): its brightness was brought into the range of an ordinary screen"
        said.append(Note(en, f"这是 HDR 图片（{name}）：亮度已压缩到普通屏幕的范围。"))
    return None if colourspaces.is_srgb(told.encoding) else told.encoding


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


def _deep_grey(picture: "Image.Image", told: headers.Colours | None, said: list[Note]) -> "Image.Image":
    """16-bit, 32-bit and floating grey -> 8-bit RGB by scaling (Pillow's own convert clips at 255)."""
    import numpy as np
    from PIL import Image

    values = np.asarray(picture, dtype=np.float64)
    if not np.isfinite(values).all():
        raise BadInput("the picture holds values that are no numbers (NaN or infinity)", code="image.not_finite")
    full = 65535 if picture.mode != "F" else 255 if values.max() > 1 else 1
    if told and (encoding := _meant(told, said)):
        deep = np.clip(np.rint(values * (65535 / full)), 0, 65535).astype(np.uint16)
        return Image.fromarray(colourspaces.to_srgb(np.stack([deep] * 3, axis=2), encoding))
    scaled = values * (255 / full)
    return Image.fromarray(np.clip(np.rint(scaled), 0, 255).astype(np.uint8), "L").convert("RGB")

"""What a picture's bytes tell before anything is decoded: how a JPEG is built, how colours are told, what a file is that cannot be read. No Pillow here."""

import re
import struct
from dataclasses import dataclass

from huafang.colourspaces import Encoding, by_code_points
from huafang.errors import BadInput

MAX_SCANS = 100
"""Of a JPEG: ten are usual, and a hundred of 40 megapixels take seconds."""
MAX_SEGMENTS = 5_000
"""Of a JPEG before its end: a large colour profile and the data of a camera are some hundred."""
MAX_CHUNKS = 1_000
"""Of a PNG that are looked through for its colours."""
_MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")
"""A marker of JPEG (ITU-T T.81, table B.1). In a scan's data 0xff is followed by 0, or is one of the markers d0 to d7, which cut it into intervals."""
_BARE = (0x01, 0xD8)
"""Markers that no length follows."""
_FRAMES = {0xC3: "a lossless JPEG", 0xC5: "a hierarchical JPEG", 0xC6: "a hierarchical JPEG", 0xC7: "a lossless JPEG"}
_FRAMES |= {0xCB: "a lossless JPEG", 0xCD: "a hierarchical JPEG", 0xCE: "a hierarchical JPEG", 0xCF: "a lossless JPEG"}
"""Kinds of JPEG that libjpeg does not decode."""
GAIN_MAPS = (b"http://ns.adobe.com/hdr-gain-map/", b"urn:com:apple:photo:", b"urn:iso:std:iso:ts:21496:")
"""What is written beside a second picture in a JPEG that only serves the first: a map of its highlights, a depth, a matte."""


@dataclass(frozen=True)
class Jpeg:
    """The frame of a JPEG: its size in pixels, bits of a channel, and `unsupported` where it is of a kind that is not decoded."""

    width: int
    height: int
    bits: int
    unsupported: str | None


def is_jpeg(data: bytes) -> bool:
    return data.startswith(b"\xff\xd8\xff")


def jpeg(data: bytes) -> Jpeg | None:
    """Walk through a JPEG to its end or to where it breaks off; None where no frame is found.

    Raises BadInput for one that takes very long to decode for its size: each scan of a progressive JPEG goes over the whole picture again, however few
    bytes it has, and each segment is read by slow code.
    """
    place, scans = 2, 0
    frame: Jpeg | None = None
    for _ in range(MAX_SEGMENTS):
        found = _MARKER.search(data, place)
        if found is None or found[1] == b"\xd9":
            return frame
        kind, place = found[1][0], found.end()
        if frame is None and 0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC) and len(data) >= place + 7:
            bits, height, width = struct.unpack(">BHH", data[place + 2 : place + 7])
            frame = Jpeg(width, height, bits, _FRAMES.get(kind) or (f"a JPEG of {bits} bits a channel" if bits != 8 else None))
        scans += kind == 0xDA
        if scans > MAX_SCANS:
            hint = "an ordinary progressive JPEG has about ten; save it again with an image program"
            raise BadInput(f"this JPEG goes over the picture in more than {MAX_SCANS} scans", code="image.unreadable", hint=hint)
        place += int.from_bytes(data[place : place + 2]) if kind not in _BARE else 0
    raise BadInput(f"this JPEG has more than {MAX_SEGMENTS:,} segments", code="image.unreadable", hint="save it again with an image program")


def serves_the_first(data: bytes) -> bool:
    """Whether the further pictures in a JPEG only serve the first, as those of phones do."""
    return any(mark in data for mark in GAIN_MAPS)


@dataclass(frozen=True)
class Colours:
    """How a file tells its colours beside an ICC profile. `code_points` are (primaries, transfer), `encoding` what they or gamma and chromaticities mean;
    `over_profile` says that they count more than a profile.
    """

    encoding: Encoding | None
    code_points: tuple[int, int] | None = None
    over_profile: bool = False


def colours(data: bytes) -> Colours | None:
    """How a PNG or an AVIF tells its colours without a profile; None where it does not."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return _colours_of_png(data)
    if data[4:8] == b"ftyp" and (place := data.find(b"colrnclx", 0, 1 << 20)) >= 0 and len(data) >= place + 12:
        points = struct.unpack(">HH", data[place + 8 : place + 12])
        return Colours(by_code_points(*points), points)
    return None


def _colours_of_png(data: bytes) -> Colours | None:
    """By cICP, which counts most; else by gAMA and cHRM, where there is no sRGB chunk (PNG specification, third edition, 4.3)."""
    chunks: dict[bytes, bytes] = {}
    place = 8
    for _ in range(MAX_CHUNKS):
        head = data[place : place + 8]
        if len(head) < 8 or head[4:] == b"IDAT":
            break
        size = int.from_bytes(head[:4])
        if head[4:] in (b"cICP", b"sRGB", b"gAMA", b"cHRM"):
            chunks.setdefault(head[4:], data[place + 8 : place + 8 + min(size, 32)])
        place += 12 + size
    if len(points := chunks.get(b"cICP", b"")) >= 4:
        return Colours(by_code_points(points[0], points[1]), (points[0], points[1]), over_profile=True)
    if b"sRGB" in chunks:
        return None
    gamma = int.from_bytes(chunks.get(b"gAMA", b"")[:4]) / 100_000
    if len(told := chunks.get(b"cHRM", b"")) == 32:
        white, red, green, blue = [(x / 100_000, y / 100_000) for x, y in struct.iter_unpack(">II", told)]
        if all(y > 0.001 and x + y <= 1.2 for x, y in (white, red, green, blue)) and _area(red, green, blue) > 0.001:
            return Colours(Encoding((red, green, blue, white), gamma=1 / gamma) if 0.05 < gamma < 20 else Encoding((red, green, blue, white)))
    return Colours(Encoding(gamma=1 / gamma)) if 0.05 < gamma < 20 else None


def _area(*corners: tuple[float, float]) -> float:
    (a, b), (c, d), (e, f) = corners
    return abs((c - a) * (f - b) - (e - a) * (d - b)) / 2


def comment(value: bytes | str) -> str:
    """The text of EXIF's UserComment. Eight bytes name its encoding (EXIF 2.3, 4.6.5, table 6), where whoever wrote it knew that; UTF-16 of either order is
    met, and UTF-8 under every name.
    """
    if isinstance(value, str):
        return value.strip("\0 ")
    code, text = value[:8], value[8:]
    if code == b"UNICODE\0":
        ways = ["utf-16-be", "utf-16-le", "utf-8"]
    elif code.startswith(b"JIS"):
        ways = ["iso2022_jp" if b"\x1b" in text else "utf-8", "shift_jis"]
    elif code in (b"ASCII\0\0\0", bytes(8)):
        ways = ["utf-8", "utf-16-be", "utf-16-le"] if text[:2].count(0) else ["utf-8", "latin-1"]
    else:
        text, ways = value, ["utf-8", "latin-1"]
    return max((text.decode(way, "replace") for way in ways), key=_likely).strip("\0 ")


def _likely(words: str) -> int:
    """How much a text looks read aright: the settings' names are ASCII, and what was read wrongly is full of controls and of what could not be decoded."""
    part = words[:1_000] + words[-1_000:]
    plain = sum(letter in "\n\r\t" or " " <= letter <= "~" for letter in part)
    return plain - 3 * sum(letter == "\ufffd" or (letter < " " and letter not in "\n\r\t") for letter in part.strip("\0"))


READABLE = {b"\x89PNG": "a PNG", b"\xff\xd8\xff": "a JPEG", b"GIF8": "a GIF", b"BM": "a BMP", b"II*\x00": "a TIFF", b"MM\x00*": "a TIFF"}
OTHERS = {
    b"%PDF": "a PDF",
    b"%!PS": "PostScript",
    b"PK\x03\x04": "a ZIP archive",
    b"<svg": "an SVG",
    b"<?xml": "XML or SVG",
    b"8BPS": "a Photoshop file",
    b"\xff\x0a": "a JPEG XL picture",
    b"\x00\x00\x00\x0cJXL ": "a JPEG XL picture",
    b"\x00\x00\x00\x0cjP  ": "a JPEG 2000 picture",
    b"\xff\x4f\xff\x51": "a JPEG 2000 picture",
    b"II+\x00": "a BigTIFF",
    b"MM\x00+": "a BigTIFF",
    b"v/1\x01": "an OpenEXR picture",
    b"#?RADIANCE": "a Radiance HDR picture",
    b"FUJIFILMCCD-RAW": "a raw photo of a camera",
    b"qoif": "a QOI picture",
    b"DDS ": "a DDS texture",
    b"\x1f\x8b": "a gzip archive",
    b"\x1aE\xdf\xa3": "a film",
}
"""First bytes of what is sent as a picture and is of a format that is not read."""
_BRANDS = {b"avif": "an AVIF", b"avis": "an AVIF", b"crx ": "a raw photo of a camera"}
_HEIF = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")


def looks_like(data: bytes) -> tuple[str, bool]:
    """What a file may be that could not be read, by its first bytes; and whether it is of a format that is read, so that it must be damaged or odd."""
    head = data[:32]
    if head[4:8] == b"ftyp":
        kind = "a HEIC picture" if head[8:12] in _HEIF else _BRANDS.get(head[8:12], "a film")
        return kind, kind == "an AVIF"
    if head[:4] == b"RIFF":
        return ("a film" if head[8:12] == b"AVI " else "a WebP"), head[8:12] != b"AVI "
    for marks, read in ((READABLE, True), (OTHERS, False)):
        for mark, name in marks.items():
            if head.lstrip().startswith(mark):
                return name, read
    if head.strip() and all(byte in b"\t\n\r" or 32 <= byte < 127 for byte in head):
        return "text", False
    return "unknown bytes", False

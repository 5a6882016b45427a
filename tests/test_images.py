"""Strangers' pictures: what each becomes, or how it is refused. Numbers are those of platform.md 1.4, 1-21."""

import contextlib
import io
import re
import struct
import zlib

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from huafang import images
from huafang.errors import BadInput, HuafangError, OutOfMemory, TooLarge
from tests.pictures import BLANK, END, FORMATS, opened, pixels, png, refused, saved, small

rng = np.random.default_rng(0)


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_is_read_and_its_pixels_are_kept(format):
    data = small(format, **({"lossless": True} if format == "WEBP" else {"quality": 95}))
    assert images.probe(data) == (24, 16)
    close = 0 if format in ("PNG", "WEBP", "BMP", "TIFF", "GIF") else 40
    assert np.abs(opened(data).astype(int) - pixels()).mean() <= close


@pytest.mark.parametrize("format", ["GIF", "WEBP"])
def test_a_format_is_read_in_a_process_that_has_opened_nothing_yet(format, tmp_path):
    import subprocess
    import sys

    (tmp_path / "x").write_bytes(small(format))
    code = "import sys, pathlib; from huafang import images; print(images.ingest(pathlib.Path(sys.argv[1]).read_bytes()).width)"
    assert subprocess.run([sys.executable, "-c", code, tmp_path / "x"], capture_output=True, text=True, check=True).stdout == "24\n"


@pytest.mark.parametrize(
    "data", [b"", b"\x00", b"hello, I am a picture", bytes(1000), rng.bytes(5000), b"\x89PNG", b"\xff\xd8\xff", b"GIF89a", b"RIFF\0\0\0\0WEBP", b"BM", b"II*\0"]
)
def test_bad_input_01_no_picture_at_all(data):
    refused(data)


NOISE = Image.fromarray(rng.integers(0, 256, (128, 128, 3), dtype=np.uint8))


@pytest.mark.parametrize("part", [0.5, 0.9])
@pytest.mark.parametrize("format", ["PNG", "JPEG", "GIF", "BMP", "TIFF"])
def test_bad_input_02_a_picture_that_is_cut_short_is_read_as_far_as_it_goes(format, part):
    data = saved(NOISE, format, **({"interlace": 0} if format == "GIF" else {}))
    whole = opened(data).astype(int)
    came = images.ingest(data[: int(len(data) * part)])
    assert (came.width, came.height) == (128, 128)
    (note,) = came.warnings
    percent = int(re.search(r"about (\d+)% of the picture", note)[1]) if "about" in note else 100
    assert abs(percent - 100 * part) < 25
    assert "不完整" in note.zh
    read = np.asarray(Image.open(io.BytesIO(came.data)).convert("RGB")).astype(int)
    if format == "BMP":
        read, whole = read[::-1], whole[::-1]
    rows = int(128 * percent / 100) // 16 * 16 - 20
    assert rows >= 24
    assert np.abs(read[:rows] - whole[:rows]).max() <= 1


@pytest.mark.parametrize("cut", [1, 40, 400])
def test_bad_input_02_a_file_without_its_very_end_is_a_whole_picture(cut):
    """A download that broke off in the last chunk, and a progressive JPEG that lacks its last scans."""
    slope = Image.linear_gradient("L").convert("RGB").rotate(30)
    for data in (saved(slope) if cut < 100 else saved(slope)[:-12], saved(slope, "JPEG", progressive=True, quality=95)):
        came = images.ingest(data[:-cut])
        assert len(came.warnings) <= 1
        read = np.asarray(Image.open(io.BytesIO(came.data))).astype(int)
        assert np.abs(read[:200] - np.asarray(slope)[:200]).mean() < 6


def test_bad_input_02_a_photo_of_another_program(shared):
    came = images.ingest((shared / "failing" / "cut.jpg").read_bytes())
    assert (came.width, came.height) == (480, 320)
    assert came.warnings == ("the file is cut short or damaged: it was read as far as it goes",)


@pytest.mark.parametrize("format", FORMATS)
def test_bad_input_02_cut_so_short_that_nothing_is_left(format):
    assert "cut short or damaged" in refused(saved(NOISE, format)[:100]).message


@pytest.mark.parametrize("format", ["WEBP", "AVIF"])
def test_bad_input_02_formats_that_are_not_decoded_in_part(format):
    data = saved(NOISE, format)
    assert "cut short or damaged" in refused(data[: len(data) // 2]).message


def test_bad_input_02_pillow_is_as_strict_as_before():
    from PIL import ImageFile

    images.ingest(saved(NOISE)[:20_000])
    with contextlib.suppress(BadInput):
        images.ingest(saved(NOISE)[:60])
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False
    assert Image.MAX_IMAGE_PIXELS == 89_478_485


def test_bad_input_03_flipped_bytes():
    slope = saved(Image.linear_gradient("L").convert("RGB").rotate(30))
    said = 0
    for spot in range(50, len(slope) - 20, len(slope) // 40):
        data = bytearray(slope)
        data[spot] ^= 0xFF
        with contextlib.suppress(BadInput):  # nothing of it can be read
            came = images.ingest(bytes(data))  # zlib did not notice, or a part of the picture is there
            assert (came.width, came.height) == (256, 256)
            said += len(came.warnings)
    assert said > 10
    data = bytearray(small())
    data[20] ^= 0xFF
    with pytest.raises(BadInput):
        images.ingest(bytes(data))
    refused(png(BLANK, END, width=0, height=0))


def test_bad_input_04_a_header_that_promises_too_much():
    assert isinstance(refused(png(BLANK, END, width=50_000, height=50_000), "image.too_large"), TooLarge)
    bmp = bytearray(small("BMP"))
    bmp[18:26] = struct.pack("<ii", 2_000_000, 2_000_000)
    refused(bytes(bmp), "image.too_large")
    webp = b"RIFF" + struct.pack("<I", 22) + b"WEBPVP8X" + struct.pack("<I", 10) + b"\0\0\0\0" + b"\xff\xff\xff" * 2
    with pytest.raises(BadInput):
        images.ingest(webp)


def test_bad_input_05_a_bomb_below_pillows_limit_is_stopped_by_its_header():
    import tracemalloc

    data = png((b"IDAT", zlib.compress(bytes(9400 * 9401), 9)), END, width=9400, height=9400, kind=0)
    assert len(data) < 300_000
    tracemalloc.start()
    error = refused(data, "image.too_large")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "9400 × 9400" in error.message
    assert "40 megapixels" in (error.hint or "")
    assert peak < 5_000_000


@pytest.mark.parametrize(
    ("size", "code"), [((1, 60_000), "image.too_large"), ((60_000, 1), "image.too_large"), ((7, 100), "image.too_small"), ((20_001, 8), "image.too_large")]
)
def test_bad_input_06_sides(size, code):
    refused(saved(Image.new("L", size)), code)


def test_bad_input_07_text_bombs():
    bomb = b"Comment\0\0" + zlib.compress(bytes(80_000_000), 9)
    came = images.ingest(png((b"zTXt", bomb), BLANK, END))
    assert (came.width, came.text, came.warnings) == (8, {}, ()), "a text that is too long is left out, and does not cost the picture"
    many = [(b"tEXt", b"k\0" + bytes([65]) * 1000)] * 70_000
    with pytest.raises(BadInput):
        images.ingest(png(*many, BLANK, END))
    profile = b"p\0\0" + zlib.compress(bytes(80_000_000), 9)
    with contextlib.suppress(BadInput):
        assert opened(png((b"iCCP", profile), BLANK, END)).shape == (8, 8, 3)


def scans(count: int) -> bytes:
    """A progressive JPEG whose last scan comes `count` times more."""
    data = saved(Image.linear_gradient("L"), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:-2] + data[last:-2] * count + data[-2:]


def test_bad_input_21_a_jpeg_of_thousands_of_scans_is_refused_before_it_is_decoded(monkeypatch):
    error = refused(scans(3000))
    assert "more than 100 scans" in error.message
    assert images.ingest(scans(80)).width == 256
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("opened"))
    for data in (scans(3000), small("JPEG")[:2] + b"\xff\xfe\x00\x03A" * 5_001 + small("JPEG")[2:]):
        for look in (images.ingest, images.probe, lambda data: images.thumbnail(data, 16)):
            with pytest.raises(BadInput, match="more than"):
                look(data)


def test_scans_are_those_of_the_picture_and_not_of_what_lies_in_or_behind_it():
    mark = b"\xff\xda\x00\x08" * 300
    data = small("JPEG", quality=95)
    hidden = data[:2] + b"\xff\xe5" + struct.pack(">H", len(mark) + 2) + mark + data[2:] + mark
    assert np.array_equal(opened(hidden), opened(data))


@pytest.mark.parametrize("format", ["GIF", "TIFF"])
def test_frames_are_not_counted(format, monkeypatch):
    """A GIF of 15 MB holds a million of them."""
    first, *rest = frames(6)
    data = saved(first, format, save_all=True, append_images=rest)
    with Image.open(io.BytesIO(data)) as file:
        kind = type(file)
    sought: list[int] = []
    seek = kind._seek
    monkeypatch.setattr(kind, "_seek", lambda self, frame, *rest: (sought.append(frame), seek(self, frame, *rest))[1])
    assert images.ingest(data).warnings == ("only the first of its frames was taken",)
    assert max(sought) == 1


def frames(count: int) -> list[Image.Image]:
    return [Image.new("RGB", (16, 16), ((10 + 60 * i) % 256, (90 * i) % 256, 200 - i % 200)) for i in range(count)]


@pytest.mark.parametrize(("format", "count"), [("GIF", 2000), ("PNG", 5), ("WEBP", 5), ("TIFF", 5), ("MPO", 2), ("AVIF", 3)])
def test_bad_input_08_09_of_many_frames_the_first(format, count):
    first, *rest = frames(count)
    came = images.ingest(saved(first, format, save_all=True, append_images=rest))
    assert came.warnings == ("only the first of its frames was taken",)
    with Image.open(io.BytesIO(came.data)) as picture:
        assert np.abs(np.asarray(picture.convert("RGB")).astype(int)[8, 8] - (10, 0, 200)).max() < 12


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_bad_input_13_upright(orientation, format):
    upright = pixels()
    turn = {1: lambda a: a, 2: np.fliplr, 3: lambda a: np.rot90(a, 2), 4: np.flipud, 5: lambda a: a.transpose(1, 0, 2)}
    turn |= {6: lambda a: np.rot90(a, 1), 7: lambda a: np.rot90(a, 2).transpose(1, 0, 2), 8: lambda a: np.rot90(a, -1)}
    exif = Image.Exif()
    exif[0x0112] = orientation
    lossless = {"WEBP": {"lossless": True}, "JPEG": {"quality": 100, "subsampling": 0}}.get(format, {})
    came = opened(saved(Image.fromarray(np.ascontiguousarray(turn[orientation](upright))), format, exif=exif, **lossless))
    assert came.shape == upright.shape
    assert np.abs(came.astype(int) - upright).max() <= (6 if format == "JPEG" else 0)


@pytest.mark.parametrize("exif", [b"Exif\0\0garbage", b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + bytes(40), b"Exif\0\0MM\0*\xff\xff\xff\xff", b"x"])
def test_bad_input_13_broken_exif_costs_nothing(exif):
    data = small("JPEG", quality=95)
    data = data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:]
    assert opened(data).shape == (16, 24, 3)
    odd = Image.Exif()
    odd[0x0112] = 99
    assert opened(small("JPEG", exif=odd)).shape == (16, 24, 3)


def test_bad_input_15_where_it_was_taken_is_not_kept():
    exif = Image.Exif()
    exif.get_ifd(0x8825)[1] = "N"
    exif[0x010F] = "SECRETCAMERA"
    for format in ("JPEG", "WEBP", "PNG", "TIFF"):
        data = small(format, exif=exif)
        assert b"SECRETCAMERA" in data
        came = images.ingest(data)
        assert b"SECRETCAMERA" not in came.data + images.thumbnail(came.data, 256)
        assert came.text == {}


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', "an SVG"),
        (b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><svg>&e;</svg>', "XML or SVG"),
        (b"%PDF-1.7\n%\xe2\xe3", "a PDF"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "PostScript"),
        (b"PK\x03\x04" + bytes(30), "a ZIP archive"),
        (b"8BPS\0\x01" + bytes(30), "a Photoshop file"),
        (b"\0\0\0\x18ftypheic" + bytes(30), "a HEIC picture"),
        (b"\0\0\0\x18ftypavif" + bytes(30), "an AVIF"),
        (b"<html><script>alert(1)</script>", "text"),
        (b"\xff\x0a" + bytes(30), "a JPEG XL picture"),
        (b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(30), "a JPEG 2000 picture"),
        (b"v/1\x01" + bytes(30), "an OpenEXR picture"),
        (b"\0\0\0\x18ftypcrx " + bytes(30), "a raw photo of a camera"),
        (b"\0\0\0\x18ftypisom" + bytes(30), "a film"),
        (b"II+\0" + bytes(30), "a BigTIFF"),
    ],
)
def test_bad_input_16_18_19_what_is_no_raster_is_named(data, what):
    error = refused(data, "image.unreadable" if what in ("text", "an AVIF") else "image.unsupported")
    assert what in error.message
    assert "JPEG" in (error.hint or "")


@pytest.mark.parametrize("format", ["PPM", "TGA", "ICO", "PCX", "SGI", "EPS", "PDF", "ICNS", "JPEG2000", "DDS"])
def test_bad_input_18_formats_that_stay_shut(format):
    try:
        data = saved(Image.fromarray(pixels()), format)
    except (OSError, KeyError, ValueError):
        pytest.skip(f"Pillow writes no {format} here")
    refused(data, "image.unsupported" if format in ("EPS", "PDF", "JPEG2000", "DDS") else "image.unreadable")


def tiff(bits: tuple[int, ...] = (8, 8, 8), photometric: int = 2, compression: int = 1, sample_format: int = 1) -> bytes:
    """A TIFF of 16 x 16 pixels in one strip of zeros."""
    count = len(bits)
    tags = {256: [16], 257: [16], 258: bits, 259: [compression], 262: [photometric], 273: [], 277: [count], 278: [16], 279: [16 * 16 * sum(bits) // 8]}
    tags |= {339: [sample_format] * count}
    end = 8 + 2 + 12 * len(tags) + 4
    entries, more = b"", b""
    for tag, values in tags.items():
        raw = b"".join(struct.pack("<H", value) for value in values) or struct.pack("<I", 4_000)
        if len(raw) > 4:
            raw, more = struct.pack("<I", end + len(more)), more + raw
        entries += struct.pack("<HHI", tag, 3 if values else 4, max(1, len(values))) + raw.ljust(4, b"\0")
    head = b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4) + more
    return head.ljust(4_000, b"\0") + bytes(16 * 16 * sum(bits) // 8)


def test_the_tiffs_of_these_tests_are_tiffs():
    assert opened(tiff()).shape == (16, 16, 3)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (tiff((32, 32, 32), sample_format=3), "a TIFF whose pixels are laid out in a way of its own"),
        (tiff((16,), 1, sample_format=3), "a TIFF whose pixels"),
        (tiff((64,), 1, sample_format=3), "a TIFF whose pixels"),
        (tiff(compression=34712), "a TIFF of the compression 34712"),
        (tiff(compression=9999), "a TIFF of the compression 9999"),
        (small("BMP")[:28] + b"\x40\0" + small("BMP")[30:], "a BMP (pixel depth (64))"),
        (small("JPEG").replace(b"\xff\xc0\x00\x11\x08", b"\xff\xc0\x00\x11\x0c"), "a JPEG of 12 bits a channel"),
        (small("JPEG").replace(b"\xff\xc0", b"\xff\xc3"), "a lossless JPEG"),
    ],
)
def test_valid_pictures_of_a_kind_that_is_not_read_are_not_called_damaged(data, what):
    error = refused(data, "image.unsupported")
    assert f"it is {what}" in error.message
    assert "damaged" not in error.message


def photo(width: int, height: int, **options) -> bytes:
    """A JPEG of one grey with one white corner, quick to write and to read."""
    picture = Image.new("L", (width, height), 90)
    picture.paste(255, (0, 0, width // 4, height // 4))
    return saved(picture, "JPEG", quality=30, **options)


@pytest.mark.parametrize(("size", "part"), [((8_000, 6_000), 2), ((12_000, 9_000), 2), ((16_320, 12_240), 4)])
def test_photos_of_phones_are_scaled_down_while_they_are_decoded(size, part):
    """48, 108 and 200 megapixels."""
    data = photo(*size)
    came = images.ingest(data)
    assert (came.width, came.height) == (size[0] // part, size[1] // part) == images.probe(data)
    (note,) = came.warnings
    assert f"{size[0] * size[1] / 1e6:.0f} megapixels" in note
    assert f"{came.width} × {came.height}" in note
    assert f"{came.width} × {came.height}" in note.zh
    with Image.open(io.BytesIO(came.data)) as picture:
        assert abs(picture.getpixel((came.width // 8, came.height // 8))[0] - 255) < 4
        assert abs(picture.getpixel((came.width // 2, came.height // 2))[0] - 90) < 4


def test_a_photo_that_is_scaled_down_is_turned_upright():
    exif = Image.Exif()
    exif[0x0112] = 6
    came = images.ingest(photo(8_000, 6_000, exif=exif))
    assert (came.width, came.height) == (3_000, 4_000)


def test_jpegs_beyond_any_phone_and_other_formats_are_refused_by_their_headers():
    huge = bytearray(photo(800, 600))
    place = huge.index(b"\xff\xc0") + 5
    huge[place : place + 4] = struct.pack(">HH", 15_000, 15_000)
    assert "at most 220 megapixels" in refused(bytes(huge), "image.too_large").hint
    huge[place : place + 4] = struct.pack(">HH", 20_001, 100)
    refused(bytes(huge), "image.too_large")


@pytest.mark.parametrize("mark", [b"http://ns.adobe.com/hdr-gain-map/1.0/", b"urn:com:apple:photo:2020:aux:hdrgainmap", b"urn:iso:std:iso:ts:21496:-1"])
def test_a_map_of_highlights_is_no_second_frame(mark):
    """What phones store beside a photo, as a second JPEG (MPF)."""
    first, second = frames(2)
    data = saved(first, "MPO", save_all=True, append_images=[second])
    assert images.ingest(data).warnings == ("only the first of its frames was taken",)
    place = data.index(b"\xff\xd8\xff", 100)
    said = b"\xff\xe1" + struct.pack(">H", len(mark) + 2) + mark
    assert images.ingest(data[: place + 2] + said + data[place + 2 :]).warnings == ()


@pytest.mark.parametrize("format", ["PNG", "JPEG", "GIF", "WEBP"])
@pytest.mark.parametrize("tail", [b"<html><script>alert(1)</script>", b"PK\x03\x04evil.exe", b"EVIL" * 5000])
def test_bad_input_17_a_second_file_behind_the_picture_is_left_behind(format, tail):
    came = images.ingest(small(format) + tail)
    assert tail[:12] not in came.data
    assert came.data.endswith(b"IEND\xaeB`\x82")


def test_bad_input_16_gif_that_is_a_page():
    data = small("GIF")
    page = data[:13] + b"!\xfe" + bytes([30]) + b"<script>alert(1)</script>-----" + b"\0" + data[13:]
    with contextlib.suppress(BadInput):
        assert b"script" not in images.ingest(page).data


def test_bad_input_20_the_bytes_decide_and_not_the_name():
    assert images.ingest(small("JPEG")).data.startswith(b"\x89PNG")


SEEDS = {format: small(format) for format in FORMATS}


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    format=st.sampled_from(FORMATS),
    flips=st.lists(st.tuples(st.floats(0, 0.9999), st.integers(0, 255)), max_size=6),
    cut=st.floats(0, 1) | st.just(1.0),
    extra=st.binary(max_size=20),
)
def test_a_damaged_file_is_read_or_refused_and_nothing_else(format, flips, cut, extra):
    data = bytearray(SEEDS[format])
    for place, value in flips:
        data[int(place * len(data))] = value
    damaged = bytes(data[: int(cut * len(data))]) + extra
    for take in (
        lambda: images.decode(images.ingest(damaged, max_pixels=1_000_000).data),
        lambda: images.probe(damaged),
        lambda: images.thumbnail(damaged, 16),
    ):
        with contextlib.suppress(HuafangError):
            take()


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=200),
    st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"GIF89a", b"RIFF\x10\0\0\0WEBPVP8 ", b"BM", b"II*\0", b"MM\0*", b"\0\0\0\x18ftypavif"]),
)
def test_random_bytes_behind_a_true_beginning(data, head):
    with contextlib.suppress(HuafangError):
        images.ingest(head + data, max_pixels=1_000_000)


def test_memory_that_runs_out_is_not_called_damage(monkeypatch):
    def full(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(images, "_reencoded", full)
    monkeypatch.setattr(images, "_read_in_part", lambda *_: None)
    with pytest.raises(OutOfMemory, match="not enough memory to read this picture"):
        images.ingest(images.encode(torch.zeros(1, 3, 8, 8)))

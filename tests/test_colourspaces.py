"""Colours told by numbers: gamma, chromaticities, code points, EXIF; what each becomes in sRGB, and what HDR becomes on an ordinary screen."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from huafang import colourspaces, headers, images
from huafang.colourspaces import HLG, PQ, SRGB, Encoding, by_code_points, is_srgb, to_srgb
from tests.pictures import END, opened, png, saved, small
from tests.test_image_colours import reference, wide_gamut

GREYS = np.repeat(np.arange(0, 256, 15, dtype=np.uint8)[None, :, None], 3, axis=2)


def encode(linear: np.ndarray) -> np.ndarray:
    return np.rint(255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055))


def test_srgb_stays_as_it_is():
    every = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    assert np.array_equal(to_srgb(every, Encoding()), every)
    for points in ((1, 13), (1, 1), (2, 2), (1, 6)):
        assert is_srgb(by_code_points(*points))
    assert not is_srgb(by_code_points(9, 13))
    assert by_code_points(1, 99) is by_code_points(99, 1) is None


def test_linear_light():
    assert np.array_equal(to_srgb(GREYS, Encoding(gamma=1.0)), encode(GREYS / 255))
    deep = GREYS.astype(np.uint16) * 257 // 16
    assert np.array_equal(to_srgb(deep, Encoding(gamma=1.0)), encode(deep / 65535))


@pytest.mark.parametrize("colour", [(200, 100, 50), (40, 200, 90), (128, 128, 128), (255, 255, 255)])
def test_display_p3_is_what_its_profile_says(colour):
    here = to_srgb(np.full((2, 2, 3), colour, np.uint8), Encoding(colourspaces.PRIMARIES[12], gamma=2.2))[0, 0]
    assert np.abs(here.astype(int) - reference(wide_gamut(), colour)).max() <= 2


@pytest.mark.parametrize("primaries", colourspaces.PRIMARIES)
def test_white_is_white_in_every_space(primaries):
    for transfer in (8, 13):
        assert (to_srgb(np.full((1, 1, 3), 255, np.uint8), by_code_points(primaries, transfer)) >= 254).all()


@pytest.mark.parametrize(("transfer", "white"), [(PQ, 0.5807), (HLG, 0.75)])
def test_hdr_keeps_its_order_and_its_hues(transfer, white):
    """The signals at which PQ and HLG have the white of a page, 203 cd/m², are those of BT.2408."""
    ramp = np.repeat(np.arange(0, 65536, 64, dtype=np.uint16)[None, :, None], 3, axis=2)
    encoding = Encoding(SRGB, transfer)
    shown = to_srgb(ramp, encoding)[0].astype(int)
    assert (np.diff(shown[:, 0]) >= 0).all(), "what is brighter is not shown darker"
    assert (shown[:, 0] == shown[:, 1]).all()
    assert shown[0, 0] == 0
    page = shown[np.searchsorted(ramp[0, :, 0], white * 65535), 0]
    assert 225 < page < 245, "white paper is nearly white, with room for what is brighter"
    assert shown[-1, 0] >= 253
    half = to_srgb(np.full((1, 1, 3), int(65535 * white), np.uint16), encoding)
    red = to_srgb(np.array([[[int(65535 * white), 0, 0]]], np.uint16), encoding)[0, 0]
    assert half.min() > 200
    assert red[1] == red[2] == 0


def test_the_middle_of_hdr_keeps_its_brightness():
    """Below the knee a PQ signal of n cd/m² is n / 203 of white."""
    for nits in (5, 20, 60, 100):
        y = nits / 10_000
        signal = ((0.8359375 + 18.8515625 * y**0.1593017578125) / (1 + 18.6875 * y**0.1593017578125)) ** 78.84375
        shown = to_srgb(np.full((1, 1, 3), round(signal * 65535), np.uint16), Encoding(SRGB, PQ))[0, 0, 0]
        assert abs(int(shown) - encode(np.array(nits / 203))) <= 1


def chunk_of(gamma: float | None = None, points: tuple | None = None) -> list[tuple[bytes, bytes]]:
    found = []
    if gamma is not None:
        found.append((b"gAMA", struct.pack(">I", round(gamma * 100_000))))
    if points is not None:
        red, green, blue, white = points
        found.append((b"cHRM", struct.pack(">8I", *(round(value * 100_000) for point in (white, red, green, blue) for value in point))))
    return found


def flat(colour: tuple[int, int, int], *chunks: tuple[bytes, bytes]) -> bytes:
    return png(*chunks, (b"IDAT", zlib.compress((b"\0" + bytes(colour) * 8) * 8)), END)


def test_a_png_of_linear_light_is_not_too_dark(shared):
    data = (shared / "failing" / "gamma_linear.png").read_bytes()
    with Image.open(io.BytesIO(data)) as picture:
        raw = np.asarray(picture.convert("RGB"))
    assert np.abs(opened(data).astype(int) - encode(raw / 255)).max() <= 1


@pytest.mark.parametrize("gamma", [1.0, 1 / 1.8, 1 / 2.6])
def test_gamma(gamma):
    assert np.abs(opened(flat((200, 90, 30), *chunk_of(gamma)))[0, 0] - encode((np.array([200, 90, 30]) / 255) ** (1 / gamma))).max() <= 1


@pytest.mark.parametrize(
    "chunks",
    [
        chunk_of(0.45455),
        chunk_of(0.45455, SRGB),
        [(b"sRGB", b"\0"), *chunk_of(1.0, colourspaces.PRIMARIES[9])],
        [(b"cICP", bytes([1, 13, 0, 1])), *chunk_of(1.0)],
        chunk_of(0),
        chunk_of(None, ((0, 0), (0, 0), (0, 0), (0, 0))),
        [(b"gAMA", b"\0")],
        [(b"cHRM", bytes(5))],
        [(b"cICP", b"\1")],
    ],
)
def test_srgb_however_it_is_told_and_what_is_broken_is_left_as_it_is(chunks):
    came = images.ingest(flat((200, 90, 30), *chunks))
    assert opened(flat((200, 90, 30), *chunks))[0, 0].tolist() == [200, 90, 30]
    assert came.warnings == ()


def test_chromaticities():
    """Display P3 told by numbers is what its profile says."""
    data = flat((200, 100, 50), *chunk_of(1 / 2.2, colourspaces.PRIMARIES[12]))
    assert np.abs(opened(data)[0, 0].astype(int) - reference(wide_gamut(), (200, 100, 50))).max() <= 2


def test_a_profile_counts_more_than_gamma_and_less_than_code_points():
    profile = (b"iCCP", b"p\0\0" + zlib.compress(wide_gamut()))
    by_profile = opened(flat((200, 100, 50), profile))[0, 0]
    assert np.array_equal(opened(flat((200, 100, 50), profile, *chunk_of(1.0)))[0, 0], by_profile)
    assert opened(flat((200, 100, 50), (b"cICP", bytes([1, 13, 0, 1])), profile))[0, 0].tolist() == [200, 100, 50]


@pytest.mark.parametrize(("transfer", "name"), [(PQ, "PQ"), (HLG, "HLG")])
def test_an_hdr_png_is_brought_to_a_screen_and_says_so(transfer, name):
    came = images.ingest(flat((150, 150, 150), (b"cICP", bytes([9, transfer, 0, 1]))))
    (note,) = came.warnings
    assert f"HDR picture ({name})" in note
    assert f"HDR 图片（{name}）" in note.zh
    shown = opened(flat((150, 150, 150), (b"cICP", bytes([9, transfer, 0, 1]))))[0, 0].astype(int)
    assert np.ptp(shown) <= 1, "grey stays grey"
    assert shown[0] != 150


def test_code_points_that_nobody_knows_are_said():
    came = images.ingest(flat((200, 90, 30), (b"cICP", bytes([77, 99, 0, 1]))))
    assert "77 and 99" in came.warnings[0]
    assert "77 and 99" in came.warnings[0].zh
    assert opened(flat((200, 90, 30), (b"cICP", bytes([77, 99, 0, 1]))))[0, 0].tolist() == [200, 90, 30]


def with_code_points(data: bytes, primaries: int, transfer: int) -> bytes:
    place = data.index(b"colrnclx") + 8
    return data[:place] + struct.pack(">HH", primaries, transfer) + data[place + 4 :]


def test_an_avif_of_another_space():
    data = saved(Image.new("RGB", (16, 16), (200, 100, 50)), "AVIF", quality=100, subsampling="4:4:4")
    assert headers.colours(data).code_points == (1, 13)
    plain = opened(data)[4, 4].astype(int)
    wide = opened(with_code_points(data, 12, 13))[4, 4].astype(int)
    assert np.abs(plain - (200, 100, 50)).max() <= 3
    assert wide[0] > plain[0] + 3, "the wider gamut's red is a stronger red in sRGB"
    assert "HDR" in images.ingest(with_code_points(data, 9, 16)).warnings[0]


def test_adobe_rgb_of_a_camera_that_writes_no_profile():
    exif = Image.Exif()
    exif[0x8769] = {0xA005: {1: "R03"}}
    block = b"Exif\0\0MM\0*\0\0\0\x08" + struct.pack(">HHHIII", 1, 0x8769, 4, 1, 26, 0) + struct.pack(">HHHIII", 1, 0xA005, 4, 1, 44, 0)
    block += struct.pack(">HHHI4sI", 1, 1, 2, 4, b"R03\0", 0)
    plain = saved(Image.new("RGB", (16, 16), (60, 180, 70)), "JPEG", quality=100, subsampling=0)
    data = plain[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + plain[2:]
    here, there = (opened(one)[8, 8].astype(int) for one in (data, plain))
    assert here[0] < there[0] - 20, "Adobe RGB's green lies outside sRGB: red goes down"
    assert here[1] >= there[1]


def test_grey_and_transparent_pictures_have_a_gamma_too():
    grey = png(*chunk_of(1.0), (b"IDAT", zlib.compress((b"\0" + bytes([55]) * 8) * 8)), END, kind=0)
    assert opened(grey)[0, 0].tolist() == [128, 128, 128], "linear 55/255 is sRGB 128"
    deep = png(*chunk_of(1.0), (b"IDAT", zlib.compress((b"\0" + struct.pack(">8H", *[55 * 257] * 8)) * 8)), END, kind=0, depth=16)
    assert opened(deep)[0, 0].tolist() == [128, 128, 128]
    clear = png(*chunk_of(1.0), (b"IDAT", zlib.compress((b"\0" + bytes([55, 55, 55, 90]) * 8) * 8)), END, kind=6)
    assert opened(clear)[0, 0].tolist() == [128, 128, 128, 90]


def test_large_pictures_are_converted_band_by_band(monkeypatch):
    every = np.random.default_rng(0).integers(0, 256, (100, 50, 3), dtype=np.uint8)
    whole = to_srgb(every, by_code_points(9, 18))
    monkeypatch.setattr(colourspaces, "BAND", 700)
    assert np.array_equal(to_srgb(every, by_code_points(9, 18)), whole)


@pytest.mark.parametrize("data", [small(), small("AVIF"), b"\x89PNG\r\n\x1a\n" + b"\xff" * 100, b"\0\0\0\x18ftypavif" + b"colrnclx", b""])
def test_broken_headers_tell_nothing(data):
    headers.colours(data[:60])
    assert headers.colours(b"") is None

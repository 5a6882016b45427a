"""Colours of strangers' pictures: depths, modes, alpha, inks and profiles, numbered as `platform.md` numbers bad inputs."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from huafang import images
from tests.pictures import END, opened, pixels, png, refused, saved, small


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_bad_input_09_a_floating_tiff_with_no_numbers(value):
    values = np.full((16, 16), 0.5, np.float32)
    values[3, 3] = value
    refused(saved(Image.fromarray(values), "TIFF"), "image.not_finite")


def test_bad_input_09_floating_and_lab_tiffs():
    assert opened(saved(Image.fromarray(np.full((16, 16), 0.5, np.float32)), "TIFF"))[0, 0].tolist() == [128, 128, 128]
    assert opened(saved(Image.fromarray(np.full((16, 16), 100, np.float32)), "TIFF"))[0, 0].tolist() == [100, 100, 100]
    lab = Image.new("LAB", (16, 16), (136, 208, 195))  # CIE L* 53.2, a* 80.1, b* 67.2 is sRGB red
    red = opened(saved(lab, "TIFF"))[4, 4].astype(int)
    assert np.abs(red - (255, 0, 0)).max() < 12
    for compression in ("tiff_lzw", "jpeg", "tiff_deflate", "packbits"):
        assert np.abs(opened(small("TIFF", compression=compression)).astype(int) - pixels()).mean() < 25


def test_bad_input_10_cmyk_jpeg():
    cmyk = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    assert np.abs(opened(saved(cmyk, "JPEG", quality=95))[5, 5].astype(int) - (255, 0, 0)).max() < 10
    came = images.ingest(saved(cmyk, "JPEG", quality=95, icc_profile=b"garbage"))
    assert "profile is broken" in came.warnings[0]


INKS = {  # of offset printing, as sRGB: paper, cyan, magenta, yellow, and what two and three of them give on top of each other
    (0, 0, 0): (255, 255, 255),
    (1, 0, 0): (0, 158, 224),
    (0, 1, 0): (226, 0, 122),
    (0, 0, 1): (255, 237, 0),
    (1, 1, 0): (49, 39, 131),
    (1, 0, 1): (0, 150, 64),
    (0, 1, 1): (227, 6, 19),
    (1, 1, 1): (54, 47, 45),
}


def inks_profile() -> bytes:
    """An ICC v2 printer profile, CMYK -> Lab by a table of 3 x 3 x 3 x 3 points: INKS between which the tones are mixed (Neugebauer), black over them."""
    corners = {inks: lab_of(colour) for inks, colour in INKS.items()}

    def at(cyan: float, magenta: float, yellow: float, black: float) -> np.ndarray:
        mix = sum(np.prod([part if ink else 1 - part for part, ink in zip((cyan, magenta, yellow), inks, strict=True)]) * lab for inks, lab in corners.items())
        return mix * (1 - black) + np.array([8.0, 0.0, 0.0]) * black

    points = [at(*(np.array(place) / 2)) for place in np.ndindex(3, 3, 3, 3)]
    table = b"".join(bytes(round(value) for value in (lab[0] * 2.55, lab[1] + 128, lab[2] + 128)) for lab in points)
    straight = bytes(range(256))
    one = struct.pack(">9i", *(65536 if i % 4 == 0 else 0 for i in range(9)))
    lut = b"mft1\0\0\0\0" + bytes([4, 3, 3, 0]) + one + straight * 4 + table + straight * 3
    white = b"XYZ \0\0\0\0" + struct.pack(">iii", round(0.9642 * 65536), 65536, round(0.8249 * 65536))
    words = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"INKS\0" + bytes(79)
    return icc(b"prtrCMYKLab ", {b"desc": words, b"wtpt": white, b"A2B0": lut, b"cprt": b"text\0\0\0\0none\0"})


def lab_of(colour: tuple[int, int, int]) -> np.ndarray:
    """sRGB -> CIE Lab under D50, which is what profiles speak (Bradford-adapted matrix of IEC 61966-2-1)."""
    encoded = np.array(colour, float) / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    xyz = np.array([[0.4361, 0.3851, 0.1431], [0.2225, 0.7169, 0.0606], [0.0139, 0.0971, 0.7141]]) @ linear / [0.9642, 1, 0.8249]
    x, y, z = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def print_jpeg(inks: np.ndarray, *, ycck: bool, **options) -> bytes:
    """A CMYK JPEG as Adobe's programs write it, inverted, of (H, W, 4) uint8 inks. Pillow writes no YCCK, so its values are put in as if they were
    inks, and the marker that says which they are is changed.
    """
    if not ycck:
        return saved(Image.fromarray(inks, "CMYK"), "JPEG", quality=100, subsampling=0, **options)
    # Of the inverted inks 255 - C the transform takes the inverse again as red, and so on: YCbCr of (C, M, Y) (ITU-T T.872, 6.5.3)
    luma = np.asarray(Image.fromarray(np.ascontiguousarray(inks[..., :3]), "RGB").convert("YCbCr"))
    data = saved(Image.fromarray(np.dstack([255 - luma, inks[..., 3]]), "CMYK"), "JPEG", quality=100, subsampling=0, **options)
    place = data.index(b"Adobe") + 11
    assert data[place] == 0, "Adobe's marker: no transform"
    return data[:place] + b"\2" + data[place + 1 :]


PATCHES = [
    (255, 0, 0, 0),
    (0, 255, 0, 0),
    (0, 0, 255, 0),
    (255, 255, 0, 0),
    (0, 255, 255, 0),
    (0, 0, 0, 0),
    (0, 0, 0, 255),
    (40, 90, 200, 60),
    (128, 64, 32, 0),
]


@pytest.mark.parametrize("ycck", [False, True], ids=["cmyk", "ycck"])
def test_bad_input_10_print_colours_come_out_as_littlecms_says(ycck):
    patches = np.kron(np.array(PATCHES, np.uint8).reshape(3, 3, 4), np.ones((16, 16, 1))).astype(np.uint8)
    profile = inks_profile()
    data = print_jpeg(patches, ycck=ycck, icc_profile=profile)
    with Image.open(io.BytesIO(data)) as file:
        assert file.mode == "CMYK"
        assert file.info["adobe_transform"] == (2 if ycck else 0)
    came = images.ingest(data)
    assert came.warnings == ()
    here = opened(data)[8::16, 8::16].astype(int)
    source, srgb = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
    asked = np.asarray(ImageCms.profileToProfile(Image.fromarray(patches, "CMYK"), source, srgb, outputMode="RGB"))[8::16, 8::16].astype(int)
    assert np.abs(here - asked).max() <= 4, "but for what JPEG loses"
    for patch, inks in (((0, 0), (1, 0, 0)), ((0, 1), (0, 1, 0)), ((0, 2), (0, 0, 1)), ((1, 0), (1, 1, 0)), ((1, 1), (0, 1, 1)), ((1, 2), (0, 0, 0))):
        assert np.abs(lab_of(tuple(here[patch])) - lab_of(INKS[inks])).max() < 6, "littleCMS read our table: the inks' own colours, but for black"


def test_bad_input_10_without_a_profile_ycck_is_read_as_cmyk_is():
    patches = np.kron(np.array(PATCHES, np.uint8).reshape(3, 3, 4), np.ones((16, 16, 1))).astype(np.uint8)
    here, there = (opened(print_jpeg(patches, ycck=ycck)).astype(int) for ycck in (False, True))
    assert np.abs(here - there).max() <= 4
    assert here[8, 8].tolist() == [0, 255, 255], "cyan"


def test_bad_input_11_deep_grey_is_scaled_and_not_clipped():
    ramp = np.linspace(0, 65535, 256).round().astype(np.uint16).reshape(16, 16)
    assert np.array_equal(opened(saved(Image.fromarray(ramp)))[..., 0], np.rint(ramp / 257).astype(np.uint8))
    assert np.array_equal(opened(saved(Image.fromarray(ramp), "TIFF"))[..., 1], np.rint(ramp / 257).astype(np.uint8))
    rows = b"".join(b"\0" + struct.pack(">24H", *([1000, 30000, 65535] * 8)) for _ in range(8))
    assert np.abs(opened(png((b"IDAT", zlib.compress(rows)), END, depth=16))[0, 0].astype(int) - (4, 117, 255)).max() <= 1


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGBA", "RGBX", "YCbCr", "I;16", "I", "F"])
def test_bad_input_11_every_mode(mode):
    grey = np.kron([[0, 255], [255, 0]], np.ones((8, 8))).astype(np.uint8)
    full = {"I;16": 65535, "I": 65535, "F": 255}.get(mode)
    if full:
        picture = Image.fromarray((grey.astype(np.float32) / 255 * full).astype({"I;16": np.uint16, "I": np.int32, "F": np.float32}[mode]))
    else:
        picture = Image.fromarray(grey).convert("RGB").convert("P").convert("PA") if mode == "PA" else Image.fromarray(grey).convert("RGB").convert(mode)
    format = "PNG" if mode in ("1", "L", "LA", "P", "RGBA", "I;16") else "TIFF"
    try:
        data = saved(picture, format)
    except OSError:
        pytest.skip(f"Pillow writes no {mode}")
    assert np.abs(opened(data)[..., :3].astype(int) - grey[..., None]).max() <= 1


def test_bad_input_11_transparent_palettes_and_greys():
    palette = Image.new("P", (16, 16), 1)
    palette.putpalette([0, 0, 0, 255, 0, 0])
    assert opened(saved(palette, transparency=1))[0, 0].tolist() == [255, 0, 0, 0]
    assert opened(saved(Image.new("L", (16, 16), 7), transparency=7))[0, 0].tolist() == [7, 7, 7, 0]
    assert opened(saved(Image.new("RGB", (16, 16), (1, 2, 3)), transparency=(1, 2, 3)))[0, 0, 3] == 0


def test_bad_input_12_hidden_colours_do_not_come_out():
    clear = saved(Image.new("RGBA", (16, 16), (255, 0, 0, 0)))
    stored = images.ingest(clear).data
    assert images.decode(stored).min() == 1
    assert images.decode(stored, background=(0.0, 0.0, 0.0)).max() == 0
    with Image.open(io.BytesIO(images.thumbnail(stored, 16))) as shown:
        assert min(shown.convert("RGB").getpixel((8, 8))) > 250
    assert opened(saved(Image.new("RGBA", (16, 16), (9, 9, 9, 255)))).shape[2] == 3, "a full alpha is none"


def test_bad_input_14_colour_profiles():
    p3 = wide_gamut()
    red = saved(Image.new("RGB", (16, 16), (200, 100, 50)), icc_profile=p3)
    here = opened(red)[0, 0].astype(int)
    assert np.abs(here - reference(p3, (200, 100, 50))).max() <= 1
    assert here[0] > 205, "the wider gamut's red is a stronger red in sRGB"
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert np.array_equal(opened(small(icc_profile=srgb)), pixels())
    came = images.ingest(small(icc_profile=b"garbage" * 50))
    assert "profile is broken" in came.warnings[0]
    clear = Image.fromarray(np.dstack([pixels(), np.full((16, 24), 128, np.uint8)]))
    assert opened(saved(clear, icc_profile=p3)).shape == (16, 24, 4)


def wide_gamut() -> bytes:
    """An ICC v2 matrix profile with Display P3's primaries (D50-adapted) and gamma 2.2."""

    def fixed(*values: float) -> bytes:
        return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(value * 65536)) for value in values)

    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(2.2 * 256)) + b"\0\0"
    words = b"desc\0\0\0\0" + struct.pack(">I", 3) + b"P3\0" + bytes(79)
    tags = {b"desc": words, b"wtpt": fixed(0.9642, 1, 0.8249), b"rXYZ": fixed(0.5151, 0.2412, -0.0011), b"gXYZ": fixed(0.2920, 0.6922, 0.0419)}
    tags |= {b"bXYZ": fixed(0.1571, 0.0666, 0.7841), b"rTRC": curve, b"gTRC": curve, b"bTRC": curve, b"cprt": b"text\0\0\0\0none\0"}
    return icc(b"mntrRGB XYZ ", tags)


def icc(kind: bytes, tags: dict[bytes, bytes]) -> bytes:
    """An ICC v2 profile of these tags; `kind` is its class, its colours and the space it connects them to."""
    table, body, place = b"", b"", 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        data += bytes(-len(data) % 4)
        table += name + struct.pack(">II", place + len(body), len(data))
        body += data
    head = bytearray(128)
    head[0:4] = struct.pack(">I", place + len(body))
    head[8:12], head[12:24], head[36:40] = b"\x02\x10\0\0", kind, b"acsp"
    head[68:80] = struct.pack(">iii", round(0.9642 * 65536), 65536, round(0.8249 * 65536))
    return bytes(head) + struct.pack(">I", len(tags)) + table + body


def reference(profile: bytes, colour: tuple[int, int, int]) -> np.ndarray:
    """The same by hand: linearise, P3 -> XYZ (D50) -> sRGB, encode."""
    linear = (np.array(colour) / 255) ** 2.2
    xyz = np.array([[0.5151, 0.2920, 0.1571], [0.2412, 0.6922, 0.0666], [-0.0011, 0.0419, 0.7841]]) @ linear
    rgb = np.array([[3.1339, -1.6169, -0.4906], [-0.9788, 1.9161, 0.0335], [0.0719, -0.2290, 1.4052]]) @ xyz
    rgb = rgb.clip(0, 1)
    return np.rint(255 * np.where(rgb <= 0.0031308, 12.92 * rgb, 1.055 * rgb ** (1 / 2.4) - 0.055))


def test_bad_input_14_a_grey_profile_fits_a_grey_picture_with_alpha():
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(1.0 * 256)) + b"\0\0"
    white = b"XYZ \0\0\0\0" + struct.pack(">iii", round(0.9642 * 65536), 65536, round(0.8249 * 65536))
    words = b"desc\0\0\0\0" + struct.pack(">I", 2) + b"G\0" + bytes(82)
    tags = {b"desc": words, b"wtpt": white, b"kTRC": curve, b"cprt": b"text\0\0\0\0none\0"}
    profile = icc(b"mntrGRAYXYZ ", tags)
    for mode, colour in (("L", 55), ("LA", (55, 99))):
        came = images.ingest(saved(Image.new(mode, (16, 16), colour), icc_profile=profile))
        assert came.warnings == ()
        with Image.open(io.BytesIO(came.data)) as picture:
            assert abs(picture.getpixel((3, 3))[0] - 128) <= 2, "linear 55/255 is sRGB 128"

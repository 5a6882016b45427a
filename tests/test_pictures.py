"""Pictures as Python objects: whatever a user has at hand gives the pixels that the same file gives."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

import huafang
from huafang import images, pictures
from huafang.errors import BadInput

RGB = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
ALPHA = np.dstack([RGB, np.full((20, 30), 255, np.uint8)])


def pixels(source: object) -> np.ndarray:
    return (images.decode(images.ingest(pictures.file_bytes(source)).data)[0].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)


def png() -> bytes:
    out = io.BytesIO()
    Image.fromarray(RGB).save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize(
    "source",
    [
        png(),
        bytearray(png()),
        memoryview(png()),
        io.BytesIO(png()),
        Image.fromarray(RGB),
        Image.fromarray(ALPHA),
        RGB,
        ALPHA,
        RGB[:, ::-1][:, ::-1],
        RGB.transpose(2, 0, 1),
        RGB.astype(np.float32) / 255,
        RGB.astype(np.float64) / 255,
        RGB.astype(np.uint16) << 8,
        torch.from_numpy(RGB).permute(2, 0, 1),
        (torch.from_numpy(RGB).permute(2, 0, 1)[None] / 255).requires_grad_(),
    ],
    ids=lambda one: type(one).__name__,
)
def test_one_picture_in_many_shapes(source):
    assert np.array_equal(pixels(source), RGB)


def test_tensors_of_half_precision_round():
    tensor = torch.rand(3, 8, 9, generator=torch.Generator().manual_seed(0))
    assert pixels(tensor).shape == (8, 9, 3)
    assert np.abs(pixels(tensor.bfloat16()).astype(int) - pixels(tensor)).max() <= 2


@pytest.mark.parametrize("mode", ["1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV", "LAB", "I", "F", "I;16"])
def test_every_mode_of_pil(mode):
    picture = Image.new(mode, (9, 8)) if mode in ("I;16", "La", "RGBa", "PA", "LAB", "HSV", "RGBX") else Image.fromarray(RGB).convert(mode)
    assert pixels(picture).shape[2] == 3


def test_floats_of_pil_are_taken_by_their_range():
    grey = Image.fromarray(RGB).convert("L")
    unit = Image.fromarray(np.asarray(grey, np.float32) / 255)
    assert np.array_equal(pixels(grey.convert("F")), pixels(grey))
    assert np.array_equal(pixels(unit), pixels(grey))


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (np.zeros((5, 5, 6), np.uint8), "an array of 5 × 5 × 6 is no picture; allowed are height × width"),
        (np.zeros((0, 5, 3), np.uint8), "is no picture"),
        (np.full((8, 8), 255.0), r"floats must be in \[0, 1\]; these run from 255 to 255. Divide by 255"),
        (np.full((8, 8), np.nan), "NaN"),
        (np.zeros((8, 8), np.int64), "numbers of type int64 have no range; allowed are uint8"),
        (io.StringIO("x"), "open it with mode 'rb'"),
        (object(), "object is no picture; allowed are a path, bytes"),
        ([RGB], "list is no picture"),
    ],
)
def test_what_is_no_picture_is_told_what_is(source, why):
    with pytest.raises(BadInput, match=why):
        pictures.file_bytes(source)


def test_stylize_takes_arrays_and_a_notebook_shows_the_result():
    painted = huafang.stylize(RGB, style=torch.from_numpy(RGB).permute(2, 0, 1), method="colour_transfer")
    assert repr(painted) == "<Painting by colour_transfer: 30 × 20 pixels>"
    assert Image.open(io.BytesIO(painted._repr_png_())).size == (30, 20)
    again = huafang.stylize(io.BytesIO(png()), style=[Image.fromarray(RGB)], method="colour_transfer")
    assert torch.equal(again.result.images[0], painted.result.images[0])

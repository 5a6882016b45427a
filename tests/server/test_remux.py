"""Films as they are stored: the same pictures at the same times, the same sound, and nothing else that lay in the file."""

import contextlib
import io
import struct
from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huafang import video
from huafang.errors import BadInput, HuafangError
from huafang.server import decoder as decoding
from huafang.server import remux
from huafang.server.remux import rewritten
from tests.films import film, frames, hums
from tests.server.conftest import upload

PICTURES = frames(12)
UNEVEN = [40 * number + number * number % 17 for number in range(12)]
KINDS = [
    ("mp4", "libx264", "aac"),
    ("mp4", "mpeg4", None),
    ("mov", "libx264", "pcm_s16le"),
    ("mov", "mjpeg", None),
    ("avi", "mjpeg", "pcm_s16le"),
    ("avi", "mpeg4", "libmp3lame"),
    ("avi", "libx264", None),
    ("matroska", "libx264", "libmp3lame"),
    ("matroska", "ffv1", "flac"),
    ("webm", "libvpx-vp9", None),
    ("flv", "flv1", "libmp3lame"),
    ("flv", "libx264", "aac"),
    ("asf", "wmv2", None),
    ("mpeg", "mpeg1video", "mp2"),
    ("mpegts", "mpeg2video", "mp2"),
]


def shots_of(data: bytes) -> list[video.Shot]:
    return list(video.frames_of(data))


def assert_same_film(one: bytes, other: bytes) -> None:
    first, second = shots_of(one), shots_of(other)
    assert [shot.tick for shot in first] == pytest.approx([shot.tick for shot in second], abs=100)
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize(("format", "codec", "sound"), KINDS)
def test_pictures_times_and_sound_are_kept(format, codec, sound):
    source = film(PICTURES, format, codec, rate=25, sound=sound)
    made, facts, notes = rewritten(source)
    assert notes == ()
    assert facts == video.probe(made) == video.probe(source)
    assert_same_film(source, made)
    if sound:
        (codec, *heard), (wanted, *before) = hums(made), hums(source)
        assert (codec, heard) == (wanted, pytest.approx(before, abs=0.1))
    assert video.format_of(made[:256]) == video.format_of(source[:256])
    assert rewritten(source)[0] == made, "the same bytes, and so the same id"


@pytest.mark.parametrize("format", ["mp4", "matroska"])
def test_uneven_times_are_kept(format):
    source = film(PICTURES, format, ticks=UNEVEN)
    made, facts, _ = rewritten(source)
    assert_same_film(source, made)
    assert 1 / 3 < video.probe(made).seconds / facts.seconds < 3, "a rate that the new header does not tell is measured"


def with_matrix(data: bytes, *matrix: int) -> bytes:
    place = data.index(b"tkhd") + 4 + 40
    a, b, c, d = (value << 16 for value in matrix)
    return data[:place] + b"".join(value.to_bytes(4, "big", signed=True) for value in (a, b, 0, c, d, 0, 0, 0, 1 << 30)) + data[place + 36 :]


@pytest.mark.parametrize("matrix", [(0, 1, -1, 0), (-1, 0, 0, 1), (0, 1, 1, 0), (-1, 0, 0, -1)])
def test_how_it_was_held_is_kept(matrix):
    source = with_matrix(film(PICTURES), *matrix)
    made, *_ = rewritten(source)
    assert_same_film(source, made)
    assert not np.array_equal(shots_of(made)[0].pixels, shots_of(film(PICTURES))[0].pixels)


def test_pixels_that_are_not_square_stay_so():
    for format, codec in (("mp4", "libx264"), ("avi", "mpeg4"), ("matroska", "mpeg4")):
        out = io.BytesIO()
        with av.open(out, "w", format=format) as container:
            stream = container.add_stream(codec, rate=25)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            stream.codec_context.sample_aspect_ratio = Fraction(16, 11)
            for picture in PICTURES:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode())
        assert video.probe(out.getvalue()).aspect == Fraction(16, 11)
        assert rewritten(out.getvalue())[1].aspect == video.probe(rewritten(out.getvalue())[0]).aspect


def test_what_an_edit_list_cuts_away_is_not_shown_again():
    source = bytearray(film(PICTURES))
    place = source.index(b"elst") + 12
    length, begin, rate = struct.unpack(">Iii", source[place : place + 12])
    source[place : place + 12] = struct.pack(">Iii", length, begin + 4 * 1024, rate)  # four frames at 10 a second
    whole = bytes(source)
    assert len(shots_of(whole)) == video.probe(whole).frames == 8
    made, facts, _ = rewritten(whole)
    assert facts.frames == 8
    assert_same_film(whole, made)


def told(format: str, tags: dict[str, str]) -> bytes:
    """A film with these tags on the file and its streams, a cover, and subtitles where the format has them."""
    out = io.BytesIO()
    with av.open(out, "w", format=format, options={"movflags": "use_metadata_tags"} if format in ("mp4", "mov") else {}) as container:
        container.metadata.update(tags)
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.metadata.update(tags)
        if format == "matroska":
            container.add_attachment("where.txt", "text/plain", b"+52.5200")
        for picture in PICTURES:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return out.getvalue()


@pytest.mark.parametrize("format", ["mp4", "mov", "avi", "matroska"])
@pytest.mark.parametrize("tail", [b"<script>alert(1)</script>", b"PK\x03\x04script", b"\x00\x00\x00\x18freescript" + bytes(12)])
def test_where_it_was_taken_and_a_second_file_behind_it_are_not_stored(client, format, tail):
    tags = {"location": "+52.5200+013.4050/", "com.apple.quicktime.location.ISO6709": "+52.5200+013.4050/", "title": "SECRET", "comment": "SECRET"}
    source = told(format, tags) + tail
    assert b"SECRET" in source
    made = upload(client, source, "clip").json()
    stored = client.get(f"/api/assets/{made['id']}").content
    for word in (b"+52.5", b"SECRET", b"script", b"where.txt"):
        assert word not in stored
    assert_same_film(source, stored)


def test_what_it_was_made_with_is_read_before_it_is_left_out(client):
    out = io.BytesIO()
    with av.open(out, "w", format="mp4", options={"movflags": "use_metadata_tags"}) as container:
        container.metadata["huafang"] = '{"params": {"method": "image_filters", "seed": 3}}'
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(PICTURES[0], format="rgb24")))
        container.mux(stream.encode())
    made = upload(client, out.getvalue(), "clip.mp4").json()
    assert made["made_with"]["params"]["seed"] == 3
    assert b"image_filters" not in client.get(f"/api/assets/{made['id']}").content


def test_a_film_that_breaks_off_is_stored_and_said_to(client):
    source = film(frames(40), "avi", "mjpeg")
    made = upload(client, source[: len(source) * 6 // 10], "clip.avi").json()
    assert "the film ends early" in made["warnings"][0]["en"]
    assert "of about 40 frames" in made["warnings"][0]["en"]
    assert "影片提前结束" in made["warnings"][0]["zh"]


def test_damage_costs_its_own_frames_when_stored_too():
    source = bytearray(film(frames(30), "avi", "mjpeg"))
    middle = len(source) // 2
    source[middle : middle + 400] = bytes(400)
    first, second = shots_of(bytes(source)), shots_of(rewritten(bytes(source))[0])
    apart = [number for number, (a, b) in enumerate(zip(first, second, strict=True)) if not np.array_equal(a.pixels, b.pixels)]
    assert len(first) >= 28
    assert [shot.tick for shot in first] == pytest.approx([shot.tick for shot in second], abs=100)
    assert len(apart) <= 2, "the decoder fills what is missing of a damaged frame with whatever it holds"


def test_sound_that_no_container_takes_is_left_out_and_said(monkeypatch):
    written = remux._written
    monkeypatch.setattr(remux, "_written", lambda data, format, *, sound: None if sound else written(data, format, sound=False))
    source = film(PICTURES, sound="aac")
    made, _, notes = rewritten(source)
    assert notes == (video.UNHEARD,)
    assert video.probe(made).sound is None
    assert_same_film(source, made)


def test_a_film_that_cannot_be_rewritten_is_refused(monkeypatch):
    monkeypatch.setattr(remux, "_written", lambda data, format, *, sound: film(PICTURES[1:]))
    with pytest.raises(BadInput, match="cannot be stored") as caught:
        rewritten(film(PICTURES))
    assert "ffmpeg" in (caught.value.hint or "")


def test_a_webm_film_is_shown_and_not_downloaded(client):
    made = upload(client, film(PICTURES, "webm", "libvpx-vp9"), "clip.webm").json()
    assert client.get(f"/api/assets/{made['id']}").headers["content-type"] == "video/webm"


SEEDS = [film(PICTURES[:4], "mp4", sound="aac"), film(PICTURES[:4], "avi", "mjpeg", sound="pcm_s16le"), film(PICTURES[:4], "matroska", "ffv1", sound="flac")]


@settings(max_examples=80, deadline=None)
@given(
    seed=st.sampled_from(SEEDS),
    flips=st.lists(st.tuples(st.floats(0, 1) | st.floats(0, 0.05) | st.floats(0.95, 1), st.integers(0, 255)), max_size=8),
    cut=st.floats(0, 1) | st.just(1.0),
)
def test_a_damaged_film_is_stored_or_refused_and_nothing_else(seed, flips, cut):
    data = bytearray(seed)
    for place, value in flips:
        data[min(int(place * len(data)), len(data) - 1)] = value
    with contextlib.suppress(HuafangError):
        video.probe(rewritten(bytes(data[: int(cut * len(data))]))[0])


def test_whatever_a_reader_of_films_raises_is_a_refusal(monkeypatch):
    monkeypatch.setattr(decoding, "rewritten", lambda _: 1 / 0)
    with pytest.raises(BadInput, match="cannot be read as a film"):
        decoding._ingested(SEEDS[0])

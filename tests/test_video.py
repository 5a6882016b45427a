"""Films in and out: frames and their times, what is damaged or no film at all, sound, turned phones."""

import io
from fractions import Fraction

import av
import numpy as np
import pytest

from huafang import colourspaces, metadata, video
from huafang.errors import BadInput, TooLarge
from tests.films import film, frames, hums

PICTURES = frames(9)


def apart(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one.astype(float) - other).mean())


@pytest.mark.parametrize(
    ("format", "codec"), [("mp4", "libx264"), ("avi", "mjpeg"), ("matroska", "libx264"), ("mpegts", "mpeg2video"), ("flv", "flv1"), ("mov", "mjpeg")]
)
def test_frames_of_every_format_come_in_order(format, codec):
    rate = 25 if codec == "mpeg2video" else 10
    data = film(PICTURES, format, codec, rate=rate)
    assert video.is_film(data[:256])
    facts = video.probe(data)
    assert (facts.width, facts.height, facts.frames, facts.sound) == (64, 48, 9, None)
    shots = list(video.frames_of(data))
    assert [shot.number for shot in shots] == list(range(9))
    assert [shot.tick for shot in shots] == [pytest.approx(number * video.TICKS / rate, abs=100) for number in range(9)]
    for shot, picture in zip(shots, PICTURES, strict=True):
        assert apart(shot.pixels, picture) < 8
        assert apart(shot.pixels, picture) == min(apart(shot.pixels, other) for other in PICTURES)


def test_some_frames_are_the_same_frames():
    data = film(PICTURES)
    every = list(video.frames_of(data))
    assert [shot.number for shot in video.frames_of(data, range(6, 100))] == [6, 7, 8]
    for shot in video.frames_of(data, frozenset([2, 5])):
        assert np.array_equal(shot.pixels, every[shot.number].pixels)
        assert shot.tick == every[shot.number].tick


def written(pictures, ticks, source: bytes, cuts=(0, 4)) -> bytes:
    parts = []
    for first, last in zip(cuts, (*cuts[1:], len(pictures)), strict=True):
        writer = video.Writer(*pictures[0].shape[:2], Fraction(10))
        for picture, tick in zip(pictures[first:last], ticks[first:last], strict=True):
            writer.add(picture, tick - ticks[first])
        parts.append((ticks[first], writer.finish()))
    return video.joined(parts, source, {"comment": "made here", metadata.OWN: '{"params": {"prompt": "画坊"}}'})


def test_what_is_written_in_parts_is_one_film_with_its_times_and_texts():
    ticks = [0, 3000, 9000, 9500, 30000, 33003, 60000, 90000, 90100]  # as uneven as a phone's
    data = written(PICTURES, ticks, film(PICTURES))
    shots = list(video.frames_of(data))
    assert [shot.tick for shot in shots] == ticks
    for shot, picture in zip(shots, PICTURES, strict=True):
        assert apart(shot.pixels, picture) < 4
    assert abs(np.mean([shot.pixels for shot in shots]) - np.mean(PICTURES)) < 0.3, "no colour drifts on the way out and in"
    assert metadata.read(video.text_of(data))["params"] == {"prompt": "画坊"}
    assert data.index(b"moov") < data.index(b"mdat"), "a page can play what has arrived"


def test_odd_sides_are_made_even():
    pictures = [picture[:47, :63] for picture in PICTURES]
    shots = list(video.frames_of(written(pictures, [9000 * n for n in range(9)], film(PICTURES))))
    assert shots[0].pixels.shape == (48, 64, 3)
    assert apart(shots[0].pixels[:47, :63], pictures[0]) < 4


@pytest.mark.parametrize(
    ("format", "sound", "kept"), [("mp4", "aac", "aac"), ("avi", "pcm_s16le", "aac"), ("matroska", "libmp3lame", "mp3"), ("mov", "pcm_s16le", "aac")]
)
def test_sound_is_kept(format, sound, kept):
    source = film(PICTURES, format, "mjpeg" if format == "avi" else "libx264", sound=sound)
    codec, seconds, loudest = hums(written(PICTURES, [9000 * n for n in range(9)], source))
    assert codec == kept
    assert seconds == pytest.approx(0.9, abs=0.06)
    assert loudest == pytest.approx(440, abs=3)


def test_a_phone_held_upright_is_seen_upright():
    data = bytearray(film(PICTURES))
    place = data.index(b"tkhd") + 4 + 40  # the matrix of version 0: a quarter turn clockwise
    data[place : place + 36] = b"".join(value.to_bytes(4, "big", signed=True) for value in (0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30))
    facts = video.probe(bytes(data))
    assert (facts.width, facts.height) == (48, 64)
    shot = next(video.frames_of(bytes(data)))
    assert apart(shot.pixels, np.rot90(PICTURES[0], -1)) < 4


MATRICES = {
    (1, 0, 0, 1): lambda a: a,
    (0, 1, -1, 0): lambda a: np.rot90(a, -1),
    (-1, 0, 0, -1): lambda a: np.rot90(a, 2),
    (0, -1, 1, 0): lambda a: np.rot90(a, 1),
    (-1, 0, 0, 1): np.fliplr,
    (1, 0, 0, -1): np.flipud,
    (0, 1, 1, 0): lambda a: a.transpose(1, 0, 2),
    (0, -1, -1, 0): lambda a: np.rot90(a, 2).transpose(1, 0, 2),
}


@pytest.mark.parametrize(("matrix", "shown"), MATRICES.items(), ids=lambda one: None if callable(one) else str(one))
def test_every_way_of_holding_a_camera_and_of_mirroring_is_seen_as_players_show_it(matrix, shown):
    """A point (x, y) is shown at (a x + c y, b x + d y): ISO/IEC 14496-12, 6.2.2."""
    data = bytearray(film(PICTURES))
    place = data.index(b"tkhd") + 4 + 40
    a, b, c, d = (value << 16 for value in matrix)
    data[place : place + 36] = b"".join(value.to_bytes(4, "big", signed=True) for value in (a, b, 0, c, d, 0, 0, 0, 1 << 30))
    facts, shot = video.probe(bytes(data)), next(video.frames_of(bytes(data)))
    expected = shown(PICTURES[0])
    assert (facts.height, facts.width) == shot.pixels.shape[:2] == expected.shape[:2]
    assert apart(shot.pixels, expected) < 4
    assert shot.pixels.flags.c_contiguous


def test_a_display_matrix_that_shows_nothing_is_passed_over():
    data = bytearray(film(PICTURES))
    place = data.index(b"tkhd") + 4 + 40
    data[place : place + 36] = bytes(36)
    assert apart(next(video.frames_of(bytes(data))).pixels, PICTURES[0]) < 4


def test_a_mirrored_film_of_another_program(shared):
    data = (shared / "failing" / "mirror.mp4").read_bytes()
    plain = bytearray(data)
    place = plain.index(b"tkhd") + 4 + 40
    plain[place : place + 36] = b"".join(value.to_bytes(4, "big", signed=True) for value in (1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30))
    mirrored, straight = (next(video.frames_of(bytes(one))).pixels for one in (data, plain))
    assert np.array_equal(mirrored, straight[:, ::-1])


def undecodable(data: bytes) -> bytes:
    """The film with the codec of its PCM sound renamed to one that nobody knows."""
    place = data.index(b"sowt")
    return data[:place] + b"xxxx" + data[place + 4 :]


def test_sound_without_a_decoder_does_not_stop_a_film():
    source = undecodable(film(PICTURES, "mov", sound="pcm_s16le"))
    facts = video.probe(source)
    assert (facts.frames, facts.sound, facts.silent) == (9, None, True)
    made = written(PICTURES, [9000 * n for n in range(9)], source)
    assert len(list(video.frames_of(made))) == 9
    assert video.probe(made).silent is False


def test_of_several_sounds_the_first_that_can_be_decoded_is_kept():
    out = io.BytesIO()
    with av.open(out, "w", format="mov") as container:
        from tests.films import _hum

        first, second = container.add_stream("pcm_s16le", rate=44100), container.add_stream("aac", rate=44100)
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for picture in PICTURES:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
        _hum(container, first, 0.5)
        _hum(container, second, 0.9)
    source = undecodable(out.getvalue())
    assert video.probe(source).sound == "aac"
    _, seconds, loudest = hums(written(PICTURES, [9000 * n for n in range(9)], source))
    assert (seconds, loudest) == (pytest.approx(0.9, abs=0.06), pytest.approx(440, abs=3))


def test_covers_and_data_do_not_stop_a_film():
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        cover = container.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 32, 32, "yuvj420p"
        cover.disposition = 0x400
        data = container.add_data_stream("bin_data")
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        container.mux(cover.encode(av.VideoFrame.from_ndarray(PICTURES[0][:32, :32].copy(), format="rgb24")))
        for number, picture in enumerate(PICTURES):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            packet = av.Packet(b"+52.5200")
            packet.stream, packet.pts, packet.dts, packet.time_base = data, number, number, Fraction(1, 10)
            container.mux(packet)
        container.mux(stream.encode())
    source = out.getvalue()
    facts = video.probe(source)
    assert (facts.width, facts.height, facts.frames) == (64, 48, 9)
    assert len(list(video.frames_of(written(PICTURES, [9000 * n for n in range(9)], source)))) == 9


def test_a_film_of_another_program_whose_sound_nobody_decodes(shared):
    facts = video.probe((shared / "failing" / "apac_only.mp4").read_bytes())
    assert facts.silent
    assert facts.frames == 12


@pytest.mark.parametrize(
    ("raw", "read"),
    [
        ("夕阳下的城堡".encode("gbk"), "夕阳下的城堡"),
        ("a 城堡, night".encode("gbk"), "a 城堡, night"),
        ("café à la nuit".encode("latin-1"), "café à la nuit"),
        ("夕阳 café".encode(), "夕阳 café"),
        (b"\xff\xfe\x81", "ÿþ\ufffd"),
    ],
)
@pytest.mark.parametrize("format", ["mp4", "avi", "matroska"])
def test_texts_of_any_encoding_are_read_and_never_refuse_a_film(format, raw, read):
    settings = "\nSteps: 20, Sampler: Euler a, Seed: 1"  # without them a comment is no recipe
    mark = "~" * len(raw)
    out = io.BytesIO()
    with av.open(out, "w", format=format) as container:
        container.metadata["comment"] = mark + settings
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for picture in PICTURES:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    data = out.getvalue()
    assert data.count(mark.encode()) == 1
    data = data.replace(mark.encode(), raw)
    assert video.probe(data).frames == 9
    assert video.text_of(data) == {metadata.A1111: read + settings}


@pytest.mark.parametrize("count", [4294967295, 10_000_000])
def test_a_header_that_promises_the_impossible_is_not_believed(count):
    data = bytearray(film(frames(12), "avi", "mjpeg"))
    for mark, offset in ((b"avih", 8 + 16), (b"strh", 8 + 32)):
        place = data.index(mark) + offset
        data[place : place + 4] = count.to_bytes(4, "little")
    facts = video.probe(bytes(data))
    assert (facts.frames, facts.promised) == (12, None)


def test_pixels_that_are_not_square_stay_so():
    writer = video.Writer(48, 64, Fraction(10), Fraction(16, 11))
    writer.add(PICTURES[0], 0)
    data = writer.finish()
    assert video.probe(data).aspect == Fraction(16, 11)
    with av.open(io.BytesIO(video.joined([(0, data)], data, {}))) as container:
        assert container.streams.video[0].sample_aspect_ratio == Fraction(16, 11)
    assert video.probe(film(PICTURES, "avi", "mjpeg")).aspect == 1


def test_frames_without_times_are_evenly_spread():
    """AVI from old cameras and raw streams say no times, or the same one twice."""
    data = film(PICTURES, "avi", "mjpeg", ticks=None)
    assert len({shot.tick for shot in video.frames_of(data)}) == 9


@pytest.mark.parametrize("cut", [0.35, 0.6, 0.9])
def test_a_film_that_breaks_off_gives_what_there_is(cut):
    data = film(frames(40), "avi", "mjpeg")
    part = data[: int(len(data) * cut)]
    shots = list(video.frames_of(part))
    assert 0.5 * cut * 40 < len(shots) < 40
    assert video.probe(part).frames >= len(shots) - 1


@pytest.mark.parametrize(("format", "codec"), [("avi", "mjpeg"), ("matroska", "libx264"), ("webm", "libvpx-vp9"), ("flv", "flv1")])
def test_a_film_that_breaks_off_is_told_from_a_whole_one_by_its_header(format, codec):
    data = film(frames(40), format, codec)
    assert video.probe(data).promised is None
    assert video.probe(film(frames(12), format, codec, sound=None, rate=2)).promised is None
    facts = video.probe(data[: int(len(data) * 0.6)])
    assert facts.frames < 36
    assert facts.promised == pytest.approx(40, abs=1)


def test_a_still_at_the_end_of_a_film_and_longer_sound_are_no_break():
    assert video.probe(film(PICTURES, sound="aac", seconds=9)).promised is None
    assert video.probe(film(PICTURES, "matroska", sound="aac", seconds=9)).promised is None
    assert video.probe(film(frames(4), ticks=[0, 100, 5000, 9000])).promised is None


def test_damage_costs_its_own_frames():
    data = bytearray(film(frames(30), "avi", "mjpeg"))
    middle = len(data) // 2
    data[middle : middle + 400] = bytes(400)
    assert len(list(video.frames_of(bytes(data)))) >= 24


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"RIFF\x00\x00\x00\x00AVI ",
        b"\x00\x00\x00\x20ftypisom" + bytes(100),
        b"\x1aE\xdf\xa3" + bytes(300),
        b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b"\x89PNG\r\n\x1a\n" + bytes(100),
        b"hello, I am a film",
    ],
)
def test_what_is_no_film_is_refused(data):
    with pytest.raises(BadInput, match="film"):
        video.probe(data)


def test_playlists_and_pictures_are_not_even_opened():
    for data in (b"#EXTM3U\nfile:///etc/passwd", b"ffconcat version 1.0", b"\x00\x00\x00\x1cftypavif", b"GIF89a", b"RIFF\x00\x00\x00\x00WEBPVP8 "):
        assert not video.is_film(data)


@pytest.mark.parametrize(("length", "kept"), [(100_000, True), (3_000_000, False)])
def test_a_text_of_any_length_is_read_in_part_or_not_at_all(length, kept):
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        container.metadata.update({"comment": "ab:c, " * (length // 6) + "\nSteps: 20, Sampler: Euler a, Seed: 1", "title": "where I live"})
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(PICTURES[0], format="rgb24")))
        container.mux(stream.encode())
    assert list(video.text_of(out.getvalue())) == ([metadata.A1111] if kept else [])


def test_sound_alone_and_giants_are_refused(monkeypatch):
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        from tests.films import _hum

        _hum(container, container.add_stream("aac", rate=44100), 0.3)
    with pytest.raises(BadInput, match="no pictures, only sound"):
        video.probe(out.getvalue())
    monkeypatch.setattr(video, "MAX_FRAMES", 5)
    with pytest.raises(TooLarge, match="9 frames; at most 5"):
        video.probe(film(PICTURES))
    monkeypatch.setattr(video, "MAX_PIXELS", 1000)
    with pytest.raises(TooLarge, match="64 × 48"):
        video.probe(film(PICTURES))


def hdr_film(primaries: int, transfer: int, matrix: int, level: int = 600) -> bytes:
    """Ten-bit frames of one grey, Y' = `level` of 1023."""
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        stream = container.add_stream("libx265", rate=10, options={"x265-params": "log-level=none:lossless=1"})
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p10le"
        context = stream.codec_context
        context.color_primaries, context.color_trc, context.colorspace, context.color_range = primaries, transfer, matrix, 1
        for _ in range(3):
            frame = av.VideoFrame(64, 64, "yuv420p10le")
            for plane, value in zip(frame.planes, (level, 512, 512), strict=True):
                plane.update(np.full(plane.buffer_size // 2, value, np.uint16).tobytes())
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return out.getvalue()


@pytest.mark.parametrize("transfer", [colourspaces.PQ, colourspaces.HLG])
def test_an_hdr_film_is_brought_to_an_ordinary_screen(transfer):
    data = hdr_film(9, transfer, 9)
    facts = video.probe(data)
    assert facts.hdr
    assert facts.notes == (video.HDR,)
    shot = next(video.frames_of(data))
    signal = round((600 - 64) / 876 * 65535)
    grey = colourspaces.to_srgb(np.full((1, 1, 3), signal, np.uint16), colourspaces.by_code_points(9, transfer))[0, 0]
    assert np.abs(shot.pixels.astype(int) - grey).max() <= 2


def test_a_film_in_p3_is_converted_and_an_ordinary_one_is_left_as_it_is():
    wide, plain = hdr_film(12, 1, 1), hdr_film(1, 1, 1)
    for data in (wide, plain):
        facts = video.probe(data)
        assert not facts.hdr
        assert facts.notes == ()
        assert np.abs(next(video.frames_of(data)).pixels.astype(int) - round((600 - 64) / 876 * 255)).max() <= 2, "grey is grey in both"


def test_an_ordinary_comment_of_a_film_is_no_recipe():
    for comment, found in (("CCCC", False), ("a fox\nSteps: 20, Sampler: Euler a, Seed: 1", True)):
        data = film(frames(3))
        made = video.joined([(0, data)], data, {"comment": comment})
        assert (metadata.A1111 in video.text_of(made)) == found

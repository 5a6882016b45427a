"""Films in and out, in one place, through PyAV. No torch here; `av` and numpy are loaded when a film is opened.

A film from outside is told by its first bytes and opened with the reader of that one format, so that nothing is guessed and no playlist is followed. Frames are
(H, W, 3) uint8 sRGB, upright, each with its own time. What is written is H.264 in MP4, yuv420p, with the sound of the film it was made from.
"""

import heapq
import io
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huafang import colourspaces, metadata
from huafang.assets import Scratch
from huafang.errors import BadInput, TooLarge
from huafang.notes import Note

if TYPE_CHECKING:
    import numpy as np

    Frame = np.ndarray[Any, np.dtype[np.uint8]]

MAX_PIXELS = 8192 * 4320
MAX_FRAMES = 200_000
MIN_SIDE = 8
READABLE = "MP4, MOV, MKV, WebM, AVI, FLV, WMV, MPEG"
ENDINGS = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v")
"""Of names by which a film is looked for in a folder; what a file is, its first bytes tell."""
RATES_ALIKE = 3
"""Ratio up to which a header's rate of frames and the measured one may differ: a film with pauses is slower than its header says."""
TICKS = 90_000
"""Parts of a second in which times of frames are kept: whole for every frame rate in use."""
QUALITY = "18"
"""x264's constant rate factor: no loss that one sees."""
COPIED = ("aac", "mp3", "ac3", "eac3", "alac", "opus", "flac")
"""Sound that MP4 carries as it is; other sound is encoded as AAC."""
HDR = Note("the film is HDR: its brightness was brought into the range of an ordinary screen", "这是 HDR 视频：亮度已压缩到普通屏幕的范围。")
WIDE = (9, 11, 12)
"""Primaries (ITU-T H.273) of BT.2020 and P3."""
UNHEARD = Note("the film's sound is of a kind that cannot be read here, and was left out", "影片的声音格式无法读取，已略去。")


def ends_early(frames: int, promised: int) -> Note:
    """What is said of a film that breaks off after `frames` of about `promised` frames."""
    said = f"the film ends early: {frames} of about {promised} frames are there; the file is cut short"
    return Note(said, f"影片提前结束：约 {promised} 帧中只有 {frames} 帧；文件不完整。")


@dataclass(frozen=True)
class Facts:
    """What there is to know of a film before it is decoded.

    `frames` are those that the file holds; damaged ones are among them. `promised` is about how many its header speaks of, where the file breaks off before.
    """

    width: int
    height: int
    frames: int
    rate: Fraction
    sound: str | None
    """Codec of the sound that is kept with a result; None where there is none, or none that can be decoded."""
    aspect: Fraction = Fraction(1)
    """Width of a pixel by its height: old and broadcast films have no square ones."""
    promised: int | None = None
    silent: bool = False
    """It has sound, and none of it can be decoded here."""
    hdr: bool = False
    """Its frames are HDR, and are brought into the range of an ordinary screen."""

    @property
    def notes(self) -> tuple[Note, ...]:
        """What its owner may want to know, but for where it breaks off."""
        return (*((UNHEARD,) if self.silent else ()), *((HDR,) if self.hdr else ()))

    @property
    def seconds(self) -> float:
        return float(self.frames / self.rate)


def is_film(head: bytes) -> bool:
    """Whether a file that begins with these bytes (256 of them, or all) is a film of a format that is read."""
    return format_of(head) is not None


def format_of(head: bytes) -> str | None:
    """FFmpeg's name of the format of a film that begins with these bytes; None for one that is not read."""
    if head[4:8] in (b"ftyp", b"moov", b"wide", b"mdat", b"free", b"skip"):
        return None if head[8:12] in (b"avif", b"avis", b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1") else "mov"
    if head[:4] == b"RIFF":
        return "avi" if head[8:12] == b"AVI " else None
    marks = {b"\x1aE\xdf\xa3": "matroska", b"FLV\x01": "flv", b"0&\xb2u": "asf", b"\x00\x00\x01\xba": "mpeg"}
    return marks.get(head[:4]) or ("mpegts" if head[:1] == head[188:189] == b"G" else None)


def probe(data: bytes) -> Facts:
    """Look at a film: every packet is counted and the first frame decoded. Raises BadInput (`video.unreadable`) and TooLarge (`video.too_large`)."""
    with opened(data) as container:
        stream = pictures(container)
        width, height = stream.codec_context.width, stream.codec_context.height
        _check_size(width, height)
        frames, rate, promised = _counted(container, stream, Fraction(stream.average_rate or stream.guessed_rate or 25))
        heard = sound_of(container)
        silent = bool(container.streams.audio) and heard is None
        aspect = Fraction(stream.sample_aspect_ratio or 1)
    first = next(iter(frames_of(data)), None)
    if first is None or not frames:
        raise BadInput("this film holds not one frame that can be decoded", code="video.unreadable", hint=f"readable are {READABLE}")
    if frames > MAX_FRAMES:
        raise TooLarge(f"the film has {frames:,} frames; at most {MAX_FRAMES:,} are taken", code="video.too_large", hint="cut it into parts")
    turned = first.pixels.shape[:2] == (width, height) != (height, width)
    height, width = first.pixels.shape[:2]
    if min(height, width) < MIN_SIDE:
        raise BadInput(f"the film is {width} × {height}; each side must have at least {MIN_SIDE} pixels", code="video.too_small")
    codec = heard.codec.canonical_name if heard else None
    return Facts(width, height, frames, rate, codec, 1 / aspect if turned else aspect, promised, silent, first.hdr)


def _counted(container: Any, stream: Any, rate: Fraction) -> tuple[int, Fraction, int | None]:
    """How many frames there are, and how many a second; and how many there would be, had the file not broken off: told by time, since not every file has a
    frame for every moment. Where the header's `rate` is far from what the frames' times say, as in Matroska of varying rate, the times are believed.
    """
    times: list[Fraction] = []
    count = 0
    for packet in _packets(container, stream):
        if packet.is_discard:  # before or behind what an edit list shows: decoded, and not given out
            continue
        count += 1
        time = packet.pts if packet.pts is not None else packet.dts
        if time is not None and packet.time_base:
            times.append(Fraction(time * packet.time_base))
    if len(times) > 1 and (span := max(times) - min(times)) > 0:
        measured = max(((len(times) - 1) / span).limit_denominator(1001), Fraction(1, 1001))
        rate = rate if 1 / RATES_ALIKE < rate / measured < RATES_ALIKE else measured
    length = _promised_seconds(container, stream, rate)
    there = max(times) - min(times) + 1 / rate if times else Fraction(count) / rate
    missing = length - there if length is not None else Fraction(0)
    promised = count + round(missing * rate)
    return count, rate, promised if missing > max(Fraction(1, 2), 2 / rate) and promised <= MAX_FRAMES else None  # more is no promise but a broken header


def _promised_seconds(container: Any, stream: Any, rate: Fraction) -> Fraction | None:
    """How long the pictures last by the file's header; None where it says nothing of them alone, as MPEG does, of which every part is whole."""
    if stream.frames:
        return Fraction(stream.frames) / rate
    told = re.fullmatch(r"(\d+):(\d+):(\d+(?:\.\d+)?)", stream.metadata.get("DURATION", ""))  # Matroska: written when the file is finished
    if told:
        return 3600 * Fraction(told[1]) + 60 * Fraction(told[2]) + Fraction(told[3])
    alone = container.format.name == "flv" and not container.streams.audio
    return Fraction(container.duration, 1_000_000) if alone and container.duration else None


def text_of(data: bytes) -> dict[str, str]:
    """The texts in a film's header that `metadata.read` understands, under the names by which it knows them. Raises BadInput."""
    with opened(data) as container:
        texts = {key.lower(): _decoded_text(value) for key, value in container.metadata.items()}  # Matroska's names are in capitals
        if metadata.has_settings(comment := texts.pop("comment", "")):
            texts[metadata.A1111] = comment
        return metadata.known(texts)


def _decoded_text(text: str) -> str:
    """A text of a header, in which bytes that are not UTF-8 stand as surrogates: in GBK where such bytes come in pairs, as they do in Chinese, else Latin-1."""
    try:
        text.encode()
        return text
    except UnicodeEncodeError:
        raw = text.encode("utf-8", "surrogateescape")
    runs = re.findall(rb"[\x80-\xff]+", raw)
    if all(len(run) % 2 == 0 for run in runs):
        try:
            return raw.decode("gbk")
        except UnicodeDecodeError:
            pass
    return raw.decode("cp1252", "replace")


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise TooLarge(f"the film is {width} × {height}; at most {MAX_PIXELS / 1e6:.0f} megapixels a frame are taken", code="video.too_large")


@dataclass(frozen=True)
class Shot:
    """A frame: its number, its time in ticks from the film's start, and its pixels, (H, W, 3)."""

    number: int
    tick: int
    pixels: "Frame"
    hdr: bool = False


def frames_of(data: bytes, numbers: "range | frozenset[int] | None" = None) -> Iterator[Shot]:
    """The frames of a film in order; of all that are decoded, those of `numbers` are given. What cannot be decoded is passed over."""
    with opened(data) as container:
        stream = pictures(container)
        stream.thread_type = "AUTO"
        rate, last = stream.average_rate or stream.guessed_rate or Fraction(25), -1
        origin: Fraction | None = None
        for number, frame in enumerate(_decoded(container, stream)):
            time = Fraction(frame.pts * frame.time_base) if frame.pts is not None and frame.time_base else None
            if origin is None:
                origin = time or Fraction(0)
            tick = round((time - origin if time is not None else Fraction(number) / rate) * TICKS)
            last = max(tick, last + 1)
            _check_size(frame.width, frame.height)  # it may change on the way
            if numbers is None or number in numbers:
                yield Shot(number, last, _upright(frame), _is_hdr(frame))
            if isinstance(numbers, frozenset) and number >= max(numbers):
                return


def first_picture(data: bytes) -> bytes:
    """The first frame as a PNG. Raises BadInput."""
    from PIL import Image

    first = next(frames_of(data, frozenset([0])), None)
    if first is None:
        raise BadInput("this film holds not one frame that can be decoded", code="video.unreadable")
    out = io.BytesIO()
    Image.fromarray(first.pixels).save(out, "PNG", compress_level=1)
    return out.getvalue()


def _decoded(container: Any, stream: Any) -> Iterator[Any]:
    import av

    broken = 0
    for packet in _packets(container, stream, flush=True):
        try:
            yield from packet.decode()
        except av.error.FFmpegError:  # a damaged part costs its own frames alone
            broken += 1
            if broken > 1000:
                return


def _packets(container: Any, stream: Any, *, flush: bool = False) -> Iterator[Any]:
    """The packets of a stream up to where the file breaks off."""
    import av

    try:
        for packet in container.demux(stream):
            if packet.size or flush:
                yield packet
    except av.error.FFmpegError:
        return


def _upright(frame: Any) -> "Frame":
    """The pixels of a frame. Where a file does not say which matrix its colours were made with, large films are taken as BT.709 and small ones as BT.601."""
    import numpy as np
    from av.video.reformatter import Colorspace, Interpolation

    unsaid = int(frame.colorspace) == 2
    known = (Colorspace.ITU709 if frame.height >= 720 else Colorspace.ITU601) if unsaid else None
    encoding = _encoding(frame)
    exact = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT  # the fast ways are up to two levels too dark
    if encoding:
        deep = frame.to_ndarray(format="rgb48le", src_colorspace=known, interpolation=exact)
        pixels = colourspaces.to_srgb(deep, encoding)
    else:
        pixels = frame.to_ndarray(format="rgb24", src_colorspace=known, interpolation=exact)
    return np.ascontiguousarray(_oriented(pixels, frame))


def _encoding(frame: Any) -> colourspaces.Encoding | None:
    """What a frame is converted from: HDR and wide gamuts. The primaries of old television differ from sRGB's by less than anyone sees."""
    primaries, transfer = int(frame.color_primaries), int(frame.color_trc)
    found = colourspaces.by_code_points(primaries, transfer)
    return found if found and (found.hdr or primaries in WIDE) else None


def _is_hdr(frame: Any) -> bool:
    found = _encoding(frame)
    return found is not None and found.hdr


def _oriented(pixels: "Frame", frame: Any) -> "Frame":
    """Pixels turned and mirrored as the film's display matrix says (ISO/IEC 14496-12, 6.2.2); of other angles than quarters the nearest quarter."""
    import numpy as np

    matrix = next((bytes(data) for data in frame.side_data if data.type.name == "DISPLAYMATRIX"), None)
    if matrix is None or len(matrix) < 36:
        return pixels
    a, b, _, c, d = np.frombuffer(matrix[:20], np.int32).astype(np.int64)  # a point (x, y) of the frame is shown at (a x + c y, b x + d y)
    if a * d == b * c:  # it would be shown as a line
        return pixels
    if abs(a) + abs(d) >= abs(b) + abs(c):
        mirrored, upside_down = a < 0, d < 0
    else:
        pixels, mirrored, upside_down = pixels.transpose(1, 0, 2), c < 0, b < 0
    return pixels[:: -1 if upside_down else 1, :: -1 if mirrored else 1]


def opened(data: bytes) -> Any:
    """The film, opened by the reader of its format alone. Raises BadInput."""
    import av

    format = format_of(data[:256])
    if format is None:
        raise BadInput("this file cannot be read as a film", code="video.unreadable", hint=f"readable are {READABLE}")
    try:
        return av.open(io.BytesIO(data), format=format, options={"protocol_whitelist": "none"}, metadata_errors="surrogateescape")
    except (av.error.FFmpegError, ValueError) as error:
        raise BadInput(f"this file cannot be read as a film: {_said(error)}", code="video.unreadable", hint=f"readable are {READABLE}") from error


def _said(error: BaseException) -> str:
    return " ".join(str(getattr(error, "strerror", None) or error).split())[:200]


def sound_of(container: Any) -> Any | None:
    """The first stream of sound that can be decoded."""
    return next((stream for stream in container.streams.audio if stream.codec_context is not None), None)


def pictures(container: Any) -> Any:
    """The stream of pictures: the first that is no cover of an album. Raises BadInput."""
    for stream in container.streams.video:
        if not stream.disposition & 0x400 and stream.codec_context is not None:
            return stream
    said = "its pictures are of a kind that cannot be decoded" if container.streams.video else "this file holds no pictures, only sound"
    raise BadInput(said, code="video.unreadable", hint=f"readable are {READABLE}")


class Writer:
    """H.264 into a small file of its own, with no frame that looks at a later one: such files are joined as they are (`joined`)."""

    def __init__(self, height: int, width: int, rate: Fraction, aspect: Fraction = Fraction(1)) -> None:
        import av

        self._out = io.BytesIO()
        self._container = av.open(self._out, "w", format="mp4")
        # x264 gives the same bytes for the same frames whenever the number of its threads is the same
        options = {"crf": QUALITY, "preset": "medium", "bf": "0", "threads": str(min(8, os.cpu_count() or 1))}
        self._stream: Any = self._container.add_stream("libx264", rate=rate, options=options)
        self._size = (height, width)
        self._stream.width, self._stream.height, self._stream.pix_fmt = width + width % 2, height + height % 2, "yuv420p"
        self._stream.codec_context.time_base, self._stream.codec_context.sample_aspect_ratio = Fraction(1, TICKS), aspect
        for name, value in (("colorspace", 1), ("color_primaries", 1), ("color_trc", 1), ("color_range", 1)):
            setattr(self._stream.codec_context, name, value)

    def add(self, pixels: "Frame", tick: int) -> None:
        """One more frame, (H, W, 3) of the writer's size. An odd side gets its last line twice, since yuv420p has none."""
        import av
        import numpy as np
        from av.video.reformatter import Colorspace, VideoReformatter

        assert pixels.shape[:2] == self._size, f"{pixels.shape} in a film of {self._size}"
        height, width = self._size
        even = np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge") if height % 2 or width % 2 else pixels
        frame = VideoReformatter().reformat(av.VideoFrame.from_ndarray(even, format="rgb24"), format="yuv420p", dst_colorspace=Colorspace.ITU709)
        frame.pts, frame.time_base = tick, Fraction(1, TICKS)
        self._container.mux(self._stream.encode(frame))

    def finish(self) -> bytes:
        """The whole file."""
        self._container.mux(self._stream.encode())
        self._container.close()
        return self._out.getvalue()


def joined(parts: Iterable[tuple[int, bytes]], source: bytes, text: dict[str, str]) -> bytes:
    """One MP4 of files that a `Writer` wrote, each with the tick at which it begins, with the sound of `source` and with `text` in its header."""
    import av

    files = list(parts)
    options = {"movflags": "+faststart+use_metadata_tags"}  # the index comes first, so that a page plays what has arrived; a muxer wants a real file for it
    with Scratch() as folder:
        place = Path(folder) / "film.mp4"
        with opened(source) as film, av.open(str(place), "w", options=options) as container, av.open(io.BytesIO(files[0][1]), format="mov") as first:
            container.metadata.update(text)
            streams = [_moved(files, container.add_stream_from_template(first.streams.video[0]))]
            if heard := sound_of(film):
                streams.append(_sound(film, heard, container, source))
            for _, packet in heapq.merge(*streams, key=lambda timed: timed[0]):
                container.mux(packet)
        return place.read_bytes()


Timed = tuple[Fraction, Any]


def _moved(files: list[tuple[int, bytes]], stream: Any) -> Iterator[Timed]:
    """The packets of all parts, each moved to where its part begins."""
    import av

    for start, data in files:
        with av.open(io.BytesIO(data), format="mov") as container:
            for packet in container.demux(video=0):
                if packet.size:
                    offset = round(start / (TICKS * packet.time_base))
                    packet.pts, packet.dts, packet.stream = packet.pts + offset, packet.dts + offset, stream
                    yield Fraction(packet.dts * packet.time_base), packet


def _sound(film: Any, heard: Any, container: Any, source: bytes) -> Iterator[Timed]:
    """The sound's packets, counted from the first frame's time; copied where MP4 carries them, else encoded anew."""
    begin = _begin(source)
    if heard.codec.canonical_name in COPIED:
        return _copied(film, heard, container.add_stream_from_template(heard), begin)
    rate = heard.codec_context.sample_rate
    stream = container.add_stream("aac", rate=rate if rate in (8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000) else 48000)
    return _encoded(film, heard, stream, begin)


def _begin(source: bytes) -> Fraction:
    """The time of a film's first frame, in seconds."""
    with opened(source) as film:
        frame = next(_decoded(film, pictures(film)), None)
        return Fraction(frame.pts * frame.time_base) if frame is not None and frame.pts is not None and frame.time_base else Fraction(0)


def _copied(film: Any, heard: Any, stream: Any, begin: Fraction) -> Iterator[Timed]:
    last: int | None = None
    for packet in _packets(film, heard):
        if packet.dts is None or packet.pts is None:
            continue
        shift = round(begin / packet.time_base)
        packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
        if packet.dts < 0 or (last is not None and packet.dts <= last):
            continue
        last, packet.stream = packet.dts, stream
        yield Fraction(packet.dts * packet.time_base), packet


def _encoded(film: Any, heard: Any, stream: Any, begin: Fraction) -> Iterator[Timed]:
    for frame in _decoded(film, heard):
        if frame.pts is not None and frame.time_base:
            frame.pts -= round(begin / frame.time_base)
            if frame.pts < 0:
                continue
        for packet in stream.encode(frame):
            yield Fraction(packet.dts * packet.time_base), packet
    for packet in stream.encode(None):
        yield Fraction(packet.dts * packet.time_base), packet

"""A film from outside in a new container: its pictures and one sound copied as they are, and nothing else that lay in the file.

What a camera or a sender wrote beside them (where it was taken, a second file behind the film, subtitles, covers, data of other tracks) stays behind. The
packets of the pictures and the sound themselves are not touched.
"""

import io
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from huafang import video
from huafang.errors import BadInput
from huafang.notes import Note

CONTAINERS = {"mov": ("mp4", "mov", "matroska"), "matroska": ("webm", "matroska"), "avi": ("avi", "matroska"), "flv": ("flv", "mp4", "matroska")}
"""Formats in which a film of one format is written, the first that holds what it holds. A film of any other format stays one of it."""
REORDERED = 32
"""Packets that may come before the first whose time of decoding is known."""


def rewritten(data: bytes) -> tuple[bytes, video.Facts, tuple[Note, ...]]:
    """The film in a new container, what there is to know of it, and what its sender may want to know. The same bytes give the same bytes.

    Raises BadInput (`video.unreadable`) and TooLarge as `video.probe` does, and BadInput where no container takes it unchanged.
    """
    facts = video.probe(data)
    notes = [video.ends_early(facts.frames, facts.promised)] if facts.promised is not None else []
    notes += facts.notes
    format = video.format_of(data[:256])
    assert format is not None, "it was opened"
    for sound in (True, False) if facts.sound else (False,):
        for container in CONTAINERS.get(format, (format,)):
            made = _written(data, container, sound=sound)
            if made is not None and _same(facts, data, made):
                return made, facts, (*notes, *([video.UNHEARD] if facts.sound and not sound else []))
    hint = "convert it first, for example: ffmpeg -i FILM -map_metadata -1 out.mp4"
    raise BadInput("this film cannot be stored without the data that its file holds beside it", code="video.unreadable", hint=hint)


def _written(data: bytes, format: str, *, sound: bool) -> bytes | None:
    """The film in that format, with its sound or without; None where the format does not take what it holds."""
    import av

    out = io.BytesIO()
    try:
        with video.opened(data) as film, av.open(out, "w", format=format, options={"fflags": "+bitexact"}) as container:
            heard = video.sound_of(film) if sound else None
            sources = [stream for stream in (video.pictures(film), heard) if stream is not None]
            streams = {source.index: container.add_stream_from_template(source, opaque=True) for source in sources}
            for stream in streams.values():
                stream.metadata.clear()
            for packet in _in_order(_packets(film, sources)):
                packet.stream = streams[packet.stream_index]
                container.mux(packet)
    except (av.error.FFmpegError, ValueError):
        return None
    return out.getvalue()


def _packets(film: Any, sources: list[Any]) -> Iterator[Any]:
    """The packets up to where the file breaks off."""
    import av

    try:
        yield from (packet for packet in film.demux(sources) if packet.size)
    except av.error.FFmpegError:
        return


def _in_order(packets: Iterator[Any]) -> Iterator[Any]:
    """Packets with times of decoding that rise, as every container wants them. Matroska does not store them, and those of the first packets, which come
    out later than they are decoded, are not known; damaged films have some twice.
    """
    waiting: dict[int, list[Any]] = {}
    last: dict[int, int] = {}
    for packet in packets:
        index = packet.stream_index
        early = waiting.setdefault(index, [])
        if packet.dts is None and index not in last and packet.pts is not None and len(early) < REORDERED:
            early.append(packet)
            continue
        yield from _dated(early, packet.dts, last, index)
        early.clear()
        yield from _dated([packet], None, last, index)
    for index, early in waiting.items():
        yield from _dated(early, None, last, index)


def _dated(packets: list[Any], before: int | None, last: dict[int, int], index: int) -> Iterator[Any]:
    """`packets` with a time of decoding each: their own, or counted back from the one `before` which they come, or that of their showing."""
    for place, packet in enumerate(packets):
        if packet.dts is None and (before is not None or packet.pts is not None):
            packet.dts = before - len(packets) + place if before is not None else packet.pts
        if packet.dts is not None:
            if index in last and packet.dts <= last[index]:
                packet.dts = last[index] + 1
            if packet.pts is not None and packet.pts < packet.dts:
                packet.pts = packet.dts
            last[index] = packet.dts
        yield packet


def _same(facts: video.Facts, data: bytes, made: bytes) -> bool:
    """Whether the film that was written is the one that came: as large, with as many frames, and with the same first one."""
    try:
        found = video.probe(made)
    except BadInput:
        return False
    first, other = (next(iter(video.frames_of(film))).pixels for film in (data, made))
    unlike = replace(found, rate=facts.rate, sound=facts.sound, promised=facts.promised, silent=facts.silent)
    return unlike == facts and bool((first == other).all())

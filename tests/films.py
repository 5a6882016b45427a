"""Small films for tests, made frame by frame."""

import io
from fractions import Fraction

import av
import numpy as np
import torch

from tests.conftest import scene


def frames(count: int, height: int = 48, width: int = 64) -> list[np.ndarray]:
    """A window that glides over a scene."""
    wide = (scene(height, width + 2 * count)[0].permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()
    return [np.ascontiguousarray(wide[:, 2 * place : 2 * place + width]) for place in range(count)]


def film(pictures, format: str = "mp4", codec: str = "libx264", *, rate: int = 10, sound: str | None = None, ticks=None, seconds: float | None = None) -> bytes:
    """A film file of `pictures`; with `sound`, a tone of that codec. `ticks` are the frames' times in 1/1000 s."""
    out = io.BytesIO()
    with av.open(out, "w", format=format) as container:
        stream = container.add_stream(codec, rate=rate, options={"crf": "12"} if codec == "libx264" else {})
        stream.codec_context.thread_count = 2  # the bytes hang on it, and so does what damage does to them
        height, width = pictures[0].shape[:2]
        stream.width, stream.height, stream.pix_fmt = width, height, "yuvj420p" if codec == "mjpeg" else "yuv420p"
        if ticks:
            stream.codec_context.time_base = Fraction(1, 1000)
        tone = container.add_stream(sound, rate=44100) if sound else None
        for number, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            if ticks:
                frame.pts, frame.time_base = ticks[number], Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if tone is not None:
            _hum(container, tone, seconds or len(pictures) / rate)
    return out.getvalue()


def _hum(container, stream, seconds: float) -> None:
    wave = np.sin(np.arange(int(44100 * seconds)) * 2 * np.pi * 440 / 44100) * 8000
    for start in range(0, len(wave), 1024):
        frame = av.AudioFrame.from_ndarray(wave[None, start : start + 1024].astype(np.int16), format="s16", layout="mono")
        frame.pts, frame.sample_rate, frame.time_base = start, 44100, Fraction(1, 44100)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def hums(data: bytes) -> tuple[str, float, float]:
    """A film's sound: its codec, its length in seconds, and its loudest frequency."""
    with av.open(io.BytesIO(data)) as container:
        stream = container.streams.audio[0]
        wave = np.concatenate([frame.to_ndarray()[0].astype(float) for frame in container.decode(stream)])
        loudest = np.abs(np.fft.rfft(wave)).argmax() * stream.rate / len(wave)
        return stream.codec.canonical_name, len(wave) / stream.rate, loudest

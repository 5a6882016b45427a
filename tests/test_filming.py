"""Films through methods: every frame painted once and in order, parts kept and taken up again, cancels heard, and what a film promises over single pictures."""

import io
import threading
import time
from importlib import import_module

import av
import numpy as np
import pytest
import torch

from huafang import filming, metadata, methods, video
from huafang.context import Context, File, Result, Step
from huafang.errors import BadInput, Cancelled, Conflict
from huafang.nets import feedforward
from huafang.notes import Note
from tests.films import film, frames, hums

TAKERS = [name for name, params_class in methods.METHODS.items() if methods.films(params_class)]
COUNT = 11


@pytest.fixture
def clip(bench) -> str:
    return bench.assets.put(film(frames(COUNT), "avi", "mjpeg", sound="pcm_s16le"))


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr(filming, "PART", 4)
    monkeypatch.setattr(filming, "JUDGED", 2)


@pytest.fixture
def params(bench, clip):
    return methods.build("colour_transfer", {"content": clip, "style": [bench.style]})


class Desk(Context):
    """A context with a place for work, which records its steps, and is asked to stop after some of them."""

    def __init__(self, bench, stop_after: int | None = None, work: bool = True) -> None:
        self.steps: list[Step] = []
        stop = lambda: stop_after is not None and len(self.steps) >= stop_after  # noqa: E731
        super().__init__(bench.assets, bench.weights, report=self.steps.append, stop=stop, work=bench.root / "work" if work else None)


class Inverter:
    """A method that inverts its picture, remembers the means of what it was shown, and breaks at one of them when told to."""

    def __init__(self, break_at: int | None = None) -> None:
        self.shown: list[float] = []
        self.break_at = break_at

    def __call__(self, params, ctx) -> Result:
        if self.break_at == len(self.shown):
            raise MemoryError("as if killed")
        picture = ctx.image(params.content)
        self.shown.append(float(picture.mean()))
        ctx.step(1, 1, preview=picture)
        return Result(images=[1 - picture], notes=[Note("inverted", "反相")])


def only(result: Result) -> File:
    (file,) = result.files
    assert result.images == []
    return file


@pytest.mark.parametrize("name", TAKERS)
def test_every_method_that_takes_films_makes_one(name, bench):
    settings = import_module(f"tests.methods.test_{name}").sample(bench)
    settings["content"] = bench.assets.put(film(frames(3)))
    desk = Desk(bench)
    result = methods.run(methods.build(name, settings), desk)
    shots = list(video.frames_of(only(result).data))
    assert len(shots) == result.figures["frames"] == 3
    assert result.figures["warping_error"] >= 0
    assert [step.done for step in desk.steps] == [1, 2, 3]
    words = methods.labels(name)
    for language in ("en", "zh"):
        assert set(result.figures) <= set(words[language]["figures"]), "figures have names"


def test_frames_are_painted_in_order_and_keep_their_times_and_sound(bench, clip, params):
    restyler, desk = Inverter(), Desk(bench)
    result = filming.restyle(params, desk, restyler)
    data = only(result).data
    source, made = (list(video.frames_of(each)) for each in (bench.assets.read(clip), data))
    assert [shot.tick for shot in made] == [shot.tick for shot in source]
    for one, other in zip(source, made, strict=True):
        assert np.abs(255 - one.pixels.astype(float) - other.pixels).mean() < 5
    assert restyler.shown == [pytest.approx(shot.pixels.mean() / 255, abs=1e-4) for shot in source]
    assert hums(data)[2] == pytest.approx(440, abs=3)
    assert [(step.done, step.total) for step in desk.steps] == [(number, COUNT) for number in range(1, COUNT + 1)]
    assert desk.steps[-1].preview is not None
    assert [(note, note.zh) for note in result.notes] == [("inverted", "反相")]
    assert metadata.read(video.text_of(data))["params"] == params.model_dump(mode="json")
    assert result.figures["warping_error"] == pytest.approx(result.figures["warping_error_of_film"], rel=0.5), "an inverted film moves as it did"


def test_a_run_that_was_killed_goes_on_where_it_stopped(bench, params, small_parts):
    whole = only(filming.restyle(params, Desk(bench, work=False), Inverter())).data
    first = Inverter(break_at=9)
    with pytest.raises(MemoryError):
        filming.restyle(params, Desk(bench), first)
    again = Inverter()
    result = filming.restyle(params, Desk(bench), again)
    assert "8 of 11 frames were finished before" in result.notes
    assert len(again.shown) == 3, "the two whole parts are kept, the third is painted again"
    assert only(result).data == whole, "bit for bit as if nothing had happened"
    assert list((bench.root / "work").iterdir()) == [], "what is done leaves nothing"


def test_a_half_written_part_is_painted_again(bench, params, small_parts):
    with pytest.raises(MemoryError):
        filming.restyle(params, Desk(bench), Inverter(break_at=9))
    (folder,) = (place for place in (bench.root / "work").iterdir() if place.is_dir())
    (folder / "0001.json").unlink()  # killed between the film and what is known of it
    again = Inverter()
    filming.restyle(params, Desk(bench), again)
    assert len(again.shown) == 7


def test_other_settings_take_up_nothing(bench, clip, params, small_parts):
    with pytest.raises(MemoryError):
        filming.restyle(params, Desk(bench), Inverter(break_at=9))
    other = Inverter()
    filming.restyle(methods.build("colour_transfer", {"content": clip, "style": [bench.style], "strength": 0.5}), Desk(bench), other)
    assert len(other.shown) == COUNT


def test_a_second_run_of_the_same_film_is_refused_by_name_and_does_not_disturb_the_first(bench, params):
    whole = only(filming.restyle(params, Desk(bench, work=False), Inverter())).data
    refused = []

    def nested(params, ctx):
        if not refused:
            with pytest.raises(Conflict, match=f"another process is restyling the film {params.content[:12]}… by colour_transfer") as caught:
                filming.restyle(params, Desk(bench), Inverter())
            refused.append(caught.value.code)
        return Inverter()(params, ctx)

    assert only(filming.restyle(params, Desk(bench), nested)).data == whole
    assert refused == ["run.busy"]
    assert not list((bench.root / "work").iterdir()), "nothing is left"


def test_a_cancel_is_heard_at_the_next_frame_and_every_thread_ends(bench, params):
    before, restyler, desk = threading.active_count(), Inverter(), Desk(bench, stop_after=3)
    with pytest.raises(Cancelled):
        filming.restyle(params, desk, restyler)
    assert len(desk.steps) == 3
    assert len(restyler.shown) <= 4
    assert threading.active_count() == before


def test_what_a_method_cannot_do_is_said_and_every_thread_ends(bench, params):
    before = threading.active_count()

    def broken(params, ctx):
        raise BadInput("not this one")

    with pytest.raises(BadInput, match="not this one"):
        filming.restyle(params, Desk(bench), broken)
    assert threading.active_count() == before


def test_what_does_not_hang_on_a_frame_is_made_once(bench, params):
    made: list[int] = []

    def restyler(params, ctx):
        ctx.kept("style", lambda: made.append(1))
        return Inverter()(params, ctx)

    filming.restyle(params, Desk(bench), restyler)
    assert made == [1]


def test_a_film_that_breaks_off_is_painted_as_far_as_it_goes_and_says_so(bench):
    data = film(frames(40), "avi", "mjpeg")
    params = methods.build("colour_transfer", {"content": bench.assets.put(data[: len(data) // 2]), "style": [bench.style]})
    result = filming.restyle(params, Desk(bench), Inverter())
    count = int(result.figures["frames"])
    assert 10 < count < 30
    (note,) = [note for note in result.notes if note != "inverted"]
    assert note == f"the film ends early: {count} of about 40 frames are there; the file is cut short"
    assert note.zh == f"影片提前结束：约 40 帧中只有 {count} 帧；文件不完整。"


def test_sound_that_cannot_be_read_is_left_out_and_said(bench):
    content = bench.assets.put(film(frames(4), "mov", sound="pcm_s16le").replace(b"sowt", b"xxxx", 1))
    result = filming.restyle(methods.build("colour_transfer", {"content": content, "style": [bench.style]}), Desk(bench), Inverter())
    assert video.UNHEARD in result.notes
    assert video.probe(only(result).data).sound is None


def test_damaged_frames_are_counted(bench):
    data = bytearray(film(frames(30), "avi", "mjpeg"))
    start = data.index(b"00dc", len(data) // 2) + 8
    size = int.from_bytes(data[start - 4 : start], "little")
    data[start : start + size] = bytes(size)  # one picture, all of it
    params = methods.build("colour_transfer", {"content": bench.assets.put(bytes(data)), "style": [bench.style]})
    result = filming.restyle(params, Desk(bench), Inverter())
    count, there = int(result.figures["frames"]), video.probe(bytes(data)).frames
    assert count < there
    assert [note for note in result.notes if note != "inverted"] == [f"{count} of {there} frames could be read; the others are damaged"]


def test_what_is_said_of_a_films_size_is_that_of_the_file(bench):
    wide = bench.assets.put(film(frames(3, 54, 128), "avi", "mjpeg"))
    params = methods.build("fast_style", {"content": wide, "weights": "none", "size": 64})

    def paint(params, ctx):
        photo, notes = feedforward.brought(ctx, params.content, params.size)
        return Result(images=[photo], notes=notes)

    result = filming.restyle(params, Desk(bench, work=False), paint)
    (made,) = result.files
    facts = video.probe(made.data)
    assert (facts.width, facts.height) == (64, 28), "27 lines, and one that the format wants"
    assert result.notes == ["the photo is painted at 64 × 28; its own size is 128 × 54"]
    assert "Size: 64x28" in video.text_of(made.data)[metadata.A1111]


def test_glimpses_are_of_all_of_the_film(bench, params):
    seen: list[float] = []

    def restyler(params, ctx):
        assert ctx.filming
        seen.extend(ctx.kept("glimpses", lambda: [float(one.mean()) for one in ctx.glimpses(params.content, 4)]))
        return Inverter()(params, ctx)

    filming.restyle(params, Desk(bench), restyler)
    means = [shot.pixels.mean() / 255 for shot in video.frames_of(bench.assets.read(params.content))]
    assert seen[:4] == [pytest.approx(means[number], abs=1e-4) for number in (1, 4, 6, 9)]


def test_frames_that_change_their_size_are_brought_to_the_first(bench):
    """A stream may change its size on the way (MPEG-TS does): the film keeps one."""
    out = io.BytesIO()
    for height in (48, 64):
        with av.open(part := io.BytesIO(), "w", format="mpegts") as container:
            stream = container.add_stream("mpeg2video", rate=25)
            stream.width, stream.height, stream.pix_fmt = 64, height, "yuv420p"
            for picture in frames(4, height):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode())
        out.write(part.getvalue())
    params = methods.build("colour_transfer", {"content": bench.assets.put(out.getvalue()), "style": [bench.style]})
    shots = list(video.frames_of(only(filming.restyle(params, Desk(bench), Inverter())).data))
    assert {shot.pixels.shape for shot in shots} == {(48, 64, 3)}
    assert len(shots) >= 6


def test_a_picture_stays_a_picture_and_a_method_for_pictures_takes_no_film(bench, params):
    still = methods.run(params.model_copy(update={"content": bench.content}), bench.context())
    assert (len(still.images), still.files) == (1, [])
    with pytest.raises(BadInput, match="cannot be read as a picture"):
        methods.run(methods.build("gatys", {"content": params.content, "style": [bench.style], "steps": 1}), bench.context())


def test_cap_vstnet_treats_every_frame_of_a_film_alike(bench):
    """What does not change from frame to frame does not change in the result, though half of the picture does: its features all go through one map."""
    dark, light = (frame.copy() for frame in frames(2, 48, 160))
    light[:] = dark
    light[:, 120:] = 255
    from tests.methods.test_cap_vstnet import sample

    settings = sample(bench) | {"size": 160}
    made = methods.run(methods.build("cap_vstnet", settings | {"content": bench.assets.put(film([dark, light], "avi", "mjpeg"))}), Desk(bench))
    film_change = np.subtract(*[shot.pixels[:, :60].astype(float) for shot in video.frames_of(only(made).data)])
    stills = [torch.from_numpy(frame).permute(2, 0, 1)[None] / 255 for frame in (dark, light)]
    pictures = [methods.run(methods.build("cap_vstnet", settings | {"content": bench.put(still)}), bench.context()).images[0] for still in stills]
    picture_change = 255 * (pictures[0] - pictures[1])[..., :60]
    assert np.abs(film_change).mean() < 2
    assert float(picture_change.abs().mean()) > 4 * np.abs(film_change).mean()


@pytest.mark.parametrize(("own", "result", "flickers"), [(0.0005, 0.0059, True), (0.0005, 0.0006, False), (0.0, 0.0008, False), (0.0, 0.01, True)])
def test_a_result_that_flickers_is_said_to(own, result, flickers):
    notes = filming._flicker({"warping_error": result, "warping_error_of_film": own})
    assert bool(notes) == flickers
    if own and flickers:
        assert (notes[0], notes[0].zh) == ("the result flickers: about 12 times as much as the film itself", "画面有闪烁：约为原视频的 12 倍。")


def test_parts_are_thrown_away_when_nobody_came_back_and_not_for_a_clock_that_jumps_or_a_run_that_goes_on(bench, monkeypatch):
    from filelock import FileLock

    class Clock:
        now = time.time()

        def time(self) -> float:
            return self.now

    clock = Clock()
    monkeypatch.setattr(filming, "time", clock)
    work = bench.root / "work"
    left, used, training = work / ("a" * 32), work / ("b" * 32), work / "training"
    for folder in (left, used, training):
        folder.mkdir(parents=True)
        (folder / "0000.mp4").write_bytes(b"a part")
    began = clock.now
    for jump in (400, -400, 0, 400, 0):
        clock.now = began + jump * 86400
        filming._tidy(work)
    assert (left / "0000.mp4").exists(), "the clock was set ahead, twice"
    with FileLock(f"{used}.lock"):
        for day in (15, 17, 19, 21):
            clock.now = began + 400 * 86400 + day * 86400
            filming._tidy(work)
        assert not left.exists()
        assert (used / "0000.mp4").exists(), "somebody is at it"
    for _ in range(2):
        clock.now += 2 * 86400
        filming._tidy(work)
    assert not used.exists()
    assert not list(work.glob("*.forgotten"))
    assert (training / "0000.mp4").exists(), "trainings are never thrown away"


def test_a_run_that_is_taken_up_again_is_no_longer_forgotten(bench, params, small_parts, monkeypatch):
    desk = Desk(bench, stop_after=6)
    with pytest.raises(Cancelled):
        filming.restyle(params, desk, Inverter())
    (folder,) = (place for place in (bench.root / "work").iterdir() if place.is_dir())
    filming._marker(folder).touch()
    with pytest.raises(Cancelled):
        filming.restyle(params, Desk(bench, stop_after=1), Inverter())
    assert not filming._marker(folder).exists()

"""The processes that decode strangers' files: what one file can cost, and whom."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from huafang.assets import Assets
from huafang.errors import BadInput
from huafang.server import decoder as decoding
from huafang.server.decoder import Decoder
from tests.conftest import run_async
from tests.server.busy import burn, doze
from tests.server.conftest import picture


@pytest.fixture
def decoder():
    made = Decoder()
    yield made
    made.close()


def processes(decoder: Decoder) -> list[int]:
    return [pid for seat in decoder.uploads.seats if seat._pool for pid in seat._pool._processes]


@pytest.mark.parametrize(("limit", "function"), [("CPU_SECONDS", burn), ("TIMEOUT", doze)])
def test_a_file_that_takes_too_long_costs_its_own_upload_and_no_other(monkeypatch, decoder, limit, function):
    async def attack():
        await asyncio.gather(decoder.ingest(picture()), decoder.ingest(picture()))  # both processes are up
        monkeypatch.setattr(decoding, limit, 1)
        bomb = asyncio.ensure_future(decoder.uploads.call(function, 10_000))
        await asyncio.sleep(0)
        monkeypatch.undo()
        good = [await decoder.ingest(picture(colour=(i, 0, 0))) for i in range(5)]
        with pytest.raises(BadInput, match="given up"):
            await bomb
        assert [one.width for one in good] == [24] * 5
        assert (await decoder.ingest(picture())).width == 24
        assert decoder.uploads.free.qsize() == decoding.UPLOADERS

    run_async(attack())


def test_processor_time_is_counted_for_each_file_anew(monkeypatch, decoder):
    monkeypatch.setattr(decoding, "CPU_SECONDS", 1)

    async def scene():
        for _ in range(6):
            await decoder.thumbnails.call(burn, 0.5)  # the kernel counts for the limit in ticks, and on a busy machine up to a fifth too many

    run_async(scene())


def test_thumbnails_do_not_wait_for_uploads(tmp_path: Path, decoder):
    assets = Assets(tmp_path)
    asset = assets.put(picture())

    async def scene():
        slow = [asyncio.ensure_future(decoder.uploads.call(doze, 10_000)) for _ in range(8)]
        await asyncio.sleep(0)
        small = await decoder.thumbnail(assets, asset, 256)
        assert not any(task.done() for task in slow)
        for task in slow:
            task.cancel()
        await asyncio.gather(*slow, return_exceptions=True)
        return small

    assert run_async(scene())[8:12] == b"WEBP"


def test_a_decoder_that_is_killed_costs_nothing_when_idle(decoder):
    async def attack():
        await decoder.ingest(picture())
        seat = next(seat for seat in decoder.uploads.seats if seat._pool)
        (pid,) = seat._pool._processes
        os.kill(pid, signal.SIGKILL)
        while not seat._pool._broken:
            await asyncio.sleep(0.02)
        return (await decoder.ingest(picture())).width

    assert run_async(attack()) == 24


def test_an_upload_that_is_given_up_leaves_no_process_at_work(decoder):
    async def attack():
        await decoder.ingest(picture())
        task = asyncio.ensure_future(decoder.uploads.call(doze, 10_000))
        await asyncio.sleep(0.3)
        busy = processes(decoder)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert set(processes(decoder)) < set(busy)
        assert decoder.uploads.free.qsize() == decoding.UPLOADERS

    run_async(attack())

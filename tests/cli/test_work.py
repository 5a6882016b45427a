"""`huafang work`: the queue without the web page, on a real lane with a real method."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from huafang import images, metadata
from huafang.assets import Assets
from huafang.jobs.rows import open_database
from huafang.jobs.store import ENDED, Draft, Store
from huafang.places import places
from tests.conftest import scene, weave


@pytest.mark.skipif(sys.platform == "win32", reason="signals are different there")
def test_the_queue_is_worked_through_and_left_in_order(tmp_path: Path):
    home = places(tmp_path)
    assets, store = Assets(home.assets), Store(open_database(home.database))
    content, style = assets.put(images.encode(scene(48, 64))), assets.put(images.encode(weave(40, 40)))
    good = store.add(
        Draft("colour_transfer", {"method": "colour_transfer", "content": content, "style": [style], "seed": 7}, [content, style], "", "compute")
    ).id
    gone = store.add(Draft("colour_transfer", {"method": "colour_transfer", "content": "0" * 64, "style": [style]}, [], "", "compute")).id
    working = subprocess.Popen([sys.executable, "-m", "huafang", "work", "--data", str(tmp_path)], env={**os.environ, "OMP_NUM_THREADS": "1"})
    try:
        deadline = time.monotonic() + 90
        while any(store.get(job).state not in ENDED for job in (good, gone)) and time.monotonic() < deadline:
            time.sleep(0.05)
    finally:
        working.send_signal(signal.SIGINT)
    assert working.wait(20) == 0
    done, failed = store.get(good), store.get(gone)
    store.close()
    assert done.state == "done"
    carried = metadata.read(images.ingest(assets.read(done.outputs[0]["asset"])).text)
    assert carried["params"]["seed"] == 7
    assert (failed.state, failed.error["code"]) == ("failed", "asset.missing"), "a vanished picture fails its own job, in words"

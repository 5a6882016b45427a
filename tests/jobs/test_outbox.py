"""A posted result that was damaged, in any way, is moved aside: the server starts, and the job it names is tried again or booked whole."""

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huafang.assets import Assets
from huafang.jobs.dispatcher import Dispatcher
from huafang.jobs.rows import Row, open_database
from huafang.jobs.store import Store
from tests.jobs.conftest import draft
from tests.jobs.test_states import Puppet

MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None


def start(root: Path, spoil: Callable[[Path, dict[str, Any]], None]) -> tuple[Dispatcher, Row]:
    """A server starts over a running job whose posted result was spoiled; what became of the job."""
    store, assets = Store(open_database(f"sqlite:///{root / 'a.db'}")), Assets(root / "assets")
    store.add(draft())
    row = store.claim("compute")
    output = {"asset": assets.put(b"picture"), "name": "x.png", "media_type": "image/png", "width": 3, "height": 2}
    result = {"outputs": [output], "figures": {"loss": 0.5}, "notes": [{"en": "a", "zh": "甲"}], "seconds": 1.5}
    place = root / "outbox" / f"{row.id}-{row.attempt}.json"
    place.parent.mkdir()
    spoil(place, result)
    dispatcher = Dispatcher(store, Puppet(), assets, root / "outbox")
    dispatcher._thread.start = lambda: None
    dispatcher.start()
    return dispatcher, store.get(row.id)


def check(root: Path, dispatcher: Dispatcher, row: Row) -> None:
    """Booked whole, or waiting to be tried again; and the outbox is empty."""
    assert not list((root / "outbox").glob("*.json"))
    if row.state == "done":
        assert all(dispatcher.assets.exists(output["asset"]) for output in row.outputs)
        json.dumps([row.outputs, row.figures, row.notes, row.seconds], allow_nan=False)
    else:
        assert (row.state, row.crashes) == ("queued", 1)
        assert not row.outputs
    dispatcher.store.close()


def write(content: bytes) -> Callable[[Path, dict[str, Any]], None]:
    return lambda place, _: place.write_bytes(content) and None


def change(path: list[str | int], value: Any) -> Callable[[Path, dict[str, Any]], None]:
    def spoil(place: Path, result: dict[str, Any]) -> None:
        inner: Any = result
        for step in path[:-1]:
            inner = inner[step]
        if value is ...:
            del inner[path[-1]]
        else:
            inner[path[-1]] = value
        place.write_text(json.dumps(result))

    return spoil


SPOILT: dict[str, Callable[[Path, dict[str, Any]], None]] = {
    "empty": write(b""),
    "zeros": write(bytes(300)),
    "cut": lambda place, result: place.write_text(json.dumps(result)[:60]) and None,
    "object": write(b"{}"),
    "list": write(b"[]"),
    "null": write(b"null"),
    "number": write(b"7"),
    "deep": write(b"[" * 200_000),
    "not a number": lambda place, result: place.write_text(json.dumps(result | {"seconds": float("nan")})) and None,
    "not UTF-8": write(b'{"outputs": "\xff\xfe"}'),
    "bad asset id": change(["outputs", 0, "asset"], "../../etc/passwd"),
    "asset id with a line end": change(["outputs", 0, "asset"], "a" * 64 + "\n"),
    "half a letter": change(["outputs", 0, "name"], "\ud800"),
    "NUL": change(["notes", 0, "en"], "\0"),
    "folder": lambda place, _: place.mkdir(),
    "full folder": lambda place, _: (place / "x").mkdir(parents=True),
    "pipe": lambda place, _: os.mkfifo(place),
    "link to itself": lambda place, _: place.symlink_to(place),
    "link to nothing": lambda place, _: place.symlink_to("nowhere"),
    "too large": lambda place, _: place.write_bytes(b"") or os.truncate(place, 2**33),
}


@pytest.mark.parametrize("how", SPOILT)
def test_a_damaged_result_is_moved_aside_and_its_job_is_tried_again(tmp_path: Path, how: str, caplog):
    dispatcher, row = start(tmp_path, SPOILT[how])
    assert row.state == "queued"
    check(tmp_path, dispatcher, row)
    assert len(list((tmp_path / "outbox" / "damaged").iterdir())) == 1, "it can still be looked at"
    assert "moved to" in caplog.text


@pytest.mark.parametrize("name", ["x.json", ".json", "a-b-c.json", os.fsdecode(b"\xff.json"), "x" * 200 + ".json"], ids=ascii)
@pytest.mark.parametrize("how", ["empty", "folder", "pipe"])
def test_a_damaged_file_that_names_no_job_stops_nothing(tmp_path: Path, name: str, how: str):
    def spoil(place: Path, result: dict[str, Any]) -> None:
        place.write_text(json.dumps(result))
        SPOILT[how](place.with_name(name), result)

    dispatcher, row = start(tmp_path, spoil)
    assert row.state == "done"
    check(tmp_path, dispatcher, row)


def test_a_job_whose_result_is_always_damaged_is_given_up_with_the_reason(tmp_path: Path):
    dispatcher, row = start(tmp_path, SPOILT["cut"])
    for _ in range(2):
        dispatcher._fill_lanes()
        attempt = dispatcher.store.get(row.id).attempt
        (tmp_path / "outbox" / f"{row.id}-{attempt}.json").write_bytes(b"{")
        dispatcher.store.close()
        dispatcher = Dispatcher(dispatcher.store, Puppet(), dispatcher.assets, tmp_path / "outbox")
        dispatcher._thread.start = lambda: None
        dispatcher.start()
    row = dispatcher.store.get(row.id)
    assert (row.state, row.crashes) == ("failed", 3)
    assert "cannot be read" in row.error["message"]
    assert "disk" in row.error["hint"]
    dispatcher.store.close()


def test_an_outbox_that_is_no_folder_stops_nothing(tmp_path: Path):
    def spoil(place: Path, _: dict[str, Any]) -> None:
        place.parent.rmdir()
        place.parent.write_text("")

    dispatcher, row = start(tmp_path, spoil)
    assert row.state == "queued"
    dispatcher.store.close()


JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(), st.none(), max_size=2),
)
PATHS = st.sampled_from(
    [["outputs"], ["figures"], ["notes"], ["seconds"], ["more"], ["outputs", 0], ["notes", 0], ["figures", "loss"]]
    + [["outputs", 0, key] for key in ("asset", "name", "media_type", "width", "height", "more")]
    + [["notes", 0, key] for key in ("en", "zh")]
)
TEXT = json.dumps({"outputs": [{"asset": "a" * 64}], "figures": {}, "notes": [], "seconds": 1.5}).encode()


@settings(max_examples=60, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=60).map(write),
        st.tuples(PATHS, JUNK).map(lambda both: change(*both)),
        st.tuples(st.integers(0, len(TEXT)), st.binary(max_size=3)).map(lambda both: write(TEXT[: both[0]] + both[1] + TEXT[both[0] + len(both[1]) :])),
    )
)
def test_no_damage_stops_the_server(spoil):
    with tempfile.TemporaryDirectory(dir=MEMORY) as root:
        dispatcher, row = start(Path(root), spoil)
        check(Path(root), dispatcher, row)

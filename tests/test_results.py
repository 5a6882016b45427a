"""Whatever a method makes, and that alone: the lane, the outbox, the HTTP API and the command line carry it. One test-only method for each product."""

import io
import json
import threading
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, Literal, get_args

import pytest
import torch
from pydantic import Field

from huafang import datasets, images, methods, video
from huafang.api import ENDINGS
from huafang.api import Bench as ApiBench
from huafang.assets import Assets
from huafang.cli.paint import OUTPUT, method_command
from huafang.context import MODEL_FOLDER, Context, File, Learnable, Resident, Result
from huafang.errors import BadInput, NotFound
from huafang.jobs.dispatcher import Dispatcher
from huafang.jobs.executor import Event, LaneState, TaskSpec
from huafang.jobs.outbox import Outbox
from huafang.jobs.rows import open_database
from huafang.jobs.store import Draft, Store
from huafang.models.store import ModelStore
from huafang.params import Dataset, ImageId, Params, Product
from huafang.places import Places
from huafang.server.routes.jobs import submit
from huafang.server.studio import Studio
from huafang.train.style import weights
from huafang.worker import LanePlaces, attempt
from tests.conftest import Bench, scene, weave
from tests.films import film, frames
from tests.server.conftest import client_of, problem, upload
from tests.test_methods import check_result

WEIGHTS = {"net.weight": torch.arange(6.0)}
PRODUCTS = get_args(Product)


def _room(product: Product) -> type[Params]:
    name = f"makes_{product}"

    class Room(Params):
        family = "tool"
        makes = product
        method: Literal[name] = name  # type: ignore[valid-type]
        content: ImageId
        """A picture to begin with."""

    return Room


class Reads(Params):
    """Learns from a dataset, and says what it was given."""

    family = "tool"
    makes = "figures"
    subject = "dataset"
    method: Literal["reads_dataset"] = "reads_dataset"
    dataset: Annotated[Dataset, Field(min_length=1)]
    """Pictures to learn from."""


def _made(product: Product, params: Any, ctx: Context) -> Result:
    photo = ctx.image(params.content)
    if product == "picture":
        return Result(images=[1 - photo])
    if product == "film":
        return Result(files=[File("made.mp4", "video/mp4", film(frames(3), "mp4", "libx264"))])
    if product == "weights":
        return Result(files=[weights.write(ctx, "net", WEIGHTS)])
    if product == "dataset":
        return Result(dataset=[Learnable(weave(16, 16), "a weave, 织物"), Learnable(params.content)])
    if product == "model_folder":
        folder = ctx.weights.root / "made"
        (folder / "unet").mkdir(parents=True, exist_ok=True)
        (folder / "unet" / "net.safetensors").write_bytes(b"weights")
        (folder / "model_index.json").write_bytes(b"{}")
        return Result(files=[File("made", MODEL_FOLDER, folder)])
    return Result(figures={"score": float(photo.mean())})


@pytest.fixture
def made_up_methods(monkeypatch: pytest.MonkeyPatch) -> dict[str, type[Params]]:
    """The test-only methods, in the table for as long as a test runs."""
    import sys
    from functools import reduce
    from operator import or_

    def module(run: Callable[[Any, Context], Result]) -> ModuleType:
        def reporting(params: Any, ctx: Context) -> Result:
            result = run(params, ctx)
            ctx.step(1, 1, preview=result.images[0] if result.images else None)
            return result

        made = ModuleType("run")
        made.run = reporting  # type: ignore[attr-defined]
        return made

    added: dict[str, type[Params]] = {f"makes_{product}": _room(product) for product in PRODUCTS} | {"reads_dataset": Reads}
    for name in added:
        product: Any = name.removeprefix("makes_")
        run = module(_read if name == "reads_dataset" else lambda params, ctx, product=product: _made(product, params, ctx))
        monkeypatch.setitem(sys.modules, f"huafang.methods.{name}.run", run)
        monkeypatch.setitem(methods.METHODS, name, added[name])
    words = {
        "title": "Made for a test",
        "summary": "Made for a test.",
        "fields": {one: {"label": one, "hint": one} for one in ("content", "dataset", "seed")},
        "figures": {"score": "Score", "captions": "Captions", "pictures": "Pictures"},
    }
    original = methods._words
    monkeypatch.setattr(methods, "_words", lambda name: {"en": words, "zh": words} if name in added else original(name))
    monkeypatch.setattr(methods, "AnyParams", Annotated[reduce(or_, methods.METHODS.values()), Field(discriminator="method")])
    methods._adapter.cache_clear()
    monkeypatch.setattr(methods, "PAINTERS", [*methods.PAINTERS, *added])
    yield added
    methods._adapter.cache_clear()
    methods.labels.cache_clear()


def _read(params: Any, ctx: Context) -> Result:
    examples = ctx.dataset(params.dataset)
    assert all(ctx.image(one.asset).shape[1] == 3 for one in examples)
    return Result(figures={"pictures": len(examples), "captions": sum(bool(one.caption) for one in examples)})


@dataclass
class Heard:
    say: Callable[[Event], None]
    events: list[Event] = field(default_factory=list)

    def send(self, event: Event) -> None:
        self.events.append(event)
        self.say(event)


class Threaded:
    """An executor whose one lane is a thread of this process."""

    def __init__(self, places: LanePlaces) -> None:
        self.places, self.job = places, None

    def start(self, on_event: Callable[[Event], None]) -> None:
        self.say = on_event

    def lanes(self) -> list[LaneState]:
        return [LaneState("cpu", "compute", True, self.job)]

    def submit(self, task: TaskSpec) -> bool:
        self.job = task.job_id
        threading.Thread(target=self._run, args=(task,), daemon=True).start()
        return True

    def _run(self, task: TaskSpec) -> None:
        heard = Heard(lambda event: None)
        attempt(task, heard, "cpu", self.places, threading.Event(), Resident())  # type: ignore[arg-type]  # it sends
        self.job = None
        for event in heard.events:
            self.say(event)

    def cancel(self, job_id: str, *, hard: bool = False) -> None: ...

    def stop(self, grace: float) -> None: ...


@pytest.fixture
def studio(tmp_path: Path, made_up_methods: Any) -> Any:
    places = Places(tmp_path / "home")
    places.make()
    store, assets = Store(open_database(places.database)), Assets(places.assets)
    executor = Threaded(LanePlaces(places.assets, places.models, places.outbox, work=places.work))
    made = Studio(places, store, Dispatcher(store, executor, assets, places.outbox), assets, ModelStore(places.models))
    made.dispatcher.start()
    yield made
    made.dispatcher.stop(1)
    store.close()


def done(client: Any, job: str) -> dict[str, Any]:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        found: dict[str, Any] = client.get(f"/api/jobs/{job}").json()
        if found["state"] not in ("queued", "running"):
            assert found["state"] == "done", found["error"]
            return found
        time.sleep(0.02)
    raise AssertionError("it never ended")


def check_outputs(product: str, outputs: list[dict[str, Any]], read: Callable[[str], bytes], models: Path) -> None:
    """Whether what a job's row names is what `_made` makes."""
    if product == "figures":
        assert outputs == []
        return
    (output,) = outputs
    data = read(output["asset"])
    if product == "picture":
        assert images.decode(data).shape == (1, 3, output["height"], output["width"])
    elif product == "film":
        assert (output["media_type"], video.probe(data).frames) == ("video/mp4", 3)
    elif product == "weights":
        assert output["name"] == "net.safetensors"
        assert data == (models / "net.safetensors").read_bytes()
    elif product == "dataset":
        assert output["media_type"] == datasets.MEDIA_TYPE
        examples = datasets.Manifest.model_validate_json(data).examples
        assert [one.caption for one in examples] == ["a weave, 织物", ""]
        assert all(images.decode(read(one.asset)).shape[1] == 3 for one in examples)
    else:
        told = json.loads(data)
        assert (output["media_type"], told["name"]) == (MODEL_FOLDER, "made")
        assert [(one["path"], one["bytes"]) for one in told["files"]] == [("model_index.json", 2), ("unet/net.safetensors", 7)]


@pytest.mark.parametrize("product", PRODUCTS)
def test_a_result_of_one_product_alone_keeps_the_contract_of_all_methods(product: Product, made_up_methods: Any, bench: Bench) -> None:
    params = methods.build(f"makes_{product}", {"content": bench.content})
    first = methods.run(params, bench.context())
    check_result(product, list(bench.steps), first, methods.run(params, bench.context()))


@pytest.mark.parametrize("product", PRODUCTS)
def test_the_lane_and_the_outbox_carry_it_and_a_restart_books_it(product: str, made_up_methods: Any, bench: Bench, tmp_path: Path) -> None:
    store = Store(open_database(f"sqlite:///{tmp_path / 'jobs.db'}"))
    params = {"method": f"makes_{product}", "content": bench.content, "seed": 1}
    row = store.add(Draft(params["method"], params, [bench.content], "", "compute"))
    store.claim("compute")
    heard, places = Heard(lambda event: None), LanePlaces(bench.assets.root, bench.weights.root, tmp_path / "outbox")
    attempt(TaskSpec(row.id, 1, params), heard, "cpu", places, threading.Event(), Resident())  # type: ignore[arg-type]  # it sends
    said = heard.events[-1]
    assert said.type == "done", said.data
    check_outputs(product, said.data["outputs"], bench.assets.read, bench.weights.root)
    posted = Outbox(tmp_path / "outbox").read(row.id, 1)
    assert posted is not None
    assert {name: posted.get(name, []) for name in said.data} == said.data
    dispatcher = Dispatcher(store, Threaded(places), bench.assets, tmp_path / "outbox")  # the server that sent it has died
    dispatcher.start()
    booked = store.get(row.id)
    dispatcher.stop(1)
    assert (booked.state, booked.outputs, booked.figures) == ("done", said.data["outputs"], said.data["figures"])
    if product == "dataset":
        assert {one.asset for one in datasets.read(booked.outputs[0]["asset"], bench.assets)} <= (store.used_assets() or set()), "they are kept with it"
    store.close()


@pytest.mark.parametrize("product", PRODUCTS)
def test_the_http_api_carries_it(product: str, studio: Studio) -> None:
    with client_of(studio) as client:
        photo = upload(client, images.encode(scene(24, 32))).json()["id"]
        job = done(client, submit(studio, methods.build(f"makes_{product}", {"content": photo}), "interactive").id)
        check_outputs(product, job["outputs"], lambda asset: client.get(f"/api/assets/{asset}").content, studio.places.models)
        assert ("score" in job["figures"]) == (product == "figures")


@pytest.mark.parametrize("product", PRODUCTS)
def test_the_command_line_carries_it(product: str, made_up_methods: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HUAFANG_HOME", str(tmp_path / "home"))
    Path("photo.png").write_bytes(images.encode(scene(24, 32)))
    command = method_command(f"makes_{product}")
    target = Path(f"out{ENDINGS[product]}")  # type: ignore[index]
    assert command.main(["photo.png", "-o", str(target), "-q", "--device", "cpu"], standalone_mode=False) in (0, None)
    said = capsys.readouterr().out.split()
    if product == "model_folder":
        assert said == [str(tmp_path / "home" / "models" / "made")], "it stays in the store of models; its place is said"
        assert not target.exists()
        return
    assert said == [str(target)]
    data = target.read_bytes()
    if product == "picture":
        assert images.decode(data).shape == (1, 3, 24, 32)
    elif product == "film":
        assert video.probe(data).frames == 3
    elif product == "weights":
        assert data == (tmp_path / "home" / "models" / "net.safetensors").read_bytes()
    elif product == "figures":
        told = json.loads(data)
        assert told["method"] == "makes_figures"
        assert told["figures"]["score"] == pytest.approx(float(scene(24, 32).mean()), abs=0.01)
    else:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            assert archive.namelist() == ["00001.png", "00001.txt", "00002.png"]
            archive.extractall("unpacked")
        reading = method_command("reads_dataset")
        assert reading.main(["unpacked", "-o", "read.json", "-q", "--device", "cpu"], standalone_mode=False) in (0, None)
        assert json.loads(Path("read.json").read_text())["figures"] == {"pictures": 2.0, "captions": 1.0}


def test_every_product_has_its_ending_and_its_help() -> None:
    assert set(ENDINGS) == set(OUTPUT) == set(PRODUCTS)


def test_a_large_file_is_linked_into_the_store_and_never_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assets, large = Assets(tmp_path / "assets"), tmp_path / "large.safetensors"
    with large.open("wb") as file:
        file.truncate(3 << 30)  # sparse: no disk is used
    monkeypatch.setattr(Path, "read_bytes", lambda path: pytest.fail("it is read whole"))
    import tracemalloc

    tracemalloc.start()
    asset = assets.take(large)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50e6
    place = assets.root / asset[:2] / asset
    assert place.samefile(large), "the disk holds it once"
    assert (assets.size(asset), sorted(item.name for item in place.parent.iterdir())) == (3 << 30, [asset])


def test_a_file_is_copied_where_the_disk_has_no_links_and_made_whole_where_it_was_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assets, source = Assets(tmp_path / "assets"), tmp_path / "source"
    source.write_bytes(b"weights")

    def no_links(*_: Any) -> None:
        raise OSError("not here")

    with monkeypatch.context() as patch:
        patch.setattr("os.link", no_links)
        asset = assets.take(source)
    place = assets.root / asset[:2] / asset
    assert not place.samefile(source)
    assert assets.read(asset) == b"weights"
    place.write_bytes(b"damaged")
    assert assets.take(source) == asset == assets.take(source)
    assert assets.read(asset) == b"weights"
    source.unlink()
    assert assets.read(asset) == b"weights"


def test_datasets_are_checked_when_they_come_and_their_pictures_belong_to_the_jobs_that_use_them(studio: Studio) -> None:
    with client_of(studio) as client:
        one, two = (upload(client, images.encode(picture)).json()["id"] for picture in (scene(24, 32), weave(16, 16)))
        film_id = studio.dispatcher.keep_upload(film(frames(3), "mp4", "libx264"))

        def post(*examples: Any) -> Any:
            return client.post("/api/assets/datasets", json={"examples": list(examples)})

        made = post({"asset": one, "caption": "山上的太阳"}, {"asset": two})
        assert (made.status_code, made.json()["examples"]) == (201, 2)
        dataset = made.json()["id"]
        assert "is not stored here" in problem(post({"asset": "0" * 64}), 404, "asset.missing")
        assert "number 2 of the dataset" in problem(post({"asset": one}, {"asset": film_id}), 422, "dataset.bad")
        assert "is no picture" in problem(post({"asset": dataset}), 422, "dataset.bad")
        assert "caption" in problem(post({"asset": one, "caption": "x" * 10_001}), 422)
        assert "at least 1 wanted" in problem(post(), 422)
        assert "examples.0.hight" in problem(post({"asset": one, "hight": 3}), 422)
        row = submit(studio, methods.build("reads_dataset", {"dataset": [dataset, film_id and two]}), "interactive")
        assert set(row.inputs) == {dataset, one, two}, "none of them is deleted while the job is there"
        assert done(client, row.id)["figures"] == {"pictures": 3.0, "captions": 1.0}
        with pytest.raises(BadInput, match="this is a dataset, and a picture is wanted"):
            submit(studio, methods.build("makes_picture", {"content": dataset}), "interactive")
        studio.assets.delete(one)
        with pytest.raises(NotFound, match="a picture of the dataset is no longer stored here"):
            submit(studio, methods.build("reads_dataset", {"dataset": [dataset]}), "interactive")


def test_a_damaged_dataset_and_one_of_a_newer_version_say_so(bench: Bench) -> None:
    for text in ('{"huafang":"dataset","version":2,"examples":[]}', '{"huafang":"dataset","version":1,"examples":[{"asset":"x"}]}', '{"huafang":"dataset"'):
        with pytest.raises(BadInput, match=r"the dataset .* cannot be read"):
            bench.context().dataset([bench.assets.put(text.encode())])


def test_captions_lie_beside_the_pictures_and_a_wrong_one_is_named(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.png").write_bytes(images.encode(scene(16, 16) * (0.5 if name == "a" else 1)))
    with ApiBench(tmp_path / "home") as bench:
        assert len(bench.dataset(str(tmp_path))) == 2, "without captions they are pictures"
        (tmp_path / "a.txt").write_text("\ufeff一座 山\n", "utf-8")
        (dataset,) = bench.dataset(str(tmp_path))
        assert [one.caption for one in datasets.read(dataset, bench.assets)] == ["一座 山", ""]
        (tmp_path / "b.txt").write_bytes(b"\xff\xfe\x00")
        with pytest.raises(BadInput, match=r"b\.txt is no caption"):
            bench.dataset(str(tmp_path))


def test_a_dataset_of_the_python_api_can_be_saved_after_the_run(made_up_methods: Any, tmp_path: Path) -> None:
    import huafang.api

    painting = huafang.api.run("makes_dataset", content=scene(24, 32)[0])
    (place,) = painting.save(tmp_path / "set.zip")
    with zipfile.ZipFile(place) as archive:
        assert images.decode(archive.read("00002.png")).shape == (1, 3, 24, 32)

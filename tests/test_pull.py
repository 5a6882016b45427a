"""Real downloads from a real server on this machine, which can be told to misbehave."""

import hashlib
import json
import os
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from huafang import catalogue, pull, weights
from huafang.catalogue import Entry, Source
from huafang.errors import BadInput, Cancelled, DiskFull, Unavailable
from huafang.pull import transfer as loader
from huafang.pull.transfer import git_blob
from huafang.weights import Weights


class Shop:
    """A server of files, and the faults it was told to have. `asked` holds each request's path and Range."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.headers: dict[str, dict[str, str]] = {}
        self.cuts: list[int] = []
        self.stall_after: int | None = None
        self.redirect: str | None = None
        self.asked: list[tuple[str, str | None]] = []
        self.closing = threading.Event()
        shop = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_HEAD(self) -> None:
                self.answer(body=False)

            def do_GET(self) -> None:
                self.answer(body=True)

            def answer(self, *, body: bool) -> None:
                path = self.path.split("?")[0]
                shop.asked.append((path, self.headers.get("Range")))
                if shop.redirect:
                    self.send_response(302)
                    self.send_header("Location", shop.redirect)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                if path not in shop.files:
                    self.send_response(404)
                    for key, value in shop.headers.get("404", {}).items():
                        self.send_header(key, value)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                data = shop.files[path]
                tag = f'"{hashlib.sha256(data).hexdigest()}"'
                start = 0
                asked = self.headers.get("Range")
                if asked and self.headers.get("If-Range", tag) == tag:
                    start = int(asked.removeprefix("bytes=").split("-")[0])
                    self.send_response(206)
                    self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
                else:
                    self.send_response(200)
                self.send_header("ETag", tag)
                self.send_header("Content-Length", str(len(data) - start))
                for key, value in shop.headers.get(path, {}).items():
                    self.send_header(key, value)
                self.end_headers()
                if not body:
                    return
                stop = start + shop.cuts.pop(0) if shop.cuts else len(data)
                if shop.stall_after is not None:
                    self.wfile.write(data[start : shop.stall_after])
                    self.wfile.flush()
                    shop.closing.wait(20)
                    self.close_connection = True
                    return
                self.wfile.write(data[start:stop])
                if stop < len(data):
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = False  # closing waits for them
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    opened = Shop()
    yield opened
    opened.closing.set()
    opened.server.shutdown()
    opened.server.server_close()


BODY = bytes(range(256)) * 8000
SHA = hashlib.sha256(BODY).hexdigest()


def test_a_file_comes_whole_with_its_progress(shop: Shop, tmp_path: Path) -> None:
    shop.files["/m.bin"] = BODY
    heard: list[tuple[int, int]] = []
    assert pull.download(Source(f"{shop.url}/m.bin", sha256=SHA), tmp_path / "m.bin", progress=lambda *step: heard.append(step)) == SHA
    assert (tmp_path / "m.bin").read_bytes() == BODY
    assert heard[0][0] == 0
    assert heard[-1] == (len(BODY), len(BODY))
    assert [done for done, _ in heard] == sorted(done for done, _ in heard)
    assert os.listdir(tmp_path) == ["m.bin"], "nothing is left beside it"


def test_bad_input_61_interrupted_goes_on_where_it_stopped(shop: Shop, tmp_path: Path) -> None:
    shop.files["/m.bin"] = BODY
    shop.cuts = [700_000, 500_000]
    pull.download(Source(f"{shop.url}/m.bin", sha256=SHA), tmp_path / "m.bin")
    assert (tmp_path / "m.bin").read_bytes() == BODY
    assert shop.asked == [("/m.bin", None), ("/m.bin", "bytes=700000-"), ("/m.bin", "bytes=1200000-")]


def test_bad_input_61_interrupted_for_good_keeps_what_came_for_the_next_run(shop: Shop, tmp_path: Path) -> None:
    shop.files["/m.bin"] = BODY
    shop.cuts = [600_000] + [0] * loader.TRIES
    with pytest.raises(Unavailable, match=r"m\.bin was not brought from 127\.0\.0\.1.*600,000 bytes are kept") as caught:
        pull.download(Source(f"{shop.url}/m.bin", sha256=SHA), tmp_path / "m.bin")
    assert caught.value.code == "pull.interrupted"
    assert "goes on where it stopped" in str(caught.value.hint)
    assert not (tmp_path / "m.bin").exists()
    shop.asked.clear()
    pull.download(Source(f"{shop.url}/m.bin", sha256=SHA), tmp_path / "m.bin")
    assert shop.asked == [("/m.bin", "bytes=600000-")]
    assert (tmp_path / "m.bin").read_bytes() == BODY


def test_a_file_that_changed_meanwhile_is_begun_again(shop: Shop, tmp_path: Path) -> None:
    shop.files["/m.bin"] = BODY[::-1]
    shop.cuts = [600_000] + [0] * loader.TRIES
    with pytest.raises(Unavailable):
        pull.download(Source(f"{shop.url}/m.bin"), tmp_path / "m.bin")
    shop.files["/m.bin"] = BODY
    pull.download(Source(f"{shop.url}/m.bin", sha256=SHA), tmp_path / "m.bin")
    assert (tmp_path / "m.bin").read_bytes() == BODY


def test_bad_input_61_wrong_hash_is_thrown_away(shop: Shop, tmp_path: Path) -> None:
    shop.files["/m.bin"] = BODY
    with pytest.raises(Unavailable, match=r"m\.bin came with the sha256") as caught:
        pull.download(Source(f"{shop.url}/m.bin", sha256="0" * 64), tmp_path / "m.bin")
    assert caught.value.code == "pull.wrong_hash"
    assert os.listdir(tmp_path) == []
    with pytest.raises(Unavailable):
        pull.download(Source(f"{shop.url}/m.bin", sha256_prefix="00000000"), tmp_path / "m.bin")
    pull.download(Source(f"{shop.url}/m.bin", sha256_prefix=SHA[:8]), tmp_path / "m.bin")


@pytest.mark.parametrize(("status", "code"), [(404, "pull.not_there"), (-1, "pull.refused")])
def test_bad_input_61_not_there_and_refused_name_the_file(shop: Shop, tmp_path: Path, status: int, code: str) -> None:
    url = f"{shop.url}/vgg.pth"
    if status == -1:
        shop.server.shutdown()
        shop.server.server_close()
    with pytest.raises(Unavailable, match=r"vgg\.pth") as caught:
        pull.download(Source(url), tmp_path / "vgg.pth")
    assert caught.value.code == code
    assert caught.value.hint


def test_bad_input_61_no_space_is_said_before_the_first_byte(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.files["/m.bin"] = BODY
    monkeypatch.setattr(loader, "SPARE", 1 << 60)
    with pytest.raises(DiskFull, match=r"m\.bin needs 2 MB more"):
        pull.download(Source(f"{shop.url}/m.bin"), tmp_path / "m.bin")
    assert os.listdir(tmp_path) == []


def test_bad_input_61_a_full_disk_midway_is_said_so(shop: Shop, tmp_path: Path) -> None:
    import resource
    import signal

    shop.files["/m.bin"] = BODY
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
    try:
        with pytest.raises(DiskFull, match=r"no room on the disk for m\.bin"):
            pull.download(Source(f"{shop.url}/m.bin"), tmp_path / "m.bin")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    pull.download(Source(f"{shop.url}/m.bin", sha256=SHA), tmp_path / "m.bin")


def test_a_cancel_is_heard_while_the_server_is_silent(shop: Shop, tmp_path: Path) -> None:
    shop.files["/m.bin"] = BODY
    shop.stall_after = 300_000
    began = time.monotonic()

    def progress(done: int, total: int) -> None:
        if time.monotonic() - began > 1:
            raise Cancelled()

    with pytest.raises(Cancelled):
        pull.download(Source(f"{shop.url}/m.bin"), tmp_path / "m.bin", progress=progress)
    assert time.monotonic() - began < 3
    assert (tmp_path / "m.bin.part").stat().st_size == 300_000
    shop.stall_after = None
    pull.download(Source(f"{shop.url}/m.bin", sha256=SHA), tmp_path / "m.bin")
    assert shop.asked[-1] == ("/m.bin", "bytes=300000-")


def test_no_plain_http_and_no_redirect_to_strangers(shop: Shop, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="https only"):
        pull.download(Source("http://example.org/m.bin"), tmp_path / "m.bin")
    with pytest.raises(BadInput, match="https only"):
        pull.download(Source("file:///etc/passwd"), tmp_path / "m.bin")
    shop.redirect = "https://elsewhere.example/m.bin"
    with pytest.raises(Unavailable, match=r"sends us on to elsewhere\.example") as caught:
        pull.download(Source(f"{shop.url}/m.bin"), tmp_path / "m.bin")
    assert caught.value.code == "pull.redirected"
    shop.redirect = "http://example.org/m.bin"
    with pytest.raises(BadInput, match="https only"):
        pull.download(Source(f"{shop.url}/m.bin", hosts=("example.org",)), tmp_path / "m.bin")


def vgg(tmp_path: Path) -> bytes:
    tensors = {f"features.{n}.{part}": torch.randn(4, 4) for n in (0, 2, 5) for part in ("weight", "bias")}
    torch.save({**tensors, "classifier.0.weight": torch.randn(64, 64)}, tmp_path / "vgg.pth")
    return (tmp_path / "vgg.pth").read_bytes()


@pytest.fixture
def vgg_entry(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Entry:
    """The catalogue's vgg19, at the shop's address."""
    shop.files["/models/vgg19.pth"] = vgg(tmp_path)
    digest = hashlib.sha256(shop.files["/models/vgg19.pth"]).hexdigest()
    entry = Entry("vgg19", "VGG", "vgg", "BSD", 1000, "…", (Source(f"{shop.url}/models/vgg19.pth", sha256_prefix=digest[:8]),), layout="vgg19")
    monkeypatch.setattr(catalogue, "entries", lambda: {"vgg19": entry})
    return entry


def test_pulled_weights_are_converted_written_down_verified_and_removed(vgg_entry: Entry, tmp_path: Path) -> None:
    store = Weights(tmp_path / "models")
    place = pull.pull("vgg19", store)
    assert place == store.path("vgg19")
    assert sorted(weights.load(place)) == sorted(f"features.{n}.{part}" for n in (0, 2, 5) for part in ("weight", "bias")), "the classifier is left behind"
    kept = weights.sidecar(place)
    assert kept is not None
    assert kept.source == vgg_entry.sources[0].url
    assert kept.source_sha256.startswith(str(vgg_entry.sources[0].sha256_prefix))
    assert kept.sha256 == hashlib.sha256(place.read_bytes()).hexdigest()
    assert sorted(os.listdir(store.root)) == ["vgg19.safetensors", "vgg19.safetensors.json"]
    verdict = store.verify("vgg19")
    assert (verdict.tensors, verdict.faults) == (6, ())
    assert pull.pull("vgg19", store) == place, "a second pull brings nothing"
    spoiled = bytearray(place.read_bytes())
    spoiled[-1] ^= 1
    place.write_bytes(spoiled)
    assert "sha256" in store.verify("vgg19").faults[0]
    with pytest.raises(BadInput, match="not the file that was pulled"):
        weights.load(place)
    assert store.remove("vgg19") > 0
    assert os.listdir(store.root) == []


def test_a_model_of_several_files_becomes_one_under_their_prefixes(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sources = []
    for number, part in enumerate(("encoder", "decoder")):
        torch.save({"conv.weight": torch.full((300,), float(number))}, tmp_path / part)
        shop.files[f"/{part}.pth"] = (tmp_path / part).read_bytes()
        sources.append(Source(f"{shop.url}/{part}.pth", git_blob=git_blob(tmp_path / part), prefix=f"{part}."))
    total = sum(len(data) for data in shop.files.values())
    monkeypatch.setattr(catalogue, "entries", lambda: {"two": Entry("two", "Two", "adain", "MIT", total, "…", tuple(sources))})
    store, heard = Weights(tmp_path / "models"), []
    place = pull.pull("two", store, progress=lambda *step: heard.append(step))
    assert {name: float(tensor.mean()) for name, tensor in weights.load(place).items()} == {"encoder.conv.weight": 0.0, "decoder.conv.weight": 1.0}
    assert heard == sorted(heard)
    assert heard[-1] == (total, total)
    assert sorted(os.listdir(store.root)) == ["two.safetensors", "two.safetensors.json"]
    assert store.verify("two").faults == ()


def test_a_git_blob_id_is_gits_own(tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.write_bytes(b"what is up, doc?")  # Pro Git, section 10.2
    assert git_blob(place) == "bd9dbf5aae1a3862dd1526723246b20206e5fc37"


def test_an_unknown_name_is_told_the_nearest(vgg_entry: Entry, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="did you mean vgg19"):
        pull.pull("vgg91", Weights(tmp_path / "models"))


class Mischief:
    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple[object, ...]:
        return (os.mkdir, (str(self.place),))


def test_bad_input_41_a_pickle_that_runs_code_is_refused_and_does_not_run(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    torch.save({"a": torch.ones(2), "evil": Mischief(marker)}, tmp_path / "evil.pt")
    with pytest.raises(BadInput, match=r"evil\.pt is not converted: it cannot be read without running its code") as caught:
        pull.convert(tmp_path / "evil.pt")
    assert caught.value.code == "weights.unsafe"
    assert not marker.exists()
    assert os.listdir(tmp_path) == ["evil.pt"]
    with pytest.raises(BadInput, match="may run code"):
        Weights(tmp_path).add(tmp_path / "evil.pt")


def test_only_one_file_of_the_house_unpickles() -> None:
    import re

    root = Path(weights.__file__).parent
    callers = [path.name for path in root.rglob("*.py") if re.search(r"torch\.load\(|pickle\.loads?\(|weights_only=False", path.read_text("utf-8"))]
    assert callers == ["unpickle.py"]


@pytest.mark.parametrize("wrap", [None, "state_dict", "params_ema"])
def test_a_users_own_checkpoint_is_converted_beside_itself(tmp_path: Path, wrap: str | None) -> None:
    tensors = {"a.weight": torch.randn(3, 4).T, "b.bias": torch.arange(5)}
    torch.save({wrap: tensors, "epoch": 3} if wrap else tensors, tmp_path / "mine.ckpt")
    out = pull.convert(tmp_path / "mine.ckpt")
    assert out == tmp_path / "mine.safetensors"
    loaded = weights.load(out)
    assert all(torch.equal(loaded[name], tensors[name]) for name in tensors)
    assert set(loaded) == set(tensors)
    with pytest.raises(BadInput, match="is there already"):
        pull.convert(tmp_path / "mine.ckpt")


@pytest.mark.parametrize(
    ("tensors", "why"),
    [
        ({"a": torch.tensor([1.0, float("nan")])}, "no numbers"),
        ({"a": torch.eye(3).to_sparse()}, "no dense tensor"),
        ({"../a": torch.ones(2)}, "name"),
        ([torch.ones(2)], "no table"),
    ],
)
def test_what_is_no_plain_table_of_numbers_is_not_converted(tmp_path: Path, tensors: object, why: str) -> None:
    torch.save(tensors, tmp_path / "odd.pth")
    with pytest.raises(BadInput, match=why):
        pull.convert(tmp_path / "odd.pth")
    assert os.listdir(tmp_path) == ["odd.pth"]


def test_a_conversion_is_bounded_in_memory(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(1).expand(1 << 34)}, tmp_path / "bomb.pth")  # 64 GB in a kilobyte
    assert (tmp_path / "bomb.pth").stat().st_size < 4000
    with pytest.raises(BadInput, match="bomb"):
        pull.convert(tmp_path / "bomb.pth", memory=1 << 30)
    assert os.listdir(tmp_path) == ["bomb.pth"]


SHA1 = "0123456789abcdef0123456789abcdef01234567"


def put_repository(shop: Shop, name: str, files: dict[str, bytes]) -> None:
    listing = [{"type": "file", "path": path, "size": len(data), "oid": hashlib.sha1(data).hexdigest()} for path, data in files.items()]
    info = {
        "id": name,
        "modelId": name,
        "sha": SHA1,
        "siblings": [{"rfilename": path, "size": len(data)} for path, data in files.items()],
        "tags": [],
        "private": False,
    }
    shop.files[f"/api/models/{name}"] = shop.files[f"/api/models/{name}/revision/main"] = shop.files[f"/api/models/{name}/revision/{SHA1}"] = json.dumps(
        info
    ).encode()
    shop.files[f"/api/models/{name}/tree/{SHA1}"] = json.dumps(listing).encode()
    for path, data in files.items():
        shop.files[f"/{name}/resolve/{SHA1}/{path}"] = data
        shop.headers[f"/{name}/resolve/{SHA1}/{path}"] = {"X-Repo-Commit": SHA1}


@pytest.fixture
def hub_home(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HF_ENDPOINT", shop.url)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    return tmp_path / "hf"


def pipeline(tmp_path: Path, ending: str) -> dict[str, bytes]:
    save_file({"w": torch.randn(2000)}, tmp_path / "w.safetensors")
    torch.save({"w": torch.randn(2000)}, tmp_path / "w.bin")
    data = (tmp_path / f"w.{ending}").read_bytes()
    index = {
        "_class_name": "StableDiffusionPipeline",
        **{part: ["diffusers", "X"] for part in ("unet", "vae", "text_encoder", "tokenizer")},
        "safety_checker": [None, None],
    }
    networks = {f"{part}/diffusion_pytorch_model.{ending}": data for part in ("unet", "vae", "text_encoder")}
    return {
        "model_index.json": json.dumps(index).encode(),
        **networks,
        "unet/config.json": b"{}",
        "tokenizer/merges.txt": b"a b",
        "unet/model.py": b"print('no')",
        "unet/diffusion_pytorch_model.fp16.safetensors": data,
        "whole.safetensors": data,
        "whole.ckpt": data,
    }


def test_bad_input_43_a_hub_repository_brings_no_code_and_no_pickle(shop: Shop, hub_home: Path, tmp_path: Path) -> None:
    put_repository(shop, "some/model", pipeline(tmp_path, "safetensors"))
    store = Weights(tmp_path / "models")
    heard: list[tuple[int, int]] = []
    folder = pull.pull("some/model", store, progress=lambda *step: heard.append(step))
    assert folder.is_relative_to(hub_home), "the hub's own cache, shared with other programs"
    found = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    parts = [f"{part}/diffusion_pytorch_model.safetensors" for part in ("text_encoder", "unet", "vae")]
    assert found == sorted(["model_index.json", "tokenizer/merges.txt", "unet/config.json", *parts])
    assert heard[-1][0] == heard[-1][1] > 24_000
    assert store.path("some/model") == folder
    assert store.verify("some/model").tensors == 3
    assert store.remove("some/model") > 8_000
    assert not list(hub_home.rglob("*.safetensors"))


def test_pickled_repositories_are_refused_or_by_the_catalogues_word_converted(
    shop: Shop, hub_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_repository(shop, "some/pickled", pipeline(tmp_path, "bin"))
    store = Weights(tmp_path / "models")
    with pytest.raises(BadInput, match=r"some/pickled has no safetensors for its text_encoder, unet, vae"):
        pull.pull("some/pickled", store)
    entry = Entry("old", "Old", "diffusion", "…", 1, "…", hub="some/pickled", layout="pickled")
    monkeypatch.setattr(catalogue, "entries", lambda: {"old": entry})
    folder = pull.pull("old", store)
    assert folder == store.root / "old"
    assert store.path("old") == store.path("some/pickled") == folder.resolve()
    assert not list(store.root.rglob("*.bin"))
    assert not list(store.root.rglob("*.py"))
    assert (folder / "text_encoder" / "model.safetensors").is_file()
    assert store.verify("old").faults == ()
    store.remove("some/pickled")
    assert not folder.exists()


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
def test_a_clip_comes_with_its_config_and_tokenizer_and_nothing_else(
    shop: Shop, hub_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    save_file({"logit_scale": torch.ones(2000)}, tmp_path / "model.safetensors")
    torch.save({"logit_scale": torch.ones(2000)}, tmp_path / "pytorch_model.bin")
    files = {"config.json": b'{"model_type": "clip"}', "vocab.json": b"{}", "merges.txt": b"", "code.py": b"", "tf_model.h5": b"", "onnx/model.json": b"{}"}
    put_repository(shop, "some/clip", files | {name: (tmp_path / name).read_bytes()})
    entry = Entry("clip", "CLIP", "clip", "MIT", 1, "…", hub="some/clip", layout="pickled")
    monkeypatch.setattr(catalogue, "entries", lambda: {"clip": entry})
    store = Weights(tmp_path / "models")
    folder = pull.pull("clip", store)
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "merges.txt", "model.safetensors", "vocab.json"]
    assert store.path("clip").resolve() == folder.resolve()
    assert {model.name: model.path is not None for model in store.models()}["clip"]
    assert store.verify("clip").tensors == 1
    assert store.remove("clip") > 8_000
    put_repository(shop, "some/bert", files | {"config.json": b'{"model_type": "bert"}'})
    with pytest.raises(BadInput, match=r"no diffusers repository, .* and no CLIP"):
        pull.pull("some/bert", store)


def test_bad_input_61_a_hub_that_says_no(shop: Shop, hub_home: Path, tmp_path: Path) -> None:
    store = Weights(tmp_path / "models")
    shop.headers["404"] = {"X-Error-Code": "RepoNotFound"}
    with pytest.raises(Unavailable, match="there is no no/such") as caught:
        pull.pull("no/such", store)
    assert caught.value.code == "pull.not_there"
    shop.headers["404"] = {"X-Error-Code": "GatedRepo"}
    with pytest.raises(Unavailable) as caught:
        pull.pull("no/such", store)
    assert caught.value.code in ("pull.forbidden", "pull.not_there")
    put_repository(shop, "plain/files", {"readme.txt": b"x"})
    shop.headers["404"] = {"X-Error-Code": "EntryNotFound"}
    with pytest.raises(BadInput, match="no diffusers repository"):
        pull.pull("plain/files", store)


def test_a_hub_download_is_cancelled_at_once(shop: Shop, hub_home: Path, tmp_path: Path) -> None:
    put_repository(shop, "some/slow", pipeline(tmp_path, "safetensors"))
    began = time.monotonic()

    def progress(done: int, total: int) -> None:
        if total:
            shop.stall_after = 10
            raise Cancelled()

    with pytest.raises(Cancelled):
        pull.pull("some/slow", Weights(tmp_path / "models"), progress=progress)
    assert time.monotonic() - began < 30

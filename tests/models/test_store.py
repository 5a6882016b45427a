"""The store of models, and what a file of weights may not do to us. Numbers are those of the list of bad inputs."""

import json
import logging
import os
import struct

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from huafang.errors import BadInput, Forbidden, MissingWeights, NotFound, UnknownWeights
from huafang.models import catalogue, hubcache, modelfile, tensorfile
from huafang.models.store import ModelStore


def raw(path, header, data=b"", *, size=None):
    """A file by its bytes: `header` is JSON text or an object."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text) if size is None else size) + text + data)
    return path


def entry(dtype="F32", shape=(2,), offsets=(0, 8)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


@pytest.fixture
def file(tmp_path):
    return tmp_path / "m.safetensors"


def test_load_gives_what_was_saved(file):
    saved = {"a.weight": torch.randn(3, 4), "b": torch.arange(5), "h": torch.randn(2).half(), "c": torch.randn(6).bfloat16(), "e": torch.zeros(0)}
    save_file(saved, file, metadata={"made by": "us"})
    loaded = modelfile.load(file)
    assert all(torch.equal(loaded[name], saved[name]) and loaded[name].dtype == saved[name].dtype for name in saved)
    assert set(tensorfile.header(file)) == set(saved)
    assert tensorfile.metadata(file) == {"made by": "us"}


def test_bad_input_39_other_formats_by_the_name_of_safetensors(file):
    torch.save({"a": torch.ones(2)}, file)  # a zip with a pickle in it
    with pytest.raises(BadInput, match="no safetensors file"):
        modelfile.load(file)
    file.write_bytes(b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00}\x94." + b"0" * 64)  # a bare pickle
    with pytest.raises(BadInput, match="no safetensors file"):
        modelfile.load(file)
    file.write_bytes(b"")
    with pytest.raises(BadInput, match="0 bytes"):
        modelfile.load(file)


@pytest.mark.parametrize(
    ("header", "data", "size"),
    [
        ({"a": entry()}, b"0" * 8, 2**63),
        ({"a": entry()}, b"0" * 8, 200_000_000),
        ({"a": entry(offsets=(0, 80))}, b"0" * 8, None),
        ({"a": entry(offsets=(0, 8)), "b": entry(offsets=(4, 12))}, b"0" * 12, None),
        ({"a": entry(offsets=(0, 8)), "b": entry(offsets=(12, 20))}, b"0" * 20, None),
        ({"a": entry()}, b"0" * 9, None),
        ({"a": entry(shape=(-2,))}, b"0" * 8, None),
        ({"a": entry(shape=(2**40, 2**40))}, b"0" * 8, None),
        ({"a": entry(shape=(2.0,))}, b"0" * 8, None),
        ({"a": entry(shape=(True, 2))}, b"0" * 8, None),
        ({"a": entry(dtype="F31")}, b"0" * 8, None),
        ({"a": entry(dtype=None)}, b"0" * 8, None),
        ({"a": {"dtype": "F32", "shape": [2]}}, b"0" * 8, None),
        ({"a": entry(), "__metadata__": {"n": 3}}, b"0" * 8, None),
        ({"a": entry(), "__metadata__": []}, b"0" * 8, None),
        (b'{"a\xff": 1}', b"", None),
        (b"[" * 100_000, b"", None),
        (b"[]", b"", None),
        (b'{"a": 1', b"", None),
    ],
)
def test_bad_input_39_headers_that_lie(file, header, data, size):
    with pytest.raises(BadInput) as caught:
        modelfile.load(raw(file, header, data, size=size))
    assert caught.value.code == "weights.unreadable"
    assert "m.safetensors" in caught.value.message


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_bad_input_40_nan(file, bad, dtype):
    save_file({"fine": torch.ones(3), "a.b": torch.tensor([1.0, bad], dtype=dtype)}, file)
    with pytest.raises(BadInput, match=r"first in a\.b") as caught:
        modelfile.load(file)
    assert caught.value.code == "weights.not_finite"
    assert len(modelfile.load(file, finite=False)) == 2


@pytest.mark.parametrize(
    "header",
    [
        b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}',
        {"../../x": entry()},
        {"__class__.__init__.__globals__": entry()},
        {"a b": entry()},
        {"": entry()},
        {"<img src=x onerror=alert(1)>": entry()},
        {"a": entry(), "../../x": entry(offsets=(8, 16))},
        {"a": entry(), "b.__init__.__globals__": entry(offsets=(8, 16))},
        {"a": entry(), "b\\..\\c": entry(offsets=(8, 16))},
    ],
)
def test_bad_input_40_what_the_format_allows_and_we_do_not(file, header):
    with pytest.raises(BadInput) as caught:
        modelfile.load(raw(file, header, b"0" * (16 if len(header) == 2 else 8)))
    assert caught.value.code == "weights.unreadable"
    assert caught.value.message.isprintable()


ODD = {
    "a 2 MB list of tags": {"__metadata__": {"ss_tag_frequency": "x" * 2_000_000}},
    "a thumbnail": {"__metadata__": {"modelspec.thumbnail": "data:image/jpeg;base64," + "A" * 300_000, "k" * 5000: "v"}},
    "an embedding's name": {"<cat-toy>": entry(offsets=(8, 16))},
    "a star": {"embedding_manager.string_to_param_dict.*": entry(offsets=(8, 16))},
    "a space": {"my tensor": entry(offsets=(8, 16))},
    "no name": {"": entry(offsets=(8, 16))},
    "two dots": {"a..b": entry(offsets=(8, 16))},
    "two dashes": {"a__b": entry(offsets=(8, 16))},
    "Chinese": {"猫": entry(offsets=(8, 16))},
    "a long name": {"x" * 3000: entry(offsets=(8, 16))},
    "a type of today": {"scale": entry("F8_E8M0", (8,), (8, 16))},
    "half bytes": {"scale": entry("F4", (16,), (8, 16))},
}


@pytest.mark.parametrize("name", ODD)
def test_what_is_not_used_does_not_refuse_a_file(file, name):
    header = {"a": entry(), **ODD[name]}
    place = raw(file, header, struct.pack("<ff", 1, 2) + (b"" if "__metadata__" in header else bytes(8)))
    assert {key: value.tolist() for key, value in modelfile.load(place).items()} == {"a": [1.0, 2.0]}
    assert all(len(value) < tensorfile.MAX_METADATA for value in tensorfile.metadata(place).values())


OTHERS = {
    "a Git LFS pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 2132696762\n",
    "a web page": b"<!doctype html><title>Sign in</title>",
    "a web page, and no": b"\n  <!-- x -->\n<HTML><body>404",
    "a zip archive": b"PK\x03\x04" + b"0" * 90,
    "a pickle": b"\x80\x02}q\x00." + b"0" * 60,
    r"a picture \(PNG\)": b"\x89PNG\r\n\x1a\n" + b"0" * 60,
    r"a picture \(JPEG\)": b"\xff\xd8\xff\xe0" + b"0" * 60,
    "a text": "Entry not found. 找不到文件。\n".encode() * 9,
    "a JSON text": b'{"error": "Repository not found"}',
    "a gzip archive": b"\x1f\x8b\x08" + b"0" * 60,
    "a GGUF file": b"GGUF" + b"0" * 60,
    "an HDF5 file": b"\x89HDF\r\n" + b"0" * 60,
    "an ONNX file": b"\x08\x03\x12\x07pytorch" + b"0" * 60,
    "a program for Windows": b"MZ\x90\x00" + b"0" * 60,
    r"a picture \(AVIF\)": b"\0\0\0\x1cftypavif" + b"0" * 60,
    r"a picture \(HEIC\)": b"\0\0\0\x1cftypheic" + b"0" * 60,
    r"a picture \(BMP\)": b"BM" + b"\1" * 60,
    r"a picture \(TIFF\)": b"II*\0" + b"\1" * 60,
    r"a picture \(SVG\)": b"<svg xmlns='http://www.w3.org/2000/svg'></svg>",
    r"a film \(MP4": b"\0\0\0\x1cftypisom" + b"0" * 60,
    r"a film \(Matroska": b"\x1aE\xdf\xa3" + b"\1" * 60,
    "a tar archive": b"net.pth".ljust(257, b"\0") + b"ustar\0" + b"00" * 60,
    "a Zstandard archive": b"\x28\xb5\x2f\xfd" + b"\1" * 60,
    "an ONNX": b"\x08\x07\x12\x07pytorch" + b"\1" * 60,
    "a web page,": b"\xef\xbb\xbf<html lang=en>moved</html>",
    "a web page, and": "<!doctype html><title>Sign in</title>".encode("utf-16"),
    "a web page, and no file": b"<script>location = '/login'</script>",
    "too short": b"\x80\x02}",
    "empty": b"",
    "full of zeros": bytes(100),
    "it was cut off": struct.pack("<Q", 5000) + b'{"a": {"dtype": "F32"',
    "cut off while it was downloaded": struct.pack("<Q", 60) + b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'.ljust(60) + b"0000",
}


@pytest.mark.parametrize("kind", OTHERS)
def test_a_file_that_is_no_weights_is_called_what_it_is(file, kind):
    file.write_bytes(OTHERS[kind])
    for use in (modelfile.load, tensorfile.header, ModelStore(file.parent).add):
        with pytest.raises(BadInput, match=kind) as refused:
            use(file)
        assert refused.value.code == "weights.unreadable"
        assert "claims" not in refused.value.message or "of" in refused.value.message


@pytest.mark.parametrize(
    ("begin", "hint"),
    [
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"<!doctype html><title>Sign in</title>", "open its address in a browser"),
        (b"PK\x03\x04" + b"0" * 90, "huafang models convert"),
        (b"\x1f\x8b\x08" + b"0" * 60, "unpack it first"),
        (b"", "get it again"),
        (struct.pack("<Q", 60) + b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'.ljust(60) + b"0000", "get it again"),
        (b"GGUF" + b"0" * 60, "look for a .safetensors or .pth of the same model"),
    ],
)
def test_what_to_do_with_a_file_that_is_no_weights_fits_what_it_is(file, begin, hint):
    file.write_bytes(begin)
    with pytest.raises(BadInput) as refused:
        modelfile.load(file)
    assert hint in refused.value.hint


def test_bad_input_40_zero_tensors(file):
    with pytest.raises(BadInput, match="holds no tensor"):
        modelfile.load(raw(file, {}))


def test_random_damage_is_never_more_than_bad_input(file):
    save_file({"a": torch.randn(4), "b.c": torch.randn(2, 2)}, file)
    whole = file.read_bytes()
    generator = np.random.default_rng(0)
    refused = 0
    for _ in range(300):
        spoiled = bytearray(whole)
        for place in generator.integers(0, len(whole) - 32, size=3):
            spoiled[place] = generator.integers(0, 256)
        file.write_bytes(bytes(spoiled[: generator.integers(1, len(whole) + 1)] if generator.random() < 0.3 else spoiled))
        try:
            modelfile.load(file)
        except BadInput:
            refused += 1
    assert refused > 250


def test_bad_input_25_a_hostile_file_name_becomes_a_plain_name(tmp_path):
    save_file({"a": torch.ones(2)}, tmp_path / "<img src=x onerror=alert(1)>‮.safetensors")
    name = next(model.name for model in ModelStore(tmp_path).models() if model.entry is None)
    assert all(character.isalnum() or character in "_.-=" for character in name.replace("=", "_"))
    assert "<" not in name
    assert ModelStore(tmp_path).path(name).is_file()


def test_bad_input_26_links_loops_and_pipes_are_passed_over_with_a_warning(tmp_path, caplog):
    inside, outside = tmp_path / "models", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    save_file({"a": torch.ones(2)}, outside / "secret.safetensors")
    save_file({"a": torch.ones(2)}, inside / "mine.safetensors")
    (inside / "out.safetensors").symlink_to(outside / "secret.safetensors")
    (inside / "folder").symlink_to(outside)
    (inside / "loop").symlink_to(inside / "loop")
    (inside / "loop.safetensors").symlink_to(inside / "loop.safetensors")
    os.mkfifo(inside / "pipe.safetensors")
    (inside / "sub").mkdir()
    (inside / "sub" / "up").symlink_to(inside)
    with caplog.at_level(logging.WARNING):
        names = [model.name for model in ModelStore(inside).models() if model.entry is None]
    assert names == ["mine"]
    said = caplog.text
    assert all(word in said for word in ("out.safetensors", "loop.safetensors", "pipe.safetensors"))


def test_bad_input_26_a_pipe_is_never_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.safetensors")
    with pytest.raises(BadInput, match="no regular file"):
        modelfile.load(tmp_path / "pipe.safetensors")


def test_bad_input_27_deleted_between_listing_and_load(tmp_path):
    save_file({"a": torch.ones(2)}, tmp_path / "m.safetensors")
    path = ModelStore(tmp_path).path("m")
    path.unlink()
    with pytest.raises(MissingWeights, match=r"m\.safetensors is gone"):
        modelfile.load(path)


def test_bad_input_27_replaced_after_it_was_pulled(tmp_path):
    path = tmp_path / "m.safetensors"
    save_file({"a": torch.ones(2)}, path)
    modelfile.write_sidecar(path, modelfile.Sidecar("m", "https://x", "0" * 64, modelfile.sha256(path), path.stat().st_size, "MIT", "2026-01-01"))
    assert torch.equal(modelfile.load(path)["a"], torch.ones(2))
    save_file({"a": torch.zeros(2)}, path)
    with pytest.raises(BadInput, match="sha256 has changed") as caught:
        modelfile.load(path)
    assert caught.value.code == "weights.changed"


def test_bad_input_27_replaced_while_it_is_read(tmp_path, monkeypatch):
    import safetensors.torch

    path = tmp_path / "m.safetensors"
    save_file({"a": torch.ones(2)}, path)
    honest = safetensors.torch.load_file

    def replaced(given):
        save_file({"a": torch.zeros(2)}, tmp_path / "other")
        os.replace(tmp_path / "other", path)
        return honest(given)

    monkeypatch.setattr(safetensors.torch, "load_file", replaced)
    with pytest.raises(BadInput, match="replaced while it was read"):
        modelfile.load(path)


def test_names_are_looked_up_and_never_joined(tmp_path):
    store = ModelStore(tmp_path / "models")
    for name in ("../secret", "/etc/passwd", "a/../../b"):
        with pytest.raises(MissingWeights):
            store.path(name)
    with pytest.raises(UnknownWeights, match="did you mean vgg19") as caught:
        store.path("vgg91")
    assert caught.value.hint
    with pytest.raises(UnknownWeights, match=r"there is no model 'vgg91'; allowed are vgg19; did you mean vgg19\?$"):
        store.path("vgg91", "vgg")
    with pytest.raises(MissingWeights, match="575 MB") as caught:
        store.path("vgg19")
    assert caught.value.hint == "get it with: huafang models pull vgg19"


def test_what_is_ours_is_removed_and_what_is_yours_is_not(tmp_path):
    for folder in ("store", "yours"):
        (tmp_path / folder).mkdir()
        save_file({"a": torch.ones(2)}, tmp_path / folder / f"{folder}.safetensors")
    store = ModelStore(tmp_path / "store", (tmp_path / "yours",))
    with pytest.raises(Forbidden, match="folder of yours"):
        store.remove("yours")
    assert store.remove("store") > 8
    with pytest.raises(NotFound):
        store.remove("store")


def test_verify_says_what_is_wrong(tmp_path):
    save_file({"a": torch.tensor([float("nan")])}, tmp_path / "m.safetensors")
    verdict = ModelStore(tmp_path).verify("m")
    assert len(verdict.faults) == 1
    assert "NaN" in verdict.faults[0]


def test_the_catalogue_is_whole():
    for name, found in catalogue.entries().items():
        assert bool(found.sources) != bool(found.hub), name
        assert found.licence
        assert found.about
        assert found.bytes > (5_000 if found.holds == "lpips_heads" else 1_000_000)
        for source in found.sources:
            assert source.url.startswith("https://")
            assert source.sha256 or source.sha256_prefix or source.git_blob
        if found.hub:
            assert hubcache.HUB_NAME.fullmatch(found.hub)
            assert catalogue.entry_of(found.hub) == found

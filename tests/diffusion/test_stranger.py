"""Whatever a stranger writes into a model's small files: it is read, or refused in words; never a traceback, and nothing larger than the file is built."""

import copy
import json
import math
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from huafang.diffusion import latents
from huafang.diffusion.model import inspect, load
from huafang.diffusion.model.export import export
from huafang.diffusion.prompt.encode import encode
from huafang.diffusion.sampling import loop
from huafang.errors import HuafangError
from tests.diffusion import tiny

FAMILIES = ("sd1", "xl", "bert")
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, 1, -1, 2, 3, 7, 64, 1024, 10**6, 10**9, 2**63, 10**400, -(10**30)]),
    st.sampled_from([0.0, -0.5, 0.5, 1e-320, 1e300, math.nan, math.inf, -math.inf]),
    st.sampled_from(["", "x", "gelu", "evil.bin", "../x", "\ud800", "猫", "x" * 5000, "os.system", "nan", "8"]),
    st.sampled_from([[], {}, [[]], [0], [8, 8], [None], ["x", 3], {"content": 3}, {"content": "x"}, [[1, 2], 3], [10**9] * 4, {"a": {"b": []}}]),
    st.recursive(
        st.none() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
)
BODIES = st.sampled_from(
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"3",
        b'"x"',
        b"\xff\xfe",
        b"{" * 50_000,
        b'{"a":' * 5_000,
        b'{"a": ' + b"9" * 5_000 + b"}",
        b"\xef\xbb\xbf{}",
        b"<!doctype html>",
        b"\0" * 100,
    ]
)


@cache
def small_files(family: str) -> tuple[str, ...]:
    folder = tiny.folder(family)
    return tuple(sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.suffix in (".json", ".txt")))


def places(body: Any, before: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths to every value of a JSON body; of a vocabulary, to a few."""
    found = [before] if before else []
    if isinstance(body, dict):
        for key in list(body)[:80]:
            found += places(body[key], (*before, key))
    elif isinstance(body, list):
        for index in range(min(len(body), 4)):
            found += places(body[index], (*before, index))
    return found


def draw_with(place: Path) -> None:
    model = load.load(place)
    assert model.size <= load.USUAL
    said = encode(model, "a cat 猫", "dog")
    generator = torch.Generator().manual_seed(0)
    start = model.start_noise(64, 64, generator)
    for name in ("dpmpp_2m_karras", "ddim"):
        drawn = loop.sample(model, said, start, sampler=name, steps=2, guidance=2.0, generator=generator)
    pixels = latents.decode(model, drawn)
    assert pixels.shape == (1, 3, 64 // model.scale * model.scale, 64 // model.scale * model.scale)


def refused_in_words(place: Path) -> None:
    """It draws, or says what is wrong; and so does exporting it."""
    for use in (lambda: draw_with(place), lambda: export(place, place / "out" / "one.safetensors", over=True)):
        said = None
        try:
            use()
        except HuafangError as error:
            said = error
        assert said is None or (said.exit_code in (2, 3) and 10 < len(said.message) < 1500)


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_odd_values_anywhere_are_read_or_refused_in_words(data):
    family = data.draw(st.sampled_from(FAMILIES))
    file = data.draw(st.sampled_from(small_files(family)))
    with tempfile.TemporaryDirectory() as home:
        place = Path(shutil.copytree(tiny.folder(family), Path(home) / "model"))
        if file.endswith(".txt"):
            change_lines(place / file, data)
        else:
            change_json(place / file, data)
        refused_in_words(place)


def change_json(path: Path, data: Any) -> None:
    body = json.loads(path.read_text())
    for _ in range(data.draw(st.integers(1, 2))):
        way = data.draw(st.sampled_from(places(body) or [()]))
        inside = body
        for step in way[:-1]:
            inside = inside[step]
        if not way or data.draw(st.integers(0, 9)) == 0:
            path.write_bytes(data.draw(BODIES))
            return
        if data.draw(st.booleans()) or isinstance(inside, list):
            inside[way[-1]] = copy.deepcopy(data.draw(ODD))
        else:
            del inside[way[-1]]
    path.write_text(json.dumps(body))


def change_lines(path: Path, data: Any) -> None:
    if data.draw(st.booleans()):
        path.write_bytes(data.draw(BODIES))
        return
    lines = path.read_text("utf-8").split("\n")
    where = data.draw(st.integers(0, len(lines) - 1))
    lines[where : where + data.draw(st.integers(0, 3))] = data.draw(st.lists(st.text(st.characters(codec="utf-8"), max_size=8), max_size=3))
    path.write_text("\n".join(lines), "utf-8")


@pytest.mark.parametrize(
    ("file", "values", "message"),
    [
        ("unet/config.json", {"layers_per_block": 10**6}, r"unet/config\.json .*layers_per_block = 1000000: must be less than or equal to 16"),
        ("unet/config.json", {"layers_per_block": 16}, "it says that it has 16 layers on level 0, and .* is not there"),
        ("unet/config.json", {"transformer_layers_per_block": 64}, "it says that it has transformers of 64 layers"),
        ("unet/config.json", {"block_out_channels": [0, 0, 0, 0]}, r"block_out_channels\.0 = 0: must be greater than or equal to 1"),
        ("unet/config.json", {"attention_head_dim": 0}, "attention_head_dim = 0: must be greater"),
        ("unet/config.json", {"norm_num_groups": 0}, "norm_num_groups = 0: must be greater"),
        ("unet/config.json", {"norm_num_groups": 7}, "8 channels cannot be cut into 7 groups"),
        ("unet/config.json", {"in_channels": "x"}, "in_channels = 'x': must be a valid integer"),
        ("unet/config.json", {"sample_size": "x"}, "sample_size = 'x'"),
        ("unet/config.json", {"sample_size": 10**9}, "sample_size = 1000000000"),
        ("unet/config.json", {"sample_size": 1024}, "sample_size = 1024, which is 8,192 pixels; at most 2,048 are believed"),
        ("unet/config.json", {"quantization_config": {"quant_method": "torchao"}}, r"its weights are quantised \(torchao\), which is not read"),
        ("text_encoder/config.json", {"num_hidden_layers": 10**6}, "num_hidden_layers = 1000000: must be less"),
        ("text_encoder/config.json", {"num_hidden_layers": 100}, "it says that it has 100 layers, and 3 are there"),
        ("text_encoder/config.json", {"num_attention_heads": 0}, "num_attention_heads = 0: must be greater"),
        ("text_encoder/config.json", {"quantization_config": {}, "hidden_act": "x"}, "hidden_act = 'x'"),
        ("vae/config.json", {"scaling_factor": "x"}, "scaling_factor = 'x': must be a valid number"),
        ("vae/config.json", {"scaling_factor": 0}, "scaling_factor = 0: must be greater"),
        ("vae/config.json", {"scaling_factor": math.nan}, "scaling_factor = nan: must be a finite number"),
        ("scheduler/scheduler_config.json", {"num_train_timesteps": 0}, "num_train_timesteps = 0: must be greater"),
        ("scheduler/scheduler_config.json", {"beta_schedule": "x"}, "beta_schedule = 'x': must be 'linear', 'scaled_linear' or 'squaredcos_cap_v2'"),
        ("scheduler/scheduler_config.json", {"beta_start": math.nan}, "beta_start = nan"),
        ("scheduler/scheduler_config.json", {"trained_betas": [0.1]}, "trained_betas has 1 entries, and there are 1000"),
        ("tokenizer/tokenizer_config.json", {"model_max_length": "x"}, "model_max_length = 'x': must be a valid number"),
        ("tokenizer/tokenizer_config.json", {"model_max_length": 0}, "model_max_length is 0; it must be 3 or more"),
        ("tokenizer/tokenizer_config.json", {"pad_token": "nowhere"}, "'nowhere', its pad_token, is not among its 518 words"),
    ],
)
def test_what_cannot_be_is_refused_by_file_key_and_bound(file, values, message, tmp_path):
    place = tiny.copy("sd1", tmp_path / "model")
    (place / file).write_text(json.dumps(json.loads((place / file).read_text()) | values))
    with pytest.raises(HuafangError, match=message) as refused:
        load.load(place)
    assert refused.value.exit_code == 2


@pytest.mark.parametrize(
    ("size", "side", "said"),
    [([8, 8], 64, None), ([8, 16], 128, None), (None, 512, "does not say at which size"), (128, 1024, None), (200, 1024, "1600 pixels")],
)
def test_the_size_it_was_trained_at_is_read_where_it_can_be(size, side, said, tmp_path):
    place = tiny.copy("sd1", tmp_path / "model")
    config = json.loads((place / "unet" / "config.json").read_text())
    (place / "unet" / "config.json").write_text(json.dumps(config | {"sample_size": size}))
    model = load.load(place)
    assert model.size == side
    assert [said in note for note in model.notes] == ([True] if said else [])


ABSENT = {
    "sd1": ("tokenizer/vocab.json", "tokenizer/merges.txt", "tokenizer", "text_encoder", "text_encoder/config.json", "vae", "unet", "scheduler"),
    "xl": ("tokenizer_2/vocab.json", "tokenizer_2/merges.txt", "tokenizer_2", "text_encoder_2", "tokenizer/merges.txt"),
    "bert": ("tokenizer/vocab.txt", "tokenizer"),
}


@pytest.mark.parametrize(("family", "part"), [(family, part) for family, parts in ABSENT.items() for part in parts])
def test_a_part_that_is_absent_is_refused_and_named(family, part, tmp_path):
    place = tiny.copy(family, tmp_path / "model")
    (shutil.rmtree if (place / part).is_dir() else Path.unlink)(place / part)
    with pytest.raises(HuafangError, match=part.replace(".", r"\.")) as refused:
        load.load(place)
    assert refused.value.code == "weights.incomplete"


@pytest.mark.parametrize(
    ("family", "file", "body", "message"),
    [
        ("sd1", "vocab.json", "{}", "is not among its 0 words"),
        ("sd1", "vocab.json", '{"<|startoftext|>": 0, "<|endoftext|>": 1}', "lacks the letter 'a'"),
        ("sd1", "merges.txt", "", "no merges that make them"),
        ("sd1", "merges.txt", "#version: 0.2\nc a\nca t</w> x\n", "'ca t</w> x', which is not two words"),
        ("sd1", "merges.txt", "#version: 0.2\nc a\nq q\n", "'q q' is none of its words"),
        ("sd1", "added_tokens.json", '{"<new>": 3}', "was added to it as number 3, and 518 comes next"),
        ("sd1", "added_tokens.json", '{"<new>": 518, "<newer>": 519, "<newest>": 520}', "knows 521 tokens and its text encoder 520"),
        ("bert", "vocab.txt", "", "is not among its 0 words"),
        ("bert", "vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n", "it has no words"),
    ],
)
def test_a_vocabulary_that_no_prompt_can_be_read_with_is_refused(family, file, body, message, tmp_path):
    place = tiny.copy(family, tmp_path / "model")
    (place / "tokenizer" / file).write_text(body)
    with pytest.raises(HuafangError, match=message):
        load.load(place)


@pytest.mark.parametrize("family", FAMILIES)
def test_tokenizers_read_as_the_library_reads_them(family, tmp_path):
    """Also from `tokenizer.json`, which is all that transformers 5 saves, and with words that were added."""
    from transformers import BertTokenizer, CLIPTokenizer

    kind = BertTokenizer if family == "bert" else CLIPTokenizer
    place = tiny.copy(family, tmp_path / "model")
    theirs = kind.from_pretrained(place / "tokenizer")
    theirs.add_tokens(["<toy>", "zz9"])
    theirs.save_pretrained(tmp_path / "saved")
    assert not (tmp_path / "saved" / "merges.txt").exists()
    prompts = ["a cat, two dogs!", "A  CAT\n", "<toy> of a zz9 cat", "红色的房子 above", "<|endoftext|> café naïve 😀", "", "[SEP] [CLS] x"]
    for home, like in ((place / "tokenizer", kind.from_pretrained(place / "tokenizer")), (tmp_path / "saved", theirs)):
        ours = inspect.tokenizer.read(home, home, "bert" if family == "bert" else "clip").make()
        assert [ours(prompt).input_ids for prompt in prompts] == [like(prompt).input_ids for prompt in prompts]
        marks = ("pad_token_id", "bos_token_id", "eos_token_id", "cls_token_id", "sep_token_id", "unk_token_id", "model_max_length")
        assert [getattr(ours, mark) for mark in marks] == [getattr(like, mark) for mark in marks]


@pytest.mark.parametrize("shape", [(), (8,), (8, 4), (8, 4, 3), (0, 0, 0, 0)])
def test_a_first_convolution_of_another_shape_is_refused(shape, tmp_path):
    from safetensors.torch import load_file, save_file

    path = tiny.single("sd1", tmp_path)
    for name in ("model.diffusion_model.input_blocks.0.0.weight", "first_stage_model.encoder.conv_in.weight"):
        save_file(load_file(path) | {name: torch.zeros(shape)}, tmp_path / "odd.safetensors")
        shutil.copytree(path.with_suffix(".tokenizer"), tmp_path / "odd.tokenizer", dirs_exist_ok=True)
        with pytest.raises(HuafangError):
            load.load(tmp_path / "odd.safetensors")

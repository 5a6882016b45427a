"""A folder exported as one file and read again is the same model, bit for bit; and diffusers' own converter, which knows nothing of ours, reads the same."""

import json
import os
import shutil

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from huafang.diffusion import latents
from huafang.diffusion.model import inspect, single_file
from huafang.diffusion.model.embedded_config import MAX_METADATA
from huafang.diffusion.model.export import export
from huafang.diffusion.model.load import load
from huafang.diffusion.prompt.encode import encode
from huafang.diffusion.sampling import loop
from huafang.errors import BadInput
from huafang.models import catalogue
from tests.diffusion import tiny

PLAIN, ATTENDED = ("DownBlock2D", "UpBlock2D"), ("CrossAttnDownBlock2D", "CrossAttnUpBlock2D")
CLIP = {"vocab_size": tiny.VOCABULARY, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "projection_dim": 16}


def made(place, attention, *, layers=1, transformers=1, channels=None, **more):
    """A folder whose UNet has a level for each of `attention` (True: with a transformer), from fine to coarse, with the built-in model's kind of VAE."""
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    shutil.copytree(tiny.folder("sd1"), place)
    kinds = [ATTENDED if with_ else PLAIN for with_ in attention]
    width = more.pop("width", 16)
    torch.manual_seed(len(attention) + 10 * layers)
    UNet2DConditionModel(
        sample_size=8,
        block_out_channels=channels or (8, 16, 24, 24, 24)[: len(attention)],
        layers_per_block=layers,
        transformer_layers_per_block=transformers,
        down_block_types=tuple(kind[0] for kind in kinds),
        up_block_types=tuple(kind[1] for kind in reversed(kinds)),
        cross_attention_dim=width,
        attention_head_dim=2,
        norm_num_groups=4,
        **more,
    ).save_pretrained(place / "unet")
    AutoencoderKL(
        block_out_channels=(4, 4, 8, 8),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=layers,
        norm_num_groups=2,
        sample_size=64,
        scaling_factor=0.3,
    ).save_pretrained(place / "vae")
    CLIPTextModel(CLIPTextConfig(**{**CLIP, "hidden_size": width, "eos_token_id": 517, "bos_token_id": 516})).save_pretrained(place / "text_encoder")
    return place


FOLDERS = {
    "sd1": lambda place: tiny.copy("sd1", place),
    "sd2 by name, v": lambda place: tiny.copy("sd2", place),
    "xl": lambda place: tiny.copy("xl", place),
    "mini": lambda place: made(place, (False, True, False)),
    "open clip": lambda place: made(place, (False, True), width=1024),
    "two levels": lambda place: made(place, (False, True), layers=2, use_linear_projection=True),
    "five levels": lambda place: made(place, (True, False, True, True, False), layers=3, channels=(8, 8, 8, 16, 16)),
    "one level": lambda place: made(place, (True,)),
    "deep transformers": lambda place: made(place, (False, True, True), transformers=[1, 2, 3]),
}


def state_of(model):
    parts = {"unet": model.unet, "vae": model.vae, **{f"text {n}": encoder.model for n, encoder in enumerate(model.encoders)}}
    return {f"{part}.{name}": tensor for part, network in parts.items() for name, tensor in network.state_dict().items()}


def draw(model, prompt="a cat, (dog:1.2)! "):
    """A picture, with the weights where torch would put them: read straight from a file in single precision they lie where its header ends, and the last bit
    of a product depends on that.
    """
    for network in (model.unet, model.vae, *(encoder.model for encoder in model.encoders)):
        for tensor in network.parameters():
            tensor.data = tensor.data.clone()
    said = encode(model, prompt, "")
    generator = torch.Generator().manual_seed(3)
    start = model.start_noise(64, 64, generator)
    return latents.decode(model, loop.sample(model, said, start, sampler="euler", steps=2, guidance=5.0, generator=generator))


@pytest.mark.parametrize("name", FOLDERS)
def test_back_from_one_file_is_the_same_model(name, tmp_path, monkeypatch):
    monkeypatch.setattr(single_file, "CONFIGS", tmp_path / "none: the file brings its own")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "no vocabulary either"))
    folder, out = FOLDERS[name](tmp_path / "model"), tmp_path / "out" / "one.safetensors"
    assert export(folder, out) == []
    assert os.listdir(out.parent) == ["one.safetensors"]
    there, back = load(folder), load(out)
    ours, theirs = state_of(back), state_of(there)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(tensor, theirs[key]) for key, tensor in ours.items())
    assert (back.family, back.size, back.scale, back.zero_empty) == (there.family, there.size, there.scale, there.zero_empty)
    assert [(one.pad, one.start, one.end, one.positions) for one in back.encoders] == [(one.pad, one.start, one.end, one.positions) for one in there.encoders]
    assert back.scheduler["prediction_type"] == there.scheduler["prediction_type"]
    assert torch.equal(draw(back), draw(there))


@pytest.mark.parametrize("name", FOLDERS)
def test_diffusers_own_converter_gives_the_folders_tensors(name, tmp_path):
    """Of its names diffusers keeps a table of its own, which is the published files'."""
    from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint, convert_ldm_vae_checkpoint
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    folder, out = FOLDERS[name](tmp_path / "model"), tmp_path / "one.safetensors"
    export(folder, out)
    whole = load_file(out)
    for part, home, kind, convert in (
        ("unet", "model.diffusion_model.", UNet2DConditionModel, convert_ldm_unet_checkpoint),
        ("vae", "first_stage_model.", AutoencoderKL, convert_ldm_vae_checkpoint),
    ):
        network = kind.from_pretrained(folder / part)
        own = {name: tensor for name, tensor in whole.items() if name.startswith(home)}
        back, stored = convert(own, dict(network.config)), network.state_dict()
        assert len(own) == len(stored)
        assert back.keys() == stored.keys()
        assert all(torch.equal(tensor, stored[key]) for key, tensor in back.items())


@pytest.mark.parametrize("family", ["sd1", "xl"])
def test_the_names_are_those_of_the_published_layout(family, tmp_path):
    """The tests' writer, which is held against the released files in test_single_file.py, was written before and apart from this one."""
    export(tiny.folder(family), tmp_path / "one.safetensors")
    theirs = load_file(tiny.single(family, tmp_path))
    ours = load_file(tmp_path / "one.safetensors")
    assert ours.keys() == theirs.keys() - {"conditioner.embedders.1.model.logit_scale"}
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in ours.items())


def test_sd2s_text_encoder_is_open_clips(tmp_path):
    folder = FOLDERS["open clip"](tmp_path / "model")
    export(folder, tmp_path / "one.safetensors")
    state = load_file(tmp_path / "one.safetensors")
    assert inspect.inspect(tmp_path / "one.safetensors").family == "sd2"
    assert state["cond_stage_model.model.transformer.resblocks.1.attn.in_proj_weight"].shape == (3 * 1024, 1024)
    stored = load_file(folder / "text_encoder" / "model.safetensors")
    names = tiny.ldm_open_clip(stored).keys() - {"logit_scale"}
    assert {name.removeprefix("cond_stage_model.model.") for name in state if name.startswith("cond_stage")} == names


def test_without_what_it_carries_a_file_of_a_published_shape_is_read_as_ever(tmp_path, monkeypatch):
    export(tiny.folder("sd1"), tmp_path / "one.safetensors")
    save_file(load_file(tmp_path / "one.safetensors"), tmp_path / "bare.safetensors")
    tiny.write_tokenizer(tmp_path / "bare.tokenizer")
    monkeypatch.setattr(single_file, "CONFIGS", tiny.write_configs(tmp_path / "configs"))
    assert torch.equal(draw(load(tmp_path / "bare.safetensors")), draw(load(tiny.folder("sd1"))))


def test_precision_stays_and_a_borrowed_part_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(catalogue, "BUILT_IN", tiny.built_in(tmp_path / "builtin"))
    export(catalogue.BUILT_IN / "mini", tmp_path / "one.safetensors")
    assert {tensor.dtype for tensor in load_file(tmp_path / "one.safetensors").values()} == {torch.float16}
    there, back = load(catalogue.BUILT_IN / "mini"), load(tmp_path / "one.safetensors")
    assert all(torch.equal(tensor, state_of(there)[key]) for key, tensor in state_of(back).items())
    assert torch.equal(draw(back), draw(there))
    with pytest.raises(BadInput, match="mini-zh reads its prompts with a BERT"):
        export(catalogue.BUILT_IN / "mini-zh", tmp_path / "zh.safetensors")
    assert not (tmp_path / "zh.safetensors").exists()


def same(first, second):
    """Whether two files hold the same; safetensors writes metadata in any order."""
    state, other = load_file(first), load_file(second)
    with safe_open(first, "pt") as one, safe_open(second, "pt") as two:
        said = one.metadata() == two.metadata()
    return said and state.keys() == other.keys() and all(torch.equal(tensor, other[name]) for name, tensor in state.items())


def test_names_of_older_folders(tmp_path):
    """As on the hub: `text_model.` before CLIP's names with a constant beside them, the VAE's attention in the words of 2022, and training averages."""
    folder = tiny.copy("sd1", tmp_path / "model")
    old = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    vae = load_file(folder / "vae" / "diffusion_pytorch_model.safetensors")
    for new, name in old.items():
        vae = {key.replace(f".attentions.0.{new}.", f".attentions.0.{name}."): tensor for key, tensor in vae.items()}
    assert "decoder.mid_block.attentions.0.proj_attn.bias" in vae
    save_file(vae, folder / "vae" / "diffusion_pytorch_model.safetensors")
    clip = {f"text_model.{key}": tensor for key, tensor in load_file(folder / "text_encoder" / "model.safetensors").items()}
    clip["text_model.embeddings.position_ids"] = torch.arange(77)[None]
    save_file(clip, folder / "text_encoder" / "model.safetensors", metadata={"format": "pt"})
    shutil.copy(folder / "unet" / "diffusion_pytorch_model.safetensors", folder / "unet" / "diffusion_pytorch_model.non_ema.safetensors")
    export(folder, tmp_path / "old.safetensors")
    export(tiny.folder("sd1"), tmp_path / "new.safetensors")
    assert same(tmp_path / "old.safetensors", tmp_path / "new.safetensors")


def test_pieces_and_half_precision_files_are_found(tmp_path):
    folder = tiny.copy("sd1", tmp_path / "model")
    state, unet = load_file(folder / "unet" / "diffusion_pytorch_model.safetensors"), folder / "unet"
    (unet / "diffusion_pytorch_model.safetensors").unlink()
    names = sorted(state)
    places = {name: f"diffusion_pytorch_model-0000{1 + order % 2}-of-00002.safetensors" for order, name in enumerate(names)}
    for place in set(places.values()):
        save_file({name: state[name] for name in names if places[name] == place}, unet / place)
    (unet / "diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))
    vae = folder / "vae" / "diffusion_pytorch_model.safetensors"
    vae.rename(vae.with_name("diffusion_pytorch_model.fp16.safetensors"))
    export(folder, tmp_path / "one.safetensors")
    export(tiny.folder("sd1"), tmp_path / "plain.safetensors")
    assert same(tmp_path / "one.safetensors", tmp_path / "plain.safetensors")
    (unet / "diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps({"weight_map": {"x": "../vae/diffusion_pytorch_model.safetensors"}}))
    with pytest.raises(BadInput, match="which is no file of this folder"):
        export(folder, tmp_path / "two.safetensors")


def test_a_file_that_is_there_is_kept_unless_asked(tmp_path):
    out = tmp_path / "one.safetensors"
    out.write_bytes(b"mine")
    with pytest.raises(BadInput, match="is there already"):
        export(tiny.folder("sd1"), out)
    assert out.read_bytes() == b"mine"
    export(tiny.folder("sd1"), out, over=True)
    assert inspect.inspect(out).carried is not None
    with pytest.raises(BadInput, match="is one file already"):
        export(out, tmp_path / "two.safetensors")
    with pytest.raises(BadInput, match=r"must end in \.safetensors"):
        export(tiny.folder("sd1"), tmp_path / "two.ckpt")
    assert os.listdir(tmp_path) == ["one.safetensors"]


@pytest.mark.parametrize(
    ("file", "values", "message"),
    [
        ("unet/config.json", {"resnet_time_scale_shift": "scale_shift"}, "resnet_time_scale_shift = 'scale_shift'"),
        ("unet/config.json", {"layers_per_block": [2, 2, 2, 2]}, "layers_per_block"),
        ("unet/config.json", {"down_block_types": ["AttnDownBlock2D"] * 4}, "down_block_types"),
        ("vae/config.json", {"shift_factor": 0.1}, "shift_factor = 0.1"),
        ("text_encoder/config.json", {"hidden_act": "relu"}, "hidden_act = 'relu'"),
        ("scheduler/scheduler_config.json", {"trained_betas": [0.1, 0.2]}, "trained_betas"),
        ("unet/config.json", {"block_out_channels": [8, 16, 16, 24]}, "in the shape"),
    ],
)
def test_what_the_layout_has_no_place_for_is_refused_and_nothing_written(file, values, message, tmp_path):
    folder = tiny.copy("sd1", tmp_path / "model")
    (folder / file).write_text(json.dumps(json.loads((folder / file).read_text()) | values))
    with pytest.raises(BadInput, match=message):
        export(folder, tmp_path / "out" / "one.safetensors")
    assert not list(tmp_path.rglob("out/*"))


def test_a_vocabulary_too_large_to_be_carried_is_refused_and_clips_own_left_out(tmp_path):
    from transformers import CLIPTextConfig, CLIPTextModel

    for count, message in ((49_408, None), (20_000, "vocabulary of 20,000 words is not CLIP's own")):
        folder = tiny.copy("sd1", tmp_path / f"model{count}")
        vocab = json.loads((folder / "tokenizer" / "vocab.json").read_text())
        words = [
            *[word for word in vocab if not word.startswith("<|")],
            *(f"w{number}" for number in range(count - len(vocab))),
            "<|startoftext|>",
            "<|endoftext|>",
        ]
        (folder / "tokenizer" / "vocab.json").write_text(json.dumps({word: number for number, word in enumerate(words)}))
        CLIPTextModel(CLIPTextConfig(**{**CLIP, "vocab_size": count})).save_pretrained(folder / "text_encoder")
        out = tmp_path / f"{count}.safetensors"
        if message:
            with pytest.raises(BadInput, match=message):
                export(folder, out)
        else:
            assert "CLIP's own" in export(folder, out)[0]
            shutil.copytree(folder / "tokenizer", out.with_suffix(".tokenizer"))
            assert torch.equal(draw(load(out)), draw(load(folder)))


# What a stranger's file says of itself


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    place = tmp_path_factory.mktemp("exported")
    out = place / "one.safetensors"
    export(made(place / "model", (False, True, False)), out)
    with safe_open(out, "pt") as file:
        return load_file(out), file.metadata()


def saying(place, exported, **changes):
    """The exported file with other metadata: None takes a key away, a mapping changes single values, text replaces it."""
    state, told = exported
    told = dict(told)
    for key, change in changes.items():
        whole = f"huafang.{key}"
        if change is None:
            del told[whole]
        else:
            told[whole] = change if isinstance(change, str) else json.dumps({k: v for k, v in (json.loads(told[whole]) | change).items() if v != "gone"})
    save_file(state, place / "one.safetensors", metadata=told)
    return place / "one.safetensors"


HOSTILE = {
    "no object": {"unet": "[]"},
    "no JSON": {"unet": "{"},
    "nested": {"vae": '{"a":' + "[" * 40_000 + "]" * 40_000 + "}"},
    "a part is gone": {"vae": None},
    "the UNet alone is gone": {"unet": None},
    "unknown key": {"unet": {"_class_name": "Evil"}},
    "code": {"text_encoder": {"auto_map": {"AutoModel": "evil.Evil"}}},
    "unknown class": {"unet": {"down_block_types": ["os.system", "CrossAttnDownBlock2D", "DownBlock2D"]}},
    "activation by name": {"text_encoder": {"hidden_act": "__import__('os')"}},
    "more layers": {"unet": {"layers_per_block": 2}},
    "huge layers": {"unet": {"layers_per_block": 10**9}},
    "huge levels": {"unet": {"down_block_types": ["DownBlock2D"] * 10_000}},
    "attention elsewhere": {"unet": {"down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D", "DownBlock2D"]}},
    "deep": {"unet": {"transformer_layers_per_block": 64}},
    "other width": {"unet": {"block_out_channels": [8, 16, 32]}},
    "wrong lengths": {"unet": {"block_out_channels": [8, 16]}},
    "heads": {"unet": {"attention_head_dim": 5}},
    "groups": {"unet": {"norm_num_groups": 3}},
    "bool for a number": {"unet": {"sample_size": True}},
    "no number": {"vae": '{"scaling_factor": NaN}'},
    "not finite": {"vae": {"scaling_factor": float("inf")}},
    "missing key": {"unet": {"cross_attention_dim": "gone"}},
    "other channels": {"vae": {"latent_channels": 8}},
    "many text layers": {"text_encoder": {"num_hidden_layers": 100}},
    "many words": {"text_encoder": {"vocab_size": 900_000}},
    "many positions": {"text_encoder": {"max_position_embeddings": 4000}},
    "text heads": {"text_encoder": {"num_attention_heads": 3}},
    "another family": {"unet": {"addition_embed_type": "text_time", "addition_time_embed_dim": 8, "projection_class_embeddings_input_dim": 80}},
    "schedule": {"scheduler": {"num_train_timesteps": 10**12}},
    "schedule by name": {"scheduler": {"beta_schedule": "evil"}},
    "prediction": {"scheduler": {"prediction_type": "flow"}},
    "holes in the vocabulary": {"vocab": '{"<|startoftext|>": 0, "<|endoftext|>": 7}'},
    "no marks": {"vocab": '{"a": 0}'},
    "half a letter": {"vocab": '{"<|startoftext|>": 0, "<|endoftext|>": 1, "\\ud800": 2}'},
    "words that are no numbers": {"vocab": {"a": "x"}},
    "too many words": {"vocab": json.dumps({f"{number}": number for number in range(5000)} | {"<|startoftext|>": 5000, "<|endoftext|>": 5001})},
    "a merge of nothing": {"merges": '["c a", "q q"]'},
    "a merge of three": {"merges": '["c a t"]'},
    "merges gone": {"merges": None},
    "pads": {"tokenizer": {"pad_tokens": ["<|endoftext|>", "!"]}},
    "an unknown pad": {"tokenizer": {"pad_tokens": ["nowhere"]}},
    "length": {"tokenizer": {"model_max_length": 10**30}},
    "tokenizer setting": {"tokenizer": {"evil": 1}},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_a_file_says_of_itself_is_never_trusted(name, exported, tmp_path):
    path = saying(tmp_path, exported, **HOSTILE[name])
    with pytest.raises(BadInput) as refused:
        load(path)
    assert refused.value.code in ("weights.unreadable", "weights.wrong_kind", "weights.incomplete")
    assert len(refused.value.message) < 500


def test_the_same_saying_unspoiled_is_read(exported, tmp_path):
    assert load(saying(tmp_path, exported)).size == 64


def test_a_tensor_more_or_less_than_it_says_is_refused(exported, tmp_path):
    state, told = exported
    extra = {"model.diffusion_model.input_blocks.3.1.transformer_blocks.1.norm1.bias": torch.zeros(16)}
    save_file(state | extra, tmp_path / "more.safetensors", metadata=told)
    with pytest.raises(BadInput, match="1 tensors are in none of its layers"):
        load(tmp_path / "more.safetensors")
    name = "first_stage_model.decoder.mid.attn_1.q.bias"
    save_file({key: tensor for key, tensor in state.items() if key != name}, tmp_path / "less.safetensors", metadata=told)
    with pytest.raises(BadInput, match="lacks 1 of the tensors of its vae"):
        load(tmp_path / "less.safetensors")


def test_every_value_stays_below_what_a_header_may_hold(exported):
    assert max(map(len, exported[1].values())) < MAX_METADATA


def test_from_the_command_line(tmp_path, monkeypatch, capsys):
    from huafang.cli import main

    monkeypatch.setattr(catalogue, "BUILT_IN", tiny.built_in(tmp_path / "builtin"))
    out = tmp_path / "mini.safetensors"

    def huafang(*words):
        with pytest.raises(SystemExit) as left:
            main(["models", "export", *words, "--data", str(tmp_path / "data")])
        return left.value.code

    assert huafang("mini", "-o", str(out)) == 0
    assert capsys.readouterr().out.strip() == str(out)
    assert load(out).family == "sd1"
    assert huafang("mini", "-o", str(out)) not in (0, None)
    assert "is there already" in capsys.readouterr().err
    assert huafang(str(tmp_path / "builtin" / "mini"), "-o", str(out), "--overwrite") == 0

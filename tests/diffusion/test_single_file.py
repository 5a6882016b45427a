"""One LDM file gives what the diffusers folder of the same weights gives; and the shipped configurations are the real models'."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from huafang.diffusion import latents
from huafang.diffusion.model import inspect, single_file
from huafang.diffusion.model.load import load
from huafang.diffusion.prompt.encode import encode
from huafang.diffusion.sampling import loop
from huafang.errors import BadInput, MissingWeights
from tests.diffusion import tiny


@pytest.fixture
def shapes(tmp_path, monkeypatch):
    monkeypatch.setattr(single_file, "CONFIGS", tiny.write_configs(tmp_path / "configs"))
    return tmp_path


def draw(model, prompt="a cat, (dog:1.2)"):
    said = encode(model, prompt, "bird")
    generator = torch.Generator().manual_seed(3)
    start = model.start_noise(64, 64, generator)
    return latents.decode(model, loop.sample(model, said, start, sampler="euler", steps=3, guidance=5.0, generator=generator))


@pytest.mark.parametrize("family", ["sd1", "sd2", "xl"])
def test_a_file_draws_what_its_folder_draws(family, shapes):
    metadata = {"modelspec.architecture": "stable-diffusion-v2-768-v"} if family == "sd2" else None
    single = load(tiny.single(family, shapes, metadata=metadata))
    assert single.scheduler["prediction_type"] == ("v_prediction" if family == "sd2" else "epsilon")
    assert [encoder.pad for encoder in single.encoders] == {"sd1": [517], "sd2": [0], "xl": [517, 0]}[family]
    assert torch.allclose(draw(single), draw(load(tiny.folder(family))), atol=1e-5)


def test_a_file_of_nine_channels_is_an_inpainting_model(shapes):
    single, whole = load(tiny.single("inpainting", shapes)), load(tiny.folder("inpainting"))
    assert single.inpainting
    assert single.channels == 4
    for (name, one), (_, other) in zip(single.unet.state_dict().items(), whole.unet.state_dict().items(), strict=True):
        assert torch.equal(one, other), name


def test_older_names_and_what_is_not_needed(shapes):
    """Before 2023 the text encoder's names lacked `text_model.`; training averages and constants lie in many files."""
    path = tiny.single("sd1", shapes)
    state = load_file(path)
    state = {name.replace("transformer.text_model.", "transformer."): tensor for name, tensor in state.items()}
    state |= {"cond_stage_model.transformer.embeddings.position_ids": torch.arange(77)[None], "model_ema.decay": torch.tensor(0.9999)}
    state |= {f"model_ema.x{number}": torch.zeros(1) for number in range(120)}
    save_file(state, path)
    assert torch.allclose(draw(load(path)), draw(load(tiny.folder("sd1"))), atol=1e-5)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("model.diffusion_model.middle_block.0.in_layers.2.weight", "mid_block.resnets.0.conv1.weight"),
        ("first_stage_model.decoder.conv_out.weight", "conv_out.weight"),
        ("cond_stage_model.transformer.text_model.final_layer_norm.weight", "final_layer_norm.weight"),
    ],
)
def test_a_tensor_that_is_not_there_is_never_made_up(name, message, shapes):
    path = tiny.single("sd1", shapes)
    state = load_file(path)
    del state[name]
    save_file(state, path)
    with pytest.raises(BadInput, match=message):
        load(path)


def test_a_file_without_its_vae_says_so(shapes):
    path = tiny.single("sd1", shapes)
    save_file({name: tensor for name, tensor in load_file(path).items() if not name.startswith("first_stage_model")}, path)
    with pytest.raises(MissingWeights, match="has no VAE"):
        load(path)


def test_a_cut_down_model_is_no_model_of_the_family(tmp_path):
    """The tiny file against the real shapes."""
    with pytest.raises(BadInput, match=r"looks like Stable Diffusion 1.x, but its text_encoder has another shape"):
        load(tiny.single("sd1", tmp_path))


def test_the_vocabulary_is_found_beside_the_file_or_its_absence_explained(shapes, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(shapes / "no-cache"))
    path = tiny.single("sd1", shapes)
    found = inspect.inspect(path)
    assert inspect.tokenizer_files(found)[0] == path.with_suffix(".tokenizer") / "vocab.json"
    path.with_suffix(".tokenizer").rename(shapes / "tokenizer")
    assert inspect.tokenizer_files(found)[1] == shapes / "tokenizer" / "merges.txt"
    (shapes / "tokenizer" / "merges.txt").unlink()
    with pytest.raises(MissingWeights, match=r"the vocabulary .* is not on this machine") as refused:
        load(path)
    cached = tiny.write_tokenizer(shapes / "no-cache" / "models--openai--clip-vit-large-patch14" / "snapshots" / "abc")
    assert inspect.tokenizer_files(found)[0] == cached / "vocab.json"
    assert "hf download openai/clip-vit-large-patch14 vocab.json merges.txt" in str(refused.value.hint)


def test_what_a_second_generation_unet_predicts_is_read_off_its_weights_and_said(shapes):
    path = tiny.single("sd2", shapes)
    state = load_file(path)
    bias = "model.diffusion_model.output_blocks.11.1.transformer_blocks.0.norm1.bias"
    for spread, says in ((0.5, "v_prediction"), (0.01, "epsilon")):
        save_file(state | {bias: torch.linspace(-1, 1, len(state[bias])) * spread}, path)
        model = load(path)
        assert model.scheduler["prediction_type"] == says
        assert says in model.notes[0]
        assert model.size == (768 if says == "v_prediction" else 512)


# Numbers of parameters as published with the models (and as anyone counts them in the released files)
PUBLISHED = {
    ("sd1", "unet"): 859_520_964,
    ("sd1", "vae"): 83_653_863,
    ("sd1", "text_encoder"): 123_060_480,
    ("sd2", "unet"): 865_910_724,
    ("sd2", "vae"): 83_653_863,
    ("sd2", "text_encoder"): 340_387_840,
    ("xl", "unet"): 2_567_463_684,
    ("xl", "vae"): 83_653_863,
    ("xl", "text_encoder"): 123_060_480,
    ("xl", "text_encoder_2"): 694_659_840,
}


@pytest.fixture(scope="module")
def real():
    """The real models' parts without memory, from the shipped configurations."""
    from accelerate import init_empty_weights
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    kinds = {"unet": UNet2DConditionModel, "vae": AutoencoderKL, "text_encoder": CLIPTextModel, "text_encoder_2": CLIPTextModelWithProjection}
    made = {}
    for family, part in PUBLISHED:
        place, kind = single_file.CONFIGS / family / part, kinds[part]
        with init_empty_weights():
            made[family, part] = kind(CLIPTextConfig.from_pretrained(place)) if part.startswith("text") else kind.from_config(kind.load_config(str(place)))
    return made


@pytest.mark.parametrize(("family", "part"), PUBLISHED)
def test_the_shipped_configurations_have_the_published_numbers_of_parameters(family, part, real):
    assert sum(tensor.numel() for tensor in real[family, part].parameters()) == PUBLISHED[family, part]


# Names and shapes of tensors in the released files, as far as one tells a family and a layout by them
RELEASED = {
    "sd1": {
        "model.diffusion_model.input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight": (640, 768),
        "model.diffusion_model.output_blocks.5.2.conv.weight": (1280, 1280, 3, 3),
        "model.diffusion_model.output_blocks.2.1.conv.weight": (1280, 1280, 3, 3),
        "first_stage_model.decoder.mid.attn_1.q.weight": (512, 512, 1, 1),
        "first_stage_model.decoder.up.1.block.0.nin_shortcut.weight": (256, 512, 1, 1),
        "cond_stage_model.transformer.text_model.encoder.layers.11.mlp.fc1.weight": (3072, 768),
    },
    "sd2": {
        "model.diffusion_model.output_blocks.11.1.transformer_blocks.0.norm1.bias": (320,),
        "model.diffusion_model.output_blocks.11.1.proj_in.weight": (320, 320),
        "cond_stage_model.model.transformer.resblocks.22.attn.in_proj_weight": (3072, 1024),
        "cond_stage_model.model.positional_embedding": (77, 1024),
    },
    "xl": {
        "model.diffusion_model.label_emb.0.0.weight": (1280, 2816),
        "model.diffusion_model.input_blocks.8.1.transformer_blocks.9.attn1.to_q.weight": (1280, 1280),
        "model.diffusion_model.output_blocks.2.2.conv.weight": (1280, 1280, 3, 3),
        "conditioner.embedders.0.transformer.text_model.final_layer_norm.weight": (768,),
        "conditioner.embedders.1.model.text_projection": (1280, 1280),
        "conditioner.embedders.1.model.transformer.resblocks.31.mlp.c_fc.weight": (5120, 1280),
    },
}


@pytest.mark.parametrize("family", RELEASED)
def test_full_size_names_are_those_of_the_released_files(family, real):
    """Ties the tests' own LDM writer, which the tests above trust, to the outside."""
    whole = tiny.ldm(family, {part: real[family, part].state_dict() for owner, part in PUBLISHED if owner == family})
    for name, shape in RELEASED[family].items():
        assert tuple(whole[name].shape) == shape

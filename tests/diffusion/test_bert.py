"""A model that reads its prompts with a BERT, as Taiyi-Stable-Diffusion-1B-Chinese is to Stable Diffusion 1.4."""

import json
from functools import cache

import pytest
import torch

from huafang.diffusion.model.inspect import inspect
from huafang.diffusion.model.load import load
from huafang.diffusion.prompt.encode import encode
from huafang.diffusion.sampling import loop, schedulers
from huafang.errors import BadInput
from tests.diffusion import tiny

PROMPT, NEGATIVE, SEED, STEPS = "夕阳下的红色城堡，a cat", "黑色的狗", 7, 4


@cache
def model():
    return load(tiny.folder("bert"))


def plain(prompt: str, **settings) -> torch.Tensor:
    return encode(model(), prompt, guided=False, **settings).wanted[0].at(0).embeds


def pipeline(place, sampler: str):
    """diffusers' own, which reads the folder by itself."""
    from diffusers import StableDiffusionPipeline

    pipe = StableDiffusionPipeline.from_pretrained(place, safety_checker=None, feature_extractor=None, requires_safety_checker=False)
    pipe.scheduler = schedulers.scheduler(sampler, model().scheduler, STEPS)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def drawn(own, sampler: str, negative: str) -> torch.Tensor:
    generator = torch.Generator().manual_seed(SEED)
    said = encode(own, PROMPT, negative)
    return loop.sample(own, said, own.start_noise(64, 64, generator), sampler=sampler, steps=STEPS, guidance=6.0, generator=generator)


@pytest.mark.parametrize("sampler", ["ddim", "euler_a", "dpmpp_2m_karras"])
@pytest.mark.parametrize("negative", ["", NEGATIVE])
def test_latents_are_those_of_diffusers_pipeline(sampler, negative):
    theirs = pipeline(tiny.folder("bert"), sampler)(
        PROMPT, negative_prompt=negative, num_inference_steps=STEPS, guidance_scale=6.0, output_type="latent", generator=torch.Generator().manual_seed(SEED)
    ).images
    assert float((drawn(model(), sampler, negative) - theirs).abs().max()) < 1e-4


@pytest.mark.parametrize("masked", [False, True])
def test_padding_is_seen_unless_the_configuration_says_otherwise(masked, tmp_path):
    place = tiny.copy("bert", tmp_path / "model")
    config = place / "text_encoder" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"use_attention_mask": masked}))
    theirs = pipeline(place, "ddim").encode_prompt(PROMPT, "cpu", 1, True, NEGATIVE)
    said = encode(load(place), PROMPT, NEGATIVE)
    assert torch.allclose(said.wanted[0].at(0).embeds, theirs[0], atol=1e-5)
    assert torch.allclose(said.unwanted.at(0).embeds, theirs[1], atol=1e-5)
    assert torch.allclose(said.wanted[0].at(0).embeds, plain(PROMPT), atol=1e-5) is not masked


def test_the_folder_is_known_and_its_lengths_are_its_own():
    found = inspect(tiny.folder("bert"))
    assert (found.family, found.bert, found.single) == ("sd1", True, False)
    (encoder,) = model().encoders
    assert (encoder.positions, encoder.chunk) == (32, 30)
    assert plain("猫").shape == (1, 32, 16)


def test_a_tokenizer_that_knows_no_length_takes_the_networks(tmp_path):
    place = tiny.copy("bert", tmp_path / "model")
    tiny.write_bert_tokenizer(place / "tokenizer", length=10**30)
    assert load(place).encoders[0].positions == 40


def test_a_long_prompt_is_cut_at_a_chinese_comma_and_none_of_it_is_lost():
    long = "红色的猫" * 6 + "，" + "白色的狗" * 3
    said = encode(model(), long, "猫")
    assert said.chunks == 2
    assert said.wanted[0].at(0).embeds.shape == said.unwanted.at(0).embeds.shape == (1, 64, 16)
    assert torch.allclose(said.wanted[0].at(0).embeds[:, :32], plain("红色的猫" * 6 + "，"), atol=1e-6)
    assert torch.allclose(said.wanted[0].at(0).embeds[:, 32:], plain("白色的狗" * 3), atol=1e-6)
    assert torch.allclose(plain("猫 BREAK 狗"), torch.cat([plain("猫"), plain("狗")], dim=1), atol=1e-6)


def test_weights_keep_the_root_mean_square():
    """A LayerNorm leaves no mean to keep: by the rule for CLIP the chunk would be scaled by the quotient of two roundings."""
    usual, heavy = plain("一只猫")[0], plain("一只(猫:1.5)")[0]
    z = usual.clone()
    z[3] *= 1.5  # [CLS], 一, 只
    assert torch.allclose(heavy, z * (usual.square().mean() / z.square().mean()).sqrt(), atol=1e-4)


def test_a_skipped_layer_is_read_as_it_is():
    (encoder,) = model().encoders
    ids = encoder.tokenizer("猫", padding="max_length", max_length=32, return_tensors="pt").input_ids
    states = encoder.model(ids, output_hidden_states=True)
    assert torch.allclose(plain("猫"), states.last_hidden_state, atol=1e-6)
    assert torch.allclose(plain("猫", clip_skip=2), states.hidden_states[-2], atol=1e-6)
    with pytest.raises(BadInput, match="clip_skip is 4, but the text encoder of this model has layers for 1 to 3"):
        plain("猫", clip_skip=4)


def test_a_file_without_the_pooler_is_whole(tmp_path):
    from safetensors.torch import load_file, save_file

    place = tiny.copy("bert", tmp_path / "model")
    file = place / "text_encoder" / "model.safetensors"
    tensors = {name: tensor for name, tensor in load_file(file).items() if not name.startswith("pooler.")}
    save_file(tensors, file, metadata={"format": "pt"})
    assert torch.equal(encode(load(place), "猫").wanted[0].at(0).embeds, encode(model(), "猫").wanted[0].at(0).embeds)
    tensors.pop("encoder.layer.1.attention.self.query.weight")
    save_file(tensors, file, metadata={"format": "pt"})
    with pytest.raises(BadInput, match=r"lacks 1 of its tensors, encoder\.layer\.1\.attention\.self\.query\.weight first"):
        load(place)


def test_an_encoder_of_another_width_is_refused(tmp_path):
    place = tiny.copy("bert", tmp_path / "model")
    tiny._bert({**tiny.configs("bert")["text_encoder"], "hidden_size": 32}).save_pretrained(place / "text_encoder")
    with pytest.raises(BadInput, match="gives 32 features a token and its UNet takes 16"):
        load(place)


def test_a_repository_of_pickles_as_taiyis_is_read_once_it_is_converted(tmp_path):
    """Files of 2022: a constant among the text encoder's tensors, and the VAE's attention by its old names."""
    from safetensors.torch import load_file

    from huafang.models.pull import convert

    place = tiny.copy("bert", tmp_path / "model")
    old = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    for file in sorted(place.rglob("*.safetensors")):
        tensors = load_file(file)
        if file.parent.name == "text_encoder":
            tensors["embeddings.position_ids"] = torch.arange(40)[None]
        if file.parent.name == "vae":
            for new, was in old.items():
                tensors = {name.replace(f".{new}.", f".{was}."): tensor for name, tensor in tensors.items()}
        pickled = file.with_suffix(".bin")
        torch.save(tensors, pickled)
        file.unlink()
        convert(pickled, file)
        pickled.unlink()
    old_one = load(place)
    assert torch.equal(drawn(old_one, "ddim", NEGATIVE), drawn(model(), "ddim", NEGATIVE))
    assert all(torch.equal(tensor, model().vae.state_dict()[name]) for name, tensor in old_one.vae.state_dict().items())

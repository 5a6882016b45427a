"""Embeddings: chunks, weights, skipped layers, the second encoder."""

import pytest
import torch

from huafang.diffusion.model.load import load
from huafang.diffusion.prompt.encode import encode
from huafang.errors import BadInput
from tests.diffusion import tiny


@pytest.fixture(scope="module", params=["sd1", "sd2", "xl"])
def model(request):
    loaded = load(tiny.folder(request.param))
    with torch.no_grad():
        for encoder in loaded.encoders:
            last_norm(encoder).bias += 0.1  # trained ones have a mean; without it the rule would divide rounding by rounding
    return loaded


def last_norm(encoder):
    return getattr(encoder.model, "text_model", encoder.model).final_layer_norm


def plain(model, prompt: str) -> torch.Tensor:
    return encode(model, prompt, guided=False).wanted[0].at(0).embeds


def test_a_short_prompt_is_one_chunk_and_a_long_one_as_many_as_it_needs(model):
    assert plain(model, "a cat").shape[1] == 77
    assert plain(model, "").shape[1] == 77
    long = encode(model, " ".join(["x"] * 400), "short")
    assert long.chunks == 6
    assert long.wanted[0].at(0).embeds.shape[1] == long.unwanted.at(0).embeds.shape[1] == 6 * 77


def test_every_chunk_is_encoded_as_if_alone(model):
    both = plain(model, "a cat BREAK a dog")
    assert torch.allclose(both[:, :77], plain(model, "a cat"), atol=1e-6)
    assert torch.allclose(both[:, 77:], plain(model, "a dog"), atol=1e-6)


def test_weights_follow_the_rule(model):
    """Embedding × weight, then the chunk to the mean it had: computed here by hand on the one weighted token."""
    usual, heavy = plain(model, "a cat dog")[0], plain(model, "a (cat:1.5) dog")[0]
    for start, end in parts(model):
        z = usual[:, start:end].clone()
        before = z.mean()
        z[2] *= 1.5  # start, a, cat
        assert torch.allclose(heavy[:, start:end], z * (before / z.mean()), atol=1e-4)
    assert not torch.allclose(usual, heavy, atol=1e-3)
    assert torch.equal(plain(model, "a (cat:1.0) dog"), plain(model, "a cat dog"))


def test_without_a_mean_the_size_is_kept(model):
    if model.family == "xl":
        pytest.skip("its states come from before the norm, and have a mean")
    norm = last_norm(model.encoders[0])
    with torch.no_grad():
        bias = norm.bias.clone()
        norm.bias.zero_()
        usual, heavy = plain(model, "a cat dog")[0], plain(model, "a (cat:1.5) dog")[0]
        norm.bias.copy_(bias)
    assert heavy.square().mean().item() == pytest.approx(usual.square().mean().item(), rel=1e-4)
    assert torch.allclose(heavy[2] / heavy[1], 1.5 * usual[2] / usual[1], rtol=1e-3)


def parts(model) -> list[tuple[int, int]]:
    """Where each encoder's features lie among the columns."""
    widths = [encoder.model.config.hidden_size for encoder in model.encoders]
    return [(sum(widths[:place]), sum(widths[: place + 1])) for place in range(len(widths))]


def test_skipped_layers(model):
    encoder = model.encoders[0]
    ids = torch.tensor([[encoder.tokenizer.bos_token_id, *encoder.tokenizer("cat", add_special_tokens=False).input_ids, encoder.tokenizer.eos_token_id]])
    ids = torch.cat([ids, torch.full((1, 77 - ids.shape[1]), encoder.pad)], dim=1)
    states = encoder.model(ids, output_hidden_states=True).hidden_states
    start, end = parts(model)[0]
    second = encode(model, "cat", guided=False, clip_skip=2).wanted[0].at(0).embeds[..., start:end]
    wanted = states[-3] if model.family == "xl" else encoder.model.final_layer_norm(states[-2])
    assert torch.allclose(second, wanted, atol=1e-6)
    with pytest.raises(BadInput, match=r"clip_skip is 9, but the text encoder of this model has layers for 1 to [23]"):
        encode(model, "cat", clip_skip=9)


@pytest.mark.parametrize(
    "prompt",
    ["一只在月光下的猫，水墨画", "👨‍👩‍👧‍👦 family", "قطة جميلة", "e" + "\u0301" * 1000, "x", " ", "\t\n", "a" * 3000, "mixed 混合 مختلط"],
    ids=["chinese", "emoji", "arabic", "combining", "one", "space", "blank", "long", "mixed"],
)
def test_30_any_script_is_encoded(model, prompt):
    said = encode(model, prompt, prompt)
    assert torch.isfinite(said.wanted[0].at(0).embeds).all()
    assert said.wanted[0].at(0).embeds.shape == said.unwanted.at(0).embeds.shape
    assert said.wanted[0].at(0).embeds.shape[1] == 77 * max(1, said.chunks)


def test_no_guidance_no_other_side(model):
    said = encode(model, "a cat", "a dog", guided=False)
    assert said.unwanted is None
    assert not said.guided


def test_xl_takes_nothing_for_an_empty_negative_prompt():
    said = encode(load(tiny.folder("xl")), "a cat", "")
    assert not said.unwanted.at(0).embeds.any()
    assert not said.unwanted.at(0).pooled.any()
    assert encode(load(tiny.folder("xl")), "a cat", "a dog").unwanted.at(0).pooled.any()


def test_xl_pools_the_first_chunk():
    xl = load(tiny.folder("xl"))
    first, both = encode(xl, "a cat").wanted[0].at(0).pooled, encode(xl, "a cat BREAK a dog").wanted[0].at(0).pooled
    assert torch.allclose(both, first, atol=1e-6)
    assert not torch.allclose(encode(xl, "a dog").wanted[0].at(0).pooled, first, atol=1e-3)

"""Textual inversions of every layout: vectors stand where words stand, and a resident model keeps its bits, its vocabulary and its answers."""

import json

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from huafang import methods
from huafang.diffusion.adapters import embedding
from huafang.diffusion.adapters.embedding import Vectors
from huafang.diffusion.model.load import load
from huafang.diffusion.prompt import embedding_files
from huafang.diffusion.prompt.encode import encode, tokens
from huafang.errors import BadInput
from tests.diffusion import tiny
from tests.diffusion.test_lora import low_rank


@pytest.fixture(scope="module")
def model():
    return load(tiny.folder("sd1"))


def widths(model):
    return [encoder.model.config.hidden_size for encoder in model.encoders]


def ids(encoder, text):
    return encoder.tokenizer(text, add_special_tokens=False).input_ids


def learnt(encoder, text):
    """The network's own vectors of the tokens of `text`."""
    return encoder.model.get_input_embeddings().weight[ids(encoder, text)].clone()


def word(model, text, name="style"):
    """A textual inversion that says what `text` says."""
    return {name: Vectors(name, tuple(learnt(encoder, text) for encoder in model.encoders))}


def random_word(model, count, name="style", seed=0):
    dice = torch.Generator().manual_seed(seed)
    return {name: Vectors(name, tuple(torch.randn(count, width, generator=dice) for width in widths(model)))}


def embeds(model, prompt, words, **more):
    return encode(model, prompt, guided=False, words=words, steps=10, **more).wanted[0].at(0).embeds


@pytest.mark.parametrize("family", ["sd1", "sd2", "xl", "bert"])
@pytest.mark.parametrize("prompt", ["style", "a style hill", "(style:1.3), hill", "a, embedding:style", "a STYLE", "[style:x:0.9]"])
def test_the_vectors_of_known_words_read_as_these_words(family, prompt):
    """The one thing that is known of a vector without training: a token's own vector is that token."""
    own = load(tiny.folder(family))
    said = "cat dog"
    plain = prompt.replace("embedding:style", "style").replace("STYLE", "style").replace("style", said)
    assert torch.allclose(embeds(own, prompt, word(own, said)), embeds(own, plain, {}), atol=1e-5)
    assert not torch.allclose(embeds(own, prompt, random_word(own, 2)), embeds(own, plain, {}), atol=1e-3)


def test_in_the_negative_prompt_too_and_at_each_place(model):
    words = word(model, "cat")
    said, plain = encode(model, "dog", "style, style", words=words), encode(model, "dog", "cat, cat")
    assert torch.allclose(said.unwanted.at(0).embeds, plain.unwanted.at(0).embeds, atol=1e-5)


def test_a_word_of_several_vectors_stays_in_one_chunk(model):
    words = random_word(model, 8)
    (cat,) = tokens(model, "cat")
    assert tokens(model, "style cat", words=words) == [8 + cat]
    long = "cat " * (70 // cat)
    said = encode(model, long + "style", guided=False, words=words)
    assert said.chunks == 2
    alone = embeds(model, "style", words)
    assert torch.allclose(said.wanted[0].at(0).embeds[:, 77:], alone, atol=1e-5)


@pytest.mark.parametrize(
    ("prompt", "found"),
    [
        ("bad-hands, x", ["bad-hands"]),
        ("(bad-hands:1.2)", ["bad-hands"]),
        ("bad", ["bad"]),
        ("badly", []),
        ("_bad", []),
        ("一只bad猫", ["bad"]),
        ("<cat-toy> x<cat-toy>", ["<cat-toy>"] * 2),
        ("embedding:bad.pt, x", ["embedding:bad.pt"]),
        ("水墨画风景", ["水墨"]),
    ],
)
def test_where_words_are_found(prompt, found):
    finder = embedding_files.pattern(["bad", "bad-hands", "<cat-toy>", "水墨"])
    assert [match[0] for match in finder.finditer(prompt)] == found


def test_a_hook_is_left_nowhere_whatever_happens(model):
    network = model.encoders[0].model
    layer = network.get_input_embeddings()
    with pytest.raises(ZeroDivisionError), embedding.placed(network, [(0, 1, torch.zeros(1, widths(model)[0]))]):
        raise ZeroDivisionError
    assert not layer._forward_hooks


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.integers(1, 5), st.booleans()), min_size=1, max_size=6))
def test_in_any_order_a_resident_encoder_stays_what_it_was(model, order):
    """Words come, are used together or by themselves, and go: bits, vocabulary and answers are the old ones after each."""
    encoder = model.encoders[0]
    before = {name: tensor.clone() for name, tensor in encoder.model.state_dict().items()}
    vocabulary, plain = len(encoder.tokenizer), embeds(model, "a cat a", {})
    there: dict[str, Vectors] = {}
    for name, count, stays in order:
        there |= random_word(model, count, f"emb-{name}", seed=count)
        embeds(model, " ".join(there), there)
        if not stays:
            del there[f"emb-{name}"]
        assert len(encoder.tokenizer) == vocabulary
        assert all(torch.equal(tensor, before[key]) for key, tensor in encoder.model.state_dict().items())
        assert torch.equal(embeds(model, "a cat a", {}), plain)
        assert torch.equal(embeds(model, "a cat a", there), plain), "a word that is not named changes nothing"


LAYOUTS = {
    "kohya": lambda v: ({"emb_params": v[0]}, ["style"]),
    "one vector": lambda v: ({"emb_params": v[0][0]}, ["style"]),
    "A1111": lambda v: ({"string_to_param.*": v[0]}, ["style"]),
    "diffusers": lambda v: ({"<cat-toy>": v[0]}, ["<cat-toy>"]),
    "diffusers, two": lambda v: ({"<a>": v[0], "<b>": v[0] + 1}, ["<a>", "<b>"]),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_is_read(model, tmp_path, layout):
    own = random_word(model, 3)["style"].sides
    state, words = LAYOUTS[layout](own)
    save_file(state, tmp_path / "style.safetensors")
    places = {"mine/style": tmp_path / "style.safetensors"}
    found = embedding_files.named(f"a cat, {' '.join(words)}", places)
    assert {one.word for one in found.values()} == {"mine/style" if words == ["style"] else words[0], *(words[1:])}
    vectors = embedding.fitted(model, found)
    for name, tensor in zip(words, state.values(), strict=True):
        assert torch.equal(vectors[name].sides[0], tensor.reshape(-1, tensor.shape[-1]))
    assert embedding_files.named("a cat", places) == {}


def test_a_lone_token_also_goes_by_the_files_name(model, tmp_path):
    vectors = random_word(model, 3)["style"].sides[0]
    save_file({"<cat-toy>": vectors}, tmp_path / "toy.safetensors")
    places = {"toys/toy": tmp_path / "toy.safetensors"}
    alone = embeds(model, "x", {"x": Vectors("x", (vectors,))})
    for prompt in ("toy", "<cat-toy>", "toys/toy", "embedding:toy", "TOY"):
        words = embedding.fitted(model, embedding_files.named(prompt, places))
        assert torch.allclose(embeds(model, prompt, words), alone, atol=1e-5), prompt
    save_file({"cat-toy": torch.ones(2, 768)}, tmp_path / "toy.safetensors")
    assert list(embedding_files.words_of(tmp_path / "toy.safetensors", "toy")) == ["cat-toy"]


def test_xl_has_a_part_for_each_encoder(tmp_path):
    xl = load(tiny.folder("xl"))
    one, two = random_word(xl, 2)["style"].sides
    save_file({"clip_l": one, "clip_g": two}, tmp_path / "x.safetensors")
    vectors = embedding.fitted(xl, embedding_files.named("x", {"x": tmp_path / "x.safetensors"}))
    assert [torch.equal(mine, theirs) for mine, theirs in zip(vectors["x"].sides, (one, two), strict=True)] == [True, True]
    save_file({"clip_l": one}, tmp_path / "x.safetensors")
    with pytest.raises(BadInput, match="the embedding x does not fit this model"):
        embedding.fitted(xl, embedding_files.named("x", {"x": tmp_path / "x.safetensors"}))


@pytest.mark.parametrize(
    ("state", "family"),
    [
        ({"emb_params": torch.ones(2, 768)}, r"Stable Diffusion 1 \(vectors of 768"),
        ({"emb_params": torch.ones(1024)}, r"Stable Diffusion 2 \(vectors of 1024"),
        ({"clip_l": torch.ones(1, 768), "clip_g": torch.ones(1, 1280)}, r"Stable Diffusion XL \(vectors of 768 and 1280"),
        ({"emb_params": torch.ones(1, 33)}, "models whose words have 33 numbers"),
    ],
)
def test_one_of_another_family_is_refused_and_named(model, tmp_path, state, family):
    save_file(state, tmp_path / "x.safetensors")
    with pytest.raises(BadInput, match=f"the embedding x does not fit this model: it is for {family}") as caught:
        embedding.fitted(model, embedding_files.named("x", {"x": tmp_path / "x.safetensors"}))
    assert caught.value.code == "embedding.other_family"
    assert "take x out of the prompts" in caught.value.hint


def test_more_vectors_than_the_encoder_reads_are_refused(model, tmp_path):
    save_file({"emb_params": torch.ones(76, widths(model)[0])}, tmp_path / "x.safetensors")
    with pytest.raises(BadInput, match="has 76 vectors; the text encoder reads 75 at once"):
        embedding.fitted(model, embedding_files.named("x", {"x": tmp_path / "x.safetensors"}))


@pytest.mark.parametrize(
    "state",
    [
        {"conv.weight": torch.ones(2, 2)},
        {"emb_params": torch.ones(2, 2), "conv.weight": torch.ones(2)},
        {"emb_params": torch.ones(2, 2, 2)},
        {"lora_unet_x.lora_down.weight": torch.ones(2, 2), "bundle_emb.x.emb_params": torch.ones(2, 2)},
    ],
)
def test_other_files_stand_for_no_word(tmp_path, state):
    save_file(state, tmp_path / "x.safetensors")
    assert embedding_files.words_of(tmp_path / "x.safetensors", "x") == {}
    (tmp_path / "y.safetensors").write_text(json.dumps({}))
    assert embedding_files.words_of(tmp_path / "y.safetensors", "y") == {}


@pytest.fixture
def drawn(bench):
    """A function that draws with a folder of embeddings."""
    name = bench.weights.add(tiny.folder("sd1"))
    own = load(tiny.folder("sd1"))
    root = bench.weights.root
    root.mkdir(parents=True, exist_ok=True)
    width = widths(own)[0]
    for number, stem in enumerate(("badhands", "good-light")):
        save_file({"emb_params": torch.randn(2, width, generator=torch.Generator().manual_seed(number))}, root / f"{stem}.safetensors")
    tensors = {"bundle_emb.trigger.emb_params": torch.randn(1, width), "bundle_emb.other.string_to_param.*": torch.randn(1, width)}
    for part, module in own.unet.named_modules():
        if part.endswith("to_q"):
            tensors |= low_rank(module.weight, f"lora_unet_{part.replace('.', '_')}")
    save_file(tensors, root / "bundle.safetensors")
    ctx = bench.context()

    def draw(prompt, negative="", **more):
        values = {"prompt": prompt, "negative_prompt": negative, "model": name, "steps": 2, "width": 64, "height": 64} | more
        return methods.run(methods.build("text_to_image", values), ctx)

    return draw


def test_a_picture_is_drawn_with_embeddings_and_then_as_before(drawn):
    before = drawn("a cat").images[0]
    with_one = drawn("a cat, good-light", "badhands")
    assert "embeddings used: badhands (2 vectors), good-light (2 vectors)" in with_one.notes
    assert not torch.equal(with_one.images[0], before)
    assert torch.equal(drawn("a cat").images[0], before)
    assert not any("embedding" in note for note in drawn("a cat").notes)


def test_names_that_are_nearly_one_are_remarked_on(drawn):
    assert "badhand was read as plain words; did you mean the embedding badhands?" in drawn("a cat", "badhand").notes
    assert "there is no embedding gone: it was read as plain words" in drawn("embedding:gone").notes
    assert "embeddings used: badhands (2 vectors)" in drawn("embedding:badhands.pt").notes


def test_a_lora_brings_its_words_while_it_is_used(drawn):
    both = drawn("a cat, trigger, other <lora:bundle:1>")
    assert "embeddings used: other (1 vector), trigger (1 vector)" in both.notes
    assert not any("left out" in note for note in both.notes)
    assert not any("embeddings used" in note for note in drawn("a cat, trigger").notes)
    assert not torch.equal(both.images[0], drawn("a cat, trigger <lora:bundle:1>").images[0])

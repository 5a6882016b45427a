"""What the built-in models say of words they were never trained on."""

from types import SimpleNamespace

import pytest
from transformers import BertTokenizer, CLIPTokenizer

from huafang import methods
from huafang.diffusion.model.load import TextEncoder
from huafang.diffusion.prompt import vocabulary
from huafang.models import catalogue


def encoder(name: str) -> TextEncoder:
    kind, tokenizer = ("bert", BertTokenizer) if name == "mini-zh" else ("clip_text_model", CLIPTokenizer)
    config = SimpleNamespace(model_type=kind)
    return TextEncoder(tokenizer.from_pretrained(catalogue.BUILT_IN / name / "tokenizer"), SimpleNamespace(config=config), 0)


@pytest.mark.parametrize(
    ("prompt", "unknown"),
    [
        ("a castle in the air at sunset, watercolour", []),
        ("Lighthouse by the sea!", []),
        ("a quark in the snow", ["quark"]),
        ("two (Quarks:1.3) BREAK and a [quark], 3 trees", ["Quarks", "quark"]),
        ("", []),
    ],
)
def test_english_words(prompt, unknown):
    assert vocabulary.unknown_words(encoder("mini"), prompt) == unknown


@pytest.mark.parametrize(
    ("prompt", "unknown"),
    [("夕阳下空中的城堡", []), ("一座饕餮城堡", ["饕餮"]), ("饕,餮 and a 城堡 by Quark", ["饕", "餮", "and", "by", "Quark"]), ("一只狮子站在城堡前", ["狮子"])],
)
def test_chinese_characters(prompt, unknown):
    assert vocabulary.unknown_words(encoder("mini-zh"), prompt) == unknown


def test_a_word_that_only_shares_letters_is_no_typing_error(bench):
    notes = methods.run(methods.build("text_to_image", {"prompt": "a horse", "steps": 1}), bench.context()).notes
    assert any("does not know: horse" in note for note in notes)
    assert not any("shore" in note.partition("It draws")[0] for note in notes)


def test_a_large_vocabulary_spells_any_word(monkeypatch):
    monkeypatch.setattr(vocabulary, "SMALL", 10)
    assert vocabulary.unknown_words(encoder("mini"), "a quark") == []


def test_the_note_names_the_words_the_nearest_ones_and_what_is_drawn(bench):
    params = methods.build("text_to_image", {"prompt": "a casle and a quark", "steps": 1})
    notes = [note for note in methods.run(params, bench.context()).notes if "quark" in note]
    assert len(notes) == 1
    assert notes[0].startswith("mini does not know: casle, quark; the picture ignores them. Did you mean castle? It draws houses, castles,")
    assert notes[0].zh.startswith("mini 没学过“casle”“quark”，画里不会出现。是不是想写 castle？它会画：房子、城堡")

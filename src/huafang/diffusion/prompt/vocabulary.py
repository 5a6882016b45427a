"""Words of a prompt that a model with a small vocabulary has never seen. No picture shows that such a word was passed over, so the user is told."""

import difflib
import re
from collections.abc import Iterator, Sequence
from functools import cache

from huafang.diffusion.model.load import Model, TextEncoder
from huafang.diffusion.prompt import grammar, schedule
from huafang.models import catalogue
from huafang.notes import Note

SMALL = 8192
"""Tokens of a small vocabulary, at most. CLIP's 49,408 and BERT's 21,128 spell any word."""
STEPS = 8
"""Steps at which a prompt that changes is looked at."""
LISTED = 8
"""Words that one note names, at most."""

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+")
_WORD_END = "</w>"


def unknown_words(encoder: TextEncoder, prompt: str) -> list[str]:
    """Words (English) or runs of characters (Chinese) of `prompt` that `encoder` was not trained on, each once, in order. Empty for a large vocabulary.

    A tokenizer trained on captions has one token for every word of them, and a BERT's one for every character; what takes several, or none, is new to it.
    """
    if len(encoder.tokenizer) > SMALL:
        return []
    text = " ".join(span.text for text in schedule.texts(prompt, STEPS) for spans in grammar.parse(text) for span in spans)
    words = [word for word in _WORD.findall(_HAN.sub(" ", text)) if _is_split(encoder, word)]
    return list(dict.fromkeys([*_unknown_characters(encoder, text), *words] if encoder.bert else words))


def notes(model: Model, name: str, prompt: str) -> list[Note]:
    """What of `prompt` the model passes over, the nearest words it knows, and what it draws."""
    encoder = model.encoders[0]
    unknown = unknown_words(encoder, prompt)
    if not unknown:
        return []
    listed, more = unknown[:LISTED], len(unknown) - LISTED
    en = [f"{name} does not know: {', '.join(listed)}{f' and {more} more' if more > 0 else ''}; the picture ignores {'it' if len(unknown) == 1 else 'them'}."]
    zh = [f"{name} 没学过“{'”“'.join(listed)}”{f'等 {len(unknown)} 个词' if more > 0 else ''}，画里不会出现。"]
    near = _nearest(encoder, listed)
    if near:
        en, zh = [*en, f"Did you mean {', '.join(near)}?"], [*zh, f"是不是想写 {'、'.join(near)}？"]
    draws = catalogue.built_in()[name].draws if name in catalogue.built_in() else None
    if draws:
        en, zh = [*en, f"It draws {draws}."], [*zh, f"它会画：{draws.zh}。"]
    return [Note(" ".join(en), "".join(zh))]


def _is_split(encoder: TextEncoder, word: str) -> bool:
    return any(len(encoder.tokenizer.tokenize(part)) != 1 for part in re.split("[-’']", word) if part)


def _unknown_characters(encoder: TextEncoder, text: str) -> list[str]:
    """Names of things in which an unknown character stands; where there is none, the runs of unknown characters themselves."""
    known = encoder.tokenizer.get_vocab()
    runs, named = [], []
    for words in _HAN.findall(text):
        marked = "".join(character if character not in known else " " for character in words)
        runs += marked.split()
        named += [name for name in _names_in(words) if any(character not in known for character in name)]
    return named or runs


def _names_in(words: str) -> Iterator[str]:
    """The names of things in `words`, the longest at each place."""
    names = _names()
    longest = max(map(len, names))
    at = 0
    while at < len(words):
        length = next((length for length in range(min(longest, len(words) - at), 0, -1) if words[at : at + length] in names), 0)
        if length:
            yield words[at : at + length]
        at += max(length, 1)


@cache
def _names() -> frozenset[str]:
    from huafang.scenes.things import things

    return frozenset(name for thing in things().values() for name, _ in thing.chinese)


def _nearest(encoder: TextEncoder, unknown: Sequence[str]) -> list[str]:
    """Known words of five letters and more that are spelled nearly alike and begin alike: typing errors."""
    if encoder.bert:
        return []
    known = [token.removesuffix(_WORD_END) for token in encoder.tokenizer.get_vocab() if token.endswith(_WORD_END) and len(token) > len(_WORD_END) + 4]
    near = ((word, match) for word in unknown for match in difflib.get_close_matches(word.lower(), known, 1, 0.8))
    return list(dict.fromkeys(match for word, match in near if match[0] == word[0].lower()))

"""The tokenizers of CLIP and of BERT from the files of a model folder, which are read and checked here: transformers is given words, and opens no file.

CLIP: `vocab.json` and `merges.txt`, or `tokenizer.json`. BERT: `vocab.txt`, or `tokenizer.json`. Beside them `tokenizer_config.json`,
`special_tokens_map.json` and `added_tokens.json`, where they are. As in transformers, `tokenizer.json` counts where there are both.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from huafang.errors import BadInput, MissingWeights
from huafang.models import folders
from huafang.models.configs import checked
from huafang.models.tokenizer_configs import AddedToken, FastTokenizer, TokenizerConfig, Vocabulary
from huafang.notes import Note

START, END = "<|startoftext|>", "<|endoftext|>"
UNREACHED = 0.001
"""Share of a vocabulary's words that no merge makes, above which it is said: `merges.txt` may have been cut off. CLIP's own has none."""
Kind = Literal["clip", "bert"]
SPECIAL: dict[Kind, dict[str, str]] = {
    "clip": {"bos_token": START, "eos_token": END, "unk_token": END, "pad_token": END},
    "bert": {"unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]", "cls_token": "[CLS]", "mask_token": "[MASK]"},
}
"""The special tokens that transformers gives each class where the files do not tell."""


@dataclass(frozen=True)
class Words:
    """What a tokenizer is made of. `special` are its special tokens by key; `added` are words that were added to `vocab`, by number."""

    kind: Kind
    vocab: Mapping[str, int]
    merges: Sequence[tuple[str, str]]
    config: TokenizerConfig
    special: Mapping[str, str]
    added: Mapping[int, AddedToken] = field(default_factory=dict)

    @property
    def highest(self) -> int:
        """The largest number of a word."""
        return max([*self.vocab.values(), *self.added])

    @property
    def notes(self) -> list[Note]:
        """What the user should know of it."""
        made = {first + second for first, second in self.merges}
        own = {*self.special.values(), *(token.content for token in self.added.values())}
        unmade = [word for word in self.vocab if len(word.removesuffix("</w>")) > 1 and word not in made and word not in own]
        if self.kind != "clip" or len(unmade) <= UNREACHED * len(self.vocab):
            return []
        en = f"{len(unmade):,} of the {len(self.vocab):,} words of its vocabulary cannot be formed: its merges may have been cut off"
        return [Note(en, f"词表 {len(self.vocab):,} 个词中有 {len(unmade):,} 个无法合成：merges 可能不完整。")]

    def make(self) -> Any:
        """The tokenizer of transformers."""
        from tokenizers import AddedToken as Added
        from transformers import BertTokenizer, CLIPTokenizer

        length = self.config.model_max_length
        most = {} if length is None else {"model_max_length": int(min(length, 1e30))}
        if self.kind == "clip":
            made = CLIPTokenizer(vocab={**self.vocab}, merges=[*self.merges], **self.special, **most)
        else:
            how = {name: getattr(self.config, name) for name in ("do_lower_case", "tokenize_chinese_chars", "strip_accents")}
            made = BertTokenizer(vocab={**self.vocab}, **how, **self.special, **most)
        for number in sorted(self.added):
            token = self.added[number]
            if token.content not in self.vocab:
                told = token.model_dump(exclude={"content", "id"})
                made.add_tokens([Added(token.content, **told)], special_tokens=token.special)
        return made


def read(place: Path, home: Path, kind: Kind) -> Words:
    """The tokenizer in the folder `place` of the model folder `home`.

    Raises MissingWeights (`weights.incomplete`) for one that lacks a file; BadInput (`weights.bad_config`, `weights.unreadable`) for one that is damaged.
    """
    shown = place.name if place != home else f"the tokenizer of {home.name}"
    try:
        names = {item.name for item in place.iterdir()}
    except OSError:
        raise MissingWeights(f"{home.name} has no {place.name}/: no prompt could be read", code="weights.incomplete", hint="get the model again") from None
    config = folders.read_config(TokenizerConfig, place / "tokenizer_config.json", home) if "tokenizer_config.json" in names else TokenizerConfig()
    added: dict[int, AddedToken] = {}
    tokens = config.tokens
    if config.added_tokens_decoder is not None:
        added |= {_number(key, place / "tokenizer_config.json"): token for key, token in config.added_tokens_decoder.items()}
    elif "special_tokens_map.json" in names:
        tokens |= folders.read_config(TokenizerConfig, place / "special_tokens_map.json", home).tokens
    if "tokenizer.json" in names:
        fast = folders.read_config(FastTokenizer, place / "tokenizer.json", home, folders.MAX_VOCABULARY)
        vocab, source = fast.model.vocab, "tokenizer.json"
        merges = [_pair(one, f"{shown}/tokenizer.json") for one in fast.model.merges]
        added |= {token.id: token for token in fast.added_tokens}
    elif kind == "clip":
        _wanted(names, ("vocab.json", "merges.txt"), home, place)
        vocab, source = _vocabulary(place / "vocab.json", home), "vocab.json"
        merges = _merges(place / "merges.txt", home)
    else:
        _wanted(names, ("vocab.txt",), home, place)
        lines = folders.read_text(place / "vocab.txt", home).split("\n")
        vocab, source, merges = {line.rstrip("\r"): number for number, line in enumerate(lines) if line.rstrip("\r")}, "vocab.txt", []
    if "added_tokens.json" in names and config.added_tokens_decoder is None:
        more = _vocabulary(place / "added_tokens.json", home)
        added |= {number: AddedToken(content=word) for word, number in more.items() if number not in added}
    words = Words(kind, vocab, merges, config, SPECIAL[kind] | {name: word for name, word in tokens.items() if name in SPECIAL[kind]}, added)
    check(words, f"{shown}/{source}")
    return words


def plain(place: Path) -> Words:
    """CLIP's own tokenizer, from the `vocab.json` and `merges.txt` in the folder `place` and nothing else. Raises as `read` does."""
    vocab, merges = _vocabulary(place / "vocab.json", place), _merges(place / "merges.txt", place)
    words = Words("clip", vocab, merges, TokenizerConfig(), SPECIAL["clip"])
    check(words, f"{place.name}/vocab.json")
    return words


def check(words: Words, source: str) -> None:
    """Raises BadInput (`weights.bad_config`) where prompts could not be read with these words. `source` names their file."""

    def refuse(why: str) -> BadInput:
        return BadInput(f"{source} is no vocabulary that prompts can be read with: {why}", code="weights.bad_config", hint="get the model again")

    for word in words.vocab:
        try:
            word.encode()
        except UnicodeEncodeError:
            raise refuse(f"{ascii(word)[:60]} is half a surrogate pair") from None
    if len(set(words.vocab.values())) < len(words.vocab):
        raise refuse("two of its words have one number")
    extra = {token.content: number for number, token in words.added.items()}
    for name, word in words.special.items():
        if word not in words.vocab and word not in extra and name != "mask_token":
            raise refuse(f"{word!r}, its {name}, is not among its {len(words.vocab):,} words")
    for number, place in zip(sorted(number for word, number in extra.items() if word not in words.vocab), range(len(words.vocab), 2_000_000), strict=False):
        if number != place:  # transformers numbers them on, whatever the file says
            raise refuse(f"{words.added[number].content!r} was added to it as number {number}, and {place} comes next")
    if any(words.vocab[word] != number for word, number in extra.items() if word in words.vocab):
        raise refuse("an added word has another number than the vocabulary gives it")
    known = words.vocab.keys() - extra.keys() - set(words.special.values())
    if words.kind == "bert":
        if not known:
            raise refuse("it has no words")
        return
    letters = "abcdefghijklmnopqrstuvwxyz"
    if missing := [letter for letter in letters if letter not in known or f"{letter}</w>" not in known]:
        raise refuse(f"it lacks the letter {missing[0]!r}, at a word's end or inside")
    for first, second in words.merges:
        if not {first, second, first + second} <= words.vocab.keys():
            raise refuse(f"the merge {f'{first} {second}'[:80]!r} is none of its words")
    longer = [word for word in known if len(word.removesuffix("</w>")) > 1]
    if longer and not words.merges:
        raise refuse(f"it has words such as {longer[0][:60]!r}, and no merges that make them")


def _wanted(names: set[str], files: tuple[str, ...], home: Path, place: Path) -> None:
    for name in files:
        if name not in names:
            shown = f"{place.name}/{name}" if place != home else name
            raise MissingWeights(
                f"{home.name} has no {shown}, without which no prompt can be read: the model's folder is not whole",
                code="weights.incomplete",
                hint="get the model again, or lay the file in its place",
            )


def _vocabulary(path: Path, home: Path) -> dict[str, int]:
    words = folders.read_json(path, home, folders.MAX_VOCABULARY)
    return checked(Vocabulary, {"words": words}, f"{path.parent.name}/{path.name}").words


def _merges(path: Path, home: Path) -> list[tuple[str, str]]:
    """The lines of `merges.txt`, of which the first may be a comment."""
    lines = folders.read_text(path, home).split("\n")
    start = 1 if lines[0].startswith("#version") else 0
    return [_pair(line.rstrip("\r"), f"{path.parent.name}/{path.name}") for line in lines[start:] if line.strip()]


def _pair(line: str | list[str], source: str) -> tuple[str, str]:
    parts = line.split(" ") if isinstance(line, str) else line
    if len(parts) != 2 or not all(parts):
        raise BadInput(f"{source} has the merge {str(line)[:80]!r}, which is not two words", code="weights.bad_config", hint="get the model again")
    return parts[0], parts[1]


def _number(key: str, path: Path) -> int:
    if not (key.isascii() and key.isdigit() and len(key) < 8):
        raise BadInput(f"{path.parent.name}/{path.name}: added_tokens_decoder has the number {key[:40]!r}", code="weights.bad_config")
    return int(key)

"""Tokenizers learnt from drawn captions: byte-level BPE in CLIP's file format, and BERT's one character, one token for Chinese.

The files are written by hand in the published formats (`vocab.json` + `merges.txt`, `vocab.txt`), so every tool reads them.
"""

import collections
import itertools
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from torch import Tensor

LENGTH = 77
"""Tokens that a text encoder reads, start and end among them: Stable Diffusion's."""
START, END = "<|startoftext|>", "<|endoftext|>"
MERGES = 1200
"""Of a tokenizer for scenes."""
_WORD = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d|[a-z]+|[0-9]|[^\sa-z0-9]+")
"""CLIP's way of cutting lower-cased text into words, for the letters that captions have."""


def byte_letters() -> list[str]:
    """A printable letter for each byte: GPT-2's table, in CLIP's order."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    return [chr(byte) for byte in plain] + [chr(256 + place) for place in range(len(others))]


def learn_merges(captions: Iterable[str], count: int, known: Iterable[tuple[str, str]] = ()) -> list[tuple[str, str]]:
    """At most `count` merges of byte-pair encoding (Sennrich et al. 2016), the commonest pair first; pairs that came only once are left out.

    `known` merges come before all others and count among them: the words that they made stay what they are.
    """
    seen = collections.Counter(word for caption in captions for word in _WORD.findall(caption.lower()) if word.isascii())
    words = {word: [*word[:-1], word[-1] + "</w>"] for word in seen}
    merges = list(known)
    for pair in merges:
        words = {word: _merged(pieces, pair) for word, pieces in words.items()}
    while len(merges) < count:
        pairs: collections.Counter[tuple[str, str]] = collections.Counter()
        for word, pieces in words.items():
            for pair in itertools.pairwise(pieces):
                pairs[pair] += seen[word]
        if not pairs:
            break
        best, times = min(pairs.items(), key=lambda item: (-item[1], item[0]))
        if times < 2:
            break
        merges.append(best)
        for word, pieces in words.items():
            words[word] = _merged(pieces, best)
    return merges


def write_clip(folder: Path, captions: Iterable[str], merges: int = MERGES, known: Iterable[tuple[str, str]] = ()) -> int:
    """A CLIP tokenizer in `folder`, which goes on from `known` merges; gives the size of its vocabulary."""
    folder.mkdir(parents=True, exist_ok=True)
    learnt = learn_merges(captions, merges, known)
    letters = byte_letters()
    pieces = [*letters, *(letter + "</w>" for letter in letters), *("".join(pair) for pair in learnt), START, END]
    vocabulary = {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}
    _write(folder / "vocab.json", json.dumps(vocabulary, ensure_ascii=False))
    _write(folder / "merges.txt", "#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in learnt))
    _write(
        folder / "tokenizer_config.json",
        json.dumps(
            {
                "tokenizer_class": "CLIPTokenizer",
                "bos_token": START,
                "eos_token": END,
                "unk_token": END,
                "pad_token": END,
                "model_max_length": LENGTH,
                "do_lower_case": True,
            },
            indent=1,
        ),
    )
    _write(folder / "special_tokens_map.json", json.dumps({"bos_token": START, "eos_token": END, "unk_token": END, "pad_token": END}, indent=1))
    return len(vocabulary)


def write_bert(folder: Path, captions: Iterable[str], known: Iterable[str] = ()) -> int:
    """A BERT tokenizer in `folder` that knows every character of the captions, those that are `known`, and ASCII; gives the size of its vocabulary."""
    folder.mkdir(parents=True, exist_ok=True)
    seen = {letter for caption in captions for letter in caption.lower() if not letter.isspace()} | {piece for piece in known if len(piece) == 1}
    ascii_letters = [chr(code) for code in range(33, 127) if not chr(code).isupper()]
    known = [*ascii_letters, *("##" + letter for letter in ascii_letters if letter.isalnum()), *sorted(seen - set(ascii_letters))]
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *known]
    _write(folder / "vocab.txt", "".join(piece + "\n" for piece in vocabulary))
    _write(
        folder / "tokenizer_config.json",
        json.dumps({"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": LENGTH, "tokenize_chinese_chars": True}, indent=1),
    )
    return len(vocabulary)


def read_merges(folder: Path) -> list[tuple[str, str]]:
    """The merges of the CLIP tokenizer in `folder`."""
    lines = (folder / "merges.txt").read_text("utf-8").splitlines()
    return [(pair[0], pair[1]) for line in lines if not line.startswith("#") and len(pair := line.split()) == 2]


def vocabulary(folder: Path) -> dict[str, int]:
    """Piece -> number, of the CLIP or BERT tokenizer in `folder`."""
    if (folder / "vocab.json").is_file():
        known: dict[str, int] = json.loads((folder / "vocab.json").read_text("utf-8"))
        return known
    return {piece: number for number, piece in enumerate((folder / "vocab.txt").read_text("utf-8").split("\n")[:-1])}


def carried(embeddings: Tensor, old: Mapping[str, int], new: Mapping[str, int], fresh: Tensor) -> Tensor:
    """Rows for the pieces of a `new` vocabulary, (new pieces, width): those that the `old` one has, from `embeddings`, the others from `fresh`."""
    rows = fresh.clone()
    for piece, number in new.items():
        if piece in old:
            rows[number] = embeddings[old[piece]]
    return rows


def _merged(pieces: list[str], pair: tuple[str, str]) -> list[str]:
    out: list[str] = []
    for piece in pieces:
        if out and (out[-1], piece) == pair:
            out[-1] += piece
        else:
            out.append(piece)
    return out


def _write(path: Path, text: str) -> None:
    path.write_text(text, "utf-8")

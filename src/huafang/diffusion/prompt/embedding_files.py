"""Files of textual inversions (Gal et al., ICLR 2023): which there are, what words they stand for, and where a prompt names them. No torch here.

emb_params            kohya's scripts, and converted `.pt` files; the file's name is the word
string_to_param.*     AUTOMATIC1111's name for the same
<token>               diffusers: each tensor is a word
clip_l, clip_g        Stable Diffusion XL: a part for each of its two text encoders
bundle_emb.NAME.…     any of these inside a LoRA file; NAME is the word
"""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from huafang.errors import HuafangError
from huafang.models import tensorfile

WIDTHS = (192, 768, 1024, 1280)
"""Numbers of a vector, by which a tensor under a bare word is known for one: those of mini and of Stable Diffusion."""
_OWN = ("emb_params", "clip_l", "clip_g")
LARGEST = 16_000_000
"""Bytes of a file of textual inversions, at most: 75 vectors for both encoders of XL are 0.6 MB."""
FAMILIES = {768: "Stable Diffusion 1", 1024: "Stable Diffusion 2", 1280: "the second text encoder of Stable Diffusion XL", 4096: "a T5 text encoder"}
"""Width of a vector -> the models whose words have it."""
NEAR = 0.84
_LETTER = "A-Za-z0-9_"
_ENDING = r"(?:\.(?:safetensors|pt|bin))?"
_ASKED = re.compile(rf"embedding:([\w.\-/<>]+?){_ENDING}(?=[\s,()\[\]:|]|$)", re.IGNORECASE)
"""A word of ComfyUI's."""


@dataclass(frozen=True)
class Tensor:
    """Where a word's vectors stand: the `key` of the tensor, and the text encoder they are for, "" where the file does not say."""

    key: str
    side: str
    shape: tuple[int, ...]

    @property
    def vectors(self) -> int:
        return self.shape[0] if len(self.shape) == 2 else 1

    @property
    def width(self) -> int:
        return self.shape[-1]


Words = dict[str, list[Tensor]]
"""Words that a file stands for -> their tensors."""


def words_of(path: Path, name: str, *, bundled: bool = False) -> Words:
    """The words of the file at `path`, whose own word is `name`; with `bundled` those that lie in a LoRA file. Empty for a file of another sort."""
    try:
        if not bundled and (path.is_dir() or path.stat().st_size > LARGEST):
            return {}
        header = tensorfile.header(path)
    except (HuafangError, OSError):
        return {}
    found: Words = {}
    for key, entry in header.items():
        inside = re.match(r"bundle_emb\.(.+?)\.(string_to_param\..*|emb_params|clip_[lg])$", key)
        if bool(inside) != bundled:
            if not bundled:
                return {}  # a LoRA
            continue
        word, rest = (inside[1], inside[2]) if inside else (name, key)
        bare = not bundled and "." not in rest and entry["shape"][-1:] and entry["shape"][-1] in WIDTHS and rest not in _OWN
        token = re.fullmatch(r".{1,200}" if bare else r"<.{1,200}>", rest)
        side = rest if rest in ("clip_l", "clip_g") else ""
        if not (token or side or rest == "emb_params" or rest.startswith("string_to_param.")):
            return {}
        shape = tuple(entry["shape"])
        if not 1 <= len(shape) <= 2 or min(shape) < 1:
            return {}
        found.setdefault(token[0] if token else word, []).append(Tensor(key, side, shape))
    return found


def pattern(words: Iterable[str]) -> re.Pattern[str] | None:
    """Finds any of `words` in a prompt, the longest first, in letters of either case, also as ComfyUI writes it (embedding:NAME); None for no words."""
    alternatives = []
    for word in sorted(set(words), key=lambda word: (-len(word), word)):
        before = f"(?<![{_LETTER}])" if re.match(f"[{_LETTER}]", word) else ""
        behind = f"(?![{_LETTER}])" if re.search(f"[{_LETTER}]$", word) else ""
        alternatives.append(rf"embedding:{re.escape(word)}{_ENDING}{behind}|{before}{re.escape(word)}{behind}")
    return re.compile("|".join(alternatives), re.IGNORECASE) if alternatives else None


def plain_word(found: str) -> str:
    """A word as a prompt writes it -> as files are called, in small letters."""
    if not found.lower().startswith("embedding:"):
        return found.lower()
    return re.sub(rf"{_ENDING}$", "", found[len("embedding:") :], flags=re.IGNORECASE).lower()


@dataclass(frozen=True)
class Found:
    """A word that a prompt names, the file that it comes from, and its tensors."""

    word: str
    path: Path
    tensors: tuple[Tensor, ...]


def named(prompts: str, places: Mapping[str, Path]) -> dict[str, Found]:
    """The words of `prompts` that a file of `places` (name -> file) stands for, in small letters. Only files that can be meant are opened."""
    found: dict[str, Found] = {}
    tokens = re.search(r"<[^<>]{1,200}>", prompts) is not None
    for name, path in places.items():
        names = {name, name.rpartition("/")[2]}
        finder = pattern(names)
        by_name = finder is not None and finder.search(prompts) is not None
        if not by_name and not (tokens and path.is_file()):
            continue
        for word, tensors in (words := words_of(path, name)).items():
            own = names | {word} if len(words) == 1 else {word}
            if (finder := pattern(own)) and finder.search(prompts):
                for one in own:
                    found.setdefault(one.lower(), Found(word, path, tuple(tensors)))
    return found


def near(prompts: str, places: Mapping[str, Path], known: Iterable[str]) -> Iterator[tuple[str, str]]:
    """(word of `prompts`, name of an embedding that may be meant), for words that are nearly one and are none."""
    names = {name.rpartition("/")[2].lower(): (name, path) for name, path in places.items() if path.is_file()}
    taken = set(known)
    asked = {match[1].lower() for match in _ASKED.finditer(prompts)}
    words = {word.lower().strip(".") for word in re.split(r"[\s,，。、()（）\[\]:：|{}<>]+", prompts)} | asked
    for word in sorted(words - taken):
        if len(word) < 5 or (word in names and word not in asked):
            continue
        for close in difflib.get_close_matches(word, names, 3, NEAR):
            name, path = names[close]
            if close != word and words_of(path, name):
                yield word, name
                break


def asked(prompts: str) -> set[str]:
    """Names behind ComfyUI's `embedding:`, in small letters."""
    return {match[1].lower() for match in _ASKED.finditer(prompts)}


def listed(places: Mapping[str, Path]) -> list[Found]:
    """All words of all files of `places`, sorted."""
    found = [Found(word, path, tuple(tensors)) for name, path in places.items() for word, tensors in words_of(path, name).items()]
    return sorted(found, key=lambda one: one.word.lower())


def family(tensors: Iterable[Tensor]) -> str:
    """The models that a word is for, by the sides and widths of its tensors."""
    tensors = list(tensors)
    if {tensor.side for tensor in tensors} >= {"clip_l", "clip_g"}:
        return "Stable Diffusion XL"
    width = tensors[0].width
    return FAMILIES.get(width, f"models whose words have {width} numbers")

"""Weights in prompts, as AUTOMATIC1111's web UI made them common, and the names of LoRAs. No torch here.

    (x)       × 1.1        (x:1.3)   × 1.3       \\( \\) \\[ \\]   the bracket itself
    [x]       ÷ 1.1        BREAK     a new chunk

Brackets nest and multiply; one that is not closed runs to the end; one that was not opened is a plain character. Full-width brackets, as a Chinese
keyboard types them, weigh where a weight stands in them, （x：1.3）, and are plain punctuation elsewhere.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from huafang.diffusion.prompt import lora_blocks
from huafang.notes import Note

HEAVIEST = 10.0
STRONGEST = 4.0
"""Strength of a LoRA, at most."""
DEEPEST = 64

_WEIGHT = re.compile(r":\s*([+-]?(?:\d+\.?\d*|\.\d+))\s*\)")
_WIDE_WEIGHT = re.compile(r"[:：]\s*([+\-＋－]?[\d.．]{1,20})\s*")
"""A weight before a bracket's end, in letters of either width."""
_COMPEL = re.compile(r"(?<![\w+])[^\W\d_]{2,40}\+{2,}(?![\w+])|(?<!\\)\)(?:[+\-]+(?!\w)|\d{0,3}\.\d{1,5}(?![\w.]))")
"""Weights as InvokeAI writes them, behind a word or a bracket. C++ is a word."""
_FUNCTION = re.compile(r"\)\.(?:and|blend|swap)\(")
"""Functions of InvokeAI's prompts."""
_DOUBLE_BRACES = re.compile(r"\{\{[^{}|]{1,200}\}\}|\{[^{}|:]{1,200}:\s*\d*\.?\d+\}")
"""Emphasis as NovelAI writes it."""
_MIDJOURNEY = re.compile(r"(?<![\w\-])--(?:ar|aspect|no|v|version|s|stylize|chaos|niji|q|quality|seed|iw|style|tile|weird|raw)\b|(?<=\w)::\s*-?\d*\.?\d+")
"""Parameters and weights of Midjourney."""
_BARE_WEIGHT = re.compile(r"(?:^|[,，;；])\s*([^\W\d_][^,，:：()（）\[\]{}<>\n]{0,40}[:：]\s*\d[.．]\d{1,3})\s*(?=[,，;；]|$)")
"""A weight without brackets."""
_UNREAD_WEIGHT = re.compile(r"[(（][^()（）\[\]]{0,80}[:：]\s*([+\-＋－]?\d[\d.．,，%％]*)\s*[)）]")
"""What looks like a weight in brackets, whether it is a number or not."""
_BREAK = re.compile(r"\s*\bBREAK\b\s*")
_LORA_FORM = "cannot be read: write <lora:name:0.8>, <lora:name:0.5:0.8> with 0.5 for the text encoder, or more behind it: lbw=OUTALL, start=5, stop=0.8"
_NETWORK = re.compile(r"<(lora|lyco|hypernet):([^<>]*)>", re.IGNORECASE)


@dataclass(frozen=True)
class Span:
    """Words that share one weight."""

    text: str
    weight: float = 1.0


def parse(prompt: str) -> tuple[tuple[Span, ...], ...]:
    """The spans of `prompt`, one tuple for each part between BREAKs (one at the least).

    The prompt is that of one step: `schedule.py` reads `[from:to:when]`, `[a|b]` and AND. `<lora:name:0.8>` is left out: `loras` reads it.
    Raises ValueError for weights beyond ±10, brackets nested more than 64 deep, and `<hypernet:…>`.
    """
    loras(prompt)
    prompt = narrow(words(prompt))
    texts: list[str] = [""]
    weights: list[float] = [1.0]
    opened: dict[str, list[int]] = {"(": [], "[": []}

    def cut() -> int:
        texts.append("")
        weights.append(1.0)
        return len(texts) - 1

    def close(bracket: str, factor: float) -> None:
        for index in range(opened[bracket].pop(), len(texts)):
            weights[index] *= factor
        cut()

    at = 0
    while at < len(prompt):
        mark = prompt[at]
        weighted = _WEIGHT.match(prompt, at) if mark == ":" and opened["("] else None
        if mark == "\\":  # of one that escapes nothing, nothing is left
            if escaped := next((other for other in "()[]\\" if prompt.startswith(other, at + 1)), ""):
                texts[-1] += escaped
                at += 1
        elif mark in "([":
            opened[mark].append(cut())
            if len(opened["("]) + len(opened["["]) > DEEPEST:
                raise ValueError(f"brackets are nested more than {DEEPEST} deep at character {at + 1}; write the weight as (words:1.3)")
        elif weighted:
            close("(", float(weighted[1]))
            at = weighted.end() - 1
        elif mark == ")" and opened["("]:
            close("(", 1.1)
        elif mark == "]" and opened["["]:
            close("[", 1 / 1.1)
        else:
            texts[-1] += mark
        at += 1
    for bracket, factor in (("(", 1.1), ("[", 1 / 1.1)):
        while opened[bracket]:
            close(bracket, factor)
    return _parts(texts, weights)


@dataclass(frozen=True)
class NamedLora:
    """`<lora:name:weight>` or `<lora:name:text weight:weight>`, with `lbw=`, `start=` and `stop=`.

    `text_weight` is for the text encoders, None as `weight`; `blocks` are weights by block; `start` and `stop` are the first and the last step of those in
    which it acts, counted from 1, or shares of all where they lie between 0 and 1 and have a point.
    """

    name: str
    weight: float = 1.0
    text_weight: float | None = None
    blocks: Mapping[str, float] | None = None
    start: str | None = None
    stop: str | None = None


def words(prompt: str) -> str:
    """`prompt` without what names extra networks."""
    return _NETWORK.sub("", prompt)


def loras(prompt: str) -> tuple[NamedLora, ...]:
    """The LoRAs that `prompt` names, as AUTOMATIC1111's web UI and its LoRA Block Weight extension write them.

    Raises ValueError for one that cannot be read, and for hypernetworks.
    """
    found = []
    for network in _NETWORK.finditer(prompt):
        shown = network[0][:80]
        if network[1].lower() == "hypernet":
            raise ValueError(f"{shown!r} asks for a hypernetwork, which is not read here; take it out")
        try:
            found.append(_lora(network[2]))
        except ValueError as error:
            raise ValueError(f"{shown!r} {error}") from None
    return tuple(found)


def _lora(text: str) -> NamedLora:
    name, *parts = (part.strip() for part in text.split(":"))
    numbers: list[float] = []
    named: dict[str, str] = {}
    for part in parts:
        key, equals, value = part.partition("=")
        if _is_number(part) and not named and len(numbers) < 2:
            numbers.append(float(part))
        elif equals:
            named[key.strip().lower()] = value.strip()
        elif numbers and "lbw" not in named and re.fullmatch(r"[A-Z]+[\d.]*|[\d.,\s+-]+,[\d.,\s+-]+", part):  # how older versions write block weights
            named["lbw"] = part
        else:
            raise ValueError(_LORA_FORM)
    if not re.fullmatch(r"[\w][\w.\-]*(/[\w][\w.\-]*)*", name) or len(name) > 200:
        raise ValueError(_LORA_FORM)
    if unknown := sorted(named.keys() - {"te", "unet", "lbw", "start", "stop", "step"}):
        raise ValueError(f"has {unknown[0]}=, which is not read here; read are te, unet, lbw, start, stop and step")
    text_weight = _strength(named["te"]) if "te" in named else numbers[0] if numbers else 1.0
    weight = _strength(named["unet"]) if "unet" in named else numbers[-1] if numbers else text_weight
    if any(abs(strength) > STRONGEST for strength in (weight, text_weight)):
        raise ValueError(f"is too strong: allowed are {-STRONGEST:g} to {STRONGEST:g}")
    start, stop = named.get("start"), named.get("stop")
    if "step" in named:
        start, _, stop = named["step"].partition("-")
    for step in (start, stop):
        if step is not None and not re.fullmatch(r"\d{1,4}|0?\.\d+|1\.0*|0\.", step):
            raise ValueError(f"has the step {step[:20]!r}; allowed are a number of steps, such as 10, and a share of them, such as 0.4")
    blocks = lora_blocks.parse(named["lbw"]) if "lbw" in named else None
    return NamedLora(name, weight, None if text_weight == weight else text_weight, blocks, start, stop)


def _strength(text: str) -> float:
    if not _is_number(text):
        raise ValueError(_LORA_FORM)
    return float(text)


def narrow(prompt: str) -> str:
    """`prompt` with every pair of brackets in which a weight stands written in ASCII: brackets, colon and digits."""
    if not any(mark in prompt for mark in "（）：．＋－") and not any(unicodedata.category(mark) == "Nd" and not mark.isascii() for mark in prompt):
        return prompt
    letters = list(prompt)
    opened: list[int] = []
    begin: dict[int, int] = {match.end(): match.start() for match in _WIDE_WEIGHT.finditer(prompt)}
    for place, mark in enumerate(prompt):
        if mark in "(（" and prompt[place - 1 : place] != "\\":
            opened.append(place)
        elif mark in ")）" and opened:
            first, start = opened.pop(), begin.get(place)
            if start is not None and start > first and _is_number(weight := unicodedata.normalize("NFKC", prompt[start + 1 : place]).strip()):
                letters[first], letters[place] = "(", ")"
                letters[start:place] = [f":{weight}", *[""] * (place - start - 1)]
    return "".join(letters)


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[+-]?(?:\d+\.?\d*|\.\d+)", text) is not None


def _parts(texts: list[str], weights: list[float]) -> tuple[tuple[Span, ...], ...]:
    """Neighbours of one weight joined, BREAKs made walls, weights checked."""
    parts: list[list[Span]] = [[]]
    for text, weight in zip(texts, weights, strict=True):
        if text and not abs(weight) <= HEAVIEST:
            raise ValueError(f"the weight of {text.strip()[:40]!r} is {weight:.4g}; allowed are {-HEAVIEST:g} to {HEAVIEST:g}")
        for number, piece in enumerate(_BREAK.split(text)):
            if number:
                parts.append([])
            if piece and parts[-1] and parts[-1][-1].weight == weight:
                parts[-1][-1] = Span(parts[-1][-1].text + piece, weight)
            elif piece:
                parts[-1].append(Span(piece, weight))
    return tuple(tuple(part) for part in parts)


def remarks(prompt: str) -> list[Note]:
    """What of other tools' grammar stands in `prompt` and is read here as plain words."""
    said = []
    if function := _FUNCTION.search(prompt):
        shown = function[0]
        en = f"{shown}…) of InvokeAI is not carried out here: write `one AND two` to compose prompts, [one:two:0.5] to change on the way"
        said.append(Note(en, f"这里不支持 InvokeAI 的 {shown}…)：合成提示词请写“one AND two”，中途切换请写 [one:two:0.5]。"))
    if weight := _COMPEL.search(prompt):
        shown = weight[0][:40]
        en = f"weights written as word++ or (words)1.3 are not carried out here ({shown}): write (words:1.3)"
        said.append(Note(en, f"这里不支持 word++ 或 (words)1.3 这样的权重写法（{shown}）：请写成 (words:1.3)。"))
    if braces := _DOUBLE_BRACES.search(prompt):
        shown = braces[0][:40]
        en = f"braces give no weight here ({shown}): write (words:1.1)"
        said.append(Note(en, f"花括号在这里不表示权重（{shown}）：请写成 (词:1.1)。"))
    if foreign := _MIDJOURNEY.search(prompt):
        shown = foreign[0][:40]
        en = f"{shown} of Midjourney is read as plain words here: use the settings, the negative prompt, or (words:1.3)"
        said.append(Note(en, f"Midjourney 的 {shown} 在这里只当普通文字：请改用相应的设置、反向提示词或 (词:1.3)。"))
    said += _unread_weights(prompt)
    return said


def _unread_weights(prompt: str) -> list[Note]:
    """What is said of weights that are none: without brackets, or with a comma or a percent sign for a number."""
    narrowed = narrow(prompt)
    found = _BARE_WEIGHT.search(narrowed)
    shown = found[1] if found else next((match[0] for match in _UNREAD_WEIGHT.finditer(narrowed) if not _is_number(match[1])), None)
    if shown is None:
        return []
    shown = shown.strip()[:40]
    return [Note(f"{shown} is no weight here and was read as plain words: write (words:1.3)", f"{shown} 不是这里的权重写法，已当作普通文字：请写成 (词:1.3)。")]

"""Prompts that change from step to step, and prompts that are composed, as AUTOMATIC1111's web UI reads them. No torch here.

    [from:to:0.5]   `from` for half of the steps, then `to`; a whole number counts steps: [from:to:10]
    [to:0.5]        nothing, then `to`           [from::0.5]   `from`, then nothing
    [a|b|c]         a, b, c by turns, one a step
    one AND two     both at once, each with a weight of its own: one :0.7 AND two :0.3

A prompt is read as a tree of these; for each step the tree gives a plain prompt, whose weights `grammar.parse` reads. Brackets of another form are plain
brackets. Between brackets, ： and ｜ of a Chinese keyboard stand for : and | where they make one of these forms.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from huafang.diffusion.prompt import grammar
from huafang.diffusion.prompt.grammar import DEEPEST, HEAVIEST
from huafang.notes import Note

MOST = 8
"""Prompts that AND composes, at most: all of them go through the UNet together."""
_AND = re.compile(r"\bAND\b")
_WEIGHTED = re.compile(r"(.*?)\s*[:：]\s*([-+]?(?:\d+\.?\d*|\.\d+))\s*", re.DOTALL)
_NUMBER = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+))\s*")
_NARROW = {":": ":", "|": "|", "：": ":", "｜": "|"}


@dataclass(frozen=True)
class Text:
    """Characters as they stand, weights and escapes among them."""

    text: str


@dataclass(frozen=True)
class Bracket:
    """A pair of plain brackets with what is in it."""

    open: str
    inside: tuple["Node", ...]
    close: str


@dataclass(frozen=True)
class Change:
    """`before` up to `when`, `after` from then on: a count of steps, or where `share` is set a part of all."""

    before: tuple["Node", ...]
    after: tuple["Node", ...]
    when: float
    share: bool

    def steps(self, steps: int) -> int:
        """How many of `steps` are drawn with `before`."""
        return min(steps, int(self.when * steps if self.share else self.when))


@dataclass(frozen=True)
class Turns:
    """Each step takes the next of `options`."""

    options: tuple[tuple["Node", ...], ...]


Node = Text | Bracket | Change | Turns
Tree = tuple[Node, ...]


def parse(prompt: str) -> Tree:
    """The tree of `prompt`, which names no extra networks. Raises ValueError for brackets nested more than 64 deep."""
    reader = _Reader(prompt)
    nodes: list[Node] = []
    at = 0
    while at < len(prompt):
        found, at = reader.nodes(at, 0)
        nodes += found
        if at < len(prompt):  # a mark that belongs to no form
            nodes.append(Text(prompt[at]))
            at += 1
    return _joined(nodes)


def text_at(tree: Sequence[Node], step: int, steps: int) -> str:
    """The plain prompt of `step`, counted from 1, of `steps`."""

    def said(node: Node) -> str:
        match node:
            case Text(text):
                return text
            case Bracket(opened, inside, closed):
                return opened + text_at(inside, step, steps) + closed
            case Change(before, after):
                return text_at(before if step <= node.steps(steps) else after, step, steps)
            case Turns(options):
                return text_at(options[(step - 1) % len(options)], step, steps)

    return "".join(map(said, tree))


def schedule(prompt: str, steps: int) -> list[tuple[int, str]]:
    """(last step, plain prompt), in order, as AUTOMATIC1111's `get_learned_conditioning_prompt_schedules` has it: steps count from 1, the last is `steps`."""
    tree = parse(prompt)
    ends = {steps}
    for node in _all(tree):
        if isinstance(node, Turns):
            ends |= set(range(1, steps + 1))
        elif isinstance(node, Change) and node.steps(steps) >= 1:
            ends.add(node.steps(steps))
    return [(end, text_at(tree, end, steps)) for end in sorted(ends)]


def composed(prompt: str) -> list[tuple[str, float]]:
    """The prompts between ANDs, each with its weight. A prompt without AND weighs 1, whatever its last words are: "at 12:30" is a time.

    Raises ValueError for more than 8 of them, or a weight beyond ±10.
    """
    parts = _AND.split(prompt)
    if len(parts) == 1:
        return [(prompt, 1.0)]
    if len(parts) > MOST:
        raise ValueError(f"composes {len(parts)} prompts with AND; allowed are at most {MOST}")
    found = []
    for part in parts:
        match = _WEIGHTED.fullmatch(part)
        text, weight = (match[1], float(match[2])) if match else (part, 1.0)
        if abs(weight) > HEAVIEST:
            raise ValueError(f"the weight of {text.strip()[:40]!r} is {weight:.4g}; allowed are {-HEAVIEST:g} to {HEAVIEST:g}")
        found.append((text, weight))
    return found


def plain(prompt: str) -> str:
    """`prompt` without the names of extra networks, with weights of full-width letters in ASCII: what `schedule` and `composed` read."""
    return grammar.narrow(grammar.words(prompt))


def texts(prompt: str, steps: int) -> list[str]:
    """Every plain prompt that is drawn in `steps` steps, each once."""
    return list(dict.fromkeys(text for part, _ in composed(plain(prompt)) for _, text in schedule(part, steps)))


def changes(prompt: str) -> bool:
    """Whether the prompt is another one at some steps."""
    return any(isinstance(node, Change | Turns) for part, _ in composed(plain(prompt)) for node in _all(parse(part)))


def unread(prompt: str) -> list[str]:
    """Brackets that look like one of the forms and are none, as they stand."""
    found = []
    for part in _AND.split(plain(prompt)):
        rest = "".join(node.text if isinstance(node, Text) else "\0" for node in parse(part))
        found += re.findall(r"(?<!\\)\[[^\[\]\0]*[|｜][^\[\]\0]*\]|(?<!\\)\[[^\[\]\0]*[:：]\s*\d*\.?\d+\s*\]", rest)
    return found


def _all(tree: Sequence[Node]) -> Iterator[Node]:
    for node in tree:
        yield node
        match node:
            case Bracket(_, inside):
                yield from _all(inside)
            case Change(before, after):
                yield from _all((*before, *after))
            case Turns(options):
                for option in options:
                    yield from _all(option)


class _Reader:
    """Reads forms at places of a text. What stands at a bracket is read once: many brackets take quadratic time at worst."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._known: dict[int, tuple[Node, int] | None] = {}

    def nodes(self, at: int, depth: int, stops: str = "") -> tuple[list[Node], int]:
        """What can be read from `at` on, up to a mark that ends a form, one of `stops`, or a bracket that is none; and where that is."""
        found: list[Node] = []
        while at < len(self.text):
            mark = self.text[at]
            if mark == "\\" and at + 1 < len(self.text):
                found.append(Text(self.text[at : at + 2]))
                at += 2
            elif mark in "([":
                if (form := self._form(at, depth + 1)) is None:
                    break
                node, at = form
                found.append(node)
            elif mark in ")]:|" or mark in stops:
                break
            else:
                found.append(Text(mark))
                at += 1
        return found, at

    def _form(self, at: int, depth: int) -> tuple[Node, int] | None:
        if depth > DEEPEST:
            raise ValueError(f"brackets are nested more than {DEEPEST} deep at character {at + 1}; write the weight as (words:1.3)")
        if at not in self._known:
            self._known[at] = self._round(at, depth) if self.text[at] == "(" else self._square(at, depth)
        return self._known[at]

    def _round(self, at: int, depth: int) -> tuple[Node, int] | None:
        inside, end = self.nodes(at + 1, depth)
        if self.text[end : end + 1] == ":":
            more, end = self.nodes(end + 1, depth)
            inside = [*inside, Text(":"), *more]
        return (Bracket("(", _joined(inside), ")"), end + 1) if self.text[end : end + 1] == ")" else None

    def _square(self, at: int, depth: int) -> tuple[Node, int] | None:
        parts: list[list[Node]] = []
        marks: list[str] = []
        end = at
        while True:
            inside, end = self.nodes(end + 1, depth, "：｜")
            parts.append(inside)
            mark = self.text[end : end + 1]
            if mark == "]":
                break
            if mark not in _NARROW:  # also the end of the text
                return None
            marks.append(mark)
        plain, narrow = _merged(parts, marks), [_NARROW[mark] for mark in marks]
        node = (plain[1] and _square_form(*plain)) or (marks and _square_form(parts, narrow)) or _square_form(*plain)
        return (node, end + 1) if node else None


def _merged(parts: list[list[Node]], marks: list[str]) -> tuple[list[list[Node]], list[str]]:
    """The same with full-width marks taken as plain characters."""
    found, kept = [parts[0]], []
    for mark, part in zip(marks, parts[1:], strict=True):
        if mark in "：｜":
            found[-1] = [*found[-1], Text(mark), *part]
        else:
            found.append(part)
            kept.append(mark)
    return found, kept


def _square_form(parts: list[list[Node]], marks: list[str]) -> Node | None:
    if not marks:
        return Bracket("[", _joined(parts[0]), "]")
    if all(mark == "|" for mark in marks):
        return Turns(tuple(_joined(part) for part in parts))
    last = _joined(parts[-1])
    number = _NUMBER.fullmatch(unicodedata.normalize("NFKC", last[0].text)) if len(last) == 1 and isinstance(last[0], Text) else None
    if number is None or any(mark != ":" for mark in marks) or len(parts) > 3:
        return None
    before, after = (_joined(parts[0]) if len(parts) == 3 else (), _joined(parts[-2]))
    return Change(before, after, float(number[1]), "." in number[1])


def _joined(nodes: Sequence[Node]) -> Tree:
    """Neighbouring characters as one text."""
    found: list[Node] = []
    for node in nodes:
        if isinstance(node, Text) and found and isinstance(found[-1], Text):
            found[-1] = Text(found[-1].text + node.text)
        else:
            found.append(node)
    return tuple(found)


def remarks(prompt: str, *, negative: bool = False) -> list[Note]:
    """What looks like one of the forms here, and was read as plain words."""
    said = [
        Note(
            f"{shown[:60]} was read as plain words in brackets: write [from:to:0.5] with a number at its end, or [a|b]",
            f"{shown[:60]} 不是完整的切换写法，已按普通方括号读入：请写成以数字结尾的 [from:to:0.5]，或 [a|b]。",
        )
        for shown in unread(prompt)[:1]
    ]
    if negative and _AND.search(prompt):
        en = "AND in the negative prompt is a plain word: prompts are composed in the prompt alone"
        said.append(Note(en, "反向提示词里的 AND 只是普通单词：只有正向提示词可以合成。"))
    return said

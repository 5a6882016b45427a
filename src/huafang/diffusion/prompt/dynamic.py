"""Prompts with chance in them: wildcards and choices, as the Dynamic Prompts extension writes them. No torch here.

    {red|blue}          one of them              {2$$a|b|c}       two different ones, joined by ", "
    {3::red|1::blue}    red three times as often {1-2$$ and $$a|b}  one or two, joined by " and "
    __animals__         a line of animals.txt    __animals/*__    a line of any file in animals/

They nest, and lines of a file may hold more of them. What is taken follows from the seed alone. \\{ \\} and \\_ are the characters themselves, and so are
braces that hold no choice.
"""

import random
import re
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from huafang.errors import nearest

DEEPEST = 16
"""Wildcards in lines of wildcards, at most."""
LONGEST = 10_000
"""Characters of a prompt."""
FILE_BYTES = 2_000_000
MOST_FILES = 5_000
MOST_BRACES = 200
_WILDCARD = re.compile(r"__([\w*][\w\-*]*(?:/[\w*][\w\-*]*)*?)__")
_COUNT = re.compile(r"\s*(\d{1,3})(?:-(\d{1,3}))?\$\$(?:([^{}|$]*)\$\$)?")
_WEIGHT = re.compile(r"\s*(\d+\.?\d*|\.\d+)::")

Lines = Callable[[str], Sequence[str]]
"""The lines of the wildcard of that name. Raises ValueError where there is none."""


def is_dynamic(prompt: str) -> bool:
    """Whether the prompt holds a wildcard or a choice."""
    closings = _closings(prompt)
    return bool(_WILDCARD.search(_unescaped(prompt))) or any(_is_choice(prompt[at + 1 : end]) for at, end in closings.items())


def resolve(prompt: str, seed: int, lines: Lines, *, stream: str = "") -> str:
    """`prompt` with every wildcard and choice decided by `seed`; prompts of one job that take different ways have different `stream`s.

    Raises ValueError for wildcards that are not there or go in circles, counts beyond the choices, and a result of more than 10,000 characters.
    """
    return _Resolver(random.Random(f"{seed}{stream}"), lines).resolve(prompt, 0)  # noqa: S311  # no secret


class Wildcards:
    """The wildcards of a folder: a name is a `.txt` file below it, without the suffix; in it, a wildcard a line, # begins a comment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def names(self) -> list[str]:
        """All names, sorted. Links and hidden files are none."""
        found = []
        for place in self.folder.rglob("*.txt") if self.folder.is_dir() else ():
            name = place.relative_to(self.folder).with_suffix("").as_posix()
            if place.is_file() and not place.is_symlink() and _WILDCARD.fullmatch(f"__{name}__") and "*" not in name:
                found.append(name)
            if len(found) > MOST_FILES:
                break
        return sorted(found)

    def lines(self, name: str) -> list[str]:
        """The lines of the files that `name` means; * stands for any characters. Raises ValueError, which says what there is."""
        names = self.names()
        matching = [one for one in names if fnmatchcase(one.lower(), name.lower())]
        if not matching:
            there = nearest(name, names) if names else ""
            raise ValueError(f"there is no wildcard __{name}__{there}: it is a file {name}.txt in {self.folder}; write \\_\\_ for plain characters")
        found = [line for one in matching for line in self._read(one)]
        if not found:
            raise ValueError(f"the wildcard __{name}__ is empty: write one choice a line into {self.folder / name}.txt")
        return found

    def _read(self, name: str) -> list[str]:
        place = self.folder / f"{name}.txt"
        try:
            if place.stat().st_size > FILE_BYTES:
                raise ValueError(f"the wildcard file {place} is larger than {FILE_BYTES:,} bytes")
            body = place.read_text("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"the wildcard file {place} cannot be read: {error}") from None
        return [line.strip() for line in body.splitlines() if line.strip() and not line.lstrip().startswith("#")]


class _Resolver:
    def __init__(self, dice: random.Random, lines: Lines) -> None:
        self.dice, self.lines = dice, lines
        self.made = 0

    def resolve(self, text: str, depth: int) -> str:
        if depth > DEEPEST:
            raise ValueError(f"wildcards and choices lead to each other more than {DEEPEST} deep: {text[:60]!r}")
        out: list[str] = []
        closings = _closings(text)
        at = 0
        while at < len(text):
            if text[at] == "\\":
                out.append(text[at : at + 2])
                at += 2
            elif at in closings and _is_choice(inside := text[at + 1 : closings[at]]):
                out.append(self._choice(inside, depth))
                at = closings[at] + 1
            elif text[at] == "_" and (match := _WILDCARD.match(text, at)):
                weighed = [_weighed(line) for line in self.lines(match[1])]
                out.append(self.resolve(self._taken(weighed, 1)[0], depth + 1))
                at = match.end()
            else:
                out.append(text[at])
                at += 1
        found = "".join(out)
        self.made += len(found)
        if self.made > LONGEST * (DEEPEST + 2) or len(found) > LONGEST:
            raise ValueError(f"its wildcards and choices make a prompt of more than {LONGEST:,} characters")
        return found

    def _choice(self, inside: str, depth: int) -> str:
        low = high = 1
        between = ", "
        if count := _COUNT.match(inside):
            low = int(count[1])
            high = int(count[2]) if count[2] else low
            between = ", " if count[3] is None else count[3]
            inside = inside[count.end() :]
        options = [_weighed(option) for option in _options(inside)]
        low, high = min(low, high), max(low, high)
        if high > len(options):
            raise ValueError(f"asks for {high} of the {len(options)} choices {{{inside[:60]}}}; ask for {len(options)} at most")
        number = low + int(self.dice.random() * (high - low + 1))
        return between.join(self.resolve(option, depth + 1) for option in self._taken(options, number))

    def _taken(self, weighed: Sequence[tuple[str, float]], number: int) -> list[str]:
        """`number` different ones, in the order in which they are drawn. Only `random()` is used: the one method whose numbers Python promises to keep."""
        rest, taken = list(weighed), []
        for _ in range(number):
            total = sum(weight for _, weight in rest)
            point = self.dice.random() * total
            place = 0
            while place < len(rest) - 1 and point >= rest[place][1]:
                point -= rest[place][1]
                place += 1
            taken.append(rest.pop(place)[0])
        return taken


def _is_choice(inside: str) -> bool:
    return len(_options(inside)) > 1 or _COUNT.match(inside) is not None


def _weighed(option: str) -> tuple[str, float]:
    match = _WEIGHT.match(option)
    return (option[match.end() :], float(match[1])) if match else (option, 1.0)


def _closings(text: str) -> dict[int, int]:
    """Where each brace that closes does so. Raises ValueError for more than 200 pairs: a prompt of braces alone takes too long."""
    opened: list[int] = []
    found: dict[int, int] = {}
    at = 0
    while at < len(text):
        if text[at] == "\\":
            at += 1
        elif text[at] == "{":
            opened.append(at)
        elif text[at] == "}" and opened:
            found[opened.pop()] = at
        at += 1
    if len(found) > MOST_BRACES:
        raise ValueError(f"has {len(found)} pairs of braces; allowed are at most {MOST_BRACES}")
    return found


def _options(inside: str) -> list[str]:
    """`inside`, cut at the | that stand in no inner brace."""
    found, depth, at = [""], 0, 0
    while at < len(inside):
        mark = inside[at]
        if mark == "\\":
            found[-1] += inside[at : at + 2]
            at += 2
            continue
        depth += (mark == "{") - (mark == "}")
        if mark == "|" and not depth:
            found.append("")
        else:
            found[-1] += mark
        at += 1
    return found


def _unescaped(text: str) -> str:
    return re.sub(r"\\.", " ", text, flags=re.DOTALL)

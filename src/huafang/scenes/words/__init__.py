"""What a scene's facts are called, in English and in Chinese: captions of many wordings, orders and lengths, and never a false one."""

import random

from huafang.scenes.facts import Facts
from huafang.scenes.words.in_chinese import chinese
from huafang.scenes.words.in_english import english

__all__ = ["captions", "chinese", "english"]


def captions(facts: Facts, rng: random.Random) -> tuple[str, str]:
    """(English, Chinese), which tell and leave out the same, each in words of its own."""
    mark = rng.random()
    return english(facts, random.Random(mark)), chinese(facts, random.Random(mark))  # noqa: S311  # no secret; a caption draws first what it tells

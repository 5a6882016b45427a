"""What a scene's facts are called, in English and in Chinese: captions of many wordings, orders and lengths, and never a false one."""

import random

from huafang.scenes.facts import Facts
from huafang.scenes.words.in_chinese import chinese
from huafang.scenes.words.in_english import english

__all__ = ["captions", "chinese", "english"]


def captions(facts: Facts, rng: random.Random) -> tuple[str, str]:
    """(English, Chinese). Each leaves out what it likes: they are not translations of each other, but of the scene."""
    return english(facts, rng), chinese(facts, rng)

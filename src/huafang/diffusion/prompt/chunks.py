"""Tokens -> chunks that a text encoder can read at once. No torch here."""

from collections.abc import Callable, Collection, Sequence
from typing import TypeVar

CHUNK = 75
"""Tokens that CLIP reads at once: its 77 positions less the start and the end token."""
BACKTRACK = 20
"""A chunk that is full ends at its last comma, if that is one of its last so many tokens: what belongs together stays together."""

T = TypeVar("T")


def chunks(
    parts: Sequence[Sequence[tuple[T, float]]], commas: Collection[T] = (), size: int = CHUNK, width: Callable[[T], int] = lambda token: 1
) -> list[list[tuple[T, float]]]:
    """(token, weight) pairs of each part -> chunks of at most `size`, one at the least; a part never shares a chunk with the next.

    A token takes `width` positions, and is never cut: an embedding of several vectors is one. A chunk that is full gives the tokens behind its last comma
    to the next one, if the comma is among its last 20.
    """
    cut: list[list[tuple[T, float]]] = []
    for part in parts:
        now: list[tuple[T, float]] = []
        last_comma = -1

        def length(pairs: Sequence[tuple[T, float]]) -> int:
            return sum(width(token) for token, _ in pairs)

        for token, weight in part:
            if (full := length(now)) + width(token) > size:
                near = full == size and last_comma >= 0 and token not in commas and length(now[last_comma:]) <= BACKTRACK
                behind = now[last_comma + 1 :] if near else []
                cut.append(now[: len(now) - len(behind)])
                now, last_comma = behind, -1
                if length(now) + width(token) > size:
                    cut.append(now)
                    now = []
            if token in commas:
                last_comma = len(now)
            now.append((token, weight))
        cut.append(now)
    return cut

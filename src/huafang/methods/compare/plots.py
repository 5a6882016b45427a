"""The report's plots, as SVG that stands in a page: text stays text, nothing is loaded, nothing runs."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 720, 440
LEFT, RIGHT, TOP, BOTTOM = 64, 24, 20, 52
LINE = 17
"""Pixels between two labels that would lie on each other."""
BAR = 26


@dataclass(frozen=True)
class Point:
    """A mark of the scatter plot. `hollow` ones are not methods."""

    name: str
    x: float
    y: float
    hollow: bool = False


@dataclass(frozen=True)
class Axis:
    """A direction of the plot: where its measure's better end is tells which way it runs."""

    title: str
    higher: bool

    def scale(self, values: Sequence[float], start: float, end: float) -> Callable[[float], float]:
        """Value -> place between `start` (worse) and `end` (better), with a margin around the outermost."""
        low, high = min(values), max(values)
        margin = 0.08 * (high - low) or 0.5
        low, high = low - margin, high + margin
        return lambda value: start + (end - start) * ((value - low) if self.higher else (high - value)) / (high - low)


def scatter(points: Sequence[Point], x: Axis, y: Axis, label: str) -> str:
    """Two measures of every row against each other, the better ends to the right and at the top."""
    across = x.scale([point.x for point in points], LEFT, WIDTH - RIGHT)
    up = y.scale([point.y for point in points], HEIGHT - BOTTOM, TOP)
    parts = [f'<path class="axis" d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}"/>']
    for value in ticks([point.x for point in points]):
        if LEFT <= across(value) <= WIDTH - RIGHT:
            parts.append(f'<path class="grid" d="M{across(value):.1f} {TOP}V{HEIGHT - BOTTOM}"/>')
            parts.append(_text(across(value), HEIGHT - BOTTOM + 18, f"{value:g}", "tick", "middle"))
    for value in ticks([point.y for point in points]):
        if TOP <= up(value) <= HEIGHT - BOTTOM:
            parts.append(f'<path class="grid" d="M{LEFT} {up(value):.1f}H{WIDTH - RIGHT}"/>')
            parts.append(_text(LEFT - 8, up(value) + 4, f"{value:g}", "tick", "end"))
    placed = [(across(point.x), up(point.y), point) for point in points]
    labels = [(left - _ends(left) * 8 * _wide(point.name), left + (1 - _ends(left)) * 8 * _wide(point.name), top) for left, top, point in placed]
    for (left, top, point), text_top in zip(placed, _apart(labels), strict=True):
        parts.append(f'<circle class="{"mark hollow" if point.hollow else "mark"}" cx="{left:.1f}" cy="{top:.1f}" r="6"/>')
        at = left + (-11 if _ends(left) else 11)
        if abs(text_top - top) > 6:
            parts.append(f'<path class="lead" d="M{left:.1f} {top:.1f}L{at:.1f} {text_top:.1f}"/>')
        parts.append(_text(at, text_top + 4, point.name, "label", "end" if _ends(left) else "start"))
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, x.title, "title", "middle"))
    parts.append(f'<text class="title" text-anchor="middle" transform="translate(16 {(TOP + HEIGHT - BOTTOM) / 2:.0f}) rotate(-90)">{escape(y.title)}</text>')
    return _svg(parts, HEIGHT, label)


def bars(values: Sequence[tuple[str, float, str]], label: str) -> str:
    """(name, value, value as read) -> a bar for each, from zero, the longest across the plot."""
    longest = max(value for _, value, _ in values) or 1.0
    names = min(260, 20 + 9 * max(_wide(name) for name, _, _ in values))
    available = WIDTH - names - 90
    parts = []
    for place, (name, value, read) in enumerate(values):
        top = 8 + place * BAR
        parts.append(_text(names - 10, top + 14, name, "label", "end"))
        parts.append(f'<rect class="bar" x="{names}" y="{top + 2}" width="{max(1.0, available * value / longest):.1f}" height="{BAR - 10}"/>')
        parts.append(_text(names + max(1.0, available * value / longest) + 8, top + 14, read, "tick", "start"))
    return _svg(parts, 16 + BAR * len(values), label)


def ticks(values: Sequence[float]) -> list[float]:
    """Four to eight round numbers over the range of `values`."""
    low, high = min(values), max(values)
    spread = (high - low) or 1.0
    power = 10.0 ** math.floor(math.log10(spread / 4))
    step = next(step for step in (power, 2 * power, 5 * power, 10 * power) if spread / step <= 8)
    first = math.floor(low / step) - 1
    return [float(f"{(first + number) * step:.10g}") for number in range(math.ceil((high - low) / step) + 4)]


def _apart(labels: Sequence[tuple[float, float, float]]) -> list[float]:
    """(left, right, height) of each label -> its height, moved as little as need be from those it would lie on: down, or up where the plot ends."""
    found: dict[int, float] = {}
    for place in sorted(range(len(labels)), key=lambda place: labels[place][2]):
        left, right, wanted = labels[place]
        taken = [top for other, top in found.items() if labels[other][0] < right and left < labels[other][1]]
        free = [top for top in (wanted, *(one + LINE for one in taken), *(one - LINE for one in taken)) if all(abs(top - one) >= LINE for one in taken)]
        inside = [top for top in free if TOP <= top <= HEIGHT - BOTTOM]
        found[place] = min(inside or free, key=lambda top: abs(top - wanted))
    return [found[place] for place in range(len(labels))]


def _ends(left: float) -> bool:
    """Whether the label of a mark there stands before it: behind it there would be no room."""
    return left > WIDTH * 0.7


def _wide(text: str) -> float:
    """Width of a text in letters; a Chinese one counts for two."""
    return sum(1.9 if ord(letter) > 0x2E7F else 1.0 for letter in text)


def _text(x: float, y: float, text: str, kind: str, anchor: str) -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _svg(parts: list[str], height: int, label: str) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(label, quote=True)}">{"".join(parts)}</svg>'

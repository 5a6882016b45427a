"""The table that everything in the report is made from, as JSON and as CSV."""

import csv
import io
import json
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from torch import Tensor

from huafang.methods.compare.measures import MEASURES, Measure
from huafang.notes import Note

PHOTO, STYLE = "photo", "style"
"""Names of the two rows that tell the others' scale."""


@dataclass(frozen=True)
class Row:
    """A baseline, or a method: its picture and figures, or why it has none. `picture` is (1, 3, H, W) as the method made it."""

    name: str
    titles: Mapping[str, str]
    baseline: bool = False
    picture: Tensor | None = None
    figures: Mapping[str, float] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    weights: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()
    error: Mapping[str, str | None] | None = None

    @property
    def file(self) -> str:
        """The name of its picture's file."""
        return f"{self.name}.png"


@dataclass(frozen=True)
class Table:
    """All rows, baselines first, and what could not be measured, with the reason."""

    rows: list[Row]
    missing: Mapping[str, str]

    @property
    def methods(self) -> list[Row]:
        return [row for row in self.rows if not row.baseline]

    @property
    def ran(self) -> list[Row]:
        return [row for row in self.methods if row.error is None]

    @property
    def failed(self) -> list[Row]:
        return [row for row in self.methods if row.error is not None]

    def baseline(self, name: str) -> Row:
        return next(row for row in self.rows if row.baseline and row.name == name)

    def measured(self, measure: Measure) -> list[Row]:
        """The methods that have a figure of it, best first; equals stay in the order of the table."""
        have = [row for row in self.ran if measure.key in row.figures]
        return sorted(have, key=lambda row: row.figures[measure.key], reverse=measure.higher)

    def ranked(self, measure: Measure) -> list[Row]:
        """Those of them that can be better or worse than each other: a method without a network has no parameters to be few."""
        return [row for row in self.measured(measure) if measure.key != "parameters" or row.figures[measure.key]]

    def first(self, question: str) -> Measure:
        """The measure by which a question is answered in one sentence: the first of its that could be taken."""
        return next(measure for measure in MEASURES if measure.question == question and measure.key not in self.missing)


@cache
def words(language: str) -> dict[str, Any]:
    """The report's words in "en" or "zh"."""
    found: dict[str, Any] = tomllib.loads(files("huafang.methods.compare").joinpath("words.toml").read_text("utf-8"))[language]
    return found


TRUNKS = {"squeezenet": "SqueezeNet 1.1", "alexnet": "AlexNet", "vgg16": "VGG-16"}


def title(measure: Measure, language: str, trunk: str) -> str:
    text: str = words(language)["measures"][measure.key]["title"]
    return text.format(trunk=TRUNKS[trunk])


def convention(measure: Measure, language: str, trunk: str) -> str:
    text: str = words(language)["measures"][measure.key]["convention"]
    return text.format(trunk=TRUNKS[trunk])


def reason(row: Row, language: str) -> str:
    """Why a method did not run. Errors speak English; the common ones are said in Chinese too."""
    error = row.error or {}
    said: str = words(language)["faults"].get(error.get("code"), Note.spoken(error.get("message") or "", language))
    return said.rstrip(".")


def shown(measure: Measure, value: float) -> str:
    """A figure as it is read."""
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if measure.key == "peak_memory":
        return f"{value / 1e9:.2f} GB" if value >= 1e9 else f"{value / 1e6:.0f} MB"
    if measure.key == "seconds":
        return f"{value:.0f} s" if value >= 100 else f"{value:.1f} s" if value >= 1 else f"{value * 1000:.0f} ms"
    return f"{value:,.0f}" if measure.key == "parameters" else f"{value:.2f} dB" if measure.key == "psnr" else f"{value:.3f}"


def as_json(table: Table, head: Mapping[str, Any], said: Mapping[str, list[str]], trunk: str) -> str:
    """The whole report but for its pictures. `figures` are the same at every run; what differs from run to run stands apart, in `cost`."""
    measures = [
        {
            "key": one.key,
            "question": one.question,
            "better": "higher" if one.higher else "lower",
            "steady": one.steady,
            "title": {language: title(one, language, trunk) for language in ("en", "zh")},
            "convention": {language: convention(one, language, trunk) for language in ("en", "zh")},
            "missing": table.missing.get(one.key),
        }
        for one in MEASURES
    ]
    steady = [one.key for one in MEASURES if one.steady]
    rows = [
        {
            "name": row.name,
            "title": dict(row.titles),
            "baseline": row.baseline,
            "picture": row.file if row.picture is not None else None,
            "size": [row.picture.shape[3], row.picture.shape[2]] if row.picture is not None else None,
            "params": dict(row.params),
            "weights": list(row.weights),
            "figures": {key: _plain(row.figures[key]) for key in steady if key in row.figures},
            "notes": list(row.notes),
            "error": dict(row.error) if row.error else None,
        }
        for row in table.rows
    ]
    cost = {row.name: {one.key: row.figures[one.key] for one in MEASURES if not one.steady and one.key in row.figures} for row in table.ran}
    return json.dumps({**head, "measures": measures, "rows": rows, "cost": cost, "sentences": dict(said)}, ensure_ascii=False, indent=1)


def _plain(value: float) -> float | str:
    """JSON knows no infinity."""
    return value if math.isfinite(value) else "inf" if value > 0 else "-inf"


def as_csv(table: Table) -> str:
    """A line for each row: name, kind, every measure in full, and the error of those that failed."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["name", "kind", *(one.key for one in MEASURES), "error"])
    for row in table.rows:
        kind = "baseline" if row.baseline else "method"
        figures = [repr(row.figures[one.key]) if one.key in row.figures else "" for one in MEASURES]
        writer.writerow([row.name, kind, *figures, row.error["message"] if row.error else ""])
    return out.getvalue()

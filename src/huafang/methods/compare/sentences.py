"""What the tables say, in sentences: every name and number in them is looked up in the table."""

from collections.abc import Sequence

from huafang.methods.compare.measures import MEASURES, Measure
from huafang.methods.compare.table import PHOTO, STYLE, Row, Table, reason, shown, title, words
from huafang.notes import Note

RIVALS = {"content": (("lpips", "ssim"), ("ssim", "psnr")), "style": (("gram", "colours"), ("texture", "colours"))}
"""Pairs of measures of one question that need not agree: of each question the first pair that was measured is compared."""
FAVOURED = ("gram", "statistics")
"""Measures over the features that style networks are trained on."""
TIMED = 0.1
"""Seconds below which a ratio of times says more about the clock than about the methods."""
NOTABLE = 0.05
"""The least part of the way from the photo to the style picture that is worth the words "nearer to the style"."""
BY_KEY = {measure.key: measure for measure in MEASURES}


def sentences(table: Table, language: str, trunk: str) -> list[str]:
    """In "en" or "zh"."""
    return _Speaker(table, language, trunk).all()


class _Speaker:
    def __init__(self, table: Table, language: str, trunk: str) -> None:
        self._table, self._language, self._trunk = table, language, trunk
        self._says = words(language)["says"]

    def all(self) -> list[str]:
        table = self._table
        found = [self._say("ran", ran=len(table.ran), all=len(table.methods))]
        found += [self._say("failed", name=self._name(row), why=reason(row, self._language)) for row in table.failed]
        found += self._unmeasured()
        if not table.ran:
            return found
        kept, reached = table.first("content"), table.first("style")
        found += [self._ranking("kept", kept), self._ranking("reached", reached)]
        found += self._apart(reached) + self._without_style() + self._favoured(reached) + self._disagreements()
        best, nearest = self._best(kept), self._best(reached)
        if len(table.ran) > 1 and self._way(reached, nearest[0]) >= NOTABLE:
            common = [row for row in best if row in nearest]
            found.append(self._say("both", name=self._names(common)) if common else self._say("trade"))
        return [*found, self._quickest()]

    def _unmeasured(self) -> list[str]:
        """What is missing, a sentence for each reason."""
        reasons = dict.fromkeys(self._table.missing.values())
        named = {why: [self._title(measure) for measure in MEASURES if self._table.missing.get(measure.key) == why] for why in reasons}
        return [self._say("unmeasured", measures=self._joined(names), why=Note.spoken(why, self._language)) for why, names in named.items()]

    def _ranking(self, key: str, measure: Measure) -> str:
        """Who is best and who worst, between the two baselines."""
        table, ranked = self._table, self._table.measured(measure)
        bounds = {name: shown(measure, table.baseline(name).figures[measure.key]) for name in (PHOTO, STYLE)}
        best = self._best(measure)
        common = {"measure": self._title(measure), "value": self._value(measure, best[0]), **bounds}
        if len(ranked) == 1:
            return self._say(f"{key}_one", best=self._name(ranked[0]), **common)
        if key == "reached" and self._way(measure, ranked[0]) < NOTABLE:
            return self._say("reached_none", best=self._names(best), **common)
        if len(best) == len(ranked):
            return self._say(f"{key}_even", best=self._names(best), **common)
        worst = [row for row in ranked if self._value(measure, row) == self._value(measure, ranked[-1])]
        return self._say(key, best=self._names(best), worst=self._names(worst), least=self._value(measure, ranked[-1]), **common)

    def _way(self, measure: Measure, row: Row) -> float:
        """How far a row is on the way from the photo (0) to the style picture (1)."""
        start, end = (self._table.baseline(name).figures[measure.key] for name in (PHOTO, STYLE))
        return (row.figures[measure.key] - start) / (end - start) if end != start else 0.0

    def _apart(self, measure: Measure) -> list[str]:
        """Methods that are no nearer to the style than where everybody starts."""
        start = self._table.baseline(PHOTO).figures[measure.key]
        still = [row for row in self._table.measured(measure) if row.figures[measure.key] >= start]
        common = {"measure": self._title(measure), "photo": shown(measure, start)}
        return [self._say("apart", name=self._name(row), value=self._value(measure, row), **common) for row in still]

    def _without_style(self) -> list[str]:
        """Methods that were not shown the style picture: what they score there is no merit and no fault."""
        blind = [row for row in self._table.ran if row.params and not row.params.get("style")]
        return [self._say("blind", name=self._names(blind))] if blind else []

    def _favoured(self, measure: Measure) -> list[str]:
        """The measure's nearest, where it is a network that was trained to be near by such a measure."""
        if measure.key not in FAVOURED or len(self._table.ran) < 2:
            return []
        trained = [row for row in self._best(measure) if row.figures.get("parameters")]
        return [self._say("favoured", name=self._names(trained), measure=self._title(measure))] if trained else []

    def _disagreements(self) -> list[str]:
        found = []
        for key, question in (("disagree_kept", "content"), ("disagree_reached", "style")):
            pairs = [pair for pair in RIVALS[question] if not set(pair) & set(self._table.missing)]
            if not pairs or len(self._table.ran) < 2:
                continue
            one, other = (BY_KEY[name] for name in pairs[0])
            best, rival = self._best(one), self._best(other)
            if best and rival and not any(row in rival for row in best):
                found.append(self._say(key, one=self._title(one), other=self._title(other), best=self._names(best), rival=self._names(rival)))
        return found

    def _quickest(self) -> str:
        seconds = BY_KEY["seconds"]
        ranked = self._table.measured(seconds)
        fast, slow = ranked[0], ranked[-1]
        if len(ranked) == 1:
            return self._say("quick_one", fast=self._name(fast), seconds=self._value(seconds, fast))
        if fast.figures["seconds"] < TIMED:
            return self._say("quick_plain", fast=self._name(fast), seconds=self._value(seconds, fast), slow=self._name(slow), long=self._value(seconds, slow))
        times = slow.figures["seconds"] / max(fast.figures["seconds"], 1e-9)
        return self._say(
            "quick",
            fast=self._name(fast),
            seconds=self._value(seconds, fast),
            slow=self._name(slow),
            long=self._value(seconds, slow),
            times=f"{times:.1f}" if times < 10 else f"{times:.0f}",
        )

    def _best(self, measure: Measure) -> list[Row]:
        """The best, and those that are equal to it as far as is shown."""
        ranked = self._table.measured(measure)
        return [row for row in ranked if self._value(measure, row) == self._value(measure, ranked[0])]

    def _value(self, measure: Measure, row: Row) -> str:
        return shown(measure, row.figures[measure.key])

    def _title(self, measure: Measure) -> str:
        return title(measure, self._language, self._trunk)

    def _name(self, row: Row) -> str:
        return row.titles[self._language]

    def _names(self, rows: Sequence[Row]) -> str:
        return self._joined([self._name(row) for row in rows])

    def _joined(self, names: list[str]) -> str:
        if self._language == "zh":
            return "、".join(names[:-1]) + ("与" if len(names) > 1 else "") + names[-1]
        return ", ".join(names[:-1]) + (" and " if len(names) > 1 else "") + names[-1]

    def _say(self, key: str, **values: object) -> str:
        text: str = self._says[key]
        return text.format(**values)

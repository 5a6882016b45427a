"""The report as one HTML page that needs nothing beside it: no script, no address, pictures inside. Every word from outside is escaped."""

import base64
import json
from collections.abc import Callable, Mapping
from html import escape
from importlib.resources import files
from typing import Any

from torch import Tensor

from huafang import images
from huafang.methods.compare import Compare, plots
from huafang.methods.compare.measures import MEASURES, Measure
from huafang.methods.compare.table import Row, Table, convention, reason, shown, title, words
from huafang.notes import Note

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""What a browser lets the page do, though somebody should have smuggled something into it: show its own pictures in its own style."""


def page(p: Compare, table: Table, said: Mapping[str, list[str]], head: Mapping[str, Any], painting: Tensor) -> str:
    """The whole page. `said` are the sentences by language; `head` is what report.json begins with; `painting` the style picture in its own shape."""
    return _Page(p, table, said, head, painting).whole()


class _Page:
    def __init__(self, p: Compare, table: Table, said: Mapping[str, list[str]], head: Mapping[str, Any], painting: Tensor) -> None:
        self._p, self._table, self._said, self._head, self._painting = p, table, said, head, painting
        self._languages = ("en", "zh") if p.language == "both" else (p.language,)
        self._photo = table.rows[0].picture
        assert self._photo is not None, "the photo is the first row"

    def whole(self) -> str:
        assert self._photo is not None
        height, width = self._photo.shape[2:]
        style = files("huafang.methods.compare").joinpath("page.css").read_text("utf-8")
        style += f":root {{ --shape: {width} / {height}; }} .before {{ background-image: url({_address(self._photo)}); }}"
        lead = self._both(lambda said: said["lead"].format(count=len(self._table.methods), width=width, height=height, seed=self._p.seed))
        words_given = f'<p class="soft">{self._both(lambda said: said["words"].format(words=self._p.prompt))}</p>' if self._p.prompt else ""
        body = [
            f"<h1>{self._word('title')}</h1>",
            f'<p class="soft">{lead}</p>{words_given}',
            self._found(),
            self._pictures(),
            *(self._question(question) for question in ("content", "style", "cost")),
            self._plots(),
            self._conventions(),
            self._settings(),
            self._foot(),
        ]
        return (
            f'<!doctype html>\n<html lang="{"zh" if self._p.language == "zh" else "en"}">\n<head>\n<meta charset="utf-8">\n'
            f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY, quote=True)}">\n<meta name="viewport" content="width=device-width">\n'
            f"<title>{escape(' '.join(words(language)['title'] for language in self._languages))}</title>\n<style>{style}</style>\n</head>\n<body>\n"
            + "\n".join(body)
            + "\n</body>\n</html>\n"
        )

    def _both(self, say: Callable[[dict[str, Any]], str]) -> str:
        """What `say` says with the words of each language of the report."""
        return self._told({language: say(words(language)) for language in self._languages})

    def _told(self, spoken: Mapping[str, str]) -> str:
        """The same in each language; once, where it is the same words."""
        if len(set(spoken.values())) == 1:
            return escape(next(iter(spoken.values())))
        return "".join(f'<span lang="{language}" class="{language}">{escape(text)}</span>' for language, text in spoken.items())

    def _word(self, key: str) -> str:
        return self._both(lambda said: said[key])

    def _name(self, row: Row) -> str:
        return self._told({language: row.titles[language] for language in self._languages})

    def _plain_name(self, row: Row) -> str:
        return row.titles[self._languages[0]]

    def _found(self) -> str:
        lists = [
            f'<ul class="found {language}" lang="{language}">{"".join(f"<li>{escape(sentence)}</li>" for sentence in self._said[language])}</ul>'
            for language in self._languages
        ]
        return f"<h2>{self._word('found')}</h2>" + "".join(lists)

    def _pictures(self) -> str:
        assert self._photo is not None
        before, after = self._word("before"), self._word("after")
        cards = [
            "<figure><div class='pair'>"
            f"<div><img src='{_address(self._photo)}' alt='photo'><figcaption>{self._word('photo')}</figcaption></div>"
            f"<div><img src='{_address(self._painting)}' alt='style'><figcaption>{self._word('painting')}</figcaption></div></div></figure>"
        ]
        for row in self._table.methods:
            name = escape(row.name, quote=True)
            shown_picture = (
                f'<img src="{_address(row.picture)}" alt="{name}">' if row.picture is not None else f'<div class="none"><span>{self._reason(row)}</span></div>'
            )
            cards.append(
                f'<figure><h3>{self._name(row)}</h3><div class="pair">'
                f'<div><div class="before" role="img" aria-label="photo"></div><figcaption>{before}</figcaption></div>'
                f"<div>{shown_picture}<figcaption>{after if row.picture is not None else self._word('did_not_run')}</figcaption></div></div></figure>"
            )
        return f"<h2>{self._word('pictures')}</h2><div class='pictures'>{''.join(cards)}</div>"

    def _reason(self, row: Row) -> str:
        return self._told({language: reason(row, language) for language in self._languages})

    def _why(self, row: Row) -> str:
        """The reason, and what to do about it: said once on the page, in its first table."""
        hint = (row.error or {}).get("hint")
        between = {"en": "; ", "zh": "；"}
        more = {language: f"{between[language]}{Note.spoken(hint, language)}" if hint else "" for language in self._languages}
        return self._told({language: reason(row, language) + more[language] for language in self._languages})

    def _question(self, question: str) -> str:
        measures = [one for one in MEASURES if one.question == question]
        top = "".join(self._column(one) for one in measures)
        rows = "".join(self._line(row, measures) for row in self._table.rows)
        return (
            f"<h2>{self._both(lambda said: said['questions'][question])}</h2><p class='soft'>{self._both(lambda said: said['about'][question])}</p>"
            f"<div class='scroll'><table><thead><tr><th>{self._word('method')}</th>{top}</tr></thead><tbody>{rows}</tbody></table></div>"
        )

    def _column(self, measure: Measure) -> str:
        trunk = self._p.lpips
        named = self._told({language: title(measure, language, trunk) for language in self._languages})
        hint = self._word("higher" if measure.higher else "lower")
        why = self._table.missing.get(measure.key)
        if why:
            hint = self._told({language: words(language)["missing"].format(why=Note.spoken(why, language)) for language in self._languages})
        return f'<th scope="col">{named}<small>{hint}</small></th>'

    def _line(self, row: Row, measures: list[Measure]) -> str:
        kind = ' class="scale"' if row.baseline else ""
        first = f'<th scope="row">{self._name(row)}</th>'
        if row.error:
            more = f": {self._why(row)}" if measures[0].question == "content" else ""
            return f'<tr>{first}<td class="why" colspan="{len(measures)}">{self._word("did_not_run")}{more}</td></tr>'
        return f"<tr{kind}>{first}{''.join(self._cell(row, one) for one in measures)}</tr>"

    def _cell(self, row: Row, measure: Measure) -> str:
        if measure.key not in row.figures:
            return "<td>–</td>"
        read = shown(measure, row.figures[measure.key])
        ranked = [shown(measure, other.figures[measure.key]) for other in self._table.ranked(measure)]
        best = not row.baseline and bool(ranked) and read == ranked[0] != ranked[-1]
        return f'<td class="{"best" if best else "other"}">{escape(read)}</td>'

    def _plots(self) -> str:
        if not self._table.ran:
            return ""
        kept, reached = self._table.first("content"), self._table.first("style")
        titled = {one: " ".join(dict.fromkeys(title(one, language, self._p.lpips) for language in self._languages)) for one in MEASURES}
        points = [
            plots.Point(self._plain_name(row), row.figures[reached.key], row.figures[kept.key], row.baseline) for row in self._table.rows if row.error is None
        ]
        about = self._told({language: self._scatter_words(language, kept, reached) for language in self._languages})
        drawn = plots.scatter(points, plots.Axis(titled[reached], reached.higher), plots.Axis(titled[kept], kept.higher), f"{titled[kept]}, {titled[reached]}")
        first = f"<div><h3>{self._word('scatter')}</h3><p class='soft'>{about}</p><div class='scroll'>{drawn}</div></div>"
        parts = [f"<h2>{self._word('plots')}</h2><div class='plots'>{first}"]
        for one in (measure for measure in MEASURES if measure.question == "cost"):
            values = [(self._plain_name(row), row.figures[one.key], shown(one, row.figures[one.key])) for row in self._table.measured(one)]
            if any(value for _, value, _ in values):
                parts.append(f"<div><h3>{escape(titled[one])}</h3><div class='scroll'>{plots.bars(values, titled[one])}</div></div>")
        return "".join(parts) + "</div>"

    def _scatter_words(self, language: str, kept: Measure, reached: Measure) -> str:
        text: str = words(language)["scatter_about"]
        return text.format(kept=title(kept, language, self._p.lpips), reached=title(reached, language, self._p.lpips))

    def _conventions(self) -> str:
        entries = []
        for one in MEASURES:
            named = " ".join(dict.fromkeys(title(one, language, self._p.lpips) for language in self._languages))
            told = "".join(f'<dd lang="{language}">{escape(convention(one, language, self._p.lpips))}</dd>' for language in self._languages)
            entries.append(f"<div><dt>{escape(named)}</dt>{told}</div>")
        return f"<h2>{self._word('conventions')}</h2><dl>{''.join(entries)}</dl>"

    def _settings(self) -> str:
        parts = []
        for row in self._table.methods:
            told = json.dumps({key: value for key, value in row.params.items() if key != "method"}, ensure_ascii=False, indent=1)
            notes = [(language, note if language == "en" else note.zh) for note in row.notes for language in self._languages]
            more = "".join(f'<p class="hint" lang="{language}">{escape(note)}</p>' for language, note in notes)
            parts.append(f"<details><summary>{self._name(row)} <code>{escape(row.name)}</code></summary>{more}<pre>{escape(told)}</pre></details>")
        return f"<h2>{self._word('settings')}</h2>{''.join(parts)}"

    def _foot(self) -> str:
        machine = self._head["machine"]
        made = self._both(lambda said: said["made"].format(version=self._head["huafang"], machine=said["machine"].format(**machine)))
        return f"<footer><p>{made}</p><p>{self._word('files')}</p></footer>"


def _address(pixels: Tensor) -> str:
    """(1, 3, H, W) in [0, 1] -> a `data:` address of a JPEG."""
    return "data:image/jpeg;base64," + base64.b64encode(images.encode(pixels, "jpeg", quality=90)).decode()

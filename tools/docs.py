"""Writes again what the docs take from the program: each method's table of parameters, and the benchmarks' tables.

`python tools/docs.py --check` changes nothing and fails when something would change; a test runs it.
"""

import json
import re
import sys
from pathlib import Path

from huafang import methods
from huafang.params import FieldSpec, fields

ROOT = Path(__file__).parents[1]


def parameter_table(name: str) -> str:
    """The fields of a method as a Markdown table, in both languages."""
    zh = methods.labels(name)["zh"]["fields"]
    lines = ["| parameter | 参数 | default | range or choices | what it does |", "|---|---|---|---|---|"]
    for spec in fields(methods.METHODS[name]):
        lines.append(f"| `{spec.name}` | {zh[spec.name]['label']} | {_default(spec)} | {spec.type.allowed(spec)} | {_cell(spec.help)} |")
    return "\n".join(lines)


def _default(spec: FieldSpec) -> str:
    if spec.required:
        return "required"
    value = spec.default
    if value is None:
        return "–"
    return (
        f"`{','.join(f'{one:g}' for one in value)}`"
        if isinstance(value, list | tuple) and value
        else "–"
        if value in ((), [])
        else f"`{json.dumps(value)}`".replace('"', "")
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def replaced(text: str, mark: str, body: str) -> str:
    """`text` with what stands between `<!-- mark -->` and `<!-- /mark -->` replaced."""
    return re.sub(rf"(<!-- {mark} -->).*?(<!-- /{mark} -->)", lambda found: f"{found[1]}\n{body}\n{found[2]}", text, flags=re.DOTALL)


QUALITY = ("mini",)
"""Results that are no speeds, and stand on a page of their own."""


def benchmark_tables(*names: str) -> str:
    """Results of benchmarks as Markdown, each with the machine and commit it was measured on."""
    parts = []
    for place in (ROOT / "benchmarks" / "results" / f"{name}.json" for name in names):
        found = json.loads(place.read_text())
        machine = found.get("machine", {})
        shown = ", ".join(str(machine[key]) for key in machine) if isinstance(machine, dict) else str(machine)
        parts.append(f"### {place.stem}\n\n{found.get('question', '')}\n\nCommit `{str(found.get('commit'))[:10]}`, seed {found.get('seed')}, {shown}.\n")
        rows = found["rows"]
        columns = list(dict.fromkeys(key for row in rows for key in row))
        parts.append("| " + " | ".join(column.replace("_", " ") for column in columns) + " |\n" + "|---" * len(columns) + "|")
        parts += ["| " + " | ".join(_number(row.get(column)) for column in columns) + " |" for row in rows]
        parts.append("")
    return "\n".join(parts)


def _number(value: object) -> str:
    return "" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)


def pages() -> dict[Path, str]:
    """Every generated page: where, and what it should say."""
    wanted = {}
    for name in methods.METHODS:
        place = ROOT / "docs" / "methods" / f"{name}.md"
        if place.is_file():
            wanted[place] = replaced(place.read_text("utf-8"), "params", parameter_table(name))
    speed = ROOT / "docs" / "speed.md"
    if speed.is_file():
        measured = sorted(place.stem for place in (ROOT / "benchmarks" / "results").glob("*.json"))
        wanted[speed] = replaced(speed.read_text("utf-8"), "results", benchmark_tables(*(name for name in measured if name not in QUALITY)))
    for name in QUALITY:
        place = ROOT / "docs" / f"{name}.md"
        if place.is_file() and (ROOT / "benchmarks" / "results" / f"{name}.json").is_file():
            wanted[place] = replaced(place.read_text("utf-8"), "figures", benchmark_tables(name))
    return wanted


def main() -> int:
    stale = [place for place, text in pages().items() if place.read_text("utf-8") != text]
    for place in stale:
        print(f"{place.relative_to(ROOT)} {'is stale: run make docs' if '--check' in sys.argv else 'written'}")
        if "--check" not in sys.argv:
            place.write_text(pages()[place], "utf-8")
    return int(bool(stale) and "--check" in sys.argv)


if __name__ == "__main__":
    sys.exit(main())

"""`huafang compare`: the method of that name with its pictures as flags, a report folder as the result, and `--rerun`, which makes a report again."""

import json
import math
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from huafang import compilation, methods, sources
from huafang.assets import write_whole
from huafang.cli.options import Name, given, option
from huafang.cli.paint import COMMON, exit_code
from huafang.cli.progress import progress_bar, stoppable
from huafang.cli.targets import output_folder, spare
from huafang.cli.terminal import note, out, out_json, out_path, say
from huafang.errors import BadInput, HuafangError
from huafang.params import Params, fields
from huafang.sources import near_file

if TYPE_CHECKING:
    from huafang.api import Bench, Painting

PHOTO, STYLE, JSON, GRID = "photo.png", "style.png", "report.json", "grid.png"
PAGES = ("report.html", JSON, "report.csv")
"""What lies in a report's folder beside the pictures of the methods: with these it can be made again."""
CLOSE = 1e-6
"""Relative difference up to which two figures are the same: another number of threads sums in another order."""
SPECS = {spec.name: spec for spec in fields(methods.METHODS["compare"])}
OWN = [
    click.Option(["-o", "--output"], type=Name(), required=True, help="Folder to write the report to; made if it is not there."),
    click.Option(["--photo", "content"], type=Name(), help=SPECS["content"].help),
    click.Option(["--style"], type=Name(), help=SPECS["style"].help),
    click.Option(
        ["--method", "methods"], type=option(SPECS["methods"], "compare").type, multiple=True, metavar="METHOD", help=SPECS["methods"].help + "  [repeat]"
    ),
    click.Option(["--set", "changes"], multiple=True, metavar="METHOD.FIELD=VALUE", help="A setting of one method, as in gatys.steps=60.  [repeat]"),
    *(option(SPECS[name], "compare") for name in ("prompt", "size", "lpips", "language", "seed")),
    click.Option(["--strict"], is_flag=True, help="Leave with exit code 4 where some of the methods failed, and not only 1 where all did."),
    click.Option(
        ["--rerun"],
        type=Name(),
        metavar="REPORT",
        help="A report's folder: make its comparison again, and say whether its figures came out.",
    ),
]


def compare(
    output: str,
    as_json: bool,
    quiet: bool,
    dry_run: bool,
    device: str,
    data: Path | None,
    folders: tuple[Path, ...],
    rerun: str | None,
    strict: bool,
    changes: tuple[str, ...],
    **values: Any,
) -> int:
    """Run the comparison and write its report; the exit code: 0, or 1 where all methods failed, or 4 where some did, if `strict`. Raises HuafangError."""
    from huafang.api import Bench, check_device

    folder, report = sources.home(output), sources.home(rerun) if rerun else None
    if sources.status(folder) and not folder.is_dir():
        raise BadInput(f"{folder} is a file; a report is a folder", code="output.one")
    before = _read(report) if report else {}
    with stoppable() as stop, Bench(data, folders, check_device(device)) as bench:
        params = bench.params("compare", _settings(bench, report, before, changes, given(values)))
        if report and folder.resolve() == report.resolve():
            raise BadInput(f"{folder} is the report that is made again; it would be written over", code="output.input", hint="name another folder with -o")
        _spare(folder, bench, params)
        made = output_folder(folder, dry_run=dry_run)
        for text in (*bench.warnings, *made):
            note(text)
        if dry_run:
            out(f"would write {folder / 'report.html'}")
            return 0
        started = time.monotonic()
        with progress_bar("compare", quiet=quiet or as_json) as on_step, compilation.announced(note):
            painting = bench.run(params, on_step, stop)
        written = _write(folder, bench, painting)
        seconds = time.monotonic() - started
    found = json.loads((folder / JSON).read_text("utf-8"))
    said = _held_against(before, found) if rerun else []
    for sentence in found["sentences"]["zh" if found["params"]["language"] == "zh" else "en"]:
        say(sentence)
    for text in said:
        note(text)
    if as_json:
        made_report = {"method": "compare", "params": params.model_dump(mode="json"), "outputs": list(map(str, written)), "figures": painting.figures}
        out_json({**made_report, "notes": [*painting.notes, *said], "seconds": round(seconds, 3)})
    else:
        for path in written:
            out_path(path)
        say(f"{seconds:.1f} s")
    return _exit_code(found, strict=strict)


def _spare(folder: Path, bench: "Bench", params: Params) -> None:
    """Refuse a folder in which the report would replace pictures that are read, or files that are of no report. Raises BadInput."""
    names = [*PAGES, GRID, PHOTO, STYLE, *(f"{name}.png" for name in params.model_dump()["methods"])]
    spare(bench.read, [folder / name for name in names])
    theirs = [name for name in names if os.path.lexists(folder / name)]
    if theirs and not _is_report(folder):
        said = f"the folder {folder} holds {', '.join(theirs)} and no report of compare; the report would replace what is yours"
        raise BadInput(said, code="output.taken", hint="name another folder with -o")


def _is_report(folder: Path) -> bool:
    """Whether a comparison was written to `folder` before: another one may replace it."""
    try:
        return bool(json.loads(sources.read(folder / JSON))["params"]["method"] == "compare")
    except (HuafangError, ValueError, KeyError, TypeError):
        return False


def _exit_code(found: dict[str, Any], *, strict: bool) -> int:
    """A report is what was asked for, and a method that failed is a row of it, of which is told; `strict` counts as of a folder of photos."""
    failed = {row["name"]: row["error"] for row in found["rows"] if row["error"]}
    count = sum(not row["baseline"] for row in found["rows"])
    if failed:
        say(f"{len(failed)} of {count} methods failed: {', '.join(failed)}")
    for name, error in failed.items():
        if error["hint"]:
            say(f"hint: {name}: {error['hint']}")
    return exit_code(len(failed), count) if strict or len(failed) == count else 0


def _read(report: Path) -> dict[str, Any]:
    """A report's JSON. Raises BadInput for a folder that holds none that can be run again."""

    hint = "name the folder that compare wrote"
    if not (there := sources.status(report)) or not report.is_dir():
        said = f"{report} is a file; a report is a folder" if there else f"there is no folder {report}{near_file(report)}"
        raise BadInput(said, code="report.unreadable", hint=hint)
    try:
        found = json.loads(sources.read(report / JSON))
        params = found["params"]
        whole = params["method"] == "compare" and isinstance(found["rows"], list)
    except BadInput as error:
        if error.code == "file.missing":
            error.message = f"the folder {report} holds no {JSON}, in which a comparison says how it was made"
        raise BadInput(error.message, code="report.unreadable", hint=hint) from None
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{report / JSON} is no report of compare", code="report.unreadable", hint=hint) from error
    missing = [name for name in (PHOTO, STYLE) if not (report / name).is_file()]
    if missing or not whole:
        raise BadInput(f"{report} is no whole report: {', '.join(missing) or JSON} is missing or of another kind", code="report.unreadable")
    return dict(found)


def _settings(bench: "Bench", rerun: Path | None, before: dict[str, Any], changes: tuple[str, ...], values: dict[str, Any]) -> dict[str, Any]:
    """The method's settings: a report's own, with what was said anew over them; or those of the flags. Raises BadInput for what is missing."""
    settings: dict[str, Any] = {}
    if rerun:
        settings = {key: value for key, value in before["params"].items() if key != "method"} | {"content": rerun / PHOTO, "style": rerun / STYLE}
    settings |= values
    wanted = {"content": "--photo PICTURE", "style": "--style PICTURE", "methods": "--method METHOD"}
    if missing := [flag for name, flag in wanted.items() if not settings.get(name)]:
        raise click.UsageError(f"{' and '.join(missing)} wanted; or --rerun with the folder of a report")
    lines = [settings.get("settings", ""), *(_named(bench, change) for change in changes)]
    return settings | {"settings": "\n".join(filter(None, lines))}


def _named(bench: "Bench", change: str) -> str:
    """A setting as it came; but a model that was given by its path goes by the name that it has in this run."""
    target, _, value = change.partition("=")
    name, _, field = target.strip().replace("-", "_").partition(".")
    spec = next((spec for spec in fields(methods.params_class(name)) if spec.name == field), None) if name in methods.METHODS else None
    if spec is None or spec.kind != "weights" or not value.strip():
        return change
    place = sources.home(value.strip())
    return f"{target}={bench.weights.add(place)}" if sources.status(place) else change


def _write(folder: Path, bench: "Bench", painting: "Painting") -> list[Path]:
    """The report's files, page first, JSON last: where it lies, all else does."""
    from huafang import images

    kept = {file.name: file.data for file in painting.result.files} | {GRID: images.encode(painting.result.images[0])}
    params = painting.params.model_dump()
    kept |= {PHOTO: bench.assets.read(params["content"]), STYLE: bench.assets.read(params["style"][0])}
    names = sorted(kept, key=lambda name: (name == JSON, name != "report.html"))
    for name in names:
        write_whole(folder / name, kept[name])
    return [folder / name for name in names]


def _held_against(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """What a report that was made again says of the first one: whether each figure came out the same. Seconds and memory are not compared."""
    old = {(row["name"], key): float(value) for row in before["rows"] for key, value in row["figures"].items()}
    new = {(row["name"], key): float(value) for row in now["rows"] for key, value in row["figures"].items()}
    changed = [f"{name} {key}: {old[name, key]:.6g}, now {new[name, key]:.6g}" for name, key in old if (name, key) in new and not _same(old, new, name, key)]
    gone = [f"{name} {key}: {old[name, key]:.6g}, now none" for name, key in old if (name, key) not in new]
    come = [f"{name} {key}: none, now {new[name, key]:.6g}" for name, key in new if (name, key) not in old]
    differ = [*changed, *gone, *come]
    if not differ:
        return [f"all {len(new)} figures are those of the first report"]
    return [f"of {len(old)} figures {len(differ)} differ from the first report", *differ]


def _same(old: dict[tuple[str, str], float], new: dict[tuple[str, str], float], name: str, key: str) -> bool:
    return math.isclose(old[name, key], new[name, key], rel_tol=CLOSE, abs_tol=CLOSE)


HELP = f"""{methods.labels("compare")["en"]["summary"]}

\b
huafang compare --photo photo.jpg --style painting.jpg --method gatys --method stroke_rendering -o report/
huafang compare --rerun report/ -o report2/

Each method runs with its own defaults; --set changes them. A method that fails is a row that says why: the report is whole all the same, and the exit
code is 0 (1 where none ran; 4 with --strict). The folder holds report.html (one page, complete in itself), report.json, report.csv, grid.png, a picture of
each method, and what --rerun needs to make the same figures again."""

compare_command = click.Command(
    "compare",
    params=[*OWN, *(one for one in COMMON if one.name != "force")],
    callback=compare,
    help=HELP,
    short_help="Run several methods on one photo and write a report.",
    no_args_is_help=True,
)

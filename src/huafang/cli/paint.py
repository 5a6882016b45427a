"""Running a room from the command line: one picture or a folder of them, with a progress bar, stopped cleanly, taken up again where it stopped."""

import contextlib
import json
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from huafang import methods
from huafang.assets import check_writable
from huafang.cli.options import given, option
from huafang.errors import BadInput, Cancelled, HuafangError, OutOfMemory
from huafang.params import Params, fields, picture_ids
from huafang.video import is_film_file

if TYPE_CHECKING:
    from huafang.api import Bench
    from huafang.context import Step

PARTIAL = 4


@dataclass(frozen=True)
class Run:
    """How to run, apart from the method's own settings."""

    output: str | None
    as_json: bool
    quiet: bool
    force: bool
    dry_run: bool
    device: str
    data: Path | None
    folders: tuple[Path, ...]


COMMON = [
    click.Option(["-o", "--output"], type=click.Path(), help="File (.png, .jpg, .webp; of a film .mp4) or folder. Default: a new name in this folder."),
    click.Option(["--json", "as_json"], is_flag=True, help="Print one JSON object on stdout when done."),
    click.Option(["-q", "--quiet"], is_flag=True, help="No progress bar."),
    click.Option(["--force"], is_flag=True, help="In a folder run, paint again what was finished before with the same settings."),
    click.Option(["--dry-run"], is_flag=True, help="Check everything and say what would be done; paint nothing."),
    click.Option(["--device"], default="auto", show_default=True, help="auto, cpu, cuda, cuda:1, mps."),
    click.Option(["--data"], type=click.Path(path_type=Path), help="Data folder. Default: HUAFANG_HOME, or the system's place for it."),
    click.Option(["--model-dir", "folders"], type=click.Path(path_type=Path), multiple=True, help="A folder of your own models. Repeat for several."),
]


def room_command(name: str, *, verb: str | None = None) -> click.Command:
    """The command of a room: its subject as the argument, its other fields as flags."""
    room = methods.ROOMS[name]
    specs = {spec.name: spec for spec in fields(room)}
    subject = specs.pop(room.subject)
    many = subject.kind == "image"
    argument = click.Argument(
        ["subject"],
        nargs=-1 if many else 1,
        required=subject.required,
        metavar="PHOTO…" if many else subject.name.upper() if subject.required else f"[{subject.name.upper()}]",
        shell_complete=_files if many else None,
    )

    def go(
        subject: Any,
        output: str | None,
        as_json: bool,
        quiet: bool,
        force: bool,
        dry_run: bool,
        device: str,
        data: Path | None,
        folders: tuple[Path, ...],
        **values: Any,
    ) -> int:
        how = Run(output, as_json, quiet, force, dry_run, device, data, folders)
        return paint(name, subject, given(values), how)

    text = f"{methods.labels(name)['en']['summary']}\n\n{sys.modules[room.__module__].__doc__ or ''}"
    if room.paper:
        text += f"\n\nPaper: {room.paper[0]} <{room.paper[1]}>"
    return click.Command(verb or name.replace("_", "-"), params=[argument, *map(option, specs.values()), *COMMON], callback=go, help=text, no_args_is_help=True)


def _files(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="file")]


@click.command("stylize", context_settings={"ignore_unknown_options": True, "allow_extra_args": True}, add_help_option=False, no_args_is_help=False)
@click.option("--method", help="The method to use. Default: the best that needs no download, by whether a style picture is given.")
@click.option("-h", "--help", "wants_help", is_flag=True, help="Show this message, or the method's own with --method.")
@click.argument("rest", nargs=-1, type=click.UNPROCESSED, metavar="PHOTO… [--style PICTURE] [-o OUT] [SETTINGS OF THE METHOD]")
@click.pass_context
def stylize_command(ctx: click.Context, method: str | None, wants_help: bool, rest: tuple[str, ...]) -> int:
    """Restyle photos with any method.

    \b
    huafang stylize photo.jpg --method stroke_rendering -o out.png
    huafang stylize photo.jpg --style painting.jpg -o out.png
    huafang stylize photo.jpg --style painting.jpg --method gatys --steps 60 -o out.png
    huafang stylize photos/ --method image_filters --filter pencil -o out/

    All settings of the method are taken, see `huafang METHOD --help`; `huafang methods` lists the methods.
    """
    if wants_help and method is None:
        click.echo(ctx.get_help())
        return 0
    if not (rest or wants_help):
        raise click.UsageError("name the photo, or several, or a folder of them: huafang stylize photo.jpg -o out.png", ctx)
    styled = any(part == "--style" or part.startswith("--style=") for part in rest)
    name = method.replace("-", "_") if method else methods.default_method(styled=styled, film=any(map(is_film_file, rest)))
    room = methods.room(name)
    if not {"content"} <= set(room.model_fields):
        better = "huafang models pull" if room.lane == "network" else f"huafang {name.replace('_', '-')} --help"
        raise BadInput(f"{name} does not restyle a photo; see: {better}", code="method.unfit")
    if styled and "style" not in room.model_fields:
        takers = [other for other, kind in methods.ROOMS.items() if "style" in kind.model_fields]
        raise BadInput(f"{name} takes no style picture; methods that do are {', '.join(takers)}", code="method.unfit")
    command = room_command(name, verb="stylize" if not method else f"stylize --method {name}")
    with command.make_context(command.name, [*rest, *(["--help"] if wants_help else [])], parent=ctx.parent) as inner:
        code: int = command.invoke(inner)
        return code


def paint(name: str, subject: Any, values: dict[str, Any], how: Run) -> int:
    """Run a room over what was named; the exit code. Raises HuafangError when there is one thing to do and it fails."""
    from huafang.api import Bench, check_device, expand

    room = methods.ROOMS[name]
    many = isinstance(subject, tuple)
    if subject is None and room.makes == "weights" and how.output and Path(how.output).suffix:
        subject = Path(how.output).stem  # what is written as mine.safetensors is called mine
    named = many and bool(subject)  # a room may do without its photo
    sources: list[Any] = list(expand(subject, films=methods.films(room))) if named else [None if many else subject]
    if named and len(sources) == 1 and is_film_file(sources[0]) and not methods.films(room):
        raise methods.no_film(sources[0].name)
    targets = _targets(name, sources if named else [None], how.output, subject if room.makes == "weights" and subject else name)
    _spare(sources if named else [], targets)
    with stoppable() as stop, Bench(how.data, how.folders, check_device(how.device)) as bench:
        reports: list[dict[str, Any]] = []
        for index, (source, target) in enumerate(zip(sources, targets, strict=True)):
            said = values | ({room.subject: source} if source is not None else {})
            one = _One(bench, name, said, target, how, len(sources) > 1, f"{index + 1}/{len(sources)} " if len(sources) > 1 else "")
            try:
                reports.append(one.run(stop))
            except Cancelled:
                finished = sum("error" not in report for report in reports)
                raise Cancelled(f"stopped; {finished} of {len(sources)} are finished" + ("; run it again to go on" if finished else "")) from None
            except HuafangError as error:
                if len(sources) == 1:
                    raise
                click.secho(f"{index + 1}/{len(sources)} {error.message}", fg="red", err=True)
                reports.append({"source": str(source), "error": {"code": error.code, "message": error.message, "hint": error.hint}})
    if how.as_json:
        click.echo(json.dumps(reports[0] if len(reports) == 1 else {"results": reports}, ensure_ascii=False))
    failed = sum("error" in report for report in reports)
    if failed:
        click.echo(f"{failed} of {len(reports)} failed", err=True)
    return 0 if not failed else PARTIAL if failed < len(reports) else 1


@dataclass(frozen=True)
class _One:
    """One picture's way through a room."""

    bench: "Bench"
    method: str
    values: dict[str, Any]
    target: Path
    how: Run
    many: bool
    prefix: str

    def run(self, stop: Callable[[], bool]) -> dict[str, Any]:
        bench, how = self.bench, self.how
        params = bench.params(self.method, self.values)
        for said in bench.warnings:
            click.secho(f"note: {said}", fg="yellow", err=True)
        bench.warnings.clear()
        _spare(bench.read, [self.target])
        check_writable(self.target.parent)
        sources = {asset: bench.sources[asset] for asset in picture_ids(params)}
        report = {"method": self.method, "params": params.model_dump(mode="json"), "sources": sources}
        if how.dry_run:
            if not how.as_json:
                click.echo(f"would write {self.target}")
            return {**report, "outputs": [], "dry_run": True}
        if self.many and not how.force and _made_with(self.target, params):
            if not how.as_json:
                click.echo(str(self.target))
            click.echo(f"{self.prefix}{self.target} is finished already (--force paints it again)", err=True)
            return {**report, "outputs": [str(self.target)], "kept": True}
        started = time.monotonic()
        try:
            with progress_bar(self.prefix + self.method, quiet=how.quiet or how.as_json) as on_step:
                painting = bench.run(params, on_step, stop)
        except MemoryError as error:
            raise OutOfMemory("there was not enough memory for this", hint="try a smaller picture") from error
        seconds = time.monotonic() - started
        written = painting.save(self.target, sources)
        for note in painting.notes:
            click.secho(f"note: {note}", fg="yellow", err=True)
        if not how.as_json:
            click.echo("\n".join(map(str, written)))
            click.echo(f"{self.prefix}{seconds:.1f} s  {_figures(painting.figures) if painting.film else ''}".rstrip(), err=True)
        return {**report, "outputs": list(map(str, written)), "figures": painting.figures, "notes": painting.notes, "seconds": round(seconds, 3)}


def _targets(name: str, sources: list[Path | None], output: str | None, title: str) -> list[Path]:
    """Where each result goes; `title` is what one is called that comes from no file.

    A folder is meant where the name ends in a slash, is one, has no ending, or there are several results.
    """
    from huafang.api import check_ending, ending

    room = methods.ROOMS[name]
    folder = output is not None and (output.endswith(("/", "\\")) or Path(output).is_dir() or not Path(output).suffix)
    if output is not None and not folder:
        if len(sources) > 1:
            raise BadInput(f"{len(sources)} pictures cannot all be written to {output}; name a folder with -o", code="output.one")
        check_ending(Path(output), room, film=_is_film(sources[0], room))
        return [Path(output)]
    home = Path(output) if output is not None else Path()
    if home.exists() and not home.is_dir():
        raise BadInput(f"{home} is a file, not a folder", code="output.one")
    stems = [source.stem if source else title for source in sources]
    twice = Counter(stems)
    named = [source.name if source and twice[stem] > 1 else stem for source, stem in zip(sources, stems, strict=True)]
    ends = [ending(room, film=_is_film(source, room)) for source in sources]
    if folder:
        return [home / f"{stem}{end}" for stem, end in zip(named, ends, strict=True)]
    return [_free(home / (f"{stem}-{name}{end}" if source else f"{stem}{end}")) for stem, end, source in zip(named, ends, sources, strict=True)]


def _is_film(source: Path | None, room: type[Params]) -> bool:
    """Whether a file is a film, and the room takes films."""
    return source is not None and methods.films(room) and is_film_file(source)


def _spare(inputs: Iterable[Path], targets: list[Path]) -> None:
    """Refuse to write over a picture that was read. Raises BadInput."""
    kept = {path.resolve() for path in inputs}
    for target in targets:
        if target.resolve() in kept:
            raise BadInput(f"{target} is one of the pictures given; it would be written over", code="output.input", hint="name another file or folder with -o")


def _free(path: Path) -> Path:
    """`path`, or the first numbered name beside it that is not taken."""
    number, place = 1, path
    while place.exists():
        number += 1
        place = path.with_stem(f"{path.stem}-{number}")
    return place


def _made_with(target: Path, params: Params) -> bool:
    """Whether `target` is there and says that these very params made it."""
    if not target.is_file():
        return False
    from huafang import images, metadata, video

    try:
        data = target.read_bytes()
        found = metadata.read(video.text_of(data) if video.is_film(data[:256]) else images.ingest(data).text)
    except (OSError, BadInput):
        return False
    made = {key: value for key, value in found.get("params", {}).items() if key != "sources"}
    return found.get("tool") == "huafang" and made == params.model_dump(mode="json")


@contextlib.contextmanager
def stoppable() -> Iterator[Callable[[], bool]]:
    """The first Ctrl-C asks for a stop at the next step, the second stops at once."""
    asked = False

    def hear(*_: object) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True
        click.echo("\nstopping at the next step (Ctrl-C again: at once)", err=True)

    before = signal.signal(signal.SIGINT, hear)
    try:
        yield lambda: asked
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def progress_bar(title: str, *, quiet: bool) -> "Iterator[Callable[[Step], None]]":
    """A bar with steps, time to go and the live figures, where someone watches."""
    if quiet:
        yield lambda step: None
        return
    if not sys.stderr.isatty():
        yield _Log(title)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("eta"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[figures]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None, figures="")

        def on_step(step: "Step") -> None:
            bar.update(task, completed=step.done, total=step.total, figures=_figures(step.figures))

        yield on_step


class _Log:
    """For a log file instead of a terminal: a line at the start and at each tenth of the way."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._tenth = -1

    def __call__(self, step: "Step") -> None:
        tenth = 10 * step.done // max(step.total, 1)
        if tenth > self._tenth:
            self._tenth = tenth
            click.echo(f"{self._title} {step.done}/{step.total}  {_figures(step.figures)}".rstrip(), err=True)


def _figures(figures: Mapping[str, float]) -> str:
    return "  ".join(f"{name.replace('_', ' ')} {f'{value:,.0f}' if abs(value) >= 1000 else f'{value:.4g}'}" for name, value in figures.items())

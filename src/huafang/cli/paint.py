"""Running a method from the command line: one picture or a folder of them, with a progress bar, stopped cleanly, taken up again where it stopped."""

import sys
from pathlib import Path
from typing import Any

import click

from huafang import methods
from huafang.cli.options import Folder, Name, given, option
from huafang.cli.pictures import One, Run, run
from huafang.cli.progress import stoppable
from huafang.cli.targets import Targets, no_empty_folders, spare
from huafang.cli.terminal import out_json, say
from huafang.errors import BadInput
from huafang.params import fields
from huafang.sources import Found, Source, expand, is_film_file

PARTIAL = 4
OUTPUT = {
    "picture": "File (.png, .jpg, .webp; of a film .mp4) or folder, made if need be. Default: a new name here.",
    "film": "File (.mp4) or folder, made if need be. Default: a new name here.",
    "dataset": "File (.zip) or folder, made if need be. Default: a new name here.",
    "model_folder": "File (.png, .jpg, .webp) or folder for a sheet of samples, made if need be. Default: a new name here.",
    "figures": "File (.json) or folder, made if need be. Default: a new name here.",
    "weights": "File (.safetensors) or folder for a copy of the trained weights, made if need be. Default: a new name here.",
}
COMMON = [
    click.Option(["--json", "as_json"], is_flag=True, help="Print one JSON object on stdout when done."),
    click.Option(["-q", "--quiet"], is_flag=True, help="No progress bar."),
    click.Option(["--force"], is_flag=True, help="In a folder run, paint again what was finished before with the same settings."),
    click.Option(["--dry-run"], is_flag=True, help="Check everything and say what would be done; paint nothing."),
    click.Option(["--device"], default="auto", show_default=True, help="auto, cpu, cuda, cuda:1, mps."),
    click.Option(["--data"], type=Folder(), help="Data folder. Default: HUAFANG_HOME, or the system's place for it."),
    click.Option(["--model-dir", "folders"], type=Folder(exists=True), multiple=True, help="A folder of your own models. Repeat for several."),
]


def method_command(name: str, *, verb: str | None = None) -> click.Command:
    """The command of a method: its subject as the argument, its other fields as flags."""
    params_class = methods.METHODS[name]
    specs = {spec.name: spec for spec in fields(params_class)}
    subject = specs.pop(params_class.subject)
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

    text = f"{methods.labels(name)['en']['summary']}\n\n{sys.modules[params_class.__module__].__doc__ or ''}"
    if params_class.paper:
        text += f"\n\nPaper: {params_class.paper[0]} <{params_class.paper[1]}>"
    return click.Command(
        verb or name.replace("_", "-"),
        params=[
            argument,
            *(option(spec, name) for spec in specs.values()),
            click.Option(["-o", "--output"], type=Name(), help=OUTPUT[params_class.makes]),
            *COMMON,
        ],
        callback=go,
        help=text,
        no_args_is_help=True,
    )


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
    name = method.replace("-", "_") if method is not None else methods.default_method(styled=styled, film=any(map(is_film_file, rest)))
    fitting = methods.restylers()
    params_class = methods.params_class(name, fitting)
    if name not in fitting:
        better = "huafang models pull" if params_class.lane == "network" else f"huafang {name.replace('_', '-')} --help"
        raise BadInput(f"{name} does not restyle a photo; see: {better}; methods that do are {', '.join(fitting)}", code="method.unfit")
    if styled and "style" not in params_class.model_fields:
        takers = [other for other in fitting if "style" in methods.METHODS[other].model_fields]
        raise BadInput(f"{name} takes no style picture; methods that do are {', '.join(takers)}", code="method.unfit")
    command = method_command(name, verb="stylize" if not method else f"stylize --method {name}")
    with command.make_context(command.name, [*rest, *(["--help"] if wants_help else [])], parent=ctx.parent) as inner:
        code: int = command.invoke(inner)
        return code


def paint(name: str, subject: Any, values: dict[str, Any], how: Run) -> int:
    """Run a method over what was named; the exit code. Raises HuafangError when there is one thing to do and it fails."""
    from huafang.api import Bench, check_device, check_readable

    params_class = methods.METHODS[name]
    many = isinstance(subject, tuple)
    if subject is None and params_class.makes == "weights" and how.output and Path(how.output).suffix:
        subject = Path(how.output).stem  # what is written as mine.safetensors is called mine
    found = expand(subject, films=methods.films(params_class)) if many and subject else Found()  # a method may do without its photo
    named: list[Source | None] = [*found.sources] or [None]
    if len(found.sources) == 1:  # of several, what cannot be read is told of in its place
        check_readable(found.sources[0].path, film=methods.films(params_class))
    targets = Targets(name, named, how.output, subject if params_class.makes == "weights" and subject else name)
    spare(found.paths, targets.paths)
    with no_empty_folders(targets.paths), stoppable() as stop, Bench(how.data, how.folders, check_device(how.device)) as bench:
        bench.warn([*found.notes, *targets.notes])
        if params_class.makes == "weights":
            for target in targets.paths:
                bench.weights.check_target(target, str(subject or params_class.model_fields["name"].default))
        ones = []
        for index, (source, target) in enumerate(zip(named, targets.paths, strict=True)):
            value = source.path if source else None if many else subject
            settings = values | ({params_class.subject: value} if value is not None else {})
            ones.append(One(bench, name, settings, value, target, how, f"{index + 1}/{len(named)} " if len(named) > 1 else "", targets))
        reports = run(ones, how, stop)
    if how.as_json:
        out_json(reports[0] if len(reports) == 1 else {"results": reports})
    failed = sum("error" in report for report in reports)
    if failed:
        say(f"{failed} of {len(reports)} failed")
    return exit_code(failed, len(reports))


def exit_code(failed: int, count: int) -> int:
    """Of a command that did `count` things, of which some failed."""
    return 0 if not failed else PARTIAL if failed < count else 1

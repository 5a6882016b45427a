"""The command line: a command per method, made from its params; the verbs `stylize` and `generate` over them; and the house's own commands.

Exit codes: 0 done · 1 a job failed · 2 bad usage or input · 3 something is missing on this machine · 4 some of many files, or of strictly compared methods ·
130 stopped by Ctrl-C.
Results go to stdout, everything else to stderr. Help loads no torch.
"""

import os
import sys
import traceback
from typing import Any

import click

from huafang import methods
from huafang.cli import models, serve, styles, terminal
from huafang.cli.compare import compare_command
from huafang.cli.paint import method_command, stylize_command
from huafang.cli.pictures import DETAILS, TRACEBACK
from huafang.errors import Cancelled, HuafangError, Unavailable, as_fault, is_out_of_memory, nearest
from huafang.processes import import_nothing_from_here
from huafang.start import interrupted

METHOD_COMMANDS = {
    name.replace("_", "-"): name for name, params_class in methods.METHODS.items() if params_class.lane == "compute" and name != compare_command.name
}


class Commands(click.Group):
    """Commands in their own order, methods under either spelling, errors in the house's words."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self.commands, "generate", *METHOD_COMMANDS]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        plain = name.replace("_", "-")
        if plain == "generate":
            return method_command("text_to_image", verb="generate")
        if plain in METHOD_COMMANDS:
            return method_command(METHOD_COMMANDS[plain])
        return self.commands.get(plain)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            raise click.UsageError(f"there is no command {args[0]!r}" + nearest(args[0].replace("_", "-"), self.list_commands(ctx)), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        own = {"generate": "Draw a prompt with a Stable Diffusion model.", **{name: command.get_short_help_str(90) for name, command in self.commands.items()}}
        with formatter.section("Commands"):
            formatter.write_dl([(name, own[name]) for name in self.list_commands(ctx) if name in own])
        with formatter.section("Methods (each with its own --help)"):
            formatter.write_dl([(name, methods.summary(method)) for name, method in METHOD_COMMANDS.items()])


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}, epilog=(__doc__ or "").split("\n\n")[1])
@click.version_option(package_name="huafang", prog_name="huafang")
def cli() -> None:
    """Huafang (画坊): an AI creative image studio. Restyle photos, draw prompts, compare methods; in the browser with `huafang serve`."""


@cli.command("methods")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, the same as GET /api/methods.")
def list_methods(as_json: bool) -> None:
    """List all methods with what they do."""
    if as_json:
        from huafang.server.method_views import method_view
        from huafang.server.schemas import MethodList

        listed = MethodList(methods=[method_view(name) for name in methods.METHODS])
        terminal.out_json(listed.model_dump(mode="json", by_alias=True), indent=2)
        return
    commands = {name.replace("_", "-"): methods.labels(name) for name, params_class in methods.METHODS.items() if params_class.lane == "compute"}
    width = max(map(len, commands))
    for command, words in commands.items():
        click.echo(f"{command:<{width}}  {words['en']['title']} · {words['zh']['title']}\n{'':<{width}}  {words['en']['summary']}")


@cli.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of a shell: eval "$(huafang completion bash)"."""
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(cli, {}, "huafang", "_HUAFANG_COMPLETE").source())


cli.add_command(stylize_command)
cli.add_command(compare_command)
cli.add_command(serve.serve)
cli.add_command(serve.work)
cli.add_command(models.models)
cli.add_command(styles.styles)


def main(arguments: list[str] | None = None) -> None:
    """Entry point: runs a command and turns every failure into words and an exit code."""
    import_nothing_from_here()
    terminal.prepare()
    given = sys.argv[1:] if arguments is None else arguments
    try:
        code = cli.main(given, prog_name="huafang", standalone_mode=False)
    except click.exceptions.Abort:
        fail(Cancelled(), "--json" in given)
    except click.ClickException as error:
        if "--json" in given:
            terminal.out_json({"error": {"code": "usage", "message": error.format_message(), "hint": None}})
        if isinstance(error, click.exceptions.NoArgsIsHelpError):
            error.show()
        else:
            click.UsageError(terminal.plain(error.format_message()), getattr(error, "ctx", None)).show()
        sys.exit(2)
    except HuafangError as error:
        fail(error, "--json" in given)
    except KeyboardInterrupt:
        fail(Cancelled(), "--json" in given)
    except BrokenPipeError:  # `huafang methods | head`
        sys.stderr.close()
        sys.exit(0)
    except Exception as error:  # whatever it is, it is said in words
        if interrupted():
            fail(Cancelled(), "--json" in given)
        if (known := _of_this_machine(error)) is not None:
            fail(known, "--json" in given)
        if os.environ.get(TRACEBACK):
            traceback.print_exception(error)
        fail(as_fault(error, DETAILS), "--json" in given)
    else:
        sys.exit(code if isinstance(code, int) else 0)


def _of_this_machine(error: Exception) -> HuafangError | None:
    """What an error of the system says about a file, or about the account; None for any other."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror and not is_out_of_memory(error):
        return Unavailable(f"{os.fsdecode(error.filename)}: {error.strerror}", code="file.unreachable")
    if isinstance(error, RuntimeError) and "home directory" in str(error):
        return Unavailable("the home folder of this account is unknown", code="home.missing", hint="set HUAFANG_HOME to a folder for Huafang's data")
    return None


def fail(error: HuafangError, as_json: bool) -> None:
    """Say what is wrong and what to do about it, and leave with the fault's exit code."""
    if as_json:
        body: dict[str, Any] = {"code": error.code, "message": error.message, "hint": error.hint}
        terminal.out_json({"error": body})
    terminal.say(f"error: {error.message}", fg="red")
    if error.hint:
        terminal.say(f"hint: {error.hint}")
    sys.exit(error.exit_code)

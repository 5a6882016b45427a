"""`huafang serve` and `huafang work`."""

import logging
import os
from pathlib import Path
from typing import Any

import click

from huafang.cli.options import Folder
from huafang.errors import Unavailable

SHARED = [
    click.option("--data", type=Folder(), help="Data folder. Default: HUAFANG_HOME, or the system's place for it."),
    click.option(
        "--database", envvar="HUAFANG_DATABASE", help="SQLAlchemy address of the database, e.g. postgresql+psycopg://…. Default: SQLite in the data folder."
    ),
    click.option("--model-dir", "folders", type=Folder(exists=True), multiple=True, help="A folder of your own models."),
    click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, mps, or several: cuda:0,cuda:1. Each paints one job at a time."),
    click.option("--threads", type=click.IntRange(1), help="Threads of the painter. Default: one per core."),
    click.option("-v", "--verbose", is_flag=True, help="Say more on stderr."),
]


def _shared(function: Any) -> Any:
    for decorate in reversed(SHARED):
        function = decorate(function)
    return function


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on. Any other than this machine's own needs a token.")
@click.option("--port", default=7860, show_default=True, type=click.IntRange(0, 65535), help="0 takes any free one.")
@click.option("--token", envvar="HUAFANG_TOKEN", help="Wanted of every request when given: 16 characters at least.")
@click.option("--allow-host", "hosts", multiple=True, help="A further name by which the studio may be called.")
@click.option("--trusted-proxy", "proxies", multiple=True, help="Address or network of a proxy whose X-Forwarded-For is believed. Default: nobody's is.")
@click.option("--queue-limit", default=500, show_default=True, type=click.IntRange(1), help="Jobs that may wait; more are told to come back.")
@click.option("--open/--no-open", "browse", default=False, help="Open the studio in a browser.")
@_shared
def serve(host: str, port: int, token: str | None, hosts: tuple[str, ...], proxies: tuple[str, ...], queue_limit: int, browse: bool, **rest: Any) -> None:
    """Open the studio in the browser: http://127.0.0.1:7860."""
    from dataclasses import replace

    from huafang.server.serve import serve as run

    options = replace(_options(**rest), host=host, port=port, token=token, hosts=hosts, proxies=proxies, queue_limit=queue_limit)

    def ready(addresses: list[str]) -> None:
        here, *elsewhere = addresses
        click.echo(f"Huafang is open: {here}   (Ctrl-C closes it, twice at once)")
        if elsewhere:
            click.echo(f"From other machines: {'   '.join(elsewhere)}")
        if browse:
            import webbrowser

            webbrowser.open(here)

    run(options, ready)


@click.command()
@_shared
def work(**rest: Any) -> None:
    """Work through the queue of the data folder with no web page, until Ctrl-C."""
    from huafang.server.serve import work as run

    options = _options(**rest)
    run(options, lambda: click.echo(f"working through the queue of {options.places.root}   (Ctrl-C stops, twice at once)", err=True))


def _options(data: Path | None, database: str | None, folders: tuple[Path, ...], device: str, threads: int | None, verbose: bool) -> Any:
    from huafang.places import places
    from huafang.server.serve import Options

    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    return Options(places(data), database=database, folders=folders, devices=_devices(device), threads=threads)


def _devices(names: str) -> tuple[str, ...]:
    """Lanes to open. Asked of torch in a process of its own, since the server never loads it; "cpu", and "auto" without an accelerator, ask nothing.

    Raises Unavailable for a device that is not here.
    """
    import shutil
    import subprocess
    import sys

    named = tuple(dict.fromkeys(name.strip() for name in names.split(",") if name.strip()))
    bare = sys.platform != "darwin" and not (shutil.which("nvidia-smi") or Path("/dev/kfd").exists())
    if named in (("cpu",), ()) or (named == ("auto",) and bare):
        return ("cpu",)
    question = (
        "from huafang.api import devices; print(*devices())"
        if named == ("auto",)
        else f"from huafang.api import check_device; [check_device(n) for n in {named!r}]"
    )
    asked = subprocess.run([sys.executable, "-P", "-c", question], capture_output=True, text=True, check=False)
    if asked.returncode:
        raise Unavailable(asked.stderr.strip().rpartition("Unavailable: ")[2], code="device.missing")
    return tuple(asked.stdout.split()) or named

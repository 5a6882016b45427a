"""`huafang styles`: presets for the methods that draw, listed, added, shared, removed."""

from pathlib import Path

import click

from huafang.cli.options import FilePath, Folder
from huafang.cli.terminal import out, out_json, out_path, say
from huafang.diffusion import styles as presets
from huafang.errors import MissingWeights
from huafang.models.store import ModelStore
from huafang.places import Places, places

DATA = click.option("--data", type=Folder(), help="Data folder. Default: HUAFANG_HOME, or the system's place for it.")


def _store(where: Places) -> ModelStore:
    return ModelStore(where.models)


@click.group()
def styles() -> None:
    """Styles for text to image: list, show, add, export, remove."""


@styles.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@DATA
def list_styles(data: Path | None, as_json: bool) -> None:
    """Styles for --style-preset, and what they still need."""
    where = places(data)
    models = _store(where).places()
    found = presets.all_styles(where.styles)
    if as_json:
        rows = [{**one.model_dump(mode="json"), "missing": presets.missing(one, models), "own": one.name not in presets.built_in()} for one in found.values()]
        out_json({"styles": rows}, indent=2)
        return
    width = max(map(len, found))
    for one in found.values():
        lacking = presets.missing(one, models)
        state = f"needs the LoRA {', '.join(lacking)}" if lacking else "yours" if one.name not in presets.built_in() else "ready"
        out(f"{one.name:<{width}}  {one.title.en or one.name} · {one.title.zh or one.title.en}  ({state})")


@styles.command("show")
@click.argument("name")
@DATA
def show_style(name: str, data: Path | None) -> None:
    """Print a style as it is stored: JSON, the form that `add` reads."""
    out(presets.written(presets.style(name, places(data).styles)).decode().rstrip())


@styles.command("add")
@click.argument("file", type=FilePath())
@DATA
def add_style(file: Path, data: Path | None) -> None:
    """Add a style from a .json or .zip file. LoRAs in the zip come along."""
    from huafang.diffusion import style_files

    where = places(data)
    new, loras = style_files.add(file, where.styles, _store(where))
    say(f"added {new.name}" + (f" and the LoRA {', '.join(loras)}" if loras else "") + f": huafang generate PROMPT --style-preset {new.name}")
    if lacking := presets.missing(new, _store(where).places()):
        say(f"note: it needs the LoRA {', '.join(lacking)}, which is not on this machine: add it with huafang models add")


@styles.command("export")
@click.argument("name")
@click.option("-o", "--output", required=True, type=FilePath(), help="A .json file, or a .zip with the preview.")
@click.option("--with-loras", is_flag=True, help="Put its LoRAs into the zip. See first whether their licence allows it.")
@DATA
def export_style(name: str, output: Path, with_loras: bool, data: Path | None) -> None:
    """Write a style into one file, to share it."""
    from huafang.diffusion import style_files

    where = places(data)
    one, models = presets.style(name, where.styles), _store(where).places()
    if with_loras and (lacking := presets.missing(one, models)):
        raise MissingWeights(f"the LoRA {', '.join(lacking)} of the style {name} is not on this machine", hint="export it without --with-loras")
    style_files.export(one, where.styles, output, {use.name: models[use.name] for use in one.loras} if with_loras else {})
    out_path(output)


@styles.command("remove")
@click.argument("name")
@DATA
def remove_style(name: str, data: Path | None) -> None:
    """Remove a style of yours. Its LoRAs stay."""
    presets.remove(name, places(data).styles)
    say(f"removed {name}")

"""`huafang models`: what is on this machine, and what can be brought to it, checked, converted, taken away."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from huafang.cli.options import FilePath, Folder
from huafang.cli.terminal import out, out_json, out_path, say
from huafang.errors import BadInput, MissingWeights
from huafang.models import card, kinds
from huafang.models.catalogue import Entry, entry_of
from huafang.models.modelfile import shown_bytes
from huafang.models.store import Model, ModelStore
from huafang.places import places
from huafang.sources import near_file

STORE = [
    click.option("--data", type=Folder(), help="Data folder. Default: HUAFANG_HOME, or the system's place for it."),
    click.option("--model-dir", "folders", type=Folder(exists=True), multiple=True, help="A folder of your own models."),
]


def _store(function: Any) -> Any:
    for decorate in reversed(STORE):
        function = decorate(function)
    return function


@click.group()
def models() -> None:
    """Models: list, add, inspect, rename, pull, verify, remove, restore, convert, export."""


@models.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@_store
def list_models(data: Path | None, folders: tuple[Path, ...], as_json: bool) -> None:
    """Models on this machine, and those that can be pulled."""
    found = ModelStore(places(data).models, folders).models()
    if as_json:
        rows = [
            {
                "name": model.name,
                "holds": model.holds,
                "path": str(model.path) if model.path else None,
                "builtin": model.builtin,
                "entry": {**asdict(model.entry), "origin": model.entry.origin} if model.entry else None,
            }
            for model in found
        ]
        out_json({"models": rows}, indent=2)
        return
    here, elsewhere = [one for one in found if one.path], [one for one in found if not one.path]
    _table("On this machine", here)
    _table("To download: huafang models pull NAME", elsewhere)


def _table(head: str, listed: list[Model]) -> None:
    """Models in columns: name, what it is for, what it fits, size; below each of the catalogue's its title, licence and origin."""
    if not listed:
        return
    rows = [(one.name, str(kinds.of(one.holds).title), str(kinds.FAMILIES.get(one.family or "", "")), _size(one), _state(one)) for one in listed]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    out(f"{head}\n")
    for one, row in zip(listed, rows, strict=True):
        out("  ".join(f"{text:<{width}}" for text, width in zip(row, widths, strict=False)).rstrip() + (f"  {row[4]}" if row[4] else ""))
        if one.entry:
            origin = f"; from {one.entry.origin}" if one.entry.origin else ""
            out(f"    {one.entry.title}\n    licence: {one.entry.licence}{origin}")
    out("")


def _size(model: Model) -> str:
    size = model.card.bytes if model.card else model.entry.bytes if model.entry else None
    return shown_bytes(size) if size else ""


def _state(model: Model) -> str:
    """What else there is to know: that it came with the package, or cannot be read."""
    return "built in" if model.builtin else f"cannot be used: {model.card.fault}" if model.card and model.card.fault else ""


@models.command()
@click.argument("name")
@click.option("--dry-run", is_flag=True, help="Say what would be brought, from where and how much; bring nothing and ask no one.")
@_store
def pull(name: str, dry_run: bool, data: Path | None, folders: tuple[Path, ...]) -> None:
    """Bring a model to this machine: a name of `huafang models list`, or OWNER/NAME of the Hugging Face hub.

    A download that was cut off goes on where it stopped. HF_ENDPOINT names another hub.
    """
    from huafang.cli.progress import progress_bar, stoppable
    from huafang.context import Step
    from huafang.errors import Cancelled
    from huafang.models.pull import pull as bring

    store = ModelStore(places(data).models, folders)
    if dry_run:
        _would_pull(name, store)
        return
    if entry := entry_of(name):
        say(_said(entry))
    with stoppable() as stop, progress_bar(f"pulling {name}", quiet=False) as on_step:

        def progress(done: int, total: int) -> None:
            if stop():
                raise Cancelled("stopped; the download goes on from here when you pull again")
            on_step(Step(done, total, {"MB": done / 1e6}))

        place = bring(name, store, progress=progress)
    out_path(place)


def _said(entry: Entry) -> str:
    return f"{entry.title}: {shown_bytes(entry.bytes)}, licence: {entry.licence}"


def _would_pull(name: str, store: ModelStore) -> None:
    from huafang.models.pull import check_own, check_space, wanted

    try:
        place = store.path(name)
    except MissingWeights:
        entry, repository = wanted(name)
    else:
        check_own(name, store)
        out(f"{name} is on this machine already: {place}")
        return
    check_space(name, entry, repository, store)
    out(_said(entry) if entry else "size and licence: known once the hub is asked, which a dry run does not do")
    if repository:
        out(f"from the hub's repository {repository}")
    else:
        assert entry is not None, "what has no repository has an entry"
        out("\n".join(f"from {source.url}" for source in entry.sources))


@models.command("add")
@click.argument("path", type=FilePath())
@click.option("--name", help="What to call it. Default: after the file.")
@_store
def add_model(path: Path, name: str | None, data: Path | None, folders: tuple[Path, ...]) -> None:
    """Copy a .safetensors file of yours into the models folder, and say what it is."""
    if not path.is_file():
        raise BadInput(f"there is no file {path}{near_file(path)}", code="weights.unreadable")
    store = ModelStore(places(data).models, folders)
    chosen = store.bring(path, name)
    found = next(model for model in store.models() if model.name == chosen)
    kind = kinds.of(found.holds)
    say(f"added {chosen}: {kind.title}" + (f", {kinds.FAMILIES[found.family]}" if found.family else ""))
    if kind.command:
        say(f"use it with: huafang {kind.command.format(name=chosen)}")


@models.command()
@click.argument("name")
@click.argument("new")
@_store
def rename(name: str, new: str, data: Path | None, folders: tuple[Path, ...]) -> None:
    """Give a model of yours in the models folder another name."""
    out_path(ModelStore(places(data).models, folders).rename(name, new))


@models.command()
@click.argument("name")
@click.option("--on", "bases", multiple=True, help="Base model to try a LoRA on; repeat for several. Default: the built-in one, if the LoRA is for it.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@_store
def inspect(name: str, bases: tuple[str, ...], as_json: bool, data: Path | None, folders: tuple[Path, ...]) -> int:
    """Say what a model or file is, whom it fits, what it would change, and what is wrong with it."""
    from huafang.diffusion import doctor  # only now: it loads torch

    store = ModelStore(places(data).models, folders)
    path = Path(name) if Path(name).exists() and not store.knows(name) else store.path(name)
    chosen = bases or (("mini",) if card.read(path).family in ("mini", None) else ())
    found = doctor.report(name, path, {base: store.path(base, "diffusion") for base in chosen})
    if as_json:
        out_json(found.as_json(), indent=2)
    else:
        out("\n".join(found.lines()))
    return int(bool(found.card.fault))


@models.command()
@click.argument("names", nargs=-1)
@_store
def verify(names: tuple[str, ...], data: Path | None, folders: tuple[Path, ...]) -> int:
    """Check models on this machine: the hash of what was stored, the header, NaN and infinity. Without a name: all."""
    store = ModelStore(places(data).models, folders)
    chosen = names or tuple(model.name for model in store.models() if model.path)
    verdicts = [store.verify(name) for name in chosen]
    for verdict in verdicts:
        out(f"{verdict.name}: {'; '.join(verdict.faults) or 'sound'} ({verdict.tensors} tensors, {shown_bytes(verdict.bytes)})")
    return int(any(verdict.faults for verdict in verdicts))


@models.command()
@click.argument("name")
@_store
def remove(name: str, data: Path | None, folders: tuple[Path, ...]) -> None:
    """Take a model off this machine. A pulled one is deleted; one of your own in the store goes into the trash for 30 days (huafang models restore).

    What other programs brought to the Hugging Face cache, and files in folders of yours, are never touched.
    """
    store = ModelStore(places(data).models, folders)
    kept = store.to_trash(name)
    size = shown_bytes(store.remove(name))
    back = f"{name} is in the trash for 30 days ({size}); back with: huafang models restore {name}"
    out(back if kept else f"{name} is removed; {size} are free again")


@models.command()
@click.argument("name")
@_store
def restore(name: str, data: Path | None, folders: tuple[Path, ...]) -> None:
    """Take a model of your own out of the trash."""
    out_path(ModelStore(places(data).models, folders).restore(name))


@models.command()
@click.argument("path", type=FilePath())
@click.option("-o", "--output", type=FilePath(), help="Default: beside it, with the ending .safetensors.")
@click.option("--overwrite", is_flag=True, help="Replace the file if it is there already.")
@click.option("--part", help="The table of tensors that is wanted of a file that holds several, such as generator.")
def convert(path: Path, output: Path | None, overwrite: bool, part: str | None) -> None:
    """Convert a .pth, .pt, .ckpt or .bin, jcjohnson's .t7 or AnimeGANv3's .onnx to .safetensors, in a process of its own that can do nothing else.

    Of the four files of MicroAST's authors name one: they are joined.
    """
    from huafang.models.pull.conversion import convert as make

    made = make(path, output, over=overwrite, part=part)
    for note in made.notes:
        say(note)
    out_path(made.path)


@models.command()
@click.argument("name")
@click.option("-o", "--output", type=FilePath(), required=True, help="The file to write; it must end in .safetensors.")
@click.option("--overwrite", is_flag=True, help="Replace the file if it is there already.")
@_store
def export(name: str, output: Path, overwrite: bool, data: Path | None, folders: tuple[Path, ...]) -> None:
    """Write a Stable Diffusion model as one .safetensors file, in the layout that AUTOMATIC1111's web UI and ComfyUI read.

    NAME is a model on this machine that is a diffusers folder (1.x, 2.x, XL), or the path of one; its tensors keep their precision. The file also carries the
    model's configuration and vocabulary, so that Huafang reads it back whatever its shape; other tools read the published shapes only, and so not `mini`.
    """
    place = Path(name)
    path = place if (place / "model_index.json").is_file() and len(place.parts) > 1 else ModelStore(places(data).models, folders).path(name)
    from huafang.diffusion.model.export import export as make  # only now: it loads torch

    remarks = [] if output.parent.exists() else [f"the folder {output.parent} was not there; it is made"]
    for remark in (*make(path, output, over=overwrite), *remarks):
        say(remark)
    out_path(output)

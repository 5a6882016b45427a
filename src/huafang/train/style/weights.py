"""What a run of a style network leaves: one file of weights, known by its name from then on."""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor

from huafang.assets import write_whole
from huafang.context import Context, File
from huafang.errors import BadInput
from huafang.newfile import free_name, move_new
from huafang.notes import Note


def ready(name: str, made: File, home: Path, command: str) -> list[Note]:
    """What the user is told of the new model: what it is called, how to use it (`command`, with {name} in it), and where the log of the run `name` is."""
    called = made.name.removesuffix(".safetensors")
    told = command.format(name=called)
    notes = [
        Note(f"the model {called} is ready: {told}", f"模型 {called} 已就绪：{told}"),
        Note(f"its log and samples are in {home}", f"日志和样张在 {home}"),
    ]
    if called != name:
        other = f"another model has been called {name} since the run began, so this one is called {called}"
        notes.insert(0, Note(other, f"训练期间出现了另一个名为 {name} 的模型，所以这个模型叫 {called}。"))
    return notes


def write(ctx: Context, name: str, state: Mapping[str, Tensor]) -> File:
    """Keep `state` in half precision in the store, as NAME.safetensors; the same as a file of the result.

    What an earlier part of the same run wrote is replaced. Where another model has come to that place since the run began, it stays, and this one is numbered.
    """
    data = save({key: tensor.detach().cpu().to(torch.float16).contiguous() for key, tensor in state.items()})
    store = ctx.weights
    place = store.root.resolve() / f"{name}.safetensors"
    draft = place.with_name(f".part-{secrets.token_hex(8)}")
    write_whole(draft, data)
    try:
        if store.is_made_by(place, name):
            os.replace(draft, place)
        while draft.exists():
            try:
                move_new(draft, place)
            except BadInput:
                place = free_name(place)
    finally:
        draft.unlink(missing_ok=True)
    store.note_made(name, place)
    return File(place.name, "application/octet-stream", place)

"""A network of diffusers or transformers, built from a checked config and the tensors of safetensors files. The libraries open no file themselves.

Their `from_pretrained` follows what the files of a folder name: pickles by a shard index, other files by keys of a config. Here a config is a checked value
(`configs.py`), the files are those of `folders.weight_files`, and both are compared by names and shapes before anything of any size is made.
"""

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from huafang.errors import BadInput, check_memory
from huafang.models import configs, modelfile, tensorfile

State = dict[str, Tensor]
_OLD_ATTENTION = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
"""What diffusers called a VAE's attention before 2023, as many folders still do."""
_OLD_NORM = {"gamma": "weight", "beta": "bias"}
"""What transformers called the numbers of BERT's norms, as in TensorFlow."""


@dataclass(frozen=True)
class Stored:
    """The tensors of one network on disk. `title` is what messages call it; `shapes` and `dtypes` are by today's names of the libraries."""

    title: str
    files: tuple[Path, ...]
    shapes: Mapping[str, tuple[int, ...]]
    dtypes: Mapping[str, str]
    rename: Callable[[str], str]

    def read(self) -> State:
        """All tensors by today's names, as they are stored, on the CPU. Raises as `weights.load` does, but for NaN and infinity."""
        return {self.rename(name): tensor for file in self.files for name, tensor in modelfile.load(file, finite=False).items()}


def stored(title: str, files: Iterable[Path], rename: Callable[[str], str] = lambda name: name) -> Stored:
    """Look at the headers of `files`. Raises BadInput (`weights.unreadable`), also where a tensor is in two of them."""
    shapes: dict[str, tuple[int, ...]] = {}
    dtypes: dict[str, str] = {}
    found = tuple(files)
    for file in found:
        for name, entry in tensorfile.header(file).items():
            today = rename(name)
            if today in shapes:
                raise BadInput(f"{title} has the tensor {name[:100]!r} twice", code="weights.unreadable")
            shapes[today], dtypes[today] = tuple(entry["shape"]), entry["dtype"]
    return Stored(title, found, shapes, dtypes, rename)


def vae_name(name: str) -> str:
    """Today's name of a tensor of a VAE."""
    old = re.fullmatch(r"(.*\.attentions\.\d+)\.(query|key|value|proj_attn)\.(weight|bias)", name)
    return f"{old[1]}.{_OLD_ATTENTION[old[2]]}.{old[3]}" if old else name


def text_name(name: str) -> str:
    """Today's name of a tensor of a text encoder: without the names of the classes that it was saved inside of."""
    plain = re.sub(r"^(text_model|bert)\.", "", name)
    head, dot, last = plain.rpartition(".")
    return f"{head}{dot}{_OLD_NORM.get(last, last)}" if head.endswith("LayerNorm") else plain


def check_unet(config: configs.UNet, found: Stored) -> None:
    """Raises BadInput (`weights.incomplete`) where the config has a level or a layer for which there is no tensor: building it would never end."""
    levels = len(config.block_out_channels)
    depths = config.transformer_layers_per_block
    for side, kinds, more in (("down", config.down_block_types, 0), ("up", config.up_block_types, 1)):
        for number, kind in enumerate(kinds):
            level = number if side == "down" else levels - 1 - number
            for layer in range(config.layers(level) + more):
                place = f"{side}_blocks.{number}"
                _wanted(found, f"{place}.resnets.{layer}.conv1.weight", f"{config.layers(level)} layers on level {level}")
                if kind.startswith("CrossAttn"):
                    depth = depths[level] if isinstance(depths, list) else depths
                    if side == "up" and config.reverse_transformer_layers_per_block:
                        depth = config.reverse_transformer_layers_per_block[number]
                    if isinstance(depth, list):
                        if layer >= len(depth):
                            raise BadInput(f"{found.title}: transformer_layers_per_block has {len(depth)} entries for level {level}", code="weights.wrong_kind")
                        depth = depth[layer]
                    _wanted(found, f"{place}.attentions.{layer}.transformer_blocks.{depth - 1}.norm1.weight", f"transformers of {depth} layers")


def check_vae(config: configs.Vae, found: Stored) -> None:
    """The same for a VAE."""
    for level in range(len(config.block_out_channels)):
        for layer in range(config.layers_per_block):
            _wanted(found, f"encoder.down_blocks.{level}.resnets.{layer}.conv1.weight", f"{config.layers_per_block} layers on level {level}")
        for layer in range(config.layers_per_block + 1):
            _wanted(found, f"decoder.up_blocks.{level}.resnets.{layer}.conv1.weight", f"{config.layers_per_block} layers on level {level}")


def check_layers(config: configs.Transformer, found: Stored, layers: str) -> None:
    """The same for an encoder of transformers, whose layers are called `layers`.0, `layers`.1, …"""
    there = {int(match[1]) for name in found.shapes if (match := re.match(rf"{re.escape(layers)}\.(\d{{1,4}})\.", name))}
    if not set(range(config.num_hidden_layers)) <= there:
        raise _lacking(found, f"it says that it has {config.num_hidden_layers} layers, and {len(there)} are there")


def _wanted(found: Stored, name: str, said: str) -> None:
    if name not in found.shapes:
        raise _lacking(found, f"it says that it has {said}, and {name} is not there")


def _lacking(found: Stored, why: str) -> BadInput:
    return BadInput(f"{found.title} lacks some of its tensors: {why}", code="weights.incomplete", hint="get the model again")


def build(make: Callable[[], Any], found: Stored, dtype: torch.dtype) -> Any:
    """The network that `make` gives, with the tensors of `found` in `dtype`, frozen. Tensors that it has no place for are left.

    Raises BadInput: `weights.bad_config` where there is no such network, `weights.incomplete` for a tensor that is not there, `weights.wrong_kind` for one of
    another shape or type.
    """
    made = bare(make, found.title)
    shapes = {name: tuple(tensor.shape) for name, tensor in made.named_parameters()}
    compare({found.rename(name): shape for name, shape in shapes.items()}, found)
    state = found.read()
    with torch.no_grad():
        kept = {name: state[found.rename(name)].reshape(shape).to(dtype) for name, shape in shapes.items()}
        made.load_state_dict(kept, strict=False, assign=True)
    return made.eval().requires_grad_(False)


def bare(make: Callable[[], Any], title: str) -> Any:
    """The network that `make` gives, without memory for its parameters. Raises BadInput (`weights.bad_config`)."""
    from accelerate import init_empty_weights

    try:
        with _quiet(), init_empty_weights(include_buffers=False):
            return make()
    except Exception as error:  # whatever the libraries raise here, they raise about a config that somebody else wrote
        check_memory(error)
        said = " ".join(str(error).split())[:300]
        raise BadInput(f"{title} is no network that can be built: {said or type(error).__name__}", code="weights.bad_config") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what the libraries write to stderr about a config: what is wrong with it is said here, once and in words."""
    loggers = [logging.getLogger(name) for name in ("transformers", "diffusers", "accelerate")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def compare(wanted: Mapping[str, tuple[int, ...]], found: Stored) -> None:
    """Raises BadInput as `build` does, by names, shapes and types alone."""
    for name, shape in wanted.items():
        if (there := found.shapes.get(name, shape)) not in (shape, (*shape, 1, 1)):  # a matrix of a VAE's attention is a 1 × 1 convolution in older files
            raise BadInput(f"{found.title} has {name} in the shape {there} where {shape} belongs", code="weights.wrong_kind")
        if not found.dtypes.get(name, "F32").startswith(("F", "BF")):
            raise BadInput(
                f"{found.title} has {name} as {found.dtypes[name]}: quantised weights are not read",
                code="weights.wrong_kind",
                hint="take the model in half or single precision",
            )
    absent = [name for name in wanted if name not in found.shapes]
    if absent:  # the libraries would fill these with random numbers
        raise BadInput(f"{found.title} lacks {len(absent)} of its tensors, {absent[0]} first", code="weights.incomplete", hint="get the model again")


def check_finite(part: torch.nn.Module, title: str) -> None:
    """Raises BadInput for a NaN or an infinity. Both show in the extremes, which are found 30 times faster than with `isfinite`."""
    for name, tensor in part.named_parameters():
        if tensor.numel() and not all(bool(torch.isfinite(end)) for end in tensor.aminmax()):
            raise BadInput(f"{title} is damaged: {name} holds values that are no numbers (NaN or infinity)", code="weights.not_finite")

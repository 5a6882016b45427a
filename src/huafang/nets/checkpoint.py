"""Published state dicts into our networks: checked by name and shape, and refused with what came and what is allowed."""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from huafang.errors import BadInput
from huafang.models import kinds, modelfile
from huafang.models.tensorfile import plain_names


def read(path: Path) -> dict[str, Tensor]:
    """The tensors of `path` as float32, without the prefixes that trainers leave (`tensorfile.plain_names`).

    Raises as `weights.load` does, and BadInput for a folder.
    """
    if path.is_dir():
        raise BadInput(f"{path.name} is a folder, and one .safetensors file is wanted", code="weights.other_net")
    state = {key: tensor.float() if tensor.is_floating_point() else tensor for key, tensor in modelfile.load(path).items()}
    return dict(zip(plain_names(list(state))[0], state.values(), strict=True))


def fill(net: nn.Module, state: Mapping[str, Tensor], name: str, kind: str) -> None:
    """Load `state` into `net`. Raises BadInput that says of the file `name` what it lacks, has too much or in another shape to be a `kind`."""
    wanted = net.state_dict()
    missing, extra = [key for key in wanted if key not in state], [key for key in state if key not in wanted]
    bent = [key for key in wanted if key in state and wanted[key].shape != state[key].shape]
    said = []
    if missing:
        said.append(f"it lacks {_few(missing)}")
    if extra:
        said.append(f"it has {_few(extra)}, which is no part of one")
    if bent:
        said.append(f"its {bent[0]} is {tuple(state[bent[0]].shape)} where {tuple(wanted[bent[0]].shape)} belongs")
    if said:
        raise BadInput(f"{name} is no {kind}: {'; '.join(said)}", code="weights.other_net", hint=_other(state, wanted))
    net.load_state_dict(dict(state))
    net.eval().requires_grad_(False)


def unknown(name: str, state: Mapping[str, Tensor], allowed: str) -> BadInput:
    """The refusal of a file whose keys are of none of the layouts in `allowed`."""
    return BadInput(
        f"{name} holds {len(state)} tensors ({_few(list(state))}) of a network that is not known here; allowed are {allowed}",
        code="weights.other_net",
        hint=kinds.run_by(kinds.kind_of(state)),
    )


def _other(state: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> str | None:
    """The method that runs the network of `state`, where it is one of another sort than the one that is `wanted`."""
    kind = kinds.kind_of(state)
    return kinds.run_by(kind) if kind != kinds.kind_of(wanted) else None


def _few(keys: list[str]) -> str:
    return ", ".join(keys[:3]) + (f" and {len(keys) - 3} more" if len(keys) > 3 else "")

"""Chen et al. 2020 and after: see `nets/animegan.py`, `nets/animegan_v3.py` and `nets/anime_reference.py` for the networks.

Which of them a file holds is told by the names of its tensors.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor, nn

from huafang.context import Context, Result
from huafang.kernels.layers import Ranged
from huafang.methods.animegan import AnimeGan
from huafang.models import kinds
from huafang.nets import anime_reference, animegan, animegan_v3, checkpoint, feedforward
from huafang.notes import Note


@dataclass(frozen=True)
class Variant:
    """A sort of generator, RGB in [-1, 1] in and out. `build` takes its state dict, the file's name, and which variant is wanted."""

    build: Callable[[dict[str, Tensor], str, AnimeGan], nn.Module]
    least_side: int
    multiple: int


def _v3(state: dict[str, Tensor], name: str, p: AnimeGan) -> nn.Module:
    net = animegan_v3.build(state, name, p.tail)
    return nn.Sequential(net, animegan_v3.SelfGuided()) if p.tail == "support" else net


VARIANTS = {
    "v2": Variant(
        lambda state, name, p: animegan.build(state, name, p.upsampling),
        animegan.LEAST_SIDE,
        animegan.MULTIPLE,
    ),
    "v3": Variant(_v3, animegan_v3.LEAST_SIDE, animegan_v3.MULTIPLE),
    "reference": Variant(
        lambda state, name, p: anime_reference.build(state, name),
        anime_reference.LEAST_SIDE,
        anime_reference.MULTIPLE,
    ),
}
"""By the family that the table of model kinds tells."""
ALLOWED = f"{animegan.ALLOWED}, {animegan_v3.ALLOWED}, and what train_animegan makes"


class Painter(nn.Sequential):
    """A generator for (1, 3, H, W) sRGB in [0, 1], giving the same."""

    def __init__(self, family: str, variant: Variant, net: nn.Module) -> None:
        super().__init__(Ranged(2.0, -1.0), net, Ranged(0.5, 0.5))
        self.family, self.variant = family, variant


def run(p: AnimeGan, ctx: Context) -> Result:
    """Raises MissingWeights, BadInput for another network's weights, Cancelled."""
    net = feedforward.resident(ctx, f"animegan {p.upsampling} {p.tail}", p.weights, lambda path: load(path, p))
    result = feedforward.restyle(ctx, net, p, least=net.variant.least_side, multiple=net.variant.multiple)
    title = kinds.FAMILIES[net.family]
    return replace(result, notes=[*result.notes, Note(f"{p.weights} is a generator of {title}", f"{p.weights} 是 {title.zh} 的生成器。")])


def load(path: Path, p: AnimeGan) -> Painter:
    """The network of `path`, whichever of the VARIANTS it is. Raises BadInput for another network."""
    state = checkpoint.read(path)
    row = kinds.recognise(state.keys())
    if row.name != "animegan" or row.family not in VARIANTS:
        raise checkpoint.unknown(path.name, state, ALLOWED)
    variant = VARIANTS[row.family]
    return Painter(row.family, variant, variant.build(state, path.name, p)).eval().requires_grad_(False)

"""Textual inversions (Gal et al., ICLR 2023): vectors that stand in a prompt where words stand. Neither the tokenizer nor the network is changed.

A word takes as many positions of a chunk as it has vectors. While a chunk is read, the output of the network's layer of words is replaced at these
positions; when the text encoder has read it, nothing of that is left.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from huafang.diffusion.model.load import Model
from huafang.diffusion.prompt import embedding_files
from huafang.diffusion.prompt.embedding_files import Found
from huafang.errors import BadInput
from huafang.models import tensorfile


@dataclass(frozen=True, eq=False)
class Vectors:
    """A word's vectors, (n, width) float32 for each text encoder of a model."""

    word: str
    sides: tuple[Tensor, ...]

    def __len__(self) -> int:
        return len(self.sides[0])


def fitted(model: Model, found: Mapping[str, Found]) -> dict[str, Vectors]:
    """The vectors of the words `found` for `model`. Raises BadInput (`embedding.other_family`) for words of another model's width.

    BadInput (`weights.wrong_kind`) for a word of more vectors than the text encoder reads at once.
    """
    loaded: dict[Any, dict[str, Tensor]] = {}
    made: dict[Found, Vectors] = {}
    for one in found.values():
        if one in made:
            continue
        if one.path not in loaded:
            loaded[one.path] = tensorfile.load(one.path, any_name=True)
        made[one] = Vectors(one.word, tuple(_sides(model, one, loaded[one.path])))
    return {word: made[one] for word, one in found.items()}


def _sides(model: Model, one: Found, state: Mapping[str, Tensor]) -> Iterator[Tensor]:
    widths = [_words(encoder.model).weight.shape[1] for encoder in model.encoders]
    order = ("clip_l", "clip_g")[: len(widths)]
    by_side = {tensor.side: state[tensor.key].float().reshape(tensor.vectors, tensor.width) for tensor in one.tensors}
    if len(widths) == 1 and "" in by_side:
        by_side = {"clip_l": by_side[""]}
    if [by_side[side].shape[1] if side in by_side else None for side in order] != widths or len(by_side) != len(widths):
        own = " and ".join(str(width) for width in widths)
        other = embedding_files.family(one.tensors)
        its = " and ".join(str(width) for width in sorted({tensor.width for tensor in one.tensors}))
        raise BadInput(
            f"the embedding {one.word} does not fit this model: it is for {other} (vectors of {its} numbers), and this model reads words of {own}",
            code="embedding.other_family",
            hint=f"take {one.word} out of the prompts, or choose a model of its family",
        )
    vectors = [by_side[side] for side in order]
    reads = model.encoders[0].chunk
    if len({len(side) for side in vectors}) > 1 or len(vectors[0]) > reads:
        raise BadInput(
            f"the embedding {one.word} has {', '.join(str(len(side)) for side in vectors)} vectors; the text encoder reads {reads} at once",
            code="weights.wrong_kind",
        )
    yield from vectors


def _words(network: Any) -> Any:
    """The layer of a text encoder that gives a vector for each token."""
    return network.get_input_embeddings()


@contextmanager
def placed(network: Any, places: Sequence[tuple[int, int, Tensor]]) -> Iterator[None]:
    """Within it, `network` reads at each place (row, position) the vectors (n, width) instead of its tokens' own."""
    if not places:
        yield
        return

    def replace(layer: Any, given: Any, words: Tensor) -> Tensor:
        changed = words.clone()
        for row, position, vectors in places:
            changed[row, position : position + len(vectors)] = vectors.to(words)
        return changed

    hook = _words(network).register_forward_hook(replace)
    try:
        yield
    finally:
        hook.remove()

"""What the UNet is asked at each step: prompts as the text encoders read them, and whatever else a method gives it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from torch import Tensor


@dataclass(frozen=True, eq=False)
class Encoded:
    """A prompt as it was encoded: `embeds` (1, T, C), for CLIP T = 77 · chunks; for XL also `pooled` (1, P).

    `attention` holds more tensors, (1, …) each, for the UNet's attention layers (`cross_attention_kwargs`), such as the tokens of a picture.
    """

    embeds: Tensor
    pooled: Tensor | None = None
    attention: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Track:
    """One prompt over all steps: `parts` are (end, encoding), in order; an encoding holds for the steps before its `end`, counted from 0."""

    parts: tuple[tuple[int, Encoded], ...]
    weight: float = 1.0

    def at(self, step: int) -> Encoded:
        """The encoding for `step`; behind the last end, the last one."""
        return next((encoded for end, encoded in self.parts if step < end), self.parts[-1][1])


@dataclass(frozen=True)
class StepConditioning:
    """What is asked at one step: the prompts with their weights, and the one that is steered away from, None without guidance."""

    wanted: tuple[tuple[Encoded, float], ...]
    unwanted: Encoded | None = None


@dataclass(frozen=True)
class Conditioning:
    """The prompts of a picture; several `wanted` ones are composed (`AND`). `channels` (1, K, h, w) are laid under the latents: inpainting models want some."""

    wanted: tuple[Track, ...]
    unwanted: Track | None = None
    chunks: int = 1
    channels: Tensor | None = None

    @property
    def guided(self) -> bool:
        return self.unwanted is not None

    def at(self, step: int) -> StepConditioning:
        """What is asked at `step`, from 0. Steps that ask the same give equal values."""
        return StepConditioning(
            tuple((track.at(step), track.weight) for track in self.wanted),
            None if self.unwanted is None else self.unwanted.at(step),
        )

    def with_channels(self, channels: Tensor) -> "Conditioning":
        """The same with `channels`, (1, K, h, w), under the latents."""
        return replace(self, channels=channels)

    def tensors(self) -> list[Tensor]:
        """All that was encoded, each tensor once."""
        tracks = (*self.wanted, *([self.unwanted] if self.unwanted else []))
        found = [tensor for track in tracks for _, one in track.parts for tensor in (one.embeds, one.pooled, *one.attention.values()) if tensor is not None]
        return list({id(tensor): tensor for tensor in found}.values())

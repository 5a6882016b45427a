"""Where the UNet looks for each token: its cross-attention maps (Hertz et al., Prompt-to-Prompt, ICLR 2023; Tang et al., DAAM, ACL 2023)."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class AttentionMaps:
    """Cross-attention of one prompt of the batch, averaged over heads and layers, and over the calls of the UNet since the last `take`."""

    def __init__(self, row: int, size: tuple[int, int]) -> None:
        self.row, self.size = row, size
        self._sum: Tensor | None = None
        self._count = 0

    def take(self) -> Tensor:
        """(T, h, w) float32 on the CPU: the share of its attention that each latent gives to each token. At each latent the shares add up to 1."""
        if self._sum is None:
            raise RuntimeError("the UNet was not called")
        maps, self._sum, self._count = (self._sum / self._count).cpu(), None, 0
        return maps

    def add(self, attention: Any, states: Tensor, tokens: Tensor) -> None:
        """Add the map of one layer. `states` (B, N, C) are what it looks from, `tokens` (B, T, D) what it looks at."""
        queries, keys = (
            layer(part[self.row]).float().unflatten(1, (attention.heads, -1)).transpose(0, 1)  # (heads, N or T, d)
            for layer, part in ((attention.to_q, states), (attention.to_k, tokens))
        )
        shares = torch.softmax(queries @ keys.transpose(1, 2) * attention.scale, dim=-1).mean(0)  # (N, T)
        maps = shares.T.unflatten(1, self._shape(len(shares)))
        maps = F.interpolate(maps[None], size=self.size, mode="bilinear", align_corners=False)[0]
        self._sum = maps if self._sum is None else self._sum + maps
        self._count += 1

    def _shape(self, positions: int) -> tuple[int, int]:
        """Height and width of a layer's map with so many positions: the latents', halved a few times and rounded up."""
        height, width = self.size
        while height * width > positions:
            height, width = -(-height // 2), -(-width // 2)
        if height * width != positions:
            raise RuntimeError(f"a map of {positions} positions does not belong to latents of {self.size[0]} × {self.size[1]}")
        return height, width


@contextmanager
def recorded(unet: nn.Module, row: int, size: tuple[int, int]) -> Iterator[AttentionMaps]:
    """Record where the UNet looks while it draws latents of `size` (height, width); `row` is the prompt's place in the batch. The drawing stays as it is."""
    maps = AttentionMaps(row, size)

    def record(attention: nn.Module, args: tuple[Tensor, ...], kwargs: dict[str, Any]) -> None:
        tokens = kwargs.get("encoder_hidden_states")
        if tokens is not None:
            maps.add(attention, args[0] if args else kwargs["hidden_states"], tokens)

    hooks = [part.register_forward_pre_hook(record, with_kwargs=True) for name, part in unet.named_modules() if name.endswith(".attn2")]
    try:
        yield maps
    finally:
        for hook in hooks:
            hook.remove()

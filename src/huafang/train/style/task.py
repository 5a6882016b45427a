"""What the tasks of this folder have in common: one network, one Adam, and a loss network that looks at what is painted."""

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from huafang.errors import Diverged
from huafang.ops.dtypes import autocast
from huafang.train import loop
from huafang.train.style import losses
from huafang.train.style.album import Album
from huafang.train.style.losses import Looks

WARMUP = 20
LOST_IN_A_ROW = 50
"""So many steps without one that was taken, and training is at its end."""
N = TypeVar("N", bound=nn.Module)


class StyleTask(Generic[N]):
    """The half of a `loop.Task` that is the same for each of them. `photos` are learnt on, `batch` at a time; `balance` weighs the parts of the loss."""

    optimizer: torch.optim.Optimizer

    def __init__(
        self,
        net: N,
        photos: Album,
        looks: Looks,
        *,
        seed: int,
        steps: int,
        batch: int,
        rate: float,
        device: str,
        balance: Mapping[str, float],
        facts: Mapping[str, Any],
    ) -> None:
        self.net = losses.laid_out(net, device).requires_grad_(True).train()
        self.photos, self.looks, self.balance = photos, looks, dict(balance)
        self._lost = 0
        self.seed, self.steps, self.batch, self.rate, self.device, self._facts = seed, steps, batch, rate, device, dict(facts)

    @property
    def modules(self) -> Mapping[str, nn.Module]:
        return {"net": self.net}

    @property
    def optimizers(self) -> Mapping[str, torch.optim.Optimizer]:
        return {"adam": self.optimizer}

    @property
    def facts(self) -> Mapping[str, Any]:
        return {**self._facts, "seed": self.seed, "batch": self.batch, "size": self.photos.size, "balance": self.balance}

    def dice(self, number: int, what: str) -> torch.Generator:
        return loop.generator(self.seed, number, what)

    def set_rate(self, number: int) -> None:
        loop.set_rate(self.optimizer, self.rate * loop.rate(number, self.steps, warmup=WARMUP))

    def seen(self, pixels: Tensor) -> list[Tensor]:
        """(B, 3, H, W) in about [0, 1] -> what the loss network makes of it."""
        with autocast(self.device):
            return self.looks.features(pixels.contiguous(memory_format=torch.channels_last))

    def descend(self, parts: Mapping[str, Tensor], *, clip: float, lost: float | None = None) -> dict[str, float]:
        """One step of Adam down the balanced sum of `parts`, with a gradient of the norm `clip` at the most. Gives the figures.

        Where the norm is `lost` times the loss or above, or no number, no step is taken, and there are no figures. Raises Diverged where that has gone on for
        `LOST_IN_A_ROW` steps.
        """
        loss = torch.stack([self.balance[name] * part for name, part in parts.items()]).sum()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm, reached = float(nn.utils.clip_grad_norm_(self.net.parameters(), clip)), float(loss.detach())
        if lost is not None and not norm < lost * reached:
            self._lost += 1
            if self._lost >= LOST_IN_A_ROW:
                raise Diverged(
                    f"training broke down: no step of the last {self._lost} could be taken (loss {reached:.3g}, gradient {norm:.3g})",
                    hint="begin anew, under another name, with a smaller learning rate or with other pictures",
                )
            return {}
        self._lost = 0
        self.optimizer.step()
        return {"loss": reached, **{name: float(part.detach()) for name, part in parts.items()}, "norm": norm}

"""MicroAST (Wang et al. 2023) learnt from any photos and any paintings: the task of the built-in network for arbitrary styles."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from huafang.nets import micro_ast
from huafang.nets.micro_ast import MicroAST, Signals
from huafang.train import loop
from huafang.train.ema import Ema
from huafang.train.style import losses
from huafang.train.style.album import Album
from huafang.train.style.losses import Looks

CLIP, WARMUP = 1.0, 20
LOST = 1e3
"""A gradient of this norm comes from a map that is all but flat, whose rounding AdaIN has blown up: no step is taken. Usual ones are below 100."""
CONTRAST_EVERY = 4
"""The contrastive part reads the results once more, which is a fifth of a step: it is taken once in so many."""


@dataclass(frozen=True)
class Balance:
    """Weights of the parts of the loss. `same` is the share of pairs in which a photo is its own painting, and should come out as it is."""

    content: float = 1.0
    style: float = 3.0
    colour: float = 1.0
    contrast: float = 0.1
    roughness: float = 0.1
    same: float = 0.1
    unchanged: float = 5.0


class ArbitraryTask:
    """A step takes `batch` photos and as many paintings."""

    def __init__(
        self,
        photos: Album,
        paintings: Album,
        looks: Looks,
        samples: tuple[Tensor, Tensor],
        *,
        seed: int,
        steps: int,
        batch: int,
        rate: float,
        device: str,
        balance: Balance,
        start: MicroAST | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        self.net = losses.laid_out(start or micro_ast.fresh(seed), device).requires_grad_(True).train()
        self.photos, self.paintings, self.looks, self.samples, self.balance = photos, paintings, looks, samples, balance
        self.seed, self.steps, self.batch, self.rate, self.device, self._facts = seed, steps, batch, rate, device, dict(facts or {})
        self.ema = Ema(self.net, 0.998)
        self.optimizer = torch.optim.Adam(_groups(self.net), lr=rate, betas=(0.9, 0.99), fused=True)
        self.scales = losses.scales(self._features(paintings.crops(16, loop.generator(seed, 0, "scales"), tinted=0.5).to(device)))

    @property
    def modules(self) -> Mapping[str, nn.Module]:
        return {"net": self.net, "ema": self.ema.module}

    @property
    def optimizers(self) -> Mapping[str, torch.optim.Optimizer]:
        return {"adam": self.optimizer}

    @property
    def facts(self) -> Mapping[str, Any]:
        return {**self._facts, "seed": self.seed, "batch": self.batch, "size": self.photos.size, "balance": asdict(self.balance)}

    def step(self, number: int) -> dict[str, float]:
        photos, paintings, same = self._pairs(loop.generator(self.seed, number, "pairs"))
        loop.set_rate(self.optimizer, self.rate * loop.rate(number, self.steps, warmup=WARMUP))
        with losses.halves(self.device):
            told = self.net.signals(paintings)
            painted = self.net(photos, told).float()
        window = losses.window(self.photos.size, loop.generator(self.seed, number, "window"))
        seen = self._features(painted[window])
        with torch.no_grad():
            of_photos, of_paintings = self._features(photos[window]), self._features(paintings[window])
        parts = {
            "content": losses.content_distance(seen, of_photos, self.scales, self.looks.content),
            "style": losses.style_distance(seen, of_paintings, self.scales),
            "colour": losses.colour_distance(painted, paintings),
            "roughness": losses.roughness(painted),
        }
        if self.balance.contrast and number % CONTRAST_EVERY == 0 and self.batch > 1:
            with losses.halves(self.device):
                heard = self.net.signals(painted)
            parts["contrast"] = losses.contrast(_flat(heard), _flat(told).detach())
        if same.any():
            parts["unchanged"] = (painted[same] - photos[same]).abs().mean()
        loss = torch.stack([getattr(self.balance, name) * part for name, part in parts.items()]).sum()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = float(nn.utils.clip_grad_norm_(self.net.parameters(), CLIP))
        if norm < LOST:
            self.optimizer.step()
        self.ema.update(self.net, number)
        return {"loss": float(loss.detach()), **{name: float(part.detach()) for name, part in parts.items()}, "norm": norm}

    @torch.no_grad()
    def sample(self) -> Tensor:
        """A row for each sample photo: itself, then after each sample painting; the paintings stand above."""
        photos, paintings = self.samples
        rows = [torch.cat([torch.ones_like(photos[0]), *paintings], dim=2)]
        for photo in photos:
            painted = [self.ema.module.styled(self.ema.module.style(one[None].to(self.device)))(photo[None].to(self.device))[0] for one in paintings]
            rows.append(torch.cat([photo, *(one.clamp(0, 1).cpu() for one in painted)], dim=2))
        return torch.cat(rows, dim=1)[None]

    def _pairs(self, dice: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        photos = self.photos.crops(self.batch, dice, tinted=0.25)
        paintings = self.paintings.crops(self.batch, dice, tinted=0.6)
        same = torch.rand(self.batch, generator=dice) < self.balance.same
        paintings = torch.where(same.view(-1, 1, 1, 1), photos, paintings)
        return *(one.to(self.device, memory_format=torch.channels_last) for one in (photos, paintings)), same.to(self.device)  # type: ignore[return-value]

    def _features(self, pixels: Tensor) -> list[Tensor]:
        with losses.halves(self.device):
            return self.looks.features(pixels.contiguous(memory_format=torch.channels_last))


def _groups(net: nn.Module) -> list[dict[str, Any]]:
    """Parameters by how many inputs they sum over, each group with its share of the learning rate.

    Adam moves every weight by about the rate. A convolution of 9 × 9 × 16 inputs, all of them positive, would change a pixel 144 times as much as one of 3 × 3:
    its rate goes down with the root of their number.
    """
    shares: dict[float, list[nn.Parameter]] = {}
    for parameter in net.parameters():
        inputs = parameter[0].numel() if parameter.dim() > 1 else 9
        shares.setdefault(min(1.0, (9 / inputs) ** 0.5), []).append(parameter)
    return [{"params": held, "share": share} for share, held in shares.items()]


def _flat(told: Signals) -> Tensor:
    """The modulations, (B, 256): what MicroAST calls the style signal."""
    return torch.cat([one.flatten(1) for pair in told.modulations for one in pair], dim=1)

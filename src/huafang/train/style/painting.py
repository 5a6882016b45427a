"""A network for one painting (Johnson et al. 2016, with instance norm), learnt from that painting and any photos."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from huafang.nets.transformer_net import TransformerNet
from huafang.ops.gram import gram
from huafang.train import loop
from huafang.train.style import losses
from huafang.train.style.album import Album
from huafang.train.style.losses import Looks

CLIP, WARMUP = 10.0, 20


@dataclass(frozen=True)
class Balance:
    """Weights of the parts of the loss."""

    content: float = 1.0
    style: float = 1.0
    roughness: float = 0.1


class PaintingTask:
    """A step takes `batch` photos. `painting` is (1, 3, H, W) in [0, 1], at the size at which its strokes are wanted in pictures of the album's size."""

    def __init__(
        self,
        photos: Album,
        painting: Tensor,
        looks: Looks,
        samples: Tensor,
        *,
        seed: int,
        steps: int,
        batch: int,
        rate: float,
        device: str,
        balance: Balance,
        start: TransformerNet | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        torch.manual_seed(seed)
        self.net = losses.laid_out(start or TransformerNet(), device).requires_grad_(True).train()
        self.photos, self.looks, self.samples, self.balance = photos, looks, samples, balance
        self.seed, self.steps, self.batch, self.rate, self.device, self._facts = seed, steps, batch, rate, device, dict(facts or {})
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=rate, fused=True)
        with torch.no_grad():
            wanted = self._features(painting.to(device))
            self.scales = losses.scales(self._features(photos.crops(8, loop.generator(seed, 0, "scales")).to(device)))
            self.grams = [gram(wanted[place].float()) for place in looks.style]

    @property
    def modules(self) -> Mapping[str, nn.Module]:
        return {"net": self.net}

    @property
    def optimizers(self) -> Mapping[str, torch.optim.Optimizer]:
        return {"adam": self.optimizer}

    @property
    def facts(self) -> Mapping[str, Any]:
        return {**self._facts, "seed": self.seed, "batch": self.batch, "size": self.photos.size, "balance": asdict(self.balance)}

    def step(self, number: int) -> dict[str, float]:
        photos = self.photos.crops(self.batch, loop.generator(self.seed, number, "photos")).to(self.device, memory_format=torch.channels_last)
        loop.set_rate(self.optimizer, self.rate * loop.rate(number, self.steps, warmup=WARMUP))
        painted = self._painted(photos)
        window = losses.window(self.photos.size, loop.generator(self.seed, number, "window"))
        seen = self._features(painted[window])
        with torch.no_grad():
            wanted = self._features(photos[window])
        parts = {
            "content": losses.content_distance(seen, wanted, self.scales, self.looks.content),
            "style": losses.gram_distance([seen[place] for place in self.looks.style], self.grams),
            "roughness": losses.roughness(painted),
        }
        loss = torch.stack([getattr(self.balance, name) * part for name, part in parts.items()]).sum()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = float(nn.utils.clip_grad_norm_(self.net.parameters(), CLIP))
        self.optimizer.step()
        return {"loss": float(loss.detach()), **{name: float(part.detach()) for name, part in parts.items()}, "norm": norm}

    @torch.no_grad()
    def sample(self) -> Tensor:
        """The sample photos above, and painted below."""
        painted = self._painted(self.samples.to(self.device)).clamp(0, 1).cpu()
        return torch.cat([torch.cat(list(row), dim=2) for row in (self.samples, painted)], dim=1)[None]

    def _painted(self, photos: Tensor) -> Tensor:
        """(B, 3, H, W) in [0, 1] -> about [0, 1]; the network itself takes and gives [0, 255]."""
        with losses.halves(self.device):
            y: Tensor = self.net(photos * 255)
        return y.float() / 255

    def _features(self, pixels: Tensor) -> list[Tensor]:
        with losses.halves(self.device):
            return self.looks.features(pixels.contiguous(memory_format=torch.channels_last))

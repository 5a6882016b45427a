"""A network for one painting (Johnson et al. 2016, with instance norm), learnt from that painting and any photos."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from huafang.nets.transformer_net import TransformerNet
from huafang.ops.dtypes import autocast
from huafang.ops.gram import gram
from huafang.train.style import album, losses
from huafang.train.style.album import Album
from huafang.train.style.losses import Looks
from huafang.train.style.task import StyleTask

CLIP = 10.0


@dataclass(frozen=True)
class Balance:
    """Weights of the parts of the loss."""

    content: float = 1.0
    style: float = 1.0
    roughness: float = 0.1


class PaintingTask(StyleTask[TransformerNet]):
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
        net = start or TransformerNet()
        super().__init__(net, photos, looks, seed=seed, steps=steps, batch=batch, rate=rate, device=device, balance=asdict(balance), facts=facts or {})
        self.samples = samples
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=rate, fused=True)
        with torch.no_grad():
            wanted = self.seen(painting.to(device))
            self.scales = losses.scales(self.seen(photos.crops(8, self.dice(0, "scales")).to(device)))
            self.grams = [gram(wanted[place].float()) for place in looks.style]

    def step(self, number: int) -> dict[str, float]:
        photos = self.photos.crops(self.batch, self.dice(number, "photos")).to(self.device, memory_format=torch.channels_last)
        self.set_rate(number)
        painted = self._painted(photos)
        window = losses.window(self.photos.size, self.dice(number, "window"))
        seen = self.seen(painted[window])
        with torch.no_grad():
            wanted = self.seen(photos[window])
        parts = {
            "content": losses.content_distance(seen, wanted, self.scales, self.looks.content),
            "style": losses.gram_distance([seen[place] for place in self.looks.style], self.grams),
            "roughness": losses.roughness(painted),
        }
        return self.descend(parts, clip=CLIP)

    def sample(self) -> Tensor:
        return self.sheet(self.painted())

    @torch.no_grad()
    def painted(self) -> Tensor:
        """The sample photos, painted: (B, 3, H, W) in [0, 1]."""
        return self._painted(self.samples.to(self.device)).clamp(0, 1).cpu()

    def sheet(self, painted: Tensor) -> Tensor:
        """The sample photos above, and painted below."""
        return album.sheet(self.samples, painted)

    def _painted(self, photos: Tensor) -> Tensor:
        """(B, 3, H, W) in [0, 1] -> about [0, 1]; the network itself takes and gives [0, 255]."""
        with autocast(self.device):
            y: Tensor = self.net(photos * 255)
        return y.float() / 255

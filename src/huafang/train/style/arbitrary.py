"""MicroAST (Wang et al. 2023) learnt from any photos and any paintings: the task of the built-in network for arbitrary styles."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from huafang.nets import micro_ast
from huafang.nets.micro_ast import MicroAST, Signals
from huafang.train.ema import Ema
from huafang.train.style import album, losses
from huafang.train.style.album import Album
from huafang.train.style.losses import Looks
from huafang.train.style.task import StyleTask

CLIP = 1.0
LOST = 500.0
"""A gradient whose norm is so many times the loss comes from a map that is all but flat, whose rounding AdaIN has blown up (1e3 to 1e8 times were seen):
no step is taken. Usual ones are below 100, and below 310 with a network that knows nothing yet and a batch of one, whatever the weights of the loss.

The network learns in float32 for the same reason: in bfloat16 one step in ten came to this after a few thousand, and then training broke down.
"""
GRID, BORDER = 4, 12
"""Pixels in a place of the network's maps; and of what is seen otherwise at another border."""
GRAIN = 0.03
"""Deviation of the grain that the network must not be misled by: that of a photo taken in the evening."""
CONTRAST_EVERY = 4
"""The contrastive part reads the results once more, which is a fifth of a step: it is taken once in so many."""


@dataclass(frozen=True)
class Balance:
    """Weights of the parts of the loss. `same` is the share of pairs in which a photo is its own painting, and should come out as it is."""

    content: float = 1.0
    style: float = 8.0
    texture: float = 8.0
    colour: float = 5.0
    contrast: float = 0.1
    roughness: float = 0.1
    unrest: float = 300.0
    flicker: float = 300.0
    same: float = 0.1
    unchanged: float = 5.0


class ArbitraryTask(StyleTask[MicroAST]):
    """A step takes `batch` photos and as many paintings. The loss network reckons in bfloat16, the one that learns in float32."""

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
        net = start or micro_ast.fresh(seed)
        super().__init__(net, photos, looks, seed=seed, steps=steps, batch=batch, rate=rate, device=device, balance=asdict(balance), facts=facts or {})
        self.paintings, self.samples = paintings, samples
        self.ema = Ema(self.net, 0.998)
        self.optimizer = torch.optim.Adam(_groups(self.net), lr=rate, betas=(0.9, 0.99), fused=True)
        self.scales = losses.scales(self.seen(paintings.crops(16, self.dice(0, "scales"), tinted=0.5).to(device)))

    @property
    def modules(self) -> Mapping[str, nn.Module]:
        return {"net": self.net, "ema": self.ema.module}

    def step(self, number: int) -> dict[str, float]:
        photos, paintings, same = self._pairs(self.dice(number, "pairs"))
        self.set_rate(number)
        told = self.net.signals(paintings)
        painted = self.net(photos, told)
        window = losses.window(self.photos.size, self.dice(number, "window"))
        seen = self.seen(painted[window])
        with torch.no_grad():
            of_photos, of_paintings = self.seen(photos[window]), self.seen(paintings[window])
        parts = {
            "content": losses.content_distance(seen, of_photos, self.scales, self.looks.content),
            "style": losses.style_distance(seen, of_paintings, self.scales),
            "texture": losses.texture_distance(seen, of_paintings),
            "colour": losses.colour_distance(painted, paintings),
            "roughness": losses.roughness(painted),
            "unrest": losses.unrest(painted, photos),
        }
        if self.balance["flicker"]:
            parts["flicker"] = self._flicker(photos, painted, told, self.dice(number, "shift"))
        if self.balance["contrast"] and number % CONTRAST_EVERY == 0 and self.batch > 1:
            parts["contrast"] = losses.contrast(_flat(self.net.signals(painted)), _flat(told).detach())
        if same.any():
            parts["unchanged"] = (painted[same] - photos[same]).abs().mean()
        figures = self.descend(parts, clip=CLIP, lost=LOST)
        self.ema.update(self.net, number)
        return figures

    def _flicker(self, photos: Tensor, painted: Tensor, told: Signals, dice: torch.Generator) -> Tensor:
        """How far the results of half of the photos change when these are moved by less than the network's grid of `GRID` pixels and take some grain: mean
        squared difference.

        Left to itself, the network makes a regular hatch of what grain there is in flat places, which the loss network takes for texture; and films flicker.
        """
        count, side = (len(photos) + 1) // 2, photos.shape[2] - GRID
        y, x = torch.randint(GRID, (2,), generator=dice).tolist()
        moved = photos[:count, :, y : y + side, x : x + side]
        grain = GRAIN * torch.randn(moved.shape, generator=dice).to(moved)
        apart = self.net(moved + grain, told.first(count)) - painted[:count, :, y : y + side, x : x + side]
        lies: Tensor = apart[:, :, BORDER:-BORDER, BORDER:-BORDER].square().mean()
        return lies

    def sample(self) -> Tensor:
        return self.sheet(self.painted())

    @torch.no_grad()
    def painted(self) -> Tensor:
        """Each sample photo after each sample painting, photo by photo: (B, 3, H, W) in [0, 1]."""
        net, (photos, paintings) = self.ema.module, (one.to(self.device) for one in self.samples)
        return torch.cat([net.styled(net.style(painting[None]))(photo[None]).clamp(0, 1).cpu() for photo in photos for painting in paintings])

    def sheet(self, painted: Tensor) -> Tensor:
        """A row for each sample photo: itself, then after each sample painting; the paintings stand above."""
        photos, paintings = self.samples
        rows = [torch.cat([photo[None], after]) for photo, after in zip(photos, painted.split(len(paintings)), strict=True)]
        return album.sheet(torch.cat([torch.ones_like(photos[:1]), paintings]), *rows)

    def _pairs(self, dice: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        photos = self.photos.crops(self.batch, dice, tinted=0.25)
        paintings = self.paintings.crops(self.batch, dice, tinted=0.6)
        same = torch.rand(self.batch, generator=dice) < self.balance["same"]
        paintings = torch.where(same.view(-1, 1, 1, 1), photos, paintings)
        return *(one.to(self.device, memory_format=torch.channels_last) for one in (photos, paintings)), same.to(self.device)  # type: ignore[return-value]


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

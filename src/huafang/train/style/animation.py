"""A network that turns photos into drawings, learnt from photos and drawings that do not belong together: AnimeGAN (Chen, Liu & Chen 2020).

A discriminator learns what drawings look like; the generator learns to pass for one and to keep what the photo shows. Which parts of the loss there are is a
matter of their weights: a part of weight 0 is not reckoned.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from huafang.nets import vgg
from huafang.nets.anime_discriminator import Discriminator
from huafang.ops import colour
from huafang.ops.canny import softened
from huafang.ops.dtypes import autocast
from huafang.ops.gram import gram
from huafang.train import loop
from huafang.train.style import album, losses
from huafang.train.style.album import Album
from huafang.train.style.losses import Looks, N
from huafang.train.style.task import StyleTask

CLIP = 10.0
BETAS = (0.5, 0.999)
YUV = torch.tensor([[0.299, 0.587, 0.114], [-0.14714119, -0.28886916, 0.43601035], [0.61497538, -0.51496512, -0.10001026]])
"""ITU-R BT.470, as TensorFlow's rgb_to_yuv has it."""


@dataclass(frozen=True)
class Balance:
    """Weights of the parts of the loss: the generator's, and behind them the discriminator's.

    `real` drawings should be told to be drawings, and none of the others: `painted` photos, drawings in `grey`, grey drawings whose edges are `soft`.
    """

    content: float = 1.0
    adversarial: float = 1.0
    style: float = 0.0
    colour: float = 0.0
    roughness: float = 0.0
    real: float = 1.0
    painted: float = 1.0
    grey: float = 0.0
    soft: float = 0.0


@dataclass(frozen=True)
class Pace:
    """Learning rates of the two networks. In the first `alone` steps the generator learns content alone, at `rate_alone`."""

    rate: float
    discriminator_rate: float
    rate_alone: float
    alone: int = 0


class AnimationTask(StyleTask[nn.Module]):
    """A step takes `batch` photos and as many drawings; both albums have one size. `net` takes and gives RGB in [-1, 1]."""

    def __init__(
        self,
        net: nn.Module,
        discriminator: Discriminator,
        photos: Album,
        drawings: Album,
        looks: Looks,
        samples: Tensor,
        *,
        seed: int,
        steps: int,
        batch: int,
        pace: Pace,
        device: str,
        balance: Balance,
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(net, photos, looks, seed=seed, steps=steps, batch=batch, rate=pace.rate, device=device, balance=asdict(balance), facts=facts or {})
        self.drawings, self.samples, self.pace = drawings, samples, pace
        self.discriminator = losses.laid_out(discriminator, device).requires_grad_(True).train()
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=pace.rate, betas=BETAS, fused=True)
        self.discriminator_optimizer = torch.optim.Adam(self.discriminator.parameters(), lr=pace.discriminator_rate, betas=BETAS, fused=True)
        self.scales = losses.scales(self.seen(photos.crops(8, self.dice(0, "scales")).to(device)))

    @property
    def modules(self) -> Mapping[str, nn.Module]:
        return {"net": self.net, "discriminator": self.discriminator}

    @property
    def optimizers(self) -> Mapping[str, torch.optim.Optimizer]:
        return {"adam": self.optimizer, "discriminator": self.discriminator_optimizer}

    @property
    def facts(self) -> Mapping[str, Any]:
        return {**super().facts, "alone": self.pace.alone}

    def step(self, number: int) -> dict[str, float]:
        photos = self.photos.crops(self.batch, self.dice(number, "photos")).to(self.device, memory_format=torch.channels_last)
        alone = number < self.pace.alone
        painted = self._painted(photos)
        window = losses.window(self.photos.size, self.dice(number, "window"))
        seen = self.seen(painted[window])
        with torch.no_grad():
            wanted = self.seen(photos[window])
        parts = {"content": _mean([content_gap(seen[place], wanted[place], self.scales[place]) for place in self.looks.content])}
        judged = {}
        if not alone:
            drawings = self.drawings.crops(self.batch, self.dice(number, "drawings"))
            judged = self._judge(painted.detach(), drawings)
            parts |= self._drawn(painted, photos, drawings, window)
        loop.set_rate(self.optimizer, self.pace.rate_alone if alone else self.pace.rate)
        told = self.descend(parts, clip=CLIP)
        return {"generator": told.pop("loss"), **judged, **told, "rate": self.optimizer.param_groups[0]["lr"]}

    @torch.no_grad()
    def sample(self) -> Tensor:
        """The sample photos above, and painted below."""
        return album.sheet(self.samples, self._painted(self.samples.to(self.device)).clamp(0, 1).cpu())

    def _painted(self, photos: Tensor) -> Tensor:
        """(B, 3, H, W) in [0, 1] -> the same."""
        with autocast(self.device):
            y: Tensor = self.net(photos * 2 - 1)
        return (y.float() + 1) / 2

    def _judgement(self, pictures: Tensor) -> Tensor:
        """(B, 3, H, W) in [0, 1] -> (B, 1, h, w): 1 for a drawing, 0 for none."""
        with autocast(self.device):
            y: Tensor = self.discriminator((pictures * 2 - 1).contiguous(memory_format=torch.channels_last))
        return y.float()

    def _judge(self, painted: Tensor, drawings: Tensor) -> dict[str, float]:
        """A step of the discriminator by least squares (Mao et al. 2017), all pictures at once; its loss and rate."""
        shown = {"real": drawings, "painted": painted}
        if self.balance["grey"]:
            shown["grey"] = _grey(drawings)
        if self.balance["soft"]:
            shown["soft"] = _grey(softened(drawings))
        self.discriminator.requires_grad_(True)
        verdicts = self._judgement(torch.cat([one.to(self.device) for one in shown.values()])).chunk(len(shown))
        terms = [self.balance[name] * (verdict - float(name == "real")).square().mean() for name, verdict in zip(shown, verdicts, strict=True)]
        loss = torch.stack(terms).sum()
        self.discriminator_optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.discriminator_optimizer.step()
        return {"discriminator": float(loss.detach()), "discriminator_rate": self.pace.discriminator_rate}

    def _drawn(self, painted: Tensor, photos: Tensor, drawings: Tensor, window: tuple[slice, ...]) -> dict[str, Tensor]:
        """What the generator should do beside keeping content. Texture is compared in grey on both sides, so that it says nothing of colours."""
        self.discriminator.requires_grad_(False)
        parts = {"adversarial": (self._judgement(painted) - 1).square().mean()}
        if self.balance["style"]:
            mine = self.seen(_grey(painted)[window])
            with torch.no_grad():
                theirs = self.seen(_grey(drawings.to(self.device))[window])
            parts["style"] = _mean([style_gap(mine[place], theirs[place]) for place in self.looks.style])
        if self.balance["colour"]:
            parts["colour"] = colour_gap(painted, photos)
        if self.balance["roughness"]:
            parts["roughness"] = losses.roughness(painted)
        return parts


def fresh(net: N, seed: int) -> N:
    """`net` with He-normal weights (He et al. 2015, equation 10), as the authors have it, and no biases."""
    dice = torch.Generator().manual_seed(seed)
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.kaiming_normal_(module.weight, generator=dice)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return net


def looks(name: losses.Name, path: Path, device: str) -> Looks:
    """The loss network `name`: of a VGG the last convolution of block 4 before its rectifier, for content and style both, as AnimeGAN has it.

    Of SqueezeNet, whose weights say less, content is read at its first tap too: photos are learnt in half the steps.
    """
    if name == "squeezenet":
        return replace(losses.load(name, path, device), content=(0, 2))
    net = losses.laid_out(vgg.load(path, depth=16 if name == "vgg16" else 19), device)
    layer = "conv4_3" if name == "vgg16" else "conv4_4"
    return Looks(lambda pixels: list(net(pixels, (layer,)).values()), style=(0,), content=(0,))


def content_gap(found: Tensor, wanted: Tensor, variance: Tensor) -> Tensor:
    """Mean absolute difference of features over their deviation in photos: 0 for the same picture, about 1 for unrelated ones."""
    return (found.float() - wanted.float()).abs().mean() / variance.sqrt()


def style_gap(found: Tensor, wanted: Tensor) -> Tensor:
    """Mean absolute difference of Gram matrices, picture by picture, over the mean of those wanted: 0 when alike, 1 for a void picture."""
    mine, theirs = gram(found.float()), gram(wanted.float())
    return (mine - theirs).abs().mean() / theirs.abs().mean()


def colour_gap(found: Tensor, wanted: Tensor) -> Tensor:
    """(B, 3, H, W) in [0, 1]: mean absolute difference of Y, and Huber's of U and V, AnimeGAN's colour loss."""
    mine, theirs = (colour.mix(one, YUV) for one in (found, wanted))
    return F.l1_loss(mine[:, 0], theirs[:, 0]) + F.huber_loss(mine[:, 1], theirs[:, 1]) + F.huber_loss(mine[:, 2], theirs[:, 2])


def _grey(pictures: Tensor) -> Tensor:
    """(B, 3, H, W) without its colours."""
    return colour.luminance(pictures).expand_as(pictures)


def _mean(parts: list[Tensor]) -> Tensor:
    return torch.stack(parts).mean()

"""Stage one: an AutoencoderKL in Stable Diffusion's layout, and small: 8 × 8 pixels become one latent of four channels."""

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from huafang.nets.squeezenet import SqueezeNet
from huafang.ops.dtypes import autocast
from huafang.train import loop
from huafang.train.mini.data import Pictures, chosen

SCALING = 0.18215
"""Stable Diffusion 1's `scaling_factor`: `settle` brings latents to the spread that it expects."""
KL = 1e-6
GRADIENT, PERCEPTUAL = 1.0, 0.1
SHEET = 6


def network(channels: tuple[int, ...], size: int) -> Any:
    """`channels` of the four levels, from pixels to latents."""
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

    return AutoencoderKL(
        block_out_channels=channels,
        down_block_types=("DownEncoderBlock2D",) * len(channels),
        up_block_types=("UpDecoderBlock2D",) * len(channels),
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=8,
        sample_size=size,
        scaling_factor=SCALING,
    )


class VaeTask:
    """L1 on pixels and on their gradients, distance of SqueezeNet's features where that net is given, and a light KL term.

    With `frozen_encoder` the decoder alone goes on learning, from latents that stay what they are: the denoiser keeps its meaning.
    """

    def __init__(
        self,
        vae: Any,
        pictures: Pictures,
        *,
        count: int,
        steps: int,
        batch: int,
        rate: float,
        device: str,
        loss_net: SqueezeNet | None = None,
        frozen_encoder: bool = False,
    ) -> None:
        self.vae, self.pictures, self.count, self.steps, self.batch, self.rate, self.device = vae.to(device), pictures, count, steps, batch, rate, device
        self.loss_net = loss_net.to(device) if loss_net else None
        self.frozen_encoder = frozen_encoder
        if frozen_encoder:
            for part in (vae.encoder, vae.quant_conv):
                part.requires_grad_(False)
        self.optimizer = torch.optim.AdamW([p for p in vae.parameters() if p.requires_grad], lr=rate, betas=(0.9, 0.99), weight_decay=1e-4)

    @property
    def modules(self) -> Mapping[str, nn.Module]:
        return {"vae": self.vae}

    @property
    def optimizers(self) -> Mapping[str, torch.optim.Optimizer]:
        return {"adamw": self.optimizer}

    @property
    def facts(self) -> Mapping[str, Any]:
        return {"seed": self.pictures.seed, "size": self.pictures.size, "count": self.count, "batch": self.batch, "loss_net": self.loss_net is not None}

    def step(self, number: int) -> dict[str, float]:
        noise = loop.generator(self.pictures.seed, number, "vae")
        whole = self.pictures.batch(chosen(self.count, self.batch, number, self.pictures.seed))
        pixels = _cropped(whole, max(32, self.pictures.size // 2), noise).to(self.device)
        loop.set_rate(self.optimizer, self.rate * loop.rate(number, self.steps))
        with autocast(self.device):
            code = self.vae.encode(pixels * 2 - 1).latent_dist
            spread = torch.randn(code.mean.shape, generator=noise).to(self.device)
            drawn = (self.vae.decode(code.mean + code.std * spread).sample + 1) / 2
        drawn = drawn.float()
        absolute, gradient, kl = (drawn - pixels).abs().mean(), _gradient_distance(drawn, pixels), code.kl().float().mean()
        loss = absolute + GRADIENT * gradient + (0 if self.frozen_encoder else KL * kl)
        figures = {"l1": float(absolute.detach()), "gradient": float(gradient.detach()), "kl": float(kl.detach())}
        if self.loss_net:
            with autocast(self.device):
                looks = look_distance(self.loss_net, drawn, pixels)
            loss = loss + PERCEPTUAL * looks
            figures["looks"] = float(looks.detach())
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        figures["norm"] = float(nn.utils.clip_grad_norm_(self.vae.parameters(), 1.0))
        self.optimizer.step()
        return figures

    @torch.no_grad()
    def sample(self) -> Tensor:
        """Pictures above, and what is left of them below."""
        pixels = self.pictures.batch(range(SHEET)).to(self.device)
        drawn = (self.vae.decode(self.vae.encode(pixels * 2 - 1).latent_dist.mean).sample / 2 + 0.5).clamp(0, 1)
        return torch.cat([torch.cat(list(row), dim=2) for row in (pixels, drawn)], dim=1)[None].cpu()


def look_distance(net: SqueezeNet, a: Tensor, b: Tensor, taps: int = 4) -> Tensor:
    """LPIPS's distance (Zhang et al. 2018) without its learnt heads: squared differences of unit-length features, summed over channels."""
    theirs = net(b, taps)
    total = a.new_zeros(())
    for x, y in zip(net(a, taps), theirs, strict=True):
        x, y = x.float(), y.float()
        total = total + (F.normalize(x, dim=1, eps=1e-6) - F.normalize(y, dim=1, eps=1e-6)).square().sum(dim=1).mean()
    return total


@torch.no_grad()
def settle(vae: Any, means: Tensor) -> None:
    """Shift and scale each latent channel, inside the two 1 × 1 convolutions, so that latents have mean 0 and standard deviation 1 / `SCALING`.

    `means` are latents of the training set, (N, 4, h, w). What the VAE draws stays the same.
    """
    shift, spread = means.mean(dim=(0, 2, 3)), means.std(dim=(0, 2, 3))
    scale = 1 / (SCALING * spread)
    into, back = vae.quant_conv, vae.post_quant_conv
    count = len(shift)
    back.bias += back.weight[:, :, 0, 0] @ shift
    back.weight /= scale.view(1, -1, 1, 1)
    into.bias[:count] = (into.bias[:count] - shift) * scale
    into.weight[:count] *= scale.view(-1, 1, 1, 1)
    into.bias[count:] += 2 * scale.log()


def _cropped(pixels: Tensor, side: int, generator: torch.Generator) -> Tensor:
    """A square of `side` pixels of each picture, at a place of its own: what is learnt is local, and four times as many steps are taken in the same time."""
    last = pixels.shape[-1] - side
    places = torch.randint(0, last + 1, (len(pixels), 2), generator=generator).tolist()
    return torch.stack([one[:, y : y + side, x : x + side] for one, (y, x) in zip(pixels, places, strict=True)])


def _gradient_distance(a: Tensor, b: Tensor) -> Tensor:
    difference = a - b
    return (difference[..., 1:] - difference[..., :-1]).abs().mean() + (difference[..., 1:, :] - difference[..., :-1, :]).abs().mean()

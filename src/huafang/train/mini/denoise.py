"""Stage two: the denoiser and its two text encoders, learnt together: English captions come through CLIP's, Chinese ones through BERT's.

Both encoders speak to the same UNet, as Taiyi's speaks to Stable Diffusion's. Noise is predicted (epsilon) on Stable Diffusion's schedule.

CLIP's encoder reads from left to right and learns slower than BERT's: after the same 2,900 steps the hour told was drawn in 51 of 100 English pictures and in
95 of 100 Chinese ones. So BERT's is its teacher: where the UNet looks at words, it must find the same in an English caption as in a Chinese one that tells the
same. That target has no noise in it. (Taiyi was taught in the same way, in the other direction.)
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from huafang.ops.dtypes import autocast
from huafang.train import loop
from huafang.train.ema import Ema
from huafang.train.mini.data import Pictures, captions, chosen
from huafang.train.mini.tokenizers import LENGTH

SCHEDULE = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000, "prediction_type": "epsilon"}
GAMMA = 5.0
"""Of min-SNR weighting (Hang et al., ICCV 2023): easy, nearly clean steps count no more than a step of this signal-to-noise ratio."""
DROP = 0.1
"""Share of captions that are left empty, so that the model can also be asked for "anything": classifier-free guidance (Ho & Salimans 2022)."""
SHORT = 40
"""Tokens that are read in the first part of a run: captions fit, and less padding is paid for."""
LONG_FROM = 0.7
"""From this share of the run on all LENGTH tokens are read, as they will be when drawing."""
AGREEMENT = 0.5
"""Weight of the two languages' agreement."""
LETTERS_LOST = 0.02
"""Share of Chinese captions with a character replaced by one that the tokenizer does not know, so that a new character does no harm."""
STRANGER = "龘"


@dataclass(frozen=True)
class Shape:
    """Sizes of the networks. `channels` are the UNet's levels from fine to coarse; the text encoders have `layers` of `width`."""

    channels: tuple[int, ...] = (80, 144, 192)
    width: int = 192
    layers: int = 2
    heads: int = 4


def networks(shape: Shape, side: int, clip_words: int, bert_words: int) -> nn.ModuleDict:
    """`unet`, `clip` and `bert`, with fresh random weights; `side` is the latents' side."""
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
    from transformers import BertConfig, BertModel, CLIPTextConfig, CLIPTextModel

    middle = len(shape.channels) // 2
    unet = UNet2DConditionModel(
        sample_size=side,
        in_channels=4,
        out_channels=4,
        block_out_channels=shape.channels,
        layers_per_block=1,
        down_block_types=tuple("CrossAttnDownBlock2D" if level == middle else "DownBlock2D" for level in range(len(shape.channels))),
        up_block_types=tuple("CrossAttnUpBlock2D" if level == middle else "UpBlock2D" for level in reversed(range(len(shape.channels)))),
        cross_attention_dim=shape.width,
        attention_head_dim=shape.heads,
        norm_num_groups=16,
    )
    clip = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=clip_words,
            hidden_size=shape.width,
            intermediate_size=4 * shape.width,
            num_hidden_layers=shape.layers,
            num_attention_heads=shape.heads,
            max_position_embeddings=LENGTH,
            projection_dim=shape.width,
            bos_token_id=clip_words - 2,
            eos_token_id=clip_words - 1,
            pad_token_id=clip_words - 1,
        )
    )
    bert = BertModel(
        BertConfig(
            vocab_size=bert_words,
            hidden_size=shape.width,
            intermediate_size=4 * shape.width,
            num_hidden_layers=shape.layers,
            num_attention_heads=shape.heads,
            max_position_embeddings=LENGTH,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
        ),
        add_pooling_layer=False,
    )
    return nn.ModuleDict({"unet": unet, "clip": clip, "bert": bert})


class DenoiseTask:
    """Half of each batch is told in English and half in Chinese. `draw(ema)` makes the sample sheet."""

    def __init__(
        self,
        nets: nn.ModuleDict,
        latents: Tensor,
        tokenizers: Mapping[str, Any],
        *,
        seed: int,
        steps: int,
        batch: int,
        rate: float,
        device: str,
        draw: Callable[[nn.ModuleDict], Tensor],
        decay: float = 0.999,
        things: Path | None = None,
    ) -> None:
        from diffusers.schedulers.scheduling_ddpm import DDPMScheduler

        self.nets, self.latents, self.tokenizers = nets.to(device), latents, tokenizers
        self.seed, self.steps, self.batch, self.rate, self.device, self.draw = seed, steps, batch, rate, device, draw
        self.things = things
        self.ema = Ema(self.nets, decay)
        self.alphas = DDPMScheduler(**SCHEDULE).alphas_cumprod.to(device)  # (1000,)
        self.optimizer = torch.optim.AdamW(self.nets.parameters(), lr=rate, betas=(0.9, 0.99), weight_decay=1e-3, fused=True)

    @property
    def modules(self) -> Mapping[str, nn.Module]:
        return {"nets": self.nets, "ema": self.ema.module}

    @property
    def optimizers(self) -> Mapping[str, torch.optim.Optimizer]:
        return {"adamw": self.optimizer}

    @property
    def facts(self) -> Mapping[str, Any]:
        return {"seed": self.seed, "batch": self.batch, "side": self.latents.shape[-1], **({"things": True} if self.things else {})}

    def step(self, number: int) -> dict[str, float]:
        noise_of = loop.generator(self.seed, number, "noise")
        numbers = chosen(len(self.latents), self.batch, number, self.seed)
        clean = self.latents[numbers].to(self.device).float()
        times = torch.randint(0, len(self.alphas), (len(numbers),), generator=noise_of).to(self.device)
        noise = torch.randn(clean.shape, generator=noise_of).to(self.device)
        share = self.alphas[times].view(-1, 1, 1, 1)
        noisy = share.sqrt() * clean + (1 - share).sqrt() * noise
        english, chinese, translated = self._told(numbers, number)
        half = len(english)
        loop.set_rate(self.optimizer, self.rate * loop.rate(number, self.steps))
        self.nets.train()
        with autocast(self.device), _attention(self.device), looks(self.nets["unet"]) as seen:
            read = self.nets["clip"](english).last_hidden_state
            guess = self.nets["unet"](noisy, times, torch.cat([read, self.nets["bert"](chinese).last_hidden_state])).sample
            with torch.no_grad():
                teacher = self.nets["bert"](translated).last_hidden_state
            apart = disagreement({attention: found[:half] for attention, found in seen.items()}, read, teacher)
        errors = (guess.float() - noise).square().mean(dim=(1, 2, 3))  # (B,)
        loss = (errors * snr_weight(self.alphas, times)).mean() + AGREEMENT * apart
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norms = [float(nn.utils.clip_grad_norm_(self.nets[name].parameters(), 1.0)) for name in self.nets]
        self.optimizer.step()
        self.ema.update(self.nets, number)
        return {
            "loss": float(loss.detach()),
            "error": float(errors.detach().mean()),
            "error_en": float(errors[:half].detach().mean()),
            "error_zh": float(errors[half:].detach().mean()),
            "apart": float(apart.detach()),
            "norm": max(norms),
        }

    def sample(self) -> Tensor:
        return self.draw(self.ema.module)

    def _told(self, numbers: list[int], step: int) -> tuple[Tensor, Tensor, Tensor]:
        """Token ids of the first half's English captions, the second half's Chinese ones, and the first half's in Chinese, (B / 2, L) each."""
        dice = np.random.default_rng([self.seed, step, 7])
        pairs = [("", "") if dice.random() < DROP else captions(self.seed, number, step, self.things) for number in numbers]
        half = len(pairs) // 2
        length = LENGTH if step >= LONG_FROM * self.steps else SHORT
        english, translated = zip(*pairs[:half], strict=True)
        chinese = [_with_a_gap(text, dice) for _, text in pairs[half:]]
        return self._ids("clip", english, length), self._ids("bert", chinese, length), self._ids("bert", translated, length)

    def _ids(self, name: str, said: Sequence[str], length: int) -> Tensor:
        told = self.tokenizers[name](list(said), padding="max_length", max_length=length, truncation=True, return_tensors="pt")
        ids: Tensor = told.input_ids
        return ids.to(self.device)


def _attention(device: str) -> contextlib.AbstractContextManager[None]:
    """On a CPU the plain formula: the gradient of PyTorch's flash attention takes a third of a step there."""
    if torch.device(device).type != "cpu":
        return contextlib.nullcontext()
    return sdpa_kernel(SDPBackend.MATH)


def _with_a_gap(text: str, dice: np.random.Generator) -> str:
    if not text or dice.random() >= LETTERS_LOST:
        return text
    place = int(dice.integers(len(text)))
    return text[:place] + STRANGER + text[place + 1 :]


@torch.no_grad()
def encode_all(vae: Any, pictures: Pictures, count: int, device: str, tell: Callable[[int], None], batch: int = 50) -> Tensor:
    """Mean latents of the first `count` pictures, (count, 4, h, w) float32, as the encoder gives them."""
    vae = vae.to(device).eval()
    found = []
    for first in range(0, count, batch):
        pixels = pictures.batch(range(first, min(first + batch, count))).to(device)
        with autocast(device):
            found.append(vae.encode(pixels * 2 - 1).latent_dist.mean.float().cpu().contiguous())  # as they are when read from disk: sums depend on it
        tell(min(count, first + batch))
    return torch.cat(found)


@contextlib.contextmanager
def looks(unet: nn.Module) -> Iterator[dict[nn.Module, Tensor]]:
    """Within it, what each of the UNet's attentions to words was given to look from, (B, N, C), is kept."""
    seen: dict[nn.Module, Tensor] = {}

    def keep(attention: nn.Module, given: tuple[Tensor, ...]) -> None:
        seen[attention] = given[0].detach()

    hooks = [part.register_forward_pre_hook(keep) for name, part in unet.named_modules() if name.endswith(".attn2")]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def disagreement(seen: Mapping[nn.Module, Tensor], pupil: Tensor, teacher: Tensor) -> Tensor:
    """How far apart two readings (B, L, C) of the same facts are to the attentions that look at them: mean square over the teacher's variance, from 0.

    Only the pupil learns from it: neither the teacher nor the attentions.
    """
    total = pupil.new_zeros((), dtype=torch.float32)
    for attention, given in seen.items():
        frozen = {name: value.detach() for name, value in attention.named_parameters()}
        found, wanted = (torch.func.functional_call(attention, frozen, (given, words)).float() for words in (pupil, teacher.detach()))
        total = total + (found - wanted).square().mean() / wanted.var().clamp_min(1e-8)
    return total / len(seen)


def snr_weight(alphas: Tensor, times: Tensor) -> Tensor:
    """min(SNR, GAMMA) / SNR of each time step."""
    ratio = alphas[times] / (1 - alphas[times])
    return ratio.clamp(max=GAMMA) / ratio

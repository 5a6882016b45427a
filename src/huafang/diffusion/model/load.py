"""A checkpoint on disk -> a Model ready to draw."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

from huafang.diffusion.model import single_file
from huafang.diffusion.model.inspect import TITLES, Checkpoint, Family, check_size, inspect
from huafang.errors import BadInput
from huafang.models import modelfile
from huafang.models.configs import Bert, ClipText, UNet, Vae
from huafang.nets import stored
from huafang.nets.tokenizer import Words
from huafang.notes import Note
from huafang.ops.dtypes import diffusion_dtype

USUAL = 1024
"""Pixels a side that are drawn at most where nobody asks for more: those of XL, the largest of the models that are read here."""


@dataclass(frozen=True)
class TextEncoder:
    """A text encoder, CLIP or BERT, and its tokenizer.

    `pad` fills a chunk behind its end token: the end token again, or 0 (SD 2, XL's second), or BERT's own [PAD].
    """

    tokenizer: Any
    model: Any
    pad: int

    @property
    def bert(self) -> bool:
        return str(self.model.config.model_type) == "bert"

    @property
    def start(self) -> int:
        """The token before every chunk."""
        return int(self.tokenizer.cls_token_id if self.bert else self.tokenizer.bos_token_id)

    @property
    def end(self) -> int:
        """The token behind every chunk."""
        return int(self.tokenizer.sep_token_id if self.bert else self.tokenizer.eos_token_id)

    @property
    def positions(self) -> int:
        """Tokens of a chunk with its start, end and padding: what the tokenizer says, at most what the network has; 77 for CLIP, 512 for Taiyi's BERT."""
        return min(int(self.tokenizer.model_max_length), int(self.model.config.max_position_embeddings))

    @property
    def chunk(self) -> int:
        """Tokens of a prompt that are read at once."""
        return self.positions - 2

    @property
    def layers(self) -> int:
        return int(self.model.config.num_hidden_layers)


@dataclass(frozen=True)
class Prior:
    """Where drawing starts: a normal distribution of latents, each (1, C, h, w) or None for mean 0 and deviation 1. It is scaled to the picture's size."""

    mean: torch.Tensor | None = None
    std: torch.Tensor | None = None

    def sample(self, shape: tuple[int, int, int, int], generator: torch.Generator) -> torch.Tensor:
        """Latents of `shape`, float32, drawn on the CPU."""
        noise = torch.randn(shape, generator=generator, dtype=torch.float32)
        if self.std is not None:
            noise = noise * _resized(self.std, shape)
        return noise if self.mean is None else noise + _resized(self.mean, shape)


def _resized(latents: torch.Tensor, shape: tuple[int, int, int, int]) -> torch.Tensor:
    return F.interpolate(latents.float().cpu(), size=shape[2:], mode="bilinear", align_corners=False)


@dataclass(frozen=True)
class Model:
    """A Stable Diffusion model. `size` is the side in pixels it was trained on; `scale` is how many pixels a latent spans."""

    family: Family
    unet: Any
    vae: Any
    encoders: tuple[TextEncoder, ...]
    scheduler: Mapping[str, Any]
    size: int
    device: torch.device
    zero_empty: bool = False
    """XL: an empty negative prompt is all zeros, not the encoding of no words."""
    notes: tuple[Note, ...] = field(default=())
    prior: Prior = Prior()
    memo: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """What was found out about the networks while they are in memory."""

    @property
    def scale(self) -> int:
        return int(2 ** (len(self.vae.config.block_out_channels) - 1))

    @property
    def channels(self) -> int:
        """Channels of its latents. An inpainting model's UNet takes more: `Conditioning.channels` beside them."""
        return int(self.unet.config.out_channels)

    @property
    def inpainting(self) -> bool:
        """Whether its UNet reads a mask and the masked picture's latents beside the latents."""
        return int(self.unet.config.in_channels) == 2 * self.channels + 1

    def start_noise(self, width: int, height: int, generator: torch.Generator) -> torch.Tensor:
        """Where a picture of `width` × `height` pixels starts: (1, C, height / 8, width / 8) float32, drawn on the CPU, then moved."""
        return self.prior.sample((1, self.channels, height // self.scale, width // self.scale), generator).to(self.device)

    @property
    def dtype(self) -> torch.dtype:
        dtype: torch.dtype = self.unet.dtype
        return dtype


def key(path: Path, device: str) -> str:
    """The name of what `load` gives among the resident models; another once any file of it was replaced."""
    files = sorted(item for item in path.rglob("*") if item.suffix in (".json", ".txt")) if path.is_dir() else []
    files += modelfile.tensor_files(path)
    stats = [(str(item), item.stat().st_mtime_ns, item.stat().st_size) for item in files]
    return f"diffusion:{path}:{hashlib.sha256(repr(stats).encode()).hexdigest()[:16]}:{device}"


def load(path: Path, device: str = "cpu") -> Model:
    """The model at `path`, on `device`: half precision on CUDA, single elsewhere; the VAE is always single, as XL's overflows in half.

    Raises BadInput for what is no such model, or damaged, or unsafe; MissingWeights for what is not whole.
    """
    from transformers.utils import logging

    logging.disable_progress_bar()  # progress is told by `ctx.step`
    found = inspect(path)
    dtype = diffusion_dtype(device)
    model = _from_file(found, dtype, device) if found.single else _from_folder(found, dtype, device)
    for part in (model.unet, model.vae, *(encoder.model for encoder in model.encoders)):
        part.eval().requires_grad_(False)
        stored.check_finite(part, path.name)
        part.to(device)
    return model


def _from_file(found: Checkpoint, dtype: torch.dtype, device: str) -> Model:
    tokenizers = single_file.tokenizers(found)
    more: list[Note] = []
    if found.carried:
        parts = found.carried.parts
        size, more = _size(found, UNet.model_validate(parts["unet"]), Vae.model_validate(parts["vae"]))
    state = single_file.read(found.path)
    says, notes = single_file.prediction(state, found)
    texts = single_file.text_encoders(state, found, dtype)
    encoders = [TextEncoder(tokenizer, text, pad) for (tokenizer, pad), text in zip(tokenizers, texts, strict=True)]
    return Model(
        family=found.family,
        unet=single_file.unet(state, found, dtype),
        vae=single_file.vae(state, found, torch.float32),
        encoders=tuple(_checked(encoder, found) for encoder in encoders),
        scheduler=single_file.scheduler(found, says),
        size=size if found.carried else single_file.trained_size(found, says),
        device=torch.device(device),
        zero_empty=found.carried.zero_empty if found.carried else found.family == "xl",
        notes=(*more, *notes),
    )


def _from_folder(found: Checkpoint, dtype: torch.dtype, device: str) -> Model:
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    folder = found.folder
    assert folder is not None, "inspect gives it with every folder"
    networks = {part: stored.stored(_title(found, part), files, RENAMED[part]) for part, files in folder.files.items()}
    drawer, coder = folder.configs["unet"], folder.configs["vae"]
    assert isinstance(drawer, UNet), "inspect reads it so"
    assert isinstance(coder, Vae), "inspect reads it so"
    size, notes = _size(found, drawer, coder)
    stored.check_unet(drawer, networks["unet"])
    stored.check_vae(coder, networks["vae"])
    encoders = [_encoder(found, part, networks[part], words, dtype) for part, words in zip(TEXTS, folder.words, strict=False)]
    unet = stored.build(lambda: UNet2DConditionModel.from_config(drawer.given()), networks["unet"], dtype)
    _fit(encoders, found)
    scheduler = folder.configs["scheduler"]
    return Model(
        family=found.family,
        unet=unet,
        vae=stored.build(lambda: AutoencoderKL.from_config(coder.given()), networks["vae"], torch.float32),
        encoders=tuple(encoders),
        scheduler=scheduler.given(),
        size=size,
        device=torch.device(device),
        zero_empty=found.family == "xl" and folder.zero_empty,
        notes=(*notes, *(note for words in folder.words[:1] for note in words.notes)),
    )


TEXTS = ("text_encoder", "text_encoder_2")
RENAMED: dict[str, Callable[[str], str]] = {
    "unet": lambda name: name,
    "vae": stored.vae_name,
    "text_encoder": stored.text_name,
    "text_encoder_2": stored.text_name,
}


def _title(found: Checkpoint, part: str) -> str:
    return f"the {part} of {found.path.name}"


def _encoder(found: Checkpoint, part: str, network: stored.Stored, words: Words, dtype: torch.dtype) -> TextEncoder:
    """A text encoder and its tokenizer. Raises BadInput where they do not belong together."""
    from transformers import BertConfig, BertModel, CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    assert found.folder is not None, "asked above"
    config = found.folder.configs[part]
    assert isinstance(config, ClipText | Bert), "inspect reads it so"
    stored.check_layers(config, network, "encoder.layer" if found.bert else "encoder.layers")
    if words.highest >= config.vocab_size:
        raise _strangers(found, words.highest + 1, config.vocab_size)

    def make() -> Any:
        if isinstance(config, Bert):  # its last hidden states are read, so that the pooler, which some files lack, is not built
            return BertModel(BertConfig(**config.given()), add_pooling_layer=False)
        return (CLIPTextModelWithProjection if part == TEXTS[1] else CLIPTextModel)(CLIPTextConfig(**config.given()))

    made = stored.build(make, network, dtype)
    tokenizer = words.make()
    return _checked(TextEncoder(tokenizer, made, int(tokenizer.pad_token_id)), found)


def _size(found: Checkpoint, drawer: UNet, coder: Vae) -> tuple[int, list[Note]]:
    """The side in pixels that is drawn where none is asked for: what the model was trained on, as far as that is believed, and what is said of it.

    Raises BadInput (`weights.bad_config`) for a side that no model was trained on.
    """
    if drawer.side is None:
        usual = 1024 if found.family == "xl" else 512
        en = f"{found.path.name} does not say at which size it was trained: it draws {usual} × {usual}"
        return usual, [Note(en, f"{found.path.name} 没有说明训练时的尺寸，按 {usual} × {usual} 作画。")]
    side = drawer.side * coder.scale
    check_size(found.path, drawer, coder)
    if side > USUAL:
        en = f"{found.path.name} says that it was trained at {side} pixels; it draws {USUAL} × {USUAL} unless width and height are set"
        return USUAL, [Note(en, f"{found.path.name} 自称按 {side} 像素训练；未设置宽高时按 {USUAL} × {USUAL} 作画。")]
    return side, []


def _checked(encoder: TextEncoder, found: Checkpoint) -> TextEncoder:
    known, read = len(encoder.tokenizer), int(encoder.model.config.vocab_size)
    if known > read:
        raise _strangers(found, known, read)
    return encoder


def _strangers(found: Checkpoint, known: int, read: int) -> BadInput:
    return BadInput(
        f"{found.path.name} ({TITLES[found.family]}): its tokenizer knows {known:,} tokens and its text encoder {read:,}; they do not belong together",
        code="weights.wrong_kind",
    )


def _fit(encoders: Sequence[TextEncoder], found: Checkpoint) -> None:
    """Raises BadInput when the text encoders do not read the same number of tokens at once."""
    for encoder in encoders:
        if encoder.positions < 3 or encoder.positions != encoders[0].positions:
            raise BadInput(f"{found.path.name}: its text encoder reads {encoder.positions} tokens at once, which is no length", code="weights.wrong_kind")

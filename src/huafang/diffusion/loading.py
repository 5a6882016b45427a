"""A checkpoint on disk -> a Model ready to draw."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from huafang import catalogue, weights
from huafang.diffusion import single_file
from huafang.diffusion.checkpoints import TITLES, Checkpoint, Family, inspect, read_json
from huafang.errors import BadInput
from huafang.notes import Note
from huafang.ops.dtypes import diffusion_dtype


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
    memo: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """What was found out about the networks while they are in memory."""

    @property
    def scale(self) -> int:
        return int(2 ** (len(self.vae.config.block_out_channels) - 1))

    @property
    def channels(self) -> int:
        return int(self.unet.config.in_channels)

    @property
    def dtype(self) -> torch.dtype:
        dtype: torch.dtype = self.unet.dtype
        return dtype


def key(path: Path, device: str) -> str:
    """The name of what `load` gives among the resident models; another once any file of it was replaced."""
    files = sorted(item for item in path.rglob("*") if item.suffix in (".json", ".txt")) if path.is_dir() else []
    files += weights.tensor_files(path)
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
        _finite(part, path)
        part.to(device)
    return model


def _from_file(found: Checkpoint, dtype: torch.dtype, device: str) -> Model:
    tokenizers = single_file.tokenizers(found)
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
        size=single_file.trained_size(found, says),
        device=torch.device(device),
        zero_empty=found.carried.zero_empty if found.carried else found.family == "xl",
        notes=tuple(notes),
    )


def _from_folder(found: Checkpoint, dtype: torch.dtype, device: str) -> Model:
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
    from transformers import BertModel, BertTokenizer, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

    def part(kind: Any, name: str, dtype: torch.dtype, **settings: Any) -> Any:
        place = catalogue.part(found.path, name)
        variant = None if _plain(place) else "fp16"
        try:
            made, told = kind.from_pretrained(
                place,
                use_safetensors=True,
                local_files_only=True,
                variant=variant,
                output_loading_info=True,
                **{_dtype_word(kind): dtype},
                **settings,
            )
        except (OSError, ValueError, RuntimeError, KeyError, TypeError, IndexError) as error:
            raise BadInput(f"the {name} of {found.path.name} cannot be read: {' '.join(str(error).split())[:300]}", code="weights.unreadable") from error
        absent = sorted(told["missing_keys"])  # the libraries would fill these with random numbers
        if absent:
            raise BadInput(f"the {name} of {found.path.name} lacks {len(absent)} of its tensors, {absent[0]} first", code="weights.incomplete")
        return made

    def text(number: str, kind: Any, reader: Any = CLIPTokenizer, **settings: Any) -> TextEncoder:
        place = found.path / f"tokenizer{number}"
        try:
            tokenizer = reader.from_pretrained(place, local_files_only=True)
        except (OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
            raise BadInput(f"the tokenizer of {found.path.name} cannot be read: {' '.join(str(error).split())[:300]}", code="weights.unreadable") from error
        return _checked(TextEncoder(tokenizer, part(kind, f"text_encoder{number}", dtype, **settings), int(tokenizer.pad_token_id)), found)

    is_xl = found.family == "xl"
    unet, vae = part(UNet2DConditionModel, "unet", dtype), part(AutoencoderKL, "vae", torch.float32)
    if vae.config.latent_channels != unet.config.in_channels:
        raise BadInput(
            f"{found.path.name}: its UNet draws {unet.config.in_channels} channels and its VAE reads {vae.config.latent_channels}", code="weights.wrong_kind"
        )
    # of a BERT its last hidden states are read, so that the pooler, which some files lack, is not built
    first = text("", BertModel, BertTokenizer, add_pooling_layer=False) if found.bert else text("", CLIPTextModel)
    encoders = (first, *([text("_2", CLIPTextModelWithProjection)] if is_xl else []))
    _fit(encoders, unet, found)
    index = read_json(found.path / "model_index.json")
    return Model(
        family=found.family,
        unet=unet,
        vae=vae,
        encoders=encoders,
        scheduler=read_json(found.path / "scheduler" / "scheduler_config.json"),
        size=int(unet.config.sample_size) * 2 ** (len(vae.config.block_out_channels) - 1),
        device=torch.device(device),
        zero_empty=is_xl and bool(index.get("force_zeros_for_empty_prompt", True)),
    )


def _plain(place: Path) -> bool:
    """Whether the weights of a part lie there under their plain name, and not as `….fp16.safetensors` only."""
    return any(not item.name.endswith(".fp16.safetensors") and ".fp16-" not in item.name for item in place.glob("*.safetensors"))


def _dtype_word(kind: Any) -> str:
    return "dtype" if kind.__module__.startswith("transformers") else "torch_dtype"


def _checked(encoder: TextEncoder, found: Checkpoint) -> TextEncoder:
    known, read = len(encoder.tokenizer), int(encoder.model.config.vocab_size)
    if known > read:
        raise BadInput(
            f"{found.path.name} ({TITLES[found.family]}): its tokenizer knows {known:,} tokens and its text encoder {read:,}; they do not belong together",
            code="weights.wrong_kind",
        )
    return encoder


def _fit(encoders: tuple[TextEncoder, ...], unet: Any, found: Checkpoint) -> None:
    """Raises BadInput when what the text encoders give is not what the UNet takes."""
    gives, takes = sum(int(encoder.model.config.hidden_size) for encoder in encoders), unet.config.cross_attention_dim
    if gives != takes:
        raise BadInput(f"{found.path.name}: its text encoder gives {gives} features a token and its UNet takes {takes}", code="weights.wrong_kind")
    for encoder in encoders:
        if encoder.positions < 3 or encoder.positions != encoders[0].positions:
            raise BadInput(f"{found.path.name}: its text encoder reads {encoder.positions} tokens at once, which is no length", code="weights.wrong_kind")


def _finite(part: torch.nn.Module, path: Path) -> None:
    """Raises BadInput for a NaN or an infinity. Both show in the extremes, which are found 30 times faster than with `isfinite`."""
    for name, tensor in part.named_parameters():
        if not all(bool(torch.isfinite(end)) for end in tensor.aminmax()):
            raise BadInput(f"{path.name} is damaged: {name} holds values that are no numbers (NaN or infinity)", code="weights.not_finite")

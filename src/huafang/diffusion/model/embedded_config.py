"""What a single file says of its own architecture, in the metadata beside its tensors: written by `export.py`, so that shapes which are no published
model's, such as the built-in one's, are read again. No torch here.

    huafang.unet, huafang.vae, huafang.text_encoder, huafang.text_encoder_2 (XL), huafang.scheduler   configurations, with diffusers' keys
    huafang.tokenizer               {"model_max_length", "pad_tokens": one for each text encoder, "force_zeros_for_empty_prompt"}
    huafang.vocab, huafang.merges   CLIP's `vocab.json` and the lines of `merges.txt`, where the vocabulary is not CLIP's own

All of it may be a stranger's. Keys and values are taken from the lists below and nothing else; numbers of levels, layers and words are held against the
tensors that are there, so that what is built is never larger than the file. The networks themselves then want every tensor in its shape.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from huafang.diffusion.model import ldm
from huafang.errors import BadInput
from huafang.models.configs import LONGEST, ClipText, Part, Scheduler, UNet, Vae, sentences
from huafang.models.tensorfile import MAX_METADATA
from huafang.models.tokenizer_configs import TokenizerConfig
from huafang.nets import tokenizer
from huafang.nets.tokenizer import END, START

PREFIX = "huafang."
CLIP_WORDS = 49_408
"""Words of CLIP's own vocabulary, which is too large for the metadata, and which every reader has."""
UNET, VAE = "model.diffusion_model.", "first_stage_model."

Shapes = Mapping[str, Sequence[int]]
KINDS: dict[str, type[Part]] = {"unet": UNet, "vae": Vae, "text_encoder": ClipText, "text_encoder_2": ClipText, "scheduler": Scheduler}
_TEXT = (
    *("vocab_size", "hidden_size", "intermediate_size", "projection_dim", "num_hidden_layers", "num_attention_heads"),
    *("max_position_embeddings", "hidden_act", "bos_token_id", "eos_token_id", "pad_token_id"),
)
KNOWN: dict[str, tuple[str, ...]] = {
    "unet": (
        *("sample_size", "in_channels", "out_channels", "block_out_channels", "layers_per_block", "down_block_types", "up_block_types"),
        *("cross_attention_dim", "attention_head_dim", "num_attention_heads", "transformer_layers_per_block", "norm_num_groups"),
        *("use_linear_projection", "upcast_attention", "addition_embed_type", "addition_time_embed_dim", "projection_class_embeddings_input_dim"),
    ),
    "vae": (
        *("sample_size", "in_channels", "out_channels", "latent_channels", "block_out_channels", "layers_per_block"),
        *("down_block_types", "up_block_types", "norm_num_groups", "scaling_factor", "force_upcast"),
    ),
    "text_encoder": _TEXT,
    "text_encoder_2": _TEXT,
    "scheduler": (
        *("num_train_timesteps", "beta_start", "beta_end", "beta_schedule", "prediction_type"),
        *("rescale_betas_zero_snr", "steps_offset", "timestep_spacing"),
    ),
}
"""What a configuration may say, by part. What is not here is as diffusers has it by default: LDM knows nothing else."""
OPTIONAL = {
    "num_attention_heads",
    "addition_embed_type",
    "addition_time_embed_dim",
    "projection_class_embeddings_input_dim",
    "rescale_betas_zero_snr",
    "steps_offset",
    "timestep_spacing",
}


@dataclass(frozen=True)
class Carried:
    """`parts` are the configurations by name; `length` is what the tokenizer reads at once; `pads` is the word behind a prompt, for each text encoder.

    `vocab` is None where it is CLIP's own.
    """

    parts: Mapping[str, Mapping[str, Any]]
    length: int
    pads: tuple[str, ...]
    zero_empty: bool
    vocab: Mapping[str, int] | None = None
    merges: tuple[tuple[str, str], ...] = ()

    @property
    def words(self) -> tokenizer.Words:
        """The tokenizer of its own vocabulary."""
        assert self.vocab is not None, "it is asked for where there is one"
        return tokenizer.Words("clip", self.vocab, self.merges, TokenizerConfig(), tokenizer.SPECIAL["clip"])


def parts_of(family: str) -> tuple[str, ...]:
    return ("unet", "vae", "text_encoder", *(["text_encoder_2"] if family == "xl" else []), "scheduler")


def written(carried: Carried) -> dict[str, str]:
    """`carried` as metadata. Raises BadInput when the vocabulary is too large for it."""
    tokenizer = {"model_max_length": carried.length, "pad_tokens": carried.pads, "force_zeros_for_empty_prompt": carried.zero_empty}
    body: dict[str, Any] = {**carried.parts, "tokenizer": tokenizer}
    if carried.vocab is not None:
        body |= {"vocab": carried.vocab, "merges": [" ".join(pair) for pair in carried.merges]}
    said = {PREFIX + key: json.dumps(value, ensure_ascii=False, separators=(",", ":")) for key, value in body.items()}
    if any(len(value) >= MAX_METADATA for value in said.values()):
        raise BadInput(
            f"its vocabulary of {len(carried.vocab or ()):,} words is not CLIP's own, and too large to be carried in one file", code="weights.wrong_kind"
        )
    return said


def read(path: Path, told: Mapping[str, str], shapes: Shapes, family: str) -> Carried | None:
    """What the metadata `told` of `path` says, checked against the `shapes` of its tensors; None where it says nothing.

    Raises BadInput (`weights.unreadable`).
    """
    wanted = (*parts_of(family), "tokenizer")
    every = {PREFIX + key for key in (*KNOWN, "tokenizer", "vocab", "merges")}
    if not every & told.keys():
        return None
    try:
        body = {key: _parsed(key, told.get(PREFIX + key)) for key in wanted}
        for part in parts_of(family):
            check_part(part, body[part])
        _check_sizes(body, shapes, family)
        length, pads, zero = _tokenizer(body["tokenizer"], family)
        own = PREFIX + "vocab" in told
        vocab = _vocabulary(_parsed("vocab", told[PREFIX + "vocab"]), body, pads) if own else None
        merges = _merges(_parsed("merges", told.get(PREFIX + "merges"), list), vocab) if vocab is not None else ()
        found = Carried({part: body[part] for part in parts_of(family)}, length, pads, zero, vocab, merges)
        if vocab is not None:
            tokenizer.check(found.words, f"the vocabulary of {path.name}")
        return found
    except ValueError as error:
        raise BadInput(
            f"{path.name} says of itself what cannot be: {error}", code="weights.unreadable", hint="get the file again, or export it again"
        ) from None


def check_part(part: str, config: Mapping[str, Any]) -> Part:
    """The configuration, checked. Raises ValueError where it has a key or a value that is not known, or lacks one."""
    known = KNOWN[part]
    for key in config:
        if key not in known:
            raise ValueError(f"its {part} has {key[:60]!r}, which is not known")
    if absent := sorted({*known} - config.keys() - OPTIONAL):
        raise ValueError(f"its {part} has no {absent[0]}")
    try:
        found = KINDS[part].model_validate(config)
    except ValidationError as error:
        raise ValueError(f"its {part} has {next(sentences(error))}") from None
    if part == "unet" and type(config["sample_size"]) is not int:
        raise ValueError(f"its unet has sample_size = {repr(config['sample_size'])[:80]}")
    if isinstance(config.get("transformer_layers_per_block"), list) and not all(type(one) is int for one in config["transformer_layers_per_block"]):
        raise ValueError(f"its {part} has transformer_layers_per_block with several depths on one level, for which the LDM layout has no place")
    if isinstance(config.get("layers_per_block"), list):
        raise ValueError(
            f"its {part} has layers_per_block = {repr(config['layers_per_block'])[:80]}, one for each level, which the LDM layout has no place for"
        )
    return found


def _parsed(key: str, text: str | None, kind: type = dict) -> Any:
    if text is None:
        raise ValueError(f"{PREFIX}{key} is not there")
    try:
        body = json.loads(text)
    except RecursionError:
        raise ValueError(f"{PREFIX}{key} is nested too deep") from None
    if not isinstance(body, kind):
        raise ValueError(f"{PREFIX}{key} is no {'object' if kind is dict else 'list'}")
    return body


def _check_sizes(body: Mapping[str, Any], shapes: Shapes, family: str) -> None:
    """As many levels, layers and words as there are tensors for."""
    unet, vae, text = body["unet"], body["vae"], body["text_encoder"]
    if (family == "xl") != ("addition_embed_type" in unet):
        raise ValueError("its unet and its text encoders are of two families")
    if family == "xl" and not {"addition_time_embed_dim", "projection_class_embeddings_input_dim"} <= unet.keys():
        raise ValueError("its unet does not say how it reads the picture's size")
    if not unet["in_channels"] == unet["out_channels"] == vae["latent_channels"]:
        raise ValueError("its unet and its vae have different numbers of channels")
    gives = sum(body[part]["hidden_size"] for part in parts_of(family) if part.startswith("text_encoder"))
    if gives != unet["cross_attention_dim"]:
        raise ValueError(f"its text encoder gives {gives} features a token and its unet takes {unet['cross_attention_dim']}")
    for part, home, places, block in (("unet", UNET, ldm.unet_places(unet), _UNET_BLOCK), ("vae", VAE, ldm.vae_places(vae), _VAE_BLOCK)):
        there = {match[0] for name in shapes if name.startswith(home) if (match := block.match(name.removeprefix(home)))}
        said = {match[0] for place in places.values() if (match := block.match(f"{place}."))}
        if there != said:
            raise ValueError(f"its {part} has other levels or layers than the {len(there)} blocks that are there, {min(there ^ said)} first")
    for place, home in ldm.unet_places(unet).items():
        if match := re.match(r"(down|up|mid)_blocks?\.(?:(\d+)\.)?attentions\.", place):
            level = {"down": int(match[2] or 0), "up": len(unet["block_out_channels"]) - 1 - int(match[2] or 0), "mid": -1}[match[1]]
            depths = unet["transformer_layers_per_block"]
            depth = depths[level] if isinstance(depths, list) else depths
            if f"{UNET}{home}.transformer_blocks.{depth - 1}.norm1.weight" not in shapes:
                raise ValueError(f"its unet has transformers of {depth} layers, and {home} has fewer")
    homes = [("text_encoder", {"sd1": "cond_stage_model.", "sd2": "cond_stage_model.", "xl": "conditioner.embedders.0."}[family])]
    homes += [("text_encoder_2", "conditioner.embedders.1.")] if family == "xl" else []
    for part, home in homes:
        text = body[part]
        layers = len(_numbers(shapes, rf"{re.escape(home)}.*\.(?:layers|resblocks)\.(\d{{1,4}})\."))
        if layers != text["num_hidden_layers"]:
            raise ValueError(f"its {part} has {text['num_hidden_layers']} layers, and {layers} are there")
        words = next((list(shape) for name, shape in shapes.items() if name.startswith(home) and name.endswith("token_embedding.weight")), None)
        if words != [text["vocab_size"], text["hidden_size"]]:
            raise ValueError(f"its {part} knows {text['vocab_size']} words of {text['hidden_size']} numbers, and {words} are there")


_UNET_BLOCK = re.compile(r"(input_blocks|output_blocks)\.\d+\.\d+\.|middle_block\.\d+\.|label_emb\.")
_VAE_BLOCK = re.compile(r"encoder\.down\.\d+\.(block\.\d+|downsample)\.|decoder\.up\.\d+\.(block\.\d+|upsample)\.")


def _numbers(shapes: Shapes, pattern: str) -> set[int]:
    return {int(match[1]) for name in shapes if (match := re.match(pattern, name))}


def _tokenizer(body: Mapping[str, Any], family: str) -> tuple[int, tuple[str, ...], bool]:
    if body.keys() != {"model_max_length", "pad_tokens", "force_zeros_for_empty_prompt"}:
        raise ValueError("its tokenizer has other settings than are known")
    length, pads, zero = body["model_max_length"], body["pad_tokens"], body["force_zeros_for_empty_prompt"]
    if type(length) is not int or not 3 <= length <= LONGEST or type(zero) is not bool:
        raise ValueError(f"its tokenizer reads {str(length)[:40]} tokens at once")
    words = isinstance(pads, list) and all(isinstance(word, str) and 1 <= len(word) <= 100 for word in pads)
    if not words or len(pads) != len(parts_of(family)) - 3:
        raise ValueError(f"its tokenizer pads with {str(pads)[:80]}")
    return length, tuple(pads), zero


def _vocabulary(vocab: dict[str, Any], body: Mapping[str, Any], pads: tuple[str, ...]) -> Mapping[str, int]:
    if any(type(number) is not int for number in vocab.values()) or sorted(vocab.values()) != list(range(len(vocab))):
        raise ValueError("the words of its vocabulary are not numbered from 0 on")
    if any(not word or len(word.encode()) > 1000 for word in vocab):  # half a surrogate pair is a ValueError too
        raise ValueError("its vocabulary has words that are none")
    if missing := [word for word in (START, END, *pads) if word not in vocab]:
        raise ValueError(f"its vocabulary has no {missing[0]!r}")
    if len(vocab) > min(body[part]["vocab_size"] for part in body if part.startswith("text_encoder")):
        raise ValueError("its vocabulary has more words than its text encoder")
    return vocab


def _merges(lines: list[Any], vocab: Mapping[str, int]) -> tuple[tuple[str, str], ...]:
    pairs = [tuple(line.split(" ")) if isinstance(line, str) else () for line in lines]
    for pair in pairs:
        if len(pair) != 2 or not {*pair, "".join(pair)} <= vocab.keys():
            raise ValueError(f"its merge {' '.join(pair)[:80]!r} is none of its vocabulary")
    return tuple((pair[0], pair[1]) for pair in pairs)

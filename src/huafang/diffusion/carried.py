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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huafang.diffusion import ldm
from huafang.errors import BadInput
from huafang.tensorfile import MAX_METADATA

PREFIX = "huafang."
START, END = "<|startoftext|>", "<|endoftext|>"
CLIP_WORDS = 49_408
"""Words of CLIP's own vocabulary, which is too large for the metadata, and which every reader has."""
UNET, VAE = "model.diffusion_model.", "first_stage_model."

Check = Callable[[Any], bool]
Shapes = Mapping[str, Sequence[int]]


def _whole(low: int, high: int) -> Check:
    return lambda value: type(value) is int and low <= value <= high


def _number(low: float, high: float) -> Check:
    return lambda value: type(value) in (int, float) and low <= value <= high


def _one_of(*known: object) -> Check:
    return lambda value: any(type(value) is type(one) and value == one for one in known)


def _each(check: Check) -> Check:
    return lambda value: isinstance(value, list) and 1 <= len(value) <= 8 and all(check(one) for one in value)


def _each_or_one(check: Check) -> Check:
    return lambda value: check(value) or _each(check)(value)


_FLAG = _one_of(True, False)
KNOWN: dict[str, dict[str, Check]] = {
    "unet": {
        "sample_size": _whole(1, 1024),
        "in_channels": _whole(1, 64),
        "out_channels": _whole(1, 64),
        "block_out_channels": _each(_whole(1, 8192)),
        "layers_per_block": _whole(1, 16),
        "down_block_types": _each(_one_of(*ldm.DOWN)),
        "up_block_types": _each(_one_of(*ldm.UP)),
        "cross_attention_dim": _whole(1, 16_384),
        "attention_head_dim": _each_or_one(_whole(1, 1024)),
        "num_attention_heads": _each_or_one(_whole(1, 1024)),
        "transformer_layers_per_block": _each_or_one(_whole(1, 64)),
        "norm_num_groups": _whole(1, 1024),
        "use_linear_projection": _FLAG,
        "upcast_attention": _FLAG,
        "addition_embed_type": _one_of("text_time"),
        "addition_time_embed_dim": _whole(1, 8192),
        "projection_class_embeddings_input_dim": _whole(1, 65_536),
    },
    "vae": {
        "sample_size": _whole(1, 8192),
        "in_channels": _one_of(3),
        "out_channels": _one_of(3),
        "latent_channels": _whole(1, 64),
        "block_out_channels": _each(_whole(1, 8192)),
        "layers_per_block": _whole(1, 16),
        "down_block_types": _each(_one_of("DownEncoderBlock2D")),
        "up_block_types": _each(_one_of("UpDecoderBlock2D")),
        "norm_num_groups": _whole(1, 1024),
        "scaling_factor": _number(1e-4, 100),
        "force_upcast": _FLAG,
    },
    "text_encoder": {
        "vocab_size": _whole(3, 1_000_000),
        "hidden_size": _whole(1, 16_384),
        "intermediate_size": _whole(1, 65_536),
        "projection_dim": _whole(1, 16_384),
        "num_hidden_layers": _whole(1, 128),
        "num_attention_heads": _whole(1, 1024),
        "max_position_embeddings": _whole(3, 4096),
        "hidden_act": _one_of("quick_gelu", "gelu"),
        "bos_token_id": _whole(0, 1_000_000),
        "eos_token_id": _whole(0, 1_000_000),
        "pad_token_id": _whole(0, 1_000_000),
    },
    "scheduler": {
        "num_train_timesteps": _whole(2, 10_000),
        "beta_start": _number(1e-6, 0.5),
        "beta_end": _number(1e-6, 0.999),
        "beta_schedule": _one_of("linear", "scaled_linear", "squaredcos_cap_v2"),
        "prediction_type": _one_of("epsilon", "v_prediction"),
        "rescale_betas_zero_snr": _FLAG,
        "steps_offset": _whole(0, 1),
        "timestep_spacing": _one_of("leading", "trailing", "linspace"),
    },
}
"""What a configuration may say, by part. What is not here is as diffusers has it by default: LDM knows nothing else."""
KNOWN["text_encoder_2"] = KNOWN["text_encoder"]
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
    def size(self) -> int:
        """The side in pixels that the model was trained on."""
        return int(self.parts["unet"]["sample_size"]) << len(self.parts["vae"]["block_out_channels"]) - 1


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
        return Carried({part: body[part] for part in parts_of(family)}, length, pads, zero, vocab, merges)
    except ValueError as error:
        raise BadInput(
            f"{path.name} says of itself what cannot be: {error}", code="weights.unreadable", hint="get the file again, or export it again"
        ) from None


def check_part(part: str, config: Mapping[str, Any]) -> None:
    """Raises ValueError where a configuration has a key or a value that is not known, or lacks one."""
    known = KNOWN[part]
    for key, value in config.items():
        if key not in known:
            raise ValueError(f"its {part} has {key[:60]!r}, which is not known")
        if not known[key](value):
            raise ValueError(f"its {part} has {key} = {repr(value)[:80]}")
    if absent := sorted(known.keys() - config.keys() - OPTIONAL):
        raise ValueError(f"its {part} has no {absent[0]}")
    if levels := config.get("block_out_channels"):
        for key, value in config.items():
            if isinstance(value, list) and len(value) != len(levels):
                raise ValueError(f"its {part} has {len(levels)} levels, and {len(value)} of {key}")


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
    deepest = max(_numbers(shapes, rf"{re.escape(UNET)}.*\.transformer_blocks\.(\d{{1,4}})\."), default=-1) + 1
    depths = unet["transformer_layers_per_block"]
    if max(depths if isinstance(depths, list) else [depths]) > max(deepest, 1):
        raise ValueError(f"its unet has transformers of {depths} layers, and {deepest} are there")
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
    if not _whole(3, 4096)(length) or not _FLAG(zero):
        raise ValueError(f"its tokenizer reads {str(length)[:40]} tokens at once")
    if not _each(lambda word: isinstance(word, str) and 1 <= len(word) <= 100)(pads) or len(pads) != len(parts_of(family)) - 3:
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

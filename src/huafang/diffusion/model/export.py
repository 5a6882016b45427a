"""A diffusers folder -> one `.safetensors` file in the LDM layout, as AUTOMATIC1111's web UI, ComfyUI and `single_file.py` read it.

Tensors keep the bits and the precision that they are stored in. The file also carries the configurations and the vocabulary (`embedded_config.py`), so that a
model of no published shape, as the built-in one is, can be read again by Huafang; other tools guess a model by its shapes, and know the published ones.
"""

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from huafang import newfile
from huafang.assets import check_writable, draft
from huafang.diffusion.model import embedded_config, ldm
from huafang.diffusion.model.embedded_config import CLIP_WORDS, KNOWN, UNET, VAE, Carried
from huafang.diffusion.model.inspect import Checkpoint, inspect
from huafang.diffusion.model.load import RENAMED
from huafang.errors import BadInput, DiskFull, Unavailable
from huafang.models import configs, tensorfile
from huafang.nets import stored
from huafang.nets.tokenizer import SPECIAL

State = dict[str, torch.Tensor]
_TO_OPEN_CLIP = {"layer_norm1": "ln_1", "layer_norm2": "ln_2", "mlp.fc1": "mlp.c_fc", "mlp.fc2": "mlp.c_proj", "self_attn.out_proj": "attn.out_proj"}


def export(path: Path, out: Path, *, over: bool = False) -> list[str]:
    """The diffusers folder at `path` as one file at `out`, whole or not at all; gives remarks for whoever asked.

    `over`: a file that is there is replaced. Raises BadInput for a model that the layout has no place for (`weights.wrong_kind`) and for a file that is
    there (`weights.exists`); DiskFull, Unavailable.
    """
    if out.suffix != ".safetensors":
        raise BadInput(f"{out.name} must end in .safetensors", code="weights.wrong_kind")
    _free(out, over)
    found = inspect(path)
    if found.single:
        raise BadInput(f"{path.name} is one file already", code="weights.wrong_kind")
    if found.bert:
        raise BadInput(
            f"{path.name} reads its prompts with a BERT, for which the LDM layout has no place that other tools know",
            code="weights.wrong_kind",
            hint="give its diffusers folder to others instead",
        )
    own = _carried(found)
    state = _state(found, own)
    said = {"format": "pt", "modelspec.prediction_type": "v" if found.prediction == "v_prediction" else "epsilon", **embedded_config.written(own)}
    _write(state, said, out, over)
    return [] if own.vocab else ["its vocabulary is CLIP's own, which readers of such files bring themselves"]


def _free(out: Path, over: bool) -> None:
    if out.is_dir() or (os.path.lexists(out) and not over):
        raise newfile.exists(out)


# What the model is


def _carried(found: Checkpoint) -> Carried:
    try:
        parts = {part: _config(found, part) for part in embedded_config.parts_of(found.family)}
        for part, config in parts.items():
            embedded_config.check_part(part, config)
    except ValueError as error:
        raise BadInput(f"{found.path.name} has no place in the LDM layout: {error}", code="weights.wrong_kind") from None
    folder = found.folder
    assert folder is not None, "asked by export"
    for words, number in zip(folder.words, ("", "_2"), strict=False):
        if more := [token.content for token in words.added.values() if token.content not in words.vocab]:
            raise BadInput(
                f"tokenizer{number} of {found.path.name} has added words ({more[0][:60]!r} first), for which the LDM layout has no place",
                code="weights.wrong_kind",
            )
        if plain := [name for name, word in words.special.items() if name != "pad_token" and word != SPECIAL["clip"][name]]:
            raise BadInput(f"tokenizer{number} of {found.path.name} is not CLIP's: its {plain[0]} is {words.special[plain[0]]!r}", code="weights.wrong_kind")
    first, *others = folder.words
    if any((other.vocab, other.merges) != (first.vocab, first.merges) for other in others):
        raise BadInput(f"the two tokenizers of {found.path.name} have two vocabularies, and one file carries one", code="weights.wrong_kind")
    own = len(first.vocab) != CLIP_WORDS
    return Carried(
        parts,
        length=int(min(first.config.model_max_length or configs.LONGEST, parts["text_encoder"]["max_position_embeddings"])),
        pads=tuple(words.special["pad_token"] for words in folder.words),
        zero_empty=found.family == "xl" and folder.zero_empty,
        vocab=first.vocab if own else None,
        merges=tuple(first.merges) if own else (),
    )


def _config(found: Checkpoint, part: str) -> dict[str, Any]:
    """The part's configuration, with the defaults of its class, in the keys that can be carried. Raises ValueError where another key is not at its default."""
    assert found.folder is not None, "asked by export"
    config = found.folder.configs[part]
    for key, field in type(config).model_fields.items():
        if key not in KNOWN[part] and not _is_default(getattr(config, key), field.default):
            reason = " (a noise schedule of its own)" if key == "trained_betas" else ""
            raise ValueError(f"its {part} has {key}{reason} = {repr(getattr(config, key))[:80]}")
    whole = config.model_dump()
    unsaid = embedded_config.OPTIONAL - config.model_fields_set if part == "scheduler" else set()  # there each sampler has a default of its own
    return {key: whole[key] for key in KNOWN[part] if whole.get(key) is not None and key not in unsaid}


def _is_default(value: Any, default: Any) -> bool:
    if isinstance(value, list):  # one for each level
        return all(_is_default(one, default) for one in value)
    return bool(value == default) or (not value and not default)


def _kind(part: str) -> Any:
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTextModelWithProjection

    return {"unet": UNet2DConditionModel, "vae": AutoencoderKL, "text_encoder": CLIPTextModel, "text_encoder_2": CLIPTextModelWithProjection}[part]


# Its tensors


def _state(found: Checkpoint, own: Carried) -> State:
    """All tensors under their names in the LDM layout, as they are stored."""
    unet, vae = own.parts["unet"], own.parts["vae"]
    in_unet, in_vae = ldm.unet_places(unet), ldm.vae_places(vae)
    state = {UNET + ldm.unet_name(name, in_unet): tensor for name, tensor in _stored(found, own, "unet").items()}
    for name, tensor in _stored(found, own, "vae").items():
        matrix = ".attentions." in name and tensor.ndim == 2  # a 1 × 1 convolution there
        state[VAE + ldm.vae_name(name, in_vae)] = tensor[..., None, None] if matrix else tensor
    text = {name.removeprefix("text_model."): tensor for name, tensor in _stored(found, own, "text_encoder").items()}
    if found.family == "sd2":
        state |= {f"cond_stage_model.model.{name}": tensor for name, tensor in open_clip(text).items()}
    else:
        home = "conditioner.embedders.0.transformer" if found.family == "xl" else "cond_stage_model.transformer"
        state |= {f"{home}.text_model.{name}": tensor for name, tensor in text.items()}
    if found.family == "xl":
        second = {name.removeprefix("text_model."): tensor for name, tensor in _stored(found, own, "text_encoder_2").items()}
        state |= {f"conditioner.embedders.1.model.{name}": tensor for name, tensor in open_clip(second).items()}
        if found.prediction == "v_prediction":
            state["v_pred"] = torch.zeros(0)  # marks that ComfyUI looks for
            if own.parts["scheduler"].get("rescale_betas_zero_snr"):
                state["ztsnr"] = torch.zeros(0)
    return {name: tensor.contiguous() for name, tensor in state.items()}


def open_clip(text: Mapping[str, torch.Tensor]) -> State:
    """CLIP's names -> OpenCLIP's: queries, keys and values as one matrix (3·C, C), the projection the other way round."""
    named: State = {}
    for name, tensor in text.items():
        inside = name.replace("encoder.layers.", "transformer.resblocks.")
        if name == "text_projection.weight":
            named["text_projection"] = tensor.T
        elif name.startswith("embeddings."):
            named["positional_embedding" if "position" in name else "token_embedding.weight"] = tensor
        elif name.startswith("final_layer_norm."):
            named[name.replace("final_layer_norm", "ln_final")] = tensor
        elif ".self_attn.q_proj." in name:
            three = [text[name.replace(".q_proj.", f".{letter}_proj.")] for letter in "qkv"]
            named[inside.replace(".self_attn.q_proj.", ".attn.in_proj_")] = torch.cat(three)
        elif not re.search(r"\.self_attn\.[kv]_proj\.", name):
            for old, new in _TO_OPEN_CLIP.items():
                inside = inside.replace(f".{old}.", f".{new}.")
            named[inside] = tensor
    return named


def _stored(found: Checkpoint, own: Carried, part: str) -> State:
    """The tensors of a part by the names that its network has, each of the network's and no other. Raises BadInput."""
    assert found.folder is not None, "asked by export"
    config = own.parts[part]
    network = stored.stored(f"the {part} of {found.path.name}", found.folder.files[part], RENAMED[part])
    kind = _kind(part)
    made = stored.bare(lambda: kind(kind.config_class(**config)) if part.startswith("text") else kind.from_config({**config}), network.title)
    wanted = {stored.text_name(name) if part.startswith("text") else name: tuple(tensor.shape) for name, tensor in made.named_parameters()}
    stored.compare(wanted, network)
    state = network.read()
    if bad := tensorfile.unfinite(state):
        raise BadInput(f"{network.title} is damaged: {bad[0]} holds values that are no numbers (NaN or infinity)", code="weights.not_finite")
    return {name: state[name] for name in wanted}


# The file


def _write(state: State, said: dict[str, str], out: Path, over: bool) -> None:
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    check_writable(out.parent)
    size = sum(tensor.numel() * tensor.element_size() for tensor in state.values())
    full = DiskFull(f"no room on the disk to write {size:,} bytes to {out.parent}", hint="free some space and try again")
    if shutil.disk_usage(out.parent).free < size:
        raise full
    try:
        with draft(out, move=os.replace if over else newfile.move_new) as writing:
            save_file(state, writing, metadata=said)
            with writing.open("rb+") as file:
                os.fsync(file.fileno())
            inspect(writing)  # our own reader's checks of names, sizes and of what is carried
    except (SafetensorError, OSError) as error:
        if "os error 28" in str(error) or "No space" in str(error):
            raise full from error
        raise Unavailable(f"cannot write to {out.parent}: {error}", code="disk.unwritable") from error

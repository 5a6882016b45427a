"""A diffusers folder -> one `.safetensors` file in the LDM layout, as AUTOMATIC1111's web UI, ComfyUI and `single_file.py` read it.

Tensors keep the bits and the precision that they are stored in. The file also carries the configurations and the vocabulary (`carried.py`), so that a
model of no published shape, as the built-in one is, can be read again by Huafang; other tools guess a model by its shapes, and know the published ones.
"""

import contextlib
import inspect as python_inspect
import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from huafang import catalogue, weights
from huafang.assets import check_writable
from huafang.diffusion import carried, ldm
from huafang.diffusion.carried import CLIP_WORDS, KNOWN, UNET, VAE, Carried
from huafang.diffusion.checkpoints import Checkpoint, inspect, read_json
from huafang.errors import BadInput, DiskFull, Unavailable

State = dict[str, torch.Tensor]

_OLD_ATTENTION = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
"""What diffusers called a VAE's attention before 2023, as many folders still do."""
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
    said = {"format": "pt", "modelspec.prediction_type": "v" if found.prediction == "v_prediction" else "epsilon", **carried.written(own)}
    _write(state, said, out, over)
    return [] if own.vocab else ["its vocabulary is CLIP's own, which readers of such files bring themselves"]


def _free(out: Path, over: bool) -> None:
    if out.is_dir() or (out.exists() and not over):
        raise BadInput(f"{out} is there already", code="weights.exists", hint="move it away first, or choose another name")


# What the model is


def _carried(found: Checkpoint) -> Carried:
    try:
        parts = {part: _config(found, part) for part in carried.parts_of(found.family)}
        for part, config in parts.items():
            carried.check_part(part, config)
    except ValueError as error:
        raise BadInput(f"{found.path.name} has no place in the LDM layout: {error}", code="weights.wrong_kind") from None
    numbers = ("", "_2") if found.family == "xl" else ("",)
    made = [_tokenizer(found.path / f"tokenizer{number}") for number in numbers]
    (tokenizer, vocab, merges), *others = made
    if any(other[1:] != (vocab, merges) for other in others):
        raise BadInput(f"the two tokenizers of {found.path.name} have two vocabularies, and one file carries one", code="weights.wrong_kind")
    index = read_json(found.path / "model_index.json")
    return Carried(
        parts,
        length=min(int(tokenizer.model_max_length), int(parts["text_encoder"]["max_position_embeddings"])),
        pads=tuple(str(one[0].pad_token) for one in made),
        zero_empty=found.family == "xl" and bool(index.get("force_zeros_for_empty_prompt", True)),
        vocab=None if len(vocab) == CLIP_WORDS else vocab,
        merges=() if len(vocab) == CLIP_WORDS else tuple(merges),
    )


def _config(found: Checkpoint, part: str) -> dict[str, Any]:
    """The part's configuration, with the defaults of its class, in the keys that can be carried. Raises ValueError where another key is not at its default."""
    if part == "scheduler":
        said = read_json(found.path / part / "scheduler_config.json")
        if said.get("trained_betas") is not None:
            raise ValueError("its scheduler has a noise schedule of its own (trained_betas)")
        whole = {"num_train_timesteps": 1000, "beta_start": 0.0001, "beta_end": 0.02, "beta_schedule": "linear", "prediction_type": "epsilon"} | said
    elif part.startswith("text_encoder"):
        whole = _text_config(catalogue.part(found.path, part)).to_dict()
        if whole["layer_norm_eps"] != 1e-5:
            raise ValueError(f"its {part} has layer_norm_eps = {whole['layer_norm_eps']}")
    else:
        defaults = {
            name: [*one.default] if isinstance(one.default, tuple) else one.default
            for name, one in python_inspect.signature(_kind(part)).parameters.items()
            if one.default is not one.empty
        }
        said = read_json(catalogue.part(found.path, part) / "config.json")
        for key, default in defaults.items():
            if key not in KNOWN[part] and not _is_default(said.get(key, default), default):
                raise ValueError(f"its {part} has {key} = {repr(said[key])[:80]}")
        whole = defaults | said
    return {key: whole[key] for key in KNOWN[part] if whole.get(key) is not None}


def _is_default(value: Any, default: Any) -> bool:
    if isinstance(value, list):  # one for each level
        return all(_is_default(one, default) for one in value)
    return bool(value == default) or (not value and not default)


def _kind(part: str) -> Any:
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTextModelWithProjection

    return {"unet": UNet2DConditionModel, "vae": AutoencoderKL, "text_encoder": CLIPTextModel, "text_encoder_2": CLIPTextModelWithProjection}[part]


def _text_config(place: Path) -> Any:
    from huggingface_hub.errors import StrictDataclassError
    from transformers import CLIPTextConfig

    try:
        return CLIPTextConfig.from_pretrained(place, local_files_only=True)
    except (StrictDataclassError, OSError, TypeError) as error:
        raise ValueError(" ".join(str(error).split())[:300]) from error


def _tokenizer(place: Path) -> tuple[Any, dict[str, int], list[tuple[str, str]]]:
    """The tokenizer, its words and its merges. Raises BadInput for one that does more than CLIP's does with them."""
    from transformers import CLIPTokenizer

    try:
        tokenizer = CLIPTokenizer.from_pretrained(place, local_files_only=True)
    except (OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
        raise BadInput(f"the tokenizer in {place} cannot be read: {' '.join(str(error).split())[:300]}", code="weights.unreadable") from error
    ours = json.loads(tokenizer.backend_tokenizer.to_str())
    vocab: dict[str, int] = ours["model"]["vocab"]
    pairs = (pair.split(" ") if isinstance(pair, str) else pair for pair in ours["model"]["merges"])
    merges = [(first, second) for first, second in pairs]
    plain = CLIPTokenizer(vocab=dict(vocab), merges=list(merges), pad_token=str(tokenizer.pad_token))
    theirs = json.loads(plain.backend_tokenizer.to_str())
    if other := [key for key in theirs if key not in ("padding", "truncation") and theirs[key] != ours.get(key)]:
        raise BadInput(f"the tokenizer in {place} is not CLIP's ({', '.join(other)}): added words, or another way to cut words", code="weights.wrong_kind")
    return tokenizer, vocab, merges


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
    from accelerate import init_empty_weights

    place, kind, config = catalogue.part(found.path, part), _kind(part), own.parts[part]
    try:
        with init_empty_weights():
            made = kind(kind.config_class(**config)) if part.startswith("text") else kind.from_config({**config})
    except (ValueError, TypeError, ZeroDivisionError) as error:
        raise BadInput(f"the {part} of {found.path.name} cannot be: {' '.join(str(error).split())[:300]}", code="weights.wrong_kind") from error
    stored = {_today(name, part): tensor for file in _files(place) for name, tensor in weights.load(file).items()}
    state: State = {}
    for name, like in made.named_parameters():
        tensor = stored.get(name, stored.get(f"text_model.{name}"))
        if tensor is None:
            raise BadInput(f"the {part} of {found.path.name} lacks {name}", code="weights.incomplete")
        old = part == "vae" and ".attentions." in name and tensor.shape == (*like.shape, 1, 1)  # converted from LDM's as it stood there
        if tensor.shape != like.shape and not old:
            raise BadInput(
                f"the {part} of {found.path.name} has {name} in the shape {tuple(tensor.shape)} instead of {tuple(like.shape)}", code="weights.wrong_kind"
            )
        state[name] = tensor
    return state


def _today(name: str, part: str) -> str:
    old = re.fullmatch(r"(.*\.attentions\.0)\.(query|key|value|proj_attn)\.(weight|bias)", name) if part == "vae" else None
    return f"{old[1]}.{_OLD_ATTENTION[old[2]]}.{old[3]}" if old else name


def _files(place: Path) -> list[Path]:
    """The files of a part that diffusers and transformers read: the plain one or its pieces, else those in half precision."""
    for stem in ("diffusion_pytorch_model", "model"):
        for variant in ("", ".fp16"):
            if (whole := place / f"{stem}{variant}.safetensors").is_file():
                return [whole]
            if (index := place / f"{stem}.safetensors.index{variant}.json").is_file():
                named = read_json(index).get("weight_map")
                names = sorted({str(name) for name in named.values()}) if isinstance(named, dict) else []
                if not names or any(Path(name).name != name or not name.endswith(".safetensors") for name in names):
                    raise BadInput(f"{index.name} names no files of {place}", code="weights.unreadable")
                return [place / name for name in names]
    raise BadInput(f"{place} has no weights under a name that diffusers gives", code="weights.incomplete")


# The file


def _write(state: State, said: dict[str, str], out: Path, over: bool) -> None:
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    check_writable(out.parent)
    size = sum(tensor.numel() * tensor.element_size() for tensor in state.values())
    full = DiskFull(f"no room on the disk to write {size:,} bytes to {out.parent}", hint="free some space and try again")
    if shutil.disk_usage(out.parent).free < size:
        raise full
    handle, name = tempfile.mkstemp(prefix=".part-", suffix=".safetensors", dir=out.parent)
    os.close(handle)
    draft = Path(name)
    try:
        save_file(state, draft, metadata=said)
        with draft.open("rb+") as file:
            os.fsync(file.fileno())
        inspect(draft)  # our own reader's checks of names, sizes and of what is carried
        os.chmod(draft, 0o644)
        _free(out, over)
        os.replace(draft, out)
    except (SafetensorError, OSError) as error:
        if "os error 28" in str(error) or "No space" in str(error):
            raise full from error
        raise Unavailable(f"cannot write to {out.parent}: {error}", code="disk.unwritable") from error
    finally:
        with contextlib.suppress(OSError):
            draft.unlink()

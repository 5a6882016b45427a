"""Stable Diffusion models small enough for a test: random weights, real architecture, a real CLIP tokenizer with a vocabulary of bytes.

`folder(family)` is a diffusers folder (also "bert": sd1 with a text encoder like Taiyi's), `single(family)` the same weights as one file in the LDM
layout, its names made by the rules below, and `built_in(place)` a stand-in for the models that come with Huafang.
"""

import atexit
import json
import re
import shutil
import tempfile
from functools import cache
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

VOCABULARY = 520


@cache
def home() -> Path:
    place = Path(tempfile.mkdtemp(prefix="huafang-tiny-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    return place


def write_tokenizer(place: Path, pad: str = "<|endoftext|>") -> Path:
    """CLIP's byte-level vocabulary without its 48,894 merges: every byte, every byte at a word's end, four merges, and the two marks."""
    place.mkdir(parents=True, exist_ok=True)
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = [chr(byte) if byte in plain else chr(256 + sum(other not in plain for other in range(byte))) for byte in range(256)]
    letters = sorted(letters, key=lambda letter: (letter != "!", letter))  # "!" is token 0, as in CLIP
    merges = ["c a", "ca t</w>", "d o", "do g</w>"]
    words = [*letters, *(letter + "</w>" for letter in letters), *(merge.replace(" ", "") for merge in merges), "<|startoftext|>", "<|endoftext|>"]
    (place / "vocab.json").write_text(json.dumps({word: number for number, word in enumerate(words)}))
    (place / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")
    config = {"tokenizer_class": "CLIPTokenizer", "model_max_length": 77, "pad_token": pad}
    (place / "tokenizer_config.json").write_text(json.dumps(config))
    return place


HAN = "红黄蓝绿白黑色的房子城堡猫狗海船山湖雪夜日落中空在上有月光下一只，。、"


def write_bert_tokenizer(place: Path, length: int = 32) -> Path:
    """BERT's WordPiece with a token for each Han character, as in bert-base-chinese, and Latin letters."""
    place.mkdir(parents=True, exist_ok=True)
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *dict.fromkeys(HAN), ",", ".", "!", *letters, *(f"##{letter}" for letter in letters), "cat"]
    (place / "vocab.txt").write_text("\n".join(words) + "\n", "utf-8")
    config = {"tokenizer_class": "BertTokenizer", "model_max_length": length, "do_lower_case": True, "tokenize_chinese_chars": True}
    (place / "tokenizer_config.json").write_text(json.dumps(config))
    return place


def _bert(config: dict):
    from transformers import BertConfig, BertModel

    return BertModel(BertConfig(**config))


def _clip(config: dict, projected: bool = False):
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    return (CLIPTextModelWithProjection if projected else CLIPTextModel)(CLIPTextConfig(**config))


def configs(family: str) -> dict[str, dict]:
    """The configurations of the parts; the real ones' shape, a hundredth of their width."""
    text = {"vocab_size": VOCABULARY, "max_position_embeddings": 77, "bos_token_id": 516, "eos_token_id": 2, "pad_token_id": 1}
    clip = {**text, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2, "projection_dim": 16}
    big = {**clip, "hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 4, "projection_dim": 32, "hidden_act": "gelu"}
    unet = {"sample_size": 8, "in_channels": 4, "out_channels": 4, "layers_per_block": 2, "norm_num_groups": 8}
    four = {
        "block_out_channels": (8, 16, 16, 16),
        "down_block_types": ("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
        "up_block_types": ("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
    }
    vae = {
        "block_out_channels": (8, 8, 8, 8),
        "down_block_types": ("DownEncoderBlock2D",) * 4,
        "up_block_types": ("UpDecoderBlock2D",) * 4,
        "latent_channels": 4,
        "layers_per_block": 2,
        "norm_num_groups": 4,
        "sample_size": 64,
    }
    if family == "bert":
        bert = {"vocab_size": 160, "max_position_embeddings": 40, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2}
        return {**configs("sd1"), "text_encoder": bert}
    if family == "inpainting":
        parts = configs("sd1")
        return {**parts, "unet": {**parts["unet"], "in_channels": 9}}
    if family == "sd1":
        return {"unet": {**unet, **four, "attention_head_dim": 2, "cross_attention_dim": 16}, "vae": vae, "text_encoder": clip}
    if family == "sd2":
        wide = {**unet, **four, "attention_head_dim": (1, 2, 2, 2), "cross_attention_dim": 32, "use_linear_projection": True}
        return {"unet": wide, "vae": vae, "text_encoder": big}
    three = {
        **unet,
        "block_out_channels": (8, 16, 16),
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        "attention_head_dim": (1, 2, 2),
        "transformer_layers_per_block": (1, 1, 2),
        "cross_attention_dim": 48,
        "use_linear_projection": True,
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 8,
        "projection_class_embeddings_input_dim": 32 + 6 * 8,
    }
    return {"unet": three, "vae": {**vae, "scaling_factor": 0.13025, "force_upcast": True}, "text_encoder": clip, "text_encoder_2": big}


def scheduler_config(family: str) -> dict:
    noise = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000, "steps_offset": 1}
    says = "v_prediction" if family == "sd2" else "epsilon"
    return {"_class_name": "PNDMScheduler", **noise, "clip_sample": False, "set_alpha_to_one": False, "skip_prk_steps": True, "prediction_type": says}


@cache
def folder(family: str = "sd1") -> Path:
    """A diffusers folder of `family` (sd1, sd2 with v-prediction, xl, bert, inpainting: sd1 with nine channels)."""
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    place, parts = home() / family, configs(family)
    torch.manual_seed({"sd1": 11, "sd2": 12, "xl": 13, "bert": 14, "inpainting": 15}[family])
    UNet2DConditionModel(**parts["unet"]).save_pretrained(place / "unet")
    AutoencoderKL(**parts["vae"]).save_pretrained(place / "vae")
    pipeline = {"xl": "StableDiffusionXLPipeline", "inpainting": "StableDiffusionInpaintPipeline"}.get(family, "StableDiffusionPipeline")
    index = {"_class_name": pipeline, "_diffusers_version": "0.30.0"}
    index |= {"unet": ["diffusers", "UNet2DConditionModel"], "vae": ["diffusers", "AutoencoderKL"], "scheduler": ["diffusers", "PNDMScheduler"]}
    if family == "bert":
        _bert(parts["text_encoder"]).save_pretrained(place / "text_encoder")
        write_bert_tokenizer(place / "tokenizer")
        index |= {"text_encoder": ["transformers", "BertModel"], "tokenizer": ["transformers", "BertTokenizer"]}
    for number in ("", "_2") if family == "xl" else () if family == "bert" else ("",):
        projected = number == "_2"
        _clip(parts[f"text_encoder{number}"], projected).save_pretrained(place / f"text_encoder{number}")
        write_tokenizer(place / f"tokenizer{number}", "!" if projected or family == "sd2" else "<|endoftext|>")
        index[f"text_encoder{number}"] = ["transformers", "CLIPTextModelWithProjection" if projected else "CLIPTextModel"]
        index[f"tokenizer{number}"] = ["transformers", "CLIPTokenizer"]
    index |= {"safety_checker": [None, None]} if family != "xl" else {"force_zeros_for_empty_prompt": True}
    (place / "scheduler").mkdir(exist_ok=True)
    (place / "scheduler" / "scheduler_config.json").write_text(json.dumps(scheduler_config(family)))
    (place / "model_index.json").write_text(json.dumps(index))
    return place


def copy(family: str, place: Path) -> Path:
    """A copy of the folder that a test may spoil."""
    return Path(shutil.copytree(folder(family), place))


def built_in(place: Path, dtype: torch.dtype = torch.float16) -> Path:
    """`mini`, stored in half precision, and `mini-zh`, which has neither UNet nor VAE of its own. Gives what stands for `weights.BUILT_IN`."""
    place = place.resolve()
    copy("sd1", place / "mini")
    shutil.copytree(folder("bert"), place / "mini-zh", ignore=shutil.ignore_patterns("unet", "vae"))
    for file in place.rglob("*.safetensors"):
        save_file({name: tensor.to(dtype) for name, tensor in load_file(file).items()}, file, metadata={"format": "pt"})
    return place


# The LDM layout, by its own rules: levels of (resnet, attention) pairs, counted through


def ldm_unet(state: dict[str, torch.Tensor], levels: int, layers: int = 2) -> dict[str, torch.Tensor]:
    """diffusers' UNet names -> LDM's."""
    heads = {
        "time_embedding.linear_1": "time_embed.0",
        "time_embedding.linear_2": "time_embed.2",
        "add_embedding.linear_1": "label_emb.0.0",
        "add_embedding.linear_2": "label_emb.0.2",
        "conv_in": "input_blocks.0.0",
        "conv_norm_out": "out.0",
        "conv_out": "out.2",
        "mid_block.resnets.0": "middle_block.0",
        "mid_block.attentions.0": "middle_block.1",
        "mid_block.resnets.1": "middle_block.2",
    }
    attended = {name.split(".attentions.")[0] for name in state if ".attentions." in name}
    for level in range(levels):
        for layer in range(layers):
            heads[f"down_blocks.{level}.resnets.{layer}"] = f"input_blocks.{level * (layers + 1) + layer + 1}.0"
            heads[f"down_blocks.{level}.attentions.{layer}"] = f"input_blocks.{level * (layers + 1) + layer + 1}.1"
        heads[f"down_blocks.{level}.downsamplers.0.conv"] = f"input_blocks.{(level + 1) * (layers + 1)}.0.op"
        for layer in range(layers + 1):
            heads[f"up_blocks.{level}.resnets.{layer}"] = f"output_blocks.{level * (layers + 1) + layer}.0"
            heads[f"up_blocks.{level}.attentions.{layer}"] = f"output_blocks.{level * (layers + 1) + layer}.1"
        last = 2 if f"up_blocks.{level}" in attended else 1
        heads[f"up_blocks.{level}.upsamplers.0.conv"] = f"output_blocks.{level * (layers + 1) + layers}.{last}.conv"
    inner = {"norm1": "in_layers.0", "conv1": "in_layers.2", "time_emb_proj": "emb_layers.1", "norm2": "out_layers.0", "conv2": "out_layers.3"}
    inner["conv_shortcut"] = "skip_connection"
    return {_renamed(name, heads, inner if ".resnets." in name else {}): tensor for name, tensor in state.items()}


def ldm_vae(state: dict[str, torch.Tensor], levels: int = 4, layers: int = 2) -> dict[str, torch.Tensor]:
    """diffusers' VAE names -> LDM's; its attention's matrices are 1 × 1 convolutions there."""
    heads = {f"{side}.conv_norm_out": f"{side}.norm_out" for side in ("encoder", "decoder")}
    for side in ("encoder", "decoder"):
        heads |= {f"{side}.mid_block.resnets.{n}": f"{side}.mid.block_{n + 1}" for n in (0, 1)}
        heads[f"{side}.mid_block.attentions.0"] = f"{side}.mid.attn_1"
    for level in range(levels):
        for layer in range(layers):
            heads[f"encoder.down_blocks.{level}.resnets.{layer}"] = f"encoder.down.{level}.block.{layer}"
        heads[f"encoder.down_blocks.{level}.downsamplers.0.conv"] = f"encoder.down.{level}.downsample.conv"
        for layer in range(layers + 1):
            heads[f"decoder.up_blocks.{level}.resnets.{layer}"] = f"decoder.up.{levels - 1 - level}.block.{layer}"
        heads[f"decoder.up_blocks.{level}.upsamplers.0.conv"] = f"decoder.up.{levels - 1 - level}.upsample.conv"
    inner = {"conv_shortcut": "nin_shortcut", "group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}
    named = {_renamed(name, heads, inner): tensor for name, tensor in state.items()}
    return {name: tensor[..., None, None] if re.search(r"attn_1\.(q|k|v|proj_out)\.weight", name) else tensor for name, tensor in named.items()}


def ldm_open_clip(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """transformers' names -> OpenCLIP's, with queries, keys and values as one matrix; and the last layer, which SD 2 leaves unread, once more."""
    named: dict[str, torch.Tensor] = {"logit_scale": torch.tensor(1.0)}
    inner = {"layer_norm1": "ln_1", "layer_norm2": "ln_2", "mlp.fc1": "mlp.c_fc", "mlp.fc2": "mlp.c_proj", "self_attn.out_proj": "attn.out_proj"}
    for name, tensor in state.items():
        name = name.removeprefix("text_model.")
        if name == "text_projection.weight":
            named["text_projection"] = tensor.T.contiguous()
        elif name.startswith("embeddings."):
            named["positional_embedding" if "position" in name else "token_embedding.weight"] = tensor
        elif name.startswith("final_layer_norm"):
            named[name.replace("final_layer_norm", "ln_final")] = tensor
        elif ".q_proj." in name:
            whole = torch.cat([state[key] for key in (_like(state, name, letter) for letter in "qkv")])
            named[name.replace("encoder.layers", "transformer.resblocks").replace("self_attn.q_proj.", "attn.in_proj_")] = whole
        elif ".k_proj." not in name and ".v_proj." not in name:
            named[_renamed(name, {"encoder.layers": "transformer.resblocks"}, inner)] = tensor
    return named


def _like(state: dict[str, torch.Tensor], name: str, letter: str) -> str:
    other = name.replace(".q_proj.", f".{letter}_proj.")
    return other if other in state else f"text_model.{other}"


def _renamed(name: str, heads: dict[str, str], inner: dict[str, str]) -> str:
    for old in sorted(heads, key=len, reverse=True):
        if name.startswith(f"{old}."):
            name = heads[old] + name[len(old) :]
            break
    for old, new in inner.items():
        name = name.replace(f".{old}.", f".{new}.")
    return name


def ldm(family: str, parts: dict[str, dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """The state dicts of a model's parts, by part -> one LDM state dict."""
    levels = 3 if family == "xl" else 4
    whole = {f"model.diffusion_model.{name}": tensor for name, tensor in ldm_unet(parts["unet"], levels).items()}
    whole |= {f"first_stage_model.{name}": tensor for name, tensor in ldm_vae(parts["vae"]).items()}
    text = parts["text_encoder"]
    if family == "sd2":
        return whole | {f"cond_stage_model.model.{name}": tensor for name, tensor in ldm_open_clip(text).items()}
    home_ = "conditioner.embedders.0.transformer" if family == "xl" else "cond_stage_model.transformer"
    whole |= {f"{home_}.text_model.{name.removeprefix('text_model.')}": tensor for name, tensor in text.items()}
    if family == "xl":
        whole |= {f"conditioner.embedders.1.model.{name}": tensor for name, tensor in ldm_open_clip(parts["text_encoder_2"]).items()}
    return whole


def states(family: str) -> dict[str, dict[str, torch.Tensor]]:
    place = folder(family)
    return {part: load_file(next((place / part).glob("*.safetensors"))) for part in configs(family)}


def single(family: str, place: Path, *, metadata: dict[str, str] | None = None) -> Path:
    """The tiny model as one file in `place`, with a tokenizer beside it."""
    place.mkdir(parents=True, exist_ok=True)
    path = place / f"tiny-{family}.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in ldm(family, states(family)).items()}, path, metadata=metadata)
    write_tokenizer(path.with_suffix(".tokenizer"))
    return path


def write_configs(place: Path) -> Path:
    """A stand-in for `huafang/diffusion/model/configs`, with the tiny shapes."""
    for family in ("sd1", "sd2", "xl"):
        for part in configs(family):
            (place / family / part).mkdir(parents=True, exist_ok=True)
            shutil.copy(folder(family) / part / "config.json", place / family / part)
        (place / family / "scheduler").mkdir()
        (place / family / "scheduler" / "scheduler_config.json").write_text(json.dumps(scheduler_config(family) | {"prediction_type": "epsilon"}))
    return place

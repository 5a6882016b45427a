"""What a file of weights is, told by the header alone: the one table of model kinds. No torch, and no tensor is read.

A method that reads weights of its own adds one line to KINDS; the command line, the HTTP API and the web page take titles, roles and families from here.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from huafang.errors import HuafangError
from huafang.models import tensorfile
from huafang.models.catalogue import part
from huafang.models.folders import read_json
from huafang.notes import Note

Role = Literal["base", "adapter", "embedding", "encoder", "loss network", "style network", "part", "unknown"]
ROLES: dict[Role, Note] = {
    "base": Note("base model", "基础模型"),
    "adapter": Note("adapter", "适配器"),
    "embedding": Note("embedding", "嵌入"),
    "encoder": Note("encoder", "编码器"),
    "loss network": Note("loss network", "损失网络"),
    "style network": Note("style network", "风格网络"),
    "part": Note("part of a model", "模型部件"),
    "unknown": Note("unknown", "未知"),
}
FAMILIES: dict[str, Note] = {
    "sd1": Note("Stable Diffusion 1.x", "Stable Diffusion 1.x"),
    "sd2": Note("Stable Diffusion 2.x", "Stable Diffusion 2.x"),
    "xl": Note("Stable Diffusion XL", "Stable Diffusion XL"),
    "mini": Note("Huafang's mini", "画坊 mini"),
    "taiyi": Note("Taiyi (Chinese Stable Diffusion 1)", "太乙（中文 Stable Diffusion 1）"),
    "sd3": Note("Stable Diffusion 3", "Stable Diffusion 3"),
    "flux": Note("FLUX", "FLUX"),
    "cascade": Note("Stable Cascade", "Stable Cascade"),
    "z-image": Note("Z-Image or Lumina", "Z-Image 或 Lumina"),
    "qwen-image": Note("Qwen-Image", "Qwen-Image"),
    "wan": Note("Wan", "Wan"),
    "transformer": Note("another family, whose network is a transformer", "其他以 Transformer 为网络的模型"),
    "v2": Note("AnimeGANv2", "AnimeGANv2"),
    "v3": Note("AnimeGANv3", "AnimeGANv3"),
    "reference": Note("the reference AnimeGAN recipe", "AnimeGAN 参考配方"),
}


@dataclass(frozen=True)
class Kind:
    """A row of the table. `mark` matches, from its beginning, a name that only tensors of this kind have; None where only the catalogue tells.

    `command` runs such a file; `{name}` stands for it. `title` says what it is for; `what`, if any, is how a message names a file that no method runs.
    """

    name: str
    role: Role
    title: Note
    mark: str | None
    command: str | None = None
    family: str | None = None
    what: str | None = None


def _painter(name: str, title: str, chinese: str, mark: str, *, style: bool = False, family: str | None = None) -> Kind:
    """A style network that the method of the same name runs; with `style`, on a second picture."""
    more = "--style PAINTING " if style else ""
    return Kind(name, "style network", Note(title, chinese), mark, f"{name.replace('_', '-')} PHOTO {more}--weights {{name}}", family)


def _not_run(name: str, title: str, chinese: str, mark: str, what: str, *, family: str | None = None) -> Kind:
    """What no method runs as it is; `what` is how a message names it."""
    return Kind(name, "base" if name == "other_diffusion" else "part", Note(title, chinese), mark, family=family, what=what)


def _elsewhere(family: str, mark: str, what: str) -> Kind:
    """A model of a family that draws and is not run here."""
    return _not_run("other_diffusion", "text to image, not run here", "文字成画（暂不支持）", mark, what, family=family)


_DRAWN = r"(model\.diffusion_model\.)?"
_LORA = (
    r"(lora_(unet|te\d?|transformer)|lycoris)_|.*(\.lora_(down|up|mid|A|B)\b|[._]lora[._](A|B|down|up)\b|\.hada_w|\.lokr_w|\.dora_scale$"
    r"|\.oft_(blocks|R|diag)|\.on_input$|\.(q_layer|p_layer|lambda_layer)\b)"
)
KINDS: tuple[Kind, ...] = (
    Kind(
        "lora",
        "adapter",
        Note("LoRA for text to image", "文字成画的 LoRA"),
        _LORA,
        "generate PROMPT --model MODEL --lora {name}",
        what="a LoRA, which changes a model and is none itself",
    ),
    _not_run("controlnet", "ControlNet", "ControlNet", r"control_model\.|controlnet_|input_hint_", "a ControlNet, which guides a model and is none itself"),
    _elsewhere("sd3", rf"{_DRAWN}joint_blocks\.", "a Stable Diffusion 3 model"),
    _elsewhere("flux", rf"{_DRAWN}double_(blocks|stream)", "a Flux model"),
    _elsewhere("cascade", rf"{_DRAWN}(clip_mapper|down_blocks\.0\.0\.channelwise)", "a Stable Cascade model"),
    Kind("diffusion", "base", Note("text to image", "文字成画"), r"model\.diffusion_model\.input_blocks\.", "generate PROMPT --model {name}"),
    _elsewhere(
        "transformer",
        r"model\.diffusion_model\.(transformer_blocks|layers|blocks|x_embedder)\.|(single_)?transformer_blocks\.\d|x_embedder\.",
        "a diffusion transformer (PixArt, Z-Image, Qwen-Image, … )",
    ),
    _not_run(
        "unet",
        "UNet alone",
        "单独的 UNet",
        r"down_blocks\.|mid_block\.",
        "a UNet alone in diffusers' layout, without text encoder and VAE: give the whole folder",
    ),
    _not_run("vae", "VAE", "VAE", r"first_stage_model\.|encoder\.down(_blocks)?\.|decoder\.up\.", "a VAE alone, without the network that draws"),
    _painter("micro_ast", "MicroAST", "MicroAST 任意风格", r"content_encoder\.", style=True),
    _painter("animegan", "AnimeGAN", "AnimeGAN 动漫化", r"block_a\.0\.1\.weight$", family="v2"),
    _painter("animegan", "AnimeGAN", "AnimeGAN 动漫化", r"generator\.base\.Conv\.weights$", family="v3"),
    _painter("animegan", "AnimeGAN", "AnimeGAN 动漫化", r"residual\.0\.conv_block\.1\.weight$", family="reference"),
    _painter("cartoongan", "CartoonGAN", "CartoonGAN 卡通化", r"in01_1\.scale$"),
    Kind("clip", "encoder", Note("a style in words", "以文字定风格"), r"logit_scale$", "clipstyler PHOTO --prompt WORDS --clip {name}"),
    _painter("multi_style", "many styles in one", "一网多风格", r"transformer\.contract\.conv1\.weights$"),
    Kind("squeezenet", "loss network", Note("training (loss network)", "训练（损失网络）"), r"features\.3\.squeeze\.weight$"),
    Kind("vgg", "loss network", Note("neural style", "神经风格迁移"), r"features\.28\.weight$|conv5_1\.weight$"),
    Kind("vgg16", "loss network", Note("training and comparison (loss network)", "训练与比较（损失网络）"), None),
    Kind("alexnet", "loss network", Note("comparison (LPIPS)", "比较（LPIPS）"), None),
    Kind("lpips_heads", "loss network", Note("comparison (LPIPS)", "比较（LPIPS）"), r"lin\d\.model\.1\.weight$"),
    _painter("fast_style", "fast style", "快速风格", r"layers\.\d+\.weight$|conv1\.conv2d\.weight$|ConvBlock\.0\.conv_layer\.weight$"),
    _painter("adain", "AdaIN", "AdaIN 任意风格", r"decoder\.1\.weight$", style=True),
    Kind("adain_encoder", "encoder", Note("AdaIN's encoder", "AdaIN 的编码器"), r"vgg\.0\.weight$"),
    _painter("cap_vstnet", "CAP-VSTNet", "CAP-VSTNet 写实与艺术风格", r"channel_reduction\.", style=True),
    _painter("stargan", "StarGAN", "StarGAN 人脸属性", r"main\.0\.weight$"),
    _painter("cyclegan", "CycleGAN", "CycleGAN 画家风格", r"model\.1\.weight$"),
    Kind(
        "embedding",
        "embedding",
        Note("textual inversion embedding", "文本反演嵌入"),
        r"emb_params$|clip_[lg]$|<.+>$|string_to_param\.",
        what="a textual inversion embedding, which is a word for a model and no model itself",
    ),
    _not_run("text_encoder", "text encoder alone", "单独的文本编码器", r"text_model\.|transformer\.resblocks\.|encoder\.layer\.\d", "a text encoder alone"),
    _not_run("classifier", "picture classifier", "图像分类网络", r"features\.|classifier\.", "a network for classifying pictures"),
    Kind("network", "unknown", Note("a network of an unknown kind", "未知网络"), None),
    Kind("unknown", "unknown", Note("a file that cannot be read", "无法读取的文件"), None),
)
"""The first row whose mark is found counts. Rows of one name are variants of a kind, told apart by their family."""
_OF = {row.name: row for row in reversed(KINDS)}
NETWORK, UNKNOWN = _OF["network"], _OF["unknown"]
WIDTHS = {192: "mini", 768: "sd1", 1024: "sd2", 2048: "xl"}
"""Features of a token that a UNet's cross attention reads -> family."""
OTHER_LORAS: dict[str, str] = {
    r"(double|single)_blocks|single_transformer_blocks": "flux",
    r"joint_blocks": "sd3",
    r"(noise|context)_refiner": "z-image",
    r"transformer_blocks[._]\d+[._](img|txt)_m": "qwen-image",
    r"blocks[._]\d+[._](self|cross)_attn": "wan",
    r"^(lora_)?transformer[._]": "transformer",
}
"""Names that only LoRAs of other families have -> family."""


def of(name: str) -> Kind:
    """The row of the kind `name`; that of unknown files for a name that is none."""
    return _OF.get(name, UNKNOWN)


def recognise(names: Iterable[str] | Mapping[str, Any]) -> Kind:
    """The row for a file with tensors of these names; a header (`tensorfile.header`) tells also by shapes. NETWORK where nothing fits."""
    header = names if isinstance(names, Mapping) else {}
    plain, _ = tensorfile.plain_names(list(names))
    if found := next((row for row in KINDS if row.mark and any(re.match(row.mark, name) for name in plain)), None):
        return found
    return _OF["embedding"] if header and all(_is_embedding(name, entry) for name, entry in header.items()) else NETWORK


def _is_embedding(name: str, entry: Any) -> bool:
    """Whether a tensor is an embedding under a token of its own, as diffusers writes it without brackets."""
    shape = _shape(entry)
    return bool(shape) and len(shape) <= 2 and shape[-1] in (192, 768, 1024, 1280, 2048) and "." not in name and len(shape) * shape[0] < 100_000


def kind_of(names: Iterable[str]) -> str:
    """The kind by the names of the tensors; "network" of those that are not known."""
    return recognise(names).name


def kind_at(path: Path) -> str:
    """The kind of the file or model folder at `path`; "unknown" of one that cannot be read."""
    return row_at(path).name


def row_at(path: Path) -> Kind:
    """The row for the file or model folder at `path`."""
    try:
        if (path / "model_index.json").is_file():
            return _OF["diffusion"]
        return recognise(tensorfile.header(path / "model.safetensors" if path.is_dir() else path))
    except (HuafangError, OSError):
        return UNKNOWN


def fits(kind: str, names: Iterable[str]) -> bool:
    """Whether tensors of these names may be of `kind`, also where another row comes first."""
    plain, _ = tensorfile.plain_names(list(names))
    return any(re.match(row.mark, name) for row in KINDS if row.name == kind and row.mark for name in plain)


def what_is(kind: str) -> str:
    """What a file of `kind` is, as a message says it."""
    row = of(kind)
    if kind == "lora":
        return "holds a LoRA, which changes a Stable Diffusion model"
    if row.what:
        return f"holds {row.what}"
    return f"holds a network of {kind}" if row.command else f"holds a network ({kind}) in whose features pictures are compared, and that paints none"


def run_by(kind: str, name: str = "FILE") -> str | None:
    """The command that runs a file of `kind`, as a hint; None where no method does."""
    command = of(kind).command
    return f"it is painted with by: huafang {command.format(name=name)}" if command else None


def family_of(row: Kind, header: Mapping[str, Any], metadata: Mapping[str, str]) -> str | None:
    """The family (a key of FAMILIES) of a file of the kind `row`: by shapes and names first, then by what its metadata says. None where neither tells."""
    if row.family:
        return row.family
    if row.name == "lora":
        return _family_of_lora(header) or _said_family(metadata)
    if row.name == "embedding":
        return _family_of_embedding(header)
    if row.name == "diffusion":
        return _family_of_checkpoint(header) or _said_family(metadata)
    return None


def family_of_folder(folder: Path) -> str | None:
    """The family of a diffusers folder, by its `model_index.json` and its UNet's config."""
    try:
        index = read_json(folder / "model_index.json")
        place = part(folder, "unet")
        width = read_json(place / "config.json", place.parent).get("cross_attention_dim")
    except HuafangError:
        return None
    text = index.get("text_encoder")
    family = WIDTHS.get(width) if isinstance(width, int) else None
    return "taiyi" if family == "sd1" and isinstance(text, list) and "BertModel" in text else family


def other_family(names: Iterable[str]) -> str | None:
    """The family that runs elsewhere of a LoRA with modules of these names; None of one that may be for Stable Diffusion 1, 2 or XL."""
    known = list(names)
    return next((family for mark, family in OTHER_LORAS.items() if any(re.search(mark, name) for name in known)), None)


def _shape(entry: Any) -> list[int]:
    return entry.get("shape", []) if isinstance(entry, dict) else []


def _family_of_lora(header: Mapping[str, Any]) -> str | None:
    if other := other_family(header):
        return other
    for name, entry in header.items():
        shape = _shape(entry)
        if re.search(r"attn2[._](processor\.)?to_[kv](_lora)?\.(lora_down|lora_A|lora\.down|down|hada_w1_b|hada_w2_b|diff)\b", name) and len(shape) >= 2:
            return WIDTHS.get(shape[1])
    if any(name.startswith(("lora_te1_", "lora_te2_", "text_encoder_2.")) for name in header):
        return "xl"
    for name, entry in header.items():
        shape = _shape(entry)
        if re.match(r"(lora_te_|text_encoder\.).*(lora_down|lora_A|lora\.down|down)\b", name) and "mlp_fc2" not in name.replace(".", "_") and len(shape) == 2:
            return {768: "sd1", 1024: "sd2"}.get(shape[1])
    return None


def _family_of_embedding(header: Mapping[str, Any]) -> str | None:
    if {"clip_l", "clip_g"} & header.keys():
        return "xl"
    width = next((shape[-1] for entry in header.values() if (shape := _shape(entry))), 0)
    return {**WIDTHS, 1280: "xl"}.get(width)


def _family_of_checkpoint(names: Iterable[str]) -> str | None:
    for mark, family in (
        (r"conditioner\.embedders\.", "xl"),
        (r"cond_stage_model\.model\.", "sd2"),
        (r"cond_stage_model\.transformer\.(bert|encoder\.layer)\.", "taiyi"),
        (r"cond_stage_model\.transformer\.", "sd1"),
    ):
        if any(re.match(mark, name) for name in names):
            return family
    return None


def _said_family(metadata: Mapping[str, str]) -> str | None:
    said = f"{metadata.get('ss_base_model_version', '')} {metadata.get('modelspec.architecture', '')}".lower()
    marks = (("xl", "xl"), ("flux", "flux"), ("sd3", "sd3"), ("stable-diffusion-3", "sd3"), ("v2", "sd2"), ("sd_v1", "sd1"), ("stable-diffusion-v1", "sd1"))
    return next((family for mark, family in marks if mark in said), None)

"""What a file of weights is, by the names of its tensors. No torch."""

import re
from collections.abc import Iterable
from pathlib import Path

from huafang.errors import HuafangError
from huafang.models import tensorfile
from huafang.models.tensorfile import header

MARKS = {
    "lora": r".*(\.lora_(down|up|mid|A|B)\b|[._]lora\.(down|up)\.|\.hada_w|\.lokr_w|\.dora_scale$)",
    "diffusion": r"model\.diffusion_model\.|down_blocks\.",
    "micro_ast": r"content_encoder\.",
    "animegan": r"block_a\.0\.1\.weight$|generator\.base\.Conv\.weights$|residual\.0\.conv_block\.1\.weight$",
    "cartoongan": r"in01_1\.scale$",
    "clip": r"logit_scale$",
    "multi_style": r"transformer\.contract\.conv1\.weights$",
    "squeezenet": r"features\.3\.squeeze\.weight$",
    "vgg": r"features\.28\.weight$|conv5_1\.weight$",
    "fast_style": r"layers\.\d+\.weight$|conv1\.conv2d\.weight$|ConvBlock\.0\.conv_layer\.weight$",
    "adain": r"decoder\.1\.weight$",
    "adain_encoder": r"vgg\.0\.weight$",
    "cap_vstnet": r"channel_reduction\.",
    "stargan": r"main\.0\.weight$",
    "cyclegan": r"model\.1\.weight$",
}
"""The sort of weights -> a name that only its tensors have; the first that is found counts."""
_RUN_BY = {
    "lora": "generate PROMPT --model MODEL --lora {name}",
    "diffusion": "generate PROMPT --model {name}",
    "micro_ast": "micro-ast PHOTO --style PAINTING --weights {name}",
    "adain": "adain PHOTO --style PAINTING --weights {name}",
    "cap_vstnet": "cap-vstnet PHOTO --style PAINTING --weights {name}",
    "clip": "clipstyler PHOTO --prompt WORDS --clip {name}",
    **{kind: f"{kind.replace('_', '-')} PHOTO --weights {{name}}" for kind in ("animegan", "cartoongan", "cyclegan", "fast_style", "multi_style", "stargan")},
}
"""The sort of weights -> the command that paints with them. Others are the networks in whose features methods compare pictures."""


def kind_of(names: Iterable[str]) -> str:
    """The sort of weights, by the names of their tensors; "network" of those that are not known."""
    plain, _ = tensorfile.plain_names(list(names))
    return next((kind for kind, mark in MARKS.items() if any(re.match(mark, name) for name in plain)), "network")


def is_of(kind: str) -> str:
    """What a file of the sort `kind` is, as a message says it."""
    if kind == "lora":
        return "holds a LoRA, which changes a Stable Diffusion model"
    return f"holds a network of {kind}" if kind in _RUN_BY else f"holds a network ({kind}) in whose features pictures are compared, and that paints none"


def run_by(kind: str, name: str = "FILE") -> str | None:
    """What to do with weights of the sort `kind`, where a method runs them."""
    return f"it is painted with by: huafang {_RUN_BY[kind].format(name=name)}" if kind in _RUN_BY else None


def holds(path: Path) -> str:
    """The sort of weights, by the keys of the header alone."""
    try:
        if (path / "model_index.json").is_file():
            return "diffusion"
        keys = header(path / "model.safetensors" if path.is_dir() else path).keys()
    except (HuafangError, OSError):
        return "unknown"
    return kind_of(keys)

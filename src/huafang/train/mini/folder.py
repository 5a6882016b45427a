"""What was learnt, as diffusers folders of safetensors: `NAME` with all its parts, and `NAME-zh`, the same UNet and VAE behind the Chinese text encoder."""

import copy
import json
import shutil
from pathlib import Path
from typing import Any

from torch import nn

from huafang.train.mini.denoise import SCHEDULE

SCHEDULER: dict[str, Any] = {
    "_class_name": "PNDMScheduler",
    **SCHEDULE,
    "clip_sample": False,
    "set_alpha_to_one": False,
    "skip_prk_steps": True,
    "steps_offset": 1,
    "trained_betas": None,
}
"""Stable Diffusion 1's own."""


def write(home: Path, name: str, nets: nn.ModuleDict, vae: nn.Module, tokenizers: Path, *, whole: bool) -> None:
    """`home/NAME` and `home/NAME-zh`, in half precision. `tokenizers` holds `clip` and `bert`. Where `whole` is False the Chinese model borrows `unet` and
    `vae` (`builtin.toml` says so) and its folder is without them. Each folder is whole before it takes the place of an older one.
    """
    from huggingface_hub.utils import disable_progress_bars

    disable_progress_bars()  # progress is told by `ctx.step`
    parts: dict[str, dict[str, Any]] = {
        name: {"text_encoder": nets["clip"], "tokenizer": "clip", "unet": nets["unet"], "vae": vae},
        f"{name}-zh": {"text_encoder": nets["bert"], "tokenizer": "bert", **({"unet": nets["unet"], "vae": vae} if whole else {})},
    }
    for title, inside in parts.items():
        draft = home / f".{title}.draft"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        for part, what in inside.items():
            if part == "tokenizer":
                shutil.copytree(tokenizers / what, draft / part)
            else:
                nn.Module.half(copy.deepcopy(what).cpu()).save_pretrained(draft / part, safe_serialization=True)
        (draft / "scheduler").mkdir()
        _json(draft / "scheduler" / "scheduler_config.json", SCHEDULER)
        _json(draft / "model_index.json", _index("Bert" if title.endswith("-zh") else "CLIP"))
        shutil.rmtree(home / title, ignore_errors=True)
        draft.rename(home / title)


def _index(reader: str) -> dict[str, Any]:
    text, tokenizer = {"CLIP": ("CLIPTextModel", "CLIPTokenizer"), "Bert": ("BertModel", "BertTokenizer")}[reader]
    return {
        "_class_name": "StableDiffusionPipeline",
        "_diffusers_version": "0.38.0",
        "feature_extractor": [None, None],
        "requires_safety_checker": False,
        "safety_checker": [None, None],
        "scheduler": ["diffusers", "PNDMScheduler"],
        "text_encoder": ["transformers", text],
        "tokenizer": ["transformers", tokenizer],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    }


def _json(path: Path, body: dict[str, Any]) -> None:
    path.write_text(json.dumps(body, indent=2) + "\n", "utf-8")

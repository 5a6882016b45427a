"""What was learnt, as diffusers folders of safetensors: `NAME` with all its parts, and `NAME-zh`, the same UNet and VAE behind the Chinese text encoder."""

import copy
import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import nn

from huafang.newfile import move_new
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


def write(
    home: Path,
    name: str,
    nets: nn.ModuleDict,
    vae: nn.Module,
    tokenizers: Path,
    *,
    whole: bool,
    ours: Callable[[Path], bool] = lambda place: False,
) -> str:
    """`home/NAME` and `home/NAME-zh`, in half precision; gives NAME. `tokenizers` holds `clip` and `bert`. Where `whole` is False the Chinese model borrows
    `unet` and `vae` (`builtin.toml` says so) and its folder is without them.

    A folder that is there is replaced, by a whole one, where it is one of `ours`; where it is another's, NAME is numbered.
    """
    from huggingface_hub.utils import disable_progress_bars

    disable_progress_bars()  # progress is told by `ctx.step`
    parts: dict[str, dict[str, Any]] = {
        "": {"text_encoder": nets["clip"], "tokenizer": "clip", "unet": nets["unet"], "vae": vae},
        "-zh": {"text_encoder": nets["bert"], "tokenizer": "bert", **({"unet": nets["unet"], "vae": vae} if whole else {})},
    }
    drafts = {end: _draft(home / f".{name}{end}.draft", inside, tokenizers, "Bert" if end else "CLIP") for end, inside in parts.items()}
    number, free = 1, name
    while not _put(home, free, drafts, ours):
        number += 1
        free = f"{name}-{number}"
    return free


def _draft(draft: Path, inside: Mapping[str, Any], tokenizers: Path, reader: str) -> Path:
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    for part, what in inside.items():
        if part == "tokenizer":
            shutil.copytree(tokenizers / what, draft / part)
        else:
            nn.Module.half(copy.deepcopy(what).cpu()).save_pretrained(draft / part, safe_serialization=True)
    (draft / "scheduler").mkdir()
    _json(draft / "scheduler" / "scheduler_config.json", SCHEDULER)
    _json(draft / "model_index.json", _index(reader))
    return draft


def _put(home: Path, name: str, drafts: Mapping[str, Path], ours: Callable[[Path], bool]) -> bool:
    """Move the drafts to their places; False, and nothing is done, where one of these is taken."""
    places = {end: home / f"{name}{end}" for end in drafts}
    if any(os.path.lexists(place) and not ours(place) for place in places.values()):
        return False
    for end, draft in drafts.items():
        if places[end].exists():
            shutil.rmtree(places[end])
        move_new(draft, places[end])
    return True


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

"""What the pictures of other tools say of how they were made, in our names: no torch, no Pillow, and nothing is run or loaded.

Values are brought to what our fields take; what is lost on the way is said, setting by setting (`found.py`).
"""

import json
from collections.abc import Mapping
from html import unescape
from typing import Any

from huafang.foreign import a1111, comfyui, tools
from huafang.foreign.found import Found
from huafang.notes import Note

PARAMETERS = "parameters"
COMMENT = "UserComment"
XMP = "XML:com.adobe.xmp"
EASY: tuple[str, ...] = (
    "seed",
    "num_inference_steps",
    "guidance_scale",
    "sampler_name",
    "use_stable_diffusion_model",
    "negative_prompt",
    "width",
    "height",
    "clip_skip",
)
EASY += ("use_lora_model", "lora_alpha", "prompt_strength", "use_vae_model", "use_hypernetwork_model", "use_upscale", "use_face_correction")
"""Texts of Easy Diffusion besides its prompt."""
KEYS = (PARAMETERS, "invokeai_metadata", "sd-metadata", "prompt", "workflow", COMMENT, "Comment", "Description", "Software", "fooocus_scheme", XMP, *EASY)
"""Names of the texts that are looked at."""


def read(text: Mapping[str, str]) -> Found | None:
    """What a picture's texts say; None where they say nothing that is known."""
    return _by_own_text(text) or _by_comment(text) or _by_prompt(text)


def _by_own_text(text: Mapping[str, str]) -> Found | None:
    """Tools that write a text of a name of their own."""
    if invoke := json_object(text.get("invokeai_metadata")):
        return tools.invokeai(invoke)
    if invoke := json_object(text.get("sd-metadata")):
        return tools.invokeai_old(invoke)
    if text.get("Software") == "NovelAI" and (comment := json_object(text.get("Comment"))):
        return tools.novelai(text.get("Description", ""), comment)
    noted = text.get(XMP, "").partition("<exif:UserComment>")[2].partition("</exif:UserComment>")[0]
    drawn = json_object(unescape(noted[noted.find("{") : noted.rfind("}") + 1]))
    return tools.draw_things(drawn) if drawn and "c" in drawn else None


def _by_comment(text: Mapping[str, str]) -> Found | None:
    """`parameters`, or the comment of a JPEG or WebP: JSON of several tools, or A1111's text."""
    for name in (PARAMETERS, COMMENT):
        words = text.get(name, "").strip()
        if words.startswith("{") and (told := json_object(words)) is not None:
            if found := _by_json(told):
                return found
        elif words and (name == PARAMETERS or a1111.has_settings(words)):
            return a1111.read(words)
    return None


def _by_json(told: Mapping[str, Any]) -> Found | None:
    if isinstance(swarm := told.get("sui_image_params"), dict):
        return tools.swarmui(swarm)
    if "num_inference_steps" in told or "sampler_name" in told:
        return tools.easy_diffusion(told)
    if "positive_prompt" in told:
        return tools.invokeai(told)
    if "c" in told and "sampler" in told:
        return tools.draw_things(told)
    if _is_graph(told):
        return comfyui.read(told)
    if isinstance(graph := told.get("prompt"), dict) and _is_graph(graph):
        return comfyui.read(graph)
    return tools.fooocus(told)


def _by_prompt(text: Mapping[str, str]) -> Found | None:
    """`prompt` is ComfyUI's graph, or the words of Easy Diffusion."""
    graph = json_object(text.get("prompt"))
    if graph is not None and (found := comfyui.read(graph)):
        return found
    if graph is None and text.get("prompt") and any(name in text for name in ("num_inference_steps", "sampler_name", "guidance_scale")):
        return tools.easy_diffusion({name: text[name] for name in ("prompt", *EASY) if name in text})
    if graph is not None or json_object(text.get("workflow")) is not None:
        found = Found("comfyui")
        found.lost.append(Note("its workflow has no sampler that is known here: no settings could be read", "工作流中没有可识别的采样器：未读出任何设置"))
        return found
    return None


def _is_graph(told: Mapping[str, Any]) -> bool:
    return any(isinstance(node, dict) and "class_type" in node for node in list(told.values())[:50])


def has_settings(comment: str) -> bool:
    """Whether a comment holds settings: as JSON, or as A1111's text. Long ones are not looked at."""
    return len(comment) < 200_000 and (json_object(comment) is not None or a1111.has_settings(comment))


def json_object(text: str | None) -> dict[str, Any] | None:
    """A stranger's JSON object; None where it is none, or holds what cannot be said again: NaN, infinity, half a surrogate pair, a hundred levels."""
    try:
        value = json.loads(text) if text else None
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
        return value if isinstance(value, dict) and depth(value) < 30 else None
    except (ValueError, RecursionError):
        return None


def depth(value: object) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(depth, inner), default=0)

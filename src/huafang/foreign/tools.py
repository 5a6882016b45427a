"""Tools that write JSON, or a text for each setting: InvokeAI, Fooocus, SwarmUI, Easy Diffusion, Draw Things, NovelAI."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from huafang.foreign.found import Found, number_of, renamed

_INVOKE_QUIET = {
    "app_version",
    "generation_mode",
    "rand_device",
    "metadata_version",
    "type",
    "id",
    "is_intermediate",
    "cfg_rescale_multiplier",
    "_canvas_objects",
}
_FOOOCUS_QUIET = {
    "version",
    "metadatascheme",
    "createdby",
    "basemodelhash",
    "refinermodelhash",
    "lorahashes",
    "fullprompt",
    "fullnegativeprompt",
    "fooocusv2expansion",
}
_FOOOCUS_QUIET |= {"styles", "performance", "user", "loras", "lorascombinedpromptsemicolon"}


def invokeai(told: Mapping[str, Any]) -> Found:
    """`invokeai_metadata`, of 3.0 and later."""
    found = Found("invokeai")
    found.words("prompt", told.get("positive_prompt"))
    found.words("negative_prompt", told.get("negative_prompt"))
    found.number("seed", told.get("seed"))
    found.number("steps", told.get("steps"))
    found.number("guidance", told.get("cfg_scale"))
    found.sampler(told.get("scheduler"))
    found.size(told.get("width"), told.get("height"))
    found.clip_skip(told.get("clip_skip"), none_is=0)
    found.model(_named(told.get("model")))
    if told.get("strength") is not None and told.get("generation_mode") in ("img2img", "sdxl_img2img", None):
        found.number("strength", told["strength"])
    for lora in _list(told.get("loras")):
        found.network("lora", str(_named(lora.get("model")) or _named(lora.get("lora")) or "?"), lora.get("weight"))
    used = {"positive_prompt", "negative_prompt", "seed", "steps", "cfg_scale", "scheduler", "width", "height", "clip_skip", "model", "strength", "loras"}
    found.unused(name for name, value in told.items() if name not in used | _INVOKE_QUIET and value not in (None, [], {}, "", False))
    return found


def invokeai_old(told: Mapping[str, Any]) -> Found:
    """`sd-metadata`, of InvokeAI 2."""
    found = Found("invokeai")
    image = told.get("image") if isinstance(told.get("image"), dict) else {}
    assert isinstance(image, dict)
    prompt = image.get("prompt")
    if isinstance(prompt, list):
        prompt = ", ".join(str(one.get("prompt")) for one in prompt if isinstance(one, dict))
    if isinstance(prompt, str):
        found.words("prompt", re.sub(r"\s*\[[^\[\]]*\]", "", prompt))
        found.words("negative_prompt", ", ".join(re.findall(r"\[([^\[\]]*)\]", prompt)))
    found.number("seed", image.get("seed"))
    found.number("steps", image.get("steps"))
    found.number("guidance", image.get("cfg_scale"))
    found.sampler(image.get("sampler"))
    found.size(image.get("width"), image.get("height"))
    found.model(told.get("model_weights"))
    return found


def fooocus(told: Mapping[str, Any]) -> Found | None:
    """Fooocus's JSON, new or old; None where its names are not there."""
    values = renamed(told)
    if "prompt" not in values or not {"guidancescale", "sampler", "steps", "performance", "seed"} & set(values):
        return None
    found = Found("fooocus")
    found.words("prompt", values.get("prompt"))
    found.words("negative_prompt", values.get("negativeprompt"))
    found.number("seed", values.get("seed"))
    found.number("steps", values.get("steps"))
    found.number("guidance", values.get("guidancescale"))
    found.sampler(values.get("sampler"), values.get("scheduler") or "")
    if size := re.search(r"(\d{2,5})\D+(\d{2,5})", str(values.get("resolution", ""))):
        found.size(size[1], size[2])
    found.clip_skip(values.get("clipskip"))
    found.model(values.get("basemodel"))
    for name, lora in values.items():
        if name.startswith("lora") and isinstance(lora, str) and ":" in lora:
            found.network("lora", lora.rpartition(":")[0].strip(), lora.rpartition(":")[2].strip())
    for lora in values["loras"] if isinstance(values.get("loras"), list) else ():
        if isinstance(lora, list) and lora and isinstance(lora[0], str):
            found.network("lora", lora[0], lora[1] if len(lora) > 1 else None)
    styles = values.get("styles")
    if styles and styles not in ("[]", []):
        found.unused([f"styles {str(styles)[:80]}"])
    used = {"prompt", "negativeprompt", "seed", "steps", "guidancescale", "sampler", "scheduler", "resolution", "clipskip", "basemodel"}
    quiet = used | _FOOOCUS_QUIET
    others = (str(name) for name in told if (plain := re.sub(r"[\s_]", "", str(name).lower())) not in quiet and not plain.startswith("lora"))
    found.unused(name for name in others if told[name] not in (None, "", "None", "none", []))
    return found


def swarmui(told: Mapping[str, Any]) -> Found:
    """`sui_image_params`."""
    found = Found("swarmui")
    values = renamed(told)
    found.words("prompt", values.get("prompt"))
    found.words("negative_prompt", values.get("negativeprompt"))
    found.number("seed", values.get("seed"))
    found.number("steps", values.get("steps"))
    found.number("guidance", values.get("cfgscale"))
    found.sampler(values.get("sampler"), values.get("scheduler") or "")
    found.size(values.get("width"), values.get("height"))
    found.clip_skip(values.get("clipstopatlayer"))
    found.model(values.get("model"))
    found.number("strength", values.get("initimagecreativity"))
    loras, weights = (_names(values.get(name)) for name in ("loras", "loraweights"))
    for place, lora in enumerate(loras):
        found.network("lora", lora, weights[place] if place < len(weights) else None)
    used = {
        "prompt",
        "negativeprompt",
        "seed",
        "steps",
        "cfgscale",
        "sampler",
        "scheduler",
        "width",
        "height",
        "clipstopatlayer",
        "model",
        "loras",
        "loraweights",
    }
    quiet = used | {
        "initimagecreativity",
        "aspectratio",
        "swarmversion",
        "images",
        "automaticvae",
        "date",
        "generationtime",
        "originalprompt",
        "originalnegativeprompt",
    }
    found.unused(str(name) for name in told if re.sub(r"[\s_]", "", str(name).lower()) not in quiet)
    return found


def easy_diffusion(told: Mapping[str, Any]) -> Found:
    """Easy Diffusion's names, each in a text of its own or all in one JSON; with underlines or, in its text files, in words."""
    found = Found("easydiffusion")
    values = renamed(told)
    found.words("prompt", values.get("prompt"))
    found.words("negative_prompt", values.get("negativeprompt"))
    found.number("seed", values.get("seed"))
    found.number("steps", values.get("numinferencesteps", values.get("steps")))
    found.number("guidance", values.get("guidancescale"))
    found.sampler(values.get("samplername", values.get("sampler")))
    found.size(values.get("width"), values.get("height"))
    found.model(values.get("usestablediffusionmodel", values.get("stablediffusionmodel")))
    if str(values.get("clipskip", "")).lower() == "true":
        found.params["clip_skip"] = 2
    found.number("strength", values.get("promptstrength"))
    for lora in _names(values.get("useloramodel")):
        found.network("lora", lora)
    for name, said in (("usehypernetworkmodel", "hypernetwork"), ("useupscale", "upscaling"), ("usefacecorrection", "face correction")):
        if values.get(name) not in (None, "", "None", False):
            found.unused([f"{said} {str(values[name])[:60]}"])
    return found


def draw_things(told: Mapping[str, Any]) -> Found:
    """Draw Things's JSON in the XMP of its pictures: c and uc are the prompts."""
    found = Found("drawthings")
    found.words("prompt", told.get("c"))
    found.words("negative_prompt", told.get("uc"))
    found.number("seed", told.get("seed"))
    found.number("steps", told.get("steps"))
    found.number("guidance", told.get("scale"))
    found.sampler(told.get("sampler"))
    if size := re.fullmatch(r"(\d{1,6})x(\d{1,6})", str(told.get("size", ""))):
        found.size(size[1], size[2])
    found.model(told.get("model"))
    strength = number_of(told.get("strength"))
    if strength is not None and strength < 1:
        found.number("strength", strength)
    details = told.get("v2") if isinstance(told.get("v2"), dict) else {}
    assert isinstance(details, dict)
    found.clip_skip(details.get("clipSkip", told.get("clip_skip")))
    for lora in _list(told.get("lora")) or _list(details.get("loras")):
        found.network("lora", str(lora.get("model") or lora.get("file") or "?"), lora.get("weight"))
    return found


def novelai(prompt: str, told: Mapping[str, Any]) -> Found:
    """NovelAI's `Description` and `Comment`."""
    found = Found("novelai")
    found.words("prompt", prompt or told.get("prompt"))
    found.words("negative_prompt", told.get("uc"))
    found.number("seed", told.get("seed"))
    found.number("steps", told.get("steps"))
    found.number("guidance", told.get("scale"))
    found.sampler(told.get("sampler"), told.get("noise_schedule") or "")
    found.size(told.get("width"), told.get("height"))
    return found


def _named(value: object) -> object:
    """A model's name, given as a text or as an object that has one."""
    if isinstance(value, dict):
        return next((value[key] for key in ("name", "model_name", "lora_name") if isinstance(value.get(key), str)), None)
    return value


def _list(value: object) -> Sequence[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _names(value: object) -> list[str]:
    """A list of names, or one name."""
    if isinstance(value, list):
        return [str(one) for one in value if isinstance(one, str | int | float) and not isinstance(one, bool)]
    return [value] if isinstance(value, str) and value not in ("", "None") else []

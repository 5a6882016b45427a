"""What a picture carries: the field's `parameters` text and our own JSON; and reading both, and other tools' (`foreign/`), back. No torch here.

Written: `parameters` as AUTOMATIC1111 writes it (so that every tool of the field shows it) and `huafang`, a JSON object that runs the picture
again: method, all params, version, input ids, weight hashes, figures. In PNG these are text chunks, in JPEG and WebP EXIF UserComment.
"""

import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from huafang import foreign
from huafang.foreign import samplers

if TYPE_CHECKING:
    from PIL import Image, PngImagePlugin

OWN = "huafang"
A1111 = foreign.PARAMETERS
USER_COMMENT = foreign.COMMENT
KNOWN = (OWN, *foreign.KEYS)
"""Names of the texts that `read` looks at."""
LONGEST = 200_000
"""Characters of one text up to which it is looked at."""
EXIF_BYTES = 60_000
"""A JPEG's EXIF block ends at 65 533 bytes."""
_NAMES = {"guidance": "CFG scale", "seed": "Seed", "size": "Size", "model": "Model", "strength": "Denoising strength"}
"""What A1111 calls our settings, in its own order."""


def recipe(
    params: Mapping[str, Any],
    figures: Mapping[str, Any] | None = None,
    *,
    size: tuple[int, int] | None = None,
    number: int = 1,
    resolved: Sequence[Mapping[str, str]] = (),
) -> dict[str, str]:
    """The text that a picture made with `params` carries. `size` is (width, height); `number` is which of the run's pictures it is, from 1: each of several
    carries the seed that draws it alone. `resolved` are the texts of each picture that chance decided: other tools are shown these, and ours both.
    """
    figures = dict(figures or {})
    told = dict(params)
    if f"seed_{number}" in figures:
        told["seed"] = int(figures[f"seed_{number}"])
        if "images" in told:
            told["images"] = 1
    own = {"huafang": version("huafang"), "params": told, "figures": figures}
    drawn = dict(resolved[number - 1]) if number <= len(resolved) else {}
    if drawn:
        own["resolved"] = drawn
    return {A1111: _a1111(told | drawn, size), OWN: json.dumps(own, ensure_ascii=False)}


def _a1111(params: Mapping[str, Any], size: tuple[int, int] | None) -> str:
    """The prompts, and the line of settings, which begins with the steps wherever there are some: by that word other tools know it."""
    pairs: dict[str, Any] = {"Steps": params["steps"]} if params.get("steps") is not None else {}
    if params.get("sampler") in samplers.SHOWN:
        shown, schedule = samplers.SHOWN[params["sampler"]]
        pairs |= {"Sampler": shown} | ({"Schedule type": schedule} if schedule else {})
    told = {**params, "size": f"{size[0]}x{size[1]}" if size else None}
    if params.get("method") not in ("image_to_image", "inpaint", "outpaint"):  # of other methods strength is something else
        told["strength"] = None
    pairs |= {shown: told[name] for name, shown in _NAMES.items() if told.get(name) is not None}
    if (params.get("clip_skip") or 1) > 1:
        pairs["Clip skip"] = params["clip_skip"]
    pairs |= {"Method": params.get("method", ""), "Version": f"Huafang {version('huafang')}"}
    prompt, negative = str(params.get("prompt", "")), str(params.get("negative_prompt") or "")
    for lora in params.get("loras") or ():
        strengths = ([] if lora.get("text_weight") is None else [lora["text_weight"]]) + [lora["weight"]]  # the text encoder's stands first
        prompt += f" <lora:{lora['name']}:{':'.join(f'{strength:g}' for strength in strengths)}>"
    last = ", ".join(f"{name}: {_quote(value)}" for name, value in pairs.items())
    return "\n".join(line for line in (prompt, f"Negative prompt: {negative}" if negative else "", last) if line)


def _quote(value: object) -> str:
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if any(mark in text for mark in ",:\n") else text


def read(text: Mapping[str, str]) -> dict[str, Any]:
    """What a picture's text says of how it was made; {} where it says nothing that is known. Of our own {"tool", "params", "figures"}; of other tools
    {"tool", "method", "params", "lost"}: params of that method with values that its fields take, and a sentence in both languages for each setting that was
    not taken.
    """
    own = foreign.json_object(text.get(OWN))
    if own is not None and isinstance(own.get("params"), dict):
        figures = own.get("figures")
        return {"tool": "huafang", "params": own["params"], "figures": figures if isinstance(figures, dict) else {}}
    found = foreign.read(text)
    return found.told() if found else {}


def has_settings(comment: str) -> bool:
    """Whether a comment is a recipe, ours or another tool's, and not somebody's own words."""
    return foreign.has_settings(comment)


def known(text: Mapping[Any, Any]) -> dict[str, str]:
    """Of a file's texts those that `read` looks at and that hold something and are not too long."""
    return {key: value for key in KNOWN if isinstance(value := text.get(key), str) and 0 < len(value) < LONGEST}


def png_chunks(text: Mapping[str, str]) -> "PngImagePlugin.PngInfo":
    """`text` as PNG chunks: tEXt where Latin-1 holds it, iTXt for the rest."""
    from PIL import PngImagePlugin

    info = PngImagePlugin.PngInfo()
    for key, value in text.items():
        info.add_text(key, value) if value.isascii() else info.add_itxt(key, value)
    return info


def exif(text: Mapping[str, str]) -> "Image.Exif":
    """`text` as EXIF: its A1111 part in UserComment, which is where the field's readers look in JPEG and WebP; ours in ImageDescription.

    A JPEG's EXIF block has room for 64 kB. Where both do not fit, ours is left out, and then the end of the prompt.
    """
    from PIL import Image

    block = Image.Exif()
    comment = _fitted(text.get(A1111, ""))
    if comment:
        block.get_ifd(0x8769)[0x9286] = b"UNICODE\x00" + comment.encode("utf-16-be")
    own = text.get(OWN, "")
    own = own if own.isascii() else json.dumps(json.loads(own))  # this tag holds ASCII only
    if own and len(own) + len(comment.encode("utf-16-be")) < EXIF_BYTES:
        block[0x010E] = own
    return block


def _fitted(text: str) -> str:
    """`text` without so much of the end of its first part that its UTF-16 fits in EXIF_BYTES; the settings' line stays whole."""
    over = len(text.encode("utf-16-be")) - EXIF_BYTES
    if over <= 0:
        return text
    words, _, settings = text.rpartition("\n")
    return words.encode("utf-16-be")[: -over - 2].decode("utf-16-be", "ignore") + "…\n" + settings

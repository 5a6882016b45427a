"""What a picture carries: the field's `parameters` text and our own JSON; and reading both, and other tools', back. No torch here.

Written: `parameters` as AUTOMATIC1111 writes it (so that every tool of the field shows it) and `huafang`, a JSON object that runs the picture
again: method, all params, version, input ids, weight hashes, figures. In PNG these are text chunks, in JPEG and WebP EXIF UserComment.
"""

import json
import re
from collections.abc import Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL import Image, PngImagePlugin

OWN = "huafang"
A1111 = "parameters"
USER_COMMENT = "UserComment"
KNOWN = (OWN, A1111, "invokeai_metadata", "workflow", "prompt", USER_COMMENT)
"""Names of the texts that `read` looks at."""
LONGEST = 200_000
"""Characters of one text up to which it is looked at."""
EXIF_BYTES = 60_000
"""A JPEG's EXIF block ends at 65 533 bytes."""
_PAIR = re.compile(r'\b(\w[\w \-/]{1,40}):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)')
"""Every repetition is bounded by the next, so that a stranger's text costs time in proportion to its length."""
_INVOKE = {"positive_prompt": "prompt", "negative_prompt": "negative_prompt", "seed": "seed", "steps": "steps", "cfg_scale": "guidance", "scheduler": "sampler"}
_FOOOCUS = {"prompt": "prompt", "negative_prompt": "negative_prompt", "seed": "seed", "steps": "steps", "guidance_scale": "guidance"}
_NAMES = {"sampler": "Sampler", "steps": "Steps", "guidance": "CFG scale", "seed": "Seed", "model": "Model"}


def recipe(params: Mapping[str, Any], figures: Mapping[str, Any] | None = None, *, size: tuple[int, int] | None = None) -> dict[str, str]:
    """The text a picture made with `params` carries. `size` is (width, height)."""
    own = {"huafang": version("huafang"), "params": dict(params), "figures": dict(figures or {})}
    return {A1111: _a1111(params, size), OWN: json.dumps(own, ensure_ascii=False)}


def _a1111(params: Mapping[str, Any], size: tuple[int, int] | None) -> str:
    prompt, negative = str(params.get("prompt", "")), str(params.get("negative_prompt") or "")
    pairs = {shown: params[name] for name, shown in _NAMES.items() if params.get(name) is not None}
    if size:
        pairs["Size"] = f"{size[0]}x{size[1]}"
    pairs |= {"Method": params.get("method", ""), "Version": f"Huafang {version('huafang')}"}
    last = ", ".join(f"{name}: {_quote(value)}" for name, value in pairs.items())
    return "\n".join(line for line in (prompt, f"Negative prompt: {negative}" if negative else "", last) if line)


def _quote(value: object) -> str:
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if any(mark in text for mark in ",:\n") else text


def read(text: Mapping[str, str]) -> dict[str, Any]:
    """What a picture's text says of how it was made: {"tool", "params"} and whatever could be read; {} when nothing could.

    Understands Huafang, AUTOMATIC1111, InvokeAI, Fooocus; ComfyUI's graphs are named but not run.
    """
    own = _json(text.get(OWN, ""))
    if isinstance(own, dict) and isinstance(own.get("params"), dict):
        figures = own.get("figures")
        return {"tool": "huafang", "params": own["params"], "figures": figures if isinstance(figures, dict) else {}}
    invoke = _json(text.get("invokeai_metadata", ""))
    if isinstance(invoke, dict):
        return {"tool": "invokeai", "params": _renamed(invoke, _INVOKE)}
    a1111 = text.get(A1111) or text.get(USER_COMMENT) or ""
    if a1111.startswith("{"):
        fooocus = _json(a1111)
        if isinstance(fooocus, dict):
            return {"tool": "fooocus", "params": _renamed(fooocus, _FOOOCUS)}
    if a1111:
        return {"tool": "a1111", "params": read_a1111(a1111)}
    if "workflow" in text or "prompt" in text:
        return {"tool": "comfyui", "params": {}}
    return {}


def known(text: Mapping[Any, Any]) -> dict[str, str]:
    """Of a file's texts those that `read` looks at and that are not too long."""
    return {key: value for key in KNOWN if isinstance(value := text.get(key), str) and len(value) < LONGEST}


def _renamed(found: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {ours: found[theirs] for theirs, ours in names.items() if theirs in found}


def read_a1111(text: str) -> dict[str, Any]:
    """A1111's `parameters` text -> our names. The last line counts when it holds at least three `name: value` pairs."""
    *lines, last = text.strip().split("\n")
    pairs = dict(_PAIR.findall(last))
    if len(pairs) < 3:
        lines, pairs = [*lines, last], {}
    prompt: list[str] = []
    negative: list[str] = []
    to = "prompt"
    for line in lines:
        if line.startswith("Negative prompt:"):
            to, line = "negative", line.removeprefix("Negative prompt:").strip()
        (prompt if to == "prompt" else negative).append(line)
    found: dict[str, Any] = {"prompt": "\n".join(prompt)}
    if negative:
        found["negative_prompt"] = "\n".join(negative)
    for name, shown in _NAMES.items():
        if shown in pairs:
            found[name] = _value(_unquote(pairs[shown]))
    if "Size" in pairs and re.fullmatch(r"\d{1,6}x\d{1,6}", pairs["Size"]):
        found["width"], found["height"] = map(int, pairs["Size"].split("x"))
    return found


def _value(text: str) -> int | float | str:
    if re.fullmatch(r"-?\d{1,18}", text):
        return int(text)
    return float(text) if re.fullmatch(r"-?\d{1,18}\.\d{1,18}", text) else text


def _unquote(text: str) -> str:
    value = _json(text) if text.startswith('"') else None
    return value if isinstance(value, str) else text


def _json(text: str) -> object:
    """A stranger's JSON; None where it is none, or holds what cannot be said again: NaN, infinity, half a surrogate pair, a hundred levels."""
    try:
        value = json.loads(text) if text else None
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
        return value if _depth(value) < 20 else None
    except (ValueError, RecursionError):
        return None


def _depth(value: object) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(_depth, inner), default=0)


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
    own = own if own.isascii() else json.dumps(_json(own))  # this tag holds ASCII only
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

"""AUTOMATIC1111's text, which Forge, SD.Next, Civitai and others write too:

    prompt
    Negative prompt: words
    Steps: 20, Sampler: Euler a, Schedule type: Karras, CFG scale: 7, Seed: 1, Size: 512x512, Model: name, Clip skip: 2

A value with a comma, a colon or a newline in it is quoted as JSON quotes.
"""

import json
import re

from huafang.foreign.found import Found

_PAIR = re.compile(r'\b(\w[\w \-/]{1,40}):\s*("(?:\\.|[^\\"])+"|[^,\n]*)(?:,|$|(?=\n))')
"""Every repetition is bounded by the next, so that a stranger's text costs time in proportion to its length."""
_START = re.compile(r"^Steps: *\d", re.MULTILINE)
_INLINE = re.compile(r"(?<=\s)Steps: *\d{1,4}, *(?:Sampler|Seed|Size|CFG scale|Model|Schedule type):")
_SETTINGS = re.compile(r"(?:Sampler|Seed|Size|CFG scale|Model|Model hash|Schedule type|Version): *[^,\n]{1,200},")
"""How a line of settings begins whose writer does not put the steps first."""
KNOWN = ("Steps", "Sampler", "CFG scale", "Seed", "Size", "Model", "Model hash", "Method", "Version", "Denoising strength")
"""Names of which one at least stands in a line of settings: three weights in a prompt are none."""
_SAID = {"Steps", "Sampler", "Schedule type", "Scheduler", "CFG scale", "Seed", "Size", "Model", "Denoising strength", "Clip skip", "Method"}
_SILENT = {"Version", "Model hash", "Lora hashes", "Hashes", "TI hashes", "TI", "Backend", "App", "Pipeline", "Operations", "Parser", "Created Date"}
_SILENT |= {"Civitai resources", "Civitai metadata", "Batch size", "Batch pos", "Batch-1", "Index", "User", "Date", "Module", "Time", "Template", "Sources"}
"""What changes nothing in the picture, or is told elsewhere."""


def has_settings(text: str) -> bool:
    """Whether `text` has a line of settings or a negative prompt; a comment without either is somebody's own words about a picture."""
    return bool(_split(text.strip())[1]) or re.search(r"^Negative prompt:", text, re.MULTILINE) is not None


def read(text: str) -> Found:
    """Prompts and settings. A text without settings is a prompt."""
    words, pairs = _split(text.strip())
    tool = "sd.next" if "SD.Next" in pairs.get("App", "") else "a1111"
    found = Found(tool)
    prompt: list[str] = []
    negative: list[str] = []
    to = prompt
    if not re.search(r"^Negative prompt:", words, re.MULTILINE):  # all on one line, as some sites and messengers leave it
        words = re.sub(r"[ \t]+(?=Negative prompt:)", "\n", words, count=1)
    for line in words.split("\n"):
        if line.startswith("Negative prompt:"):
            to, line = negative, line.removeprefix("Negative prompt:").strip()
        to.append(line)
    found.params["prompt"] = ""
    found.words("prompt", "\n".join(prompt).strip())
    found.words("negative_prompt", "\n".join(negative).strip())
    found.number("steps", pairs.get("Steps"))
    found.sampler(pairs.get("Sampler"), pairs.get("Schedule type") or pairs.get("Scheduler") or "")
    found.number("guidance", pairs.get("CFG scale"))
    found.number("seed", pairs.get("Seed"))
    if size := re.fullmatch(r"(\d{1,6})\s*[x×]\s*(\d{1,6})", pairs.get("Size", "").strip()):
        found.size(size[1], size[2])
    found.model(pairs.get("Model"))
    found.clip_skip(pairs.get("Clip skip"))
    if not any(name.startswith("Hires") for name in pairs):  # it is the enlargement's then
        found.number("strength", pairs.get("Denoising strength"))
    found.unused(name for name in pairs if name not in _SAID | _SILENT)
    return found


def _split(text: str) -> tuple[str, dict[str, str]]:
    """The words, and the settings behind them: from the last line that begins with "Steps:", else the last line, if it is one of settings."""
    own_line = [match.start() for match in _START.finditer(text)]
    starts = own_line or [_line_of_settings(text, match.start()) for match in _INLINE.finditer(text)]
    for start in reversed(starts[-20:]):
        pairs = _pairs(text[start:])
        if len(pairs) >= 2:
            words = text[:start].rstrip()
            return words if own_line else words.rstrip(", \t"), pairs
    words, _, last = text.rpartition("\n")
    pairs = _pairs(last)
    if len(pairs) >= 3 and any(name in pairs for name in KNOWN) and not last.startswith("Negative prompt:"):
        return words, pairs
    return text, {}


def _line_of_settings(text: str, steps: int) -> int:
    """Where the settings begin in whose midst `Steps:` stands at `steps`: with their line, where that begins with a setting."""
    line = text.rfind("\n", 0, steps) + 1
    return line if _SETTINGS.match(text, line) else steps


def _pairs(settings: str) -> dict[str, str]:
    return {name.strip(): _unquoted(value.strip()) for name, value in _PAIR.findall(settings)}


def _unquoted(text: str) -> str:
    if not text.startswith('"'):
        return text
    try:
        value = json.loads(text, strict=False)
    except ValueError:
        return text
    return value if isinstance(value, str) else text

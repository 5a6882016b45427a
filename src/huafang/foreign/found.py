"""What is gathered of another tool's settings: those that ours take, and a sentence for each that is lost on the way."""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from huafang.foreign import samplers
from huafang.notes import Note

RANGES: dict[str, tuple[float, float]] = {
    "steps": (1, 150),
    "guidance": (1, 30),
    "seed": (0, 2**32 - 1),
    "width": (64, 2048),
    "height": (64, 2048),
    "clip_skip": (1, 12),
    "strength": (0, 1),
}
"""What our fields of these names take; a test holds them against the methods' own."""
NAMES = {
    "steps": "步数",
    "guidance": "引导强度",
    "seed": "随机种子",
    "width": "宽度",
    "height": "高度",
    "clip_skip": "CLIP 跳过层",
    "strength": "强度",
}
SHOWN = 12
"""Settings that one sentence lists."""
_NETWORK = re.compile(r"<(lora|lyco|hypernet|lora-block|wildcard|random|segment)\s*:\s*([^:<>]{1,200})(?::([^<>]{0,200}))?>", re.IGNORECASE)
_EMBEDDING = re.compile(r"(?<!\w)embedding:\s*([\w.\-/\\]{1,200})", re.IGNORECASE)


@dataclass
class Found:
    """`params` by our names, with values that our fields take."""

    tool: str
    params: dict[str, Any] = field(default_factory=dict)
    lost: list[Note] = field(default_factory=list)

    def words(self, name: str, value: object) -> None:
        """A prompt. What it asks of other networks is taken out, since none is loaded here, and said."""
        if not isinstance(value, str) or not value.strip():
            return
        for kind, network, weight in _NETWORK.findall(value):
            self.network(kind.lower(), network, weight)
        for embedding in _EMBEDDING.findall(value):
            self.lost.append(
                Note(f"the embedding {embedding[:80]} is not loaded here: its name is read as plain words", f"嵌入 {embedding[:80]} 未加载，名称按普通文字读入")
            )
        self.params[name] = _NETWORK.sub("", value).strip()

    def network(self, kind: str, name: str, weight: object = None) -> None:
        """An extra network that the picture was made with."""
        shown = f"{name.strip()[:80]}" + (f" ({weight})" if weight not in (None, "", 1, 1.0) else "")
        said = {"lora": "LoRA", "lyco": "LyCORIS", "hypernet": "hypernetwork"}.get(kind, kind)
        self.lost.append(Note(f"the {said} {shown} is not loaded here", f"{said} {shown} 未加载"))

    def number(self, name: str, value: object) -> None:
        """A number, or its digits; one that our field does not take is said."""
        if value is None or value == "":
            return
        given = number_of(value)
        low, high = RANGES[name]
        whole = name not in ("guidance", "strength")
        if given is None or not low <= given <= high or (whole and given != int(given)):
            shown = str(value)[:30]
            en = f"{name} {shown}: {low:.10g} to {high:.10g} is taken here"
            self.lost.append(Note(en, f"{NAMES[name]} {shown}：可用范围是 {low:.10g} 到 {high:.10g}"))
            return
        self.params[name] = int(given) if whole else float(given)

    def size(self, width: object, height: object) -> None:
        """Both sides, to the nearest multiple of 8, which is said where it is another number."""
        for name, value in (("width", width), ("height", height)):
            given = number_of(value)
            if given is not None and given % 8 and 64 <= given <= 2048:
                near = min(2048, max(64, round(given / 8) * 8))
                self.lost.append(Note(f"{name} {given:g} is no multiple of 8: {near} was taken", f"{NAMES[name]} {given:g} 不是 8 的倍数：已改为 {near}"))
                value = near
            self.number(name, value)

    def clip_skip(self, value: object, *, none_is: int = 1) -> None:
        """The layer counted from the end: 1 is the last one. `none_is` is what the tool calls that; negative numbers count from the end too."""
        given = number_of(value)
        if given is not None:
            self.number("clip_skip", -given if given < 0 else given + 1 - none_is)

    def sampler(self, name: object, schedule: object = "") -> None:
        if not isinstance(name, str) or not name.strip():
            return
        schedule = schedule if isinstance(schedule, str) else ""
        found, exact = samplers.ours(name, schedule)
        shown = f"{name[:60]} {schedule[:40]}".strip()
        if found:
            self.params["sampler"] = found
        if not found:
            self.lost.append(Note(f"there is no sampler {shown} here", f"没有采样器 {shown}"))
        elif not exact:
            near = " ".join(part for part in samplers.SHOWN[found] if part)
            self.lost.append(Note(f"there is no sampler {shown} here: {near} is the nearest", f"没有采样器 {shown}：最接近的是 {near}"))

    def model(self, value: object) -> None:
        """A checkpoint's name, without folder and ending."""
        if isinstance(value, str) and value.strip():
            name = re.split(r"[\\/]", value.strip())[-1]
            self.params["model"] = re.sub(r"\.(safetensors|ckpt|pth?|bin|gguf)$", "", name, flags=re.IGNORECASE)[:200]

    def unused(self, names: Iterable[str]) -> None:
        """Settings that nothing here answers to."""
        listed = [name[:40] for name in names]
        if listed:
            more = len(listed) - SHOWN
            shown = ", ".join(listed[:SHOWN])
            en, zh = (f" and {more} more", f" 等 {len(listed)} 项") if more > 0 else ("", "")
            self.lost.append(Note(f"not taken over: {shown}{en}", f"未采用：{shown}{zh}"))

    def told(self) -> dict[str, Any]:
        """As an answer: {"tool", "method", "params", "lost"}: our method whose settings they are, and each loss in both languages."""
        method = "image_to_image" if "strength" in self.params else "text_to_image"
        return {"tool": self.tool, "method": method, "params": self.params, "lost": [{"en": note, "zh": note.zh} for note in dict.fromkeys(self.lost)]}


def number_of(value: object) -> float | int | None:
    """A finite number, given as one or in digits."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value if math.isfinite(value) else None
    if isinstance(value, str) and re.fullmatch(r"\s*[+-]?\d{1,25}\s*", value):
        return int(value)
    if isinstance(value, str) and re.fullmatch(r"\s*[+-]?\d{0,25}[.,]\d{1,25}\s*", value):
        return float(value.replace(",", "."))
    return None


def renamed(values: Mapping[str, Any]) -> dict[str, Any]:
    """`values` with names in small letters, without spaces and underlines."""
    return {re.sub(r"[\s_]", "", str(name).lower()): value for name, value in values.items()}

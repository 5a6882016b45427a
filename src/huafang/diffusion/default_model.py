"""Which model draws where none was named, and what a user should know of it. No torch here: a method's door asks it too."""

import re
from collections.abc import Mapping
from typing import Any

from huafang.notes import Note

ENGLISH, CHINESE = "mini", "mini-zh"
"""The models that come with Huafang (`builtin.toml`), by the language they read."""

_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")


def is_chinese(prompt: str) -> bool:
    """Whether a Han character stands in it."""
    return _HAN.search(prompt) is not None


def built_in(prompt: str) -> str:
    """The built-in model that reads `prompt`."""
    return CHINESE if is_chinese(prompt) else ENGLISH


def filled(values: object) -> object:
    """A method's settings with the built-in model put in where `model` is empty or left out, so that what is kept names what drew."""
    if not isinstance(values, Mapping) or values.get("model") or not isinstance(values.get("prompt"), str):
        return values
    chosen: dict[Any, Any] = {**values, "model": built_in(values["prompt"])}
    return chosen


def notes(model: str, prompt: str) -> list[Note]:
    """What there is to say of `model` and `prompt`; nothing of a model that is not built in."""
    if model not in (ENGLISH, CHINESE):
        return []
    small = "a small model that comes with Huafang and draws simple scenes, 128 pixels wide; real Stable Diffusion models are on the Models page"
    zh = "画坊自带的小模型，只会画 128 像素的简单场景；真正的 Stable Diffusion 模型见“模型”页"
    chinese = is_chinese(prompt)
    if model == ENGLISH and chinese:
        wrong = Note(f"{ENGLISH} reads English only, and the prompt is Chinese: {CHINESE} reads that", f"{ENGLISH} 只懂英文：中文提示词请用 {CHINESE}。")
        return [wrong, Note(f"{ENGLISH} is {small}", f"{ENGLISH} 是{zh}。")]
    if model == CHINESE and prompt.strip() and not chinese:
        wrong = Note(f"{CHINESE} reads Chinese only, and the prompt has none: {ENGLISH} reads English", f"{CHINESE} 只懂中文：英文提示词请用 {ENGLISH}。")
        return [wrong, Note(f"{CHINESE} is {small}", f"{CHINESE} 是{zh}。")]
    if chinese:
        return [Note(f"the prompt is Chinese, so {CHINESE} draws it: {small}", f"提示词是中文，由 {CHINESE} 来画：{zh}。")]
    return [Note(f"{ENGLISH} draws this: {small}", f"由 {ENGLISH} 来画：{zh}。")]

"""ComfyUI's graph in its API form, {"3": {"class_type": "KSampler", "inputs": {"seed": 1, "positive": ["6", 0], …}}, …}: nothing of it is run; from a node that
saves a picture it is followed upwards to the sampler, and from there to words, model and size.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from huafang.foreign.found import Found
from huafang.notes import Note

MOST_NODES = 5_000
_SAVERS = ("SaveImage", "PreviewImage", "Save Image", "SaveImageWebsocket", "Image Save", "SaveAnimated")
_TEXTS = ("text", "text_g", "clip_l", "t5xxl", "prompt", "string", "value", "Text", "wildcard_text", "populated_text", "positive", "negative")
"""Inputs in which words stand."""
_JOINED = re.compile(r"(?:string|text|prompt|str|input)_?(?:[a-h]|\d{1,2})", re.IGNORECASE)
"""Inputs of nodes that join texts: `string_a` and `string_b`, `text1`, `text2`, …"""
_VALUES = ("value", "seed", "noise_seed", "int", "float", "Number", "number", "string", "text", "Value", "INT", "FLOAT")
"""Inputs in which a node that only holds a value holds it."""
_UPWARDS = ("latent_image", "samples", "image", "images", "latent", "pixels", "model", "conditioning", "guider", "sampler")

Node = Mapping[str, Any]


def read(graph: Mapping[str, Any]) -> Found | None:
    """Settings of the sampler that made the picture; None where the graph holds no sampler."""
    nodes = {str(name): node for name, node in list(graph.items())[:MOST_NODES] if isinstance(node, dict) and isinstance(node.get("inputs"), dict)}
    walk = _Walk(nodes)
    savers = [name for name, node in nodes.items() if str(node.get("class_type", "")).startswith(_SAVERS)]
    sampler = next((found for saver in savers if (found := walk.sampler_above(saver))), None)
    sampler = sampler or next((name for name in reversed(nodes) if walk.is_sampler(name)), None)
    return walk.settings(sampler) if sampler else None


class _Walk:
    def __init__(self, nodes: Mapping[str, Node]) -> None:
        self.nodes = nodes
        self.found = Found("comfyui")

    def is_sampler(self, name: str) -> bool:
        inputs = self.nodes[name]["inputs"]
        kind = str(self.nodes[name].get("class_type", ""))
        return "ampler" in kind and ("steps" in inputs or "sigmas" in inputs) and ("positive" in inputs or "guider" in inputs)

    def sampler_above(self, start: str) -> str | None:
        """The nearest sampler above a node, along the way that the picture came."""
        return next((name for name in self._above(start) if self.is_sampler(name)), None)

    def settings(self, sampler: str) -> Found:
        found, inputs = self.found, self.nodes[sampler]["inputs"]
        guider = self._node(inputs.get("guider")) or {}
        sigmas = self._node(inputs.get("sigmas")) or {}
        noise = self._node(inputs.get("noise")) or {}
        chosen = self._node(inputs.get("sampler")) or {}
        conditioning = inputs.get("positive") or guider.get("positive") or guider.get("conditioning")
        found.words("prompt", self._words(conditioning))
        found.words("negative_prompt", self._words(inputs.get("negative") or guider.get("negative")))
        if "prompt" not in found.params and self._linked(conditioning):
            found.lost.append(
                Note("its prompt is not written in its workflow, or by a node that is not known here", "工作流中没有写明提示词，或由无法识别的节点生成")
            )
        found.params.setdefault("prompt", "")
        found.number("seed", self._value(inputs.get("seed", inputs.get("noise_seed", noise.get("noise_seed")))))
        found.number("steps", self._value(inputs.get("steps", sigmas.get("steps"))))
        found.number("guidance", self._value(inputs.get("cfg", guider.get("cfg"))))
        name = self._value(inputs.get("sampler_name", chosen.get("sampler_name")))
        schedule = self._value(inputs.get("scheduler", sigmas.get("scheduler", "")))
        found.sampler(name, schedule if isinstance(schedule, str) else "")
        self._latent(inputs.get("latent_image"), self._value(inputs.get("denoise", sigmas.get("denoise"))))
        self._model(inputs.get("model") or guider.get("model"))
        self._clip(conditioning)
        others = sum(1 for name in self.nodes if self.is_sampler(name)) - 1
        if others > 0:
            found.unused([f"{others} further sampler{'s' if others > 1 else ''} of the graph"])
        return found

    def _latent(self, link: object, denoise: object) -> None:
        """The size, of an empty latent; a picture underneath makes it image to image."""
        for name in self._above_link(link):
            node, inputs = self.nodes[name], self.nodes[name]["inputs"]
            if "VAEEncode" in str(node.get("class_type")):
                self.found.number("strength", denoise)
                return
            if "width" in inputs and "height" in inputs:
                self.found.size(self._value(inputs["width"]), self._value(inputs["height"]))
                return

    def _model(self, link: object) -> None:
        for name in self._above_link(link, "model"):
            inputs = self.nodes[name]["inputs"]
            if isinstance(inputs.get("lora_name"), str):
                self.found.network("lora", inputs["lora_name"], inputs.get("strength_model"))
            for key in ("ckpt_name", "unet_name", "base_ckpt_name", "model_name"):
                if isinstance(value := self._value(inputs.get(key)), str):
                    self.found.model(value)
                    return

    def _clip(self, conditioning: object) -> None:
        for name in self._above_link(conditioning, "conditioning", "clip", "positive"):
            inputs = self.nodes[name]["inputs"]
            if "stop_at_clip_layer" in inputs:
                self.found.clip_skip(self._value(inputs["stop_at_clip_layer"]))
                return

    def _words(self, link: object) -> str:
        """Every text above a conditioning, in the order in which it is met."""
        texts: list[str] = []
        for name in self._above_link(link, "conditioning", "conditioning_1", "conditioning_2", "conditioning_to", "conditioning_from", "positive", "clip"):
            inputs = self.nodes[name]["inputs"]
            if "CLIPTextEncode" in str(self.nodes[name].get("class_type")) or "text" in inputs:
                texts += [text for key in _TEXTS if (text := self._text(inputs.get(key))) and text not in texts]
        return "\n".join(texts)

    def _text(self, value: object, depth: int = 0) -> str | None:
        if isinstance(value, str):
            return value.strip() or None
        node = self._node(value)
        if node is None or depth > 20:
            return None
        if found := next((text for key in _TEXTS if (text := self._text(node.get(key), depth + 1))), None):
            return found
        parts = [text for key in list(node)[:50] if _JOINED.fullmatch(str(key)) and (text := self._text(node[key], depth + 1))]
        by = node.get("delimiter")
        return (by if isinstance(by, str) and len(by) < 20 else " ").join(parts)[:100_000] or None

    def _value(self, value: object, depth: int = 0) -> object:
        """A value, or the one that a node holds to which it is linked."""
        node = self._node(value)
        if node is None:
            return None if isinstance(value, list | dict) else value
        if depth > 20:
            return None
        return next((found for key in _VALUES if (found := self._value(node.get(key), depth + 1)) is not None), None)

    def _node(self, link: object) -> Node | None:
        name = self._linked(link)
        inputs: Node | None = self.nodes[name]["inputs"] if name else None
        return inputs

    def _linked(self, link: object) -> str | None:
        if isinstance(link, list) and len(link) == 2 and isinstance(link[0], str | int) and str(link[0]) in self.nodes:
            return str(link[0])
        return None

    def _above_link(self, link: object, *inputs: str) -> Iterator[str]:
        name = self._linked(link)
        if name:
            yield from self._above(name, *inputs)

    def _above(self, start: str, *inputs: str) -> Iterator[str]:
        """A node and all that lie above it along these inputs (those of pictures where none is named), the nearest first, each once."""
        seen, coming = {start}, [start]
        while coming:
            name = coming.pop(0)
            yield name
            for key in inputs or _UPWARDS:
                above = self._linked(self.nodes[name]["inputs"].get(key))
                if above and above not in seen:
                    seen.add(above)
                    coming.append(above)

"""Settings that every room which draws has alike: their types, and a view of them that the drawing code takes. No torch here."""

from typing import Annotated, Literal, Protocol

from pydantic import AfterValidator, BeforeValidator, Field

from huafang.diffusion.prompt import grammar
from huafang.params import LongText, Loras, Params, WeightsId, ui

Sampler = Literal["ddim", "ddpm", "euler", "euler_a", "heun", "lms", "pndm", "dpmpp_2m", "dpmpp_2m_karras", "dpmpp_2m_sde_karras", "unipc", "lcm"]
Prediction = Literal["auto", "epsilon", "v_prediction"]


def _readable(prompt: str) -> str:
    grammar.parse(prompt)
    return prompt


def _without_loras(prompt: str) -> str:
    if found := grammar.loras(prompt):
        raise ValueError(f"names the LoRA {found[0].name}, which has no effect here; write it into the prompt, or take it out")
    return _readable(prompt)


Prompt = Annotated[LongText, AfterValidator(_readable)]
NegativePrompt = Annotated[LongText, AfterValidator(_without_loras)]
ModelName = Annotated[WeightsId | None, BeforeValidator(lambda value: None if value == "" else value), Field(json_schema_extra=ui(holds="diffusion"))]
"""A Stable Diffusion model; empty: the built-in one (`default_model.py`)."""


class Drawn(Params):
    """Base of rooms that draw a prompt."""

    def models_named(self) -> tuple[tuple[str, str], ...]:
        return tuple((one.name, "lora") for one in grammar.loras(getattr(self, "prompt", "")))


class Drawing(Protocol):
    """What `generate.py` reads of a room's params."""

    @property
    def prompt(self) -> str: ...
    @property
    def negative_prompt(self) -> str: ...
    @property
    def model(self) -> str | None: ...
    @property
    def steps(self) -> int: ...
    @property
    def guidance(self) -> float: ...
    @property
    def sampler(self) -> Sampler: ...
    @property
    def clip_skip(self) -> int: ...
    @property
    def prediction(self) -> Prediction: ...
    @property
    def loras(self) -> Loras: ...

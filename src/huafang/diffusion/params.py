"""Settings that every method which draws a prompt has alike. No torch here."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from huafang.diffusion import default_model
from huafang.diffusion.prompt import dynamic, grammar, schedule
from huafang.params import STYLE_NAME, LongText, Loras, Params, WeightsId, ui

Sampler = Literal["ddim", "ddpm", "euler", "euler_a", "heun", "lms", "pndm", "dpmpp_2m", "dpmpp_2m_karras", "dpmpp_2m_sde_karras", "unipc", "lcm"]
Prediction = Literal["auto", "epsilon", "v_prediction"]


CHECKED_STEPS = 30
"""Steps at which a prompt that changes is checked; the run checks all of its own."""


def _readable(prompt: str) -> str:
    if not dynamic.is_dynamic(prompt):  # what chance will bring is checked when it is decided
        check(prompt, CHECKED_STEPS)
    return prompt


def check(prompt: str, steps: int) -> None:
    """Raises ValueError for a prompt that cannot be read at some of `steps` steps."""
    grammar.loras(prompt)
    for text in schedule.texts(prompt, steps):
        grammar.parse(text)


def check_negative(prompt: str) -> None:
    """Raises ValueError for a negative prompt that names a LoRA."""
    if found := grammar.loras(prompt):
        raise ValueError(f"names the LoRA {found[0].name}, which has no effect here; write it into the prompt, or take it out")


def _without_loras(prompt: str) -> str:
    if not dynamic.is_dynamic(prompt):
        check_negative(prompt)
    return _readable(prompt)


Prompt = Annotated[LongText, AfterValidator(_readable)]
NegativePrompt = Annotated[LongText, AfterValidator(_without_loras)]
ModelName = Annotated[WeightsId | None, BeforeValidator(lambda value: None if value == "" else value), Field(json_schema_extra=ui(holds="diffusion"))]
"""A Stable Diffusion model; empty: the built-in one (`default_model.py`)."""
StyleName = Annotated[
    Annotated[str, Field(pattern=STYLE_NAME)] | None, BeforeValidator(lambda value: None if value == "" else value), Field(json_schema_extra=ui(kind="style"))
]


class DrawingParams(Params):
    """Base of methods that draw a prompt."""

    prompt: Prompt
    """What to draw. (words) weigh more, [words] less, (words:1.3) exactly so; [a:b:0.5] changes on the way, {a|b} picks one. The docs have it all."""
    style_preset: StyleName = None
    """A style: words around the prompt, LoRAs and settings. Settings that you give yourself win over the style's."""
    model: ModelName = None
    """Stable Diffusion 1.x, 2.x or XL, or Taiyi. Empty: the small model that comes with Huafang (mini; mini-zh for a Chinese prompt), which draws simple
    scenes and no more; real models are one click away on the Models page."""
    loras: Loras = ()
    """LoRA files put into the model, each with its strength: style.safetensors:0.8. A prompt may name them too: <lora:style:0.8>."""
    negative_prompt: NegativePrompt = ""
    """What to keep out of the picture. Has no effect where guidance is 1."""
    steps: int = Field(30, ge=1, le=150)
    """Denoising steps: more take longer and add little beyond 30 to 50."""
    guidance: float = Field(7.5, ge=1, le=30, json_schema_extra=ui(step=0.5))
    """How closely to follow the prompt: 1 goes its own way in half the time, 5 to 9 is usual."""
    sampler: Sampler = "dpmpp_2m_karras"
    """How noise is taken away. Those ending in _a, sde, ddpm and lcm add new noise as they go; lcm is for LCM models, with guidance 1 to 2."""
    clip_skip: int = Field(1, ge=1, le=12, json_schema_extra=ui(group="advanced"))
    """Layer of the text encoder that is read, counted from its end: 2 is what many anime models were trained with."""
    prediction: Prediction = Field("auto", json_schema_extra=ui(group="advanced"))
    """What the model was trained to predict; auto reads it off the model. Set it where a picture comes out as noise."""

    @model_validator(mode="before")
    @classmethod
    def _choose_model(cls, values: object) -> object:
        return default_model.filled(values)

    def models_named(self) -> tuple[tuple[str, str], ...]:
        return () if dynamic.is_dynamic(self.prompt) else tuple((one.name, "lora") for one in grammar.loras(self.prompt))

    @property
    def by_chance(self) -> bool:
        """Whether a prompt holds wildcards or choices, which each seed decides anew."""
        return dynamic.is_dynamic(self.prompt) or dynamic.is_dynamic(self.negative_prompt)

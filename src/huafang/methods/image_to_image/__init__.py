"""Redraw a photo after a prompt with a Stable Diffusion model"""

from typing import Literal

from pydantic import Field, model_validator

from huafang.diffusion import default_model
from huafang.diffusion.params import Drawn, ModelName, NegativePrompt, Prediction, Prompt, Sampler
from huafang.params import ImageId, Loras, ui


class ImageToImage(Drawn):
    family = "generate"
    paper = ("Meng et al., SDEdit: Guided Image Synthesis and Editing with Stochastic Differential Equations, ICLR 2022", "https://arxiv.org/abs/2108.01073")

    method: Literal["image_to_image"] = "image_to_image"
    content: ImageId
    """The photo, sketch or painting to start from. Its shape is kept."""
    prompt: Prompt
    """What the picture is to become. (words) weigh more, [words] less, (words:1.3) exactly so; BREAK starts a new chunk of 75 tokens."""
    strength: float = Field(0.6, ge=0, le=1, json_schema_extra=ui(step=0.05))
    """How much is drawn anew: 0 gives the photo back, 0.3 keeps its forms, 0.6 its layout, 1 forgets it."""
    model: ModelName = None
    """Stable Diffusion 1.x, 2.x or XL, or Taiyi. Empty: the small model that comes with Huafang (mini; mini-zh for a Chinese prompt), which draws simple
    scenes and no more; real models are one click away on the Models page."""
    loras: Loras = ()
    """LoRA files put into the model, each with its strength: style.safetensors:0.8. A prompt may name them too: <lora:style:0.8>."""
    negative_prompt: NegativePrompt = ""
    """What to keep out of the picture. Has no effect where guidance is 1."""
    steps: int = Field(30, ge=1, le=150)
    """Denoising steps from pure noise; of these, the share that strength says is taken."""
    guidance: float = Field(7.5, ge=1, le=30, json_schema_extra=ui(step=0.5))
    """How closely to follow the prompt: 1 goes its own way in half the time, 5 to 9 is usual."""
    sampler: Sampler = "dpmpp_2m_karras"
    """How noise is taken away. Those ending in _a, sde, ddpm and lcm add new noise as they go; lcm is for LCM models, with guidance 1 to 2."""
    size: int | None = Field(None, ge=64, le=2048, json_schema_extra=ui(step=8, unit="px"))
    """Longest side of the picture; both are rounded to multiples of 8. Empty: as many pixels as the model was trained on."""
    clip_skip: int = Field(1, ge=1, le=12, json_schema_extra=ui(group="advanced"))
    """Layer of the text encoder that is read, counted from its end: 2 is what many anime models were trained with."""
    prediction: Prediction = Field("auto", json_schema_extra=ui(group="advanced"))
    """What the model was trained to predict; auto reads it off the model. Set it where a picture comes out as noise."""

    @model_validator(mode="before")
    @classmethod
    def _choose(cls, values: object) -> object:
        return default_model.filled(values)

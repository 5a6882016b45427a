"""Draw a prompt with a Stable Diffusion model"""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from huafang.diffusion import default_model
from huafang.diffusion.params import Drawn, ModelName, NegativePrompt, Prediction, Prompt, Sampler
from huafang.params import Loras, ui


def _eights(side: int | None) -> int | None:
    """A latent spans 8 × 8 pixels, so a picture is made of whole ones."""
    if side is not None and side % 8:
        raise ValueError(f"must be a multiple of 8; the nearest are {side // 8 * 8} and {side // 8 * 8 + 8}")
    return side


Side = Annotated[int | None, Field(ge=64, le=2048, json_schema_extra=ui(step=8, unit="px")), AfterValidator(_eights)]


class TextToImage(Drawn):
    family = "generate"
    subject = "prompt"
    paper = ("Rombach et al., High-Resolution Image Synthesis with Latent Diffusion Models, CVPR 2022", "https://arxiv.org/abs/2112.10752")

    method: Literal["text_to_image"] = "text_to_image"
    prompt: Prompt
    """What to draw. (words) weigh more, [words] less, (words:1.3) exactly so; BREAK starts a new chunk of 75 tokens."""
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
    width: Side = None
    """Width of the picture, a multiple of 8; empty: the model's own size."""
    height: Side = None
    """Height of the picture, a multiple of 8; empty: the model's own size."""
    images: int = Field(1, ge=1, le=8)
    """How many pictures, with the seeds seed, seed + 1, …; each is the one its seed gives alone."""
    film: Literal["none", "gif", "mp4", "strip"] = "none"
    """Also keep the denoising, one frame a step: as an animation (gif, mp4), or as one wide picture (strip)."""
    clip_skip: int = Field(1, ge=1, le=12, json_schema_extra=ui(group="advanced"))
    """Layer of the text encoder that is read, counted from its end: 2 is what many anime models were trained with."""
    prediction: Prediction = Field("auto", json_schema_extra=ui(group="advanced"))
    """What the model was trained to predict; auto reads it off the model. Set it where a picture comes out as noise."""

    @model_validator(mode="before")
    @classmethod
    def _choose(cls, values: object) -> object:
        return default_model.filled(values)

"""Draw a prompt with a Stable Diffusion model."""

from typing import Literal

from huafang.params import LongText, Params


class TextToImage(Params):
    family = "generate"
    subject = "prompt"

    method: Literal["text_to_image"] = "text_to_image"
    prompt: LongText
    """What to draw."""

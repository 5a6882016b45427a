"""A style from words alone: a small network learns to paint your photo as CLIP understands them (Kwon & Ye 2022)."""

from typing import Annotated, Literal

from pydantic import Field

from huafang.params import ImageId, Params, Text, WeightsId, ui


class ClipStyler(Params):
    family = "style"
    paper = ("Kwon & Ye, CLIPstyler: Image Style Transfer with a Single Text Condition, CVPR 2022", "https://arxiv.org/abs/2112.00374")

    method: Literal["clipstyler"] = "clipstyler"
    content: ImageId
    """Photo to be painted."""
    prompt: Annotated[Text, Field(min_length=1)]
    """The style in words, English for most CLIPs: "Starry Night by Vincent van Gogh", "fire", "a watercolour painting"."""
    clip: WeightsId = Field(json_schema_extra=ui(holds="clip"))
    """CLIP that reads the words and judges the picture: the folder of one, as transformers writes it."""
    features: Literal["vgg19", "squeezenet"] = Field("squeezenet", json_schema_extra=ui(needs={"vgg19": "vgg19", "squeezenet": "squeezenet1_1"}, best="vgg19"))
    """What the photo's layout is held in: VGG-19, as in the paper, or the light SqueezeNet."""
    steps: int = Field(200, ge=1, le=2000)
    """Training steps of the small network."""
    size: int = Field(512, ge=64, le=1024, json_schema_extra=ui(step=64, unit="px"))
    """Longest side of the result; a smaller photo is not enlarged."""
    content_weight: float = Field(1.0, ge=0, le=1000, json_schema_extra=ui(step=0.1))
    """How firmly the photo's layout is held: 1 is the paper's balance, 0 lets it go."""
    style_weight: float = Field(1.0, ge=0, le=1000, json_schema_extra=ui(step=0.1))
    """How strongly the words act: 1 is the paper's balance, 0 leaves them out."""
    strength: float = Field(1.0, ge=0, le=1, json_schema_extra=ui(step=0.05))
    """How far to go: 0 leaves the photo as it is, 1 goes all the way."""
    keep_colours: Literal["no", "luminance", "histogram"] = "no"
    """Keep the photo's colours: by taking luminance alone from the result, or by giving the result the photo's colours."""
    contrast: float = Field(1.5, ge=0.5, le=3, json_schema_extra=ui(step=0.1))
    """Contrast of the result, about its mean grey: 1 leaves what the network painted, 1.5 is the authors'."""
    photo_prompt: Annotated[Text, Field(min_length=1)] = Field("a photo", json_schema_extra=ui(group="advanced"))
    """What the photo is, in words: the style is the way from here to the prompt."""
    crops: int = Field(64, ge=1, le=128, json_schema_extra=ui(group="advanced"))
    """Random pieces of the picture that are judged at each step."""
    crop_size: int = Field(128, ge=32, le=512, json_schema_extra=ui(group="advanced", unit="px"))
    """Side of a piece: smaller gives finer texture."""
    threshold: float = Field(0.7, ge=0, le=2, json_schema_extra=ui(group="advanced", step=0.05))
    """A piece whose loss is below this is good enough and no longer counts (τ)."""
    tv_weight: float = Field(1.0, ge=0, le=100, json_schema_extra=ui(group="advanced", step=0.1))
    """Smoothness: 1 is the authors' weight."""

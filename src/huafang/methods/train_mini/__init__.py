"""Train the built-in model anew: a small Stable Diffusion that draws scenes from English and Chinese words."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from huafang.params import NewName, Params, WeightsId, ui


def _blocks(size: int) -> int:
    if size % 32:
        raise ValueError(f"must be a multiple of 32; the nearest are {size // 32 * 32} and {size // 32 * 32 + 32}")
    return size


def _whole(channels: tuple[float, ...]) -> tuple[float, ...]:
    for one in channels:
        if one % 8 or not 8 <= one <= 2048:
            raise ValueError(f"each must be a multiple of 8 from 8 to 2048, and {one:g} is not")
    return channels


Channels = Annotated[tuple[float, ...], Field(strict=False), AfterValidator(_whole)]


class TrainMini(Params):
    family = "train"
    subject = "name"
    makes = "model_folder"
    paper = ("Rombach et al., High-Resolution Image Synthesis with Latent Diffusion Models, CVPR 2022", "https://arxiv.org/abs/2112.10752")

    method: Literal["train_mini"] = "train_mini"
    name: NewName = "my-mini"
    """Name of the new model; its Chinese sibling is called NAME-zh. A run of this name that was stopped goes on where it was."""
    start: WeightsId | None = Field(None, json_schema_extra=ui(holds="diffusion"))
    """A model of this kind to begin with, such as mini, its Chinese sibling beside it: its VAE is taken as it is, and the denoiser goes on learning."""
    things: bool = False
    """Also learn about 870 animals, plants, dishes, vehicles and other objects, from the pictures that `make emoji-data` fetches. With a model to begin with,
    its vocabulary grows and its VAE goes on learning, for the steps of the VAE."""
    size: Annotated[int, Field(ge=32, le=512, json_schema_extra=ui(step=32, unit="px")), AfterValidator(_blocks)] = 128
    """Side of the pictures it learns to draw. 128 suits a laptop, 256 a GPU."""
    scenes: int = Field(24_000, ge=16, le=999_999)
    """How many scenes are drawn for it to learn from. They are kept on disk: 50 kB each at 128 px."""
    vae_steps: int = Field(3000, ge=1, le=999_999)
    """Training steps of the VAE, which turns pictures into latents and back."""
    steps: int = Field(6000, ge=1, le=999_999)
    """Training steps of the denoiser and its text encoders. More than last time prolongs a run that had ended."""
    decoder_steps: int = Field(1000, ge=0, le=999_999)
    """Steps for which the VAE's decoder goes on learning afterwards, its encoder held still: sharper pictures, the same meaning."""
    batch: int = Field(64, ge=2, le=4096, multiple_of=2)
    """Scenes in a step of the denoiser: half of them told in English, half in Chinese."""
    rate: float = Field(1e-3, gt=0, le=0.1, json_schema_extra=ui(step=1e-4))
    """Learning rate of the denoiser."""
    vae_batch: int = Field(8, ge=1, le=1024, json_schema_extra=ui(group="advanced"))
    """Pictures in a step of the VAE."""
    vae_scenes: int = Field(8000, ge=16, le=999_999, json_schema_extra=ui(group="advanced"))
    """How many of the scenes the VAE learns from."""
    vae_rate: float = Field(2e-3, gt=0, le=0.1, json_schema_extra=ui(group="advanced", step=1e-4))
    """Learning rate of the VAE."""
    vae_channels: Channels = Field((16, 32, 64, 128), min_length=2, max_length=6, json_schema_extra=ui(kind="numbers", group="advanced"))
    """Channels of the VAE's levels, from pixels to latents, in eights."""
    channels: Channels = Field((80, 144, 192), min_length=2, max_length=5, json_schema_extra=ui(kind="numbers", group="advanced"))
    """Channels of the denoiser's levels, from fine to coarse, in sixteens: its convolutions are normalised in 16 groups."""
    width: int = Field(192, ge=16, le=2048, multiple_of=16, json_schema_extra=ui(group="advanced"))
    """Width of the text encoders."""
    layers: int = Field(2, ge=1, le=24, json_schema_extra=ui(group="advanced"))
    """Layers of the text encoders."""
    loss_network: WeightsId | None = Field(None, json_schema_extra=ui(holds="squeezenet"))
    """SqueezeNet 1.1, whose features tell the VAE what looks alike. Without it pictures come out softer."""
    sample_every: int = Field(200, ge=1, json_schema_extra=ui(group="advanced"))
    """Steps between two sheets of samples, and between two checkpoints."""
    workers: int = Field(0, ge=0, le=256, json_schema_extra=ui(group="advanced"))
    """Processes that draw scenes; 0: as many as there are cores."""

    def models_made(self) -> tuple[str, ...]:
        return (self.name, f"{self.name}-zh")

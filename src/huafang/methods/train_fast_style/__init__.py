"""Train a style of your own: a network that paints any photo after one painting (Johnson et al. 2016)."""

from typing import Annotated, Literal

from pydantic import Field

from huafang.params import Dataset, ImageId, NewName, Params, WeightsId, ui


class TrainFastStyle(Params):
    family = "train"
    subject = "name"
    makes = "weights"
    paper = (
        "Johnson, Alahi & Fei-Fei, Perceptual Losses for Real-Time Style Transfer and Super-Resolution, ECCV 2016",
        "https://arxiv.org/abs/1603.08155",
    )

    method: Literal["train_fast_style"] = "train_fast_style"
    name: NewName = "my-style"
    """Name of the new style: fast_style takes it by this. A run of this name that was stopped goes on where it was."""
    style: ImageId
    """The painting."""
    dataset: Annotated[Dataset, Field(min_length=1)]
    """Photos to learn on: a folder, or several pictures. A dozen of different kinds do; more is better."""
    steps: int = Field(2000, ge=1, le=999_999)
    """Training steps. More than last time prolongs a run that had ended."""
    features: Literal["squeezenet", "vgg16", "vgg19"] = Field(
        "squeezenet", json_schema_extra=ui(needs={"squeezenet": "squeezenet1_1", "vgg16": "vgg16", "vgg19": "vgg19"}, best="vgg16")
    )
    """The network in whose features style and content are compared: the light SqueezeNet 1.1, or VGG (vgg16, as in the paper)."""
    style_weight: float = Field(1.0, ge=0, le=1000, json_schema_extra=ui(step=0.1))
    """How strongly the style acts: 1 is balanced with the photo's content."""
    style_size: int = Field(512, ge=64, le=4096, json_schema_extra=ui(step=64, unit="px"))
    """Longest side at which the painting is read: larger gives larger strokes."""
    size: int = Field(256, ge=64, le=1024, multiple_of=4, json_schema_extra=ui(step=32, unit="px"))
    """Side of the squares that are cut from the photos."""
    batch: int = Field(2, ge=1, le=64)
    """Photos in a step."""
    rate: float = Field(1e-3, gt=0, le=0.1, json_schema_extra=ui(group="advanced", step=1e-4))
    """Learning rate."""
    start: WeightsId | None = Field(None, json_schema_extra=ui(holds="fast_style"))
    """A style to begin with, of the layout of pytorch/examples: a new one is learnt in far fewer steps. Left out: random numbers."""
    sample_every: int = Field(100, ge=1, json_schema_extra=ui(group="advanced"))
    """Steps between two sheets of samples, and between two checkpoints."""

    def models_made(self) -> tuple[str, ...]:
        return (self.name,)

"""Train a network for any style anew, of MicroAST's kind: the studio's built-in one was made by this."""

from typing import Literal, Self

from pydantic import Field, model_validator

from huafang.params import Dataset, NewName, Params, WeightsId, ui


class TrainArbitraryStyle(Params):
    family = "train"
    subject = "name"
    makes = "weights"
    paper = ("Wang et al., MicroAST: Towards Super-Fast Ultra-Resolution Arbitrary Style Transfer, AAAI 2023", "https://arxiv.org/abs/2211.15313")

    method: Literal["train_arbitrary_style"] = "train_arbitrary_style"
    name: NewName = "my-any-style"
    """Name of the new network: micro_ast takes it by this. A run of this name that was stopped goes on where it was."""
    dataset: Dataset = ()
    """Photos to learn from: a folder, or several pictures. The studio adds scenes of its own."""
    paintings: Dataset = ()
    """Paintings to learn from: a folder, or several pictures. The studio adds the photos as its own strokes and filters paint them."""
    renderings: int = Field(200, ge=0, le=100_000)
    """How many pictures the studio paints for the run. They are kept on disk."""
    features: Literal["squeezenet", "vgg16", "vgg19"] = Field(
        "squeezenet", json_schema_extra=ui(needs={"squeezenet": "squeezenet1_1", "vgg16": "vgg16", "vgg19": "vgg19"}, best="vgg19")
    )
    """The network in whose features pictures are compared: the light SqueezeNet 1.1, or VGG."""
    steps: int = Field(6000, ge=1, le=999_999)
    """Training steps. More than last time prolongs a run that had ended."""
    batch: int = Field(4, ge=1, le=256)
    """Photos in a step, and as many paintings."""
    size: int = Field(128, ge=64, le=512, multiple_of=4, json_schema_extra=ui(step=32, unit="px"))
    """Side of the squares that are cut from pictures."""
    style_weight: float = Field(8.0, ge=0, le=1000, json_schema_extra=ui(step=0.5))
    """How strongly the style acts beside the photo's content, which counts 1."""
    rate: float = Field(1e-3, gt=0, le=0.1, json_schema_extra=ui(group="advanced", step=1e-4))
    """Learning rate."""
    contrast_weight: float = Field(0.1, ge=0, le=100, json_schema_extra=ui(group="advanced", step=0.1))
    """How much a result must be told from other paintings, by the network's own reading (MicroAST's contrastive loss)."""
    start: WeightsId | None = Field(None, json_schema_extra=ui(group="advanced", holds="micro_ast"))
    """A network of this kind to begin with. Left out: random numbers."""
    sample_every: int = Field(200, ge=1, json_schema_extra=ui(group="advanced"))
    """Steps between two sheets of samples, and between two checkpoints."""

    def models_made(self) -> tuple[str, ...]:
        return (self.name,)

    @model_validator(mode="after")
    def _something_to_paint_after(self) -> Self:
        if not self.paintings and not self.renderings:
            raise ValueError("paintings: none came and renderings is 0; give some, or let the studio paint some")
        return self

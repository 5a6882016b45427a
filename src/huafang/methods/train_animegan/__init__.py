"""Train an animation style of your own: a network that turns any photo into a drawing, learnt from photos and drawings (AnimeGAN)."""

from dataclasses import fields as parts
from dataclasses import replace
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from huafang.methods.train_animegan.recipes import RECIPES, Recipe
from huafang.params import Dataset, NewName, Params, WeightsId, ui


class TrainAnimeGan(Params):
    """A recipe, and as many of its numbers overruled as you like: a number left empty is the recipe's own."""

    family = "train"
    subject = "name"
    makes = "weights"
    paper = ("Chen, Liu & Chen, AnimeGAN: A Novel Lightweight GAN for Photo Animation, ISICA 2019", "https://doi.org/10.1007/978-981-15-5577-0_18")

    method: Literal["train_animegan"] = "train_animegan"
    name: NewName = "my-anime"
    """Name of the new style: animegan takes it by this. A run of this name that was stopped goes on where it was."""
    dataset: Annotated[Dataset, Field(min_length=1)]
    """Photos to learn on: a folder, or several pictures. They need not show what the drawings show."""
    paintings: Annotated[Dataset, Field(min_length=1)]
    """Drawings to learn from: a folder, or several pictures, all of one style."""
    recipe: Literal["paper", "reference"] = "paper"
    """paper: AnimeGANv2's network and losses. reference: an encoder, residual blocks and a decoder, an adversarial and a perceptual loss alone."""
    epochs: int | None = Field(None, ge=1, le=100_000)
    """How often all pictures are shown. More than last time prolongs a run that had ended. Empty: the recipe's own (101; reference 10)."""
    init_epochs: int | None = Field(None, ge=0, le=100_000)
    """How many of these come first and learn to paint the photo as it is. Empty: the recipe's own (10; reference 0)."""
    batch: int | None = Field(None, ge=1, le=64)
    """Photos in a step, and as many drawings. Empty: the recipe's own (12; reference 4)."""
    size: int | None = Field(None, ge=64, le=1024, multiple_of=4, json_schema_extra=ui(step=32, unit="px"))
    """Side of the squares that are cut from pictures. Empty: the recipe's own (256; reference 512)."""
    features: Literal["squeezenet", "vgg16", "vgg19"] = Field(
        "squeezenet", json_schema_extra=ui(needs={"squeezenet": "squeezenet1_1", "vgg16": "vgg16", "vgg19": "vgg19"}, best="vgg19")
    )
    """The network in whose features pictures are compared: the light SqueezeNet 1.1, or VGG (vgg19, as in both recipes)."""
    adversarial_weight: float | None = Field(None, ge=0, le=1000, json_schema_extra=ui(step=0.1))
    """How much the result must pass for one of the drawings, beside the photo's content, which counts 1. Empty: the recipe's own."""
    style_weight: float | None = Field(None, ge=0, le=1000, json_schema_extra=ui(step=0.1))
    """How strongly the drawings' texture acts, their colours left aside, beside the content. Empty: the recipe's own."""
    colour_weight: float | None = Field(None, ge=0, le=1000, json_schema_extra=ui(step=0.5))
    """How much the result must keep the photo's colours. Empty: the recipe's own."""
    rate: float | None = Field(None, gt=0, le=0.1, json_schema_extra=ui(group="advanced", step=1e-5))
    """Learning rate of the network that paints. Empty: the recipe's own (2e-5; reference 2e-4)."""
    init_rate: float | None = Field(None, gt=0, le=0.1, json_schema_extra=ui(group="advanced", step=1e-5))
    """The same in the epochs of content alone. Empty: the recipe's own (2e-4)."""
    discriminator_rate: float | None = Field(None, gt=0, le=0.1, json_schema_extra=ui(group="advanced", step=1e-5))
    """Learning rate of the network that tells drawings from what was painted. Empty: the recipe's own (4e-5; reference 4e-4)."""
    start: WeightsId | None = Field(None, json_schema_extra=ui(group="advanced", holds="animegan"))
    """A network of the recipe's layout to begin with. Left out: random numbers."""
    sample_every: int = Field(100, ge=1, json_schema_extra=ui(group="advanced"))
    """Steps between two sheets of samples, and between two checkpoints."""

    @property
    def settings(self) -> Recipe:
        """The recipe with the given numbers in it."""
        given = {part.name: getattr(self, part.name) for part in parts(Recipe) if getattr(self, part.name) is not None}
        return replace(RECIPES[self.recipe], **given)

    @property
    def epoch(self) -> int:
        """Steps of one."""
        return -(-max(len(self.dataset), len(self.paintings)) // self.settings.batch)

    def models_made(self) -> tuple[str, ...]:
        return (self.name,)

    @model_validator(mode="after")
    def _epochs_to_learn_drawings_in(self) -> Self:
        told = self.settings
        if told.init_epochs > told.epochs:
            raise ValueError(f"init_epochs ({told.init_epochs}) are more than all epochs ({told.epochs}) with the recipe {self.recipe}: set both")
        return self

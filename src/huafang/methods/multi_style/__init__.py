"""Many styles in one network, mixed as you like (Dumoulin, Shlens & Kudlur 2017)."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from huafang.params import Numbers, OnePass, WeightsId, ui


class MultiStyle(OnePass):
    family = "style"
    paper = ("Dumoulin, Shlens & Kudlur, A Learned Representation for Artistic Style, ICLR 2017", "https://arxiv.org/abs/1610.07629")

    method: Literal["multi_style"] = "multi_style"
    weights: WeightsId = Field(json_schema_extra=ui(holds="multi_style"))
    """The trained network: magenta's image_stylization, its tensors under their names there, with dots for slashes."""
    styles: Annotated[Numbers, Field(min_length=1)] = (1,)
    """Which of the network's styles, counted from 1; several are mixed."""
    style_weights: Numbers = ()
    """Share of each of these styles, in their order; equal when left out."""

    @model_validator(mode="after")
    def _one_share_of_each(self) -> Self:
        wrong = next((style for style in self.styles if style < 1 or style != int(style)), None)
        if wrong is not None:
            raise ValueError(f"styles: {wrong:g} came; styles are counted 1, 2, 3, …")
        if self.style_weights and len(self.style_weights) != len(self.styles):
            raise ValueError(f"style_weights: {len(self.style_weights)} came for {len(self.styles)} styles; give one for each, or none")
        if any(weight < 0 for weight in self.style_weights) or (self.style_weights and sum(self.style_weights) <= 0):
            raise ValueError("style_weights: none may be negative, and one at least must be above 0")
        return self

    def shares(self) -> list[float]:
        """The share of each of `styles`; they sum to 1."""
        given = self.style_weights or (1.0,) * len(self.styles)
        return [weight / sum(given) for weight in given]

"""Many styles in one network, mixed as you like (Dumoulin, Shlens & Kudlur 2017)."""

from typing import Literal, Self, get_args

from pydantic import Field, model_validator

from huafang.params import Numbers, OnePass, WeightsId, ui

LOOKS_OF = "styles-26"
"""The network that comes with Huafang; its styles are the looks, in their order."""
Look = Literal[
    "soft_brush",
    "ink_and_yellow",
    "charcoal",
    "shards",
    "crimson_gold",
    "autumn_fire",
    "night_dots",
    "primaries",
    "coloured_sketch",
    "slate_mosaic",
    "copper",
    "sand_etching",
    "lilac_haze",
    "emerald",
    "pale_blue",
    "leaded_glass",
    "blue_crayon",
    "woven_grid",
    "ochre_woodcut",
    "starry_swirls",
    "deep_red",
    "cut_paper",
    "slate_brick",
    "storm_light",
    "blue_print",
    "dusk_impasto",
]


class MultiStyle(OnePass):
    family = "style"
    leading = ("content", "look")
    paper = ("Dumoulin, Shlens & Kudlur, A Learned Representation for Artistic Style, ICLR 2017", "https://arxiv.org/abs/1610.07629")

    method: Literal["multi_style"] = "multi_style"
    look: Look = "starry_swirls"
    """Which of the 26 looks of the network that comes with Huafang."""
    styles: Numbers = Field((), json_schema_extra=ui(group="advanced"))
    """Styles by number, in place of a look: counted from 1, several are mixed."""
    style_weights: Numbers = Field((), json_schema_extra=ui(group="advanced"))
    """Share of each of these styles, in their order; equal when left out."""
    weights: WeightsId = Field(LOOKS_OF, json_schema_extra=ui(holds="multi_style", group="advanced"))
    """Another trained network: magenta's image_stylization, its tensors under their names there, with dots for slashes."""

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

    def numbers(self) -> list[int]:
        """The styles that are mixed, counted from 1: the look's, where no others are named; a network without looks then paints in its first."""
        if self.styles:
            return [int(style) for style in self.styles]
        return [get_args(Look).index(self.look) + 1 if self.weights == LOOKS_OF else 1]

    def shares(self) -> list[float]:
        """The share of each of `numbers`; they sum to 1."""
        weights = self.style_weights or (1.0,) * len(self.numbers())
        return [weight / sum(weights) for weight in weights]

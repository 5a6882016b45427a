"""As one picture is to its painted version, so is your photo to the result (Hertzmann et al. 2001)."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from huafang.params import ImageId, ImageIds, Params, ui


def _odd(side: int) -> int:
    """A patch has a pixel in its middle."""
    if side % 2 == 0:
        raise ValueError(f"must be odd; the nearest are {side - 1} and {side + 1}")
    return side


class ImageAnalogies(Params):
    family = "style"
    paper = ("Hertzmann, Jacobs, Oliver, Curless & Salesin, Image Analogies, SIGGRAPH 2001", "https://doi.org/10.1145/383259.383295")

    method: Literal["image_analogies"] = "image_analogies"
    content: ImageId
    """Photo to be filtered (B in A : A' :: B : B')."""
    style: Annotated[ImageIds, Field(min_length=1, max_length=1)]
    """The filtered picture of the pair that is learnt from (A')."""
    source: ImageId | None = None
    """The same picture unfiltered (A), of the same size. Empty: a blurred copy of the style picture stands in for it."""
    size: int = Field(512, ge=64, le=1024, json_schema_extra=ui(step=64, unit="px"))
    """Longest side of the result; a smaller photo is not enlarged."""
    style_scale: float = Field(1.0, ge=0.2, le=3, json_schema_extra=ui(step=0.1))
    """Size of the pair beside the photo: larger gives larger strokes. It is never enlarged."""
    kappa: float = Field(5.0, ge=0, le=100, json_schema_extra=ui(step=0.5))
    """Coherence (κ): how much worse a pixel may fit to go on with what its neighbours were copied from. 0 to 2 for line art, 2 to 25 for paint."""
    keep_colours: Literal["no", "luminance", "histogram"] = "luminance"
    """Keep the photo's colours: by synthesising luminance alone, as in the paper, or by giving the pair its colours first."""
    match: Literal["luminance", "colour"] = "luminance"
    """What is compared: luminance, or all colours, as for texture by numbers, where colours are labels."""
    match_luminance: bool = Field(True, json_schema_extra=ui(when={"match": ["luminance"]}))
    """Bring the pair's luminance to the photo's mean and spread before they are compared."""
    levels: int | None = Field(None, ge=1, le=8, json_schema_extra=ui(group="advanced"))
    """Levels of the pyramid. Empty: as many as leave 20 pixels on the shortest side of the smallest."""
    patch: Annotated[int, AfterValidator(_odd)] = Field(5, ge=3, le=9, json_schema_extra=ui(group="advanced", step=2, unit="px"))
    """Side of the neighbourhood that is compared; on the next coarser level one about half as wide is compared too."""

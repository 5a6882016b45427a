"""One photo, one style, every method: what each kept of the photo, how near it came to the style, and what it cost.

A method runs with its own defaults; `settings` changes them, one `method.field = value` a line. What fails is a row of the table that says why.
"""

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from huafang.params import ImageId, ImageIds, LongText, MethodNames, Params, ui


class Compare(Params):
    family = "compare"

    method: Literal["compare"] = "compare"
    content: ImageId
    """Photo that every method restyles, and that its result is held against."""
    style: Annotated[ImageIds, Field(min_length=1, max_length=1)]
    """Style picture, for the methods that take one, and that every result is held against."""
    methods: Annotated[MethodNames, Field(min_length=1)]
    """Methods to compare, in the order of the report."""
    prompt: LongText = ""
    """Words, for the methods that want words."""
    settings: LongText = ""
    """Settings of single methods, one a line: gatys.steps=60. All else is each method's default."""
    size: int = Field(512, ge=64, le=2048, json_schema_extra=ui(step=64, unit="px"))
    """Longest side of the photo and of the style picture as every method gets them; smaller ones stay as they are."""
    lpips: Literal["squeezenet", "alexnet", "vgg16"] = Field("squeezenet", json_schema_extra=ui(group="advanced"))
    """Network under LPIPS; papers report alexnet or vgg16. It needs two models, squeezenet1_1 and lpips_squeezenet for one, and is left out without them."""
    language: Literal["both", "en", "zh"] = "both"
    """Language of the report."""

    @field_validator("methods")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        from huafang.methods.compare import plan

        return plan.checked_names(names)

    @field_validator("settings")
    @classmethod
    def _fitting(cls, text: str, info: ValidationInfo) -> str:
        from huafang.methods.compare import plan

        if "methods" in info.data:  # else they were refused, and that is what is said
            plan.check_settings(text, info.data["methods"])
        return text

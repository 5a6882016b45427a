"""Any painting's style in one pass of a network of one megabyte, up to 4K and beyond (Wang et al. 2023)."""

from typing import Literal

from pydantic import Field

from huafang.params import AnyStyle, WeightsId, ui


class MicroAst(AnyStyle):
    family = "style"
    paper = ("Wang et al., MicroAST: Towards Super-Fast Ultra-Resolution Arbitrary Style Transfer, AAAI 2023", "https://arxiv.org/abs/2211.15313")

    method: Literal["micro_ast"] = "micro_ast"
    weights: WeightsId = Field("any-style", json_schema_extra=ui(holds="micro_ast"))
    """The trained network: the built-in one, one of your own training, or MicroAST's four parts in one file."""

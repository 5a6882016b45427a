"""Bring a model from the catalogue to this machine."""

from typing import Literal

from huafang.params import Params, WeightsId


class PullWeights(Params):
    family = "tool"
    subject = "name"
    lane = "network"

    method: Literal["pull_weights"] = "pull_weights"
    name: WeightsId
    """Model to bring."""

"""Bring a model to this machine: from the catalogue, or a repository of the Hugging Face hub."""

from typing import Literal

from huafang.params import Params, WeightsId


class PullWeights(Params):
    family = "tool"
    subject = "name"
    lane = "network"

    method: Literal["pull_weights"] = "pull_weights"
    name: WeightsId
    """Model to bring: a name of the catalogue (see `huafang models list`), or owner/name of a repository on the Hugging Face hub."""

"""Exponential moving average of weights: what is drawn with, since single steps of training wobble."""

import copy
from typing import Generic, TypeVar

import torch
from torch import nn

M = TypeVar("M", bound=nn.Module)


class Ema(Generic[M]):
    """`module` is the averaged copy. Early on the average is short: min(decay, (1 + n) / (10 + n)) after n updates."""

    def __init__(self, source: M, decay: float) -> None:
        self.module: M = copy.deepcopy(source).eval().requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, source: nn.Module, done: int) -> None:
        share = 1 - min(self.decay, (1 + done) / (10 + done))
        mine, theirs = [], []
        for average, value in zip(self.module.state_dict().values(), source.state_dict().values(), strict=True):
            if average.is_floating_point():
                mine.append(average)
                theirs.append(value)
            else:
                average.copy_(value)
        torch._foreach_lerp_(mine, theirs, share)

"""The way down: L-BFGS between black and white (Nocedal & Wright 2006, algorithm 7.4), one evaluation of the loss a step.

The pixels stay in [0, 1] as in projected quasi-Newton methods (Kim, Sra & Dhillon 2010): a pixel that stands at a bound and would leave it takes no part in the
move, and what is remembered of a move is how far the pixels really went. To clamp behind the back of L-BFGS spoils what it knows of the curvature.
"""

from collections.abc import Callable
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from huafang.ops.threads import keep_memory

Loss = Callable[[Tensor], tuple[Tensor, Tensor]]
"""Pixels (1, 3, H, W) -> (content, style): two numbers, each scaled so that 1 : 1 is a good balance."""

HISTORY = 12
"""Moves remembered."""
FIRST = 0.02
"""Root mean square of the first move, which knows no curvature yet."""
LONGEST, LONGER = 0.05, 2
"""Root mean square of the longest move, and how much longer than the last it may be. Where little curvature is known, what L-BFGS asks for can be far too long,
and a picture that it throws against black and white may stay there.
"""
SLACK = 1e-3
"""Share by which a loss may rise before the move is taken back: bfloat16 is no more exact than that."""
SHORTER = 0.35


class Balance(Protocol):
    """What counts how much: the params of a method that walks."""

    @property
    def content_weight(self) -> float: ...
    @property
    def style_weight(self) -> float: ...
    @property
    def tv_weight(self) -> float: ...


class Descent:
    """One evaluation and one move a step, so that each step is heard and can be the last. A move that raised the loss is tried again, shorter."""

    def __init__(self, p: Balance, loss: Loss, pixels: Tensor) -> None:
        keep_memory()  # a step makes and drops the maps of the step before
        self._p, self._loss = p, loss
        self._trial = self._place = pixels.detach().contiguous().clone()
        self._total, self._gradient, self._move = float("inf"), torch.zeros_like(pixels), torch.zeros_like(pixels)
        self._reach = 1.0
        self._pairs: list[tuple[Tensor, Tensor]] = []
        self._figures: dict[str, float] = {}

    def step(self, pixels: Tensor, part: float) -> tuple[Tensor, dict[str, float]]:
        """The pixels after one move, and the figures of the place it began from."""
        total, gradient, figures = self._measured(self._trial)
        if total <= self._total * (1 + SLACK) or self._total == float("inf"):
            if self._total != float("inf"):
                self._remember(self._trial - self._place, gradient - self._gradient)
            self._place, self._total, self._gradient, self._figures = self._trial, total, gradient, figures
            self._move, self._reach = self._direction(), 1.0
        elif self._reach > SHORTER**3:
            self._reach *= SHORTER
        else:
            self._pairs.clear()
            self._move, self._reach = self._direction(), self._reach * SHORTER
        self._trial = (self._place + self._reach * self._move).clamp(0, 1)
        return self._trial, self._figures

    def _measured(self, pixels: Tensor) -> tuple[float, Tensor, dict[str, float]]:
        here = pixels.detach().requires_grad_()
        content, style = self._loss(here)
        total = self._p.content_weight * content + self._p.style_weight * style + self._p.tv_weight * _variation(here)
        (gradient,) = torch.autograd.grad(total, here)
        figures = {"loss": float(total.detach()), "content": float(content.detach()), "style": float(style.detach())}
        return figures["loss"], gradient.contiguous(), figures

    def _remember(self, moved: Tensor, turned: Tensor) -> None:
        """A move and what it did to the gradient, if they tell of a valley."""
        if _dot(moved, turned) > 1e-8 * (_dot(moved, moved) * _dot(turned, turned)) ** 0.5:
            self._pairs = [*self._pairs[1 - HISTORY :], (moved, turned)]

    def _direction(self) -> Tensor:
        """Down, by what is remembered of the curvature. What is not remembered is taken for the length of the last move over that of the gradient's turn:
        between the two steps of Barzilai & Borwein 1988 (Dai, Al-Baali & Yang 2015), of which L-BFGS commonly takes the shorter, and a fifth quicker here.
        """
        at_bound = ((self._place <= 0) & (self._gradient > 0)) | ((self._place >= 1) & (self._gradient < 0))
        down = -self._gradient.masked_fill(at_bound, 0)
        if not self._pairs:
            return down * (FIRST / max(_length(down), 1e-20))
        shares = []
        for moved, turned in reversed(self._pairs):
            shares.append(_dot(moved, down) / _dot(moved, turned))
            down = down - shares[-1] * turned
        moved, turned = self._pairs[-1]
        down = down * (_length(moved) / _length(turned))
        for (moved, turned), share in zip(self._pairs, reversed(shares), strict=True):
            down = down + (share - _dot(turned, down) / _dot(moved, turned)) * moved
        down = down.masked_fill(at_bound, 0)
        length, most = _length(down), min(LONGEST, LONGER * _length(moved))
        return down * (most / length) if length > most else down


def _dot(a: Tensor, b: Tensor) -> float:
    return float(torch.dot(a.flatten(), b.flatten()))


def _length(move: Tensor) -> float:
    """Root mean square."""
    return float(move.square().mean().sqrt())


def _variation(pixels: Tensor) -> Tensor:
    """Mean squared difference between neighbours (Mahendran & Vedaldi 2015, equation 3, β = 2)."""
    return F.mse_loss(pixels[..., 1:], pixels[..., :-1]) + F.mse_loss(pixels[..., 1:, :], pixels[..., :-1, :])

"""3 × 3 convolutions in groups of one or two channels with a mirrored border, on a CPU: what lies before them, and a rectifier behind, is taken in."""

import torch
from torch import Tensor, nn

from huafang.kernels import conv3x3_grouped, fused
from huafang.kernels.layers import Doubled, Mirrored, Settled
from huafang.kernels.lazy import Map, room

WIDEST = 64
"""To more channels the general code is as quick: its vectors are full."""


def fits(module: nn.Conv2d) -> bool:
    """Whether `Grouped` is for this convolution of a mirrored map."""
    square = module.kernel_size == (3, 3) and module.padding == (0, 0) and module.stride in ((1, 1), (2, 2))
    return square and module.groups > 1 and module.in_channels <= conv3x3_grouped.MOST * module.groups and module.out_channels <= WIDEST


class Grouped(Map):
    """The convolution of a mirrored map, kept in `dtype` and reckoned in float32. What is behind the mirror, a norm and a rectifier or a bilinear enlargement,
    is made row by row.
    """

    def __init__(self, source: Mirrored, module: nn.Conv2d, dtype: torch.dtype) -> None:
        behind, step = source.source, module.stride[0]
        self._double = isinstance(behind, Doubled) and (behind.mode, step, source.margins[:2]) == ("bilinear", 1, (1, 1))
        self._settled = behind if isinstance(behind, Settled) else None
        self._source = behind.source if isinstance(behind, Settled | Doubled) and (self._double or self._settled) else behind
        super().__init__(module.out_channels, (source.height - 3) // step + 1, (source.width - 3) // step + 1, self._source)
        self._places, self._margins, self._dtype, self._step, self._slope = source.places, source.margins, dtype, step, 1.0
        self._weight = module.weight.detach().float().permute(1, 2, 3, 0).flatten(1, 2).contiguous().numpy()  # (J, 9, O)
        self._bias = (torch.zeros(module.out_channels) if module.bias is None else module.bias.detach().float()).numpy()

    def rectified(self, slope: float) -> Map:
        self._slope *= slope
        return self

    def rows(self, first: int, last: int) -> Tensor:
        place = self._places[first * self._step : (last - 1) * self._step + 3]
        above, below, share = between(place, self._source.height) if self._double else (place, place, torch.zeros(len(place)))
        low = int(above.min())
        band = self._source.rows(low, int(below.max()) + 1).permute(0, 2, 3, 1)[0].contiguous()
        out = room(self.channels, last - first, self.width, band.device, self._dtype)
        given, made = fused.numbers(band), fused.numbers(out.permute(0, 2, 3, 1)[0])
        if self._double:
            conv3x3_grouped.doubled(given, (above - low).numpy(), (below - low).numpy(), share.numpy(), self._weight, self._bias, self._slope, made)
            return out
        ones, none = torch.ones(band.shape[2]), torch.zeros(band.shape[2])
        scale, shift, slope = (*self._settled.known(band.device), self._settled.slope) if self._settled else (ones, none, 1.0)
        settle = (scale.numpy(), shift.numpy(), slope)
        conv3x3_grouped.convolved(given, (above - low).numpy(), self._margins[:2], *settle, self._weight, self._bias, self._step, self._slope, made)
        return out


def between(place: Tensor, height: int) -> tuple[Tensor, Tensor, Tensor]:
    """Rows of the doubled map -> the two of `height` rows that each lies between, and the share of the lower one (half-pixel centres)."""
    centre = ((place.float() + 0.5) / 2 - 0.5).clamp(0, height - 1)
    above = centre.floor()
    return above.long(), (above + 1).clamp(max=height - 1).long(), centre - above
